//! A worker's UDP socket. Many datagrams per system call in both directions: at thousands of packets a second the calls cost more than
//! the work.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{SocketAddr, SocketAddrV6},
    os::fd::{AsFd, AsRawFd},
};

use mio::{Interest, Poll, Token, net::UdpSocket};
use nix::{
    errno::Errno,
    sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg},
};
use socket2::{Domain, Protocol, Socket, Type};

/// Datagrams per system call. More gain nothing and cost cache.
pub const BATCH: usize = 64;
/// Larger than any datagram of an MTU of 1,500.
const DATAGRAM: usize = 2048;
/// Some 100 ms of 100 Mbit/s: what comes while the worker does something else must not be lost. The kernel may allow less.
const KERNEL_BUFFER: usize = 2 * 1024 * 1024;

/// Several workers share one port: each has a socket of its own, and the kernel spreads senders over them.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(KERNEL_BUFFER)?;
    socket.set_send_buffer_size(KERNEL_BUFFER)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

pub struct Port {
    socket: UdpSocket,
    /// Takes IPv4 as well, written as IPv6.
    v6: bool,
    buffers: Vec<[u8; DATAGRAM]>,
    incoming: MultiHeaders<SockaddrStorage>,
    outgoing: MultiHeaders<SockaddrStorage>,
}

impl Port {
    /// Belongs to one thread.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        Ok(Self {
            v6: socket.local_addr()?.is_ipv6(),
            socket,
            buffers: vec![[0; DATAGRAM]; BATCH],
            incoming: MultiHeaders::preallocate(BATCH, None),
            outgoing: MultiHeaders::preallocate(BATCH, None),
        })
    }

    pub fn register(&mut self, poll: &Poll, token: Token) -> io::Result<()> {
        poll.registry().register(&mut self.socket, token, Interest::READABLE)
    }

    /// Hands over what has come. False if nothing is left.
    pub fn receive(&mut self, mut take: impl FnMut(SocketAddr, &[u8])) -> io::Result<bool> {
        let mut slices: Vec<_> = self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        let received = match recvmmsg(self.socket.as_raw_fd(), &mut self.incoming, slices.iter_mut(), flags, None) {
            Ok(received) => received,
            Err(Errno::EAGAIN) => return Ok(false),
            // An answer of ours could not be delivered, or the call was interrupted: there may be more.
            Err(Errno::ECONNREFUSED | Errno::EINTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let mut count = 0;
        for message in received {
            count += 1;
            let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
            if let (true, Some(source), Some(contents)) = (whole, address_of(message.address), message.iovs().next()) {
                take(source, contents);
            }
        }
        Ok(count == BATCH)
    }

    /// Sends up to [`BATCH`] datagrams. Returns how many the kernel has not taken: they are lost, as on any full link.
    pub fn send<B: AsRef<[u8]>>(&mut self, batch: &[(SocketAddr, B)]) -> usize {
        let mut lost = 0;
        let mut rest = batch;
        while !rest.is_empty() {
            match self.send_some(rest) {
                Ok(sent) => rest = &rest[sent.max(1)..],
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => return lost + rest.len(),
                // One that cannot be reached must not hold up the others.
                Err(_) => {
                    lost += 1;
                    rest = &rest[1..];
                }
            }
        }
        lost
    }

    fn send_some<B: AsRef<[u8]>>(&mut self, batch: &[(SocketAddr, B)]) -> Result<usize, Errno> {
        let batch = &batch[..batch.len().min(BATCH)];
        let slices: Vec<_> = batch.iter().map(|(_, contents)| [IoSlice::new(contents.as_ref())]).collect();
        let addresses: Vec<_> =
            batch.iter().map(|(to, _)| Some(SockaddrStorage::from(written(self.v6, *to)))).collect();
        let none: [ControlMessage<'_>; 0] = [];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        Ok(sendmmsg(self.socket.as_raw_fd(), &mut self.outgoing, slices.iter(), addresses, none, flags)?.count())
    }
}

/// Sends from a port that somebody else reads.
pub struct PortSender {
    socket: std::net::UdpSocket,
    v6: bool,
}

impl PortSender {
    pub fn of(port: &UdpSocket) -> io::Result<Self> {
        let socket = std::net::UdpSocket::from(port.as_fd().try_clone_to_owned()?);
        Ok(Self { v6: socket.local_addr()?.is_ipv6(), socket })
    }

    /// What the kernel does not take is lost, as on any full link.
    pub fn send(&self, to: SocketAddr, contents: &[u8]) {
        let _ = self.socket.send_to(contents, written(self.v6, to));
    }
}

fn written(v6: bool, to: SocketAddr) -> SocketAddr {
    match to {
        SocketAddr::V4(v4) if v6 => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        SocketAddr::V4(_) | SocketAddr::V6(_) => to,
    }
}

/// IPv4 is IPv4, whatever socket it came in on.
fn address_of(address: Option<SockaddrStorage>) -> Option<SocketAddr> {
    let address = address?;
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    let v6 = SocketAddrV6::from(*address.as_sockaddr_in6()?);
    Some(SocketAddr::new(v6.ip().to_canonical(), v6.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port and its address.
    fn port(address: &str) -> (Port, SocketAddr) {
        let socket = bind(address.parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        (Port::new(socket).unwrap(), address)
    }

    const LOOPBACK: &str = "127.0.0.1:0";

    /// On loopback a datagram is there once `send` returns.
    fn received(port: &mut Port) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut all = Vec::new();
        while port.receive(|source, contents| all.push((source, contents.to_vec()))).unwrap() {}
        all
    }

    #[test]
    fn many_datagrams_go_and_come_whole_and_in_order() {
        let ((mut here, from), (mut there, to)) = (port(LOOPBACK), port(LOOPBACK));
        let batch: Vec<_> =
            (0..200_u16).map(|n| (to, vec![u8::try_from(n % 256).unwrap(); usize::from(n) + 1])).collect();
        assert_eq!(here.send(&batch), 0);
        let expected: Vec<_> = batch.into_iter().map(|(_, contents)| (from, contents)).collect();
        assert_eq!(received(&mut there), expected);
    }

    #[test]
    fn one_that_cannot_be_reached_does_not_hold_up_the_others() {
        let ((mut here, _), (mut there, to)) = (port(LOOPBACK), port(LOOPBACK));
        let nowhere = "[2001:db8::1]:9".parse().unwrap();
        assert_eq!(here.send(&[(to, [1]), (nowhere, [2]), (to, [3])]), 1);
        assert_eq!(received(&mut there).len(), 2);
    }

    #[test]
    fn a_datagram_that_is_too_long_is_dropped_and_not_cut() {
        let ((mut here, _), (mut there, to)) = (port(LOOPBACK), port(LOOPBACK));
        here.send(&[(to, vec![0; DATAGRAM + 1]), (to, vec![0; DATAGRAM])]);
        let lengths: Vec<_> = received(&mut there).into_iter().map(|(_, contents)| contents.len()).collect();
        assert_eq!(lengths, [DATAGRAM]);
    }

    #[test]
    fn a_port_for_everybody_speaks_ipv4_with_those_who_do() {
        let ((mut here, address), (mut there, from)) = (port("[::]:0"), port(LOOPBACK));
        let to = SocketAddr::from(([127, 0, 0, 1], address.port()));
        there.send(&[(to, [1])]);
        assert_eq!(received(&mut here), [(from, vec![1])]);
        assert_eq!(here.send(&[(from, [2])]), 0);
        assert_eq!(received(&mut there), [(to, vec![2])]);
    }

    #[test]
    fn workers_share_a_port() {
        let (_here, address) = port(LOOPBACK);
        assert!(bind(address).is_ok());
    }
}
