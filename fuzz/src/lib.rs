//! What several targets need: an SFU with a room, and the bytes of a seed read as a sequence of inputs.

use std::{net::SocketAddr, time::Instant};

use farhand_sfu::{Command, Config, Identity, Input, Limits, Member, PeerId, RoomId, Sfu, Source, TrackName};

pub const ROOM: RoomId = RoomId(7);
pub const PEERS: [PeerId; 2] = [PeerId(1), PeerId(2)];

/// An SFU with a room of two.
pub fn sfu(now: Instant) -> Sfu {
    let here = vec![SocketAddr::from(([192, 0, 2, 1], 443))];
    let mut sfu = Sfu::new(now, Config { worker: 1, udp: here.clone(), tcp: here, identity: Identity::generate() });
    let member = |peer: PeerId| Member { peer, name: 1, live: true, sharing: false, limits: Limits::default() };
    let members = PEERS.map(member).to_vec();
    sfu.handle(now, Input::Command(Command::Members { room: ROOM, members }));
    drain(&mut sfu);
    sfu
}

pub fn offer(peer: PeerId, sdp: String) -> Command {
    let tracks = [("0", Source::Microphone), ("1", Source::Camera)];
    let tracks = tracks.map(|(mid, source)| TrackName { mid: mid.to_owned(), source }).to_vec();
    Command::Offer { room: ROOM, peer, sdp, tracks, password: "a-password-of-22-characters".to_owned() }
}

pub fn drain(sfu: &mut Sfu) {
    while sfu.poll().is_some() {}
}

/// Cuts a seed into pieces: a byte of what, two of how long, then so many bytes.
pub fn pieces(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [what, high, low, rest @ ..] = data else { return None };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (piece, left) = rest.split_at(length);
        data = left;
        Some((*what, piece))
    })
}
