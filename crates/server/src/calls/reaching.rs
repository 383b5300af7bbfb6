//! Whom a step of a call reaches, and by what: messages of rings that begin and of invitations to a later time, and who wants quiet.

use std::{collections::HashMap, sync::Arc, time::Duration};

use farhand_domain::{
    call::{Call, Effect, Event, Note, PersonRole, Place},
    delivery::Channel,
    ids::ContactId,
    reach::{self, Addresses, Medium, Message, Quiet, Target},
    time::Timestamp,
};
use farhand_store::model::{CallRecord, Contact, Delivery, Domain, GuestLink, Invitation, User};

use super::{Shared, actor::CallActor, change::Extra, log, ring_news::RingNews, schedule::Schedule, view::other_end};
use crate::{
    directory::Directory,
    http::Outcome,
    notify::{Inviting, Kind, Notify, Planned, Wanted},
    reach::Ways,
};

/// Whoever is rung again so soon has the message before the eyes still, and texts cost money.
const NOT_AGAIN_WITHIN: Duration = Duration::from_mins(5);

/// A step that is about to be saved.
pub(super) struct Step<'a> {
    pub record: &'a CallRecord,
    /// Invited by this very step.
    pub fresh: &'a [Invitation],
    /// How people who were invited before are reached from this step on.
    pub changed: &'a [Invitation],
    /// Links of guests among them that the record does not hold yet.
    pub links: &'a [GuestLink],
    pub next: &'a Call,
    pub schedule: &'a Schedule,
    pub effects: &'a [Effect],
    pub now: Timestamp,
}

/// Who wants quiet, of those a call concerns.
pub(super) type Quiets = HashMap<ContactId, Quiet>;

/// What a step does beside the calls' own connections.
#[derive(Default)]
pub(super) struct Reached {
    pub messages: Vec<Delivery>,
    /// Whose ring begins, and whether it is to be a quiet one.
    pub rung: Vec<(ContactId, Option<Quiet>)>,
    /// Who is to keep a promise that has come due.
    pub keepers: Vec<Contact>,
}

impl Reached {
    pub(super) fn note(self, quiets: &mut Quiets) {
        for (contact, quiet) in self.rung {
            match quiet {
                Some(quiet) => quiets.insert(contact, quiet),
                None => quiets.remove(&contact),
            };
        }
    }
}

/// Somebody with an account, or a guest, as far as it matters here.
pub(super) struct Reachable {
    pub ways: Ways,
    user: Option<Arc<User>>,
    /// What rings while its page is closed; looked up for rings alone.
    pub(super) browsers: Vec<String>,
}

impl Reachable {
    pub(super) async fn find(directory: &Directory, domain: Option<&Domain>, user: Option<i64>) -> Outcome<Self> {
        let user = match user {
            Some(id) => directory.user(id).await?,
            None => None,
        };
        Ok(Self { ways: Ways::of(domain, user.as_deref()), user, browsers: Vec::new() })
    }

    /// All that can be sent to an invited person, the first first.
    pub(super) fn messages<'a>(
        &'a self,
        email: Option<&'a str>,
        phone: Option<&'a str>,
        stored: bool,
    ) -> Vec<Message<'a>> {
        let account = self.user.as_deref().filter(|_| stored);
        let addresses = Addresses {
            browsers: &self.browsers,
            request_email: email,
            request_phone: phone,
            stored_email: account.and_then(|user| user.email.as_deref()),
            stored_phone: account.and_then(|user| user.phone.as_deref()),
        };
        reach::messages(&self.ways.rungs, addresses)
    }
}

/// Nobody asked for messages to stored addresses: that there is nothing to send them by is not worth a line in the log.
pub(super) fn is_wanted(notify: &Notify, message: &Message<'_>) -> bool {
    match message.target {
        Target::Stored(_) => notify.has(message.target.channel()),
        Target::Request(_) | Target::Browsers => true,
    }
}

impl Shared {
    pub(super) async fn reach(&self, step: &Step<'_>) -> Outcome<Reached> {
        let (rung, later) = (step.rung(), step.invited_for_later());
        let keepers = self.keepers(step).await?;
        let mut reached = Reached { messages: self.ring_end_messages(step), rung: Vec::new(), keepers };
        reached.messages.extend(self.call_back_messages(step, &reached.keepers).await?);
        if rung.is_empty() && later.is_empty() && step.changed.is_empty() && step.schedule.update.is_none() {
            return Ok(reached);
        }
        let domain = self.directory.domain(step.record.domain_id).await?;
        if let Some(update) = step.schedule.update {
            reached.messages.extend(self.schedule_messages(step, domain.as_deref(), update).await?);
            reached.messages.extend(self.schedule_pushes(step, domain.as_deref(), update).await?);
        }
        let users: Vec<i64> = rung
            .iter()
            .filter(|(contact, _)| step.pops_up(*contact))
            .filter_map(|(contact, _)| step.user(*contact))
            .collect();
        let mut browsers = self.browsers(&users, step.now).await?;
        for (contact, until) in &rung {
            let user = step.user(*contact);
            let mut person = Reachable::find(&self.directory, domain.as_deref(), user).await?;
            person.browsers = user.and_then(|user| browsers.remove(&user)).unwrap_or_default();
            let quiet = person.ways.quiet(step.now);
            reached.rung.push((*contact, quiet));
            reached.messages.extend(self.ring_messages(step, *contact, &person, quiet, *until));
        }
        for to in later {
            let person = Reachable::find(&self.directory, domain.as_deref(), to.contact.user_id).await?;
            reached.messages.extend(self.planned_messages(step, to, &person));
        }
        let known = |to: &&Invitation| !rung.iter().any(|(contact, _)| contact.0 == to.contact.id);
        for to in step.changed.iter().filter(known) {
            let person = Reachable::find(&self.directory, domain.as_deref(), to.contact.user_id).await?;
            reached.messages.extend(self.messages_anew(step, to, &person));
        }
        Ok(reached)
    }

    pub(super) fn ring_messages(
        &self,
        step: &Step<'_>,
        contact: ContactId,
        person: &Reachable,
        quiet: Option<Quiet>,
        until: Timestamp,
    ) -> Vec<Delivery> {
        let Some(to) = step.addressee(contact) else { return Vec::new() };
        let to = &*to;
        // Whom the call was made for was not invited: of the others' coming only the own devices tell.
        let invited = step.invitation(contact).is_some();
        let stored = step.record.stored_addresses;
        let messages = person.messages(to.email.as_deref(), to.phone.as_deref(), stored).into_iter();
        let messages = messages.filter(|message| invited || message.target == Target::Browsers);
        let wanted = messages.filter(|message| is_wanted(&self.notify, message) && !step.has_just_had(to, message));
        let delivery = |message: Message<'_>| {
            let channel = message.target.channel();
            let wanted = Wanted {
                to,
                link: step.link(to),
                kind: Kind::Ring,
                channel,
                address: message.address,
                at: step.now + message.after,
                not_after: until,
                language: person.ways.language(to.language.as_deref()),
                held_back: quiet.filter(|_| reach::disturbs(channel)),
            };
            let from = &other_end(step.next, step.record, contact).display_name;
            self.notify.delivery(&Inviting { plan: None, from, ..step.inviting(self.policy.open) }, &wanted)
        };
        wanted.map(delivery).collect()
    }

    /// The messages to somebody who has had them already, to the addresses of the request.
    pub(super) fn messages_again(
        &self,
        record: &CallRecord,
        now: Timestamp,
        to: &Invitation,
        link: Option<&GuestLink>,
        language: Option<&str>,
    ) -> Vec<Delivery> {
        let addresses = [(Channel::Email, &to.email), (Channel::Sms, &to.phone)].into_iter();
        let given = addresses.filter_map(|(channel, address)| Some((channel, address.as_deref()?)));
        given.map(|way| self.message_again(record, now, to, link, language, way)).collect()
    }

    pub(super) fn message_again(
        &self,
        record: &CallRecord,
        now: Timestamp,
        to: &Invitation,
        link: Option<&GuestLink>,
        language: Option<&str>,
        (channel, address): (Channel, &str),
    ) -> Delivery {
        let until = now + self.policy.message_ring;
        let schedule = Schedule::of(record);
        let planned_at = schedule.at.filter(|at| *at > now);
        let wanted = Wanted {
            to,
            link,
            kind: Kind::Again,
            channel,
            address,
            at: now,
            not_after: planned_at.unwrap_or(until).max(until),
            language,
            held_back: None,
        };
        let inviting = inviting(record, &schedule, self.policy.open, now);
        self.notify.delivery(&Inviting { plan: inviting.plan.filter(|plan| plan.at > now), ..inviting }, &wanted)
    }

    /// At once: there is no ring yet that anybody could answer. Texts go to numbers of the request only.
    pub(super) fn planned_messages(&self, step: &Step<'_>, to: &Invitation, person: &Reachable) -> Vec<Delivery> {
        let stored = step.record.stored_addresses;
        let messages = person.messages(to.email.as_deref(), to.phone.as_deref(), stored).into_iter();
        let wanted = messages
            .filter(|message| message.target != Target::Stored(Medium::Sms) && is_wanted(&self.notify, message));
        let planned_at = step.schedule.at;
        let delivery = |message: Message<'_>| {
            let wanted = Wanted {
                to,
                link: step.link(to),
                kind: Kind::Planned,
                channel: message.target.channel(),
                address: message.address,
                at: step.now,
                not_after: planned_at.unwrap_or(step.now).max(step.now + self.policy.message_ring),
                language: person.ways.language(to.language.as_deref()),
                held_back: None,
            };
            let invitation = self.notify.delivery(&step.inviting(self.policy.open), &wanted);
            [invitation].into_iter().chain(self.reminder(step, &wanted, &person.ways))
        };
        wanted.flat_map(delivery).collect()
    }
}

impl Step<'_> {
    /// Whose ring begins, and until when it rings.
    fn rung(&self) -> Vec<(ContactId, Timestamp)> {
        let begun = self.effects.iter().filter_map(|effect| match effect {
            Effect::Note { note: Note::RingStarted, contact } => Some(*contact),
            Effect::Note { .. } | Effect::Log { .. } | Effect::SeatMoved { .. } => None,
        });
        let still = begun.filter_map(|contact| match self.next.place(contact)? {
            Place::Ringing { until } => Some((contact, until)),
            Place::Waiting
            | Place::Unanswered
            | Place::Seated(_)
            | Place::Declined
            | Place::Missed
            | Place::Silenced
            | Place::Left => None,
        });
        still.collect()
    }

    pub(super) fn user(&self, contact: ContactId) -> Option<i64> {
        let known = log::known_contact(self.record, contact.0).or_else(|| self.fresh_contact(contact));
        known.and_then(|contact| contact.user_id)
    }

    fn invited_for_later(&self) -> Vec<&Invitation> {
        let waits = |invitation: &&Invitation| {
            let person = self.next.person(ContactId(invitation.contact.id));
            person.is_some_and(|p| p.place == Place::Waiting && matches!(p.role, PersonRole::Invitee { .. }))
        };
        self.fresh.iter().filter(|_| self.is_for_later()).filter(waits).collect()
    }

    pub(super) fn is_for_later(&self) -> bool {
        self.schedule.at.is_some_and(|at| at > self.now)
    }

    pub(super) fn invitation(&self, contact: ContactId) -> Option<&Invitation> {
        let all = self.changed.iter().chain(&self.record.invited).chain(self.fresh);
        all.into_iter().find(|invitation| invitation.contact.id == contact.0)
    }

    fn fresh_contact(&self, contact: ContactId) -> Option<&farhand_store::model::Contact> {
        self.fresh.iter().map(|invitation| &invitation.contact).find(|fresh| fresh.id == contact.0)
    }

    fn has_just_had(&self, to: &Invitation, message: &Message<'_>) -> bool {
        // What a browser shows ends with the ring.
        if message.target == Target::Browsers {
            return false;
        }
        self.record.deliveries.iter().any(|had| {
            let made = had.steps.first().map_or(self.now, |step| step.at);
            (had.contact_id, had.channel, had.kind.as_str())
                == (to.contact.id, message.target.channel(), Kind::Ring.name())
                && had.address == message.address
                && (had.state.is_open() || had.state.is_out())
                && self.now < made + NOT_AGAIN_WITHIN
        })
    }

    pub(super) fn link(&self, to: &Invitation) -> Option<&GuestLink> {
        self.links.iter().chain(&self.record.guest_links).find(|link| link.contact_id == to.contact.id)
    }

    pub(super) fn inviting(&self, open: Duration) -> Inviting<'_> {
        inviting(self.record, self.schedule, open, self.now)
    }
}

pub(super) fn inviting<'a>(
    record: &'a CallRecord,
    schedule: &'a Schedule,
    open: Duration,
    now: Timestamp,
) -> Inviting<'a> {
    let plan = |at| Planned { at, open, zone: schedule.zone.as_deref(), sequence: schedule.sequence };
    Inviting {
        call_id: record.call_id,
        domain_id: record.domain_id,
        title: &schedule.title,
        from: &record.creator.display_name,
        plan: schedule.at.map(plan),
        now,
    }
}

/// What is heard of how people were reached.
pub enum News {
    /// A ring has come to the device that says so.
    Shown(RingNews),
    /// Whoever says so has followed the link of a message.
    LinkOpened,
    /// How messages to the call's people stand now.
    Messages(Vec<Delivery>),
    /// Somebody may want quiet now or no more, or has sat down in another call.
    LookAgain { at: ContactId },
}

impl CallActor {
    pub(super) async fn reached(&mut self, by: ContactId, news: News) -> Outcome<()> {
        match news {
            News::Shown(news) => self.ring_shown(by, news).await,
            News::LinkOpened => self.step(Event::Tick, Extra { opened_by: Some(by), ..Extra::default() }).await,
            News::Messages(changed) => {
                self.heard_of(changed);
                // What waits again may not be needed any more.
                self.step(Event::Tick, Extra::default()).await
            }
            News::LookAgain { at } => {
                self.look_again(at).await;
                Ok(())
            }
        }
    }

    /// Looks again at whether somebody wants quiet; true if that has changed. While the database is away it stays as it was: a ring must
    /// not wait for it.
    pub(super) async fn look_at_quiet(&mut self, contact: ContactId) -> bool {
        let quiet = match self.quiet(contact).await {
            Ok(quiet) => quiet,
            Err(fail) => {
                tracing::warn!(contact = contact.0, problem = %fail.0, "it is not known whether somebody wants quiet");
                return false;
            }
        };
        let before = match quiet {
            Some(quiet) => self.quiets.insert(contact, quiet),
            None => self.quiets.remove(&contact),
        };
        before != quiet
    }

    async fn quiet(&self, contact: ContactId) -> Outcome<Option<Quiet>> {
        let user = log::known_contact(&self.record, contact.0).and_then(|contact| contact.user_id);
        let domain = self.shared.directory.domain(self.record.domain_id).await?;
        let person = Reachable::find(&self.shared.directory, domain.as_deref(), user).await?;
        Ok(person.ways.quiet(self.shared.clock.now()))
    }
}
