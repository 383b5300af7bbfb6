//! A worker's UDP socket. Many datagrams per system call in both directions: at thousands of packets a second the calls cost more than
//! the work.

use std::{
    collections::HashMap,
    io::{self, IoSlice, IoSliceMut},
    net::{SocketAddr, SocketAddrV6},
    os::fd::{AsFd, AsRawFd},
};

use mio::{Interest, Poll, Token, net::UdpSocket};
use nix::{
    errno::Errno,
    sys::socket::{
        ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, getsockopt, recvmmsg, sendmmsg, sendmsg, sockopt,
    },
};
use socket2::{Domain, Protocol, Socket, Type};

/// Datagrams per system call. More gain nothing and cost cache.
pub const BATCH: usize = 64;
/// What the kernel cuts into datagrams by itself (`UDP_MAX_SEGMENTS`, and what fits into an IP packet).
const MAX_SEGMENTS: usize = 64;
const MAX_SEGMENTED: usize = 65_000;
/// Receivers it is known of that the kernel does not cut for them. With more, all are forgotten and tried again: a try that fails costs one system call.
const MOST_UNCUT: usize = 1_024;
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
    /// The kernel cuts what goes to one receiver into datagrams: a picture goes through it once, not once for each packet.
    segments: bool,
    /// Receivers for whom it does not cut datagrams of this length or more: on the way there is a device that cannot, or only shorter ones fit.
    uncut: HashMap<SocketAddr, usize>,
}

impl Port {
    /// Belongs to one thread.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        Ok(Self {
            v6: socket.local_addr()?.is_ipv6(),
            segments: getsockopt(&socket, sockopt::UdpGsoSegment).is_ok(),
            uncut: HashMap::new(),
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
        let run = self.run(batch);
        if run > 1 {
            let sent = self.send_run(&batch[..run]);
            if let Err(Errno::EINVAL | Errno::EIO | Errno::EMSGSIZE | Errno::EOPNOTSUPP) = sent {
                self.refused(&batch[0]);
            }
            return match sent {
                Err(error @ (Errno::EAGAIN | Errno::EINTR)) => Err(error),
                // Not cut, or not to be reached: each is tried, and counted, by itself.
                Err(_) => self.send_singles(&batch[..run]),
                Ok(()) => Ok(run),
            };
        }
        let singles = (1..batch.len()).find(|at| self.run(&batch[*at..]) > 1).unwrap_or(batch.len());
        self.send_singles(&batch[..singles])
    }

    /// How many of the first datagrams the kernel may cut from one piece.
    fn run<B: AsRef<[u8]>>(&self, batch: &[(SocketAddr, B)]) -> usize {
        let Some((to, first)) = batch.first().filter(|_| self.segments) else { return 1 };
        let cuts = self.uncut.is_empty() || self.uncut.get(to).is_none_or(|least| first.as_ref().len() < *least);
        if cuts { run(batch) } else { 1 }
    }

    fn refused<B: AsRef<[u8]>>(&mut self, (to, contents): &(SocketAddr, B)) {
        if self.uncut.len() >= MOST_UNCUT {
            self.uncut.clear();
        }
        let least = self.uncut.entry(*to).or_insert(usize::MAX);
        *least = contents.as_ref().len().min(*least);
    }

    fn send_singles<B: AsRef<[u8]>>(&mut self, batch: &[(SocketAddr, B)]) -> Result<usize, Errno> {
        let batch = &batch[..batch.len().min(BATCH)];
        let slices: Vec<_> = batch.iter().map(|(_, contents)| [IoSlice::new(contents.as_ref())]).collect();
        let addresses: Vec<_> =
            batch.iter().map(|(to, _)| Some(SockaddrStorage::from(written(self.v6, *to)))).collect();
        let none: [ControlMessage<'_>; 0] = [];
        Ok(sendmmsg(self.socket.as_raw_fd(), &mut self.outgoing, slices.iter(), addresses, none, FLAGS)?.count())
    }

    /// Generic segmentation offload (Linux's udp(7), `UDP_SEGMENT`).
    fn send_run<B: AsRef<[u8]>>(&self, run: &[(SocketAddr, B)]) -> Result<(), Errno> {
        let Some((to, first)) = run.first() else { return Ok(()) };
        let length = u16::try_from(first.as_ref().len()).map_err(|_| Errno::EMSGSIZE)?;
        let slices: Vec<_> = run.iter().map(|(_, contents)| IoSlice::new(contents.as_ref())).collect();
        let to = SockaddrStorage::from(written(self.v6, *to));
        let cut = [ControlMessage::UdpGsoSegments(&length)];
        sendmsg(self.socket.as_raw_fd(), &slices, &cut, FLAGS, Some(&to)).map(drop)
    }
}

const FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);

/// How many of the first datagrams go to the same receiver and are equally long; the last of them may be shorter.
fn run<B: AsRef<[u8]>>(batch: &[(SocketAddr, B)]) -> usize {
    let Some((to, first)) = batch.first() else { return 0 };
    let length = first.as_ref().len();
    let most = MAX_SEGMENTS.min(MAX_SEGMENTED / length.max(1)).max(1);
    let same = |(other, contents): &&(SocketAddr, B)| other == to && contents.as_ref().len() == length;
    let equal = batch.iter().take(most).take_while(same).count();
    let shorter = batch.get(equal).filter(|_| equal < most && length > 0);
    let shorter =
        shorter.is_some_and(|(other, contents)| other == to && (1..length).contains(&contents.as_ref().len()));
    equal + usize::from(shorter)
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
    fn what_goes_to_one_receiver_is_cut_by_the_kernel() {
        let ((mut sender, _), (mut receiver, to), (mut other, elsewhere)) =
            (port("127.0.0.1:0"), port("127.0.0.1:0"), port("127.0.0.1:0"));
        let lengths = [
            (to, 900),
            (to, 1_200),
            (to, 1_200),
            (to, 1_200),
            (to, 7),
            (to, 1_200),
            (elsewhere, 1_200),
            (elsewhere, 1_300),
        ];
        let batch: Vec<_> = (0..).zip(lengths).map(|(mark, (to, length))| (to, vec![mark; length])).collect();
        assert_eq!([run(&batch), run(&batch[1..]), run(&batch[5..]), run(&batch[6..])], [1, 4, 1, 1]);
        assert_eq!(sender.send(&batch), 0);
        assert!(sender.segments && sender.uncut.is_empty(), "this kernel does it");
        let came = |port: &mut Port| received(port).into_iter().map(|(_, contents)| contents).collect::<Vec<_>>();
        let sent = |whom| batch.iter().filter(move |(to, _)| *to == whom).map(|(_, contents)| contents.clone());
        assert_eq!(came(&mut receiver), sent(to).collect::<Vec<_>>());
        assert_eq!(came(&mut other), sent(elsewhere).collect::<Vec<_>>());
    }

    #[test]
    fn one_receiver_for_whom_the_kernel_does_not_cut_leaves_it_to_the_others() {
        let ((mut sender, _), (mut receiver, to)) = (port(LOOPBACK), port(LOOPBACK));
        // The kernel refuses whatever goes there, as it refuses to cut what is too long for a way.
        let nowhere = "127.0.0.1:0".parse().unwrap();
        let batch = |to, length: usize| [(to, vec![1; length]), (to, vec![2; length])];
        assert_eq!(sender.send(&[batch(nowhere, 900), batch(to, 900)].concat()), 2);
        assert_eq!(
            [sender.run(&batch(nowhere, 900)), sender.run(&batch(nowhere, 899))],
            [1, 2],
            "shorter ones may fit"
        );
        assert_eq!(sender.run(&batch(to, 900)), 2);
        assert_eq!(sender.send(&[batch(to, 900), batch(nowhere, 900)].concat()), 2);
        assert_eq!(received(&mut receiver).len(), 4);
        for port in 1..=u16::try_from(MOST_UNCUT).unwrap() {
            sender.refused(&(SocketAddr::from(([192, 0, 2, 1], port)), [0; 900]));
        }
        assert_eq!((sender.uncut.len(), sender.run(&batch(nowhere, 900))), (1, 2), "tried again");
    }

    #[test]
    fn long_runs_are_more_than_one() {
        let ((mut sender, _), (mut receiver, to)) = (port("127.0.0.1:0"), port("127.0.0.1:0"));
        let batch: Vec<_> = (0..60).map(|mark| (to, vec![mark; 1_200])).collect();
        assert_eq!(run(&batch), MAX_SEGMENTED / 1_200);
        assert_eq!(sender.send(&batch), 0);
        assert_eq!(received(&mut receiver).len(), 60);
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
