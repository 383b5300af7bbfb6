//! Somebody's device: a WebSocket session whose frames are waited for.
#![expect(clippy::wildcard_enum_match_arm, reason = "frames of other types are kept")]

use std::{fmt, time::Duration};

use farhand_client::socket::{Socket, SocketError};
use farhand_protocol::{
    ErrorCode,
    call::CallStatus,
    frame::{CallView, ClientFrame, PersonState, Ring, RingEndReason, ServerFrame, Signal},
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// How long anything is waited for: far longer than it takes, and short enough to tell a person what is missing.
pub const WAIT: Duration = Duration::from_secs(10);

/// A frame that is waited for is taken out; all others are kept for later waits, in order.
pub struct Device {
    socket: Socket,
    kept: Vec<ServerFrame>,
}

impl Device {
    pub fn new(socket: Socket) -> Self {
        Self { socket, kept: Vec::new() }
    }

    /// For what this type does not know. Frames it takes are not seen here.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    pub fn into_socket(self) -> Socket {
        self.socket
    }

    pub fn session_id(&self) -> Uuid {
        self.socket.welcome().session_id
    }

    /// The first frame, kept or to come, of which `pick` makes something.
    pub async fn wait_for<T>(&mut self, what: &str, mut pick: impl FnMut(&ServerFrame) -> Option<T>) -> T {
        if let Some((index, found)) = self.kept.iter().enumerate().find_map(|(i, frame)| Some((i, pick(frame)?))) {
            self.kept.remove(index);
            return found;
        }
        let deadline = Instant::now() + WAIT;
        loop {
            let Ok(next) = timeout_at(deadline, self.socket.next()).await else {
                panic!("{what} did not come within {WAIT:?}; had {}", Kinds(&self.kept));
            };
            let frame = next.unwrap_or_else(|error| panic!("waiting for {what}: {error}; had {}", Kinds(&self.kept)));
            if let Some(found) = pick(&frame) {
                return found;
            }
            self.kept.push(frame);
        }
    }

    /// Waits for the ring of a call.
    pub async fn ring(&mut self, call_id: Uuid) -> Ring {
        let is_it = |frame: &ServerFrame| match frame {
            ServerFrame::Ring { ring } if ring.call_id == call_id => Some(ring.clone()),
            _ => None,
        };
        self.wait_for("a ring", is_it).await
    }

    /// Waits for the end of a call's ring.
    pub async fn ring_end(&mut self, wanted: Uuid) -> RingEndReason {
        let is_it = |frame: &ServerFrame| match frame {
            ServerFrame::RingEnd { call_id, reason } if *call_id == wanted => Some(*reason),
            _ => None,
        };
        self.wait_for("the end of a ring", is_it).await
    }

    /// Waits until the call is shown as `like` wants it.
    pub async fn call(&mut self, call_id: Uuid, what: &str, like: impl Fn(&CallView) -> bool) -> CallView {
        let is_it = |frame: &ServerFrame| match frame {
            ServerFrame::Call { call } if call.call_id == call_id && like(call) => Some((**call).clone()),
            _ => None,
        };
        self.wait_for(what, is_it).await
    }

    /// Waits until a person of the call is in this state.
    pub async fn person(&mut self, call_id: Uuid, contact: i64, state: PersonState) -> CallView {
        let is = |call: &CallView| call.people.iter().any(|p| p.contact.id == Some(contact) && p.state == state);
        self.call(call_id, &format!("contact {contact} as {state:?}"), is).await
    }

    /// Waits for the news that the call has ended.
    pub async fn ended(&mut self, call_id: Uuid) -> CallView {
        self.call(call_id, "the end of the call", |call| call.call_status == CallStatus::Ended).await
    }

    /// Waits for a signal.
    pub async fn signal(&mut self, wanted: Uuid) -> (u64, i64, Signal) {
        let is_it = |frame: &ServerFrame| match frame {
            ServerFrame::Signal { call_id, epoch, from, signal } if *call_id == wanted => {
                Some((*epoch, *from, signal.clone()))
            }
            _ => None,
        };
        self.wait_for("a signal", is_it).await
    }

    /// Waits for the refusal of a frame that had no id.
    pub async fn refusal(&mut self) -> (ErrorCode, String) {
        let is_it = |frame: &ServerFrame| match frame {
            ServerFrame::Error { code, detail, .. } => Some((*code, detail.clone())),
            _ => None,
        };
        self.wait_for("a refusal", is_it).await
    }

    /// Receives all the server has had for this session until now.
    pub async fn catch_up(&mut self) {
        self.socket.round_trip().await.unwrap();
        while self.socket.holds(|_| true) {
            self.kept.push(self.socket.next().await.unwrap());
        }
    }

    /// Whether a frame like this has come until now, and has not been waited for.
    pub async fn has(&mut self, like: impl Fn(&ServerFrame) -> bool) -> bool {
        self.catch_up().await;
        self.kept.iter().any(like)
    }

    pub async fn has_rung(&mut self, call_id: Uuid) -> bool {
        self.has(|frame| matches!(frame, ServerFrame::Ring { ring } if ring.call_id == call_id)).await
    }

    /// Forgets what has come until now, so that only what comes after it is waited for.
    pub async fn forget(&mut self) {
        self.catch_up().await;
        self.kept.clear();
    }

    /// Creates a call and joins it, in one step.
    pub async fn create_call(&mut self, call: Value) -> CallView {
        let call = farhand_protocol::read::from_value(call).unwrap();
        *self.socket.create_call(call).await.unwrap().unwrap()
    }

    pub async fn join(&mut self, call_id: Uuid) -> CallView {
        *self.socket.join(call_id).await.unwrap().unwrap()
    }

    pub async fn decline(&mut self, call_id: Uuid) {
        self.socket.decline(call_id).await.unwrap();
    }

    pub async fn leave(&mut self, call_id: Uuid) {
        self.socket.leave(call_id).await.unwrap();
    }

    /// Sends a request that must be refused.
    pub async fn refused(&mut self, frame: impl FnOnce(u32) -> ClientFrame) -> ErrorCode {
        match self.socket.request(frame).await {
            Err(SocketError::Refused(refusal)) => refusal.code,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    /// As [`Self::closed`], where the server must have decided it by now: it answers nothing any more.
    pub async fn closed_at_once(&mut self) -> Option<u16> {
        match self.socket.round_trip().await {
            Ok(()) => panic!("the connection is still served"),
            Err(SocketError::Closed { code, .. }) => code,
            Err(_) => self.closed().await,
        }
    }

    /// Waits until the server closes the connection, and answers with the close code.
    pub async fn closed(&mut self) -> Option<u16> {
        let deadline = Instant::now() + WAIT;
        loop {
            let Ok(next) = timeout_at(deadline, self.socket.next()).await else {
                panic!("the server did not close the connection within {WAIT:?}");
            };
            match next {
                Ok(frame) => self.kept.push(frame),
                Err(SocketError::Closed { code, .. }) => return code,
                Err(_) => return None,
            }
        }
    }
}

/// The types of frames, for a message to a person.
struct Kinds<'a>(&'a [ServerFrame]);

impl fmt::Display for Kinds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |frame: &ServerFrame| Some(serde_json::to_value(frame).ok()?.get("type")?.as_str()?.to_owned());
        write!(f, "{:?}", self.0.iter().filter_map(kind).collect::<Vec<_>>())
    }
}
