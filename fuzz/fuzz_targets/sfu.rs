//! The whole SFU under a sequence of datagrams, commands and times. Each piece of the input is one step.
#![no_main]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use farhand_fuzz::{PEERS, ROOM, drain, offer, pieces, sfu};
use farhand_sfu::{Command, Input, Limits, Member, Protocol, Source, View};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut now = Instant::now();
    let mut sfu = sfu(now);
    for (what, piece) in pieces(data).take(64) {
        let peer = PEERS[usize::from(what >> 7)];
        match what & 7 {
            0 => sfu.handle(now, Input::Command(offer(peer, String::from_utf8_lossy(piece).into_owned()))),
            1 => {
                let views =
                    piece.iter().map(|height| View { peer, source: Source::Camera, height: u32::from(*height) });
                sfu.handle(now, Input::Command(Command::Views { room: ROOM, peer, views: views.collect() }));
            }
            2 => {
                let member = |(peer, live): (_, &u8)| Member {
                    peer,
                    name: 1,
                    live: *live > 0,
                    sharing: *live > 1,
                    limits: Limits::default(),
                };
                let members = PEERS.into_iter().zip(piece).map(member).collect();
                sfu.handle(now, Input::Command(Command::Members { room: ROOM, members }));
            }
            3 => {
                now += Duration::from_millis(piece.iter().map(|byte| u64::from(*byte)).sum());
                sfu.handle(now, Input::Wake);
            }
            other => {
                let protocol = if other == 7 { Protocol::Tcp } else { Protocol::Udp };
                let source = SocketAddr::from(([203, 0, 113, other], 40_000 + u16::from(what >> 3)));
                sfu.handle(now, Input::Datagram { protocol, source, contents: piece });
            }
        }
        drain(&mut sfu);
    }
    assert_eq!(sfu.known_addresses(), 0, "nothing here knows a password");
});
