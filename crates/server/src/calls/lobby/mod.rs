//! The way into a call for people nobody has invited: the link to the whole call, and the lobby where whoever comes by it waits until
//! somebody inside opens. Nothing of the call is told there.

mod waiting;

use farhand_domain::{
    access::Actor as Asker,
    call::{Event, Invited, Invitee, Phase},
    ids::ContactId,
};
use farhand_protocol::{ErrorCode, auth::Role};
use farhand_store::model::{AcceptedTerms, CallLink, CallRecord, GuestLink, Invitation, NewGuest};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    actor::{CallActor, Given},
    ask::By,
    change::Extra,
    guests::link_of,
    refusal::allowed,
};
use crate::{
    auth,
    http::{Fail, Outcome},
    world::new_id,
    ws::Session,
};
use waiting::settled;
pub use waiting::{Knock, Lobby, Standing};

pub const ADMITTED: &str = "Admitted";
pub const REFUSED: &str = "RefusedFromLobby";
pub const CALL_LINK_REVOKED: &str = "CallLinkRevoked";
pub const OPENED: &str = "OpenedToAnonymous";
pub const CLOSED: &str = "ClosedToAnonymous";

/// What is asked about people at the door.
pub enum LobbyAsk {
    /// By whoever has the call's link.
    Knock(Knock),
    /// Waits no longer.
    Leave {
        hash: String,
    },
    Admit {
        id: Uuid,
    },
    Refuse {
        id: Uuid,
    },
    /// That the call's link is good for a while, to be given out.
    Link,
    RevokeLink,
    /// Whether a code may be made: for the call, or for a guest of it.
    Code {
        guest: Option<ContactId>,
    },
}

/// The link to the whole call as it is to be given out.
pub fn call_link(record: &CallRecord) -> Option<auth::CallLink> {
    let CallLink { generation, expires_at } = record.link?;
    Some(auth::CallLink::new(record.call_id, record.domain_id, generation, expires_at))
}

/// Who a session is to its call, for what it is shown.
pub(super) fn asker(session: &Session) -> Asker {
    let login = session.principal.login();
    let has = |role| login.is_some_and(|login| login.has(role));
    Asker {
        contact: session.contact,
        admin: has(Role::Admin),
        expert: has(Role::Expert),
        guest: session.principal.guest().is_some(),
    }
}

impl CallActor {
    pub(super) async fn lobby_ask(&mut self, by: By, ask: LobbyAsk) -> Outcome<Given> {
        match ask {
            LobbyAsk::Knock(knock) => return self.knock(knock).map(Given::AtDoor),
            LobbyAsk::Leave { hash } => {
                if self.lobby.leave(&hash) {
                    self.show_lobby();
                }
            }
            LobbyAsk::Admit { id } => self.admit(by, id).await?,
            LobbyAsk::Refuse { id } => self.turn_away(by, id).await?,
            LobbyAsk::Link => {
                allowed(by.asker.may_invite(&self.call), "Only people in the call may give out its link.")?;
                self.renew_link().await?;
            }
            LobbyAsk::RevokeLink => self.revoke_link(by).await?,
            LobbyAsk::Code { guest: Some(guest) } => {
                allowed(by.asker.may_invite(&self.call), "Only people in the call may give out its invitations.")?;
                if link_of(&self.record, guest).is_none() {
                    return Err(Fail::new(ErrorCode::UnknownContact, "This is no guest of this call."));
                }
            }
            LobbyAsk::Code { guest: None } => self.allow_hosting(by)?,
        }
        Ok(Given::Nothing)
    }

    fn allow_hosting(&self, by: By) -> Outcome<()> {
        allowed(by.asker.may_end(&self.call), "Only the creator, experts in the call and administrators may do that.")
    }

    fn refuse_closed(&self) -> Outcome<()> {
        if self.record.join_anonymous {
            return Ok(());
        }
        let detail = "The call is not open to people who are not invited. Whoever made it can change that.";
        Err(Fail::new(ErrorCode::AnonymousNotAllowed, detail))
    }

    fn knock(&mut self, knock: Knock) -> Outcome<watch::Receiver<Standing>> {
        self.refuse_closed()?;
        if self.record.link.is_none_or(|link| link.generation != knock.generation) {
            return Err(auth::revoked());
        }
        if let Some(standing) = self.decided(&knock.hash) {
            return Ok(settled(standing));
        }
        let (standing, fresh) = self.lobby.knock(self.shared.clock.now(), new_id(), knock, self.is_hosted())?;
        if fresh {
            self.show_lobby();
        }
        Ok(standing)
    }

    /// Whoever was admitted and did not hear of it, because the server stopped or the connection broke. Not once the guest's link was
    /// taken back: the knock would bring it back.
    fn decided(&self, hash: &str) -> Option<Standing> {
        let link = self.record.guest_links.iter().find(|link| link.knock.as_deref() == Some(hash))?;
        Some(if link.generation == 1 { Standing::Admitted(auth::GuestLink::from(link)) } else { Standing::Refused })
    }

    /// Whether somebody who may open has this call before them.
    fn is_hosted(&self) -> bool {
        self.hosts().iter().any(|session| session.is_connected())
    }

    /// Looked at after whatever has happened: sessions come and go by commands, too.
    pub(super) fn follow_lobby(&mut self) {
        if self.lobby.sweep(self.shared.clock.now()) {
            self.show_lobby();
        }
        if !self.lobby.is_empty() {
            self.lobby.tell_hosted(self.is_hosted());
        }
    }

    fn hosts(&self) -> Vec<std::sync::Arc<Session>> {
        let sessions = self.concerned().into_iter().flat_map(|contact| self.shared.hub.sessions_of(contact));
        sessions.filter(|session| asker(session).may_end(&self.call)).collect()
    }

    pub(super) fn show_lobby(&self) {
        for session in self.hosts() {
            self.show_call_in(&session);
        }
    }

    /// The guest is one like those with an invitation from now on.
    async fn admit(&mut self, by: By, id: Uuid) -> Outcome<()> {
        self.allow_hosting(by)?;
        let knock = self.lobby.knock_of(id).ok_or_else(not_waiting)?;
        let guest = NewGuest { domain_id: self.record.domain_id, display_name: knock.name.clone() };
        let contact = self.shared.store.create_guests(&[guest]).await?.pop();
        let contact = contact.ok_or_else(|| Fail::internal("the store made no contact"))?;
        let (now, guest) = (self.shared.clock.now(), ContactId(contact.id));
        let link = GuestLink {
            contact_id: contact.id,
            generation: 1,
            expires_at: self.shared.expiry(self.record.planned_at, now),
            accepted: knock.terms.map(|text| AcceptedTerms { text, at: now }),
            knock: Some(knock.hash),
        };
        let given_out = auth::GuestLink::from(&link);
        let extra = Extra {
            invited: vec![Invitation { display_name: knock.name, ..Invitation::of(contact) }],
            guest_links: vec![link],
            notes: vec![(ADMITTED, guest)],
            ..Extra::default()
        };
        let invited = Invited::people([Invitee { contact: guest, ring_for: self.shared.policy.popup_ring }]);
        self.step(Event::Invite(invited), extra).await?;
        self.lobby.admitted(id, given_out);
        self.show_lobby();
        Ok(())
    }

    async fn turn_away(&mut self, by: By, id: Uuid) -> Outcome<()> {
        self.allow_hosting(by)?;
        self.lobby.knock_of(id).ok_or_else(not_waiting)?;
        let notes = vec![(REFUSED, self.known_or_creator(by.asker.contact))];
        self.step(Event::Tick, Extra { notes, ..Extra::default() }).await?;
        self.lobby.refuse(self.shared.clock.now(), id);
        self.show_lobby();
        Ok(())
    }

    /// There is one from the first time on that somebody wants it; one whose time is over gets more.
    async fn renew_link(&mut self) -> Outcome<()> {
        self.refuse_closed()?;
        let now = self.shared.clock.now();
        if self.record.link.is_some_and(|link| link.expires_at > now) {
            return Ok(());
        }
        let generation = self.record.link.map_or(1, |link| link.generation);
        self.save_link(generation, Vec::new()).await
    }

    async fn save_link(&mut self, generation: i64, notes: Vec<(&'static str, ContactId)>) -> Outcome<()> {
        let expires_at = self.shared.expiry(self.record.planned_at, self.shared.clock.now());
        let link = Some(CallLink { generation, expires_at });
        self.step(Event::Tick, Extra { link, notes, ..Extra::default() }).await
    }

    /// Whoever waits has come by the old one, and must have a new one to go on.
    async fn revoke_link(&mut self, by: By) -> Outcome<()> {
        self.allow_hosting(by)?;
        let Some(link) = self.record.link else { return Ok(()) };
        let notes = vec![(CALL_LINK_REVOKED, self.known_or_creator(by.asker.contact))];
        self.save_link(link.generation + 1, notes).await?;
        self.lobby.clear();
        self.show_lobby();
        Ok(())
    }

    /// Note of a change of who may come to the door.
    pub(super) fn note_of_opening(&self, by: By, wanted: Option<bool>) -> Vec<(&'static str, ContactId)> {
        let changed = wanted.filter(|open| *open != self.record.join_anonymous);
        let kind = changed.map(|open| if open { OPENED } else { CLOSED });
        kind.map(|kind| (kind, self.known_or_creator(by.asker.contact))).into_iter().collect()
    }

    /// Those who wait cannot be let in any more.
    pub(super) fn close_if_not_open(&mut self) {
        if !self.record.join_anonymous {
            self.lobby.clear();
        }
    }

    /// Guests wait in front of a planned call until it begins: somebody has joined, or its time has come.
    pub(super) fn refuse_early(&self, by: By) -> Outcome<()> {
        let begins = match self.call.state().phase {
            Phase::Planned { ring_at } => ring_at,
            Phase::Started { .. } | Phase::Ended { .. } => None,
        };
        if by.asker.guest && begins.is_some_and(|at| at > self.shared.clock.now()) {
            return Err(Fail::new(ErrorCode::CallNotBegun, "The call has not begun yet. Wait until it does."));
        }
        Ok(())
    }
}

fn not_waiting() -> Fail {
    Fail::new(ErrorCode::NotWaiting, "This person waits no more: let in, refused, or gone.")
}
