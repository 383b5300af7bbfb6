//! A WebSocket that gives the memory of large messages back. The library's buffers grow with the largest message and stay so: an SDP, or
//! the view of a large call, would be paid for as long as somebody is connected.

mod frames;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{Role, WebSocketConfig},
    },
};

use frames::Frames;

/// The largest frame from a client: an SDP of 64 KiB with room for what wraps it.
const MAX_FRAME: usize = 256 * 1024;
/// Read and write buffers of a connection. Most frames are small; a large one grows its buffer for a moment.
const BUFFER: usize = 2 * 1024;
/// Beyond this a message's memory is given back. New buffers cost less than what this keeps away from everybody.
const LARGE: usize = 4 * BUFFER;

pub struct WebSocket<S = TokioIo<Upgraded>> {
    /// There but for the moment in which it is replaced.
    stream: Option<WebSocketStream<Watched<S>>>,
    /// Messages the library has handed over.
    received: u64,
    /// Its buffers have grown.
    large: bool,
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(2 * MAX_FRAME + BUFFER)
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// The server's end, after the handshake.
    pub async fn new(stream: S) -> Self {
        let watched = Watched { stream, frames: Frames::default() };
        let stream = WebSocketStream::from_raw_socket(watched, Role::Server, Some(config())).await;
        Self { stream: Some(stream), received: 0, large: false }
    }

    /// The next message. Can be dropped and called again.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        let message = self.stream.as_mut()?.next().await;
        if let Some(Ok(message)) = &message {
            self.received += 1;
            self.large |= message.len() > LARGE;
        }
        message
    }

    /// Done once the message has left.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        let closes = message.is_close();
        self.large |= message.len() > LARGE;
        let Some(stream) = &mut self.stream else { return Err(Error::ConnectionClosed) };
        stream.send(message).await?;
        if self.large && !closes {
            self.shrink().await;
        }
        Ok(())
    }

    /// Puts new buffers in place of large ones. What was to be sent has been; if something has been read that is no whole message yet, or
    /// has not been handed over, it waits for the next time.
    async fn shrink(&mut self) {
        let received = self.received;
        let Some(stream) = self.stream.take_if(|stream| stream.get_ref().frames.end_with(received)) else { return };
        self.stream = Some(WebSocketStream::from_raw_socket(stream.into_inner(), Role::Server, Some(config())).await);
        self.large = false;
    }
}

/// Knows which frames have been read from it.
struct Watched<S> {
    stream: S,
    frames: Frames,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.frames.read(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, contents: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, contents)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    async fn pair() -> (WebSocket<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(4 * MAX_FRAME);
        (WebSocket::new(ours).await, WebSocketStream::from_raw_socket(theirs, Role::Client, None).await)
    }

    fn text(length: usize) -> Message {
        Message::text("x".repeat(length))
    }

    #[tokio::test]
    async fn after_a_large_message_either_way_the_buffers_are_new_and_nothing_is_lost() {
        let (mut ours, mut theirs) = pair().await;
        theirs.send(text(LARGE + 1)).await.unwrap();
        assert_eq!(ours.recv().await.unwrap().unwrap(), text(LARGE + 1));
        assert!(ours.large);
        ours.send(text(1)).await.unwrap();
        assert!(!ours.large);
        ours.send(text(LARGE + 1)).await.unwrap();
        assert!(!ours.large);
        theirs.send(text(2)).await.unwrap();
        assert_eq!(ours.recv().await.unwrap().unwrap(), text(2));
        assert_eq!(theirs.next().await.unwrap().unwrap(), text(1));
        assert_eq!(theirs.next().await.unwrap().unwrap(), text(LARGE + 1));
    }

    #[tokio::test]
    async fn what_has_been_read_already_is_waited_for() {
        let (mut ours, mut theirs) = pair().await;
        // Both are read at once.
        theirs.feed(text(100)).await.unwrap();
        theirs.send(text(200)).await.unwrap();
        assert_eq!(ours.recv().await.unwrap().unwrap(), text(100));
        ours.send(text(LARGE + 1)).await.unwrap();
        assert!(ours.large, "the second message is in the old buffer");
        assert_eq!(ours.recv().await.unwrap().unwrap(), text(200));
        ours.send(text(1)).await.unwrap();
        assert!(!ours.large);
    }
}
