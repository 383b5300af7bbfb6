//! The connection below a session: the upgrade, hello and welcome, text messages.

use std::time::Duration;

use farhand_protocol::{
    PROTOCOL_VERSION,
    frame::{ClientFrame, ServerFrame},
};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

use super::{
    ANSWER_LIMIT, Hello, Refusal, SocketError, Welcome,
    frames::{Read, read},
};

/// Small, so that thousands of sockets fit into memory; a frame that is larger makes the buffer grow.
const BUFFER: usize = 4 * 1024;
/// A `call` with 500 people and a `presence` of a large domain are well below.
const MAX_FRAME: usize = 1024 * 1024;

pub(super) fn hello_frame(hello: &Hello) -> ClientFrame {
    ClientFrame::Hello {
        protocol: PROTOCOL_VERSION,
        access_token: hello.token.as_ref().map(|token| token.secret().to_owned()),
        device_id: hello.device_id,
        resume: hello.resume.clone(),
    }
}

/// Upgrades a connection, without saying hello. For `receive_buffer` see [`Hello`].
pub async fn open(base_url: &str, receive_buffer: Option<u32>) -> Result<WebSocketStream<TcpStream>, SocketError> {
    let address = base_url.trim_end_matches('/').strip_prefix("http://");
    let address = address.ok_or_else(|| SocketError::Address(base_url.to_owned()))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_frame_size(Some(MAX_FRAME))
        .max_message_size(Some(MAX_FRAME));
    let opening = async {
        let tcp = connect(address, receive_buffer).await.map_err(SocketError::Connect)?;
        tcp.set_nodelay(true).map_err(SocketError::Connect)?;
        let (stream, _) = client_async_with_config(format!("ws://{address}/rtc/ws"), tcp, Some(config)).await?;
        Ok(stream)
    };
    timeout(ANSWER_LIMIT, opening).await.map_err(|_| SocketError::NoAnswer("connection"))?
}

/// The size of the receive buffer must be set before connecting.
async fn connect(address: &str, receive_buffer: Option<u32>) -> std::io::Result<TcpStream> {
    let mut failed = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        match socket.connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

pub(super) async fn send(stream: &mut WebSocketStream<TcpStream>, frame: &ClientFrame) -> Result<(), SocketError> {
    let text = serde_json::to_string(frame).map_err(|error| SocketError::Unreadable(error.to_string()))?;
    Ok(stream.send(Message::text(text)).await?)
}

pub(super) async fn welcome(stream: &mut WebSocketStream<TcpStream>) -> Result<Welcome, SocketError> {
    let mut refusal = None;
    loop {
        let text = match text(stream.next().await) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(SocketError::Closed { code, reason, .. }) => return Err(SocketError::Closed { code, reason, refusal }),
            Err(error) => return Err(error),
        };
        let Read::Known(message) = read(&text)? else { continue };
        #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is wrong here")]
        match message.frame {
            ServerFrame::Welcome { session_id, resumed, user, guest, ping_seconds, grace_seconds, .. } => {
                let [ping, grace] = [ping_seconds, grace_seconds].map(|seconds| Duration::from_secs(seconds.into()));
                return Ok(Welcome { session_id, resumed, user, guest, ping, grace });
            }
            ServerFrame::Error { code, detail, pointer, .. } => refusal = Some(Refusal { code, detail, pointer }),
            other => return Err(SocketError::Unreadable(format!("expected welcome, got {other:?}"))),
        }
    }
}

/// The text of a message that has one.
pub(super) fn text(message: Option<Result<Message, tungstenite::Error>>) -> Result<Option<String>, SocketError> {
    let closed = |code, reason| Err(SocketError::Closed { code, reason, refusal: None });
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
        Some(Ok(Message::Close(Some(frame)))) => closed(Some(frame.code.into()), frame.reason.as_str().to_owned()),
        Some(Ok(Message::Close(None))) | None => closed(None, "no reason".to_owned()),
        Some(Ok(Message::Binary(_))) => Err(SocketError::Unreadable("a binary message".to_owned())),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        Some(Err(error)) => Err(error.into()),
    }
}
