//! What browsers are told of planned calls beside their rings: that one was moved or called off, and that it begins soon. Letters and texts
//! go to addresses that are known from the invitation on; which browsers somebody has is known only when there is something to tell.

use farhand_domain::{
    call::{Call, Event, PersonRole, Place},
    delivery::Channel,
    ids::ContactId,
    reach::{Target, disturbs},
    time::Timestamp,
};
use farhand_store::model::{CallRecord, Delivery, Domain, Invitation};

use super::{
    Shared,
    actor::CallActor,
    change::Extra,
    reaching::{Reachable, Step, inviting},
    schedule::{Schedule, Update},
};
use crate::{
    http::Outcome,
    notify::{Facts, Inviting, Kind, PlanFacts, Wanted},
};

/// In the history of a call that was moved.
const MOVED: &str = "Updated";

/// Something to tell people's browsers.
struct News<'a> {
    call: Inviting<'a>,
    kind: Kind,
    at: Timestamp,
    not_after: Timestamp,
}

impl Shared {
    /// To those who wait for it. Whoever rang already is told that this is over.
    pub(super) async fn schedule_pushes(
        &self,
        step: &Step<'_>,
        domain: Option<&Domain>,
        update: Update,
    ) -> Outcome<Vec<Delivery>> {
        let kind = match update {
            Update::Moved => Kind::Moved,
            Update::CalledOff => Kind::Cancelled,
        };
        let soonest_end = step.now + self.policy.message_ring;
        let news = News {
            call: step.inviting(self.policy.open),
            kind,
            at: step.told_at(update),
            not_after: step.schedule.at.unwrap_or(step.now).max(soonest_end),
        };
        let waiting = waiting(step.record, step.next);
        self.pushes(domain, &news, &waiting).await
    }

    /// Not to whoever was reminded already.
    async fn push_reminders(&self, record: &CallRecord, call: &Call, now: Timestamp) -> Outcome<Vec<Delivery>> {
        let Some(at) = record.planned_at else { return Ok(Vec::new()) };
        let domain = self.directory.domain(record.domain_id).await?;
        let schedule = Schedule::of(record);
        let news = News {
            call: inviting(record, &schedule, self.policy.open, now),
            kind: Kind::Reminder,
            at: now,
            not_after: at,
        };
        let mut waiting = waiting(record, call);
        waiting.retain(|to| !record.deliveries.iter().any(|had| reminds(had, to, at)));
        self.pushes(domain.as_deref(), &news, &waiting).await
    }

    /// Where their ladder has it, and without noise to whoever wants quiet.
    async fn pushes(&self, domain: Option<&Domain>, news: &News<'_>, people: &[&Invitation]) -> Outcome<Vec<Delivery>> {
        let users: Vec<i64> = people.iter().filter_map(|to| to.contact.user_id).collect();
        let mut browsers = self.browsers(&users, news.call.now).await?;
        let mut messages = Vec::new();
        for to in people {
            let own = to.contact.user_id.and_then(|user| browsers.remove(&user));
            let Some(own) = own else { continue };
            let mut person = Reachable::find(&self.directory, domain, to.contact.user_id).await?;
            person.browsers = own;
            let quiet = person.ways.quiet(news.at).filter(|_| disturbs(Channel::Push));
            let pushes = person.messages(None, None, false).into_iter();
            for message in pushes.filter(|message| message.target == Target::Browsers) {
                let wanted = Wanted {
                    to,
                    link: None,
                    kind: news.kind,
                    channel: Channel::Push,
                    address: message.address,
                    at: news.at,
                    not_after: news.not_after,
                    language: None,
                    held_back: quiet,
                };
                messages.push(self.notify.delivery(&news.call, &wanted));
            }
        }
        Ok(messages)
    }

    /// When the browsers of those who wait for a call are told that it begins soon.
    pub(super) fn reminds_at(&self, call: &Call) -> Option<Timestamp> {
        let terms = &call.state().terms;
        let wanted = call.waits_for_its_time() && terms.popup && self.notify.has(Channel::Push);
        Some(terms.planned_at.filter(|_| wanted)? - self.reminder?)
    }
}

/// Who is invited and has neither come nor declined. Of a call that is only to be listed nobody is told by noise.
fn waiting<'a>(record: &'a CallRecord, call: &Call) -> Vec<&'a Invitation> {
    let waits = |to: &&Invitation| {
        let person = call.person(ContactId(to.contact.id));
        person.is_some_and(|p| p.place == Place::Waiting && matches!(p.role, PersonRole::Invitee { .. }))
    };
    record.invited.iter().filter(|_| call.state().terms.popup).filter(waits).collect()
}

/// Whether this message reminds somebody of a call at this time.
fn reminds(message: &Delivery, to: &Invitation, at: Timestamp) -> bool {
    let of_person = message.contact_id == to.contact.id && message.channel == Channel::Push;
    let starts = || Facts::of(message).ok().and_then(|facts| facts.plan).map(|plan: PlanFacts| plan.starts());
    of_person && message.kind == Kind::Reminder.name() && starts() == Some(at)
}

impl CallActor {
    /// When browsers are to be reminded; none for a call that was planned so late that they need not be, and once they were.
    pub(super) fn reminds_at(&self) -> Option<Timestamp> {
        let planned_at = self.record.planned_at.filter(|at| self.reminded_of != Some(*at))?;
        let at = self.shared.reminds_at(&self.call)?;
        let moved = self.record.history.iter().rfind(|row| row.kind == MOVED);
        let settled_at = moved.map_or(self.record.created_at, |row| row.at);
        (settled_at + settled_at.until(planned_at) / 2 <= at).then_some(at)
    }

    pub(super) async fn remind(&mut self) -> Outcome<()> {
        let now = self.shared.clock.now();
        if self.reminds_at().is_none_or(|at| at > now) {
            return Ok(());
        }
        let messages = self.shared.push_reminders(&self.record, &self.call, now).await?;
        if !messages.is_empty() {
            self.step(Event::Tick, Extra { messages, ..Extra::default() }).await?;
        }
        self.reminded_of = self.record.planned_at;
        Ok(())
    }
}
