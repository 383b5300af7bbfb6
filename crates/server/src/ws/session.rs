//! One client's session: a numbered queue of frames that outlives a dropped connection. A client that does not read has its
//! session ended; nothing is buffered without end.

mod queue;

use std::sync::{Mutex, MutexGuard, PoisonError};

use farhand_domain::ids::{ContactId, DeviceId};
use farhand_protocol::{
    ErrorCode,
    frame::{ServerFrame, ServerMessage},
};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::queue::Queue;
use crate::auth::Principal;

/// Why a session or its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The login was ended, or the user disabled.
    LoggedOut,
    /// The guest's link was taken back.
    LinkRevoked,
    /// The guest's call has ended, and the link with it.
    CallEnded,
    SlowReader,
    /// Resumed on another connection.
    Replaced,
    ShuttingDown,
}

impl Close {
    /// The close code, and the error sent before it.
    pub fn codes(self) -> (u16, ErrorCode, &'static str) {
        match self {
            Self::LoggedOut => (4401, ErrorCode::Unauthenticated, "The login has ended."),
            Self::LinkRevoked => (4401, ErrorCode::GuestLinkRevoked, "The link was taken back."),
            Self::CallEnded => (4401, ErrorCode::CallEnded, "The call has ended, and the link with it."),
            Self::SlowReader => (4429, ErrorCode::SlowReader, "The client did not read what it was sent."),
            Self::Replaced => (4409, ErrorCode::AlreadyExists, "The session goes on with another connection."),
            Self::ShuttingDown => (1001, ErrorCode::ShuttingDown, "The server is stopping."),
        }
    }
}

pub struct Session {
    pub id: Uuid,
    pub contact: ContactId,
    pub device: DeviceId,
    pub principal: Principal,
    /// The host under which the client reached the server: the `Host` of its upgrade.
    pub host: Option<String>,
    queue: Mutex<Queue>,
    /// Wakes the connection: there is something to send, or it has to end.
    pub wake: Notify,
    ended: CancellationToken,
}

/// As long as it is: it may be kept for a while, and a text that was written piece by piece has up to as much again to spare.
fn written(message: &ServerMessage) -> Option<String> {
    let mut text = serde_json::to_string(message).ok()?;
    text.shrink_to_fit();
    Some(text)
}

fn shown_call(frame: &ServerFrame) -> Option<Uuid> {
    if let ServerFrame::Call { call } = frame { Some(call.call_id) } else { None }
}

impl Session {
    pub fn new(id: Uuid, contact: ContactId, device: DeviceId, principal: Principal, host: Option<String>) -> Self {
        Self {
            id,
            contact,
            device,
            principal,
            host,
            queue: Mutex::default(),
            wake: Notify::new(),
            ended: CancellationToken::new(),
        }
    }

    /// Queues a frame. Frames that were sent but not acknowledged make room first; if what is unsent alone is too much,
    /// the client does not read, and the session ends.
    pub fn send(&self, frame: ServerFrame) {
        let mut queue = self.lock();
        if queue.close.is_some() {
            return;
        }
        let message = ServerMessage { seq: Some(queue.last_seq + 1), frame };
        let Some(text) = written(&message) else {
            tracing::error!(session = %self.id, "a frame could not be written as JSON");
            return;
        };
        queue.push(text.into(), shown_call(&message.frame));
        while queue.is_over() && queue.first_kept() <= queue.sent_up_to {
            queue.drop_oldest();
        }
        if queue.is_over() {
            queue.close = Some(Close::SlowReader);
            queue.clear();
            self.ended.cancel();
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Gives the session to a new connection, which has seen everything up to `last_seen`. `None`: what it missed is gone.
    pub fn connect(&self, last_seen: u64) -> Option<u64> {
        let mut queue = self.lock();
        let replayable = last_seen <= queue.last_seq && last_seen + 1 >= queue.first_kept();
        if queue.close.is_some() || !replayable {
            return None;
        }
        queue.sent_up_to = last_seen;
        queue.connections += 1;
        queue.connection = queue.connections;
        let connection = queue.connection;
        drop(queue);
        // Whoever had it before sees that it was replaced.
        self.wake.notify_waiters();
        Some(connection)
    }

    /// False if another connection has taken the session over meanwhile.
    pub fn disconnect(&self, connection: u64) -> bool {
        let mut queue = self.lock();
        let had_it = queue.connection == connection;
        if had_it {
            queue.connection = 0;
        } else {
            // This one may have taken a wake-up that was meant for the other.
            self.wake.notify_one();
        }
        had_it
    }

    /// Ends the session if nobody is connected. In one step: a resume either comes before it or is refused, and never has a
    /// session that frames do not reach any more.
    pub fn end_if_lost(&self) -> bool {
        self.lock().end_if(|queue| queue.connection == 0)
    }

    /// The same, only if nobody has connected since this connection either.
    pub fn end_if_lost_since(&self, connection: u64) -> bool {
        self.lock().end_if(|queue| queue.connection == 0 && queue.connections == connection)
    }

    pub fn is_closed(&self) -> bool {
        self.lock().close.is_some()
    }

    pub fn is_connected(&self) -> bool {
        self.lock().connection != 0
    }

    /// The connection's next frame to send.
    pub fn next_unsent(&self, connection: u64) -> Result<Option<Utf8Bytes>, Close> {
        let mut queue = self.lock();
        if let Some(close) = queue.close {
            return Err(close);
        }
        if queue.connection != connection {
            return Err(Close::Replaced);
        }
        match (queue.next_unsent(), queue.finish) {
            (None, Some(close)) => Err(close),
            (unsent, _) => Ok(unsent),
        }
    }

    /// The client has seen everything up to `seq`.
    pub fn acknowledge(&self, seq: u64) {
        self.lock().acknowledge(seq);
    }

    /// Done once the session is closed, for a connection that is held up.
    pub async fn closed(&self) -> Close {
        self.ended.cancelled().await;
        self.lock().close.unwrap_or(Close::SlowReader)
    }

    pub fn close(&self, close: Close) {
        self.lock().close.get_or_insert(close);
        self.ended.cancel();
        self.wake.notify_one();
        self.wake.notify_waiters();
    }

    /// Ends it once all that is queued has been sent.
    pub fn finish(&self, close: Close) {
        self.lock().finish = Some(close);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use farhand_store::model::User;

    use super::{queue::MAX_KEPT, *};
    use crate::auth::{Credential, Login};

    fn session() -> Session {
        session_on(DeviceId(1), Uuid::nil())
    }

    pub fn session_on(device: DeviceId, id: Uuid) -> Session {
        let user = User {
            id: 1,
            domain_id: 1,
            domain: "d".into(),
            login: "u".into(),
            display_name: "U".into(),
            email: None,
            phone: None,
            password_hash: None,
            roles: vec![],
            operator: false,
            disabled: false,
            budget: farhand_store::model::Budget::default(),
            calendar_generation: 0,
            reach: None,
        };
        let login = Login { user: Arc::new(user), credential: Credential::ApiKey { id: 1 } };
        Session::new(id, ContactId(1), device, Principal::User(login), None)
    }

    fn drain(session: &Session, connection: u64) -> Vec<String> {
        std::iter::from_fn(|| session.next_unsent(connection).unwrap()).map(|f| f.to_string()).collect()
    }

    #[test]
    fn a_resume_replays_exactly_what_was_not_seen() {
        let session = session();
        let first = session.connect(0).unwrap();
        (0..3).for_each(|_| session.send(ServerFrame::Pong {}));
        assert_eq!(drain(&session, first).len(), 3);
        session.send(ServerFrame::Pong {});
        let second = session.connect(2).unwrap();
        assert_eq!(drain(&session, second), [r#"{"seq":3,"type":"pong"}"#, r#"{"seq":4,"type":"pong"}"#]);
        assert_eq!(session.next_unsent(first), Err(Close::Replaced));
        assert!(!session.disconnect(first));
        assert!(session.is_connected());
    }

    #[test]
    fn a_session_that_is_to_finish_sends_all_that_is_queued_and_then_ends() {
        let session = session();
        let connection = session.connect(0).unwrap();
        session.send(ServerFrame::Pong {});
        session.finish(Close::CallEnded);
        assert!(session.next_unsent(connection).unwrap().is_some());
        assert_eq!(session.next_unsent(connection), Err(Close::CallEnded));
    }

    fn view(call: u128, version: u64) -> ServerFrame {
        let call = serde_json::json!({
            "callId": Uuid::from_u128(call), "id": 1, "callTitle": "x".repeat(1_000), "callReason": "STANDARD", "callType": "SFU",
            "callStatus": "Started", "seat": "none", "creator": 1, "people": [], "version": version,
        });
        ServerFrame::Call { call: serde_json::from_value(call).unwrap() }
    }

    /// Numbers of the frames that say something; the others only keep their place.
    fn seqs(session: &Session, connection: u64) -> Vec<u64> {
        let frames = drain(session, connection).into_iter().map(|frame| serde_json::from_str(&frame).unwrap());
        let frames: Vec<serde_json::Value> = frames.collect();
        let numbers: Vec<u64> = frames.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        frames.iter().zip(numbers).filter(|(frame, _)| frame["type"] != "overtaken").map(|(_, seq)| seq).collect()
    }

    #[test]
    fn of_a_calls_views_only_the_newest_is_kept_and_other_frames_keep_their_place() {
        let session = session();
        let first = session.connect(0).unwrap();
        let frames = [view(1, 1), view(1, 2), view(2, 1), view(1, 3), ServerFrame::Pong {}, view(1, 4), view(1, 5)];
        for frame in frames {
            session.send(frame);
        }
        let expected = [3, 4, 5, 7];
        assert_eq!(seqs(&session, first), expected);
        let second = session.connect(0).unwrap();
        assert_eq!(seqs(&session, second), expected, "a replay, too");
        assert!(session.lock().kept_bytes < 4_500, "the others take no memory");
        session.acknowledge(7);
        assert_eq!(session.lock().kept_bytes, 0);
    }

    #[test]
    fn what_is_kept_takes_no_more_than_it_is_long() {
        let text = written(&ServerMessage { seq: Some(1), frame: view(1, 1) }).unwrap();
        assert!(text.len() > 1_000 && text.capacity() == text.len(), "{} in {}", text.len(), text.capacity());
    }

    #[test]
    fn what_was_acknowledged_cannot_be_replayed_and_nor_can_the_future() {
        let session = session();
        let connection = session.connect(0).unwrap();
        (0..5).for_each(|_| session.send(ServerFrame::Pong {}));
        drain(&session, connection);
        session.acknowledge(4);
        assert_eq!(session.connect(3), None);
        assert!(session.connect(4).is_some());
        assert_eq!(session.connect(6), None);
        assert_eq!(session.connect(u64::MAX), None);
    }

    #[test]
    fn a_session_that_was_given_up_cannot_be_resumed_and_one_that_was_resumed_is_not_given_up() {
        let session = session();
        let first = session.connect(0).unwrap();
        assert!(!session.end_if_lost(), "somebody is connected");
        session.disconnect(first);
        let second = session.connect(0).unwrap();
        session.disconnect(second);
        assert!(!session.end_if_lost_since(first), "it was resumed since: the grace time runs anew");
        assert!(session.end_if_lost_since(second));
        assert_eq!(session.connect(0), None);
    }

    #[test]
    fn sent_frames_make_room_and_unsent_ones_end_the_session() {
        let session = session();
        let connection = session.connect(0).unwrap();
        for _ in 0..MAX_KEPT * 2 {
            session.send(ServerFrame::Pong {});
            drain(&session, connection);
        }
        assert!(session.next_unsent(connection).is_ok());
        (0..=MAX_KEPT).for_each(|_| session.send(ServerFrame::Pong {}));
        assert_eq!(session.next_unsent(connection), Err(Close::SlowReader));
    }
}
