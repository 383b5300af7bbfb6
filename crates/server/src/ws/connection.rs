//! One connection's life: hello, welcome, then frames in both directions until it ends.

use std::{net::IpAddr, sync::Arc, time::Duration};

use farhand_domain::ids::DeviceId;
use farhand_protocol::{
    ErrorCode, PROTOCOL_VERSION, WireTime,
    frame::{ClientFrame, Resume, ServerFrame, ServerMessage},
    read,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes,
    error::CapacityError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    commands,
    session::{Close, Session},
    socket::WebSocket,
};
use crate::{
    app::App,
    auth::{Guest, Principal},
    calls::Ask,
    http::{Fail, Outcome, user_body},
    world::new_id,
};

/// From the upgrade to `hello`. Long enough for a slow link, short enough that idle sockets do not pile up.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// How long a frame may take to leave. A client that reads nothing fills the kernel's buffers and then this.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// Pings a client may miss.
const MISSED_PINGS: u32 = 3;

/// Why the connection ends.
enum End {
    /// The client said good-bye: its session ends with it.
    Left,
    /// It is gone without a word, and may resume.
    Lost,
    /// It has not been heard for too long, and may resume.
    Silent,
    Told(u16, ErrorCode, String),
}

impl From<Fail> for End {
    fn from(Fail(problem): Fail) -> Self {
        let close = match problem.code.status() {
            // Of a guest's link, which is good for nothing then.
            _ if matches!(problem.code, ErrorCode::CallEnded | ErrorCode::GuestsNotAllowed) => 4401,
            401 => 4401,
            403 => 4403,
            429 => 4429,
            400 => 4400,
            _ => 1011,
        };
        Self::Told(close, problem.code, problem.detail)
    }
}

/// What the upgrade request said.
pub struct Upgraded {
    pub cookie: Option<String>,
    pub host: Option<String>,
    pub from: IpAddr,
}

/// What is awaited only now and then is boxed: otherwise the task would keep room for it for as long as somebody is connected.
pub async fn serve(app: Arc<App>, mut socket: WebSocket, upgraded: Upgraded) {
    let _counted = app.connections.token();
    match Box::pin(hello(&app, &mut socket, upgraded)).await {
        Ok((session, connection, resumed)) => {
            let end = Connection { app: &app, socket: &mut socket, session: &session, connection }.run(resumed).await;
            let left = matches!(end, End::Left);
            Box::pin(finish(&mut socket, end)).await;
            Box::pin(app.sessions().disconnected(&session, connection, left)).await;
        }
        Err(end) => Box::pin(finish(&mut socket, end)).await,
    }
}

type Welcomed = (Arc<Session>, u64, bool);

/// Reads the first frame and finds or makes the session.
async fn hello(app: &Arc<App>, socket: &mut WebSocket, upgraded: Upgraded) -> Result<Welcomed, End> {
    let Upgraded { cookie, host, from } = upgraded;
    let required = || Fail::new(ErrorCode::HelloRequired, "The first frame must be hello, within five seconds.");
    let text = timeout(HELLO_WITHIN, first_text(socket)).await.map_err(|_| required())??;
    let ClientFrame::Hello { protocol, access_token, device_id, resume } = read_frame(&text)? else {
        return Err(required().into());
    };
    if protocol != PROTOCOL_VERSION {
        return Err(bad_frame(&format!("This server speaks protocol {PROTOCOL_VERSION}, not {protocol}.")));
    }
    let token = access_token.or(cookie);
    let token = token.ok_or_else(|| Fail::new(ErrorCode::Unauthenticated, "hello carries no accessToken."))?;
    let principal = app.principal(&token, from).await?;
    let device = DeviceId(device_id.as_u128());
    if let Some((session, connection)) = resume.and_then(|resume| resumed(app, &principal, device, &resume)) {
        return Ok((session, connection, true));
    }
    let (session, connection) = app.sessions().open(device, principal, host).await?;
    Ok((session, connection, false))
}

fn resumed(app: &App, principal: &Principal, device: DeviceId, resume: &Resume) -> Option<(Arc<Session>, u64)> {
    let session = app.hub.session(resume.session_id)?;
    // Of the same login or link: the session is to end with it.
    if !session.principal.is_same_as(principal) || session.device != device {
        return None;
    }
    let connection = session.connect(resume.last_seq)?;
    Some((session, connection))
}

async fn first_text(socket: &mut WebSocket) -> Result<Utf8Bytes, End> {
    loop {
        if let Some(text) = text_of(socket.recv().await)? {
            return Ok(text);
        }
    }
}

/// A message's text. Pings and pongs have none; they are answered below us.
fn text_of(message: Option<Result<Message, Error>>) -> Result<Option<Utf8Bytes>, End> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err(bad_frame("Frames are text, not binary.")),
        // 1000 and 1001 mean that the page was closed on purpose.
        Some(Ok(Message::Close(Some(CloseFrame { code: CloseCode::Normal | CloseCode::Away, .. })))) => Err(End::Left),
        Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
            Err(End::Told(1009, ErrorCode::BadFrame, "The frame is too large.".to_owned()))
        }
        Some(Ok(Message::Close(_) | Message::Frame(_)) | Err(_)) | None => Err(End::Lost),
    }
}

fn read_frame(text: &Utf8Bytes) -> Result<ClientFrame, End> {
    read::from_slice(text.as_bytes()).map_err(|problem| bad_frame(&problem.detail))
}

struct Connection<'a> {
    app: &'a Arc<App>,
    socket: &'a mut WebSocket,
    session: &'a Arc<Session>,
    connection: u64,
}

impl Connection<'_> {
    async fn run(mut self, resumed: bool) -> End {
        let mut presence = self.session.principal.login().map(|login| self.app.hub.subscribe(login.user.domain_id));
        if let Err(end) = Box::pin(self.begin(resumed)).await {
            return end;
        }
        let patience = Duration::from_secs(self.app.config.websocket.ping_seconds) * MISSED_PINGS;
        let mut silent_until = Instant::now() + patience;
        loop {
            if let Err(end) = self.flush().await {
                return end;
            }
            let step = tokio::select! {
                message = self.socket.recv() => {
                    silent_until = Instant::now() + patience;
                    Box::pin(self.received(message)).await
                }
                () = self.session.wake.notified() => Ok(()),
                batch = next(&mut presence) => self.presence(batch).await,
                () = sleep_until(silent_until) => Err(End::Silent),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn begin(&mut self, resumed: bool) -> Result<(), End> {
        let principal = &self.session.principal;
        let welcome = ServerFrame::Welcome {
            protocol: PROTOCOL_VERSION,
            session_id: self.session.id,
            resumed,
            user: principal.login().map(|login| user_body(&login.user)),
            guest: principal.guest().map(guest_body),
            server_time: WireTime(self.app.clock.now()),
            ping_seconds: u32::try_from(self.app.config.websocket.ping_seconds).unwrap_or(u32::MAX),
            grace_seconds: u32::try_from(self.app.config.calls.grace_seconds).unwrap_or(u32::MAX),
        };
        self.send_unnumbered(welcome).await?;
        self.app.sessions().connected(self.session, resumed).await;
        self.whole_presence().await
    }

    /// Guests are told of nobody but the people of their call.
    async fn whole_presence(&mut self) -> Result<(), End> {
        match self.session.principal.login() {
            Some(login) => self.send(self.app.hub.presence_of_domain(login.user.domain_id)).await,
            None => Ok(()),
        }
    }

    async fn received(&mut self, message: Option<Result<Message, Error>>) -> Result<(), End> {
        match text_of(message)? {
            Some(text) => self.frame(read_frame(&text)?).await,
            None => Ok(()),
        }
    }

    async fn frame(&mut self, frame: ClientFrame) -> Result<(), End> {
        match frame {
            ClientFrame::Ping { last_seq } => {
                self.session.acknowledge(last_seq);
                // Whoever has the pong has everything that was sent before it.
                self.flush().await?;
                self.send_unnumbered(ServerFrame::Pong {}).await
            }
            ClientFrame::Hello { .. } => Err(bad_frame("hello comes once, first.")),
            command @ (ClientFrame::CreateCall { .. }
            | ClientFrame::Join { .. }
            | ClientFrame::Decline { .. }
            | ClientFrame::Leave { .. }
            | ClientFrame::End { .. }
            | ClientFrame::ClaimServiceRequest { .. }
            | ClientFrame::RingAgain { .. }
            | ClientFrame::AdmitToCall { .. }
            | ClientFrame::RefuseFromCall { .. }
            | ClientFrame::Signal { .. }
            | ClientFrame::MediaOffer { .. }
            | ClientFrame::MediaViews { .. }
            | ClientFrame::MediaState { .. }
            | ClientFrame::MediaReport { .. }
            | ClientFrame::RingShown { .. }
            | ClientFrame::LinkOpened { .. }
            | ClientFrame::PathFailed { .. }) => {
                commands::carry_out(self.app, self.session, command).await;
                Ok(())
            }
        }
    }

    /// Sends what is queued.
    async fn flush(&mut self) -> Result<(), End> {
        loop {
            match self.session.next_unsent(self.connection) {
                Ok(Some(frame)) => self.send(frame).await?,
                Ok(None) => return Ok(()),
                Err(close) => return Err(told(close)),
            }
        }
    }

    async fn presence(&mut self, batch: Result<Utf8Bytes, RecvError>) -> Result<(), End> {
        match batch {
            Ok(frame) => self.send(frame).await,
            Err(broadcast::error::RecvError::Lagged(_)) => self.whole_presence().await,
            Err(broadcast::error::RecvError::Closed) => Err(End::Lost),
        }
    }

    async fn send_unnumbered(&mut self, frame: ServerFrame) -> Result<(), End> {
        let text = serde_json::to_string(&ServerMessage { seq: None, frame }).map_err(|_| End::Lost)?;
        self.send(text.into()).await
    }

    async fn send(&mut self, frame: Utf8Bytes) -> Result<(), End> {
        tokio::select! {
            sent = timeout(SEND_WITHIN, self.socket.send(Message::Text(frame))) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Lost),
                Err(_) => {
                    self.session.close(Close::SlowReader);
                    Err(told(Close::SlowReader))
                }
            },
            // A client that does not read must not keep its session alive by that.
            close = self.session.closed() => Err(told(close)),
        }
    }
}

type Presence = broadcast::Receiver<Utf8Bytes>;

async fn next(presence: &mut Option<Presence>) -> Result<Utf8Bytes, RecvError> {
    match presence {
        Some(presence) => presence.recv().await,
        None => std::future::pending().await,
    }
}

fn guest_body(guest: &Guest) -> farhand_protocol::guest::Guest {
    let Guest { contact, display_name, call_id, .. } = guest;
    farhand_protocol::guest::Guest { contact_id: contact.0, display_name: display_name.clone(), call_id: *call_id }
}

fn told(close: Close) -> End {
    let (code, error, detail) = close.codes();
    End::Told(code, error, detail.to_owned())
}

fn bad_frame(detail: &str) -> End {
    End::Told(4400, ErrorCode::BadFrame, detail.to_owned())
}

/// Tells the client why, if there is something to tell, and closes.
async fn finish(socket: &mut WebSocket, end: End) {
    let (code, reason, error) = match end {
        End::Left | End::Lost => return,
        End::Silent => (4408, "no_ping", None),
        End::Told(code, error, detail) => {
            tracing::debug!(code, %error, detail, "a connection is closed");
            let frame = ServerFrame::Error { id: None, code: error, detail, pointer: None };
            (code, error.as_str(), serde_json::to_string(&ServerMessage { seq: None, frame }).ok())
        }
    };
    let good_bye = async {
        if let Some(text) = error {
            socket.send(Message::Text(text.into())).await?;
        }
        socket.send(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))).await
    };
    // Whoever does not read its good-bye is not waited for.
    let _ = timeout(Duration::from_secs(1), good_bye).await;
}

/// What connections do to sessions, and sessions to calls.
pub struct Sessions<'a> {
    pub app: &'a Arc<App>,
}

impl Sessions<'_> {
    /// Makes a session. A device has one: an older one of it is a page that was reloaded, and is ended.
    async fn open(&self, device: DeviceId, principal: Principal, host: Option<String>) -> Outcome<(Arc<Session>, u64)> {
        let contact = self.app.calls.contact(&principal).await?;
        let session = Arc::new(Session::new(new_id(), contact, device, principal, host));
        // Connected before an older one of the device ends, so that the device is never thought lost.
        let connection = session.connect(0).ok_or_else(|| Fail::internal("a fresh session has no connection"))?;
        if !self.app.hub.add(&session, self.app.config.websocket.max_sessions_per_user) {
            let detail = "You have too many connections open. Close some.";
            return Err(Fail::new(ErrorCode::TooManySessions, detail));
        }
        Ok((session, connection))
    }

    /// Tells a new session how its calls stand; a resumed one has missed nothing, but its seats were lost.
    async fn connected(&self, session: &Arc<Session>, resumed: bool) {
        if resumed {
            for call_id in self.app.calls.awake_of(session.contact) {
                commands::ask_quietly(self.app, session, call_id, Ask::ConnectionBack { device: session.device }).await;
            }
            return;
        }
        for call_id in self.app.calls.show_sleeping(session).await {
            commands::ask_quietly(self.app, session, call_id, Ask::Attach(session.clone())).await;
        }
        self.app.show_queues(session).await;
    }

    async fn disconnected(&self, session: &Arc<Session>, connection: u64, left: bool) {
        if !session.disconnect(connection) {
            return;
        }
        if left {
            session.end_if_lost_since(connection);
        }
        if session.is_closed() {
            self.app.hub.remove(session);
        } else {
            self.end_after_grace(session.clone(), connection);
        }
        if self.app.is_stopping() || self.app.hub.is_device_connected(session.contact, session.device) {
            return;
        }
        for call_id in self.app.calls.awake_of(session.contact) {
            commands::ask_quietly(self.app, session, call_id, Ask::ConnectionLost { device: session.device }).await;
        }
    }

    fn end_after_grace(&self, session: Arc<Session>, connection: u64) {
        let app = self.app.clone();
        let grace = app.calls.policy().grace;
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            if session.end_if_lost_since(connection) {
                app.hub.remove(&session);
            }
        });
    }
}
