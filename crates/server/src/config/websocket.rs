//! `[websocket]`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketConfig {
    /// How often clients are asked to send `ping`, in seconds. Three missed ones end the connection.
    pub ping_seconds: u64,
    /// Open connections per user.
    pub max_sessions_per_user: usize,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self { ping_seconds: 10, max_sessions_per_user: 20 }
    }
}
