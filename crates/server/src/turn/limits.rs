//! What the relay gives at most: allocations for each and for all, bytes for each, answers to strangers.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::credentials::Holder;
use crate::network::network_of;

/// Allocations of one participant: a browser makes one for each way to the server it is told, and keeps those of the old connection
/// while it makes a new one.
const PER_HOLDER: usize = 8;
/// In all. Each costs a task and some kilobytes.
const IN_ALL: usize = 4096;

/// Bytes a second and direction: a talk among twenty-five with pictures is a quarter of it.
const BYTES_PER_SECOND: u32 = 4 * 1024 * 1024;

/// What a datagram costs besides its contents: what is around it on the link, and that it has to be handled at all.
pub const DATAGRAM_COST: usize = 64;

/// Answers a second to one address that has not shown who it is. A client needs two to get in.
pub const ANSWERS_PER_SECOND: u32 = 10;
/// Datagrams of such an address that are looked at in a second: to know that a message is authentic takes microseconds.
pub const LOOKS_PER_SECOND: u32 = 100;
/// Places in the table of those addresses. Two that share one by chance share what is allowed.
const PLACES: usize = 4096;

#[derive(Default)]
pub struct Quota(Mutex<Held>);

#[derive(Default)]
struct Held {
    in_all: usize,
    of_holder: HashMap<Holder, usize>,
}

/// Why there is no allocation for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    Holder,
    Server,
}

/// An allocation that counts, until it is dropped.
pub struct Ticket {
    quota: Arc<Quota>,
    holder: Holder,
}

impl Quota {
    pub fn take(self: &Arc<Self>, holder: Holder) -> Result<Ticket, Full> {
        let mut held = self.lock();
        if held.in_all >= IN_ALL {
            return Err(Full::Server);
        }
        let of_holder = held.of_holder.entry(holder).or_default();
        if *of_holder >= PER_HOLDER {
            return Err(Full::Holder);
        }
        *of_holder += 1;
        held.in_all += 1;
        Ok(Ticket { quota: self.clone(), holder })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut held = self.quota.lock();
        held.in_all -= 1;
        if let Some(of_holder) = held.of_holder.get_mut(&self.holder) {
            *of_holder -= 1;
            if *of_holder == 0 {
                held.of_holder.remove(&self.holder);
            }
        }
    }
}

/// What may flow in one direction. A second's worth may come at once.
pub struct Allowance {
    left: u32,
    at: Instant,
}

impl Allowance {
    pub fn new(now: Instant) -> Self {
        Self { left: BYTES_PER_SECOND, at: now }
    }

    /// False if it is more than may flow: then it is lost, as on any full link.
    pub fn takes(&mut self, now: Instant, bytes: usize) -> bool {
        let micros = u64::try_from(now.saturating_duration_since(self.at).as_micros()).unwrap_or(u64::MAX);
        let fresh = micros.min(1_000_000) * u64::from(BYTES_PER_SECOND) / 1_000_000;
        if fresh > 0 {
            self.at = now;
            self.left = self.left.saturating_add(u32::try_from(fresh).unwrap_or(u32::MAX)).min(BYTES_PER_SECOND);
        }
        let enough = u32::try_from(bytes).ok().and_then(|bytes| self.left.checked_sub(bytes));
        self.left = enough.unwrap_or(self.left);
        enough.is_some()
    }
}

/// How much was done for strangers lately. Of fixed size, whoever comes.
pub struct ForStrangers {
    per_second: u32,
    hasher: RandomState,
    places: Vec<(u32, u32)>,
    start: Instant,
}

impl ForStrangers {
    pub fn new(start: Instant, per_second: u32) -> Self {
        Self { per_second, hasher: RandomState::new(), places: vec![(0, 0); PLACES], start }
    }

    pub fn allows(&mut self, now: Instant, client: IpAddr) -> bool {
        let second = u32::try_from(now.saturating_duration_since(self.start).as_secs()).unwrap_or(u32::MAX);
        let place = usize::try_from(self.hasher.hash_one(network_of(client)) % PLACES as u64).unwrap_or(0);
        let (since, count) = &mut self.places[place];
        if *since != second {
            (*since, *count) = (second, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_second
    }
}

/// How often a call's end is looked for: an allocation outlives it no longer than that.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use farhand_domain::ids::ContactId;
    use uuid::Uuid;

    use super::*;

    fn holder(contact: i64) -> Holder {
        Holder { call_id: Uuid::from_u128(1), contact: ContactId(contact) }
    }

    #[test]
    fn one_participant_cannot_use_up_what_is_for_all() {
        let quota = Arc::new(Quota::default());
        let mut held: Vec<_> = (0..PER_HOLDER).map(|_| quota.take(holder(1)).ok().unwrap()).collect();
        assert_eq!(quota.take(holder(1)).err(), Some(Full::Holder));
        assert!(quota.take(holder(2)).is_ok());
        held.pop();
        assert!(quota.take(holder(1)).is_ok(), "what was given back can be had again");
        held.clear();
        assert!(quota.lock().of_holder.is_empty(), "nothing is kept for those who are gone");
    }

    #[test]
    fn all_together_get_what_the_server_can_bear() {
        let quota = Arc::new(Quota::default());
        let all: Vec<_> = (0..10_000).map_while(|n| quota.take(holder(n)).ok()).collect();
        assert_eq!(all.len(), IN_ALL);
        assert_eq!(quota.take(holder(-1)).err(), Some(Full::Server));
    }

    #[test]
    fn a_second_of_bytes_may_come_at_once_and_no_more_than_that() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let all = BYTES_PER_SECOND as usize;
        assert!(allowance.takes(start, all));
        assert!(!allowance.takes(start, 1));
        let half = start + Duration::from_millis(500);
        assert!(allowance.takes(half, all / 2));
        assert!(!allowance.takes(half, 100));
        assert!(allowance.takes(half + Duration::from_hours(1), all), "a second's worth is kept, not an hour's");
        assert!(!allowance.takes(half + Duration::from_hours(1), 1));
    }

    #[test]
    fn a_stranger_gets_few_answers_and_others_theirs() {
        let start = Instant::now();
        let mut answers = ForStrangers::new(start, ANSWERS_PER_SECOND);
        let stranger = IpAddr::from([192, 0, 2, 1]);
        let got = (0..1_000).filter(|_| answers.allows(start, stranger)).count();
        assert_eq!(got, ANSWERS_PER_SECOND as usize);
        let others = (0..200_u8).filter(|n| answers.allows(start, Ipv4Addr::new(198, 51, 100, *n).into())).count();
        assert!(others >= 195, "{others} of 200");
        assert!(answers.allows(start + Duration::from_secs(1), stranger));
        for host in 0..100_000_u32 {
            answers.allows(start, Ipv4Addr::from_bits(host).into());
        }
        assert_eq!(answers.places.len(), PLACES);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_stranger() {
        let mut answers = ForStrangers::new(Instant::now(), ANSWERS_PER_SECOND);
        let got = (0..100_u128).filter(|n| answers.allows(answers.start, IpAddr::V6(((0x2001_0db8 << 96) + n).into())));
        assert_eq!(got.count(), ANSWERS_PER_SECOND as usize);
    }
}
