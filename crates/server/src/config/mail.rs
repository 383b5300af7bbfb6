//! `[mail]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// E-mail, sent by the server that `mail_url` names.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// The sender's address. Left out: the user of `mail_url` if that is an address, else `farhand` at the host of `public_url`.
    pub from: Option<String>,
    /// The sender's name.
    pub name: String,
    /// A file with the authority (PEM) that the mail server's certificate comes from, where that is not a public one.
    #[schema(value_type = Option<String>)]
    pub root: Option<PathBuf>,
    /// Connections at a time. After a crash as many messages may come twice, each time with the same `Message-ID`.
    pub connections: u32,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self { from: None, name: "Farhand".to_owned(), root: None, connections: 8 }
    }
}
