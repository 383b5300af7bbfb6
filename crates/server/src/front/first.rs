//! What a connection is for, told by its first bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Http,
    /// A TLS handshake begins.
    Tls,
    /// STUN, DTLS and SRTP, each datagram with its length before it (RFC 4571, RFC 6544).
    Media,
    /// STUN without a length before it.
    Turn,
}

/// Length, STUN's type and length, magic cookie.
const ENOUGH: usize = 10;
/// The type of a TLS record (RFC 8446, section 5.1). As the first byte of a length it would mean a datagram of 5 KiB at least.
const TLS_HANDSHAKE: u8 = 0x16;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Reads until the bytes that have come tell. The stream it returns starts with them again.
pub async fn sort<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<(Kind, Rewound<S>)> {
    let mut first = Vec::with_capacity(ENOUGH);
    let kind = loop {
        let missing = ENOUGH - first.len();
        if (&mut stream).take(missing as u64).read_buf(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(kind) = told_by(&first) {
            break kind;
        }
    };
    Ok((kind, Rewound { first, given: 0, stream, _held: None }))
}

/// A stream of which something was read, which comes again.
pub struct Rewound<S> {
    first: Vec<u8>,
    given: usize,
    stream: S,
    _held: Option<Box<dyn Send + Sync>>,
}

impl<S> Rewound<S> {
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Keeps something as long as the stream is there, whoever has it: a WebSocket is not with HTTP any more.
    pub fn holding(self, held: impl Send + Sync + 'static) -> Self {
        Self { _held: Some(Box::new(held)), ..self }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.first[self.given..];
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        self.given += length;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, contents: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, contents)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        contents: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, contents)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// `None`: it takes more bytes to tell.
pub fn told_by(first: &[u8]) -> Option<Kind> {
    match first {
        [TLS_HANDSHAKE, ..] => Some(Kind::Tls),
        // A STUN request is far shorter than 16 KiB, and no method of HTTP starts with a control character.
        [length, ..] if *length >= 0x20 => Some(Kind::Http),
        // A length before it would be of 8 KiB and more.
        [_, _, _, _, cookie @ ..] if cookie.starts_with(&MAGIC_COOKIE) => Some(Kind::Turn),
        [_, _, _, _, _, _, cookie @ ..] if cookie.len() >= MAGIC_COOKIE.len() => {
            Some(if cookie[..MAGIC_COOKIE.len()] == MAGIC_COOKIE { Kind::Media } else { Kind::Http })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_a_connection_is_for() {
        assert_eq!(told_by(b"G"), Some(Kind::Http));
        assert_eq!(told_by(b"POST /x"), Some(Kind::Http));
        assert_eq!(told_by(&[0x16]), Some(Kind::Tls));
        let stun = [0x00, 0x6c, 0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42];
        for length in 0..stun.len() {
            assert_eq!(told_by(&stun[..length]), None, "{length} bytes");
        }
        assert_eq!(told_by(&stun), Some(Kind::Media));
        let turn = [0x00, 0x03, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42];
        for length in 0..turn.len() {
            assert_eq!(told_by(&turn[..length]), None, "{length} bytes");
        }
        assert_eq!(told_by(&turn), Some(Kind::Turn));
        // HTTP says that it does not understand this.
        assert_eq!(told_by(&[0; ENOUGH]), Some(Kind::Http));
    }
}
