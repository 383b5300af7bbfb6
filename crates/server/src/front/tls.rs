//! TLS with a certificate from files, which may be renewed while the server runs, or with one of the server's own making for a trial.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rcgen::{CertifiedKey as SelfSigned, generate_simple_self_signed};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

use super::acme::{self, Challenges};
use crate::{
    config::{Config, TlsConfig},
    files::write_secret,
};

/// What can be agreed upon in the handshake (ALPN; RFC 7301, RFC 7443). Media over TCP have no name there.
pub const HTTP: &[u8] = b"http/1.1";
pub const TURN: &[u8] = b"stun.turn";
/// An authority that looks whether this server speaks for a name (RFC 8737).
pub const ACME: &[u8] = b"acme-tls/1";

/// How often the files are looked at, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What to show an authority is in `challenges`. `None` if TLS is not configured.
pub fn acceptor(config: &Config, challenges: Challenges) -> Result<Option<TlsAcceptor>, String> {
    let Some(files) = files(config)? else { return Ok(None) };
    let certificates = Certificates::open(files, challenges)?;
    let server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?;
    let mut server = server.with_no_client_auth().with_cert_resolver(Arc::new(certificates));
    server.alpn_protocols = vec![HTTP.to_vec(), TURN.to_vec(), ACME.to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

fn files(config: &Config) -> Result<Option<Files>, String> {
    match &config.tls {
        TlsConfig { acme, certificate: None, key: None, self_signed: false } if !acme.domains.is_empty() => {
            until_issued(config).map(Some)
        }
        TlsConfig { acme, .. } if !acme.domains.is_empty() => {
            Err("tls.acme stands alone, without tls.certificate, tls.key and tls.self_signed".to_owned())
        }
        TlsConfig { certificate: Some(certificate), key: Some(key), .. } => {
            Ok(Some(Files { certificate: certificate.clone(), key: key.clone() }))
        }
        TlsConfig { certificate: None, key: None, self_signed: true, .. } => self_signed(config).map(Some),
        TlsConfig { certificate: None, key: None, self_signed: false, .. } => Ok(None),
        TlsConfig { .. } => Err("tls.certificate and tls.key belong together".to_owned()),
    }
}

/// Made once and kept, so that an exception somebody has made for it in a browser holds.
fn self_signed(config: &Config) -> Result<Files, String> {
    let directory = config.data_dir.join("tls");
    let files = Files { certificate: directory.join("self-signed.pem"), key: directory.join("self-signed.key") };
    if files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    let mut names = vec!["localhost".to_owned(), config.listen.ip().to_string()];
    names.extend(config.public_host());
    let SelfSigned { cert, signing_key } =
        generate_simple_self_signed(names).map_err(|error| format!("a certificate cannot be made: {error}"))?;
    let written = fs::create_dir_all(&directory)
        .and_then(|()| write_secret(&files.key, signing_key.serialize_pem().as_bytes()))
        .and_then(|()| fs::write(&files.certificate, cert.pem()));
    written.map_err(|error| format!("{}: {error}", directory.display()))?;
    tracing::warn!(certificate = %files.certificate.display(), "a self-signed certificate was made; browsers will warn of it");
    Ok(files)
}

/// Until the authority has issued one, a certificate of our own stands in its place.
fn until_issued(config: &Config) -> Result<Files, String> {
    let file = acme::certificate_file(&config.data_dir);
    if !file.exists() {
        let SelfSigned { cert, signing_key } = generate_simple_self_signed(config.tls.acme.domains.clone())
            .map_err(|error| format!("tls.acme.domains: {error}"))?;
        let pem = format!("{}\n{}", cert.pem(), signing_key.serialize_pem());
        let written =
            fs::create_dir_all(config.data_dir.join("tls")).and_then(|()| write_secret(&file, pem.as_bytes()));
        written.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(Files { certificate: file.clone(), key: file })
}

/// The certificate as it stands in its files.
#[derive(Debug)]
struct Certificates {
    challenges: Challenges,
    files: Files,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    changed: Option<SystemTime>,
    looked: Instant,
}

impl Certificates {
    fn open(files: Files, challenges: Challenges) -> Result<Self, String> {
        let changed = files.changed();
        let key = Arc::new(files.read()?);
        Ok(Self { challenges, files, current: Mutex::new(Current { key, changed, looked: Instant::now() }) })
    }

    fn newest(&self) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() < LOOK_AGAIN {
            return current.key.clone();
        }
        current.looked = Instant::now();
        let changed = self.files.changed();
        if changed != current.changed {
            match self.files.read() {
                Ok(key) => {
                    tracing::info!(certificate = %self.files.certificate.display(), "a renewed certificate is used");
                    (current.key, current.changed) = (Arc::new(key), changed);
                }
                // It may be half written: the old one serves until the new one can be read.
                Err(error) => tracing::warn!(error, "the renewed certificate cannot be used yet"),
            }
        }
        current.key.clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME)) {
            return self.challenges.of(hello.server_name()?);
        }
        Some(self.newest())
    }
}

impl Files {
    fn changed(&self) -> Option<SystemTime> {
        let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        time(&self.certificate).max(time(&self.key))
    }

    fn read(&self) -> Result<CertifiedKey, String> {
        let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect);
        let chain = chain.map_err(|error| wrong(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(wrong(&self.certificate, &"there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| wrong(&self.key, &error))?;
        let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|error| wrong(&self.key, &error))?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|error| wrong(&self.key, &error))?;
        Ok(certified)
    }
}
