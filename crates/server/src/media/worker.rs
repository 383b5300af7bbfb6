//! A thread with one UDP socket and the rooms on it. Commands come by a bounded channel; a datagram for a room of another worker is
//! handed over by a bounded channel, too.

mod inbox;
mod sort;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, mpsc::TryRecvError},
    time::{Duration, Instant},
};

use farhand_sfu::{
    Command as SfuCommand, Config, Identity, Input, Notice, Output, PeerId, Protocol, RoomId, Sfu, Transmit,
};
use mio::{Events, Poll, Token, net::UdpSocket};
use tokio::sync::mpsc;

pub use self::inbox::{Answer, Command, Datagram, Handle, Inbox, LinkEnd, Offer};
use self::sort::{Sorter, To, comes_by_link};
use super::{
    candidates::Candidates,
    link::is_link,
    port::{BATCH, Port},
    traffic::Traffic,
};
use crate::turn::Door;

/// Commands taken before anything else gets a turn.
const MAX_COMMANDS: usize = 64;
/// How often it is looked for what was forgotten to be said.
const SWEEP: Duration = Duration::from_secs(1);
/// Batches taken from the socket before anything else gets a turn.
const MAX_BATCHES: usize = 8;

const SOCKET: Token = Token(0);

pub struct Setup {
    pub number: u8,
    pub socket: UdpSocket,
    /// What clients are told to send to.
    pub candidates: Candidates,
    pub identity: Identity,
    pub traffic: Arc<Traffic>,
    pub relay: Door,
}

pub struct Worker {
    number: u8,
    sfu: Sfu,
    port: Port,
    poll: Poll,
    inbox: Inbox,
    /// All workers, this one among them.
    workers: Vec<Handle>,
    rooms: HashMap<RoomId, mpsc::Sender<Notice>>,
    answers: HashMap<PeerId, Answer>,
    traffic: Arc<Traffic>,
    relay: Door,
    outgoing: Vec<(SocketAddr, Vec<u8>)>,
    links: HashMap<(Protocol, SocketAddr), LinkEnd>,
    /// What a call could not yet be told of how somebody stands: the newest only.
    untold: HashMap<(PeerId, Standing), (RoomId, Notice)>,
    swept: Instant,
    stopping: bool,
}

impl Worker {
    pub fn new(setup: Setup, poll: Poll, inbox: Inbox, workers: Vec<Handle>) -> io::Result<Self> {
        let Setup { number, socket, candidates, identity, traffic, relay } = setup;
        let mut port = Port::new(socket)?;
        port.register(&poll, SOCKET)?;
        let config = Config { worker: number, udp: candidates.udp, tcp: candidates.tcp, identity };
        Ok(Self {
            number,
            sfu: Sfu::new(Instant::now(), config),
            port,
            poll,
            inbox,
            workers,
            rooms: HashMap::new(),
            answers: HashMap::new(),
            traffic,
            relay,
            outgoing: Vec::with_capacity(BATCH),
            links: HashMap::new(),
            untold: HashMap::new(),
            swept: Instant::now(),
            stopping: false,
        })
    }

    /// Runs until it is told to stop.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(16);
        loop {
            let until = self.sfu.next_wake().map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, until) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(worker = self.number, %error, "a media worker cannot wait for its socket and stops");
                    return;
                }
                Ok(()) | Err(_) => {}
            }
            self.take_commands();
            self.take_handed();
            self.take_datagrams();
            if self.stopping {
                return;
            }
            let now = Instant::now();
            if self.sfu.next_wake().is_some_and(|at| at <= now) {
                self.sfu.handle(now, Input::Wake);
            }
            self.perform();
            if now.saturating_duration_since(self.swept) >= SWEEP {
                self.swept = now;
                self.sweep(now);
            }
        }
    }

    /// Words get lost when there are too many. What is forgotten is found by its state.
    fn sweep(&mut self, now: Instant) {
        let over: Vec<RoomId> =
            self.rooms.iter().filter(|(_, notices)| notices.is_closed()).map(|(room, _)| *room).collect();
        for room in over {
            self.close(now, room);
        }
        self.links.retain(|_, link| !link.outgoing.is_closed());
        for (_, (room, notice)) in std::mem::take(&mut self.untold) {
            self.tell(room, notice);
        }
    }

    fn close(&mut self, now: Instant, room: RoomId) {
        self.sfu.handle(now, Input::Command(SfuCommand::Members { room, members: Vec::new() }));
        self.perform();
        self.rooms.remove(&room);
        self.untold.retain(|_, (of, _)| *of != room);
    }

    fn take_commands(&mut self) {
        for _ in 0..MAX_COMMANDS {
            match self.inbox.commands.try_recv() {
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
                Ok(command) => self.command(command),
                Err(TryRecvError::Empty) => return,
            }
        }
        self.wake_again();
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Members { room, members, .. } if members.is_empty() => self.close(now, room),
            Command::Members { room, members, notices } => {
                self.rooms.insert(room, notices);
                self.sfu.handle(now, Input::Command(SfuCommand::Members { room, members }));
            }
            Command::Views { room, peer, views } => {
                self.sfu.handle(now, Input::Command(SfuCommand::Views { room, peer, views }));
            }
            Command::Offer { room, offer: Offer { peer, sdp, tracks, password }, answer } => {
                self.answers.insert(peer, answer);
                self.sfu.handle(now, Input::Command(SfuCommand::Offer { room, peer, sdp, tracks, password }));
            }
            Command::LinkOpened { protocol, source, end } => {
                end.proved.send_replace(self.sfu.knows(protocol, source));
                self.links.insert((protocol, source), end);
            }
            Command::LinkClosed { protocol, source } => {
                self.links.remove(&(protocol, source));
            }
            Command::Stop => {}
        }
        self.perform();
    }

    /// What other workers, TCP connections and the relay have brought.
    fn take_handed(&mut self) {
        for _ in 0..MAX_BATCHES * BATCH {
            let next = self.inbox.datagrams.try_recv().or_else(|_| self.inbox.unproved.try_recv());
            let Ok(Datagram { protocol, source, contents, permit: _permit }) = next else {
                return self.perform();
            };
            if comes_by_link(protocol, source) && !self.links.contains_key(&(protocol, source)) {
                // That it was opened was said before, in the other channel.
                self.take_commands();
            }
            self.sfu.handle(Instant::now(), Input::Datagram { protocol, source, contents: &contents });
        }
        self.perform();
        self.wake_again();
    }

    /// There is more, and the poll tells of it only once.
    fn wake_again(&self) {
        if let Some(me) = self.workers.get(usize::from(self.number)) {
            me.wake();
        }
    }

    fn take_datagrams(&mut self) {
        for _ in 0..MAX_BATCHES {
            let now = Instant::now();
            let Self { port, sfu, workers, traffic, relay, outgoing, number, .. } = self;
            let mut sorter = Sorter::new(*number, workers, traffic, relay);
            let more = port.receive(|source, contents| match sorter.sort(sfu, source, contents) {
                To::Me => sfu.handle(now, Input::Datagram { protocol: Protocol::Udp, source, contents }),
                To::Stun(answer) => outgoing.push((source, answer)),
                To::Another => {}
            });
            sorter.wake();
            self.perform();
            match more {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(worker = self.number, %error, "the media socket cannot be read");
                    return;
                }
            }
        }
        self.wake_again();
    }

    fn perform(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Transmit(transmit) if comes_by_link(transmit.protocol, transmit.destination) => {
                    self.send_over_link(transmit);
                }
                Output::Transmit(transmit) => {
                    self.outgoing.push((transmit.destination, transmit.contents));
                    if self.outgoing.len() == BATCH {
                        self.send();
                    }
                }
                Output::Notice(room, notice) => self.tell(room, notice),
                Output::Learned(protocol, address) => self.learned(protocol, address),
                Output::Forgotten(protocol, address) => self.forgotten(protocol, address),
            }
        }
        self.send();
    }

    fn learned(&mut self, protocol: Protocol, address: SocketAddr) {
        if let Some(link) = self.links.get(&(protocol, address)) {
            link.proved.send_replace(true);
        } else if protocol == Protocol::Udp {
            self.traffic.learned(address, self.number);
        }
    }

    fn forgotten(&mut self, protocol: Protocol, address: SocketAddr) {
        if protocol == Protocol::Tcp {
            self.links.remove(&(protocol, address));
        } else if !is_link(address) {
            self.traffic.forgotten(address, self.number);
        }
    }

    fn send(&mut self) {
        if !self.outgoing.is_empty() {
            let lost = self.port.send(&self.outgoing);
            self.traffic.count_sent(self.outgoing.len(), lost);
            self.outgoing.clear();
        }
    }

    fn send_over_link(&mut self, Transmit { protocol, destination, contents }: Transmit) {
        let link = self.links.get(&(protocol, destination));
        let taken = link.is_some_and(|link| link.outgoing.try_send((destination, contents)).is_ok());
        self.traffic.count_sent(1, usize::from(!taken));
    }

    fn tell(&mut self, room: RoomId, notice: Notice) {
        if let Notice::Answer { peer, answer } = notice {
            if let Some(waiting) = self.answers.remove(&peer) {
                // Whoever asked may have gone.
                let _ = waiting.send(answer);
            }
            return;
        }
        if let Some(standing) = standing(&notice) {
            // It is older.
            self.untold.remove(&standing);
        }
        let told = self.rooms.get(&room).map(|notices| notices.try_send(notice));
        if let Some(Err(mpsc::error::TrySendError::Full(notice))) = told {
            tracing::warn!(worker = self.number, "a call does not read what its media tell it");
            if let Some(standing) = standing(&notice) {
                self.untold.insert(standing, (room, notice));
            }
        }
    }
}

/// What of somebody a notice tells the whole of: the next one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    Slots,
    Receives,
}

fn standing(notice: &Notice) -> Option<(PeerId, Standing)> {
    match notice {
        Notice::Slots { peer, .. } => Some((*peer, Standing::Slots)),
        Notice::Receives { peer, .. } => Some((*peer, Standing::Receives)),
        Notice::Answer { .. }
        | Notice::Connected { .. }
        | Notice::PathLost { .. }
        | Notice::PathFound { .. }
        | Notice::Gone { .. }
        | Notice::Speaker { .. }
        | Notice::Used { .. } => None,
    }
}

#[cfg(test)]
mod tests;
