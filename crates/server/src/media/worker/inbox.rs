//! What a worker is told, and how it comes to it.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use farhand_sfu::{Notice, OfferError, PeerId, Protocol, RoomId};
use mio::{Poll, Token, Waker};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::media::link::Outgoing;

/// Commands that may wait. A call sends a few when somebody joins.
const COMMANDS: usize = 4096;
/// Datagrams that may wait: some ten milliseconds of a full link.
const DATAGRAMS: usize = 2048;
/// Of those from addresses that have proved nothing: STUN requests of people who are about to join, and of anybody.
pub(super) const UNPROVED: usize = 128;

const WAKER: Token = Token(1);

pub type Answer = oneshot::Sender<Result<String, OfferError>>;

/// What a worker is told.
pub enum Command {
    /// Who is in a room, and where its notices go.
    Members {
        room: RoomId,
        members: Vec<farhand_sfu::Member>,
        notices: mpsc::Sender<Notice>,
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
    /// A connection over TCP, or a way through the relay.
    LinkOpened {
        protocol: Protocol,
        source: SocketAddr,
        end: LinkEnd,
    },
    LinkClosed {
        protocol: Protocol,
        source: SocketAddr,
    },
    Stop,
}

/// This end of a connection over TCP, or of a way through the relay. Dropping it ends the connection.
pub struct LinkEnd {
    /// What is for it goes there.
    pub outgoing: Outgoing,
    /// Whether it has proved to be a peer's.
    pub proved: watch::Sender<bool>,
}

/// A datagram that did not come by the worker's own socket: it came to another worker's, over TCP or through the relay.
pub struct Datagram {
    pub protocol: Protocol,
    pub source: SocketAddr,
    pub contents: Vec<u8>,
    /// Given back when it has been taken.
    pub permit: Option<OwnedSemaphorePermit>,
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
    /// Apart again, so that a flood of strangers' cannot crowd out the media of participants.
    unproved: SyncSender<Datagram>,
    waker: Arc<Waker>,
}

/// Where a worker finds what others have for it.
pub struct Inbox {
    pub(super) commands: Receiver<Command>,
    pub(super) datagrams: Receiver<Datagram>,
    pub(super) unproved: Receiver<Datagram>,
}

impl Handle {
    pub fn new(poll: &Poll) -> io::Result<(Self, Inbox)> {
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let ((commands, take_commands), (datagrams, take_datagrams)) =
            (sync_channel(COMMANDS), sync_channel(DATAGRAMS));
        let (unproved, take_unproved) = sync_channel(UNPROVED);
        let inbox = Inbox { commands: take_commands, datagrams: take_datagrams, unproved: take_unproved };
        Ok((Self { commands, datagrams, unproved, waker }, inbox))
    }

    /// False if the worker has too much to do to take it: then it is lost, as on any full link. To be followed by a
    /// [`Handle::wake`].
    pub fn hand(&self, datagram: Datagram) -> bool {
        self.datagrams.try_send(datagram).is_ok()
    }

    /// The same for one from an address that has proved nothing.
    pub fn hand_unproved(&self, datagram: Datagram) -> bool {
        let handed = self.unproved.try_send(datagram).is_ok();
        if handed {
            self.wake();
        }
        handed
    }

    pub fn wake(&self) {
        // One that cannot be woken is awake.
        let _ = self.waker.wake();
    }

    /// False if the worker has too much to do to take it, or has stopped.
    pub fn send(&self, command: Command) -> bool {
        let sent = self.commands.try_send(command);
        if matches!(sent, Err(TrySendError::Full(_))) {
            tracing::warn!("a media worker has too much to do to take a command");
        }
        self.wake();
        sent.is_ok()
    }
}
