//! `[tls]` and `[tls.acme]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// HTTPS on the port of `listen`. Whoever comes there with plain HTTP is sent to HTTPS.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate with its chain, PEM. Taken up when it is renewed.
    #[schema(value_type = Option<String>)]
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[schema(value_type = Option<String>)]
    pub key: Option<PathBuf>,
    /// Use a certificate of the server's own making, for a trial: browsers warn of it. It is kept in the data directory.
    pub self_signed: bool,
    pub acme: AcmeConfig,
}

/// A certificate that the server gets and renews by itself, proved on the port of `listen`, which must be 443 for the authority.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeConfig {
    /// The names it is for, such as `calls.example.com`; with any, nothing else is needed for HTTPS. Using it means that you agree to the
    /// authority's terms of service.
    pub domains: Vec<String>,
    /// Mail addresses at which the authority may reach you.
    pub contact: Vec<String>,
    /// The authority's directory.
    pub directory: String,
    /// The certificate by which the authority's own is known, PEM; only for an authority of your own.
    #[schema(value_type = Option<String>)]
    pub root: Option<PathBuf>,
}

impl Default for AcmeConfig {
    fn default() -> Self {
        let directory = "https://acme-v02.api.letsencrypt.org/directory".to_owned();
        Self { domains: Vec::new(), contact: Vec::new(), directory, root: None }
    }
}
