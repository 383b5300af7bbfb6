//! Calls that wait need no task: service requests in their queues while nobody is connected to look, and planned calls until shortly before
//! their time. What is kept in memory of each is small ([`Sleeper`]); the rest is its row. Whoever asks something of one wakes it, and so does its time.

use std::{collections::HashMap, time::Duration};

use farhand_domain::{call::Call, ids::ContactId, time::Timestamp};
use farhand_store::model::SleepingCall;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    Calls, New, Shared,
    actor::{CallActor, RETRY},
    ask::Command,
    snapshot,
};
use crate::{http::Outcome, ws::Session};

/// How long before its time a planned call is awake. Longer keeps more of them in memory; shorter, and where thousands begin on the hour some
/// would ring late.
const AWAKE_BEFORE: Duration = Duration::from_mins(1);
/// Calls that are read and woken together. More would keep others waiting that have to be woken meanwhile.
const WOKEN_AT_ONCE: usize = 256;
/// Of planned calls a new session is shown those that come first. Nobody looks at more; programs that plan thousands ask for lists.
const MOST_SHOWN: usize = 200;

/// A call without a task.
#[derive(Clone, Copy)]
pub(super) struct Sleeper {
    id: i64,
    planned: bool,
    until: Timestamp,
    /// Who is told what becomes of its messages: who made it, and for whom.
    told: [ContactId; 2],
}

/// The calls that have to do with somebody.
pub(super) struct Concerning {
    /// Those that are told of everything.
    awake: Vec<Uuid>,
    /// Planned calls that sleep, the first first. To look at one does not wake it.
    planned: Vec<i64>,
}

impl Shared {
    /// The id in the database of a call that sleeps.
    pub(super) fn sleeping(&self, call_id: Uuid) -> Option<i64> {
        self.lock().asleep.get(&call_id).map(|sleeper| sleeper.id)
    }

    /// When a call that waits for its time has something to do.
    fn wakes_at(&self, call: &Call, now: Timestamp) -> Option<Timestamp> {
        let reminder = self.reminds_at(call).filter(|at| *at > now);
        let next = call.next_wake(&self.policy).into_iter().chain(reminder).min();
        next.filter(|at| call.waits_for_its_time() && *at > now)
    }

    /// As it is saved, so that a start need not look at it.
    pub(super) fn sleeps_until(&self, call: &Call, now: Timestamp) -> Option<Timestamp> {
        self.wakes_at(call, now).filter(|_| call.due_teams().next().is_none())
    }

    /// Lets a call go, if nothing is on its way to it.
    fn fall_asleep(&self, call_id: Uuid, sleeper: Sleeper, mailbox: &mpsc::Receiver<Command>) -> bool {
        let mut live = self.lock();
        // Whoever has a sender of its own is about to send.
        let idle = mailbox.is_empty() && mailbox.sender_strong_count() == 1;
        if idle {
            live.calls.remove(&call_id);
            live.sleep(call_id, sleeper);
        }
        idle
    }

    /// Calls that slept when the server stopped sleep on.
    pub(super) async fn sleep_on(&self) -> Outcome<()> {
        let sleeping = self.store.sleeping_calls(&self.node, self.owner_epoch).await?;
        if !sleeping.is_empty() {
            tracing::info!(calls = sleeping.len(), "planned calls sleep on");
        }
        let mut live = self.lock();
        for SleepingCall { id, call_id, until, creator, maker, invited } in sleeping {
            for contact in [creator, maker].into_iter().chain(invited) {
                live.by_contact.entry(ContactId(contact)).or_default().insert(call_id);
            }
            live.sleep(call_id, Sleeper { id, planned: true, until, told: [ContactId(creator), ContactId(maker)] });
        }
        Ok(())
    }

    fn concerning(&self, contact: ContactId) -> Concerning {
        let live = self.lock();
        let (mut awake, mut planned) = (Vec::new(), Vec::new());
        for call_id in live.by_contact.get(&contact).into_iter().flatten() {
            match live.asleep.get(call_id).filter(|sleeper| sleeper.planned) {
                Some(sleeper) => planned.push((sleeper.until, sleeper.id)),
                None => awake.push(*call_id),
            }
        }
        drop(live);
        planned.sort_unstable();
        Concerning { awake, planned: planned.into_iter().map(|(_, id)| id).collect() }
    }

    /// Of these planned calls that sleep those where somebody is there to be told.
    pub(super) fn watched<T>(&self, sleeping: HashMap<Uuid, T>) -> HashMap<Uuid, T> {
        let told: HashMap<Uuid, [ContactId; 2]> = {
            let live = self.lock();
            let planned = |call_id: &Uuid| live.asleep.get(call_id).filter(|sleeper| sleeper.planned);
            sleeping.keys().filter_map(|call_id| Some((*call_id, planned(call_id)?.told))).collect()
        };
        let is_watched = |call_id: &Uuid| {
            told.get(call_id).is_some_and(|told| told.iter().any(|contact| self.hub.is_online(*contact)))
        };
        sleeping.into_iter().filter(|(call_id, _)| is_watched(call_id)).collect()
    }
}

impl super::Live {
    /// Whether a call runs, with a task or without.
    pub(super) fn knows(&self, call_id: Uuid) -> bool {
        self.calls.contains_key(&call_id) || self.asleep.contains_key(&call_id)
    }

    fn sleep(&mut self, call_id: Uuid, sleeper: Sleeper) {
        let early = if sleeper.planned { AWAKE_BEFORE } else { Duration::ZERO };
        self.alarms.insert((sleeper.until - early, call_id));
        self.asleep.insert(call_id, sleeper);
    }

    /// Takes those of which the time has come.
    fn due(&mut self, now: Timestamp) -> Vec<Uuid> {
        let later = self.alarms.split_off(&(now + Duration::from_millis(1), Uuid::nil()));
        std::mem::replace(&mut self.alarms, later).into_iter().map(|(_, call_id)| call_id).collect()
    }
}

impl CallActor {
    pub(super) fn fall_asleep(&self, mailbox: &mpsc::Receiver<Command>) -> bool {
        let sleeper = self.sleeper();
        sleeper.is_some_and(|sleeper| self.shared.fall_asleep(self.record.call_id, sleeper, mailbox))
    }

    fn sleeper(&self) -> Option<Sleeper> {
        let owes = self.recovery_owed || !self.owed.is_empty() || self.call.due_teams().next().is_some();
        if owes || !self.lobby.is_empty() {
            return None;
        }
        let now = self.shared.clock.now();
        if self.reminds_at().is_some_and(|at| at <= now) {
            return None;
        }
        let planned = self.shared.wakes_at(&self.call, now);
        let until = match planned {
            Some(at) if at > now + AWAKE_BEFORE => at,
            Some(_) => return None,
            None => self.call.next_wake(&self.shared.policy).filter(|_| self.is_request_alone())?,
        };
        let told = [self.call.creator(), self.call.maker()];
        Some(Sleeper { id: self.record.id, planned: planned.is_some(), until, told })
    }

    /// A request that waits with nobody looking can do so without a task: hundreds of thousands may.
    fn is_request_alone(&self) -> bool {
        let waits = self.call.waits_for_a_claim() && self.call.seated().is_empty() && self.call.rings().is_empty();
        let looked_at = || self.concerned().into_iter().any(|contact| self.shared.hub.is_online(contact));
        waits && self.record.deliveries.is_empty() && !looked_at()
    }
}

impl Calls {
    /// The calls of somebody that have to be told what becomes of that person: those that sleep have nobody in them and ring nobody.
    pub fn awake_of(&self, contact: ContactId) -> Vec<Uuid> {
        let live = self.shared.lock();
        let all = live.by_contact.get(&contact).into_iter().flatten();
        all.filter(|call_id| !live.asleep.contains_key(*call_id)).copied().collect()
    }

    /// Shows a new session the planned calls that sleep. Returns the others, which have to be asked.
    pub async fn show_sleeping(&self, session: &Session) -> Vec<Uuid> {
        let Concerning { awake, mut planned } = self.shared.concerning(session.contact);
        planned.truncate(MOST_SHOWN);
        if let Err(fail) = self.show(session, &planned).await {
            tracing::warn!(problem = %fail.0, "a session could not be shown its planned calls");
        }
        awake
    }

    async fn show(&self, session: &Session, planned: &[i64]) -> Outcome<()> {
        let shared = &self.shared;
        if planned.is_empty() {
            return Ok(());
        }
        for running in shared.store.owned_calls(planned, &shared.node, shared.owner_epoch).await? {
            let Ok(state) = snapshot::read(&running.state) else { continue };
            let call = Call::restore(state);
            let successors = call.state().successors.clone();
            let mut shown = CallActor::new(shared, call, running.record.into(), running.version);
            shown.learn_names(&successors).await;
            shown.attach(session);
        }
        Ok(())
    }

    /// Wakes the calls that have something to do by now.
    pub async fn wake_due(&self) {
        let due = self.shared.lock().due(self.shared.clock.now());
        for some in due.chunks(WOKEN_AT_ONCE) {
            if let Err(fail) = self.wake(some).await {
                tracing::warn!(calls = some.len(), problem = %fail.0, "calls that wait could not be woken yet");
                let again = self.shared.clock.now() + RETRY;
                self.shared.lock().alarms.extend(some.iter().map(|call_id| (again, *call_id)));
            }
        }
    }

    async fn wake(&self, some: &[Uuid]) -> Outcome<()> {
        let shared = &self.shared;
        let _one_at_a_time = shared.taking_up.lock().await;
        let sleeping: Vec<(Uuid, i64)> = {
            let live = shared.lock();
            some.iter().filter_map(|call_id| Some((*call_id, live.asleep.get(call_id)?.id))).collect()
        };
        let _new: Vec<New<'_>> = sleeping.iter().map(|(call_id, _)| shared.expect(*call_id)).collect();
        let ids: Vec<i64> = sleeping.iter().map(|(_, id)| *id).collect();
        let running = shared.store.owned_calls(&ids, &shared.node, shared.owner_epoch).await?;
        for (call_id, _) in sleeping {
            shared.lock().asleep.remove(&call_id);
        }
        for running in running.into_iter().filter(|running| running.record.ended_at.is_none()) {
            drop(self.take_up(running, false).await);
        }
        Ok(())
    }
}
