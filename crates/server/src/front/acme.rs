//! Certificates by themselves (ACME, RFC 8555): ordered from an authority, proved on this very port (TLS-ALPN-01, RFC 8737), renewed long
//! before they run out. What is needed for it is kept in the data directory.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use farhand_domain::time::Timestamp;
use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_cert::{Certificate, der::Decode, time::Time};

use crate::{config::AcmeConfig, files::write_secret, world::SharedClock};

/// How many of these parts of its life a certificate has left when it is renewed: of 90 days thirty, of six days two.
const PARTS: u32 = 3;
/// How often that is looked at, at most and at least.
const LOOK_AGAIN: Duration = Duration::from_hours(6);
const LOOK_SOON: Duration = Duration::from_secs(1);
/// After a failure. Authorities allow a few of them an hour.
const FIRST_WAIT: Duration = Duration::from_mins(1);
const LONGEST_WAIT: Duration = Duration::from_hours(6);
/// How long an authority may take to look, and to sign.
const PATIENCE: Duration = Duration::from_mins(3);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The certificates an authority asks to see, by name.
#[derive(Debug, Clone, Default)]
pub struct Challenges(Arc<Mutex<HashMap<String, Arc<CertifiedKey>>>>);

impl Challenges {
    pub fn of(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.lock().get(name).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<CertifiedKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the newest certificate was ordered for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ordered {
    domains: Vec<String>,
    directory: String,
}

/// Keeps the certificate new.
pub struct Renewal {
    config: AcmeConfig,
    directory: PathBuf,
    challenges: Challenges,
    clock: SharedClock,
}

/// Where the certificate is, with its key in the same file, so that there is never one without the other.
pub fn certificate_file(data_dir: &Path) -> PathBuf {
    data_dir.join("tls").join("acme.pem")
}

impl Renewal {
    pub fn new(config: AcmeConfig, data_dir: &Path, challenges: Challenges, clock: SharedClock) -> Self {
        Self { config, directory: data_dir.join("tls"), challenges, clock }
    }

    pub async fn run(self) {
        let mut wait = FIRST_WAIT;
        loop {
            let left = self.time_left();
            if !left.is_zero() {
                tokio::time::sleep(left.clamp(LOOK_SOON, LOOK_AGAIN)).await;
                continue;
            }
            match self.renew().await {
                Ok(()) => {
                    tracing::info!(domains = ?self.config.domains, "a certificate was issued");
                    wait = FIRST_WAIT;
                }
                Err(error) => {
                    tracing::error!(error, domains = ?self.config.domains, "no certificate was issued; trying again");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Until it is to be renewed: none if there is no certificate, or it is not what the configuration asks for.
    fn time_left(&self) -> Duration {
        let read = fs::read(self.directory.join("acme.json")).ok();
        let ordered: Option<Ordered> = read.and_then(|text| serde_json::from_slice(&text).ok());
        if ordered.is_none_or(|ordered| ordered != self.order_now()) {
            return Duration::ZERO;
        }
        let renew_at = fs::read(self.directory.join("acme.pem")).ok().and_then(|pem| renew_at(&pem));
        renew_at.map_or(Duration::ZERO, |at| self.clock.now().until(at))
    }

    fn order_now(&self) -> Ordered {
        Ordered { domains: self.config.domains.clone(), directory: self.config.directory.clone() }
    }

    async fn renew(&self) -> Result<(), String> {
        let renewed = self.order().await;
        self.challenges.lock().clear();
        let pem = renewed.map_err(|error| with_causes(error.as_ref()))?;
        let ordered = serde_json::to_vec(&self.order_now()).map_err(|error| error.to_string())?;
        let written = write_secret(&self.directory.join("acme.pem"), pem.as_bytes())
            .and_then(|()| write_secret(&self.directory.join("acme.json"), &ordered));
        written.map_err(|error| format!("{}: {error}", self.directory.display()))
    }

    /// The certificate with its chain and its key.
    async fn order(&self) -> Result<String, Failure> {
        let account = self.account().await?;
        let names: Vec<_> = self.config.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or("the authority does not look at the TLS port (tls-alpn-01)")?;
            let proof = proof(&name, challenge.key_authorization().digest().as_ref())?;
            self.challenges.lock().insert(name, Arc::new(proof));
            challenge.set_ready().await?;
        }
        let patience = RetryPolicy::default().timeout(PATIENCE);
        let status = order.poll_ready(&patience).await?;
        if status != OrderStatus::Ready {
            return Err(format!("the authority was not convinced: {status:?}").into());
        }
        let mut request = CertificateParams::new(self.config.domains.clone())?;
        request.distinguished_name = DistinguishedName::new();
        let key = KeyPair::generate()?;
        order.finalize_csr(request.serialize_request(&key)?.der()).await?;
        let chain = order.poll_certificate(&patience).await?;
        Ok(format!("{chain}\n{}", key.serialize_pem()))
    }

    /// The one that was made at the first order with this authority.
    async fn account(&self) -> Result<Account, Failure> {
        let file = self.directory.join("acme-account.json");
        if let Ok(text) = fs::read(&file)
            && let Ok((directory, credentials)) = serde_json::from_slice::<(String, AccountCredentials)>(&text)
            && directory == self.config.directory
        {
            return Ok(self.builder()?.from_credentials(credentials).await?);
        }
        let contact: Vec<_> = self.config.contact.iter().map(|address| format!("mailto:{address}")).collect();
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = self.builder()?.create(&new, self.config.directory.clone(), None).await?;
        write_secret(&file, &serde_json::to_vec(&(&self.config.directory, credentials))?)?;
        Ok(account)
    }

    fn builder(&self) -> Result<AccountBuilder, Failure> {
        Ok(match &self.config.root {
            Some(root) => Account::builder_with_root(root)?,
            None => Account::builder()?,
        })
    }
}

/// When a certificate of this life is to be renewed.
fn renew_at(pem: &[u8]) -> Option<Timestamp> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    let validity = *Certificate::from_der(&certificate).ok()?.tbs_certificate().validity();
    let seconds = |time: Time| i64::try_from(time.to_unix_duration().as_secs()).ok();
    let (from, until) = (seconds(validity.not_before)?, seconds(validity.not_after)?);
    Some(Timestamp::from_millis((until - (until - from) / i64::from(PARTS)).checked_mul(1000)?))
}

/// What really happened, such as a refused connection, is among the causes.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Shows the authority that this server speaks for the name (RFC 8737, section 3).
fn proof(name: &str, digest: &[u8]) -> Result<CertifiedKey, Failure> {
    if digest.len() != 32 {
        return Err("the authority's challenge is no SHA-256".into());
    }
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let private = PrivateKeyDer::try_from(key.serialize_der())?;
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    Ok(CertifiedKey::new(chain, aws_lc_rs::sign::any_supported_type(&private)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        for (days, until_renewed) in [(90, 60), (6, 4)] {
            let mut params = CertificateParams::new(vec!["calls.example.com".to_owned()]).unwrap();
            let from = rcgen::date_time_ymd(2030, 1, 1);
            (params.not_before, params.not_after) = (from, from + Duration::from_hours(days * 24));
            let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
            let expected = (from + Duration::from_hours(until_renewed * 24)).unix_timestamp() * 1000;
            assert_eq!(renew_at(pem.as_bytes()), Some(Timestamp::from_millis(expected)), "{days} days");
        }
        assert_eq!(renew_at(b"no certificate"), None);
    }
}
