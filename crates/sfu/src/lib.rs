//! Media forwarding as a state machine: datagrams and commands go in with the time they came at, datagrams to send and notices come out. It
//! knows neither calls nor users, and has no clock, no sockets, no locks and no threads; chance comes in with the commands.
//!
//! A room is a call's people; a peer is one connection of one of them. Each peer sends *tracks* and is sent to on
//! *slots*, which are agreed upon once; what a slot shows changes without another offer.

mod answer;
mod budget;
mod channels;
mod demux;
mod engine;
mod estimate;
mod fit;
mod gaps;
mod ids;
mod keyframe;
mod ladder;
mod layers;
mod offer;
mod peer;
mod receive;
mod red;
mod rewrite;
mod room;
mod route;
mod send;
mod slot;
mod speaker;
mod temporal;
mod track;
mod ufrag;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

pub use str0m::net::Protocol;

use crate::{
    demux::{Demux, Learned},
    engine::{Common, Datagram},
    room::{Offer, Room},
};
pub use crate::{
    fit::LayerRate,
    ids::{PeerId, RoomId, Source},
    keyframe::starts_keyframe,
    ladder::{Limits, Rung, Why},
    offer::{OfferError, TrackName},
    red::blocks as repeated_sounds,
    room::Member,
    send::Hearing,
    slot::View,
    ufrag::{Place, is_binding_request, stun_username},
};

/// What an [`Sfu`] is told when it is made.
pub struct Config {
    /// Its number among the server's workers; part of every ICE username fragment.
    pub worker: u8,
    /// The addresses clients reach this worker's socket at, best first.
    pub udp: Vec<SocketAddr>,
    /// The addresses clients reach it at over TCP, framed as RFC 4571 has it.
    pub tcp: Vec<SocketAddr>,
    pub identity: Identity,
}

/// The certificate that connections are proved with. One for all of a process, new in each.
#[derive(Clone)]
pub struct Identity(Option<str0m::config::DtlsCert>);

impl Identity {
    pub fn generate() -> Self {
        Self(str0m::crypto::from_feature_flags().dtls_provider.generate_certificate())
    }
}

pub enum Input<'a> {
    Datagram {
        protocol: Protocol,
        source: SocketAddr,
        contents: &'a [u8],
    },
    Command(Command),
    /// The time [`Sfu::next_wake`] asked for has come.
    Wake,
}

pub enum Command {
    /// Who belongs to a room now. Whoever does not any more is disconnected; a room nobody belongs to is closed.
    Members { room: RoomId, members: Vec<Member> },
    /// A member's offer, answered by [`Notice::Answer`].
    Offer { room: RoomId, peer: PeerId, sdp: String, tracks: Vec<TrackName>, password: String },
    /// What a member wants to see, and how large.
    Views { room: RoomId, peer: PeerId, views: Vec<View> },
}

pub enum Output {
    Transmit(Transmit),
    Notice(RoomId, Notice),
    /// This address has proved to belong to a peer here; datagrams from it are for this worker.
    Learned(Protocol, SocketAddr),
    Forgotten(Protocol, SocketAddr),
}

/// A datagram to send.
pub struct Transmit {
    pub protocol: Protocol,
    pub destination: SocketAddr,
    pub contents: Vec<u8>,
}

impl From<str0m::net::Transmit> for Transmit {
    fn from(transmit: str0m::net::Transmit) -> Self {
        Self { protocol: transmit.proto, destination: transmit.destination, contents: transmit.contents.into() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    Answer {
        peer: PeerId,
        answer: Result<String, OfferError>,
    },
    /// The other end has proved who it is, and media may flow.
    Connected {
        peer: PeerId,
    },
    /// Nothing comes any more. The connection stays, and may come back.
    PathLost {
        peer: PeerId,
    },
    PathFound {
        peer: PeerId,
    },
    Gone {
        peer: PeerId,
        why: Gone,
    },
    /// What is shown in a peer's slots; for `missing` more there are none. And what its own camera's layers should take; those that are not
    /// named, what it likes.
    Slots {
        peer: PeerId,
        shown: Vec<Shown>,
        missing: usize,
        rates: Vec<LayerRate>,
    },
    Speaker {
        peer: Option<PeerId>,
    },
    /// What a peer gets of what it wants to see, and what keeps it from more.
    Receives {
        peer: PeerId,
        rung: Rung,
        why: Why,
    },
    /// So much more has come from a peer and gone to it, of whom that is to be told.
    Used {
        peer: PeerId,
        bytes: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// The other end said goodbye.
    Closed,
    Broken(String),
}

/// A slot and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub mid: String,
    pub peer: PeerId,
    pub source: Source,
}

/// How many datagrams were for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// From an address that has proved nothing.
    pub unknown: u64,
    /// STUN requests for a peer that is not here, or without the right integrity.
    pub refused: u64,
}

pub struct Sfu {
    worker: u8,
    common: Common,
    rooms: HashMap<RoomId, Room>,
    /// When each room wants to be woken.
    wakes: BTreeSet<(Instant, RoomId)>,
    demux: Demux,
    outputs: VecDeque<Output>,
    /// Rooms with packets written that have not left.
    unsent: Vec<RoomId>,
    now: Instant,
    counters: Counters,
}

impl Sfu {
    pub fn new(now: Instant, config: Config) -> Self {
        let Config { worker, udp, tcp, identity } = config;
        Self {
            worker,
            common: Common { certificate: identity.0, udp, tcp },
            rooms: HashMap::new(),
            wakes: BTreeSet::new(),
            demux: Demux::default(),
            outputs: VecDeque::new(),
            unsent: Vec::new(),
            now,
            counters: Counters::default(),
        }
    }

    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        match input {
            Input::Datagram { protocol, source, contents } => self.receive(&Datagram { protocol, source, contents }),
            Input::Command(command) => self.command(command),
            Input::Wake => self.wake(),
        }
    }

    /// What is to be done, until nothing is left. Packets to many receivers leave together, after all that came in.
    pub fn poll(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            for id in std::mem::take(&mut self.unsent) {
                self.turn(id, Room::flush);
            }
        }
        self.outputs.pop_front()
    }

    pub fn next_wake(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether the address has proved to belong to a peer here.
    pub fn knows(&self, protocol: Protocol, source: SocketAddr) -> bool {
        self.demux.knows(protocol, source)
    }

    /// Addresses that have proved whose they are.
    pub fn known_addresses(&self) -> usize {
        self.demux.len()
    }

    fn receive(&mut self, datagram: &Datagram<'_>) {
        let Some((room, peer)) = self.addressee(datagram) else { return };
        self.turn(room, |found, now, out| found.receive(now, peer, datagram, out));
        self.leaves_later(room);
    }

    /// Something is to be done in a room. A panic there ends this room's connections and no others.
    fn turn<T>(&mut self, id: RoomId, run: impl FnOnce(&mut Room, Instant, &mut VecDeque<Output>) -> T) -> Option<T> {
        let room = self.rooms.get_mut(&id)?;
        let done = catch_unwind(AssertUnwindSafe(|| run(room, self.now, &mut self.outputs)));
        if done.is_err() {
            room.give_up(&mut self.outputs);
        }
        for ended in room.take_ended() {
            let addresses = self.demux.forget(ended);
            self.outputs.extend(addresses.into_iter().map(|(protocol, address)| Output::Forgotten(protocol, address)));
        }
        let wake = room.wake();
        if room.scheduled != wake {
            if let Some(before) = std::mem::replace(&mut room.scheduled, wake) {
                self.wakes.remove(&(before, id));
            }
            self.wakes.extend(wake.map(|at| (at, id)));
        }
        done.ok()
    }

    /// Nothing is kept for a sender that has proved nothing.
    fn addressee(&mut self, datagram: &Datagram<'_>) -> Option<(RoomId, PeerId)> {
        if !is_binding_request(datagram.contents) {
            let known = self.demux.find(datagram.protocol, datagram.source);
            self.counters.unknown += u64::from(known.is_none());
            return known;
        }
        let address = (datagram.protocol, datagram.source);
        let place = Place::of_stun(datagram.contents).filter(|place| place.worker == self.worker);
        let proved = place.filter(|place| self.demux.may_learn(self.now, address, place.peer)).filter(|place| {
            let room = self.rooms.get(&place.room);
            room.is_some_and(|room| room.is_authentic(self.now, place.peer, datagram))
        });
        self.counters.refused += u64::from(proved.is_none());
        let Place { room, peer, .. } = proved?;
        let learned = self.demux.learn(self.now, address, room, peer);
        if let Learned::Address { given_up } = learned {
            self.outputs.push_back(Output::Learned(datagram.protocol, datagram.source));
            self.outputs.extend(given_up.map(|(protocol, address)| Output::Forgotten(protocol, address)));
        }
        Some((room, peer))
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Members { room, members } => self.members(room, members),
            Command::Offer { room, peer, sdp, tracks, password } => {
                let offer = Offer { peer, sdp: &sdp, tracks: &tracks, password };
                let common = self.common.clone();
                let answer = if self.rooms.contains_key(&room) {
                    self.turn(room, |found, now, out| found.offer(now, &common, offer, out))
                        .unwrap_or(Err(OfferError::Over))
                } else {
                    Err(OfferError::Engine("there is no such room".to_owned()))
                };
                self.outputs.push_back(Output::Notice(room, Notice::Answer { peer, answer }));
            }
            Command::Views { room, peer, views } => {
                self.turn(room, |found, now, out| found.views(now, peer, views, out));
            }
        }
    }

    fn members(&mut self, id: RoomId, members: Vec<Member>) {
        let (now, worker) = (self.now, self.worker);
        self.rooms.entry(id).or_insert_with(|| Room::new(now, id, worker));
        self.turn(id, |room, now, out| room.set_members(now, members, out));
        if self.rooms.get(&id).is_some_and(Room::is_empty)
            && let Some(at) = self.rooms.remove(&id).and_then(|room| room.scheduled)
        {
            self.wakes.remove(&(at, id));
        }
    }

    fn wake(&mut self) {
        let due: Vec<RoomId> = self.wakes.iter().take_while(|(at, _)| *at <= self.now).map(|(_, room)| *room).collect();
        for room in due {
            self.turn(room, Room::advance);
        }
    }

    fn leaves_later(&mut self, room: RoomId) {
        if self.unsent.last() != Some(&room) && !self.unsent.contains(&room) {
            self.unsent.push(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(1);

    #[test]
    fn a_panic_ends_the_connections_of_its_room_and_nothing_else() {
        let now = Instant::now();
        let config = Config { worker: 0, udp: Vec::new(), tcp: Vec::new(), identity: Identity::generate() };
        let mut sfu = Sfu::new(now, config);
        let member =
            |peer| Member { peer: PeerId(peer), name: 1, live: true, sharing: false, limits: Limits::default() };
        for room in [ROOM, RoomId(2)] {
            let members = vec![member(1), member(2)];
            sfu.handle(now, Input::Command(Command::Members { room, members }));
        }
        let done = sfu.turn(ROOM, |room, now, _| {
            room.pretend_connected(now, PeerId(1));
            std::panic::panic_any("a slip")
        });
        assert_eq!(done, None::<()>);
        let gone = |output: &Output| matches!(output, Output::Notice(ROOM, Notice::Gone { peer: PeerId(1), .. }));
        assert_eq!(sfu.outputs.iter().filter(|output| gone(output)).count(), 1);
        let offer = |peer| Command::Offer {
            room: ROOM,
            peer: PeerId(peer),
            sdp: String::new(),
            tracks: Vec::new(),
            password: "of-no-use-to-anybody".to_owned(),
        };
        let mut refused = |peer| {
            sfu.outputs.clear();
            sfu.handle(now, Input::Command(offer(peer)));
            match sfu.outputs.pop_front() {
                Some(Output::Notice(_, Notice::Answer { answer, .. })) => answer.unwrap_err(),
                _ => unreachable!("an offer is answered"),
            }
        };
        assert_eq!(refused(1), OfferError::Over);
        assert_eq!(refused(2), OfferError::NoFingerprint, "had no connection that could have ended");
    }
}
