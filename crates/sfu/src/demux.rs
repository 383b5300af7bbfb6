//! Which peer a datagram is for: by the address it comes from, once that has proved itself; until then by the name in its STUN request.

use std::{collections::HashMap, net::SocketAddr};

use str0m::net::Protocol;

use crate::ids::{PeerId, RoomId};

/// A participant has one address at a time, sometimes two while its network changes.
const ADDRESSES_PER_PEER: usize = 4;

pub(crate) type Address = (Protocol, SocketAddr);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learned {
    Nothing,
    Address {
        /// The peer's oldest, if it had too many.
        given_up: Option<Address>,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Demux {
    addresses: HashMap<Address, (RoomId, PeerId)>,
    /// The addresses of each peer, oldest first.
    peers: HashMap<PeerId, Vec<Address>>,
}

impl Demux {
    pub(crate) fn find(&self, protocol: Protocol, source: SocketAddr) -> Option<(RoomId, PeerId)> {
        self.addresses.get(&(protocol, source)).copied()
    }

    /// The address has proved to be this peer's. Says what that changes.
    pub(crate) fn learn(&mut self, address: Address, room: RoomId, peer: PeerId) -> Learned {
        if self.addresses.insert(address, (room, peer)) == Some((room, peer)) {
            return Learned::Nothing;
        }
        // It may have been somebody else's.
        for (other, theirs) in &mut self.peers {
            if *other != peer {
                theirs.retain(|known| *known != address);
            }
        }
        let known = self.peers.entry(peer).or_default();
        known.push(address);
        let oldest = (known.len() > ADDRESSES_PER_PEER).then(|| known.remove(0));
        if let Some(oldest) = oldest {
            self.addresses.remove(&oldest);
        }
        Learned::Address { given_up: oldest }
    }

    pub(crate) fn forget(&mut self, peer: PeerId) -> Vec<Address> {
        let addresses = self.peers.remove(&peer).unwrap_or_default();
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

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn an_address_belongs_to_whom_it_proved_to_be_last() {
        let mut demux = Demux::default();
        demux.learn((Protocol::Udp, address(1)), ROOM, ANN);
        assert_eq!(demux.find(Protocol::Udp, address(1)), Some((ROOM, ANN)));
        assert_eq!(demux.find(Protocol::Tcp, address(1)), None);
        demux.learn((Protocol::Udp, address(1)), ROOM, BOB);
        assert_eq!(demux.find(Protocol::Udp, address(1)), Some((ROOM, BOB)));
        demux.forget(ANN);
        assert_eq!(demux.find(Protocol::Udp, address(1)), Some((ROOM, BOB)), "no more Ann's to forget");
        demux.forget(BOB);
        assert_eq!(demux.len(), 0);
    }

    #[test]
    fn a_peer_that_wanders_keeps_its_newest_addresses() {
        let mut demux = Demux::default();
        for port in 1..=100 {
            demux.learn((Protocol::Udp, address(port)), ROOM, ANN);
        }
        assert_eq!(demux.len(), ADDRESSES_PER_PEER);
        assert!(demux.find(Protocol::Udp, address(100)).is_some());
        assert!(demux.find(Protocol::Udp, address(96)).is_none());
    }
}
