//! Turns a guest's link into a guest, if the link is good.

use std::{net::IpAddr, sync::Arc, time::Duration};

use farhand_domain::ids::ContactId;
use farhand_protocol::{ErrorCode, Problem};
use farhand_store::{
    Store,
    model::{self, Domain, GuestInvitation},
};
use sha2::{Digest, Sha256};

use super::{Attempts, Guest, call_link::CallLink, guest_link::GuestLink, request_link::RequestLink};
use crate::{
    directory::Directory,
    http::{Fail, Outcome},
    keys::Keys,
    world::SharedClock,
    ws::Hub,
};

/// Characters of what a wrong link claims that are remembered with it.
const MAX_CLAIM: usize = 20;
/// Stands for all links to whole calls: who guesses one guesses all of it.
const CALL: &str = "call";

/// What checking a link takes.
pub struct Guests {
    pub store: Arc<dyn Store>,
    pub directory: Arc<Directory>,
    pub hub: Arc<Hub>,
    pub clock: SharedClock,
    pub keys: Arc<Keys>,
    pub attempts: Arc<Attempts>,
    /// How long a planned call stays open for its people to come; as long its links are good.
    pub open: Duration,
}

/// Somebody with a good link, who may have to accept terms yet.
pub struct Invited {
    pub guest: Guest,
    pub invitation: GuestInvitation,
    pub domain: Arc<Domain>,
}

/// The good link to a whole call.
pub struct Open {
    pub link: CallLink,
    pub domain: Arc<Domain>,
}

/// Whoever came by the good link of a machine.
pub struct AtMachine {
    pub link: model::RequestLink,
    pub domain: Arc<Domain>,
}

impl Invited {
    /// What has to be accepted before anything else.
    pub fn terms(&self) -> Option<&str> {
        let text = self.domain.guest_terms.as_deref()?;
        let accepted = self.invitation.link.accepted.as_ref();
        let is_this = accepted.is_some_and(|accepted| accepted.text == version_of(text));
        (!is_this).then_some(text)
    }
}

/// Names a text of terms: whoever has accepted one has not accepted another.
pub fn version_of(text: &str) -> String {
    hex_digest(text.as_bytes())
}

/// SHA-256 as hexadecimal digits.
pub fn hex_digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

impl Guests {
    /// Who the link belongs to.
    pub async fn check(&self, token: &str, from: IpAddr) -> Outcome<Guest> {
        let invited = self.look(token, from).await?;
        if invited.terms().is_some() {
            let detail = "Accept the terms of whoever invites you first: POST /guest/look shows them.";
            return Err(Fail::new(ErrorCode::TermsRequired, detail));
        }
        Ok(invited.guest)
    }

    /// The same without asking for terms.
    pub async fn look(&self, token: &str, from: IpAddr) -> Outcome<Invited> {
        let link = self.proven(GuestLink::read(&self.keys, token), GuestLink::claimed(token), from, unknown)?;
        let invitation = self.store.guest_invitation(link.contact).await?.ok_or_else(unknown)?;
        self.refuse_dead(&link, &invitation)?;
        let domain = self.domain(invitation.domain_id).await?;
        let guest = Guest {
            contact: ContactId(link.contact),
            generation: link.generation,
            call_id: invitation.call_id,
            domain_id: invitation.domain_id,
            display_name: invitation.display_name.clone(),
        };
        Ok(Invited { guest, invitation, domain })
    }

    /// The link to a whole call. Whether the call knows it still is asked of the call.
    pub async fn look_at_call(&self, token: &str, from: IpAddr) -> Outcome<Open> {
        let link = self.proven(CallLink::read(&self.keys, token), CALL, from, unknown)?;
        if link.until <= self.clock.now() {
            return Err(expired());
        }
        Ok(Open { link, domain: self.domain(link.domain_id).await? })
    }

    /// The public link of a machine. Whatever is wrong with it, the answer is the same: which links there were is for nobody to know.
    pub async fn look_at_machine(&self, token: &str, from: IpAddr) -> Outcome<AtMachine> {
        let read = RequestLink::read(&self.keys, token);
        let claimed = self.proven(read, RequestLink::claimed(token), from, leads_nowhere)?;
        let link = self.store.request_link(claimed.id).await?.ok_or_else(leads_nowhere)?;
        let expired = link.expires_at.is_some_and(|at| at <= self.clock.now());
        if link.generation != claimed.generation || expired {
            return Err(leads_nowhere());
        }
        let domain = self.domain(link.domain_id).await?;
        Ok(AtMachine { link, domain })
    }

    async fn domain(&self, id: i64) -> Outcome<Arc<Domain>> {
        let domain = self.directory.domain(id).await?.ok_or_else(unknown)?;
        if !domain.guests_allowed {
            return Err(Fail::new(ErrorCode::GuestsNotAllowed, "This domain does not allow guests any more."));
        }
        Ok(domain)
    }

    /// Wrong ones count like wrong passwords. A right one is let in all the same: nobody guesses it, and whoever tries must not lock out
    /// those who have it.
    fn proven<L>(&self, link: Option<L>, claimed: &str, from: IpAddr, unknown: fn() -> Fail) -> Outcome<L> {
        if let Some(link) = link {
            return Ok(link);
        }
        let account: String = format!("#{claimed}").chars().take(MAX_CLAIM).collect();
        let now = self.clock.now();
        if let Some(wait) = self.attempts.must_wait(now, &account, from) {
            let seconds = wait.as_secs().max(1);
            let detail = format!("Too many wrong links. Wait {seconds} seconds.");
            return Err(Problem::new(ErrorCode::TooManyAttempts, detail).retry_after(seconds).into());
        }
        self.attempts.failed(now, &account, from);
        tracing::info!(%from, "a guest's link was refused");
        Err(unknown())
    }

    fn refuse_dead(&self, link: &GuestLink, invitation: &GuestInvitation) -> Outcome<()> {
        if link.generation != invitation.link.generation {
            return Err(revoked());
        }
        if invitation.call_ended {
            return Err(Fail::new(ErrorCode::CallEnded, "The call has ended, and the link with it."));
        }
        let opened = invitation.planned_at.map(|at| at + self.open);
        let until = opened.map_or(link.until, |opened| opened.max(link.until));
        // Whoever is in the call is not shut out of it by a lost connection; whoever asked for it has it as long as it waits.
        let is_in = || invitation.made_it || self.hub.is_seated(ContactId(link.contact), invitation.call_id);
        if until <= self.clock.now() && !is_in() {
            return Err(expired());
        }
        Ok(())
    }
}

/// Guessed, taken back, expired or deleted.
fn leads_nowhere() -> Fail {
    let detail = "The link leads nowhere, or not any more. Look for a newer one where you found it.";
    Fail::new(ErrorCode::RequestLinkUnknown, detail)
}

fn expired() -> Fail {
    Fail::new(ErrorCode::GuestLinkExpired, "The link has expired. Ask whoever invited you for a new one.")
}

pub fn unknown() -> Fail {
    let detail = "The link is not complete, or not from this server. Open it as it was sent.";
    Fail::new(ErrorCode::GuestLinkUnknown, detail)
}

pub fn revoked() -> Fail {
    let detail = "The link was taken back. Ask whoever invited you for a new one.";
    Fail::new(ErrorCode::GuestLinkRevoked, detail)
}
