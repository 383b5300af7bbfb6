//! Service requests that wait, seen from their queues: who is next, for how long, and what the experts of a team are shown. The calls
//! themselves know how they stand; what is here follows from them after every step ([`Queues::follow`]) and is made anew at a start. It is
//! small enough for a request to wait without a task.

mod details;
mod entry;
mod limits;
mod lines;
mod show;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use farhand_domain::{
    call::{Call, Claim},
    ids::{ContactId, TeamId},
    queue::{CLAIMS_LOOKED_AT, expected_wait},
    time::Timestamp,
};
use farhand_protocol::request::QueuePlace;
use farhand_store::model::{CallRecord, TeamClaim};
use uuid::Uuid;

pub use details::{Asked, Details, Field, details, fields_of, teams_of};
pub use entry::Entry;
pub use limits::refuse_too_many;
pub use lines::{escalates_in_circles, lines, lives_for};
pub use show::run;

/// What is shown of a team's queue; whoever is further back is not claimed before those.
const SHOWN: usize = 50;

/// Sorted by when it came; the call's id keeps those of one moment apart.
type Line = BTreeMap<(Timestamp, i64), Uuid>;

#[derive(Default)]
struct Team {
    domain_id: i64,
    waiting: Line,
    /// By when the technician is to be called back.
    promised: Line,
    claims: VecDeque<Timestamp>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Uuid, Arc<Entry>>,
    by_technician: HashMap<ContactId, HashSet<Uuid>>,
    teams: HashMap<TeamId, Team>,
    changed: HashSet<TeamId>,
}

#[derive(Default)]
pub struct Queues(Mutex<Inner>);

/// What is shown of a team's queue.
pub struct Shown {
    pub domain_id: i64,
    pub waiting: usize,
    pub entries: Vec<Arc<Entry>>,
}

impl Queues {
    /// Makes the queues agree with a call as it stands now.
    pub fn follow(&self, now: Timestamp, record: &CallRecord, call: &Call) {
        if call.request().is_none() {
            return;
        }
        let fresh = Entry::of(record, call).map(Arc::new);
        let mut inner = self.lock();
        let known = inner.entries.get(&record.call_id).cloned();
        if known == fresh {
            return;
        }
        if let Some(known) = known {
            let claimed = call.request().is_some_and(|request| matches!(request.claim, Claim::By(_)));
            inner.leave(&known, claimed.then_some(now));
        }
        if let Some(fresh) = fresh {
            inner.enter(fresh);
        }
    }

    /// What was claimed before this server started, the earliest first.
    pub fn remember(&self, claims: &[TeamClaim]) {
        let mut inner = self.lock();
        for claim in claims {
            let team = inner.teams.entry(TeamId(claim.team)).or_default();
            team.domain_id = claim.domain_id;
            team.claimed(claim.at);
        }
    }

    pub fn entry(&self, call_id: Uuid) -> Option<Arc<Entry>> {
        self.lock().entries.get(&call_id).cloned()
    }

    /// Where a request stands in the queue in which it is furthest ahead.
    pub fn place(&self, now: Timestamp, call_id: Uuid) -> Option<QueuePlace> {
        let inner = self.lock();
        let entry = inner.entries.get(&call_id).filter(|entry| entry.promised_at.is_none())?;
        let places = entry.lines.iter().filter_map(|(team, since)| {
            let team = inner.teams.get(team)?;
            Some(team.place(now, team.ahead_of((*since, entry.id))))
        });
        places.min_by_key(|place| place.position)
    }

    pub fn shown(&self, team: TeamId) -> Option<Shown> {
        let inner = self.lock();
        let team = inner.teams.get(&team)?;
        let first = |line: &Line| -> Vec<_> { line.values().take(SHOWN).copied().collect() };
        let ids = [first(&team.waiting), first(&team.promised)].concat();
        let entries = ids.iter().filter_map(|id| inner.entries.get(id).cloned()).collect();
        Some(Shown { domain_id: team.domain_id, waiting: team.waiting.len(), entries })
    }

    /// Takes the teams whose queues have changed; with `all`, also those in which somebody waits, because the expected wait changes
    /// although nothing happens.
    fn changed(&self, all: bool) -> Vec<TeamId> {
        let mut inner = self.lock();
        let mut changed = std::mem::take(&mut inner.changed);
        if all {
            changed.extend(inner.teams.iter().filter(|(_, team)| !team.waiting.is_empty()).map(|(id, _)| *id));
        }
        changed.into_iter().collect()
    }

    /// The places of those in a team's queue whose technician is among these: found by one way through the queue, however many they are.
    fn places(&self, now: Timestamp, team_id: TeamId, online: &HashSet<ContactId>) -> Vec<(Arc<Entry>, QueuePlace)> {
        let inner = self.lock();
        let Some(team) = inner.teams.get(&team_id) else { return Vec::new() };
        let of_online = online.iter().filter_map(|contact| inner.by_technician.get(contact)).flatten();
        let entries = of_online.filter_map(|call_id| inner.entries.get(call_id));
        let waiting = entries.filter(|entry| entry.promised_at.is_none());
        let mut wanted: BTreeMap<_, _> =
            waiting.filter_map(|entry| Some((entry.key_in(team_id)?, entry.clone()))).collect();
        let mut places = Vec::with_capacity(wanted.len());
        for (ahead, key) in team.waiting.keys().enumerate() {
            if wanted.is_empty() {
                break;
            }
            places.extend(wanted.remove(key).map(|entry| (entry, team.place(now, ahead))));
        }
        places
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Team {
    /// Counted from the nearer end: most who ask have just come, or are about to go.
    fn ahead_of(&self, key: (Timestamp, i64)) -> usize {
        let (mut from_front, mut from_back) = (self.waiting.range(..key), self.waiting.range(key..));
        let mut counted = 0;
        loop {
            if from_front.next().is_none() {
                return counted;
            }
            counted += 1;
            if from_back.next().is_none() {
                return self.waiting.len() + 1 - counted;
            }
        }
    }

    fn place(&self, now: Timestamp, ahead: usize) -> QueuePlace {
        let claims: Vec<_> = self.claims.iter().copied().collect();
        let wait = expected_wait(&claims, now, ahead + 1);
        QueuePlace {
            position: u32::try_from(ahead + 1).unwrap_or(u32::MAX),
            waiting: u32::try_from(self.waiting.len()).unwrap_or(u32::MAX),
            expected_wait_seconds: wait.map(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX)),
        }
    }

    fn claimed(&mut self, at: Timestamp) {
        self.claims.push_back(at);
        if self.claims.len() > CLAIMS_LOOKED_AT {
            self.claims.pop_front();
        }
    }
}

impl Inner {
    fn enter(&mut self, entry: Arc<Entry>) {
        for (team_id, since) in &entry.lines {
            let team = self.teams.entry(*team_id).or_default();
            team.domain_id = entry.domain_id;
            match entry.promised_at {
                Some(due) => team.promised.insert((due, entry.id), entry.call_id),
                None => team.waiting.insert((*since, entry.id), entry.call_id),
            };
            self.changed.insert(*team_id);
        }
        self.by_technician.entry(entry.technician).or_default().insert(entry.call_id);
        self.entries.insert(entry.call_id, entry);
    }

    fn leave(&mut self, entry: &Entry, claimed_at: Option<Timestamp>) {
        self.entries.remove(&entry.call_id);
        if let Some(own) = self.by_technician.get_mut(&entry.technician) {
            own.remove(&entry.call_id);
            if own.is_empty() {
                self.by_technician.remove(&entry.technician);
            }
        }
        for (team_id, since) in &entry.lines {
            let Some(team) = self.teams.get_mut(team_id) else { continue };
            if let Some(due) = entry.promised_at {
                team.promised.remove(&(due, entry.id));
            } else {
                team.waiting.remove(&(*since, entry.id));
                // A promise is kept at its time, which would tell nothing of the queue.
                if let Some(at) = claimed_at {
                    team.claimed(at);
                }
            }
            self.changed.insert(*team_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(waiting: i64) -> Team {
        let key = |id: i64| ((Timestamp::from_millis(id / 2), id), Uuid::nil());
        Team { waiting: (0..waiting).map(key).collect(), ..Team::default() }
    }

    #[test]
    fn whoever_is_ahead_is_counted_right_from_either_end() {
        for size in 1..12 {
            let team = team(size);
            for (ahead, key) in team.waiting.keys().enumerate() {
                assert_eq!(team.ahead_of(*key), ahead, "{ahead} of {size}");
            }
        }
    }
}
