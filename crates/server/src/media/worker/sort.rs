//! Whose a datagram is that has come in at a worker's socket.

use std::net::SocketAddr;

use farhand_sfu::{Place, Protocol, Sfu, is_binding_request};

use super::inbox::{Datagram, Handle};
use crate::{
    media::{link::is_link, stun, traffic::Traffic},
    turn::{Door, is_for_relay},
};

pub(super) enum To {
    Me,
    Stun(Vec<u8>),
    Another,
}

/// Whose a datagram is.
pub(super) struct Sorter<'a> {
    number: u8,
    workers: &'a [Handle],
    traffic: &'a Traffic,
    relay: &'a Door,
    /// A bit for each worker that something was handed to.
    handed: u64,
}

/// Whether it is no datagram of the worker's own socket.
pub(super) fn comes_by_link(protocol: Protocol, address: SocketAddr) -> bool {
    protocol == Protocol::Tcp || is_link(address)
}

impl<'a> Sorter<'a> {
    pub(super) fn new(number: u8, workers: &'a [Handle], traffic: &'a Traffic, relay: &'a Door) -> Self {
        Self { number, workers, traffic, relay, handed: 0 }
    }

    pub(super) fn sort(&mut self, sfu: &Sfu, source: SocketAddr, contents: &[u8]) -> To {
        // Nobody has such an address: somebody pretends to be one of ours.
        if is_link(source) {
            return To::Another;
        }
        if is_binding_request(contents) {
            return match Place::of_stun(contents) {
                Some(place) if place.worker == self.number => To::Me,
                Some(place) => {
                    let proved = self.traffic.owner(source) == Some(place.worker);
                    self.hand_over(place.worker, proved, source, contents)
                }
                // Somebody who only asks for his address.
                None => stun::answer(contents, source).map_or(To::Another, To::Stun),
            };
        }
        if is_for_relay(contents) {
            self.relay.hand(source, contents);
            return To::Another;
        }
        if self.workers.len() == 1 || sfu.knows(Protocol::Udp, source) {
            return To::Me;
        }
        match self.traffic.owner(source) {
            Some(worker) if worker != self.number => self.hand_over(worker, true, source, contents),
            Some(_) | None => To::Me,
        }
    }

    fn hand_over(&mut self, worker: u8, proved: bool, source: SocketAddr, contents: &[u8]) -> To {
        let Some(to) = self.workers.get(usize::from(worker)) else { return To::Another };
        let handed = Datagram { protocol: Protocol::Udp, source, contents: contents.to_vec(), permit: None };
        let taken = if proved { to.hand(handed) } else { to.hand_unproved(handed) };
        self.handed |= u64::from(proved) << (worker & 63);
        self.traffic.count_handed(taken);
        To::Another
    }

    /// Once for all that was handed over.
    pub(super) fn wake(&self) {
        for (number, worker) in self.workers.iter().enumerate() {
            if self.handed >> (number & 63) & 1 == 1 {
                worker.wake();
            }
        }
    }
}
