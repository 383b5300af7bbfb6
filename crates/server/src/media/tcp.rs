//! Media over TCP, for networks that let nothing else through (ICE over TCP, RFC 6544): datagrams with their length before them
//! (RFC 4571). A connection belongs to the worker its first STUN request names; nothing is kept for one that names none.

use std::{net::SocketAddr, time::Duration};

use farhand_sfu::{Place, Protocol};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    worker::{Command, Datagram, Handle},
    workers::Workers,
};

/// Datagrams that may wait for a connection: a quarter of a second of 2 Mbit/s. What comes then is lost, as on any full link; kept
/// longer, it would come too late to be seen.
const QUEUE: usize = 64;
/// Larger than any datagram of an MTU of 1,500.
const DATAGRAM: usize = 2048;
/// A participant says something at least every few seconds (ICE consent, RFC 7675); whoever does not has gone.
const SILENCE: Duration = Duration::from_secs(30);

impl Workers {
    /// Passes datagrams on in both directions until either end has gone.
    pub async fn serve_tcp<S>(&self, stream: S, peer: SocketAddr, stopping: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let mut reader = BufReader::new(reader);
        let Ok(Some(first)) = timeout(SILENCE, read(&mut reader)).await else { return };
        let Some(worker) = Place::of_stun(&first).and_then(|place| self.handle(place.worker)) else { return };
        let (outgoing, datagrams) = mpsc::channel(QUEUE);
        worker.send(Command::LinkOpened { protocol: Protocol::Tcp, source: peer, outgoing });
        worker.hand(Datagram { protocol: Protocol::Tcp, source: peer, contents: first });
        let writing = tokio::spawn(write_all(writer, datagrams));
        tokio::select! {
            () = read_all(reader, peer, worker) => {}
            () = stopping.cancelled() => {}
        }
        worker.send(Command::LinkClosed { protocol: Protocol::Tcp, source: peer });
        writing.abort();
    }
}

async fn read_all(mut reader: impl AsyncRead + Unpin, source: SocketAddr, worker: &Handle) {
    while let Ok(Some(contents)) = timeout(SILENCE, read(&mut reader)).await {
        worker.hand(Datagram { protocol: Protocol::Tcp, source, contents });
    }
}

/// The next datagram; none if the other end has gone or speaks something else.
async fn read(reader: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = usize::from(reader.read_u16().await.ok()?);
    if length > DATAGRAM {
        return None;
    }
    let mut contents = vec![0; length];
    reader.read_exact(&mut contents).await.ok()?;
    Some(contents)
}

/// Ends when the worker forgets the connection, or it breaks.
async fn write_all(writer: impl AsyncWrite + Unpin, mut datagrams: mpsc::Receiver<(SocketAddr, Vec<u8>)>) {
    let mut writer = BufWriter::new(writer);
    let mut waiting = Vec::with_capacity(QUEUE);
    while datagrams.recv_many(&mut waiting, QUEUE).await > 0 {
        for (_, contents) in waiting.drain(..) {
            let Ok(length) = u16::try_from(contents.len()) else { continue };
            if writer.write_u16(length).await.is_err() || writer.write_all(&contents).await.is_err() {
                return;
            }
        }
        if writer.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn datagrams_are_told_apart_by_their_lengths() {
        let (mut here, there) = tokio::io::duplex(4_096);
        let (outgoing, datagrams) = mpsc::channel(8);
        let writing = tokio::spawn(write_all(there, datagrams));
        for contents in [vec![1; 3], Vec::new(), vec![2; DATAGRAM]] {
            outgoing.send((SocketAddr::from(([192, 0, 2, 1], 9)), contents.clone())).await.unwrap();
            assert_eq!(read(&mut here).await, Some(contents));
        }
        drop(outgoing);
        writing.await.unwrap();
        assert_eq!(read(&mut here).await, None, "the other end has gone");
    }

    #[tokio::test]
    async fn what_is_too_long_or_cut_is_no_datagram() {
        let (mut here, mut there) = tokio::io::duplex(4_096);
        here.write_u16(u16::try_from(DATAGRAM + 1).unwrap()).await.unwrap();
        assert_eq!(read(&mut there).await, None);
        let (mut here, mut there) = tokio::io::duplex(4_096);
        here.write_all(&[0, 9, 1, 2, 3]).await.unwrap();
        drop(here);
        assert_eq!(read(&mut there).await, None);
    }
}
