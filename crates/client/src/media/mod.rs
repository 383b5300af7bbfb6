//! Media behind one seam: a [`MediaSession`] follows the `mediaPlan` of a call, whatever its mode, and can change it in
//! mid-call. Peer to peer, what it wants said to the other end comes out as [`MediaEvent::Signal`], and what the other end says goes in
//! through [`MediaSession::receive`]. To the SFU it makes a [`MediaEvent::Offer`], answered by [`MediaSession::answered`]. It knows neither
//! REST nor the WebSocket.
//!
//! Absent on purpose: cameras, microphones and decoders. It sends a [`Clip`] and hands what it receives, whole VP8
//! frames and Opus packets, to a [`FrameSink`].

mod alive;
mod connection;
mod measure;
mod peer;
mod player;
mod relay;
mod sdp;
mod sfu;
mod socket;
mod stun;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use farhand_protocol::{
    call::IceServer,
    frame::{MediaMode, MediaOffer, MediaPlan, MediaState, MediaTrack, Signal, Slot},
    statistics::MediaReport,
};
use tokio::sync::mpsc;
use tokio_rustls::rustls::ClientConfig;

use self::{
    connection::{Command, End, Handle, Side},
    measure::Measured,
};
use crate::clip::Clip;

/// The epoch of a connection that was made while a call rings.
const PREPARED: u64 = 0;
/// Signals kept for a plan that has not come yet. An offer and its candidates are a dozen.
const MAX_EARLY_SIGNALS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    Video,
    Audio,
}

/// A whole frame from somebody else.
#[derive(Debug, Clone)]
pub struct ReceivedFrame {
    /// The sender's contact id.
    pub from: i64,
    pub kind: FrameKind,
    pub data: Arc<[u8]>,
    /// The sender's media time in ticks of the codec's clock.
    pub ticks: u64,
    /// False if packets before this frame were lost.
    pub contiguous: bool,
}

/// Takes received frames. Called on the connection's task: be quick.
pub trait FrameSink: Send + Sync + 'static {
    fn frame(&self, frame: &ReceivedFrame);
}

/// Takes no notice of received frames.
#[derive(Debug, Clone, Copy)]
pub struct Discard;

impl FrameSink for Discard {
    fn frame(&self, _: &ReceivedFrame) {}
}

/// How the SFU is reached, as from behind firewalls that let nothing else through.
#[derive(Debug, Clone)]
pub enum Reach {
    Udp,
    Tcp,
    /// Through the server's relay, over TCP.
    Turn,
    /// Through the server's relay, over TLS with a certificate that this trusts.
    TurnTls(Arc<ClientConfig>),
}

/// How a session makes its connections.
#[derive(Clone)]
pub struct MediaOptions {
    /// The address of each connection's own UDP socket; the only host candidate.
    pub bind: IpAddr,
    /// Asked for a server-reflexive candidate.
    pub stun_server: Option<std::net::SocketAddr>,
    /// Sent in a loop once connected; to the SFU in all its layers.
    pub clip: Option<Arc<Clip>>,
    pub sink: Arc<dyn FrameSink>,
    /// How the SFU is reached.
    pub reach: Reach,
    /// How many people can be seen at once through the SFU.
    pub slots: usize,
    /// From the moment both ends have described themselves, or the path was lost. A browser's own limit for the same is about 15 s.
    pub connect_timeout: Duration,
    /// Lies about the certificate in every SDP it sends, so that no honest peer connects.
    pub tamper_fingerprint: bool,
    /// What somebody who can send under this end's address adds to each datagram.
    pub added: Option<Added>,
}

pub type Added = Arc<dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync>;

impl Default for MediaOptions {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            stun_server: None,
            clip: None,
            sink: Arc::new(Discard),
            reach: Reach::Udp,
            slots: 4,
            connect_timeout: Duration::from_secs(15),
            tamper_fingerprint: false,
            added: None,
        }
    }
}

/// What a session tells its owner.
#[derive(Debug)]
pub enum MediaEvent {
    /// To be sent to contact `to` with this epoch.
    Signal { epoch: u64, to: i64, signal: Signal },
    /// An offer for the SFU, to be sent with this epoch.
    Offer { epoch: u64, sdp: String, tracks: Vec<MediaTrack> },
    /// Both ends have proved who they are and media may flow.
    Connected { epoch: u64 },
    /// The SFU has agreed to a channel on the connection: it has it, too.
    ChannelOpen { epoch: u64 },
    /// The other end closed the connection.
    RemoteClosed { epoch: u64 },
    /// The connection is gone. The session waits for a plan with a new epoch.
    Failed { epoch: u64, error: MediaError },
}

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("a UDP socket on {0} could not be opened: {1}")]
    Bind(IpAddr, #[source] std::io::Error),
    #[error("the server's relay cannot be used: {0}")]
    Relay(#[source] std::io::Error),
    #[error("the UDP socket failed: {0}")]
    Socket(#[source] std::io::Error),
    #[error("the other end's {0} cannot be used: {1}")]
    Refused(&'static str, String),
    #[error("the connection broke: {0}")]
    Engine(String),
    #[error("both ends have described themselves, but no secure connection came about within {0:?}")]
    NotConnected(Duration),
    #[error("the path to the other end was lost and no other found within {0:?}")]
    PathLost(Duration),
    #[error("the connection's task ended without a word")]
    Vanished,
}

/// A signal from the other end, as the WebSocket delivers it.
#[derive(Debug, Clone)]
pub struct IncomingSignal {
    pub epoch: u64,
    pub from: i64,
    pub signal: Signal,
}

/// Follows the media plan of one call.
pub struct MediaSession {
    options: Arc<MediaOptions>,
    current: Option<Current>,
    early: Vec<IncomingSignal>,
    /// Of a plan that has not come yet.
    early_slots: Option<(u64, Vec<Slot>)>,
}

struct Current {
    side: Side,
    handle: Handle,
    events: mpsc::Receiver<MediaEvent>,
    ended: bool,
    /// What the last report told of.
    reported: Measured,
}

impl MediaSession {
    pub fn new(options: MediaOptions) -> Self {
        Self { options: Arc::new(options), current: None, early: Vec::new(), early_slots: None }
    }

    /// Makes what the plan says so: nothing to do if the epoch is the current one, else the old connection is closed and,
    /// if there is another end, a new one made. Must be called within a Tokio runtime.
    pub fn apply(&mut self, plan: Option<&MediaPlan>) {
        let Some(side) = plan.and_then(side) else {
            self.close();
            return;
        };
        if self.current.as_ref().is_some_and(|current| current.side == side) {
            return;
        }
        if plan.is_some_and(|plan| plan.prepared) && self.is_prepared() {
            self.take_up(side);
            return;
        }
        tracing::debug!(?side, "new media plan");
        let relays = plan.map(|plan| plan.ice_servers.clone()).unwrap_or_default();
        self.current = Some(Current::start(side, &self.options, relays));
        for signal in std::mem::take(&mut self.early) {
            self.receive(signal);
        }
        if let Some((epoch, slots)) = self.early_slots.take() {
            self.slots(epoch, &slots);
        }
    }

    /// Makes a connection to the SFU while a call rings. Nothing is sent on it before a plan takes it up.
    pub fn prepare(&mut self) {
        let side = Side { epoch: PREPARED, end: End::Sfu };
        self.current = Some(Current::start(side, &self.options, Vec::new()));
    }

    /// Whether there is a connection that waits for its plan.
    pub fn is_prepared(&self) -> bool {
        self.epoch() == Some(PREPARED)
    }

    /// Makes a connection to the SFU, and gives its offer to whoever sends it with a `join`. None if no connection can be made.
    pub async fn offer_ahead(&mut self) -> Option<MediaOffer> {
        self.prepare();
        loop {
            match self.next_event().await {
                MediaEvent::Offer { sdp, tracks, .. } => return Some(MediaOffer { sdp, tracks }),
                MediaEvent::Failed { .. } => {
                    self.close();
                    return None;
                }
                MediaEvent::Signal { .. }
                | MediaEvent::Connected { .. }
                | MediaEvent::ChannelOpen { .. }
                | MediaEvent::RemoteClosed { .. } => {}
            }
        }
    }

    /// What came back with the `join`: the connection is that of this plan.
    pub fn answered_ahead(&mut self, plan: &MediaPlan, sdp: String) {
        if let Some(side) = side(plan).filter(|side| side.end == End::Sfu && self.is_prepared()) {
            self.take_up(side);
            self.answered(side.epoch, sdp);
        }
    }

    fn take_up(&mut self, side: Side) {
        if let Some(current) = &mut self.current {
            tracing::debug!(?side, "the prepared connection is taken up");
            current.side = side;
            current.handle.send(Command::TakeUp { epoch: side.epoch });
        }
        if let Some((epoch, slots)) = self.early_slots.take() {
            self.slots(epoch, &slots);
        }
    }

    /// The SFU hears nothing on the connection of this epoch.
    pub fn path_lost(&mut self, epoch: u64) {
        if let Some(current) = self.current.as_ref().filter(|current| current.side.epoch == epoch) {
            current.handle.send(Command::PathLost);
        }
    }

    /// What this session sends, for the others to know.
    pub fn state(&self) -> MediaState {
        let sending = self.options.clip.is_some();
        MediaState { microphone: sending, camera: sending, screen: false, sends: None }
    }

    /// Takes a signal from the other end. One for a plan yet to come is kept; one for a past plan is dropped.
    pub fn receive(&mut self, incoming: IncomingSignal) {
        match &self.current {
            Some(current) if incoming.epoch < current.side.epoch => {
                tracing::debug!(epoch = incoming.epoch, "signal for a past plan dropped");
            }
            Some(current) if incoming.epoch == current.side.epoch => {
                if matches!(current.side.end, End::Peer { contact, .. } if contact == incoming.from) {
                    current.handle.send(Command::Signal(incoming.signal));
                }
            }
            Some(_) | None => {
                if self.early.len() < MAX_EARLY_SIGNALS {
                    self.early.push(incoming);
                }
            }
        }
    }

    /// The SFU has answered the offer of this epoch.
    pub fn answered(&mut self, epoch: u64, sdp: String) {
        if let Some(current) = self.current.as_ref().filter(|current| current.side.epoch == epoch) {
            current.handle.send(Command::Answer(sdp));
        }
    }

    /// The SFU has refused the offer of this epoch.
    pub fn refused(&mut self, epoch: u64, why: String) {
        if let Some(current) = self.current.as_ref().filter(|current| current.side.epoch == epoch) {
            current.handle.send(Command::Refused(why));
        }
    }

    /// What the SFU sends on which line.
    pub fn slots(&mut self, epoch: u64, slots: &[Slot]) {
        match &self.current {
            Some(current) if current.side.epoch == epoch => current.handle.send(Command::Slots(slots.to_vec())),
            Some(current) if current.side.epoch > epoch => {}
            Some(_) | None => self.early_slots = Some((epoch, slots.to_vec())),
        }
    }

    /// The epoch of the plan whose connection still stands: what a `join` with `rejoin` says.
    pub fn epoch(&self) -> Option<u64> {
        self.current.as_ref().filter(|current| !current.ended).map(|current| current.side.epoch)
    }

    /// How the media have been since the last report; nothing, if nothing was measured since.
    pub fn report(&mut self) -> Option<MediaReport> {
        let current = self.current.as_mut()?;
        let now = current.handle.measured();
        let report = now.since(&current.reported)?;
        current.reported = now;
        Some(report)
    }

    /// Asks for a key frame of every picture.
    pub fn request_keyframe(&self) {
        if let Some(current) = &self.current {
            current.handle.send(Command::RequestKeyframe);
        }
    }

    /// The next thing that happens; never, while there is no connection. Can be dropped and called again.
    pub async fn next_event(&mut self) -> MediaEvent {
        let Some(current) = self.current.as_mut().filter(|current| !current.ended) else {
            return std::future::pending().await;
        };
        let epoch = current.side.epoch;
        let event = current.events.recv().await.unwrap_or(MediaEvent::Failed { epoch, error: MediaError::Vanished });
        current.ended = matches!(event, MediaEvent::Failed { .. } | MediaEvent::RemoteClosed { .. });
        event
    }

    /// Says goodbye to the other end and stops. The session can be used again with a new plan.
    pub fn close(&mut self) {
        // Dropping the handle tells the task to say goodbye.
        self.current = None;
    }
}

impl Current {
    fn start(side: Side, options: &Arc<MediaOptions>, relays: Vec<IceServer>) -> Self {
        // Room for a whole offer with its candidates, so that the task does not have to wait for its owner.
        let (sender, events) = mpsc::channel(16);
        let reported = Measured::nothing(Instant::now());
        Self { side, handle: connection::spawn(side, options, relays, sender), events, ended: false, reported }
    }
}

/// What a plan means for this end; nothing, while there is nobody to connect to.
fn side(plan: &MediaPlan) -> Option<Side> {
    let end = match plan.mode {
        MediaMode::P2p => End::Peer { contact: plan.peer?, offerer: plan.offerer },
        MediaMode::Sfu => End::Sfu,
    };
    Some(Side { epoch: plan.epoch, end })
}

/// The first STUN server among those the call server names, looked up.
pub async fn stun_server(servers: &[IceServer]) -> Option<std::net::SocketAddr> {
    let urls = servers.iter().flat_map(|server| &server.urls);
    for address in urls.filter_map(|url| url.strip_prefix("stun:")) {
        let address = if address.contains(':') { address.to_owned() } else { format!("{address}:3478") };
        if let Ok(mut found) = tokio::net::lookup_host(&address).await
            && let Some(found) = found.next()
        {
            return Some(found);
        }
        tracing::debug!("a STUN server's name could not be looked up");
    }
    None
}

#[cfg(test)]
mod tests;
