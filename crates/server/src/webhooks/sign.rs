//! Signatures of Standard Webhooks (symmetric, `v1`). No secret is stored: it follows from the webhook's id and the number of its
//! generation, by a key that only this server has.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use farhand_domain::time::Timestamp;
use farhand_store::model::Webhook;
use hyper::{
    Method,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use url::Url;
use uuid::Uuid;

use crate::{
    keys::{Keys, Use},
    outward::Request,
};

/// How long messages carry the signature of the secret before the newest one as well: a working day to change it at the other end.
pub const OLD_SECRET: Duration = Duration::from_hours(24);

pub fn secret(keys: &Keys, webhook: Uuid, generation: i64) -> hmac::Tag {
    hmac::sign(&keys.key(Use::Webhook), format!("{webhook}.{generation}").as_bytes())
}

/// As libraries want it.
pub fn written(secret: &hmac::Tag) -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(secret.as_ref()))
}

/// Until when the secret before the newest one is good, if it still is.
pub fn old_until(webhook: &Webhook, now: Timestamp) -> Option<Timestamp> {
    webhook.rotated_at.map(|at| at + OLD_SECRET).filter(|until| *until > now)
}

/// A message as it goes out now.
pub fn request(keys: &Keys, webhook: &Webhook, id: &str, body: String, now: Timestamp) -> Result<Request, String> {
    let url: Url = webhook.url.parse().map_err(|error: url::ParseError| error.to_string())?;
    let seconds = now.as_millis().div_euclid(1000);
    let signed = format!("{id}.{seconds}.{body}");
    let old = old_until(webhook, now).map(|_| webhook.generation - 1);
    let signatures: Vec<_> = [Some(webhook.generation), old]
        .into_iter()
        .flatten()
        .map(|generation| signature(&secret(keys, webhook.id, generation), &signed))
        .collect();
    let header = |name, value: String| {
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        Ok::<_, String>((HeaderName::from_static(name), value))
    };
    let headers = vec![
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        header("webhook-id", id.to_owned())?,
        header("webhook-timestamp", seconds.to_string())?,
        header("webhook-signature", signatures.join(" "))?,
    ];
    Ok(Request { method: Method::POST, url, headers, body: body.into_bytes() })
}

fn signature(secret: &hmac::Tag, signed: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()), signed.as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(tag.as_ref()))
}
