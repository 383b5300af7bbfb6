//! `[media]`

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// UDP address of media (SFU) and STUN; by default the one of `listen`.
    #[schema(value_type = Option<String>)]
    pub listen: Option<SocketAddr>,
    /// The addresses at which clients reach it, such as `203.0.113.7` or `203.0.113.7:443`; by default the one that is listened on, or all of this machine.
    pub public: Vec<String>,
    /// Threads that forward media; 0 means as many as there are processors.
    pub workers: usize,
}
