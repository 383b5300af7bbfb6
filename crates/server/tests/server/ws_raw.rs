//! A WebSocket that sends what no client sends, and sees what every client hides.

use std::time::Duration;

use farhand_protocol::Problem;
use farhand_testkit::{Account, Device, Server, json};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::header::HeaderName, protocol::CloseFrame},
};
use uuid::Uuid;

/// Longer than the five seconds for a hello, and than a busy machine needs for anything.
pub const LONG: Duration = Duration::from_secs(20);

pub struct Raw(pub WebSocketStream<TcpStream>);

/// Why the server closed.
#[derive(Debug, PartialEq, Eq)]
pub struct GoodBye {
    pub code: Option<u16>,
    /// The code of the `error` before it.
    pub error: Option<String>,
}

impl GoodBye {
    pub fn new(code: u16, error: &str) -> Self {
        Self { code: Some(code), error: Some(error.to_owned()) }
    }
}

impl Raw {
    pub async fn open(server: &Server) -> Self {
        Self::upgrade(server, "/rtc/ws", &[]).await.unwrap()
    }

    /// Opens a connection with these headers, or answers how that was refused.
    pub async fn upgrade(server: &Server, path: &str, headers: &[(&str, &str)]) -> Result<Self, Box<Problem>> {
        let tcp = TcpStream::connect(server.address()).await.unwrap();
        let mut request = format!("ws://{}{path}", server.address()).into_client_request().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        match client_async(request, tcp).await {
            Ok((stream, answer)) => {
                assert!(!answer.headers().contains_key("sec-websocket-extensions"), "compression is a way to swamp us");
                Ok(Self(stream))
            }
            Err(tungstenite::Error::Http(answer)) => {
                let problem: Problem = serde_json::from_slice(answer.body().as_ref().unwrap()).unwrap();
                assert_eq!(problem.status, answer.status().as_u16());
                Err(Box::new(problem))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a session: the connection and what `welcome` said.
    pub async fn welcomed(server: &Server, account: &Account) -> (Self, Value) {
        let mut raw = Self::open(server).await;
        raw.say(hello(account)).await;
        let welcome = raw.frame("welcome").await;
        (raw, welcome)
    }

    pub async fn say(&mut self, frame: Value) {
        self.say_text(frame.to_string()).await;
    }

    pub async fn say_text(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    /// The next frame of a type; others are dropped.
    pub async fn frame(&mut self, kind: &str) -> Value {
        let found = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        if frame["type"] == kind {
                            return frame;
                        }
                        assert_ne!(frame["type"], "error", "waiting for {kind}: {frame}");
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("waiting for {kind}: {other:?}"),
                }
            }
        };
        timeout(LONG, found).await.unwrap_or_else(|_| panic!("no {kind}"))
    }

    /// Reads until the server has closed.
    pub async fn good_bye(&mut self) -> GoodBye {
        let mut error = None;
        let closed = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        if frame["type"] == "error" {
                            assert_eq!((frame.get("seq"), frame.get("id")), (None, None), "{frame}");
                            error = frame["code"].as_str().map(str::to_owned);
                        }
                    }
                    Some(Ok(Message::Close(Some(close)))) => return Some(u16::from(close.code)),
                    Some(Ok(Message::Close(None)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        };
        let code = timeout(LONG, closed).await.unwrap_or_else(|_| panic!("the server does not close"));
        GoodBye { code, error }
    }

    /// Whether the connection still works.
    pub async fn lives(&mut self) {
        self.say(json!({"type": "ping", "lastSeq": 0})).await;
        self.frame("pong").await;
    }
}

/// Ends a device's session in good order, as a page that is closed does (1001).
pub async fn close(device: Device, code: u16) {
    let mut stream = device.into_socket().into_raw();
    stream.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await.unwrap();
    // To the end: a connection that is dropped with something unread in it is reset.
    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
    timeout(LONG, rest).await.unwrap();
}

pub fn hello(account: &Account) -> Value {
    hello_of(account, account.hello().device_id)
}

pub fn hello_of(account: &Account, device: Uuid) -> Value {
    json!({"type": "hello", "protocol": 1, "deviceId": device, "accessToken": account.token})
}
