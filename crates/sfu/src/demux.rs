//! Which peer a datagram is for: by the address it comes from, once that has proved itself; until then by the name in its STUN request.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use str0m::net::Protocol;

use crate::ids::{PeerId, RoomId};

/// A participant has one address at a time, more while it looks for the best way: each of its networks, with IPv4 and IPv6, UDP and TCP.
const ADDRESSES_PER_PEER: usize = 8;
/// New addresses at once, and then one in so long. Each costs the engine memory and time for good, and a check that was overheard can be
/// sent again from any number of ports.
const NEW_AT_ONCE: u32 = 16;
const NEW_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) type Address = (Protocol, SocketAddr);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learned {
    Nothing,
    Address {
        /// The one the peer has used least lately, if it had too many.
        given_up: Option<Address>,
    },
}

#[derive(Debug)]
struct Owner {
    room: RoomId,
    peer: PeerId,
    /// When it was proved again, and when anything else came from it last; counted, not timed.
    proved: u64,
    heard: u64,
}

#[derive(Debug)]
struct Known {
    addresses: Vec<Address>,
    /// Each new address moves this on by the interval; the burst is how far it may run ahead.
    next_new: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Demux {
    addresses: HashMap<Address, Owner>,
    peers: HashMap<PeerId, Known>,
    count: u64,
}

impl Demux {
    pub(crate) fn knows(&self, protocol: Protocol, source: SocketAddr) -> bool {
        self.addresses.contains_key(&(protocol, source))
    }

    /// Whose something is that came from there.
    pub(crate) fn find(&mut self, protocol: Protocol, source: SocketAddr) -> Option<(RoomId, PeerId)> {
        let owner = self.addresses.get_mut(&(protocol, source))?;
        self.count += 1;
        owner.heard = self.count;
        Some((owner.room, owner.peer))
    }

    /// Whether the address, if it proves to be this peer's, may be kept. To be asked before the proof is looked at.
    pub(crate) fn may_learn(&self, now: Instant, address: Address, peer: PeerId) -> bool {
        let known = self.addresses.get(&address).is_some_and(|owner| owner.peer == peer);
        let soon_enough = |known: &Known| known.next_new <= now + NEW_INTERVAL * (NEW_AT_ONCE - 1);
        known || self.peers.get(&peer).is_none_or(soon_enough)
    }

    /// The address has proved to be this peer's. Says what that changes.
    pub(crate) fn learn(&mut self, now: Instant, address: Address, room: RoomId, peer: PeerId) -> Learned {
        self.count += 1;
        let owner = Owner { room, peer, proved: self.count, heard: 0 };
        if let Some(before) = self.addresses.insert(address, owner) {
            if before.peer == peer {
                if let Some(owner) = self.addresses.get_mut(&address) {
                    owner.heard = before.heard;
                }
                return Learned::Nothing;
            }
            // It was somebody else's.
            if let Some(theirs) = self.peers.get_mut(&before.peer) {
                theirs.addresses.retain(|known| *known != address);
            }
        }
        let known = self.peers.entry(peer).or_insert_with(|| Known { addresses: Vec::new(), next_new: now });
        known.next_new = known.next_new.max(now) + NEW_INTERVAL;
        known.addresses.push(address);
        let given_up = (known.addresses.len() > ADDRESSES_PER_PEER).then(|| self.give_up(peer)).flatten();
        Learned::Address { given_up }
    }

    /// Forgets the address that has been of no use for longest; never the one that packets come from.
    fn give_up(&mut self, peer: PeerId) -> Option<Address> {
        let known = self.peers.get_mut(&peer)?;
        let used = |address: &Address| self.addresses.get(address).map_or((0, 0), |owner| (owner.heard, owner.proved));
        let in_use = known.addresses.iter().copied().max_by_key(|address| used(address).0);
        let idle = known.addresses.iter().copied().filter(|address| Some(*address) != in_use);
        let given_up = idle.min_by_key(|address| used(address).0.max(used(address).1))?;
        known.addresses.retain(|address| *address != given_up);
        self.addresses.remove(&given_up);
        Some(given_up)
    }

    pub(crate) fn forget(&mut self, peer: PeerId) -> Vec<Address> {
        let addresses = self.peers.remove(&peer).map(|known| known.addresses).unwrap_or_default();
        for address in &addresses {
            self.addresses.remove(address);
        }
        addresses
    }

    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(1);
    const ANN: PeerId = PeerId(1);
    const BOB: PeerId = PeerId(2);

    fn address(port: u16) -> Address {
        (Protocol::Udp, SocketAddr::from(([192, 0, 2, 1], port)))
    }

    fn owner(demux: &mut Demux, port: u16) -> Option<PeerId> {
        demux.find(Protocol::Udp, address(port).1).map(|(_, peer)| peer)
    }

    #[test]
    fn an_address_belongs_to_whom_it_proved_to_be_last() {
        let (now, mut demux) = (Instant::now(), Demux::default());
        demux.learn(now, address(1), ROOM, ANN);
        assert_eq!(owner(&mut demux, 1), Some(ANN));
        assert_eq!(demux.find(Protocol::Tcp, address(1).1), None);
        demux.learn(now, address(1), ROOM, BOB);
        assert_eq!(owner(&mut demux, 1), Some(BOB));
        demux.forget(ANN);
        assert_eq!(owner(&mut demux, 1), Some(BOB), "no more Ann's to forget");
        demux.forget(BOB);
        assert_eq!(demux.len(), 0);
    }

    #[test]
    fn a_peer_that_wanders_keeps_its_newest_addresses() {
        let (now, mut demux) = (Instant::now(), Demux::default());
        for port in 1..=100 {
            demux.learn(now, address(port), ROOM, ANN);
        }
        assert_eq!(demux.len(), ADDRESSES_PER_PEER);
        assert_eq!(owner(&mut demux, 100), Some(ANN));
        assert_eq!(owner(&mut demux, 90), None);
    }

    #[test]
    fn the_address_in_use_is_kept_however_many_others_come() {
        let (now, mut demux) = (Instant::now(), Demux::default());
        demux.learn(now, address(1), ROOM, ANN);
        assert_eq!(owner(&mut demux, 1), Some(ANN));
        for port in 2..=100 {
            demux.learn(now, address(port), ROOM, ANN);
            demux.learn(now, address(2), ROOM, ANN);
        }
        assert_eq!(owner(&mut demux, 1), Some(ANN), "packets come from there");
        assert_eq!(owner(&mut demux, 2), Some(ANN), "proved again and again");
        assert_eq!(demux.len(), ADDRESSES_PER_PEER);
    }

    #[test]
    fn new_addresses_are_learned_so_many_at_once_and_then_at_intervals() {
        let (start, mut demux) = (Instant::now(), Demux::default());
        let mut learned = |seconds, port| {
            let now = start + Duration::from_secs(seconds);
            let may = demux.may_learn(now, address(port), ANN);
            if may {
                demux.learn(now, address(port), ROOM, ANN);
            }
            may
        };
        let many = (1..=100).filter(|port| learned(0, *port)).count();
        assert_eq!(many, 16);
        assert!(learned(0, 16), "known already");
        assert_eq!([learned(1, 200), learned(1, 201)], [true, false]);
        let rested = (300..=400).filter(|port| learned(3_600, *port)).count();
        assert_eq!(rested, 16);
    }
}
