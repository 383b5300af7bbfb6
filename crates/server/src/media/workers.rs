//! Starts the media workers and spreads rooms over them.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use farhand_sfu::{Identity, Member, Notice, OfferError, PeerId, RoomId, TrackName, View};
use mio::{Poll, net::UdpSocket};
use tokio::sync::{mpsc, oneshot};

use super::{
    candidates::Candidates,
    link::Numbers,
    port::{PortSender, bind},
    traffic::{Summary, Traffic},
    worker::{Command, Handle, Offer, Setup, Worker},
};
use crate::turn::Door;

/// Notices that may wait for one call.
const NOTICES: usize = 256;
/// More threads than this only take turns.
const MAX_WORKERS: usize = 64;

/// The sockets of the media workers, bound before anything else so that a taken port is told at once.
pub struct Ports(Vec<UdpSocket>);

impl Ports {
    /// As many sockets on one address as there are to be workers.
    pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Self> {
        let first = bind(address)?;
        let address = first.local_addr()?;
        let mut sockets = vec![first];
        for _ in 1..workers.clamp(1, MAX_WORKERS) {
            sockets.push(bind(address)?);
        }
        Ok(Self(sockets))
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0[0].local_addr()
    }

    /// Sends from the same address, for what the workers do not answer themselves.
    pub fn sender(&self) -> io::Result<PortSender> {
        PortSender::of(&self.0[0])
    }
}

/// The media workers.
pub struct Workers {
    handles: Vec<Handle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Rooms on each worker.
    load: Mutex<Vec<usize>>,
    peers: AtomicU64,
    pub(super) links: Numbers,
    traffic: Arc<Traffic>,
}

impl Workers {
    /// `candidates`: the addresses clients are told to send to. What comes in for the relay goes to `relay`.
    pub fn start(ports: Ports, candidates: &Candidates, relay: &Door) -> io::Result<Self> {
        let traffic = Arc::new(Traffic::default());
        let identity = Identity::generate();
        let (mut workers, mut handles) = (Vec::new(), Vec::new());
        for (socket, number) in ports.0.into_iter().zip(0..) {
            let poll = Poll::new()?;
            let (handle, inbox) = Handle::new(&poll)?;
            handles.push(handle);
            let setup = Setup {
                number,
                socket,
                candidates: candidates.clone(),
                identity: identity.clone(),
                traffic: traffic.clone(),
                relay: relay.clone(),
            };
            workers.push((setup, poll, inbox));
        }
        let mut threads = Vec::new();
        for (setup, poll, inbox) in workers {
            let all = handles.clone();
            let thread = std::thread::Builder::new().name(format!("media-{}", setup.number));
            threads.push(thread.spawn(move || match Worker::new(setup, poll, inbox, all) {
                Ok(worker) => worker.run(),
                Err(error) => tracing::error!(%error, "a media worker cannot start"),
            })?);
        }
        let load = Mutex::new(vec![0; handles.len()]);
        let links = Numbers::default();
        Ok(Self { handles, threads: Mutex::new(threads), load, peers: AtomicU64::new(1), links, traffic })
    }

    /// A room on the worker that has fewest.
    pub fn open(self: &Arc<Self>, id: RoomId) -> (Room, mpsc::Receiver<Notice>) {
        let worker = self.least_loaded();
        let (notices, told) = mpsc::channel(NOTICES);
        (Room { workers: self.clone(), worker, id, notices }, told)
    }

    /// A name for a new connection.
    pub fn new_peer(&self) -> PeerId {
        PeerId(self.peers.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn handle(&self, worker: u8) -> Option<&Handle> {
        self.handles.get(usize::from(worker))
    }

    fn least_loaded(&self) -> usize {
        let Ok(mut load) = self.load.lock() else { return 0 };
        let least = load.iter().enumerate().min_by_key(|(_, rooms)| **rooms).map_or(0, |(worker, _)| worker);
        load[least] += 1;
        least
    }

    pub fn summary(&self) -> Summary {
        self.traffic.summary()
    }

    /// Waits for the threads.
    pub fn stop(&self) {
        self.tell_to_stop();
        let threads = self.threads.lock().map(|mut threads| std::mem::take(&mut *threads)).unwrap_or_default();
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a media worker has panicked");
            }
        }
        tracing::info!(traffic = ?self.summary(), "media workers stopped");
    }
}

impl Workers {
    fn tell_to_stop(&self) {
        for handle in &self.handles {
            handle.send(Command::Stop);
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.tell_to_stop();
    }
}

/// A call's room on its worker. Closed when it is dropped.
pub struct Room {
    workers: Arc<Workers>,
    worker: usize,
    id: RoomId,
    notices: mpsc::Sender<Notice>,
}

impl Room {
    fn send(&self, command: Command) -> bool {
        self.workers.handles[self.worker].send(command)
    }

    pub fn set_members(&self, members: Vec<Member>) -> bool {
        self.send(Command::Members { room: self.id, members, notices: self.notices.clone() })
    }

    pub fn views(&self, peer: PeerId, views: Vec<View>) {
        self.send(Command::Views { room: self.id, peer, views });
    }

    /// `None` if the worker could not even take it.
    pub async fn offer(
        &self,
        peer: PeerId,
        sdp: String,
        tracks: Vec<TrackName>,
        password: String,
    ) -> Option<Result<String, OfferError>> {
        let (answer, answered) = oneshot::channel();
        let offer = Offer { peer, sdp, tracks, password };
        if !self.send(Command::Offer { room: self.id, offer, answer }) {
            return None;
        }
        answered.await.ok()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // If this is lost, the worker notices that nobody listens any more.
        self.set_members(Vec::new());
        if let Ok(mut load) = self.workers.load.lock() {
            load[self.worker] = load[self.worker].saturating_sub(1);
        }
    }
}
