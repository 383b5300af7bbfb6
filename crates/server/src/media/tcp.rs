//! Media over TCP, for networks that let nothing else through (ICE over TCP, RFC 6544): datagrams with their length before them
//! (RFC 4571). A connection belongs to the worker its first STUN request names; nothing is kept for one that names none.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use farhand_sfu::{Place, Protocol};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    framing::read,
    worker::{Command, Datagram, Handle, LinkEnd},
    workers::Workers,
};

/// Datagrams that may wait for a connection: a quarter of a second of 2 Mbit/s. What comes then is lost, as on any full link; kept
/// longer, it would come too late to be seen.
const QUEUE: usize = 64;
/// Datagrams of one connection that may wait for the worker. More wait in the kernel, so that nobody fills the queue of all.
const IN_FLIGHT: usize = 64;
/// A participant says something at least every few seconds (ICE consent, RFC 7675); whoever does not has gone.
const SILENCE: Duration = Duration::from_secs(30);
/// So long, and so many datagrams, a connection may take to prove whose it is: ICE takes a round trip.
const PROOF: Duration = Duration::from_secs(5);
const PROOF_DATAGRAMS: usize = 20;

impl Workers {
    /// Passes datagrams on in both directions until either end has gone.
    pub async fn serve_tcp<S>(&self, stream: S, peer: SocketAddr, stopping: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let mut reader = BufReader::new(reader);
        let Ok(Some(first)) = timeout(PROOF, read(&mut reader)).await else { return };
        let Some(worker) = Place::of_stun(&first).and_then(|place| self.handle(place.worker)) else { return };
        let (outgoing, datagrams) = mpsc::channel(QUEUE);
        let (proved, is_proved) = watch::channel(false);
        let end = LinkEnd { outgoing, proved };
        if !worker.send(Command::LinkOpened { protocol: Protocol::Tcp, source: peer, end }) {
            return;
        }
        worker.hand_unproved(Datagram { protocol: Protocol::Tcp, source: peer, contents: first, permit: None });
        let writing = tokio::spawn(write_all(writer, datagrams));
        tokio::select! {
            () = read_all(reader, peer, worker, is_proved.clone()) => {}
            () = given_up(is_proved) => {}
            () = stopping.cancelled() => {}
        }
        worker.send(Command::LinkClosed { protocol: Protocol::Tcp, source: peer });
        writing.abort();
    }
}

async fn read_all(
    mut reader: impl AsyncRead + Unpin,
    source: SocketAddr,
    worker: &Handle,
    is_proved: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut unproved = 0;
    while let Ok(Some(contents)) = timeout(SILENCE, read(&mut reader)).await {
        let Ok(permit) = places.clone().acquire_owned().await else { return };
        let datagram = Datagram { protocol: Protocol::Tcp, source, contents, permit: Some(permit) };
        if *is_proved.borrow() {
            worker.hand(datagram);
            worker.wake();
        } else if unproved < PROOF_DATAGRAMS {
            unproved += 1;
            worker.hand_unproved(datagram);
        } else {
            return;
        }
    }
}

/// Ends when nothing was proved in time, or the worker has forgotten the connection.
async fn given_up(mut is_proved: watch::Receiver<bool>) {
    let in_time = timeout(PROOF, is_proved.wait_for(|proved| *proved)).await.is_ok_and(|proved| proved.is_ok());
    while in_time && is_proved.changed().await.is_ok() {}
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
        for contents in [vec![1; 12], vec![2; 2_048]] {
            outgoing.send((SocketAddr::from(([192, 0, 2, 1], 9)), contents.clone())).await.unwrap();
            assert_eq!(read(&mut here).await, Some(contents));
        }
        drop(outgoing);
        writing.await.unwrap();
        assert_eq!(read(&mut here).await, None, "the other end has gone");
    }
}
