//! `[outward]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Requests to other servers.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutwardConfig {
    /// Networks beside the internet that addresses set by users and domains may lead to, such as `10.1.0.0/16`. What is written in this
    /// configuration itself, such as `sms_url`, may lead anywhere.
    pub allow: Vec<String>,
    /// A file with authorities (PEM) that are believed beside the public ones.
    #[schema(value_type = Option<String>)]
    pub root: Option<PathBuf>,
}
