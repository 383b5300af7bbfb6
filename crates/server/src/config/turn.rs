//! `[turn]`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The relay on the port of `listen`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TurnConfig {
    /// Networks the relay may reach beside this server's own media, such as `10.1.0.0/16`. With any, two clients that find no direct path
    /// may be relayed to each other; whoever is in a call can send UDP to every address named here.
    pub peers: Vec<String>,
}
