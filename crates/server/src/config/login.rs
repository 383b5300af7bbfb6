//! `[login]`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoginConfig {
    /// Life of an access token, in seconds.
    pub access_seconds: u64,
    /// Life of a login that is not used, in seconds.
    pub refresh_seconds: u64,
    /// Wrong passwords for one account from one address before it has to wait.
    pub max_failures: u32,
    /// How long it has to wait, in seconds.
    pub lockout_seconds: u64,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self { access_seconds: 900, refresh_seconds: 30 * 24 * 3600, max_failures: 10, lockout_seconds: 300 }
    }
}
