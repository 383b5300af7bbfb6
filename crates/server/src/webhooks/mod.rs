//! Events sent to other servers, signed as Standard Webhooks has it. What is to be sent follows from the events in the database and from
//! how far each webhook has come: nothing is lost by a stop, and what was in flight goes out again as the same message.

mod attempt;
mod run;
mod sign;
mod work;

use std::{sync::Arc, time::Duration};

use farhand_domain::time::Timestamp;
use farhand_store::{
    Store,
    model::{Webhook, WebhookMessage},
};
use tokio::sync::Notify as Signal;
use url::{Host, Url};
use uuid::Uuid;

use crate::{
    config::Config,
    keys::Keys,
    outward::{Client, Guard, roots},
    world::SharedClock,
};

pub use self::{attempt::Attempt, sign::old_until};

/// For all of a request. Receivers are asked to put messages aside and answer; fifteen seconds is what senders commonly wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Of the type of what `testWebhook` sends.
const TEST: &str = "webhook.test";

pub struct Webhooks {
    store: Arc<dyn Store>,
    clock: SharedClock,
    keys: Arc<Keys>,
    guard: Guard,
    client: Client,
    /// Something was set up or queued by hand.
    changed: Signal,
}

impl Webhooks {
    pub fn open(config: &Config, store: Arc<dyn Store>, clock: SharedClock, keys: Arc<Keys>) -> Result<Self, String> {
        let guard = Guard::of_others(&config.outward.allow)?;
        let client = Client::new(roots(config)?, ANSWER_WITHIN);
        Ok(Self { store, clock, keys, guard, client, changed: Signal::new() })
    }

    /// Where messages may go to, or why not. What a name stands for is looked at each time something is sent.
    pub async fn checked(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("it is no address: {error}"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err("it begins with https:// or http://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("user and password in an address are not sent; put a secret into its path".to_owned());
        }
        if !matches!(url.host(), Some(Host::Domain(_))) {
            self.guard.addresses(&url).await?;
        }
        Ok(url)
    }

    pub fn secret(&self, webhook: &Webhook) -> String {
        sign::written(&sign::secret(&self.keys, webhook.id, webhook.generation))
    }

    pub fn look_again(&self) {
        self.changed.notify_one();
    }

    /// Sends something at once, whether or not the webhook is enabled.
    pub async fn test(&self, webhook: &Webhook) -> Attempt {
        let now = self.clock.now();
        let body = serde_json::json!({"type": TEST, "timestamp": farhand_protocol::WireTime(now), "data": {}});
        let id = format!("test_{}", crate::world::new_id().simple());
        self.send(webhook, &id, body.to_string(), now).await
    }

    async fn send(&self, webhook: &Webhook, id: &str, body: String, now: Timestamp) -> Attempt {
        let request = sign::request(&self.keys, webhook, id, body, now);
        match request {
            Ok(request) => Attempt::of(self.client.send(request, &self.guard).await, now),
            Err(words) => Attempt::Failed { status: None, after: None, words },
        }
    }
}

/// The header `webhook-id` of a message: the same whenever it is sent.
pub fn message_id(message: &WebhookMessage) -> String {
    message_name(message.webhook, message.event.number)
}

fn message_name(webhook: Uuid, number: i64) -> String {
    format!("msg_{}_{number}", webhook.simple())
}
