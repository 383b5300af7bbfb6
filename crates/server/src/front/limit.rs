//! How many connections one address may have. Generous: an office, or a whole country's mobile network, may be behind one.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::network::network_of;

pub struct Limit {
    /// Any number, if there is none.
    most: Option<usize>,
    /// Not counted: everybody comes by way of them.
    proxies: Vec<IpAddr>,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that counts, until it is dropped.
pub struct Counted {
    limit: Arc<Limit>,
    network: IpAddr,
}

impl Limit {
    pub fn new(most: usize, proxies: Vec<IpAddr>) -> Self {
        Self { most: (most > 0).then_some(most), proxies, counts: Mutex::default() }
    }

    /// One more connection from there; none if there are too many.
    pub fn count(self: &Arc<Self>, from: IpAddr) -> Option<Counted> {
        let network = network_of(from);
        let mut counts = self.lock();
        let count = counts.entry(network).or_default();
        if self.most.is_some_and(|most| *count >= most) && !self.proxies.contains(&from.to_canonical()) {
            return None;
        }
        *count += 1;
        Some(Counted { limit: self.clone(), network })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.limit.lock();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_so_many_others_theirs_and_nothing_is_kept_of_those_who_are_gone() {
        let limit = Arc::new(Limit::new(3, vec![address("10.0.0.1")]));
        let mut held: Vec<_> = std::iter::from_fn(|| limit.count(address("192.0.2.1"))).take(9).collect();
        assert_eq!(held.len(), 3);
        held.extend(limit.count(address("192.0.2.2")));
        held.extend((0..9).filter_map(|_| limit.count(address("10.0.0.1"))));
        held.extend((0..9).filter_map(|_| limit.count(address("::ffff:10.0.0.1"))));
        assert_eq!(held.len(), 3 + 1 + 18, "a proxy has as many as it wants");
        held.remove(0);
        held.extend(limit.count(address("192.0.2.1")));
        assert_eq!(held.len(), 22, "one that has ended makes room");
        held.clear();
        assert!(limit.lock().is_empty());
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let limit = Arc::new(Limit::new(0, Vec::new()));
        let held: Vec<_> = std::iter::from_fn(|| limit.count(address("192.0.2.1"))).take(10_000).collect();
        assert_eq!(held.len(), 10_000);
    }
}
