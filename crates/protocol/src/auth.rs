//! Login bodies.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Manages the domain's users, teams and keys, and reads all its calls.
    Admin,
    Expert,
    Technician,
    /// May create calls on behalf of others.
    Connector,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginRequest {
    pub domain: String,
    pub user_id: String,
    pub password: String,
}

/// The pair of tokens. Browsers get both as `HttpOnly` cookies as well.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginResponse {
    pub access_token: String,
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    pub user: User,
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RefreshRequest {
    /// May be left out where the cookie carries it.
    pub refresh_token: Option<String>,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub user_db_id: i64,
    pub user_id: String,
    pub display_name: String,
    pub domain: String,
    pub roles: Vec<Role>,
    pub email: Option<String>,
    pub phone_number: Option<String>,
    /// May manage the server's domains.
    pub operator: bool,
}

macro_rules! no_secrets_in_debug {
    ($($name:ident)+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
no_secrets_in_debug!(LoginRequest LoginResponse RefreshRequest);
