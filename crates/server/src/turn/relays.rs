//! Relayed addresses. Where the relay reaches only this server's SFU there is nothing to open: what a client sends is handed to a worker, and
//! the address it is told is a number of ours that nobody can send to. Only for networks an administrator has named it is a real socket.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
};

use super::peers::Peers;

/// Numbers that are told as ports. Two allocations of one client must not have the same.
const FIRST: u16 = 49_152;
const COUNT: u16 = u16::MAX - FIRST;

pub struct Relays {
    /// Where real sockets are bound.
    bind: IpAddr,
    next: AtomicU16,
}

pub struct Relayed {
    pub address: SocketAddr,
    pub socket: Option<UdpSocket>,
}

impl Relays {
    pub fn new(bind: IpAddr) -> Self {
        Self { bind, next: AtomicU16::new(0) }
    }

    /// None if this server has no such address, or no socket left.
    pub fn take(&self, peers: &Peers, v4: bool) -> Option<Relayed> {
        let own = peers.own_of(v4)?;
        if !peers.beyond_the_sfu() {
            let port = FIRST + self.next.fetch_add(1, Ordering::Relaxed) % COUNT;
            return Some(Relayed { address: SocketAddr::new(own.ip(), port), socket: None });
        }
        let socket = UdpSocket::bind((self.bind, 0)).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
        let socket = socket.inspect_err(|error| tracing::warn!(%error, "no socket for a relay")).ok()?;
        let port = socket.local_addr().ok()?.port();
        Some(Relayed { address: SocketAddr::new(own.ip(), port), socket: Some(socket) })
    }
}
