//! `[push]`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Web push: browsers ring while their pages are closed. It needs no account anywhere; the server makes its own key in the data directory.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PushConfig {
    /// Whether people can let their browsers ring while the pages are closed. Messages go, encrypted, through the push services of the browsers'
    /// makers.
    pub enabled: bool,
    /// The only push services that are used, by host, such as `fcm.googleapis.com` (Chrome, Edge and others), `push.services.mozilla.com`
    /// (Firefox), `push.apple.com` (Safari), `notify.windows.com`; what lies below a host is meant, too. None: every one on the internet.
    pub hosts: Vec<String>,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self { enabled: true, hosts: Vec::new() }
    }
}
