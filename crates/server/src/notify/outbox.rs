//! Sends what is queued. A message is marked as in flight, on disk, before its first byte leaves: after a stop at any moment it is known
//! which ones may have been sent.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use farhand_domain::{
    delivery::{Channel, Fact, pause_after},
    time::Timestamp,
};
use farhand_store::{
    Store, StoreResult,
    model::{Claimant, Claimed, Delivery, Heard, Whose},
};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Kind, Notify, attempt::Attempt};
use crate::world::SharedClock;

/// After this long it is looked again, whatever the machine's clock did meanwhile.
const LOOK: Duration = Duration::from_secs(1);
/// What comes to its end within so long is saved together.
const GATHER: Duration = Duration::from_millis(20);
/// The most that is saved together.
const MOST: usize = 64;
const STOPPED: &str = "the server stopped while it was being sent";

/// One channel's messages, on their way out.
pub struct Outbox<T> {
    pub channel: Channel,
    pub notify: Arc<Notify>,
    pub store: Arc<dyn Store>,
    pub clock: SharedClock,
    /// As which start of which server.
    pub node: String,
    pub epoch: i64,
    /// Is told what has changed.
    pub tell: T,
}

/// What came of one message.
type Done = (Delivery, Attempt);

/// What is under way.
#[derive(Default)]
struct Work {
    flying: JoinSet<Done>,
    /// The domains they are of, by their tasks.
    domains: HashMap<Id, i64>,
    /// What is known and not on disk yet: it must not get lost because the database is away.
    unsaved: Vec<Heard>,
}

impl Work {
    /// Domains with so many messages in flight.
    fn busy(&self, share: usize) -> Vec<i64> {
        let mut counts = BTreeMap::new();
        for domain in self.domains.values() {
            *counts.entry(*domain).or_insert(0) += 1;
        }
        counts.into_iter().filter(|(_, count)| *count >= share).map(|(domain, _)| domain).collect()
    }
}

impl<T: Fn(Vec<Delivery>) + Send + Sync> Outbox<T> {
    /// Sends until it is to stop, and then waits for what is in flight.
    pub async fn run(self, stop: CancellationToken) {
        let mut work = Work { unsaved: self.interrupted().await, ..Work::default() };
        while !stop.is_cancelled() {
            if let Err(error) = self.round(&mut work).await {
                tracing::error!(%error, channel = self.channel.name(), "messages wait for the database");
            }
            tokio::select! {
                Some(done) = work.flying.join_next_with_id() => self.gather(done, &mut work).await,
                () = self.notify.news(self.channel) => {}
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
        while let Some(done) = work.flying.join_next_with_id().await {
            self.gather(done, &mut work).await;
        }
        if let Err(error) = self.save(&mut work).await {
            tracing::error!(%error, messages = work.unsaved.len(), "what became of messages could not be saved");
        }
    }

    /// Saves what is known, and takes up what is due.
    async fn round(&self, work: &mut Work) -> StoreResult<()> {
        self.save(work).await?;
        while self.take_up(work).await? {}
        self.save(work).await
    }

    /// Whether there may be more to be taken up.
    async fn take_up(&self, work: &mut Work) -> StoreResult<bool> {
        let now = self.clock.now();
        let share = self.notify.share(self.channel);
        let most = self.notify.senders(self.channel).saturating_sub(work.flying.len()).min(share);
        let due = self.store.next_delivery(self.channel).await?.is_some_and(|at| at <= now);
        if most == 0 || !due {
            return Ok(false);
        }
        let (by, busy) = (self.claimant(), work.busy(share));
        let claimed = self.store.claim_deliveries(self.channel, now, by, most as u64, &busy).await?;
        let more = claimed.len() == most;
        for Claimed { delivery, call_ended } in claimed {
            let over = call_ended && !Kind::named(&delivery.kind).is_some_and(Kind::outlives_the_call);
            if delivery.not_after < now || over {
                work.unsaved.push(self.heard(&delivery, Fact::TooLate));
            } else {
                let notify = self.notify.clone();
                let domain = delivery.domain_id;
                let task = work.flying.spawn(async move {
                    let attempt = notify.send(&delivery, now).await;
                    (delivery, attempt)
                });
                work.domains.insert(task.id(), domain);
            }
        }
        Ok(more)
    }

    async fn save(&self, work: &mut Work) -> StoreResult<()> {
        if work.unsaved.is_empty() {
            return Ok(());
        }
        let changed = self.store.hear_of_deliveries(&work.unsaved).await?;
        work.unsaved.clear();
        (self.tell)(changed);
        Ok(())
    }

    async fn gather(&self, first: Result<(Id, Done), JoinError>, work: &mut Work) {
        self.note(first, work);
        let enough = tokio::time::sleep(GATHER);
        tokio::pin!(enough);
        while work.unsaved.len() < MOST {
            tokio::select! {
                Some(done) = work.flying.join_next_with_id() => self.note(done, work),
                () = &mut enough => return,
                else => return,
            }
        }
    }

    fn note(&self, done: Result<(Id, Done), JoinError>, work: &mut Work) {
        match done {
            Ok((task, (delivery, attempt))) => {
                work.domains.remove(&task);
                work.unsaved.push(self.became(&delivery, attempt));
            }
            // It stays in flight, and is looked after at the next start.
            Err(error) => {
                work.domains.remove(&error.id());
                tracing::error!(%error, channel = self.channel.name(), "sending a message has panicked");
            }
        }
    }

    fn became(&self, delivery: &Delivery, attempt: Attempt) -> Heard {
        let (id, channel) = (delivery.id, self.channel.name());
        match attempt {
            Attempt::Taken { gateway_id } => {
                tracing::debug!(%id, channel, "sent");
                Heard { gateway_id, ..self.heard(delivery, Fact::Accepted) }
            }
            Attempt::Refused { words } => {
                tracing::warn!(%id, channel, words, "a message was refused");
                Heard { reason: Some(words), ..self.heard(delivery, Fact::Refused) }
            }
            Attempt::Later { after, words } => self.again(delivery, Fact::TryLater, after, words),
            Attempt::Unknown { words } if self.channel.repeats() => self.again(delivery, Fact::Lost, None, words),
            Attempt::Unknown { words } => {
                tracing::warn!(%id, channel, words, "a message may have been sent");
                Heard { reason: Some(words), ..self.heard(delivery, Fact::Lost) }
            }
        }
    }

    /// Another time, if there is one left.
    fn again(&self, delivery: &Delivery, fact: Fact, after: Option<Duration>, words: String) -> Heard {
        let tries = delivery.tries + 1;
        let at = self.clock.now() + pause(delivery, tries).max(after.unwrap_or_default());
        let too_late = at > delivery.not_after;
        tracing::warn!(id = %delivery.id, channel = self.channel.name(), words, tries, too_late, "a message was not sent");
        let fact = if too_late { Fact::TooLate } else { fact };
        Heard { reason: Some(words), again_at: Some(at), ..self.heard(delivery, fact) }
    }

    fn heard(&self, delivery: &Delivery, fact: Fact) -> Heard {
        heard(delivery.id, fact, self.clock.now())
    }

    /// What was in flight when this server stopped; waits for the database to tell.
    async fn interrupted(&self) -> Vec<Heard> {
        loop {
            match self.store.interrupted_deliveries(self.channel, self.claimant()).await {
                Ok(ids) => {
                    if !ids.is_empty() {
                        tracing::warn!(messages = ids.len(), channel = self.channel.name(), "{STOPPED}");
                    }
                    let lost = |id| heard(id, Fact::Lost, self.clock.now());
                    return ids.into_iter().map(|id| Heard { reason: Some(STOPPED.to_owned()), ..lost(id) }).collect();
                }
                Err(error) => tracing::error!(%error, "it is not known what was in flight when the server stopped"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn claimant(&self) -> Claimant<'_> {
        Claimant { node: &self.node, epoch: self.epoch }
    }
}

fn heard(id: uuid::Uuid, fact: Fact, at: Timestamp) -> Heard {
    Heard { whose: Whose::Id(id), fact, reason: None, gateway_id: None, again_at: None, at }
}

/// Up to a tenth longer than others: what failed together need not be tried together.
fn pause(delivery: &Delivery, tries: u32) -> Duration {
    let pause = pause_after(tries);
    let tenths = u32::try_from(delivery.id.as_u128() % 11).unwrap_or(0);
    pause + pause / 100 * tenths
}
