//! The self-test before a call: does this network let media through?

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call::IceServer;

/// The way to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CheckPath {
    Udp,
    Tcp,
    /// Through the server's relay within TLS. Only for somebody who is logged in.
    Tls,
}

/// An offer with a data channel and one line that receives; nothing is ever sent on either.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckRequest {
    pub path: CheckPath,
    pub sdp: String,
}

/// An answer whose candidates are of that path only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckAnswer {
    pub sdp: String,
    /// The relay, where the path leads through it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// How many bytes have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReceived {
    pub bytes: u64,
}
