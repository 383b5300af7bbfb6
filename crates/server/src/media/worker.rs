//! A thread with one UDP socket and the rooms on it. Commands come by a bounded channel; a datagram for a room of another worker is
//! handed over by a bounded channel, too.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel},
    },
    time::Instant,
};

use farhand_sfu::{
    Command as SfuCommand, Config, Identity, Input, Notice, OfferError, Output, PeerId, Place, Protocol, RoomId, Sfu,
    Transmit, is_binding_request,
};
use mio::{Events, Poll, Token, Waker, net::UdpSocket};
use tokio::sync::{mpsc, oneshot};

use super::{
    candidates::Candidates,
    link::{Outgoing, is_link},
    port::{BATCH, Port},
    stun,
    traffic::Traffic,
};
use crate::turn::is_for_relay;

/// Commands that may wait. A call sends a few when somebody joins.
const COMMANDS: usize = 4096;
/// Datagrams that may wait: some ten milliseconds of a full link.
const DATAGRAMS: usize = 2048;
/// Batches taken from the socket before anything else gets a turn.
const MAX_BATCHES: usize = 8;

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

pub type Answer = oneshot::Sender<Result<String, OfferError>>;

/// What a worker is told.
pub enum Command {
    /// Where the notices of a room go. Comes before anything else about it.
    Open {
        room: RoomId,
        notices: mpsc::Sender<Notice>,
    },
    Members {
        room: RoomId,
        members: Vec<farhand_sfu::Member>,
    },
    Views {
        room: RoomId,
        peer: PeerId,
        views: Vec<farhand_sfu::View>,
    },
    Offer {
        room: RoomId,
        offer: Offer,
        answer: Answer,
    },
    /// A connection over TCP, or a way through the relay; what is for it goes to `outgoing`.
    LinkOpened {
        protocol: Protocol,
        source: SocketAddr,
        outgoing: Outgoing,
    },
    LinkClosed {
        protocol: Protocol,
        source: SocketAddr,
    },
    Stop,
}

/// A datagram that did not come by the worker's own socket: it came to another worker's, over TCP or through the relay.
pub struct Datagram {
    pub protocol: Protocol,
    pub source: SocketAddr,
    pub contents: Vec<u8>,
}

pub struct Offer {
    pub peer: PeerId,
    pub sdp: String,
    pub tracks: Vec<farhand_sfu::TrackName>,
    pub password: String,
}

/// How others reach a worker.
#[derive(Clone)]
pub struct Handle {
    commands: SyncSender<Command>,
    /// Apart, so that a flood of them cannot crowd out a command.
    datagrams: SyncSender<Datagram>,
    waker: Arc<Waker>,
}

/// Where a worker finds what others have for it.
pub struct Inbox {
    commands: Receiver<Command>,
    datagrams: Receiver<Datagram>,
}

impl Handle {
    pub fn new(poll: &Poll) -> io::Result<(Self, Inbox)> {
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let ((commands, take_commands), (datagrams, take_datagrams)) =
            (sync_channel(COMMANDS), sync_channel(DATAGRAMS));
        let inbox = Inbox { commands: take_commands, datagrams: take_datagrams };
        Ok((Self { commands, datagrams, waker }, inbox))
    }

    /// False if the worker has too much to do to take it: then it is lost, as on any full link.
    pub fn hand(&self, datagram: Datagram) -> bool {
        let handed = self.datagrams.try_send(datagram).is_ok();
        let _ = self.waker.wake();
        handed
    }

    /// False if the worker has too much to do to take it, or has stopped.
    pub fn send(&self, command: Command) -> bool {
        let sent = self.commands.try_send(command);
        if matches!(sent, Err(TrySendError::Full(_))) {
            tracing::warn!("a media worker has too much to do to take a command");
        }
        // One that cannot be woken is awake.
        let _ = self.waker.wake();
        sent.is_ok()
    }
}

pub struct Setup {
    pub number: u8,
    pub socket: UdpSocket,
    /// What clients are told to send to.
    pub candidates: Candidates,
    pub identity: Identity,
    pub traffic: Arc<Traffic>,
    pub relay: ToRelay,
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
    relay: ToRelay,
    outgoing: Vec<(SocketAddr, Vec<u8>)>,
    links: HashMap<(Protocol, SocketAddr), Outgoing>,
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
        }
    }

    fn take_commands(&mut self) {
        loop {
            match self.inbox.commands.try_recv() {
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
                Ok(command) => self.command(command),
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Open { room, notices } => {
                self.rooms.insert(room, notices);
            }
            Command::Members { room, members } => {
                let closed = members.is_empty();
                self.sfu.handle(now, Input::Command(SfuCommand::Members { room, members }));
                if closed {
                    self.perform();
                    self.rooms.remove(&room);
                }
            }
            Command::Views { room, peer, views } => {
                self.sfu.handle(now, Input::Command(SfuCommand::Views { room, peer, views }));
            }
            Command::Offer { room, offer: Offer { peer, sdp, tracks, password }, answer } => {
                self.answers.insert(peer, answer);
                self.sfu.handle(now, Input::Command(SfuCommand::Offer { room, peer, sdp, tracks, password }));
            }
            Command::LinkOpened { protocol, source, outgoing } => {
                self.links.insert((protocol, source), outgoing);
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
            let Ok(Datagram { protocol, source, contents }) = self.inbox.datagrams.try_recv() else {
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
            let _ = me.waker.wake();
        }
    }

    fn take_datagrams(&mut self) {
        for _ in 0..MAX_BATCHES {
            let now = Instant::now();
            let Self { port, sfu, workers, traffic, relay, outgoing, number, .. } = self;
            let sorter = Sorter { number: *number, workers, traffic, relay };
            let more = port.receive(|source, contents| match sorter.sort(sfu, source, contents) {
                To::Me => sfu.handle(now, Input::Datagram { protocol: Protocol::Udp, source, contents }),
                To::Stun(answer) => outgoing.push((source, answer)),
                To::Another => {}
            });
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
                Output::Learned(address) => self.traffic.learned(address, self.number),
                Output::Forgotten(address) => self.traffic.forgotten(address, self.number),
            }
        }
        self.send();
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
        let taken = link.is_some_and(|link| link.try_send((destination, contents)).is_ok());
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
        let told = self.rooms.get(&room).map(|notices| notices.try_send(notice));
        if let Some(Err(mpsc::error::TrySendError::Full(_))) = told {
            tracing::warn!(worker = self.number, "a call does not read what its media tell it");
        }
    }
}

enum To {
    Me,
    Stun(Vec<u8>),
    Another,
}

/// Whose a datagram is.
struct Sorter<'a> {
    number: u8,
    workers: &'a [Handle],
    traffic: &'a Traffic,
    relay: &'a ToRelay,
}

/// Where what comes in at the port for the relay goes.
pub type ToRelay = mpsc::Sender<(SocketAddr, Vec<u8>)>;

/// Whether it is no datagram of the worker's own socket.
fn comes_by_link(protocol: Protocol, address: SocketAddr) -> bool {
    protocol == Protocol::Tcp || is_link(address)
}

impl Sorter<'_> {
    fn sort(&self, sfu: &Sfu, source: SocketAddr, contents: &[u8]) -> To {
        // Nobody has such an address: somebody pretends to be one of ours.
        if is_link(source) {
            return To::Another;
        }
        if is_binding_request(contents) {
            return match Place::of_stun(contents) {
                Some(place) if place.worker == self.number => To::Me,
                Some(place) => self.hand_over(place.worker, source, contents),
                // Somebody who only asks for his address.
                None => stun::answer(contents, source).map_or(To::Another, To::Stun),
            };
        }
        if is_for_relay(contents) {
            // Full: lost.
            let _ = self.relay.try_send((source, contents.to_vec()));
            return To::Another;
        }
        if self.workers.len() == 1 || sfu.knows(Protocol::Udp, source) {
            return To::Me;
        }
        match self.traffic.owner(source) {
            Some(worker) if worker != self.number => self.hand_over(worker, source, contents),
            Some(_) | None => To::Me,
        }
    }

    fn hand_over(&self, worker: u8, source: SocketAddr, contents: &[u8]) -> To {
        let handed = Datagram { protocol: Protocol::Udp, source, contents: contents.to_vec() };
        let taken = self.workers.get(usize::from(worker)).is_some_and(|worker| worker.hand(handed));
        self.traffic.count_handed(taken);
        To::Another
    }
}
