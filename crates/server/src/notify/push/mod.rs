//! Web push: messages to browsers whose pages are closed, through the push service each of them has chosen (RFC 8030). What is said is
//! sealed for the browser; the push service learns that somebody is called, and nothing else.

mod seal;
mod subscribe;
mod vapid;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use farhand_domain::time::Timestamp;
use farhand_store::{
    Store,
    model::{Delivery, PushSubscription},
};
use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use self::{
    seal::{Receiver, SALT, seal},
    vapid::Vapid,
};
use super::{attempt::Attempt, facts::Facts, kind::Kind, mail::one_line};
use crate::{
    config::Config,
    outward::{Answer, Client, Failure, Guard, Request, retry_after, roots},
};

pub use self::subscribe::Offered;

/// For all of a request. Rings are short: the next try is worth more than the rest of this one.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Characters of a title and of a name: what is said has to fit into one record, whatever it is written in.
const TITLE_MAX: usize = 200;
const FROM_MAX: usize = 100;

/// Holds the key that push services know this server by: it cannot be printed.
pub struct Push {
    vapid: Vapid,
    hosts: Vec<String>,
    client: Client,
    guard: Guard,
    store: Arc<dyn Store>,
}

/// What a browser is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    kind: &'static str,
    call_id: Uuid,
    title: String,
    from: String,
    /// Until when it rings, in milliseconds since 1970.
    until: i64,
    /// When a planned call begins, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    starts: Option<i64>,
    /// How the ring came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'a str>,
    /// Where to say that it is shown.
    receipt: &'a str,
}

/// A message on its way.
pub struct Note<'a> {
    pub delivery: &'a Delivery,
    pub kind: Kind,
    pub facts: &'a Facts,
    pub receipt: &'a str,
}

impl Push {
    /// Nothing if it is turned off.
    pub fn open(config: &Config, store: Arc<dyn Store>) -> Result<Option<Self>, String> {
        if !config.push.enabled {
            return Ok(None);
        }
        Ok(Some(Self {
            vapid: Vapid::open(&config.data_dir, subject(config))?,
            hosts: config.push.hosts.clone(),
            client: Client::new(roots(config)?, ANSWER_WITHIN),
            guard: Guard::of_others(&config.outward.allow)?,
            store,
        }))
    }

    /// What browsers are to subscribe with.
    pub fn public_key(&self) -> &str {
        self.vapid.public_key()
    }

    /// Tries it once.
    pub async fn send(&self, note: &Note<'_>, now: Timestamp) -> Attempt {
        let found = match self.store.push(&note.delivery.address, now).await {
            Ok(found) => found,
            Err(error) => return Attempt::Later { after: None, words: error.to_string() },
        };
        let Some(browser) = found else {
            return Attempt::Refused { words: "this browser rings no more".to_owned() };
        };
        let request = match self.request(note, &browser, now) {
            Ok(request) => request,
            Err(words) => return Attempt::Refused { words },
        };
        match self.client.send(request, &self.guard).await {
            Ok(answer) => self.judge(&browser, &answer, now).await,
            Err(Failure::NotSent(words)) => Attempt::Later { after: None, words: one_line(&words) },
            Err(Failure::Unknown(words)) => Attempt::Unknown { words: one_line(&words) },
        }
    }

    fn request(&self, note: &Note<'_>, browser: &PushSubscription, now: Timestamp) -> Result<Request, String> {
        let url = Url::parse(&browser.endpoint).map_err(|error| error.to_string())?;
        let authorization = self.vapid.authorization(&url, now)?;
        let left = now.until(note.delivery.not_after).as_secs();
        let mut proof = value(&authorization)?;
        proof.set_sensitive(true);
        let headers = vec![
            (AUTHORIZATION, proof),
            (CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (HeaderName::from_static("ttl"), HeaderValue::from(left)),
            (HeaderName::from_static("urgency"), HeaderValue::from_static(urgency(note.kind))),
            (HeaderName::from_static("topic"), value(&topic(note.delivery.call_id))?),
        ];
        Ok(Request { method: Method::POST, url, headers, body: sealed(note, browser)? })
    }

    async fn judge(&self, browser: &PushSubscription, answer: &Answer, now: Timestamp) -> Attempt {
        let words = || words(answer);
        match answer.status {
            status if status.is_success() => Attempt::Taken { gateway_id: None },
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                if let Err(error) = self.store.end_push(None, &browser.name).await {
                    tracing::warn!(%error, browser = browser.name, "a browser that is gone could not be forgotten");
                }
                Attempt::Refused { words: words() }
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Attempt::Later { after: retry_after(&answer.headers, now), words: words() }
            }
            // A second copy takes the place of the first.
            status if status.is_server_error() => {
                Attempt::Later { after: retry_after(&answer.headers, now), words: words() }
            }
            _ => Attempt::Refused { words: words() },
        }
    }
}

/// What is not urgent does not wake a device that saves its battery (RFC 8030, 5.3).
fn urgency(kind: Kind) -> &'static str {
    match kind {
        Kind::Ring | Kind::RingEnd | Kind::Reminder | Kind::CallBack => "high",
        Kind::Again | Kind::Planned | Kind::Moved | Kind::Cancelled => "normal",
    }
}

/// Of several messages about one call that wait for a browser it gets the last.
fn topic(call: Uuid) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(call.as_bytes())
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::try_from(text).map_err(|error| error.to_string())
}

fn sealed(note: &Note<'_>, browser: &PushSubscription) -> Result<Vec<u8>, String> {
    let cut = |text: &str, most| one_line(text).chars().take(most).collect();
    let said = Said {
        kind: note.kind.name(),
        call_id: note.delivery.call_id,
        title: cut(&note.facts.title, TITLE_MAX),
        from: cut(&note.facts.from, FROM_MAX),
        until: note.delivery.not_after.as_millis(),
        starts: note.facts.plan.as_ref().map(|plan| plan.from),
        ended: note.facts.ended.as_deref(),
        receipt: note.receipt,
    };
    let said = serde_json::to_vec(&said).map_err(|error| error.to_string())?;
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    let to = Receiver { public_key: &browser.public_key, auth: &browser.auth };
    let own = PrivateKey::generate(&ECDH_P256);
    let sealed = own.and_then(|own| seal(to, &own, salt, &said));
    sealed.map_err(|_| "nothing can be sealed for this browser".to_owned())
}

/// The push service's, for whoever reads the log.
fn words(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let said = one_line(&String::from_utf8_lossy(&answer.body));
    if said.is_empty() { format!("the push service answers {status}") } else { format!("{status}: {said}") }
}

/// Some push services take nothing from whoever says nothing.
fn subject(config: &Config) -> Option<String> {
    let mail = config.mail.from.as_ref().map(|address| format!("mailto:{address}"));
    mail.or_else(|| config.public_url.clone().filter(|url| url.starts_with("https://")))
}
