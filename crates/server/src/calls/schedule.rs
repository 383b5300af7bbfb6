//! When a call is and what it is called, as those who were invited have it in their calendars: what a step changes of it, and the
//! messages that tell them.

use std::{collections::HashSet, time::Duration};

use farhand_domain::{
    call::{Call, EndReason, Event, Phase, Place},
    delivery::{Channel, State},
    ids::ContactId,
    reach,
    time::Timestamp,
};
use farhand_store::model::{CallRecord, Delivery, Domain, Invitation};

use super::{
    By, Shared,
    actor::CallActor,
    change::Extra,
    reaching::{Reachable, Step},
    refusal::allowed,
};
use crate::{
    http::{Fail, Outcome},
    notify::{Facts, Kind, PlanFacts, Wanted},
    reach::Ways,
};

/// Titles and times are often changed more than once in a row. So long the news of a change waits for the next, which takes its place: longer,
/// and people rely on what is no longer so; shorter, and they get a letter for every slip of the hand.
const HOLD_OFF: Duration = Duration::from_secs(30);
/// What begins so soon, or was to, is told of at once: somebody may be on the way already.
const SOON: Duration = Duration::from_mins(15);

const RENAMED: &str = "Renamed";

/// As it is once a step is saved.
pub(super) struct Schedule {
    pub title: String,
    pub at: Option<Timestamp>,
    pub zone: Option<String>,
    /// Calendars take the entry with the highest.
    pub sequence: i64,
    pub update: Option<Update>,
    /// Its time is still to come, and nobody has been rung.
    ahead: bool,
}

/// What invited people have to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    /// It has another time or title, and has not begun.
    Moved,
    CalledOff,
}

impl Schedule {
    /// Of a call that is new.
    pub(super) fn of(record: &CallRecord) -> Self {
        Self {
            title: record.title.clone(),
            at: record.planned_at,
            zone: record.planned_zone.clone(),
            sequence: record.calendar_sequence,
            update: None,
            ahead: false,
        }
    }

    pub(super) fn after(
        record: &CallRecord,
        title: Option<&str>,
        zone: Option<&str>,
        next: &Call,
        now: Timestamp,
    ) -> Self {
        let at = next.state().terms.planned_at;
        let title = title.unwrap_or(&record.title).to_owned();
        let differs = title != record.title || at != record.planned_at;
        let called_off = is_called_off(record, next);
        let waits = matches!(next.state().phase, Phase::Planned { ring_at: Some(_) });
        let ahead = waits && at.is_some_and(|at| at > now);
        let update = match (called_off && at.is_some(), differs && ahead) {
            (true, _) => Some(Update::CalledOff),
            (false, true) => Some(Update::Moved),
            (false, false) => None,
        };
        let sequence = record.calendar_sequence + i64::from(differs || called_off);
        let zone = zone.or(record.planned_zone.as_deref()).map(str::to_owned);
        Self { title, at, zone, sequence, update, ahead }
    }

    /// Whoever has this message knows it as it is.
    fn is_as_in(&self, message: &Delivery) -> bool {
        let Ok(facts) = Facts::of(message) else { return false };
        let at = facts.plan.as_ref().map(PlanFacts::starts);
        facts.title == self.title && at == self.at && facts.plan.and_then(|plan| plan.zone) == self.zone
    }

    /// A newer message says it otherwise. Once the time has come only the ring counts, and nobody is told anew.
    pub(super) fn overtakes(&self, delivery: &Delivery) -> bool {
        let told = || Facts::of(delivery).ok().and_then(|facts| facts.plan);
        self.ahead && told().is_some_and(|plan| plan.sequence < self.sequence)
    }
}

/// Ended by somebody before anybody had joined.
fn is_called_off(record: &CallRecord, next: &Call) -> bool {
    let ended = matches!(next.state().phase, Phase::Ended { reason: EndReason::Cancelled | EndReason::EndedForAll });
    ended && record.started_at.is_none() && record.ended_at.is_none()
}

/// It was sent, or still may be.
fn goes_out(state: State) -> bool {
    state.is_open() || (state.is_out() && state != State::Failed)
}

/// By this message somebody knows when the call is.
pub(super) fn tells(delivery: &Delivery) -> bool {
    Kind::named(&delivery.kind).is_some_and(Kind::invites) && goes_out(delivery.state)
}

/// The last of these to each address. Browsers are found anew: they come and go with logins.
fn told(record: &CallRecord) -> Vec<&Delivery> {
    let mut seen = HashSet::new();
    let last_first = record.deliveries.iter().rev();
    let last_first = last_first.filter(|delivery| delivery.channel != Channel::Push && tells(delivery));
    let mut told: Vec<_> =
        last_first.filter(|told| seen.insert((told.contact_id, told.channel, &told.address))).collect();
    told.reverse();
    told
}

/// What has come to the same address last.
fn known<'a>(record: &'a CallRecord, told: &Delivery) -> Option<&'a Delivery> {
    let same = |earlier: &&Delivery| {
        (earlier.contact_id, earlier.channel, &earlier.address) == (told.contact_id, told.channel, &told.address)
    };
    record.deliveries.iter().rev().filter(same).find(|earlier| tells(earlier) && earlier.state.is_out())
}

/// Whether a reminder goes to somebody who waits for the call and was told of it at this address.
pub(super) fn needs_reminder(record: &CallRecord, reminder: &Delivery, call: &Call) -> bool {
    let was_told = |earlier: &Delivery| {
        (earlier.contact_id, earlier.channel) == (reminder.contact_id, reminder.channel)
            && earlier.address == reminder.address
            && tells(earlier)
    };
    let waits = call.place(ContactId(reminder.contact_id)) == Some(Place::Waiting);
    let told = || reminder.channel == Channel::Push || record.deliveries.iter().any(was_told);
    waits && matches!(call.state().phase, Phase::Planned { .. }) && told()
}

impl Step<'_> {
    /// When people hear of a change.
    pub(super) fn told_at(&self, update: Update) -> Timestamp {
        let soon = self.now + SOON;
        let hurries = [self.record.planned_at, self.schedule.at].into_iter().flatten().any(|at| at <= soon);
        match update {
            Update::Moved if !hurries => self.now + HOLD_OFF,
            Update::Moved | Update::CalledOff => self.now,
        }
    }
}

impl Shared {
    /// To everybody who was told otherwise.
    pub(super) async fn schedule_messages(
        &self,
        step: &Step<'_>,
        domain: Option<&Domain>,
        update: Update,
    ) -> Outcome<Vec<Delivery>> {
        let mut messages = Vec::new();
        for told in told(step.record) {
            let Some(to) = step.invitation(ContactId(told.contact_id)) else { continue };
            let person = Reachable::find(&self.directory, domain, to.contact.user_id).await?;
            messages.extend(self.schedule_message(step, told, to, &person, update));
        }
        Ok(messages)
    }

    fn schedule_message(
        &self,
        step: &Step<'_>,
        told: &Delivery,
        to: &Invitation,
        person: &Reachable,
        update: Update,
    ) -> Vec<Delivery> {
        let Ok(facts) = Facts::of(told) else { return Vec::new() };
        let link = step.link(to);
        // A link that was taken back is not given out again by this.
        let welcome = facts.guest.is_none_or(|guest| link.is_some_and(|link| link.generation == guest.generation));
        let (kind, link) = match update {
            Update::Moved if !welcome => return Vec::new(),
            Update::Moved => (Kind::Moved, link),
            Update::CalledOff => (Kind::Cancelled, None),
        };
        let soonest_end = step.now + self.policy.message_ring;
        let known = known(step.record, told);
        // Changed to and fro before anybody was told.
        let as_known = update == Update::Moved && known.is_some_and(|known| step.schedule.is_as_in(known));
        // Whoever has been told nothing yet is not to wait.
        let at = known.map_or(step.now, |_| step.told_at(update));
        let wanted = Wanted {
            to,
            link,
            kind,
            channel: told.channel,
            address: &told.address,
            at,
            not_after: step.schedule.at.unwrap_or(step.now).max(soonest_end),
            language: person.ways.language(to.language.as_deref()),
            held_back: None,
        };
        let message = (!as_known).then(|| self.notify.delivery(&step.inviting(self.policy.open), &wanted));
        let reminder = (update == Update::Moved).then(|| self.reminder(step, &wanted, &person.ways)).flatten();
        message.into_iter().chain(reminder).collect()
    }

    /// One more, shortly before the call, for an invitation. None for a call so soon that the invitation reminds of it.
    /// Nor a text into somebody's quiet hours: of the call they were told.
    pub(super) fn reminder(&self, step: &Step<'_>, invitation: &Wanted<'_>, ways: &Ways) -> Option<Delivery> {
        let before = self.reminder?;
        let planned_at = step.schedule.at.filter(|_| self.notify.has(invitation.channel))?;
        if planned_at <= step.now + before + before {
            return None;
        }
        let at = planned_at - before;
        let held_back = ways.quiet(at).filter(|_| reach::disturbs(invitation.channel));
        let wanted = Wanted { kind: Kind::Reminder, at, not_after: planned_at, held_back, ..*invitation };
        Some(self.notify.delivery(&step.inviting(self.policy.open), &wanted))
    }
}

impl CallActor {
    /// A title that is another one, and what the history says of it.
    pub(super) fn note_of_title(
        &self,
        by: By,
        title: Option<String>,
    ) -> (Option<String>, Vec<(&'static str, ContactId, String)>) {
        let title = title.filter(|title| *title != self.record.title);
        let note = |title: &String| (RENAMED, self.known_or_creator(by.asker.contact), title.clone());
        let notes = title.iter().map(note).collect();
        (title, notes)
    }

    pub(super) async fn update(&mut self, by: By, planned_at: Option<Timestamp>, extra: Extra) -> Result<(), Fail> {
        allowed(by.asker.may_manage(&self.call), "Only the creator and administrators may change the call.")?;
        let event = planned_at.map_or(Event::Tick, |planned_at| Event::Reschedule { planned_at });
        self.step(event, extra).await?;
        self.close_if_not_open();
        Ok(())
    }
}
