//! Relayed addresses. Where the relay reaches only this server's SFU there is nothing to open: what a client sends is handed to a worker, and
//! the address it is told is a number of ours that nobody can send to. Only for networks an administrator has named it is a real socket.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
};

use super::{Scope, peers::Peers};

/// Numbers that are told as ports. Two allocations of one client must not have the same.
const FIRST: u16 = 49_152;
const COUNT: u16 = u16::MAX - FIRST - 1;

pub struct Relays {
    /// Where real sockets are bound.
    bind: IpAddr,
    next: AtomicU16,
}

/// What is asked of an address.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub v4: bool,
    /// For RTP as it was: the port is even.
    pub even: bool,
}

/// Every second socket has an even port.
const TRIES: usize = 16;

pub struct Relayed {
    pub address: SocketAddr,
    pub socket: Option<UdpSocket>,
}

impl Relays {
    pub fn new(bind: IpAddr) -> Self {
        Self { bind, next: AtomicU16::new(0) }
    }

    /// None if this server has no such address, or no socket left.
    pub fn take(&self, peers: &Peers, scope: Scope, Wanted { v4, even }: Wanted) -> Option<Relayed> {
        let own = peers.own_of(v4)?;
        if scope == Scope::Room || !peers.beyond_the_sfu() {
            // Two at a time, so that an even one is nobody else's.
            let port = FIRST + self.next.fetch_add(2, Ordering::Relaxed) % COUNT;
            return Some(Relayed { address: SocketAddr::new(own.ip(), port), socket: None });
        }
        let bind = || UdpSocket::bind((self.bind, 0));
        let fits = |socket: &UdpSocket| !even || socket.local_addr().is_ok_and(|address| address.port() % 2 == 0);
        let found = (0..TRIES).map(|_| bind()).find(|bound| bound.as_ref().map_or(true, fits))?;
        let socket = found.and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
        let socket = socket.inspect_err(|error| tracing::warn!(%error, "no socket for a relay")).ok()?;
        let port = socket.local_addr().ok()?.port();
        Some(Relayed { address: SocketAddr::new(own.ip(), port), socket: Some(socket) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: Wanted = Wanted { v4: true, even: false };

    #[test]
    fn a_relay_for_ipv4_reaches_ipv4_where_everything_is_listened_on() {
        let peers = Peers::new(vec!["127.0.0.1:9".parse().unwrap()], &["127.0.0.0/8".to_owned()]).unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        for bind in ["::", "0.0.0.0", "127.0.0.1"] {
            let relays = Relays::new(bind.parse().unwrap());
            let socket = relays.take(&peers, Scope::Networks, V4).unwrap().socket.unwrap();
            assert!(socket.send_to(&[1], peer.local_addr().unwrap()).is_ok(), "{bind}");
        }
        let without = Relays::new([127, 0, 0, 1].into()).take(&peers, Scope::Room, V4).unwrap();
        assert!(without.socket.is_none(), "whoever has no seat yet needs none");
    }

    #[test]
    fn an_even_port_is_even() {
        let relays = Relays::new([127, 0, 0, 1].into());
        let peers = Peers::new(vec!["127.0.0.1:9".parse().unwrap()], &["127.0.0.0/8".to_owned()]).unwrap();
        for scope in [Scope::Room, Scope::Networks] {
            let even = (0..20).filter_map(|_| relays.take(&peers, scope, Wanted { even: true, ..V4 }));
            assert!(even.map(|relayed| relayed.address.port()).all(|port| port % 2 == 0), "{scope:?}");
        }
    }
}
