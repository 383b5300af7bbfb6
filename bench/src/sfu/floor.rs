//! The floor: what forwarding costs at the very least. A socket, datagrams taken and sent many at a time, each opened once with AES-128-GCM
//! and sealed once for every receiver, as SRTP has it; no ICE, no DTLS, no feedback, no resending, nothing chosen or rewritten.

use std::{
    collections::HashMap,
    io::{IoSlice, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::Instant,
};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use nix::{
    errno::Errno,
    sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg},
};

use super::{
    media::{Kind, Packet},
    wire::{Counting, Line, Said, Wire},
};
use crate::Outcome;

const BATCH: usize = 64;
const DATAGRAM: usize = 2048;
/// An RTP header without extensions.
const HEADER: usize = 12;
const TAG: usize = 16;
/// What begins the datagram by which a participant makes itself known: then its room, whether it wants to receive, and which layer.
const HELLO: u8 = 1;
const HELLO_LENGTH: usize = 5;
const KERNEL_BUFFER: usize = 2 * 1024 * 1024;
/// Payload types: that of sound, and that of the lowest layer.
const SOUND: u8 = 111;
const LOWEST: u8 = 96;

/// Every connection has a key of its own, as with SRTP. Nothing here is secret.
fn key(port: u16) -> Outcome<LessSafeKey> {
    let mut bytes = [7; 16];
    bytes[..2].copy_from_slice(&port.to_be_bytes());
    let key = UnboundKey::new(&AES_128_GCM, &bytes).map_err(|_| "a key of the wrong length")?;
    Ok(LessSafeKey::new(key))
}

/// Of the header's stream and sequence number.
fn nonce(header: &[u8; HEADER]) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&header[8..]);
    nonce[4..6].copy_from_slice(&header[2..4]);
    nonce[6..10].copy_from_slice(&header[4..8]);
    Nonce::assume_unique_for_key(nonce)
}

/// A participant's end.
pub(crate) struct BareWire {
    server: SocketAddr,
    key: LessSafeKey,
    ssrc: u32,
    hello: Option<Vec<u8>>,
    said: Vec<Said>,
}

impl BareWire {
    pub(crate) fn new(server: SocketAddr, local: SocketAddr, room: u16, receives: bool, shown: u8) -> Outcome<Self> {
        let [high, low] = room.to_be_bytes();
        let hello = vec![HELLO, high, low, u8::from(receives), LOWEST + shown];
        Ok(Self {
            server,
            key: key(local.port())?,
            ssrc: u32::from(local.port()) << 8,
            hello: Some(hello),
            said: Vec::new(),
        })
    }
}

impl Wire for BareWire {
    fn send(&mut self, _: Instant, line: Line, packet: &Packet) -> Outcome {
        let pt = match line.kind {
            Kind::Sound => SOUND,
            Kind::Picture(layer) => LOWEST + layer.number(),
        };
        let [.., high, low] = packet.number.to_be_bytes();
        let mut header = [0x80, pt, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
        header[4..8].copy_from_slice(&packet.time.to_be_bytes());
        header[8..].copy_from_slice(&(self.ssrc + u32::from(pt)).to_be_bytes());
        let mut sealed = packet.payload.to_vec();
        let done = self.key.seal_in_place_append_tag(nonce(&header), Aad::from(header), &mut sealed);
        done.map_err(|_| "a packet could not be sealed")?;
        self.said.push(Said::Send(self.server, [&header[..], &sealed].concat()));
        Ok(())
    }

    fn receive(&mut self, now: Instant, _: SocketAddr, datagram: &[u8], counting: &mut Counting<'_>) -> Outcome {
        let Some((header, sealed)) = datagram.split_first_chunk::<HEADER>() else {
            self.said.push(Said::Connected);
            return Ok(());
        };
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce(header), Aad::from(*header), &mut sealed);
        let opened = opened.map_err(|_| "a packet could not be opened")?;
        let [_, _, high, low, _, _, _, _, ssrc @ ..] = *header;
        // Rounds are short: the sequence number does not wrap twice, and a wrap counts as no loss.
        counting.packet(now, u32::from_be_bytes(ssrc), u64::from(u16::from_be_bytes([high, low])), opened);
        Ok(())
    }

    fn advance(&mut self, _: Instant, _: &mut Counting<'_>) -> Outcome {
        if let Some(hello) = self.hello.take() {
            self.said.push(Said::Send(self.server, hello));
        }
        Ok(())
    }

    fn wake(&self) -> Option<Instant> {
        None
    }

    fn said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }
}

struct Member {
    address: SocketAddr,
    room: u16,
    key: LessSafeKey,
    receives: bool,
    shown: u8,
}

struct Forwarder {
    socket: UdpSocket,
    members: Vec<Member>,
    by_address: HashMap<SocketAddr, usize>,
    /// The members of each room, by their numbers.
    rooms: HashMap<u16, Vec<usize>>,
    outgoing: MultiHeaders<SockaddrStorage>,
    waiting: Vec<(SocketAddr, Vec<u8>)>,
}

/// The floor's own process. Says on its standard output when it listens.
pub(crate) fn serve(address: SocketAddr) -> Outcome {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::DGRAM, None)?;
    socket.set_recv_buffer_size(KERNEL_BUFFER)?;
    socket.set_send_buffer_size(KERNEL_BUFFER)?;
    socket.bind(&address.into())?;
    println!("ready");
    let mut forwarder = Forwarder {
        socket: socket.into(),
        members: Vec::new(),
        by_address: HashMap::new(),
        rooms: HashMap::new(),
        outgoing: MultiHeaders::preallocate(BATCH, None),
        waiting: Vec::with_capacity(BATCH),
    };
    let mut buffers = vec![[0; DATAGRAM]; BATCH];
    let mut incoming = MultiHeaders::preallocate(BATCH, None);
    loop {
        let lengths = receive(&forwarder.socket, &mut incoming, &mut buffers)?;
        for ((from, length), buffer) in lengths.into_iter().zip(&mut buffers) {
            forwarder.take(from, buffer.get_mut(..length).unwrap_or_default())?;
        }
        forwarder.send()?;
    }
}

/// Waits for one and takes all that are there.
fn receive(
    socket: &UdpSocket,
    incoming: &mut MultiHeaders<SockaddrStorage>,
    buffers: &mut [[u8; DATAGRAM]],
) -> Outcome<Vec<(SocketAddr, usize)>> {
    let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
    match recvmmsg(socket.as_raw_fd(), incoming, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None) {
        Ok(received) => {
            let all = received.filter_map(|message| {
                let from = SocketAddr::V4((*message.address?.as_sockaddr_in()?).into());
                Some((from, message.bytes))
            });
            Ok(all.collect())
        }
        Err(Errno::EINTR | Errno::ECONNREFUSED) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

impl Forwarder {
    fn take(&mut self, from: SocketAddr, datagram: &mut [u8]) -> Outcome {
        if let &mut [HELLO, high, low, receives, shown] = datagram {
            let room = u16::from_be_bytes([high, low]);
            self.rooms.entry(room).or_default().push(self.members.len());
            self.by_address.insert(from, self.members.len());
            let (key, receives) = (key(from.port())?, receives == 1);
            self.members.push(Member { address: from, room, key, receives, shown });
            self.waiting.push((from, vec![HELLO; HELLO_LENGTH]));
            return Ok(());
        }
        let Some((header, sealed)) = datagram.split_first_chunk_mut::<HEADER>() else { return Ok(()) };
        let Some(sender) = self.by_address.get(&from).copied() else { return Ok(()) };
        let Some(member) = self.members.get(sender) else { return Ok(()) };
        let opened = member.key.open_in_place(nonce(header), Aad::from(*header), sealed);
        let payload = opened.map_err(|_| "a packet could not be opened")?;
        let room = self.rooms.get(&member.room).cloned().unwrap_or_default();
        for receiver in room.into_iter().filter(|receiver| *receiver != sender) {
            self.pass_on(receiver, header, payload)?;
        }
        Ok(())
    }

    fn pass_on(&mut self, receiver: usize, header: &[u8; HEADER], payload: &[u8]) -> Outcome {
        let Some(member) = self.members.get(receiver).filter(|member| member.receives) else { return Ok(()) };
        if header[1] != SOUND && header[1] != member.shown {
            return Ok(());
        }
        let mut packet = Vec::with_capacity(HEADER + payload.len() + TAG);
        packet.extend(header);
        packet.extend(payload);
        let body = packet.get_mut(HEADER..).unwrap_or_default();
        let sealed = member.key.seal_in_place_separate_tag(nonce(header), Aad::from(*header), body);
        packet.extend(sealed.map_err(|_| "a packet could not be sealed")?.as_ref());
        self.waiting.push((member.address, packet));
        if self.waiting.len() == BATCH { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Outcome {
        let mut rest = self.waiting.as_slice();
        while !rest.is_empty() {
            let slices: Vec<_> = rest.iter().map(|(_, contents)| [IoSlice::new(contents)]).collect();
            let addresses: Vec<_> = rest.iter().map(|(to, _)| Some(SockaddrStorage::from(*to))).collect();
            let none: [ControlMessage<'_>; 0] = [];
            let socket = self.socket.as_raw_fd();
            match sendmmsg(socket, &mut self.outgoing, slices.iter(), addresses, none, MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => rest = rest.get(sent.count().max(1)..).unwrap_or_default(),
                Err(Errno::EINTR | Errno::ECONNREFUSED) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.waiting.clear();
        Ok(())
    }
}
