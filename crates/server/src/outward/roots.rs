//! Authorities that are believed beside the public ones.

use std::fs;

use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::config::Config;

/// Those of `outward.root`.
pub fn roots(config: &Config) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(file) = &config.outward.root else { return Ok(Vec::new()) };
    let wrong = |why: String| format!("outward.root: {}: {why}", file.display());
    let pem = fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match roots {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(wrong("there is no certificate in it".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}
