//! Carries the datagrams of one client of the relay: from it to the workers of the SFU or a socket, and back. A task of its own, so
//! that whatever goes wrong with one client ends that one.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use farhand_sfu::RoomId;
use tokio::{
    net::UdpSocket,
    sync::{Semaphore, mpsc},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    Scope, Turn,
    client::{Client, Outcome},
    limits::LOOK_AGAIN,
    peers::Reach,
};
use crate::media::{Link, PortSender};

/// Datagrams that may wait in either direction: a quarter of a second of 2 Mbit/s. What comes then is lost, as on any full link.
pub const QUEUE: usize = 64;
/// Larger than any datagram of an MTU of 1,500.
const DATAGRAM: usize = 2048;
/// What a connection may get wrong before it has shown whose it is. A client needs one refusal, to learn the nonce.
const MOST_REFUSALS: usize = 16;

/// Where what is for the client goes.
pub enum Outgoing {
    Stream(mpsc::Sender<Vec<u8>>),
    Port(Arc<PortSender>, SocketAddr),
}

impl Outgoing {
    fn send(&self, contents: Vec<u8>) {
        match self {
            // Full: lost.
            Self::Stream(stream) => drop(stream.try_send(contents)),
            Self::Port(port, to) => port.send(*to, &contents),
        }
    }
}

pub struct Session {
    turn: Arc<Turn>,
    client: Client,
    outgoing: Outgoing,
    /// One for each of the SFU's addresses the client sends to.
    links: Vec<(SocketAddr, Link)>,
    /// Datagrams of this client that may wait for the SFU's workers. More wait here, so that nobody fills the queue of all.
    in_flight: Arc<Semaphore>,
    from_sfu: mpsc::Receiver<(SocketAddr, Vec<u8>)>,
    to_us: mpsc::Sender<(SocketAddr, Vec<u8>)>,
    socket: Option<UdpSocket>,
    refusals: usize,
    was_let_in: bool,
    /// When it must have been let in.
    deadline: Instant,
}

/// What the session waits for.
enum Happening {
    FromClient(Option<Vec<u8>>),
    FromSfu(SocketAddr, Vec<u8>),
    FromNetwork(SocketAddr, usize),
    LookAgain,
    Stop,
}

impl Session {
    pub fn new(turn: Arc<Turn>, client: Client, outgoing: Outgoing, patience: Duration) -> Self {
        let (to_us, from_sfu) = mpsc::channel(QUEUE);
        let mut session = Self {
            turn,
            client,
            outgoing,
            links: Vec::new(),
            in_flight: Arc::new(Semaphore::new(QUEUE)),
            from_sfu,
            to_us,
            socket: None,
            refusals: 0,
            was_let_in: false,
            deadline: Instant::now() + patience,
        };
        session.take_socket();
        session
    }

    /// Until the client has gone, its call has ended for it, or it never showed who it is.
    pub async fn run(mut self, mut incoming: mpsc::Receiver<Vec<u8>>, stopping: CancellationToken) {
        let mut look_again = interval(LOOK_AGAIN);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut buffer = vec![0; if self.turn.reaches_others() { DATAGRAM } else { 0 }];
        loop {
            let happening = tokio::select! {
                datagram = incoming.recv() => Happening::FromClient(datagram),
                Some((source, contents)) = self.from_sfu.recv() => Happening::FromSfu(source, contents),
                (from, length) = receive(self.socket.as_ref(), &mut buffer) => Happening::FromNetwork(from, length),
                _ = look_again.tick() => Happening::LookAgain,
                () = stopping.cancelled() => Happening::Stop,
            };
            match happening {
                Happening::FromClient(Some(datagram)) => self.client_sent(&datagram).await,
                Happening::FromSfu(source, contents) => self.sfu_sent(source, &contents),
                Happening::FromNetwork(from, length) => self.network_sent(from, &buffer[..length]),
                Happening::LookAgain => self.client.end_if_over(Instant::now()),
                Happening::FromClient(None) | Happening::Stop => return,
            }
            if !self.goes_on() {
                return;
            }
        }
    }

    fn goes_on(&self) -> bool {
        match self.client.allocation() {
            Some(allocation) => (self.turn.ground.scope)(allocation.owner.holder).is_some(),
            None => !self.was_let_in && self.refusals < MOST_REFUSALS && Instant::now() < self.deadline,
        }
    }

    async fn client_sent(&mut self, datagram: &[u8]) {
        match self.client.receive(&self.turn.ground, Instant::now(), datagram) {
            Outcome::Nothing => {}
            Outcome::Answer(answer) => self.outgoing.send(answer),
            Outcome::Refusal(answer) => {
                self.refusals += usize::from(self.client.allocation().is_none());
                self.outgoing.send(answer);
            }
            Outcome::Relay { to, reach: Reach::Sfu, contents } => self.hand_to_sfu(to, &datagram[contents]).await,
            Outcome::Relay { to, reach: Reach::Network, contents } => {
                // What the kernel does not take is lost, as on any full link.
                let _ = self.socket.as_ref().map(|socket| socket.try_send_to(&datagram[contents], to));
            }
        }
        self.take_socket();
    }

    fn take_socket(&mut self) {
        let Some(allocation) = self.client.allocation_mut() else { return };
        self.was_let_in = true;
        let Some(socket) = allocation.socket.take() else { return };
        self.socket = UdpSocket::from_std(socket)
            .inspect_err(|error| tracing::warn!(%error, "a relay's socket cannot be used"))
            .ok();
    }

    async fn hand_to_sfu(&mut self, to: SocketAddr, contents: &[u8]) {
        let Some(holder) = self.client.allocation().map(|allocation| allocation.owner.holder) else { return };
        let known = self.links.iter().position(|(peer, _)| *peer == to);
        let at = known.unwrap_or_else(|| {
            let room = RoomId(holder.call_id.as_u128());
            self.links.push((to, self.turn.workers.link(room, self.to_us.clone())));
            self.links.len() - 1
        });
        if let Ok(permit) = self.in_flight.clone().acquire_owned().await {
            self.links[at].1.send(contents, permit);
        }
    }

    fn sfu_sent(&mut self, source: SocketAddr, contents: &[u8]) {
        let peer = self.links.iter().find(|(_, link)| link.address() == source).map(|(peer, _)| *peer);
        if let Some(data) = peer.and_then(|peer| self.client.peer_sent(Instant::now(), peer, contents)) {
            self.outgoing.send(data);
        }
    }

    fn network_sent(&mut self, from: SocketAddr, contents: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        if self.turn.ground.peers.reach(Scope::Networks, from) == Some(Reach::Network)
            && let Some(data) = self.client.peer_sent(Instant::now(), from, contents)
        {
            self.outgoing.send(data);
        }
    }
}

/// Never, where there is no socket.
async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> (SocketAddr, usize) {
    let Some(socket) = socket else { return std::future::pending().await };
    loop {
        match socket.recv_from(buffer).await {
            Ok((length, from)) => return (from, length),
            // A peer that cannot be reached is no reason to give up the others.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => {
                tracing::debug!(%error, "a relay's socket cannot be read");
                return std::future::pending().await;
            }
        }
    }
}
