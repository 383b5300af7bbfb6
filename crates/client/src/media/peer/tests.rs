//! Two peers in virtual time, on a network that can be cut.

use std::time::Duration;

use super::{candidates::MAX_WAITING_CANDIDATES, *};
use crate::media::player::Line;

const LEFT: usize = 0;
const RIGHT: usize = 1;

struct World {
    now: Instant,
    peers: [Peer; 2],
    addresses: [SocketAddr; 2],
    cut: bool,
    /// What each peer wanted done, apart from datagrams and signals, which are carried to the other.
    seen: [Vec<&'static str>; 2],
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let addresses = ["10.0.0.1:5000", "10.0.0.2:5000"].map(|address| address.parse().unwrap());
        let mut peers = [true, false].map(|offerer| Peer::new(1, offerer, false, now).unwrap());
        for (peer, address) in peers.iter_mut().zip(addresses) {
            peer.local_host(address, Protocol::Udp).unwrap();
            peer.local_end().unwrap();
        }
        Self { now, peers, addresses, cut: false, seen: [vec![], vec![]] }
    }

    fn carry(&mut self) {
        for from in [LEFT, RIGHT, LEFT, RIGHT] {
            while let Some(effect) = self.peers[from].effects.pop_front() {
                let what = self.perform(from, effect);
                self.seen[from].push(what);
            }
        }
    }

    fn perform(&mut self, from: usize, effect: Effect) -> &'static str {
        let to = 1 - from;
        match effect {
            Effect::Send(transmit) => {
                if !self.cut {
                    self.peers[to]
                        .datagram(
                            self.now,
                            Protocol::Udp,
                            self.addresses[from],
                            transmit.destination,
                            &transmit.contents,
                        )
                        .unwrap();
                }
                "datagram"
            }
            Effect::Signal(signal) => {
                let what = match signal {
                    Signal::Offer { .. } => "offer",
                    Signal::Answer { .. } => "answer",
                    // Not delivered: the offerer must notice by itself.
                    Signal::Restart {} => return "restart",
                    Signal::Candidate { .. } => "signal",
                };
                self.peers[to].signal(signal).unwrap();
                what
            }
            Effect::Connected => "connected",
            Effect::PathLost => "path lost",
            Effect::PathFound => "path found",
            Effect::Frame(..) => "frame",
            Effect::KeyframeWanted(_) | Effect::Measured | Effect::Offer { .. } | Effect::ChannelOpen => "other",
            Effect::RemoteClosed => "remote closed",
        }
    }

    /// Lets time pass until both peers have wanted `what` done so many times.
    fn until(&mut self, what: [&str; 2], times: usize) {
        let end = self.now + Duration::from_mins(1);
        loop {
            self.carry();
            let counts = [LEFT, RIGHT].map(|peer| self.seen[peer].iter().filter(|seen| **seen == what[peer]).count());
            if counts.iter().all(|count| *count >= times) {
                return;
            }
            let next = self.peers.iter().map(Peer::next_wake).min().unwrap();
            self.now = next.max(self.now + Duration::from_millis(1));
            assert!(self.now < end, "not {what:?} within a minute, but {:?}", self.seen);
            for peer in &mut self.peers {
                peer.advance(self.now).unwrap();
            }
        }
    }
}

#[test]
fn a_lost_path_makes_the_offerer_restart_and_the_answerer_ask_for_it() {
    let mut world = World::new();
    world.until(["connected", "connected"], 1);
    world.cut = true;
    world.until(["path lost", "path lost"], 1);
    world.until(["offer", "restart"], 1);
    world.cut = false;
    world.until(["path found", "path found"], 2);
    let offers = world.seen[LEFT].iter().filter(|seen| **seen == "offer").count();
    assert!(offers >= 2 && !world.seen[RIGHT].contains(&"offer"), "{:?}", world.seen);
}

#[test]
fn a_frame_goes_out_only_where_the_other_end_takes_that_kind() {
    let mut world = World::new();
    world.until(["connected", "connected"], 1);
    for ticks in (0..10).map(|n| n * 960) {
        world.now += Duration::from_millis(20);
        world.peers[LEFT].write(Line::Audio, vec![7; 40].into(), ticks, world.now).unwrap();
        world.carry();
    }
    world.until(["connected", "frame"], 1);
    let video = world.peers[RIGHT].video;
    world.peers[RIGHT].video = None;
    world.peers[RIGHT].write(Line::Video(None), vec![7; 40].into(), 0, world.now).unwrap();
    assert!(video.is_some() && world.peers[RIGHT].effects.is_empty());
}

#[test]
fn candidates_without_use_are_ignored_and_too_many_early_ones_dropped() {
    let mut peer = Peer::new(1, false, false, Instant::now()).unwrap();
    let useless = [
        "",
        "nonsense",
        "candidate:1 1 udp 2113937151 8f5b9a7c-1111-4222-8333-123456789abc.local 5000 typ host",
        "candidate:1 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active",
    ];
    for text in useless {
        peer.remote_candidate(text).unwrap();
    }
    assert_eq!(peer.waiting.as_ref().map(Vec::len), Some(0));
    for port in 1..=100 {
        peer.remote_candidate(&format!("candidate:1 1 udp 2113937151 10.0.0.1 {port} typ host generation 0")).unwrap();
    }
    assert_eq!(peer.waiting.as_ref().map(Vec::len), Some(MAX_WAITING_CANDIDATES));
}

#[test]
fn an_offer_from_the_other_end_of_an_offerer_and_an_answer_without_offer_are_ignored() {
    let now = Instant::now();
    let mut offerer = Peer::new(1, true, false, now).unwrap();
    offerer.effects.clear();
    offerer.signal(Signal::Offer { sdp: "v=0".to_owned() }).unwrap();
    let mut answerer = Peer::new(1, false, false, now).unwrap();
    answerer.signal(Signal::Answer { sdp: "v=0".to_owned() }).unwrap();
    answerer.signal(Signal::Restart {}).unwrap();
    assert!(offerer.effects.is_empty() && answerer.effects.is_empty());
}
