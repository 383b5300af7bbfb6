//! Makes messages of events, and sends what is due: of each call one after the other, of several calls at the same time.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use farhand_store::{
    StoreResult,
    model::{FeedEvent, FeedFilter, NewMessage, Webhook, WebhookMessage, WebhookOutcome},
};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Webhooks, message_id};
use crate::events::told;

/// After this long it is looked again, whatever the machine's clock did meanwhile.
const LOOK: Duration = Duration::from_secs(1);
/// How long news, and answers, are gathered: each look is some questions to the database, each saving one write.
const GATHER: Duration = Duration::from_millis(20);
/// Outcomes that are saved together.
const MOST: usize = 64;
/// Messages to one webhook at once: a slow receiver is asked no faster than it answers, and holds up nobody else.
const AT_A_TIME: usize = 8;
/// Messages to all at once: each is a connection, a few kilobytes and a file.
const AT_A_TIME_OF_ALL: usize = 128;
/// Events read at once, and how often in a row for one webhook before others have their turn.
const PAGE: u64 = 200;
const PAGES: usize = 10;
/// Messages that wait for one webhook. The others stay events, which take no further room, until there is some again.
const MOST_OPEN: u64 = 10_000;
/// Numbers that a webhook's position may lag behind what was looked through: less would be a write for what concerns it not at all.
const LAG: i64 = 1_000;
/// What was accepted is remembered for so long, for whoever looks why something did not happen; what was given up longer, to be sent again.
const REMEMBER_ACCEPTED: Duration = Duration::from_hours(3 * 24);
const REMEMBER_GIVEN_UP: Duration = Duration::from_hours(30 * 24);
const PURGE: Duration = Duration::from_hours(1);

/// What is under way.
#[derive(Default)]
struct Work {
    flying: JoinSet<WebhookOutcome>,
    /// By their tasks: which message, of which webhook.
    messages: HashMap<Id, (i64, Uuid)>,
    /// What is known and not on disk yet: it must not get lost because the database is away.
    unsaved: Vec<WebhookOutcome>,
    /// How far each webhook's events have been looked through.
    seen: HashMap<Uuid, i64>,
}

impl Work {
    /// Whether a message is in flight, or it is known what came of it.
    fn has(&self, message: i64) -> bool {
        let flies = self.messages.values().any(|(flying, _)| *flying == message);
        flies || self.unsaved.iter().any(|outcome| outcome.message == message)
    }

    fn flying_to(&self, webhook: Uuid) -> usize {
        self.messages.values().filter(|(_, to)| *to == webhook).count()
    }
}

impl Webhooks {
    /// Until it is to stop. What is in flight then goes out again at the next start.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) {
        let (mut work, mut news) = (Work::default(), self.store.news());
        let mut purge = tokio::time::interval(PURGE);
        while !stop.is_cancelled() {
            news.borrow_and_update();
            if let Err(error) = self.round(&mut work).await {
                tracing::error!(%error, "webhooks wait for the database");
            }
            tokio::select! {
                Some(done) = work.flying.join_next_with_id() => gather(done, &mut work).await,
                _ = news.changed() => tokio::time::sleep(GATHER).await,
                () = self.changed.notified() => {}
                _ = purge.tick() => self.purge().await,
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
        if let Err(error) = self.save(&mut work).await {
            tracing::error!(%error, messages = work.unsaved.len(), "what became of messages could not be saved");
        }
    }

    async fn round(self: &Arc<Self>, work: &mut Work) -> StoreResult<()> {
        self.save(work).await?;
        let webhooks = self.store.enabled_webhooks().await?;
        work.seen.retain(|known, _| webhooks.iter().any(|webhook| webhook.id == *known));
        if webhooks.is_empty() {
            return Ok(());
        }
        let end = self.store.feed_end().await?;
        for webhook in &webhooks {
            self.make_messages(webhook, end, work).await?;
        }
        let due: HashSet<_> = self.store.webhooks_due(self.clock.now()).await?.into_iter().collect();
        for webhook in webhooks.into_iter().filter(|webhook| due.contains(&webhook.id)) {
            self.send_due(&Arc::new(webhook), work).await?;
        }
        Ok(())
    }

    /// Of events that have not been looked through.
    async fn make_messages(&self, webhook: &Webhook, end: i64, work: &mut Work) -> StoreResult<()> {
        let mut seen = work.seen.get(&webhook.id).copied().unwrap_or_default().max(webhook.position);
        if seen >= end || self.store.open_messages(webhook.id, MOST_OPEN).await? >= MOST_OPEN {
            return Ok(());
        }
        let mut position = webhook.position;
        for _ in 0..PAGES {
            let filter = FeedFilter { domain_id: webhook.domain_id, member: None, after: seen, limit: PAGE };
            let page = self.store.feed(&filter).await?;
            let new: Vec<_> = page.events.into_iter().filter_map(|event| message(webhook, event)).collect();
            if !new.is_empty() || page.next - position >= LAG {
                self.store.queue_messages(webhook.id, page.next, &new, self.clock.now()).await?;
                position = page.next;
            }
            seen = page.next;
            if page.next >= page.end {
                break;
            }
        }
        work.seen.insert(webhook.id, seen);
        Ok(())
    }

    async fn send_due(self: &Arc<Self>, webhook: &Arc<Webhook>, work: &mut Work) -> StoreResult<()> {
        let flying = work.flying_to(webhook.id);
        let room = AT_A_TIME_OF_ALL.saturating_sub(work.flying.len());
        let free = AT_A_TIME.saturating_sub(flying).min(room);
        if free == 0 {
            return Ok(());
        }
        // Those in flight are due as well.
        let most = (free + flying + work.unsaved.len()) as u64;
        let due = self.store.due_messages(webhook.id, self.clock.now(), most).await?;
        let due: Vec<_> = due.into_iter().filter(|message| !work.has(message.id)).take(free).collect();
        for message in due {
            let (webhooks, webhook, id) = (self.clone(), webhook.clone(), message.id);
            let to = webhook.id;
            let task = work.flying.spawn(async move { webhooks.send_one(&webhook, &message).await });
            work.messages.insert(task.id(), (id, to));
        }
        Ok(())
    }

    async fn send_one(&self, webhook: &Webhook, message: &WebhookMessage) -> WebhookOutcome {
        let id = message_id(message);
        let attempt = self.send(webhook, &id, message.event.body.clone(), self.clock.now()).await;
        let outcome = attempt.outcome(webhook, message, self.clock.now());
        if let Some(why) = &outcome.reason {
            tracing::warn!(webhook = %webhook.id, id, why, tries = message.tries + 1, "a webhook did not accept a message");
        }
        if let Some(why) = &outcome.disable {
            tracing::error!(webhook = %webhook.id, why, "a webhook is disabled");
        }
        outcome
    }

    async fn save(&self, work: &mut Work) -> StoreResult<()> {
        if !work.unsaved.is_empty() {
            self.store.save_outcomes(&work.unsaved).await?;
            work.unsaved.clear();
        }
        Ok(())
    }

    async fn purge(&self) {
        let now = self.clock.now();
        match self.store.purge_messages(now - REMEMBER_ACCEPTED, now - REMEMBER_GIVEN_UP).await {
            Ok(0) => {}
            Ok(messages) => tracing::info!(messages, "forgot old messages to webhooks"),
            Err(error) => tracing::warn!(%error, "old messages to webhooks cannot be forgotten"),
        }
    }
}

/// The message that an event becomes, if the webhook wants it. Its text is made once: every try sends the same bytes.
fn message(webhook: &Webhook, event: FeedEvent) -> Option<NewMessage> {
    let kind = told::type_of(&event.kind);
    if webhook.types.as_ref().is_some_and(|types| !types.contains(&kind)) {
        return None;
    }
    let (number, call_id, sequence) = (event.number, event.call.call_id, event.sequence);
    // Texts and numbers: this cannot fail.
    let body = serde_json::to_string(&told::event(event)).unwrap_or_default();
    Some(NewMessage { number, call_id, sequence, kind, body })
}

type Done = Result<(Id, WebhookOutcome), JoinError>;

async fn gather(first: Done, work: &mut Work) {
    note(first, work);
    let enough = tokio::time::sleep(GATHER);
    tokio::pin!(enough);
    while work.unsaved.len() < MOST {
        tokio::select! {
            Some(done) = work.flying.join_next_with_id() => note(done, work),
            () = &mut enough => return,
            else => return,
        }
    }
}

fn note(done: Done, work: &mut Work) {
    match done {
        Ok((task, outcome)) => {
            work.messages.remove(&task);
            work.unsaved.push(outcome);
        }
        // It stays queued, and is sent again.
        Err(error) => {
            work.messages.remove(&error.id());
            tracing::error!(%error, "sending to a webhook has panicked");
        }
    }
}
