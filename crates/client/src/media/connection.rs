//! The shell around [`Peer`](super::peer::Peer): one task with its own UDP socket per connection. It performs the peer's effects, plays the
//! clip by its timestamps and gives up when no connection comes about.

mod task;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use farhand_protocol::{
    call::IceServer,
    frame::{Signal, Slot},
};
use tokio::sync::{mpsc, watch};

use self::task::Task;
use super::{MediaEvent, MediaOptions, measure::Measured};

/// Commands under way. Signals come one by one over a WebSocket, and this task does nothing that takes long.
const MAX_COMMANDS: usize = 128;

/// Which end of which plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) epoch: u64,
    pub(super) end: End,
}

/// What is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Peer { contact: i64, offerer: bool },
    Sfu,
}

pub(super) enum Command {
    Signal(Signal),
    /// The SFU's answer.
    Answer(String),
    /// The SFU's refusal.
    Refused(String),
    /// What the SFU sends where.
    Slots(Vec<Slot>),
    RequestKeyframe,
    /// The prepared connection is that of a plan now.
    TakeUp {
        epoch: u64,
    },
    /// The SFU hears nothing.
    PathLost,
}

/// Dropping it closes the connection.
pub(super) struct Handle {
    commands: mpsc::Sender<Command>,
    measured: watch::Receiver<Measured>,
}

impl Handle {
    pub(super) fn send(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => tracing::warn!("too many signals at once, one is lost"),
        }
    }

    pub(super) fn measured(&self) -> Measured {
        self.measured.borrow().clone()
    }
}

/// `relays`: those of the plan.
pub(super) fn spawn(
    side: Side,
    options: &Arc<MediaOptions>,
    relays: Vec<IceServer>,
    events: mpsc::Sender<MediaEvent>,
) -> Handle {
    let (sender, commands) = mpsc::channel(MAX_COMMANDS);
    let (measuring, measured) = watch::channel(Measured::nothing(Instant::now()));
    let options = Arc::clone(options);
    tokio::spawn(async move {
        let mut outbox = VecDeque::new();
        match Task::open(side, options, relays, commands, events.clone(), measuring).await {
            Ok(mut task) => {
                if let Err(error) = task.run().await {
                    task.outbox.push_back(MediaEvent::Failed { epoch: side.epoch, error });
                }
                outbox = task.outbox;
            }
            Err(error) => outbox.push_back(MediaEvent::Failed { epoch: side.epoch, error }),
        }
        for event in outbox {
            // Nobody listens to an old connection.
            if events.send(event).await.is_err() {
                return;
            }
        }
    });
    Handle { commands: sender, measured }
}
