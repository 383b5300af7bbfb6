//! What the task of one connection does: it waits for whatever comes first, lets the peer have it, and performs what the peer wants.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use farhand_protocol::{call::IceServer, frame::Signal};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep_until, timeout},
};

use super::{Command, End, Side};
use crate::{
    chance,
    media::{
        FrameKind, MediaError, MediaEvent, MediaOptions, PREPARED, Reach,
        alive::{Alive, Beat},
        measure::Measured,
        peer::{Effect, Peer},
        player::Player,
        socket::{MediaSocket, Received},
        stun::Query,
    },
};

/// Datagrams taken before anything else gets a turn.
const RECEIVE_BATCH: usize = 32;
/// Larger than any datagram of an MTU of 1,500.
const DATAGRAM: usize = 2048;
/// For saying goodbye, when the owner does not listen any more.
const GOODBYE: Duration = Duration::from_millis(500);

enum Happening {
    Datagram(std::io::Result<Received>),
    Command(Command),
    TimeOrOwner,
    OwnerGone,
}

/// Makes the error from the time that was waited.
type Reason = fn(Duration) -> MediaError;

pub(super) struct Task {
    side: Side,
    options: Arc<MediaOptions>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<MediaEvent>,
    measured: watch::Sender<Measured>,
    socket: MediaSocket,
    local: SocketAddr,
    peer: Peer,
    stun: Option<Query>,
    player: Option<Player>,
    alive: Option<Alive>,
    connected: bool,
    /// When to give up, and what to say then.
    deadline: Option<(Instant, Reason)>,
    /// For the owner, who may be busy: media must not wait for it.
    pub(super) outbox: VecDeque<MediaEvent>,
    finished: bool,
}

impl Task {
    pub(super) async fn open(
        side: Side,
        options: Arc<MediaOptions>,
        relays: Vec<IceServer>,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<MediaEvent>,
        measured: watch::Sender<Measured>,
    ) -> Result<Self, MediaError> {
        let socket = open_socket(side.end, &options, &relays).await?;
        let local = socket.local().map_err(MediaError::Socket)?;
        let now = Instant::now();
        let mut peer = match side.end {
            End::Peer { contact, offerer } => Peer::new(contact, offerer, options.tamper_fingerprint, now)?,
            End::Sfu => {
                let layers = options.clip.as_ref().map(|clip| clip.layers.as_slice()).unwrap_or_default();
                Peer::to_sfu(options.slots, layers, options.tamper_fingerprint, now)?
            }
        };
        peer.local_host(local, socket.protocol())?;
        // The SFU sees where this end is.
        let stun = options.stun_server.filter(|server| server.is_ipv4() == local.is_ipv4() && side.end != End::Sfu);
        let stun = stun.map(|server| Query::new(server, chance::stun_transaction(), now));
        if stun.is_none() {
            peer.local_end()?;
        }
        let (player, connected, deadline, outbox) = (None, false, None, VecDeque::new());
        Ok(Self {
            side,
            options,
            commands,
            events,
            measured,
            socket,
            local,
            peer,
            stun,
            player,
            alive: None,
            connected,
            deadline,
            outbox,
            finished: false,
        })
    }

    pub(super) async fn run(&mut self) -> Result<(), MediaError> {
        let mut buffer = vec![0; DATAGRAM];
        self.perform().await?;
        while !self.finished {
            match self.wait(&mut buffer).await {
                Happening::Datagram(received) => self.receive(received, &mut buffer)?,
                Happening::Command(command) => self.command(command)?,
                Happening::TimeOrOwner => {}
                Happening::OwnerGone => return self.say_goodbye().await,
            }
            self.perform().await?;
            self.wake(Instant::now()).await?;
        }
        Ok(())
    }

    /// Waits for whatever comes first, and hands the owner an event if it is ready to take one.
    async fn wait(&mut self, buffer: &mut [u8]) -> Happening {
        let wake = self.next_wake();
        tokio::select! {
            received = self.socket.receive(buffer) => Happening::Datagram(received),
            command = self.commands.recv() => command.map_or(Happening::OwnerGone, Happening::Command),
            permit = self.events.reserve(), if !self.outbox.is_empty() => match (permit, self.outbox.pop_front()) {
                (Ok(permit), Some(event)) => {
                    permit.send(event);
                    Happening::TimeOrOwner
                }
                (Ok(_), None) => Happening::TimeOrOwner,
                (Err(_), _) => Happening::OwnerGone,
            },
            () = sleep_until(wake.into()) => Happening::TimeOrOwner,
        }
    }

    fn next_wake(&self) -> Instant {
        let playing = self.player.as_ref().and_then(Player::next_wake);
        let asking = self.stun.as_ref().map(Query::next_wake);
        let giving_up = self.deadline.map(|(at, _)| at);
        let alive = self.alive.as_ref().map(Alive::next_wake);
        [playing, asking, giving_up, alive].into_iter().flatten().fold(self.peer.next_wake(), Instant::min)
    }

    async fn wake(&mut self, now: Instant) -> Result<(), MediaError> {
        if self.peer.next_wake() <= now {
            self.peer.advance(now)?;
            self.perform().await?;
        }
        while let Some(due) = self.player.as_mut().and_then(|player| player.next(now)) {
            self.peer.write(due.line, due.data, due.ticks, now)?;
            self.perform().await?;
        }
        if self.stun.as_ref().is_some_and(|query| query.next_wake() <= now) {
            self.ask_how_it_looks_from_outside(now).await?;
        }
        if let Some(beat) = self.alive.as_mut().filter(|alive| alive.next_wake() <= now).map(|alive| alive.beat(now)) {
            self.peer.say_alive(now)?;
            if beat == Beat::Silence {
                self.peer.path_lost()?;
            }
            self.perform().await?;
        }
        match self.deadline {
            Some((deadline, error)) if deadline <= now => Err(error(self.options.connect_timeout)),
            Some(_) | None => Ok(()),
        }
    }

    async fn ask_how_it_looks_from_outside(&mut self, now: Instant) -> Result<(), MediaError> {
        let Some(query) = &mut self.stun else { return Ok(()) };
        if let Some(request) = query.request(now) {
            let server = query.server;
            return self.send(&request, server).await;
        }
        self.stun = None;
        self.peer.local_end()?;
        self.perform().await
    }

    fn command(&mut self, command: Command) -> Result<(), MediaError> {
        match command {
            Command::Signal(signal) => self.peer.signal(signal),
            Command::Answer(sdp) => self.peer.accept_answer(&sdp),
            Command::Refused(why) => Err(MediaError::Refused("answer to an offer", why)),
            Command::Slots(slots) => {
                self.peer.set_slots(&slots);
                Ok(())
            }
            Command::RequestKeyframe => self.peer.request_keyframes(),
            Command::TakeUp { epoch } => {
                self.side.epoch = epoch;
                if self.connected {
                    self.connected();
                }
                Ok(())
            }
            Command::PathLost => self.peer.path_lost(),
        }
    }

    fn receive(&mut self, first: std::io::Result<Received>, buffer: &mut [u8]) -> Result<(), MediaError> {
        if let Some(alive) = &mut self.alive {
            alive.heard(Instant::now());
        }
        let mut received = first;
        for _ in 0..RECEIVE_BATCH {
            match received {
                Ok(Received { length, from, to }) => self.datagram(from, to, &buffer[..length])?,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // The other end's socket is not there (any more); ICE will notice.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                // A server that ends a call hangs up on those who came over TCP; whether its goodbye or that comes first is chance.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && self.connected => {
                    self.peer.effects.push_back(Effect::RemoteClosed);
                    break;
                }
                Err(error) => return Err(MediaError::Socket(error)),
            }
            received = self.socket.try_receive(buffer);
        }
        Ok(())
    }

    fn datagram(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> Result<(), MediaError> {
        if let Some(mapped) = self.stun.as_ref().and_then(|query| query.answer(from, datagram)) {
            self.stun = None;
            self.peer.local_reflexive(mapped, self.local)?;
            return self.peer.local_end();
        }
        self.peer.datagram(Instant::now(), self.socket.protocol(), from, to, datagram)
    }

    /// Does what the peer wants done.
    async fn perform(&mut self) -> Result<(), MediaError> {
        let epoch = self.side.epoch;
        while let Some(effect) = self.peer.effects.pop_front() {
            match effect {
                Effect::Send(transmit) => self.send(&transmit.contents, transmit.destination).await?,
                Effect::Frame(mid, frame) => {
                    self.options.sink.frame(&frame);
                    if frame.kind == FrameKind::Video && !frame.contiguous {
                        self.peer.request_keyframe(mid)?;
                    }
                }
                Effect::Offer { sdp, tracks } => self.outbox.push_back(MediaEvent::Offer { epoch, sdp, tracks }),
                Effect::KeyframeWanted(rid) => {
                    self.player.iter_mut().for_each(|player| player.restart_video(rid.as_deref()));
                }
                Effect::Signal(signal) => self.say(signal),
                Effect::Connected => self.connected(),
                Effect::ChannelOpen => self.outbox.push_back(MediaEvent::ChannelOpen { epoch }),
                Effect::PathLost => self.give_up_after(MediaError::PathLost),
                Effect::PathFound if self.connected => self.deadline = None,
                Effect::PathFound => {}
                Effect::Measured => {
                    self.measured.send_replace(self.peer.measured.clone().by(&self.options.reach));
                }
                Effect::RemoteClosed => {
                    self.outbox.push_back(MediaEvent::RemoteClosed { epoch });
                    self.finished = true;
                }
            }
        }
        if self.peer.negotiated() && !self.connected && self.deadline.is_none() {
            self.give_up_after(MediaError::NotConnected);
        }
        Ok(())
    }

    fn give_up_after(&mut self, error: Reason) {
        self.deadline = Some((Instant::now() + self.options.connect_timeout, error));
    }

    fn say(&mut self, signal: Signal) {
        if let End::Peer { contact, .. } = self.side.end {
            self.outbox.push_back(MediaEvent::Signal { epoch: self.side.epoch, to: contact, signal });
        }
    }

    fn connected(&mut self) {
        tracing::debug!(epoch = self.side.epoch, "media connected");
        self.connected = true;
        self.deadline = None;
        self.outbox.push_back(MediaEvent::Connected { epoch: self.side.epoch });
        // Nothing of this end is sent while the call only rings.
        let clip = self.options.clip.clone().filter(|_| self.side.epoch != PREPARED);
        self.player = clip.map(|clip| Player::new(clip, self.side.end == End::Sfu, Instant::now()));
        self.alive = (self.side.end == End::Sfu).then(|| Alive::new(Instant::now()));
    }

    async fn send(&mut self, datagram: &[u8], to: SocketAddr) -> Result<(), MediaError> {
        for added in self.options.added.as_ref().map(|added| added(datagram)).into_iter().flatten() {
            // It may well be lost.
            let _ = self.socket.send(&added, to).await;
        }
        match self.socket.send(datagram, to).await {
            Ok(()) => Ok(()),
            // A path that does not work, or stopped working: that is for ICE to find out.
            Err(error) => {
                tracing::debug!(%error, "a datagram could not be sent");
                Ok(())
            }
        }
    }

    async fn say_goodbye(&mut self) -> Result<(), MediaError> {
        self.peer.close()?;
        let goodbye = async {
            while self.peer.is_alive() {
                self.perform().await?;
                sleep_until(self.peer.next_wake().into()).await;
                self.peer.advance(Instant::now())?;
            }
            self.perform().await
        };
        // Late is as good as never: the server has told the other end already.
        timeout(GOODBYE, goodbye).await.unwrap_or(Ok(()))
    }
}

async fn open_socket(end: End, options: &MediaOptions, relays: &[IceServer]) -> Result<MediaSocket, MediaError> {
    match &options.reach {
        Reach::Tcp if end == End::Sfu => Ok(MediaSocket::tcp(options.bind)),
        Reach::Turn if end == End::Sfu => MediaSocket::relay(relays, None).await.map_err(MediaError::Relay),
        Reach::TurnTls(trust) if end == End::Sfu => {
            MediaSocket::relay(relays, Some(trust.clone())).await.map_err(MediaError::Relay)
        }
        Reach::Udp | Reach::Tcp | Reach::Turn | Reach::TurnTls(_) => {
            MediaSocket::udp(options.bind).await.map_err(|e| MediaError::Bind(options.bind, e))
        }
    }
}
