//! `[http]`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// How long a client may take for its first bytes, for the head of a request and for its body, and be idle between two, in seconds.
    pub patience_seconds: u64,
    /// Connections at once from one address (of IPv6: from one network, `/64`) to the port of `listen`: HTTP, WebSocket, media over TCP and the relay
    /// together; 0 for any number. A person has five or so, and many may share an address. Those of `trusted_proxies` are not counted:
    /// limit them there.
    pub connections_per_address: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { patience_seconds: 75, connections_per_address: 4096 }
    }
}
