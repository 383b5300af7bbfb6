//! The shell around the domain's calls. Every command enters through [`Calls::ask`] and goes to the call's own task
//! (`actor.rs`); new calls are made in `create.rs`; calls that have ended are read from the database.

mod actor;
mod change;
mod committer;
mod create;
mod invite;
pub mod log;
mod recover;
pub mod resolve;
mod snapshot;
mod view;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use farhand_domain::{
    access::Actor as Asker,
    call::{Call, Effect},
    ids::{ContactId, DeviceId},
    policy::Policy,
    time::Timestamp,
};
use farhand_protocol::{ErrorCode, auth::Role};
use farhand_store::{
    Store,
    model::{HistoryRow, Invitation, NewEvent, RunningCall},
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    auth::Login,
    directory::Directory,
    http::{Fail, Outcome},
    world::SharedClock,
    ws::{Hub, Session},
};
pub use actor::{Answer, Ask, By};
use actor::{CallActor, Command};
use committer::Committer;
pub use create::{KEY_LIFE, Order, check_title};

/// What every call's task needs.
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub directory: Arc<Directory>,
    pub hub: Arc<Hub>,
    pub clock: SharedClock,
    pub policy: Policy,
    /// Which server this is, and since when: a server that was thought dead cannot write any more.
    pub node: String,
    pub owner_epoch: i64,
    pub committer: Committer,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    calls: HashMap<Uuid, mpsc::Sender<Command>>,
    by_contact: HashMap<ContactId, HashSet<Uuid>>,
    fenced: HashSet<Uuid>,
}

impl Shared {
    /// A call has ended: whoever asks from now on is answered from the database.
    fn forget(&self, call_id: Uuid, contacts: &[ContactId]) {
        let mut live = self.lock();
        live.calls.remove(&call_id);
        for contact in contacts {
            if let Some(of_contact) = live.by_contact.get_mut(contact) {
                of_contact.remove(&call_id);
                if of_contact.is_empty() {
                    live.by_contact.remove(contact);
                }
            }
        }
    }

    /// More people have to do with a running call.
    fn concern(&self, call_id: Uuid, contacts: Vec<ContactId>) {
        let mut live = self.lock();
        for contact in contacts {
            live.by_contact.entry(contact).or_default().insert(call_id);
        }
    }

    fn fence(&self, call_id: Uuid) {
        let mut live = self.lock();
        live.calls.remove(&call_id);
        live.fenced.insert(call_id);
    }

    fn is_fenced(&self, call_id: Uuid) -> bool {
        self.lock().fenced.contains(&call_id)
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
pub struct Calls {
    shared: Arc<Shared>,
}

/// What the calls are built on.
pub struct Ground {
    pub store: Arc<dyn Store>,
    pub directory: Arc<Directory>,
    pub hub: Arc<Hub>,
    pub clock: SharedClock,
    pub policy: Policy,
    pub node: String,
}

impl Calls {
    /// Takes over the calls that were running when the server stopped, with their rings and deadlines.
    pub async fn start(ground: Ground) -> Outcome<Self> {
        let Ground { store, directory, hub, clock, policy, node } = ground;
        let owner_epoch = store.next_owner_epoch(&node).await?;
        let running = store.take_over_running(&node, owner_epoch).await?;
        let committer = Committer::start(store.clone());
        let live = Mutex::default();
        let shared = Shared { store, directory, hub, clock, policy, node, owner_epoch, committer, live };
        let calls = Self { shared: Arc::new(shared) };
        if !running.is_empty() {
            tracing::info!(calls = running.len(), "taking up running calls");
        }
        for call in running {
            calls.take_up(call).await;
        }
        Ok(calls)
    }

    async fn take_up(&self, running: RunningCall) {
        let call_id = running.record.call_id;
        let state = match snapshot::read(&running.state) {
            Ok(state) => state,
            Err(error) => {
                tracing::error!(%call_id, %error, "this call is left alone");
                return;
            }
        };
        let call = Call::restore(state);
        for (contact, _) in call.seated() {
            self.shared.hub.seat_changed(contact, true);
        }
        let record = Arc::new(running.record);
        let (shared, version) = (self.shared.clone(), running.version);
        let mut actor = CallActor { shared, call, record, version, owed: Vec::new(), recovery_owed: true };
        if let Err(fail) = actor.tick().await {
            tracing::warn!(%call_id, problem = %fail.0, "taking up the call could not be saved yet");
        }
        self.spawn(actor, None);
    }

    /// Gives a call its task. What was there before (for a call taken up: nothing new) tells whom to ring.
    fn spawn(&self, actor: CallActor, news: Option<(&Call, &[Effect])>) {
        let (mailbox, commands) = mpsc::channel(actor::MAILBOX);
        if !actor.call.has_ended() {
            self.shared.concern(actor.record.call_id, actor::concerned(&actor.call));
            self.shared.lock().calls.insert(actor.record.call_id, mailbox);
        }
        if let Some((before, effects)) = news {
            actor.perform(before, effects);
        }
        tokio::spawn(actor.run(commands));
    }

    /// Asks something of a call, running or ended.
    pub async fn ask(&self, call_id: Uuid, by: By, ask: Ask) -> Outcome<Answer> {
        let mailbox = self.shared.lock().calls.get(&call_id).cloned();
        if let Some(mailbox) = mailbox {
            let (reply, answer) = oneshot::channel();
            let ended_meanwhile = harmless(&ask);
            if mailbox.send(Command { by, ask, reply }).await.is_ok()
                && let Ok(answer) = answer.await
            {
                return answer;
            }
            return self.ask_ended(call_id, by, ended_meanwhile).await;
        }
        self.ask_ended(call_id, by, harmless(&ask)).await
    }

    async fn ask_ended(&self, call_id: Uuid, by: By, harmless: bool) -> Outcome<Answer> {
        let record = self.shared.store.call(call_id).await?.ok_or_else(no_such_call)?;
        let took_part = log::known_contact(&record, by.asker.contact.0).is_some();
        if record.domain_id != by.domain_id || !(by.asker.admin || took_part) {
            return Err(no_such_call());
        }
        if harmless {
            return Ok(Answer { record: Arc::new(record), view: None });
        }
        Err(Fail::new(ErrorCode::CallEnded, "The call has ended."))
    }

    /// Who somebody is to a call.
    pub async fn by(&self, login: &Login, device: Option<DeviceId>) -> Outcome<By> {
        let contact = self.contact_of(login.user.id).await?;
        let asker = Asker { contact, admin: login.has(Role::Admin), expert: login.has(Role::Expert) };
        Ok(By { asker, domain_id: login.user.domain_id, device })
    }

    /// The same for what the server says on a session's behalf: nothing has to be asked of the database, which may be away.
    pub fn by_session(session: &Session) -> By {
        let asker = Asker { contact: session.contact, admin: false, expert: false };
        By { asker, domain_id: session.login.user.domain_id, device: Some(session.device) }
    }

    pub async fn contact_of(&self, user: i64) -> Outcome<ContactId> {
        let contacts = self.shared.directory.contacts(&[user]).await?;
        let contact = contacts.first().ok_or_else(|| Fail::internal("the store made no contact"))?;
        Ok(ContactId(contact.id))
    }

    /// The running calls somebody has to do with.
    pub fn live_of(&self, contact: ContactId) -> Vec<Uuid> {
        self.shared.lock().by_contact.get(&contact).into_iter().flatten().copied().collect()
    }

    pub fn policy(&self) -> &Policy {
        &self.shared.policy
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
        | Ask::Attach(_) => true,
        Ask::Join { .. }
        | Ask::Invite(_)
        | Ask::RingAgain { .. }
        | Ask::Update { .. }
        | Ask::Start
        | Ask::Signal { .. } => false,
    }
}

/// For whoever may not read a call it does not exist. Whoever tries to join one of the own domain is told that it takes an
/// invitation.
fn not_yours(ask: &Ask, own_domain: bool) -> Fail {
    if own_domain && matches!(ask, Ask::Join { .. }) {
        return Fail::new(ErrorCode::NotInvited, "You are not invited to this call.");
    }
    no_such_call()
}

fn no_such_call() -> Fail {
    Fail::new(ErrorCode::CallNotFound, "There is no such call, or it is not for you to see.")
}

/// The log's new rows.
fn events_of(written: usize, now: Timestamp, effects: &[Effect]) -> Vec<NewEvent> {
    let logged = effects.iter().filter_map(|effect| match *effect {
        Effect::Log { kind, contact } => Some((kind, contact)),
        Effect::Note { .. } | Effect::SeatMoved { .. } => None,
    });
    let event = |(seq, (kind, contact)): (i64, (_, ContactId))| NewEvent {
        seq,
        kind: log::event_name(kind),
        contact_id: contact.0,
        at: now,
    };
    (next_seq(written)..).zip(logged).map(event).collect()
}

/// The history's new rows.
fn history_of(written: usize, now: Timestamp, effects: &[Effect]) -> Vec<HistoryRow> {
    let noted = effects.iter().filter_map(|effect| match *effect {
        Effect::Note { note, contact } => Some((note, contact)),
        Effect::Log { .. } | Effect::SeatMoved { .. } => None,
    });
    let item = |(seq, (note, contact)): (i64, (_, ContactId))| {
        let (kind, reason) = log::note_names(note);
        HistoryRow {
            seq,
            kind: kind.to_owned(),
            contact_id: Some(contact.0),
            channel: None,
            state: None,
            reason: reason.map(str::to_owned),
            at: now,
        }
    };
    (next_seq(written)..).zip(noted).map(item).collect()
}

/// Addresses a message could have gone to. No sender is set up, and the history says so: it is never queued.
fn note_deliveries(history: &mut Vec<HistoryRow>, written: usize, now: Timestamp, invited: &[Invitation]) {
    for invitation in invited {
        let channels = [("email", &invitation.email), ("sms", &invitation.phone)];
        for (channel, _) in channels.into_iter().filter(|(_, address)| address.is_some()) {
            history.push(HistoryRow {
                seq: next_seq(written + history.len()),
                kind: "Notification".to_owned(),
                contact_id: Some(invitation.contact.id),
                channel: Some(channel.to_owned()),
                state: Some("notConfigured".to_owned()),
                reason: None,
                at: now,
            });
        }
    }
}

fn next_seq(written: usize) -> i64 {
    i64::try_from(written).unwrap_or(i64::MAX).saturating_add(1)
}
