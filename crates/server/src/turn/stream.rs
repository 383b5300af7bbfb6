//! The relay over TCP and TLS: messages and channel data one after the other, each of which says its own length (RFC 8656, section 12.5).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Transport, Turn,
    client::Client,
    session::{Outgoing, QUEUE, Session},
};

/// Larger than a datagram of an MTU of 1,500 with what is put around it.
const MOST: usize = 2048;
/// Both a message's header and a channel's have the length in their second 16 bits.
const LENGTH: usize = 4;
const MESSAGE_HEADER: usize = 20;
/// For what is on its way when the session ends.
const GOODBYE: Duration = Duration::from_secs(1);

impl Turn {
    /// Relays for whoever is at the other end of the stream, until either has gone.
    pub async fn serve_stream<S>(self: &Arc<Self>, stream: S, peer: SocketAddr, stopping: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let (to_session, incoming) = mpsc::channel(QUEUE);
        let (outgoing, from_session) = mpsc::channel(QUEUE);
        let reading = tokio::spawn(read_all(BufReader::new(reader), to_session));
        let writing = tokio::spawn(write_all(BufWriter::new(writer), from_session));
        let client = Client::new(peer, Transport::Stream);
        let session = Session::new(self.clone(), client, Outgoing::Stream(outgoing), self.patience);
        session.run(incoming, stopping).await;
        reading.abort();
        let writing_ends = writing.abort_handle();
        let _ = timeout(GOODBYE, writing).await;
        writing_ends.abort();
    }
}

/// Ends when the other end has gone, speaks something else, or nobody listens any more.
async fn read_all(mut reader: impl AsyncRead + Unpin, session: mpsc::Sender<Vec<u8>>) {
    while let Some(datagram) = read(&mut reader).await {
        if session.send(datagram).await.is_err() {
            return;
        }
    }
}

async fn read(reader: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut datagram = vec![0; LENGTH];
    reader.read_exact(&mut datagram).await.ok()?;
    let length = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
    let whole = match datagram[0] {
        0x00..0x40 => MESSAGE_HEADER + length,
        // Filled up to a multiple of four.
        0x40..0x50 => LENGTH + length.next_multiple_of(4),
        _ => return None,
    };
    if whole > MOST {
        return None;
    }
    datagram.resize(whole, 0);
    reader.read_exact(&mut datagram[LENGTH..]).await.ok()?;
    Some(datagram)
}

/// Ends when the session has, or the connection breaks.
async fn write_all(mut writer: impl AsyncWrite + Unpin, mut session: mpsc::Receiver<Vec<u8>>) {
    let mut waiting = Vec::with_capacity(QUEUE);
    while session.recv_many(&mut waiting, QUEUE).await > 0 {
        for contents in waiting.drain(..) {
            if writer.write_all(&contents).await.is_err() {
                return;
            }
        }
        if writer.flush().await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_and_channel_data_are_told_apart_by_their_lengths() {
        let (mut here, mut there) = tokio::io::duplex(4_096);
        let message = [&[0x00, 0x03, 0x00, 0x04][..], &[7; MESSAGE_HEADER]].concat();
        let channel = [0x40, 0x01, 0x00, 0x05, 1, 2, 3, 4, 5, 0, 0, 0];
        here.write_all(&[&channel[..], &message, &channel].concat()).await.unwrap();
        drop(here);
        for expected in [&channel[..], &message, &channel] {
            assert_eq!(read(&mut there).await.unwrap(), expected);
        }
        assert_eq!(read(&mut there).await, None);
    }

    #[tokio::test]
    async fn what_is_too_long_cut_or_something_else_is_no_datagram() {
        for wrong in [&[0x00, 0x03, 0xff, 0xfc][..], &[0x40, 0x00, 0x08, 0x00], b"GET / HTTP/1.1", &[0x40, 0, 0, 9, 1]]
        {
            let (mut here, mut there) = tokio::io::duplex(4_096);
            here.write_all(wrong).await.unwrap();
            drop(here);
            assert_eq!(read(&mut there).await, None, "{wrong:?}");
        }
    }
}
