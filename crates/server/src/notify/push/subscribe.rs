//! What a browser offers to be reached at, looked at before it is kept: whoever subscribes decides where this server sends requests to.

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use farhand_domain::time::Timestamp;
use farhand_store::model::PushSubscription;
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::{
    Push,
    seal::{Receiver, is_receiver},
};

/// Characters. The longest in use have some seven hundred.
const ENDPOINT_MAX: usize = 2_000;
/// Characters of what somebody calls a browser.
const LABEL_MAX: usize = 60;
/// Bytes of what tells the browsers at one push service apart.
const NAME: usize = 12;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// As a browser tells it.
pub struct Offered<'a> {
    pub endpoint: &'a str,
    pub p256dh: &'a str,
    pub auth: &'a str,
    pub label: Option<&'a str>,
    /// Who wants to be rung there, as long as this login holds.
    pub user: i64,
    pub login: Uuid,
}

/// Which member is wrong, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct NotASubscription {
    pub at: &'static str,
    pub why: String,
}

impl Push {
    pub async fn check(&self, offered: &Offered<'_>, now: Timestamp) -> Result<PushSubscription, NotASubscription> {
        let wrong = |why: String| NotASubscription { at: "/endpoint", why };
        let url = self.address(offered.endpoint).map_err(wrong)?;
        self.guard.addresses(&url).await.map_err(wrong)?;
        let (public_key, auth) = keys(offered).ok_or_else(|| NotASubscription {
            at: "/keys",
            why: "The keys must be those of the browser: a point on P-256 and 16 bytes, in base64url.".to_owned(),
        })?;
        Ok(PushSubscription {
            name: name(&url, offered.user),
            user_id: offered.user,
            family: offered.login,
            endpoint: url.into(),
            public_key,
            auth,
            label: offered.label.map(|label| label.trim().chars().take(LABEL_MAX).collect()),
            created_at: now,
        })
    }

    fn address(&self, endpoint: &str) -> Result<Url, String> {
        if endpoint.len() > ENDPOINT_MAX {
            return Err(format!("The address of a push service has {ENDPOINT_MAX} characters at most."));
        }
        let url = Url::parse(endpoint).map_err(|error| format!("This is no address of a push service: {error}."))?;
        if url.scheme() != "https" && !self.guard.allows_beside(&url) {
            return Err("Push services are reached by https.".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        let meant = |allowed: &String| host == allowed || host.ends_with(&format!(".{allowed}"));
        if !self.hosts.is_empty() && !self.hosts.iter().any(meant) {
            return Err(format!("This server does not use the push service {host}."));
        }
        Ok(url)
    }
}

fn keys(offered: &Offered<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (public_key, auth) = (LENIENT.decode(offered.p256dh).ok()?, LENIENT.decode(offered.auth).ok()?);
    is_receiver(Receiver { public_key: &public_key, auth: &auth }).then_some((public_key, auth))
}

/// The push service, and what tells its browsers apart.
fn name(url: &Url, user: i64) -> String {
    let hash = Sha256::new().chain_update(user.to_be_bytes()).chain_update(url.as_str()).finalize();
    let short = BASE64_URL_SAFE_NO_PAD.encode(hash.get(..NAME).unwrap_or_default());
    format!("{}/{short}", url.host_str().unwrap_or_default())
}
