//! What is under way to webhooks, and whose turn it is: a receiver that hangs, or all those of a domain, hold up nobody else.

use std::{collections::HashMap, time::Duration};

use farhand_store::model::{Webhook, WebhookOutcome};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use uuid::Uuid;

/// Messages to one webhook at once: a slow receiver is asked no faster than it answers.
const AT_A_TIME: usize = 8;
/// To all of a domain at once: it may have twenty receivers that hang, and leaves three quarters of the room to others.
const AT_A_TIME_OF_DOMAIN: usize = 32;
/// To all at once: each is a connection, a few kilobytes and a file.
const AT_A_TIME_OF_ALL: usize = 128;
/// Messages that wait for one webhook. The others stay events, which take no further room, until there is some again.
pub const MOST_OPEN: u64 = 10_000;
/// How long what the database has said of a webhook is believed: what is set here, and what comes of messages, is known at once.
const BELIEVED: Duration = Duration::from_secs(1);

/// A message in flight.
struct Flying {
    message: i64,
    webhook: Uuid,
    domain: i64,
}

/// How many messages may be made for a webhook before those that wait are counted again: to count ten thousand is no work for every commit.
struct Room {
    left: u64,
    counted: Instant,
}

#[derive(Default)]
pub struct Work {
    pub flying: JoinSet<WebhookOutcome>,
    /// By their tasks.
    messages: HashMap<Id, Flying>,
    /// What is known and not on disk yet: it must not get lost because the database is away.
    pub unsaved: Vec<WebhookOutcome>,
    /// How far each webhook's events have been looked through.
    pub seen: HashMap<Uuid, i64>,
    /// Those that are enabled, as they were read last.
    pub webhooks: Vec<Webhook>,
    read: Option<Instant>,
    room: HashMap<Uuid, Room>,
    /// When each was given something last, counted in turns.
    served: HashMap<Uuid, u64>,
    turns: u64,
}

impl Work {
    /// Something is set otherwise, or has come of messages: the webhooks have to be read again.
    pub fn forget_webhooks(&mut self) {
        self.read = None;
    }

    pub fn knows_webhooks(&self, now: Instant) -> bool {
        self.read.is_some_and(|read| now < read + BELIEVED)
    }

    pub fn learn_webhooks(&mut self, now: Instant, webhooks: Vec<Webhook>) {
        (self.webhooks, self.read) = (webhooks, Some(now));
        let known = |id: &Uuid| self.webhooks.iter().any(|webhook| webhook.id == *id);
        self.seen.retain(|id, _| known(id));
        self.room.retain(|id, _| known(id));
        self.served.retain(|id, _| known(id));
    }

    /// Whether messages may be made; none: those that wait have to be counted first.
    pub fn has_room(&self, now: Instant, webhook: Uuid) -> Option<bool> {
        let room = self.room.get(&webhook)?;
        if room.left > 0 {
            return Some(true);
        }
        (now < room.counted + BELIEVED).then_some(false)
    }

    pub fn counted(&mut self, now: Instant, webhook: Uuid, open: u64) {
        self.room.insert(webhook, Room { left: MOST_OPEN.saturating_sub(open), counted: now });
    }

    pub fn made(&mut self, webhook: Uuid, messages: usize) {
        if let Some(room) = self.room.get_mut(&webhook) {
            room.left = room.left.saturating_sub(messages as u64);
        }
    }

    /// The webhooks in the order of their turns: the domain with the least under way first, then whoever has waited longest.
    pub fn in_turn(&self, due: impl Fn(&Webhook) -> bool) -> Vec<Webhook> {
        let mut due: Vec<_> = self.webhooks.iter().filter(|webhook| due(webhook)).cloned().collect();
        due.sort_by_key(|webhook| (self.flying_of(webhook.domain_id), self.served.get(&webhook.id).copied()));
        due
    }

    /// How many messages may be sent to a webhook now.
    pub fn free(&self, webhook: &Webhook) -> usize {
        let own = AT_A_TIME.saturating_sub(self.flying_to(webhook.id));
        let of_domain = AT_A_TIME_OF_DOMAIN.saturating_sub(self.flying_of(webhook.domain_id));
        own.min(of_domain).min(AT_A_TIME_OF_ALL.saturating_sub(self.flying.len()))
    }

    /// Whether a message is in flight, or it is known what came of it.
    pub fn has(&self, message: i64) -> bool {
        let flies = self.messages.values().any(|flying| flying.message == message);
        flies || self.unsaved.iter().any(|outcome| outcome.message == message)
    }

    pub fn flying_to(&self, webhook: Uuid) -> usize {
        self.messages.values().filter(|flying| flying.webhook == webhook).count()
    }

    fn flying_of(&self, domain: i64) -> usize {
        self.messages.values().filter(|flying| flying.domain == domain).count()
    }

    pub fn send(
        &mut self,
        webhook: &Webhook,
        message: i64,
        sending: impl Future<Output = WebhookOutcome> + Send + 'static,
    ) {
        let task = self.flying.spawn(sending);
        self.messages.insert(task.id(), Flying { message, webhook: webhook.id, domain: webhook.domain_id });
        self.turns += 1;
        self.served.insert(webhook.id, self.turns);
    }

    pub fn landed(&mut self, done: Result<(Id, WebhookOutcome), JoinError>) {
        match done {
            Ok((task, outcome)) => {
                self.messages.remove(&task);
                self.unsaved.push(outcome);
            }
            // It stays queued, and is sent again.
            Err(error) => {
                self.messages.remove(&error.id());
                tracing::error!(%error, "sending to a webhook has panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use farhand_domain::time::Timestamp;

    use super::*;

    fn webhook(id: u128, domain_id: i64) -> Webhook {
        Webhook {
            id: Uuid::from_u128(id),
            domain_id,
            url: String::new(),
            description: String::new(),
            types: None,
            enabled: true,
            reason: None,
            generation: 1,
            rotated_at: None,
            created_at: Timestamp::from_millis(0),
            position: 0,
            failing_since: None,
            paused_until: None,
        }
    }

    /// Gives the webhooks what they may have, in their turns, as often as it takes; answers how much each has.
    fn fill(work: &mut Work) -> Vec<usize> {
        let mut message = 0;
        loop {
            let turns = work.in_turn(|_| true);
            let Some(webhook) = turns.iter().find(|webhook| work.free(webhook) > 0) else { break };
            message += 1;
            work.send(webhook, message, std::future::pending());
        }
        work.webhooks.iter().map(|webhook| work.flying_to(webhook.id)).collect()
    }

    #[tokio::test]
    async fn however_many_receivers_of_a_domain_hang_there_is_room_for_others() {
        let (mut work, now) = (Work::default(), Instant::now());
        let greedy: Vec<_> = (1..=20).map(|id| webhook(id, 1)).collect();
        work.learn_webhooks(now, greedy.clone());
        let under_way = fill(&mut work);
        assert_eq!(under_way.iter().sum::<usize>(), AT_A_TIME_OF_DOMAIN);
        assert!(under_way.iter().all(|to| (1..=2).contains(to)), "none is left out: {under_way:?}");
        let others = (21..=23).map(|id| webhook(id, 2));
        work.learn_webhooks(now, greedy.into_iter().chain(others).collect());
        assert_eq!(fill(&mut work)[20..], [AT_A_TIME; 3]);
    }

    #[tokio::test]
    async fn what_becomes_free_is_given_to_whoever_has_least_and_has_waited_longest() {
        let (mut work, now) = (Work::default(), Instant::now());
        work.learn_webhooks(now, vec![webhook(1, 1), webhook(2, 1), webhook(3, 2)]);
        let order = |work: &Work| work.in_turn(|_| true).iter().map(|one| one.id.as_u128()).collect::<Vec<_>>();
        assert_eq!(order(&work), [1, 2, 3]);
        let first = work.webhooks[0].clone();
        work.send(&first, 1, std::future::pending());
        assert_eq!(order(&work), [3, 2, 1]);
        let third = work.webhooks[2].clone();
        work.send(&third, 2, std::future::pending());
        assert_eq!(order(&work), [2, 1, 3]);
    }

    #[test]
    fn those_that_wait_are_counted_again_when_the_room_is_used_up_and_not_at_every_look() {
        let (mut work, now) = (Work::default(), Instant::now());
        let id = Uuid::from_u128(1);
        assert_eq!(work.has_room(now, id), None);
        work.counted(now, id, MOST_OPEN - 5);
        work.made(id, 4);
        assert_eq!(work.has_room(now + 9 * BELIEVED, id), Some(true), "there is some left");
        work.made(id, 200);
        assert_eq!(work.has_room(now, id), Some(false));
        assert_eq!(work.has_room(now + BELIEVED, id), None);
        work.counted(now, id, MOST_OPEN);
        assert_eq!(work.has_room(now, id), Some(false));
    }

    #[test]
    fn what_was_read_of_webhooks_is_believed_for_a_while_and_forgotten_with_them() {
        let (mut work, now) = (Work::default(), Instant::now());
        assert!(!work.knows_webhooks(now));
        work.learn_webhooks(now, vec![webhook(1, 1), webhook(2, 1)]);
        for webhook in work.webhooks.clone() {
            work.counted(now, webhook.id, 0);
            work.seen.insert(webhook.id, 7);
        }
        assert!(work.knows_webhooks(now) && !work.knows_webhooks(now + BELIEVED));
        work.learn_webhooks(now, vec![webhook(2, 1)]);
        assert_eq!((work.seen.len(), work.room.len()), (1, 1));
        work.forget_webhooks();
        assert!(!work.knows_webhooks(now));
    }
}
