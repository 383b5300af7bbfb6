//! The part of the seam for those who follow along: events, and where they are sent to.

use async_trait::async_trait;
use farhand_domain::time::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    StoreResult,
    model::{
        FeedEvent, FeedFilter, FeedPage, MessageFilter, NewMessage, NewWebhook, Webhook, WebhookChange, WebhookMessage,
        WebhookOutcome,
    },
    sql_store::SqlStore,
};

#[async_trait]
pub trait EventStore {
    /// Changes whenever this process has written what may have brought events.
    fn news(&self) -> watch::Receiver<()>;
    /// The number of the last event.
    async fn feed_end(&self) -> StoreResult<i64>;
    /// Events in the order of their numbers. A page may be short, or empty, before the end has come: go on with its `next`.
    async fn feed(&self, filter: &FeedFilter) -> StoreResult<FeedPage>;
    /// Those of one call after this sequence number.
    async fn call_feed(&self, call: i64, after: i64, limit: u64) -> StoreResult<Vec<FeedEvent>>;

    /// Begins with what happens from now on.
    async fn create_webhook(&self, new: &NewWebhook) -> StoreResult<Webhook>;
    /// A domain's, in the order of their making.
    async fn webhooks(&self, domain: i64) -> StoreResult<Vec<Webhook>>;
    async fn webhook(&self, domain: i64, id: Uuid) -> StoreResult<Option<Webhook>>;
    async fn enabled_webhooks(&self) -> StoreResult<Vec<Webhook>>;
    async fn change_webhook(
        &self,
        domain: i64,
        id: Uuid,
        change: &WebhookChange,
        now: Timestamp,
    ) -> StoreResult<Option<Webhook>>;
    /// With its messages. False if the domain has none of this id.
    async fn delete_webhook(&self, domain: i64, id: Uuid) -> StoreResult<bool>;

    /// Makes messages of events up to a number. Of each call the next waits for the one before.
    async fn queue_messages(&self, webhook: Uuid, upto: i64, new: &[NewMessage], now: Timestamp) -> StoreResult<()>;
    /// How many are not done with, counted up to `most`.
    async fn open_messages(&self, webhook: Uuid, most: u64) -> StoreResult<u64>;
    /// The enabled webhooks that have messages to be sent by now.
    async fn webhooks_due(&self, now: Timestamp) -> StoreResult<Vec<Uuid>>;
    /// The longest due first.
    async fn due_messages(&self, webhook: Uuid, now: Timestamp, most: u64) -> StoreResult<Vec<WebhookMessage>>;
    async fn save_outcomes(&self, outcomes: &[WebhookOutcome]) -> StoreResult<()>;
    /// The newest first.
    async fn messages(&self, webhook: Uuid, filter: &MessageFilter) -> StoreResult<Vec<WebhookMessage>>;
    /// Sends one again that is done with. False if there is none, or the webhook is disabled.
    async fn resend_message(&self, webhook: Uuid, message: i64, now: Timestamp) -> StoreResult<bool>;
    /// Forgets some of what was accepted, or given up, before: nothing once there is none of it.
    async fn purge_messages(&self, accepted: Timestamp, given_up: Timestamp) -> StoreResult<u64>;
}

#[async_trait]
impl EventStore for SqlStore {
    fn news(&self) -> watch::Receiver<()> {
        self.listen()
    }

    async fn feed_end(&self) -> StoreResult<i64> {
        self.answered(self.read_feed_end()).await
    }

    async fn feed(&self, filter: &FeedFilter) -> StoreResult<FeedPage> {
        self.answered(self.read_feed(filter)).await
    }

    async fn call_feed(&self, call: i64, after: i64, limit: u64) -> StoreResult<Vec<FeedEvent>> {
        self.answered(self.read_call_feed(call, after, limit)).await
    }

    async fn create_webhook(&self, new: &NewWebhook) -> StoreResult<Webhook> {
        self.answered(self.insert_webhook(new)).await
    }

    async fn webhooks(&self, domain: i64) -> StoreResult<Vec<Webhook>> {
        self.answered(self.read_webhooks(domain)).await
    }

    async fn webhook(&self, domain: i64, id: Uuid) -> StoreResult<Option<Webhook>> {
        self.answered(self.find_webhook(domain, id)).await
    }

    async fn enabled_webhooks(&self) -> StoreResult<Vec<Webhook>> {
        self.answered(self.read_enabled_webhooks()).await
    }

    async fn change_webhook(
        &self,
        domain: i64,
        id: Uuid,
        change: &WebhookChange,
        now: Timestamp,
    ) -> StoreResult<Option<Webhook>> {
        self.answered(self.update_webhook(domain, id, change, now)).await
    }

    async fn delete_webhook(&self, domain: i64, id: Uuid) -> StoreResult<bool> {
        self.answered(self.remove_webhook(domain, id)).await
    }

    async fn queue_messages(&self, webhook: Uuid, upto: i64, new: &[NewMessage], now: Timestamp) -> StoreResult<()> {
        self.answered(self.insert_messages(webhook, upto, new, now)).await
    }

    async fn open_messages(&self, webhook: Uuid, most: u64) -> StoreResult<u64> {
        self.answered(self.count_open(webhook, most)).await
    }

    async fn webhooks_due(&self, now: Timestamp) -> StoreResult<Vec<Uuid>> {
        self.answered(self.find_due_webhooks(now)).await
    }

    async fn due_messages(&self, webhook: Uuid, now: Timestamp, most: u64) -> StoreResult<Vec<WebhookMessage>> {
        self.answered(self.read_due_messages(webhook, now, most)).await
    }

    async fn save_outcomes(&self, outcomes: &[WebhookOutcome]) -> StoreResult<()> {
        self.answered(self.write_outcomes(outcomes)).await
    }

    async fn messages(&self, webhook: Uuid, filter: &MessageFilter) -> StoreResult<Vec<WebhookMessage>> {
        self.answered(self.read_messages(webhook, filter)).await
    }

    async fn resend_message(&self, webhook: Uuid, message: i64, now: Timestamp) -> StoreResult<bool> {
        self.answered(self.queue_again(webhook, message, now)).await
    }

    async fn purge_messages(&self, accepted: Timestamp, given_up: Timestamp) -> StoreResult<u64> {
        self.answered(self.remove_messages(accepted, given_up)).await
    }
}
