//! A way to the SFU that is no socket of its own: what a client has sent through the relay is handed to the worker it is for, and what the
//! worker has for it comes back by a channel. Towards the SFU it has an address no client can have.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use farhand_sfu::{Place, Protocol, RoomId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::{
    worker::{Command, Datagram, LinkEnd},
    workers::Workers,
};

/// What goes back: for which of its owner's links, and the datagram.
pub type Outgoing = mpsc::Sender<(SocketAddr, Vec<u8>)>;

/// Addresses that are reserved (240.0.0.0/4, RFC 1112) and so nobody's. The last part of them means everybody.
const FIRST: u32 = 0xf000_0000;
const COUNT: u32 = 0x0e00_0000;
const PORT: u16 = 9;

/// Whether this is such an address, and not one of a client on the network.
pub fn is_link(address: SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V4(ip) if ip.octets()[0] >= 240)
}

/// Numbers for links. One for all workers.
#[derive(Default)]
pub struct Numbers(AtomicU32);

impl Numbers {
    fn next(&self) -> SocketAddr {
        let number = self.0.fetch_add(1, Ordering::Relaxed) % COUNT;
        SocketAddr::new(Ipv4Addr::from_bits(FIRST + number).into(), PORT)
    }
}

/// A room stays with its worker as long as somebody is in it. Each change costs commands, which others wait for as well.
const MOST_MOVES: u8 = 8;

/// Closed when it is dropped.
pub struct Link {
    workers: Arc<Workers>,
    address: SocketAddr,
    /// The one that may be reached.
    room: RoomId,
    moves: u8,
    /// Which its last STUN request named.
    worker: Option<u8>,
    outgoing: Outgoing,
}

impl Workers {
    pub fn link(self: &Arc<Self>, room: RoomId, outgoing: Outgoing) -> Link {
        let (workers, address) = (self.clone(), self.links.next());
        Link { workers, address, room, moves: 0, worker: None, outgoing }
    }
}

impl Link {
    /// What the SFU takes it for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing is done with what comes before a STUN request that names a place, or names one in another room. The permit is given back
    /// once it has been taken.
    pub fn send(&mut self, contents: &[u8], permit: OwnedSemaphorePermit) {
        let place = Place::of_stun(contents);
        if place.is_some_and(|place| place.room != self.room) {
            return;
        }
        if let Some(place) = place.filter(|place| self.worker != Some(place.worker)) {
            if self.moves == MOST_MOVES {
                return;
            }
            self.moves += 1;
            self.close();
            self.worker = Some(place.worker).filter(|worker| self.workers.handle(*worker).is_some());
            // Whoever comes through the relay has shown who it is.
            let (proved, _) = watch::channel(true);
            let end = LinkEnd { outgoing: self.outgoing.clone(), proved };
            self.tell(Command::LinkOpened { protocol: Protocol::Udp, source: self.address, end });
        }
        if let Some(worker) = self.worker.and_then(|worker| self.workers.handle(worker)) {
            let (source, contents) = (self.address, contents.to_vec());
            worker.hand(Datagram { protocol: Protocol::Udp, source, contents, permit: Some(permit) });
            worker.wake();
        }
    }

    fn close(&self) {
        self.tell(Command::LinkClosed { protocol: Protocol::Udp, source: self.address });
    }

    fn tell(&self, command: Command) {
        if let Some(worker) = self.worker.and_then(|worker| self.workers.handle(worker)) {
            worker.send(command);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::media::{Candidates, Ports};

    const ROOM: RoomId = RoomId(7);

    fn stun(worker: u8, room: RoomId) -> Vec<u8> {
        let username = format!("{}:abcd", Place { worker, room, peer: farhand_sfu::PeerId(1) }.ufrag(0));
        let mut request = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
        request.extend([9; 12]);
        request.extend([0x00, 0x06]);
        request.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
        request.extend(username.bytes());
        request.resize(request.len().next_multiple_of(4), 0);
        request
    }

    fn link() -> Link {
        let ports = Ports::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let candidates = Candidates { udp: Vec::new(), tcp: Vec::new() };
        let workers = Workers::start(ports, &candidates, &crate::turn::door().0).unwrap();
        Arc::new(workers).link(ROOM, mpsc::channel(1).0)
    }

    fn send(link: &mut Link, contents: &[u8]) {
        link.send(contents, Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap());
    }

    #[test]
    fn a_link_leads_to_one_room_only() {
        let mut link = link();
        send(&mut link, &stun(0, RoomId(8)));
        assert_eq!(link.worker, None);
        send(&mut link, &stun(1, ROOM));
        send(&mut link, &stun(0, RoomId(8)));
        assert_eq!(link.worker, Some(1));
    }

    #[test]
    fn a_link_moves_so_often_and_no_more() {
        let mut link = link();
        for worker in [0, 1].into_iter().cycle().take(100) {
            send(&mut link, &stun(worker, ROOM));
        }
        assert_eq!((link.moves, link.worker), (MOST_MOVES, Some(1)));
    }

    #[test]
    fn links_have_addresses_of_their_own_that_no_client_has() {
        let numbers = Numbers::default();
        let (first, second) = (numbers.next(), numbers.next());
        assert_ne!(first, second);
        numbers.0.store(COUNT - 1, Ordering::Relaxed);
        let last = numbers.next();
        for link in [first, second, last] {
            assert!(is_link(link), "{link}");
            assert!(matches!(link.ip(), IpAddr::V4(ip) if !ip.is_broadcast()));
        }
        for client in ["203.0.113.7:5", "239.255.255.255:1", "[2001:db8::1]:9", "[ff02::1]:9"] {
            assert!(!is_link(client.parse().unwrap()), "{client}");
        }
    }
}
