//! What people and programs prove themselves with: only hashes of it.

use farhand_domain::time::Timestamp;
use uuid::Uuid;

/// Hashes of an access and a refresh token, and when each stops being good.
#[derive(Clone)]
pub struct TokenPair {
    pub access_hash: [u8; 32],
    pub access_expires: Timestamp,
    pub refresh_hash: [u8; 32],
    pub refresh_expires: Timestamp,
}

#[derive(Clone)]
pub struct NewLoginSession {
    pub family: Uuid,
    pub user_id: i64,
    pub pair: TokenPair,
    pub created_at: Timestamp,
}

/// All pairs that came from one login are a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSession {
    pub family: Uuid,
    pub user_id: i64,
    pub access_expires: Timestamp,
    pub refresh_expires: Timestamp,
    pub revoked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    Rotated(LoginSession),
    /// Used before: the family is revoked now.
    Reused {
        family: Uuid,
        user_id: i64,
    },
    Expired,
    Unknown,
}

#[derive(Clone)]
pub struct NewApiKey {
    pub user_id: i64,
    pub name: String,
    pub prefix: String,
    pub hash: [u8; 32],
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: i64,
    pub user_id: i64,
    pub name: String,
    pub prefix: String,
    pub created_at: Timestamp,
    pub revoked: bool,
}
