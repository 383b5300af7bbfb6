//! One WebSocket session as a client sees it: hello, requests and their answers, resume.
//!
//! A [`Socket`] has no task of its own. Whoever waits in [`Socket::next`] reads, and pings are sent from there as well; a
//! load generator can hold thousands, and a test that wants to be a slow reader just does not read.

mod frames;
mod wire;

use std::{collections::VecDeque, time::Duration};

use farhand_protocol::{
    ErrorCode,
    auth::User,
    call::CreateCallRequest,
    frame::{CallView, ClientFrame, Resume, ServerFrame, ServerMessage, Signal},
    guest::Guest,
};
use futures_util::StreamExt;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use uuid::Uuid;

use crate::{Token, chance};
use frames::{Read, read};
pub use wire::open;
use wire::{hello_frame, send, text, welcome};

/// For the upgrade, `welcome` and the answer to a request.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Messages put aside while an answer is awaited. The server keeps no more than 512 for a resume.
const MAX_ASIDE: usize = 1024;

/// What the server gave to a request that it granted.
#[derive(Debug)]
pub struct Granted {
    pub call: Option<Box<CallView>>,
    /// The SFU's answer to an offer.
    pub sdp: Option<String>,
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("{0:?} is not an address this client can connect to: it must be http://host:port")]
    Address(String),
    #[error("no connection: {0}")]
    Connect(#[source] std::io::Error),
    #[error("the WebSocket failed: {0}")]
    WebSocket(#[source] Box<tungstenite::Error>),
    /// `refusal` is what the server said before.
    #[error("the server closed the connection with {code:?} ({reason}), having said {refusal:?}")]
    Closed { code: Option<u16>, reason: String, refusal: Option<Refusal> },
    #[error("the server sent something that cannot be read: {0}")]
    Unreadable(String),
    #[error("frame {got} came after frame {last}")]
    Gap { last: u64, got: u64 },
    #[error("the server refused: {0}")]
    Refused(Refusal),
    #[error("no {0} within {ANSWER_LIMIT:?}")]
    NoAnswer(&'static str),
    #[error("nothing heard from the server for {0:?}")]
    Silence(Duration),
    #[error("too many messages came before the answer to a request")]
    Overrun,
}

impl From<tungstenite::Error> for SocketError {
    fn from(error: tungstenite::Error) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

/// An `error` frame's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    pub code: ErrorCode,
    pub detail: String,
    pub pointer: Option<String>,
}

/// What `hello` says.
#[derive(Debug, Clone)]
pub struct Hello {
    /// Without one the server asks for a cookie, which this client does not send.
    pub token: Option<Token>,
    pub device_id: Uuid,
    pub resume: Option<Resume>,
    /// Bytes the kernel keeps unread; `None`: its default, which is megabytes on loopback. Small for a slow reader, or where
    /// there are thousands.
    pub receive_buffer: Option<u32>,
}

impl Hello {
    /// A new session on a new device.
    pub fn new(token: Token) -> Self {
        Self { token: Some(token), device_id: chance::uuid(), resume: None, receive_buffer: None }
    }
}

/// What `welcome` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    pub session_id: Uuid,
    pub resumed: bool,
    /// Whoever is logged in.
    pub user: Option<User>,
    /// Whoever came by a guest's link.
    pub guest: Option<Guest>,
    pub ping: Duration,
    pub grace: Duration,
}

/// An open session.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    hello: Hello,
    welcome: Welcome,
    last_seq: u64,
    next_id: u32,
    /// Came while an answer was awaited.
    aside: VecDeque<ServerMessage>,
    /// The last `error` without `id`.
    refusal: Option<Refusal>,
    next_ping: Instant,
    last_heard: Instant,
}

impl Socket {
    /// Connects to the server at `base_url`, such as `http://127.0.0.1:8080`, and says hello.
    pub async fn connect(base_url: &str, hello: Hello) -> Result<Self, SocketError> {
        let mut stream = open(base_url, hello.receive_buffer).await?;
        send(&mut stream, &hello_frame(&hello)).await?;
        let welcomed = timeout(ANSWER_LIMIT, welcome(&mut stream));
        let welcome = welcomed.await.map_err(|_| SocketError::NoAnswer("welcome"))??;
        let now = Instant::now();
        let last_seq = hello.resume.as_ref().filter(|_| welcome.resumed).map_or(0, |resume| resume.last_seq);
        Ok(Self {
            stream,
            hello,
            last_seq,
            next_id: 1,
            aside: VecDeque::new(),
            refusal: None,
            next_ping: now + welcome.ping,
            last_heard: now,
            welcome,
        })
    }

    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// What to say hello with after the connection was lost.
    pub fn resume(&self) -> Hello {
        let resume = Resume { session_id: self.welcome.session_id, last_seq: self.last_seq };
        Hello { resume: Some(resume), ..self.hello.clone() }
    }

    /// The next frame, apart from answers to requests and `pong`. Pings when it is time to. Can be dropped and called
    /// again without losing anything.
    pub async fn next(&mut self) -> Result<ServerFrame, SocketError> {
        loop {
            let message = match self.aside.pop_front() {
                Some(message) => message,
                None => self.read().await?,
            };
            if !matches!(message.frame, ServerFrame::Pong {}) {
                return Ok(message.frame);
            }
        }
    }

    /// Sends a frame that is not answered.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<(), SocketError> {
        send(&mut self.stream, frame).await
    }

    pub async fn signal(&mut self, call_id: Uuid, epoch: u64, to: i64, signal: Signal) -> Result<(), SocketError> {
        self.send(&ClientFrame::Signal { call_id, epoch, to, signal }).await
    }

    /// An id for a frame whose answer comes out of [`Socket::next`].
    pub fn next_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// Sends a frame with an id and waits for its answer. What comes before the answer is kept for [`Socket::next`].
    pub async fn request(
        &mut self,
        frame: impl FnOnce(u32) -> ClientFrame,
    ) -> Result<Option<Box<CallView>>, SocketError> {
        self.ask(frame).await.map(|granted| granted.call)
    }

    /// The same, with all that was answered.
    pub async fn ask(&mut self, frame: impl FnOnce(u32) -> ClientFrame) -> Result<Granted, SocketError> {
        let id = self.next_id();
        self.send(&frame(id)).await?;
        timeout(ANSWER_LIMIT, self.answer(id)).await.map_err(|_| SocketError::NoAnswer("answer to a request"))?
    }

    async fn answer(&mut self, id: u32) -> Result<Granted, SocketError> {
        loop {
            let message = self.read().await?;
            if let ServerFrame::Ok { id: answered, call, sdp } = &message.frame
                && *answered == id
            {
                return Ok(Granted { call: call.clone(), sdp: sdp.clone() });
            }
            if let ServerFrame::Error { id: Some(answered), code, detail, pointer } = &message.frame
                && *answered == id
            {
                let (code, detail, pointer) = (*code, detail.clone(), pointer.clone());
                return Err(SocketError::Refused(Refusal { code, detail, pointer }));
            }
            self.put_aside(message)?;
        }
    }

    fn put_aside(&mut self, message: ServerMessage) -> Result<(), SocketError> {
        if self.aside.len() == MAX_ASIDE {
            return Err(SocketError::Overrun);
        }
        self.aside.push_back(message);
        Ok(())
    }

    /// Pings and waits for the pong: whatever the server had for this session before is received then, and kept for
    /// [`Socket::next`].
    pub async fn round_trip(&mut self) -> Result<(), SocketError> {
        self.ping().await?;
        let pong = async {
            loop {
                let message = self.read().await?;
                if matches!(message.frame, ServerFrame::Pong {}) {
                    return Ok(());
                }
                self.put_aside(message)?;
            }
        };
        timeout(ANSWER_LIMIT, pong).await.map_err(|_| SocketError::NoAnswer("pong"))?
    }

    /// Whether a frame like this has been received and not been taken by [`Socket::next`] yet.
    pub fn holds(&self, like: impl Fn(&ServerFrame) -> bool) -> bool {
        self.aside.iter().any(|message| like(&message.frame))
    }

    pub async fn create_call(&mut self, call: CreateCallRequest) -> Result<Option<Box<CallView>>, SocketError> {
        self.request(|id| ClientFrame::CreateCall { id, call }).await
    }

    pub async fn join(&mut self, call_id: Uuid) -> Result<Option<Box<CallView>>, SocketError> {
        self.request(|id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None }).await
    }

    /// Joins with the connection that was made while the call rang.
    pub async fn join_prepared(&mut self, call_id: Uuid) -> Result<Option<Box<CallView>>, SocketError> {
        self.request(|id| ClientFrame::Join { id, call_id, rejoin: None, prepared: true, offer: None }).await
    }

    /// `epoch` is that of the media plan whose connection still stands, or 0.
    pub async fn rejoin(&mut self, call_id: Uuid, epoch: u64) -> Result<Option<Box<CallView>>, SocketError> {
        self.request(|id| ClientFrame::Join { id, call_id, rejoin: Some(epoch), prepared: false, offer: None }).await
    }

    pub async fn decline(&mut self, call_id: Uuid) -> Result<(), SocketError> {
        self.request(|id| ClientFrame::Decline { id, call_id }).await.map(drop)
    }

    pub async fn leave(&mut self, call_id: Uuid) -> Result<(), SocketError> {
        self.request(|id| ClientFrame::Leave { id, call_id }).await.map(drop)
    }

    pub async fn end(&mut self, call_id: Uuid) -> Result<(), SocketError> {
        self.request(|id| ClientFrame::End { id, call_id }).await.map(drop)
    }

    pub async fn ring_again(&mut self, call_id: Uuid, contact_id: i64) -> Result<(), SocketError> {
        self.request(|id| ClientFrame::RingAgain { id, call_id, contact_id }).await.map(drop)
    }

    /// Says now what has been received, without waiting for the next ping.
    pub async fn ping(&mut self) -> Result<(), SocketError> {
        self.next_ping = Instant::now() + self.welcome.ping;
        let last_seq = self.last_seq;
        self.send(&ClientFrame::Ping { last_seq }).await
    }

    /// Says good-bye, as a page that is closed: the session is over. A seat is still held for the grace time.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        // Whether or not it comes to a good end, the connection is gone.
        let _ = self.stream.close(Some(frame)).await;
    }

    /// Resets the connection, as a network that breaks does. The session can be resumed.
    pub fn drop_abruptly(self) {
        if let Err(error) = self.stream.get_ref().set_zero_linger() {
            tracing::debug!(%error, "the connection is closed, not reset");
        }
    }

    /// The connection itself, to read slowly or write what no client writes.
    pub fn into_raw(self) -> WebSocketStream<TcpStream> {
        self.stream
    }

    async fn read(&mut self) -> Result<ServerMessage, SocketError> {
        loop {
            let silence = self.welcome.ping * 3;
            tokio::select! {
                message = self.stream.next() => {
                    self.last_heard = Instant::now();
                    if let Some(message) = self.take(message)? {
                        return Ok(message);
                    }
                }
                () = sleep_until(self.next_ping) => self.ping().await?,
                () = sleep_until(self.last_heard + silence) => return Err(SocketError::Silence(silence)),
            }
        }
    }

    fn take(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<ServerMessage>, SocketError> {
        let text = match text(message) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(SocketError::Closed { code, reason, .. }) => {
                return Err(SocketError::Closed { code, reason, refusal: self.refusal.take() });
            }
            Err(error) => return Err(error),
        };
        let (seq, message) = match read(&text)? {
            Read::Known(message) => (message.seq, Some(*message)),
            Read::Unknown(seq) => (seq, None),
        };
        if let Some(got) = seq {
            let last = std::mem::replace(&mut self.last_seq, got);
            if got != last + 1 {
                return Err(SocketError::Gap { last, got });
            }
        }
        if let Some(ServerMessage { frame: ServerFrame::Error { id: None, code, detail, pointer }, .. }) = &message {
            self.refusal = Some(Refusal { code: *code, detail: detail.clone(), pointer: pointer.clone() });
        }
        Ok(message)
    }
}

#[cfg(test)]
pub(crate) mod far;
#[cfg(test)]
mod tests;
