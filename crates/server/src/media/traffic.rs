//! What the media workers share: whose address is whose, and how much they carry.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Counted since the start.
#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    lost: AtomicU64,
    handed: AtomicU64,
    not_handed: AtomicU64,
}

#[derive(Debug, Default)]
pub struct Traffic {
    /// Only addresses that have proved to belong to a peer: a few for each.
    owners: RwLock<HashMap<SocketAddr, u8>>,
    counters: Counters,
}

impl Traffic {
    /// The worker that has the peer at this address.
    pub fn owner(&self, address: SocketAddr) -> Option<u8> {
        self.owners.read().ok()?.get(&address).copied()
    }

    pub fn learned(&self, address: SocketAddr, worker: u8) {
        if let Ok(mut owners) = self.owners.write() {
            owners.insert(address, worker);
        }
    }

    pub fn forgotten(&self, address: SocketAddr, worker: u8) {
        if let Ok(mut owners) = self.owners.write()
            && owners.get(&address) == Some(&worker)
        {
            owners.remove(&address);
        }
    }

    pub fn count_sent(&self, packets: usize, lost: usize) {
        add(&self.counters.sent, packets);
        add(&self.counters.lost, lost);
    }

    /// A datagram came to the wrong worker.
    pub fn count_handed(&self, taken: bool) {
        add(if taken { &self.counters.handed } else { &self.counters.not_handed }, 1);
    }

    /// For the log, when a worker stops.
    pub fn summary(&self) -> Summary {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Summary {
            sent: read(&self.counters.sent),
            lost: read(&self.counters.lost),
            handed: read(&self.counters.handed),
            not_handed: read(&self.counters.not_handed),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub sent: u64,
    /// Not taken by the kernel.
    pub lost: u64,
    /// Handed over to the worker they were for.
    pub handed: u64,
    /// Not taken by that worker.
    pub not_handed: u64,
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_went_to_another_worker_is_not_forgotten_for_the_first() {
        let traffic = Traffic::default();
        let address = SocketAddr::from(([192, 0, 2, 1], 5));
        traffic.learned(address, 0);
        traffic.learned(address, 1);
        traffic.forgotten(address, 0);
        assert_eq!(traffic.owner(address), Some(1));
        traffic.forgotten(address, 1);
        assert_eq!(traffic.owner(address), None);
    }
}
