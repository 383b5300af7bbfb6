//! Messages of a call: which ones an invitation wants, what a step means for those on their way, and what is heard of them.

use std::{collections::HashMap, sync::Arc};

use farhand_domain::{
    call::{Call, Place},
    delivery::{Fact, State},
    ids::ContactId,
    time::Timestamp,
};
use farhand_store::model::{CallRecord, Delivery, Heard, Whose};
use uuid::Uuid;

use super::{
    Calls,
    actor::CallActor,
    ask::{Ask, By},
    call_backs::is_owed,
    reaching::News,
    schedule::{Schedule, needs_reminder},
};
use crate::notify::Kind;

type OfCalls = HashMap<Uuid, Vec<Delivery>>;

/// What a step means for messages that were sent or wait to be.
pub(super) fn heard(
    record: &CallRecord,
    now: Timestamp,
    before: &Call,
    next: &Call,
    schedule: &Schedule,
) -> Vec<Heard> {
    let mut heard = Vec::new();
    for delivery in &record.deliveries {
        let contact = ContactId(delivery.contact_id);
        if delivery.state == State::Queued && (schedule.overtakes(delivery) || !is_needed(record, delivery, next)) {
            heard.push(of(delivery, Fact::NotNeeded, now));
        }
        if next.is_seated(contact) && !before.is_seated(contact) && delivery.state != State::Answered {
            heard.push(of(delivery, Fact::Joined, now));
        }
    }
    heard
}

/// Somebody has followed the link of a message. Which one it was does not matter: the person knows of the call.
pub(super) fn opened(record: &CallRecord, now: Timestamp, by: ContactId) -> Vec<Heard> {
    let unseen =
        |delivery: &&Delivery| delivery.contact_id == by.0 && delivery.state.is_out() && delivery.state < State::Seen;
    record.deliveries.iter().filter(unseen).map(|delivery| of(delivery, Fact::Opened, now)).collect()
}

/// What waits to be sent to a guest whose link is taken back.
pub(super) fn withdrawn(record: &CallRecord, now: Timestamp, guest: ContactId) -> Vec<Heard> {
    let queued = |delivery: &&Delivery| delivery.contact_id == guest.0 && delivery.state == State::Queued;
    record.deliveries.iter().filter(queued).map(|delivery| of(delivery, Fact::NotNeeded, now)).collect()
}

fn of(delivery: &Delivery, fact: Fact, at: Timestamp) -> Heard {
    Heard { whose: Whose::Id(delivery.id), fact, reason: None, gateway_id: None, again_at: None, at }
}

fn is_needed(record: &CallRecord, delivery: &Delivery, call: &Call) -> bool {
    let place = call.place(ContactId(delivery.contact_id));
    let rings = matches!(place, Some(Place::Ringing { .. }));
    let seated = matches!(place, Some(Place::Seated(_)));
    let kind = Kind::named(&delivery.kind);
    if call.has_ended() {
        return kind.is_some_and(Kind::outlives_the_call);
    }
    match kind {
        Some(Kind::Cancelled) => true,
        Some(Kind::Ring) | None => rings,
        Some(Kind::Planned) => rings || place == Some(Place::Waiting),
        // To somebody who may have declined: it waits for nothing but that person.
        Some(Kind::Again | Kind::Moved) => !seated,
        Some(Kind::Reminder) => needs_reminder(record, delivery, call),
        // The next ring takes its place.
        Some(Kind::RingEnd) => !rings,
        Some(Kind::CallBack) => is_owed(call),
    }
}

impl CallActor {
    /// Notes how messages stand, and shows it to whoever waits for what becomes of them. A call that was woken for that knows it already.
    pub(super) fn heard_of(&mut self, changed: Vec<Delivery>) {
        if changed.is_empty() {
            return;
        }
        self.keep(changed);
        for contact in self.concerned().into_iter().filter(|contact| self.tells(*contact)) {
            self.show_call_to(contact);
        }
    }

    /// News may come late: a message has more steps the newer they are.
    pub(super) fn keep(&mut self, changed: Vec<Delivery>) {
        for fresh in changed {
            let known = self.record.deliveries.iter().position(|known| known.id == fresh.id);
            let newer = |at: &usize| self.record.deliveries[*at].steps.len() < fresh.steps.len();
            if let Some(at) = known.filter(newer) {
                Arc::make_mut(&mut self.record).deliveries[at] = fresh;
            }
        }
    }
}

impl Calls {
    /// Tells the calls what was heard of their messages. Of calls that do not run the database knows it.
    pub fn heard_of(&self, changed: Vec<Delivery>) {
        let (mut running, mut sleeping) = (OfCalls::new(), OfCalls::new());
        let mut live = self.shared.lock();
        for delivery in changed {
            // What waits again may not be needed any more.
            let watched_only = live.asleep.contains_key(&delivery.call_id) && delivery.state != State::Queued;
            if let Some(heard) = live.new.get_mut(&delivery.call_id) {
                heard.push(delivery);
            } else if watched_only {
                sleeping.entry(delivery.call_id).or_default().push(delivery);
            } else if live.knows(delivery.call_id) {
                running.entry(delivery.call_id).or_default().push(delivery);
            }
        }
        drop(live);
        for (call_id, heard) in self.shared.watched(sleeping) {
            running.entry(call_id).or_default().extend(heard);
        }
        for (call_id, heard) in running {
            let (calls, domain_id) = (self.clone(), heard.first().map_or(0, |delivery| delivery.domain_id));
            // In a task of its own: one call that is busy must not hold up the messages of all others.
            tokio::spawn(async move {
                let told = calls.ask(call_id, By::server(domain_id), Ask::Reached(News::Messages(heard))).await;
                if let Err(fail) = told {
                    tracing::debug!(%call_id, problem = %fail.0, "a call was not told of its messages");
                }
            });
        }
    }
}
