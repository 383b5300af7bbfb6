//! The self-test before a call: does this network let media through?

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The way to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CheckPath {
    Udp,
    Tcp,
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
}

/// How many bytes have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReceived {
    pub bytes: u64,
}
