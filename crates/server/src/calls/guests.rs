//! Guests of a call: their links are made with their invitations, given out, taken back and sent again, and what they accept is noted.
//! The links themselves are nowhere: only which generation of each is good.

use std::time::Duration;

use farhand_domain::{call::Event, delivery::Channel, ids::ContactId, time::Timestamp};
use farhand_protocol::{ErrorCode, Problem};
use farhand_store::model::{AcceptedTerms, CallRecord, Delivery, GuestLink, Invitation};
use uuid::Uuid;

use super::{Shared, actor::CallActor, ask::By, change::Extra, log, reaching::Reachable, refusal::allowed};
use crate::{
    auth::{Guest, revoked},
    http::{Fail, Outcome},
    notify::Facts,
};

/// Between two messages to the same person; more would look like an attack to whoever gets them, and text messages cost money.
const RESEND_AFTER: Duration = Duration::from_mins(1);
/// To the same person in the same call.
const MOST_RESENT: usize = 10;

pub const LINK_REVOKED: &str = "LinkRevoked";
pub const INVITATION_RESENT: &str = "InvitationResent";
pub const TERMS_ACCEPTED: &str = "TermsAccepted";

/// What is asked about a guest.
pub enum GuestAsk {
    /// That the link is good for a while, to be given out.
    Link {
        contact: ContactId,
    },
    Revoke {
        contact: ContactId,
    },
    /// Also of somebody with an account: then the message leads to the page after the login.
    Resend {
        contact: ContactId,
    },
    /// One message that was not sent.
    ResendOne {
        message: Uuid,
    },
    /// By the guest: the terms of this version.
    Accept {
        text: String,
    },
}

impl Shared {
    /// Links for those of the invited who have no account.
    pub(super) fn links(&self, invited: &[Invitation], planned: Option<Timestamp>, now: Timestamp) -> Vec<GuestLink> {
        let guests = invited.iter().filter(|invitation| invitation.contact.user_id.is_none());
        let expires_at = self.expiry(planned, now);
        let link = |guest: &Invitation| GuestLink {
            contact_id: guest.contact.id,
            generation: 1,
            expires_at,
            accepted: None,
            knock: None,
        };
        guests.map(link).collect()
    }

    pub(super) fn expiry(&self, planned: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let opened = planned.map(|at| at + self.policy.open);
        opened.map_or(now + self.guest_link_life, |opened| opened.max(now + self.guest_link_life))
    }
}

pub fn link_of(record: &CallRecord, contact: ContactId) -> Option<&GuestLink> {
    record.guest_links.iter().find(|link| link.contact_id == contact.0)
}

impl CallActor {
    /// Somebody whose link was taken back meanwhile may have asked before.
    pub(super) fn refuse_revoked(&self, by: By) -> Outcome<()> {
        let good = link_of(&self.record, by.asker.contact).map(|link| link.generation);
        if by.link.is_none_or(|used| Some(used.get()) == good) { Ok(()) } else { Err(revoked()) }
    }

    /// Whether the link is good by which this guest has come.
    pub(super) fn is_good(&self, guest: &Guest) -> bool {
        link_of(&self.record, guest.contact).is_some_and(|link| link.generation == guest.generation)
    }

    pub(super) async fn guest(&mut self, by: By, ask: GuestAsk) -> Outcome<()> {
        let extra = match ask {
            GuestAsk::Accept { text } => self.accepted(by.asker.contact, text)?,
            GuestAsk::Link { contact } => {
                self.allow_inviting(by)?;
                Extra { guest_links: self.renewed(contact)?.into_iter().collect(), ..Extra::default() }
            }
            GuestAsk::Resend { contact } => {
                self.allow_inviting(by)?;
                self.resent(contact).await?
            }
            GuestAsk::ResendOne { message } => {
                allowed(by.asker.admin, "Only administrators may send single messages again.")?;
                self.resent_one(message)?
            }
            GuestAsk::Revoke { contact } => {
                self.allow_inviting(by)?;
                return self.revoke(contact).await;
            }
        };
        self.step(Event::Tick, extra).await
    }

    fn allow_inviting(&self, by: By) -> Outcome<()> {
        allowed(by.asker.may_invite(&self.call), "Only people in the call may give out its invitations.")
    }

    fn link(&self, contact: ContactId) -> Outcome<GuestLink> {
        let no_guest = || Fail::new(ErrorCode::UnknownContact, "This is no guest of this call.");
        link_of(&self.record, contact).cloned().ok_or_else(no_guest)
    }

    /// The link as it is to be given out, if it has to be changed for that: one whose time is over gets more.
    fn renewed(&self, contact: ContactId) -> Outcome<Option<GuestLink>> {
        let link = self.link(contact)?;
        let now = self.shared.clock.now();
        let expires_at = self.shared.expiry(self.record.planned_at, now);
        Ok((link.expires_at <= now).then_some(GuestLink { expires_at, ..link }))
    }

    /// The next generation is good from now on; whoever came by an earlier one has to go.
    async fn revoke(&mut self, contact: ContactId) -> Outcome<()> {
        let link = self.link(contact)?;
        let expires_at = self.shared.expiry(self.record.planned_at, self.shared.clock.now());
        let next = GuestLink { generation: link.generation + 1, expires_at, ..link };
        let event = if self.call.is_seated(contact) { Event::Leave { contact } } else { Event::Tick };
        let extra = Extra {
            guest_links: vec![next],
            notes: vec![(LINK_REVOKED, contact)],
            revoked: Some(contact),
            ..Extra::default()
        };
        self.step(event, extra).await
    }

    async fn resent(&self, contact: ContactId) -> Outcome<Extra> {
        let invited = self.record.invited.iter().find(|invitation| invitation.contact.id == contact.0);
        let stranger = || Fail::new(ErrorCode::UnknownContact, "This person is not invited to this call.");
        let invitation = invited.ok_or_else(stranger)?;
        if invitation.email.is_none() && invitation.phone.is_none() {
            let detail = "This person was invited without an address.";
            return Err(Fail::new(ErrorCode::ContactUnreachable, detail));
        }
        let now = self.shared.clock.now();
        self.refuse_too_many(contact, now)?;
        let renewed = if invitation.contact.user_id.is_none() { self.renewed(contact)? } else { None };
        let link = renewed.as_ref().or(link_of(&self.record, contact));
        let directory = &self.shared.directory;
        let domain = directory.domain(self.record.domain_id).await?;
        let person = Reachable::find(directory, domain.as_deref(), invitation.contact.user_id).await?;
        let language = person.ways.language(invitation.language.as_deref());
        Ok(Extra {
            messages: self.shared.messages_again(&self.record, now, invitation, link, language),
            guest_links: renewed.into_iter().collect(),
            notes: vec![(INVITATION_RESENT, contact)],
            ..Extra::default()
        })
    }

    /// To the same address, whatever there is to be said now.
    fn resent_one(&self, id: Uuid) -> Outcome<Extra> {
        let no_such = || Fail::new(ErrorCode::NotFound, "There is no such message that was not sent.");
        let told = |delivery: &&Delivery| delivery.state.is_dead() && log::is_told(delivery, delivery.state);
        let dead = self.record.deliveries.iter().filter(told).find(|delivery| delivery.id == id);
        let dead = dead.ok_or_else(no_such)?;
        let contact = ContactId(dead.contact_id);
        let invitation = self.record.invited.iter().find(|invitation| invitation.contact.id == dead.contact_id);
        let invitation = invitation.ok_or_else(no_such)?;
        let now = self.shared.clock.now();
        let renewed = if invitation.contact.user_id.is_none() { self.renewed(contact)? } else { None };
        let link = renewed.as_ref().or(link_of(&self.record, contact));
        let language = Facts::of(dead).ok().and_then(|facts| facts.language);
        let way = (dead.channel, dead.address.as_str());
        let again = self.shared.message_again(&self.record, now, invitation, link, language.as_deref(), way);
        Ok(Extra {
            messages: vec![again],
            guest_links: renewed.into_iter().collect(),
            notes: vec![(INVITATION_RESENT, contact)],
            ..Extra::default()
        })
    }

    fn refuse_too_many(&self, contact: ContactId, now: Timestamp) -> Outcome<()> {
        // What browsers are told is replaced by the next, and costs nobody anything.
        let counts = |delivery: &&Delivery| delivery.contact_id == contact.0 && delivery.channel != Channel::Push;
        let deliveries = self.record.deliveries.iter().filter(counts);
        let first = deliveries.filter_map(|delivery| delivery.steps.first()).map(|step| step.at).max();
        let sent = self.record.history.iter().filter(|row| row.kind == INVITATION_RESENT);
        if sent.filter(|row| row.contact_id == Some(contact.0)).count() >= MOST_RESENT {
            let detail = format!("An invitation can be sent {MOST_RESENT} times more. Copy the link instead.");
            return Err(Fail::new(ErrorCode::TooManyAttempts, detail));
        }
        let wait = first.map(|at| at + RESEND_AFTER).filter(|again| *again > now).map(|again| now.until(again));
        let Some(wait) = wait else { return Ok(()) };
        let seconds = wait.as_secs().max(1);
        let detail = format!("The last message to this person is not a minute old. Wait {seconds} seconds.");
        Err(Problem::new(ErrorCode::TooManyAttempts, detail).retry_after(seconds).into())
    }

    fn accepted(&self, contact: ContactId, text: String) -> Outcome<Extra> {
        let link = self.link(contact)?;
        if link.accepted.as_ref().is_some_and(|accepted| accepted.text == text) {
            return Ok(Extra::default());
        }
        let accepted = Some(AcceptedTerms { text, at: self.shared.clock.now() });
        Ok(Extra {
            guest_links: vec![GuestLink { accepted, ..link }],
            notes: vec![(TERMS_ACCEPTED, contact)],
            ..Extra::default()
        })
    }
}
