//! Makes messages of events, and sends what is due: of each call one after the other, of several calls at the same time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use farhand_store::{
    StoreError, StoreResult,
    model::{FeedEvent, FeedFilter, NewMessage, Webhook, WebhookMessage, WebhookOutcome},
};
use tokio::{
    task::{Id, JoinError},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Webhooks, message_id,
    work::{MOST_OPEN, Work},
};
use crate::events::told;

/// After this long it is looked again, whatever the machine's clock did meanwhile.
const LOOK: Duration = Duration::from_secs(1);
/// How long news, and answers, are gathered: each look is some questions to the database, each saving one write.
const GATHER: Duration = Duration::from_millis(20);
/// Outcomes that are saved together.
const MOST: usize = 64;
/// Events read at once, and how often in a row for one webhook before others have their turn.
const PAGE: u64 = 200;
const PAGES: usize = 10;
/// Numbers that a webhook's position may lag behind what was looked through: less would be a write for what concerns it not at all.
const LAG: i64 = 1_000;
/// What was accepted is remembered for so long, for whoever looks why something did not happen; what was given up longer, to be sent again.
const REMEMBER_ACCEPTED: Duration = Duration::from_hours(3 * 24);
const REMEMBER_GIVEN_UP: Duration = Duration::from_hours(30 * 24);
const PURGE: Duration = Duration::from_hours(1);

impl Webhooks {
    /// Until it is to stop. What is in flight then goes out again at the next start.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.follow(&stop), self.forget_old(&stop));
    }

    async fn follow(self: &Arc<Self>, stop: &CancellationToken) {
        let (mut work, mut news) = (Work::default(), self.store.news());
        while !stop.is_cancelled() {
            news.borrow_and_update();
            if let Err(error) = self.round(&mut work).await {
                tracing::error!(%error, "webhooks wait for the database");
            }
            tokio::select! {
                Some(done) = work.flying.join_next_with_id() => gather(done, &mut work).await,
                _ = news.changed() => tokio::time::sleep(GATHER).await,
                () = self.changed.notified() => work.forget_webhooks(),
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
        if !work.knows_webhooks(Instant::now()) {
            let webhooks = self.store.enabled_webhooks().await?;
            work.learn_webhooks(Instant::now(), webhooks);
        }
        if work.webhooks.is_empty() {
            return Ok(());
        }
        let end = self.store.feed_end().await?;
        for index in 0..work.webhooks.len() {
            let made = self.make_messages(index, end, work).await;
            let id = work.webhooks[index].id;
            if !goes_on(id, made)? {
                // Looked at again like one that is full: not at every commit.
                work.counted(Instant::now(), id, MOST_OPEN);
            }
        }
        let due: HashSet<_> = self.store.webhooks_due(self.clock.now()).await?.into_iter().collect();
        for webhook in work.in_turn(|webhook| due.contains(&webhook.id)) {
            let sent = self.send_due(&webhook, work).await;
            goes_on(webhook.id, sent)?;
        }
        Ok(())
    }

    /// Of events that have not been looked through.
    async fn make_messages(&self, index: usize, end: i64, work: &mut Work) -> StoreResult<()> {
        let webhook = work.webhooks[index].clone();
        let mut seen = work.seen.get(&webhook.id).copied().unwrap_or_default().max(webhook.position);
        if seen >= end || !self.has_room(webhook.id, work).await? {
            return Ok(());
        }
        let mut position = webhook.position;
        for _ in 0..PAGES {
            let filter = FeedFilter { domain_id: webhook.domain_id, member: None, after: seen, limit: PAGE };
            let page = self.store.feed(&filter).await?;
            let new: Vec<_> = page.events.into_iter().filter_map(|event| message(&webhook, event)).collect();
            if !new.is_empty() || page.next - position >= LAG {
                self.store.queue_messages(webhook.id, page.next, &new, self.clock.now()).await?;
                work.made(webhook.id, new.len());
                position = page.next;
                work.webhooks[index].position = position;
            }
            seen = page.next;
            work.seen.insert(webhook.id, seen);
            if page.next >= page.end {
                break;
            }
        }
        Ok(())
    }

    async fn has_room(&self, webhook: Uuid, work: &mut Work) -> StoreResult<bool> {
        let now = Instant::now();
        if let Some(room) = work.has_room(now, webhook) {
            return Ok(room);
        }
        let open = self.store.open_messages(webhook, MOST_OPEN).await?;
        work.counted(now, webhook, open);
        Ok(open < MOST_OPEN)
    }

    async fn send_due(self: &Arc<Self>, webhook: &Webhook, work: &mut Work) -> StoreResult<()> {
        let free = work.free(webhook);
        if free == 0 {
            return Ok(());
        }
        // Those in flight are due as well.
        let most = (free + work.flying_to(webhook.id) + work.unsaved.len()) as u64;
        let due = self.store.due_messages(webhook.id, self.clock.now(), most).await?;
        let due: Vec<_> = due.into_iter().filter(|message| !work.has(message.id)).take(free).collect();
        let to = Arc::new(webhook.clone());
        for message in due {
            let (webhooks, to, id) = (self.clone(), to.clone(), message.id);
            work.send(webhook, id, async move { webhooks.send_one(&to, &message).await });
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
            work.forget_webhooks();
        }
        Ok(())
    }

    /// Beside all else, and a little at a time: an hour of a busy domain's messages must hold up neither other messages nor calls.
    async fn forget_old(&self, stop: &CancellationToken) {
        let mut purge = tokio::time::interval(PURGE);
        loop {
            tokio::select! {
                _ = purge.tick() => {}
                () = stop.cancelled() => return,
            }
            match self.purge(stop).await {
                Ok(0) => {}
                Ok(messages) => tracing::info!(messages, "forgot old messages to webhooks"),
                Err(error) => tracing::warn!(%error, "old messages to webhooks cannot be forgotten"),
            }
        }
    }

    async fn purge(&self, stop: &CancellationToken) -> StoreResult<u64> {
        let now = self.clock.now();
        let mut forgotten = 0;
        while !stop.is_cancelled() {
            let some = self.store.purge_messages(now - REMEMBER_ACCEPTED, now - REMEMBER_GIVEN_UP).await?;
            if some == 0 {
                break;
            }
            forgotten += some;
        }
        Ok(forgotten)
    }
}

/// Whether a webhook can go on. What is wrong with its events or messages must not stop others'; a database that is away stops all.
fn goes_on(webhook: Uuid, done: StoreResult<()>) -> StoreResult<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(StoreError::Corrupt(why) | StoreError::Constraint(why)) => {
            tracing::error!(%webhook, why, "a webhook cannot go on");
            Ok(false)
        }
        Err(StoreError::Unavailable(why)) => Err(StoreError::Unavailable(why)),
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
    work.landed(first);
    let enough = tokio::time::sleep(GATHER);
    tokio::pin!(enough);
    while work.unsaved.len() < MOST {
        tokio::select! {
            Some(done) = work.flying.join_next_with_id() => work.landed(done),
            () = &mut enough => return,
            else => return,
        }
    }
}
