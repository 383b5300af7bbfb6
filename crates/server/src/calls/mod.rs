//! The shell around the domain's calls. Every command enters through [`Calls::ask`] (`ask.rs`) and goes to the call's own task
//! (`actor.rs`); new calls are made in `create.rs`; calls that have ended are read from the database.

mod actor;
mod ask;
mod browsers;
mod budgets;
mod by_link;
mod call_backs;
mod change;
mod committer;
mod create;
mod deliveries;
pub mod discreet;
mod forward;
mod guests;
mod invite;
mod ladder;
mod lobby;
pub mod log;
mod media;
mod pace;
mod reaching;
mod recover;
mod refusal;
mod reminding;
mod requests;
pub mod resolve;
mod ring_news;
mod rows;
mod schedule;
mod sleep;
mod snapshot;
mod statistics;
mod steady;
mod stills;
mod teams;
mod tell;
mod view;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use farhand_domain::{
    call::{Call, Effect, Place},
    ids::ContactId,
    policy::Policy,
    queue::LATELY,
    time::Timestamp,
};
use farhand_protocol::ErrorCode;
use farhand_store::{
    Store,
    model::{Delivery, RunningCall},
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    auth::Principal,
    directory::Directory,
    http::{Fail, Outcome},
    media::Workers,
    notify::Notify,
    requests::Queues,
    turn::Turn,
    world::SharedClock,
    ws::Hub,
};
use actor::CallActor;
use ask::Command;
pub use ask::{Answer, Ask, By, MediaAsk};
pub use by_link::LinkOrder;
use committer::Committer;
pub use create::{KEY_LIFE, Order, check_title};
pub use guests::{GuestAsk, link_of};
pub use ladder::{StillAnswer, StillAsk};
pub use lobby::{Knock, LobbyAsk, Standing, call_link};
pub use reaching::News;
pub use requests::{RequestAsk, check_note};
pub use ring_news::RingNews;
pub use stills::{MAX_STILL, Part, Piece, Received};
pub use view::wire_quiet;

/// Running calls that are read at once after a start: more cost memory, fewer more questions.
const PAGE: u64 = 1_000;
/// And taken up at once: those that have something to save do so together.
const AT_ONCE: usize = 64;

/// What every call's task needs.
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub directory: Arc<Directory>,
    pub hub: Arc<Hub>,
    pub clock: SharedClock,
    pub policy: Policy,
    /// For how long guests' links are made.
    guest_link_life: Duration,
    /// How long before a planned call people are reminded of it.
    reminder: Option<Duration>,
    pub workers: Arc<Workers>,
    pub turn: Arc<Turn>,
    pub notify: Arc<Notify>,
    /// The requests that wait, by team.
    pub queues: Arc<Queues>,
    /// Which server this is, and since when: a server that was thought dead cannot write any more.
    pub node: String,
    pub owner_epoch: i64,
    pub committer: Committer,
    /// For still pictures.
    stills: stills::Room,
    live: Mutex<Live>,
    /// Held while a call without a task is given one, so that it gets only one.
    taking_up: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Live {
    calls: HashMap<Uuid, mpsc::Sender<Command>>,
    by_contact: HashMap<ContactId, HashSet<Uuid>>,
    fenced: HashSet<Uuid>,
    /// Calls that wait without a task, and when they are to be woken.
    asleep: HashMap<Uuid, sleep::Sleeper>,
    alarms: BTreeSet<(Timestamp, Uuid)>,
    /// New calls on their way to the database: they have no task yet, and will get one. With what was heard of their messages meanwhile.
    new: HashMap<Uuid, Vec<Delivery>>,
}

/// While it lives, a new call is not taken for one whose task is gone.
struct New<'a> {
    shared: &'a Shared,
    call_id: Uuid,
}

impl Drop for New<'_> {
    fn drop(&mut self) {
        self.shared.lock().new.remove(&self.call_id);
    }
}

impl Shared {
    fn expect(&self, call_id: Uuid) -> New<'_> {
        self.lock().new.insert(call_id, Vec::new());
        New { shared: self, call_id }
    }

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
    pub guest_link_life: Duration,
    pub reminder: Option<Duration>,
    pub workers: Arc<Workers>,
    pub turn: Arc<Turn>,
    pub notify: Arc<Notify>,
    pub queues: Arc<Queues>,
    pub node: String,
}

impl Calls {
    /// Takes over the calls that were running when the server stopped, with their rings and deadlines.
    pub async fn start(ground: Ground) -> Outcome<Self> {
        let Ground { store, directory, hub, clock, policy, workers, turn, notify, queues, node, .. } = ground;
        let (guest_link_life, reminder) = (ground.guest_link_life, ground.reminder);
        let owner_epoch = store.next_owner_epoch(&node).await?;
        store.take_over(&node, owner_epoch).await?;
        let committer = Committer::start(store.clone());
        let (live, taking_up) = (Mutex::default(), tokio::sync::Mutex::default());
        let shared = Shared {
            store,
            directory,
            hub,
            clock,
            policy,
            guest_link_life,
            reminder,
            workers,
            turn,
            notify,
            queues,
            node,
            owner_epoch,
            committer,
            stills: stills::Room::default(),
            live,
            taking_up,
        };
        let calls = Self { shared: Arc::new(shared) };
        calls.remember_claims().await?;
        calls.shared.sleep_on().await?;
        calls.take_up_running().await?;
        Ok(calls)
    }

    /// For expected waits, before what waits is shown any.
    async fn remember_claims(&self) -> Outcome<()> {
        let since = self.shared.clock.now() - LATELY;
        self.shared.queues.remember(&self.shared.store.claims_since(since).await?);
        Ok(())
    }

    /// A page at a time: of most that wait no more than their places in the queues is left in memory.
    async fn take_up_running(&self) -> Outcome<()> {
        let Shared { store, node, owner_epoch, .. } = &*self.shared;
        let (mut after, mut taken) = (0, 0);
        loop {
            let page = store.running_calls(node, *owner_epoch, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            (after, taken) = (last.record.id, taken + page.len());
            let take_up = |call| async move { drop(self.take_up(call, true).await) };
            stream::iter(page).for_each_concurrent(AT_ONCE, take_up).await;
        }
        if taken > 0 {
            tracing::info!(calls = taken, "running calls were taken up");
        }
        Ok(())
    }

    /// Takes up a call of this server's own that has not ended and has no task: it was saved although the answer to its
    /// write was lost, or its task has panicked. Otherwise nobody would look after it until the next start.
    /// Whoever keeps the mailbox keeps it awake.
    async fn take_up_lost(&self, call_id: Uuid, id: i64) -> Outcome<Option<mpsc::Sender<Command>>> {
        let shared = &self.shared;
        let _one_at_a_time = shared.taking_up.lock().await;
        let (new, mailbox) = {
            let live = shared.lock();
            (live.new.contains_key(&call_id), live.calls.get(&call_id).filter(|m| !m.is_closed()).cloned())
        };
        if new || mailbox.is_some() {
            return Ok(mailbox);
        }
        let _new = shared.expect(call_id);
        let running = shared.store.owned_call(id, &shared.node, shared.owner_epoch).await?;
        // Not before it has been read: what could not be woken sleeps on, and its alarm wakes it.
        let asleep = shared.lock().asleep.remove(&call_id).is_some();
        if let Some(running) = running.filter(|running| running.record.ended_at.is_none()) {
            if !asleep {
                tracing::warn!(%call_id, "taking up a call that had no task");
            }
            return Ok(self.take_up(running, !asleep).await);
        }
        Ok(None)
    }

    /// `recovers`: whoever was connected is not any more. Otherwise it has slept.
    async fn take_up(&self, running: RunningCall, recovers: bool) -> Option<mpsc::Sender<Command>> {
        let call_id = running.record.call_id;
        let state = match snapshot::read(&running.state) {
            Ok(state) => state,
            Err(error) => {
                tracing::error!(%call_id, %error, "this call is left alone");
                return None;
            }
        };
        let call = Call::restore(state);
        for person in &call.state().people {
            self.shared.hub.seat_changed(person.contact, call_id, call.is_seated(person.contact));
        }
        let record = Arc::new(running.record);
        let mut actor = CallActor::new(&self.shared, call, record, running.version);
        actor.recovery_owed = recovers;
        if let Err(fail) = actor.tick().await {
            tracing::warn!(%call_id, problem = %fail.0, "taking up the call could not be saved yet");
        }
        for ring in actor.call.rings() {
            actor.look_at_quiet(ring.contact).await;
        }
        let successors = actor.call.state().successors.clone();
        actor.learn_names(&successors).await;
        // Of what slept nothing is new, but for what the tick has told.
        Some(self.spawn(actor, recovers.then_some(&[])))
    }

    /// Gives a call its task. With effects nothing was before as far as anybody knows, so everything that is now is new: at a start
    /// nobody is connected to be told, and a ring that rings already is only renewed.
    fn spawn(&self, mut actor: CallActor, effects: Option<&[Effect]>) -> mpsc::Sender<Command> {
        let (mailbox, commands) = mpsc::channel(actor::MAILBOX);
        if !actor.call.has_ended() {
            self.shared.concern(actor.record.call_id, tell::concerned(&actor.call));
            let mut live = self.shared.lock();
            live.calls.insert(actor.record.call_id, mailbox.clone());
            let heard = live.new.get_mut(&actor.record.call_id).map(std::mem::take);
            drop(live);
            actor.heard_of(heard.unwrap_or_default());
        }
        if let Some(effects) = effects {
            actor.perform(&nothing_yet(&actor.call), effects);
        }
        tokio::spawn(actor.run(commands));
        mailbox
    }

    /// Which server owns the calls, and since which start.
    pub fn owner(&self) -> (String, i64) {
        (self.shared.node.clone(), self.shared.owner_epoch)
    }

    pub async fn contact_of(&self, user: i64) -> Outcome<ContactId> {
        let contacts = self.shared.directory.contacts(&[user]).await?;
        let contact = contacts.first().ok_or_else(|| Fail::internal("the store made no contact"))?;
        Ok(ContactId(contact.id))
    }

    /// Who somebody is in calls.
    pub async fn contact(&self, principal: &Principal) -> Outcome<ContactId> {
        match principal {
            Principal::User(login) => self.contact_of(login.user.id).await,
            Principal::Guest(guest) => Ok(guest.contact),
        }
    }

    fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone() }
    }

    /// What is shown of somebody may have changed, in all calls that concern this person.
    pub fn look_again_at(&self, contact: ContactId, domain_id: i64) {
        for call_id in self.awake_of(contact) {
            self.look_again(call_id, domain_id, contact);
        }
    }

    /// In a task of its own: a busy call must not hold up others.
    fn look_again(&self, call_id: Uuid, domain_id: i64, at: ContactId) {
        let calls = self.clone();
        tokio::spawn(async move {
            if let Err(fail) = calls.ask(call_id, By::server(domain_id), Ask::Reached(News::LookAgain { at })).await {
                tracing::debug!(%call_id, problem = %fail.0, "a call did not look again at somebody");
            }
        });
    }

    pub fn policy(&self) -> &Policy {
        &self.shared.policy
    }
}

/// A call with the same people before anything happened in it.
fn nothing_yet(call: &Call) -> Call {
    let mut state = call.state().clone();
    for person in &mut state.people {
        person.place = Place::Waiting;
    }
    Call::restore(state)
}

fn no_such_call() -> Fail {
    Fail::new(ErrorCode::CallNotFound, "There is no such call, or it is not for you to see.")
}
