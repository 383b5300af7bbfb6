//! Media forwarding as a state machine: datagrams and commands go in with the time they came at, datagrams to send and notices come out. It
//! knows neither calls nor users, and has no clock, no sockets, no locks and no threads; chance comes in with the commands.
//!
//! A room is a call's people; a peer is one connection of one of them. Each peer sends *tracks* and is sent to on
//! *slots*, which are agreed upon once; what a slot shows changes without another offer.

mod answer;
mod channels;
mod demux;
mod engine;
mod ids;
mod keyframe;
mod layers;
mod offer;
mod peer;
mod rewrite;
mod room;
mod slot;
mod speaker;
mod track;
mod ufrag;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Instant,
};

pub use str0m::net::Protocol;

use crate::{
    demux::{Demux, Learned},
    engine::{Common, Datagram},
    room::{Offer, Room},
};
pub use crate::{
    ids::{PeerId, RoomId, Source},
    keyframe::starts_keyframe,
    offer::{OfferError, TrackName},
    room::Member,
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
    Learned(SocketAddr),
    Forgotten(SocketAddr),
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
    /// What is shown in a peer's slots; for `missing` more there are none.
    Slots {
        peer: PeerId,
        shown: Vec<Shown>,
        missing: usize,
    },
    Speaker {
        peer: Option<PeerId>,
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
                if let Some(room) = self.rooms.get_mut(&id) {
                    room.flush(self.now, &mut self.outputs);
                }
            }
        }
        self.outputs.pop_front()
    }

    pub fn next_wake(&self) -> Option<Instant> {
        self.rooms.values().map(Room::wake).min()
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether the address has proved to belong to a peer here.
    pub fn knows(&self, protocol: Protocol, source: SocketAddr) -> bool {
        self.demux.find(protocol, source).is_some()
    }

    /// Addresses that have proved whose they are.
    pub fn known_addresses(&self) -> usize {
        self.demux.len()
    }

    fn receive(&mut self, datagram: &Datagram<'_>) {
        let Some((room, peer)) = self.addressee(datagram) else { return };
        if let Some(found) = self.rooms.get_mut(&room) {
            found.receive(self.now, peer, datagram, &mut self.outputs);
            self.leaves_later(room);
        }
    }

    /// Nothing is kept for a sender that has proved nothing.
    fn addressee(&mut self, datagram: &Datagram<'_>) -> Option<(RoomId, PeerId)> {
        if !is_binding_request(datagram.contents) {
            let known = self.demux.find(datagram.protocol, datagram.source);
            self.counters.unknown += u64::from(known.is_none());
            return known;
        }
        let place = Place::of_stun(datagram.contents).filter(|place| place.worker == self.worker);
        let proved = place.filter(|place| {
            let room = self.rooms.get(&place.room);
            room.is_some_and(|room| room.is_authentic(self.now, place.peer, datagram))
        });
        self.counters.refused += u64::from(proved.is_none());
        let Place { room, peer, .. } = proved?;
        let learned = self.demux.learn((datagram.protocol, datagram.source), room, peer);
        if let Learned::Address { given_up } = learned {
            self.outputs.push_back(Output::Learned(datagram.source));
            self.outputs.extend(given_up.map(|(_, address)| Output::Forgotten(address)));
        }
        Some((room, peer))
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Members { room, members } => self.members(room, members),
            Command::Offer { room, peer, sdp, tracks, password } => {
                let offer = Offer { peer, sdp: &sdp, tracks: &tracks, password };
                let answer = match self.rooms.get_mut(&room) {
                    Some(found) => found.offer(self.now, &self.common, offer, &mut self.outputs),
                    None => Err(OfferError::Engine("there is no such room".to_owned())),
                };
                self.outputs.push_back(Output::Notice(room, Notice::Answer { peer, answer }));
            }
            Command::Views { room, peer, views } => {
                if let Some(found) = self.rooms.get_mut(&room) {
                    found.views(self.now, peer, views, &mut self.outputs);
                }
            }
        }
    }

    fn members(&mut self, id: RoomId, members: Vec<Member>) {
        let (now, worker) = (self.now, self.worker);
        let room = self.rooms.entry(id).or_insert_with(|| Room::new(now, id, worker));
        for gone in room.set_members(now, members, &mut self.outputs) {
            let addresses = self.demux.forget(gone);
            self.outputs.extend(addresses.into_iter().map(|(_, address)| Output::Forgotten(address)));
        }
        if room.is_empty() {
            self.rooms.remove(&id);
        }
    }

    fn wake(&mut self) {
        for room in self.rooms.values_mut().filter(|room| room.wake() <= self.now) {
            room.advance(self.now, &mut self.outputs);
        }
    }

    fn leaves_later(&mut self, room: RoomId) {
        if self.unsent.last() != Some(&room) && !self.unsent.contains(&room) {
            self.unsent.push(room);
        }
    }
}
