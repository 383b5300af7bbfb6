//! What a connection is for, told by its first bytes.

use std::io::{self, Cursor};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, join},
    net::TcpStream,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Http,
    /// A TLS handshake begins.
    Tls,
    /// STUN, DTLS and SRTP, each datagram with its length before it (RFC 4571, RFC 6544).
    Media,
}

/// Length, STUN's type and length, magic cookie.
const ENOUGH: usize = 10;
/// What of media may wait in the kernel for being sent at all: at 1 Mbit/s it is late by a quarter of a second.
const UNSENT_MEDIA: u32 = 32 * 1024;
/// The type of a TLS record (RFC 8446, section 5.1). As the first byte of a length it would mean a datagram of 5 KiB at least.
const TLS_HANDSHAKE: u8 = 0x16;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Reads until the bytes that have come tell. The stream it returns starts with them again.
pub async fn sort(mut stream: TcpStream) -> io::Result<(Kind, impl AsyncRead + AsyncWrite + Send + Unpin + 'static)> {
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
    if kind == Kind::Media {
        socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_MEDIA)?;
    }
    let (reader, writer) = stream.into_split();
    Ok((kind, join(Cursor::new(first).chain(reader), writer)))
}

/// `None`: it takes more bytes to tell.
pub fn told_by(first: &[u8]) -> Option<Kind> {
    match first {
        [TLS_HANDSHAKE, ..] => Some(Kind::Tls),
        // A STUN request is far shorter than 16 KiB, and no method of HTTP starts with a control character.
        [length, ..] if *length >= 0x20 => Some(Kind::Http),
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
        // HTTP says that it does not understand this.
        assert_eq!(told_by(&[0; ENOUGH]), Some(Kind::Http));
    }
}
