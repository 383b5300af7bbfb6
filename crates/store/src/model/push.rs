//! Browsers that ring while their pages are closed.

use farhand_domain::time::Timestamp;
use uuid::Uuid;

/// Where one browser of a user is reached. Who knows the endpoint and the keys can make it ring: nothing of it can be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PushSubscription {
    /// Made from the endpoint and the user, and no secret. Messages are addressed to it.
    pub name: String,
    pub user_id: i64,
    /// The login it ends with.
    pub family: Uuid,
    pub endpoint: String,
    /// A point on the curve P-256, uncompressed.
    pub public_key: Vec<u8>,
    pub auth: Vec<u8>,
    /// What its user calls the browser.
    pub label: Option<String>,
    pub created_at: Timestamp,
}

impl std::fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PushSubscription({})", self.name)
    }
}
