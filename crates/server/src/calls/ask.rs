//! What can be asked of a call, by whom, and the way there: the mailbox of its task while it runs, the database once it has ended.

use std::{num::NonZeroI64, sync::Arc};

use farhand_domain::{
    access::Actor as Asker,
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::{
    ErrorCode, Problem,
    auth::Role,
    frame::{CallView, MediaOffer, MediaState, MediaTrack, MediaView, Signal},
    statistics::MediaReport,
};
use farhand_store::model::CallRecord;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::{
    Calls,
    guests::GuestAsk,
    ladder::{StillAnswer, StillAsk},
    lobby::{LobbyAsk, Standing},
    log, no_such_call,
    reaching::News,
    requests::RequestAsk,
    resolve::Resolved,
};
use crate::{
    auth::{Guest, Login, Principal},
    http::{Fail, Outcome},
    ws::Session,
};

/// Who asks, and where from.
#[derive(Clone, Copy)]
pub struct By {
    pub asker: Asker,
    /// Calls of other domains do not exist, not even for their administrators.
    pub domain_id: i64,
    pub device: Option<DeviceId>,
    /// For a guest: the generation of the link.
    pub link: Option<NonZeroI64>,
}

impl By {
    /// The server itself.
    pub fn server(domain_id: i64) -> Self {
        let asker = Asker { contact: ContactId(0), admin: true, expert: false, guest: false };
        Self { asker, domain_id, device: None, link: None }
    }
}

/// What is asked of a call.
pub enum Ask {
    Read,
    /// `device`: where the media is to go; who has none is refused, with the weightier reason if there is one.
    Join {
        device: Option<DeviceId>,
        rejoin: Option<u64>,
        /// The device wants to go on with the connection it made while it rang.
        prepared: bool,
        /// For the SFU, if media go through it. Boxed like all that holds an SDP.
        offer: Option<Box<MediaOffer>>,
    },
    Decline,
    Leave,
    End,
    Invite(Box<Resolved>),
    RingAgain {
        contact: ContactId,
    },
    Update {
        title: Option<String>,
        planned_at: Option<Timestamp>,
        planned_zone: Option<String>,
        join_anonymous: Option<bool>,
    },
    Start,
    /// Calls off what nobody has joined yet.
    Cancel,
    ConnectionLost {
        device: DeviceId,
    },
    ConnectionBack {
        device: DeviceId,
    },
    Signal {
        epoch: u64,
        to: ContactId,
        /// Boxed: an SDP's texts would make every command in every mailbox as large as this one.
        signal: Box<Signal>,
    },
    Media(Box<MediaAsk>),
    /// Something about still pictures.
    Still(Box<StillAsk>),
    /// How the media have been. One that comes late is nobody's, and no mistake.
    Report(Box<MediaReport>),
    /// How somebody was reached, or can be.
    Reached(News),
    /// A session has opened: tell it how the call stands.
    Attach(Arc<Session>),
    /// About a guest's link.
    Guest(Box<GuestAsk>),
    /// About people at the door.
    Lobby(Box<LobbyAsk>),
    /// About a service request.
    Request(Box<RequestAsk>),
}

/// What only those in the call may ask, from where they sit.
pub enum MediaAsk {
    /// An offer to the SFU.
    Offer {
        epoch: u64,
        sdp: String,
        tracks: Vec<MediaTrack>,
    },
    Views(Vec<MediaView>),
    State(MediaState),
    PathFailed {
        epoch: u64,
    },
}

pub struct Command {
    pub by: By,
    pub ask: Ask,
    pub reply: oneshot::Sender<Result<Answer, Fail>>,
}

pub struct Answer {
    pub record: Arc<CallRecord>,
    /// For whoever asked from a device.
    pub view: Option<Box<CallView>>,
    /// The SFU's answer to an offer.
    pub sdp: Option<String>,
    pub still: Option<StillAnswer>,
    /// How a knock stands, and goes on standing.
    pub at_door: Option<watch::Receiver<Standing>>,
}

impl Calls {
    /// Asks something of a call, running or ended.
    pub async fn ask(&self, call_id: Uuid, by: By, ask: Ask) -> Outcome<Answer> {
        let (harmless, reads) = (harmless(&ask), matches!(ask, Ask::Read));
        let from_database = |record: CallRecord| match record.ended_at {
            None if !reads => Err(not_cared_for()),
            Some(_) if !harmless => Err(Fail::new(ErrorCode::CallEnded, "The call has ended.")),
            _ => Ok(Answer { record: Arc::new(record), view: None, sdp: None, still: None, at_door: None }),
        };
        let (reply, answer) = oneshot::channel();
        let mut untold = self.tell(call_id, Command { by, ask, reply }).await;
        // What sleeps is read once, by its task, which knows who may ask.
        if let Some(id) = self.shared.sleeping(call_id).filter(|_| untold.is_some() && !reads)
            && let Some(mailbox) = self.take_up_lost(call_id, id).await?
            && let Some(command) = untold.take()
        {
            untold = mailbox.send(command).await.err().map(|unsent| unsent.0);
        }
        if let Some(command) = untold {
            let record = self.readable(call_id, by).await?;
            // Nothing has happened to what sleeps; to look at it does not wake it.
            if record.ended_at.is_some() || (reads && self.shared.sleeping(call_id).is_some()) {
                return from_database(record);
            }
            untold = match self.take_up_lost(call_id, record.id).await? {
                Some(mailbox) => mailbox.send(command).await.err().map(|unsent| unsent.0),
                None => self.tell(call_id, command).await,
            };
        }
        if untold.is_none()
            && let Ok(answer) = answer.await
        {
            return answer;
        }
        from_database(self.readable(call_id, by).await?)
    }

    /// Puts a command into the mailbox of a call's task, or gives it back if there is none.
    async fn tell(&self, call_id: Uuid, command: Command) -> Option<Command> {
        let mailbox = self.shared.lock().calls.get(&call_id).cloned();
        match mailbox {
            Some(mailbox) => mailbox.send(command).await.err().map(|unsent| unsent.0),
            None => Some(command),
        }
    }

    /// A call as the database has it, for whoever may read it.
    async fn readable(&self, call_id: Uuid, by: By) -> Outcome<CallRecord> {
        let record = self.shared.store.call(call_id).await?.ok_or_else(no_such_call)?;
        let took_part = log::known_contact(&record, by.asker.contact.0).is_some();
        let may = by.asker.admin || took_part || self.shared.is_for_team_of(by, &record).await?;
        if record.domain_id != by.domain_id || !may {
            return Err(no_such_call());
        }
        Ok(record)
    }

    /// Who somebody is to a call.
    pub async fn by(&self, login: &Login, device: Option<DeviceId>) -> Outcome<By> {
        let contact = self.contact_of(login.user.id).await?;
        let asker = Asker { contact, admin: login.has(Role::Admin), expert: login.has(Role::Expert), guest: false };
        Ok(By { asker, domain_id: login.user.domain_id, device, link: None })
    }

    pub fn by_guest(guest: &Guest, device: Option<DeviceId>) -> By {
        let asker = Asker { contact: guest.contact, admin: false, expert: false, guest: true };
        By { asker, domain_id: guest.domain_id, device, link: NonZeroI64::new(guest.generation) }
    }

    pub async fn by_principal(&self, principal: &Principal, device: Option<DeviceId>) -> Outcome<By> {
        match principal {
            Principal::User(login) => self.by(login, device).await,
            Principal::Guest(guest) => Ok(Self::by_guest(guest, device)),
        }
    }

    /// The same for what the server says on a session's behalf: nothing has to be asked of the database, which may be away.
    pub fn by_session(session: &Session) -> By {
        let guest = session.principal.guest().is_some();
        let asker = Asker { contact: session.contact, admin: false, expert: false, guest };
        // Not the link: a seat is given up whatever has become of that.
        By { asker, domain_id: session.principal.domain_id(), device: Some(session.device), link: None }
    }
}

/// What may be asked of a call that has ended, and changes nothing there: clients cannot know in time.
fn harmless(ask: &Ask) -> bool {
    match ask {
        Ask::Read
        | Ask::Decline
        | Ask::Leave
        | Ask::End
        | Ask::ConnectionLost { .. }
        | Ask::ConnectionBack { .. }
        | Ask::Report(_)
        | Ask::Reached(_)
        | Ask::Attach(_) => true,
        Ask::Join { .. }
        | Ask::Invite(_)
        | Ask::RingAgain { .. }
        | Ask::Update { .. }
        | Ask::Start
        | Ask::Cancel
        | Ask::Media(_)
        | Ask::Still(_)
        | Ask::Guest(_)
        | Ask::Lobby(_)
        | Ask::Request(_)
        | Ask::Signal { .. } => false,
    }
}

/// For whoever may not read a call it does not exist. Whoever tries to join one of the own domain is told that it takes an
/// invitation.
/// A guest knows of one call, and learns of no other.
pub(super) fn not_yours(ask: &Ask, by: By, own_domain: bool) -> Fail {
    if own_domain && !by.asker.guest && matches!(ask, Ask::Join { .. }) {
        return Fail::new(ErrorCode::NotInvited, "You are not invited to this call.");
    }
    no_such_call()
}

/// Its task has stopped in the midst of this, another server has it, or it is so new that it has none yet.
fn not_cared_for() -> Fail {
    let detail = "The call cannot be changed at the moment. Look at it, then try again.";
    Problem::new(ErrorCode::StorageUnavailable, detail).retry_after(1).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_small_because_every_running_call_has_a_mailbox_full_of_room_for_them() {
        assert!(size_of::<Command>() <= 160, "{} bytes", size_of::<Command>());
    }
}
