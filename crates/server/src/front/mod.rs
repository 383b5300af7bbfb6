//! The one TCP port. Takes connections, looks at their first bytes, and gives each to whom it is for: HTTP with WebSocket, media
//! that cannot go over UDP (ICE over TCP), or the relay (TURN); all of them within TLS as well.

mod acme;
mod first;
mod http;
mod limit;
mod tls;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    acme::{Challenges, Renewal},
    limit::Limit,
    tls::acceptor as tls_acceptor,
};
use self::{
    first::{Kind, Rewound},
    limit::Counted,
};
use crate::{media::Workers, turn::Turn};

/// What the kernel keeps for a client that does not read. By itself it grows to megabytes, for each of them.
const SEND_BUFFER: u32 = 256 * 1024;
/// Connections that wait to be accepted: everybody comes back at once after a restart.
const BACKLOG: u32 = 4096;
/// After an error that will not be better at once, such as no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again gets its port back at once.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What connections are given to.
#[derive(Clone)]
pub struct Front {
    pub router: Router,
    pub workers: Arc<Workers>,
    pub turn: Arc<Turn>,
    pub tls: Option<TlsAcceptor>,
    /// How long a client may take to say what it wants: its first bytes, and the head of each request.
    pub patience: Duration,
    pub limit: Arc<Limit>,
}

/// What of media may wait in the kernel for being sent at all: at 1 Mbit/s it is late by a quarter of a second.
const UNSENT_MEDIA: u32 = 32 * 1024;

/// Serves until `stopped` is done; then no new connections come, and those there are finish what they do.
pub async fn serve(listener: TcpListener, front: Front, stopped: impl Future<Output = ()>) {
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(counted) = front.limit.count(peer.ip()) else {
                    tracing::debug!(from = %peer.ip(), "too many connections of one address (http.connections_per_address)");
                    continue;
                };
                tasks.spawn(connection(stream, peer, counted, front.clone(), stopping.clone()));
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    stopping.cancel();
    tasks.close();
    tasks.wait().await;
}

/// A connection that was given up before it was accepted is the client's business; anything else is ours.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "no connection can be accepted");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Media that wait in the kernel for long come too late to be seen.
fn bound_unsent(kind: Kind, stream: &TcpStream) {
    if !matches!(kind, Kind::Media | Kind::Turn) {
        return;
    }
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_MEDIA) {
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT cannot be set");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, counted: Counted, front: Front, stopping: CancellationToken) {
    // Frames are small and each of them is waited for: none is held back to fill a packet (Nagle).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    let Some((kind, stream)) = sorted(stream, &front, &stopping).await else {
        return tracing::trace!("a connection said nothing");
    };
    bound_unsent(kind, stream.get_ref());
    let stream = stream.holding(counted);
    match kind {
        Kind::Http => {
            // Whoever speaks plain HTTP where there is HTTPS is told so.
            let router = if front.tls.is_some() { http::to_https() } else { front.router };
            http::serve(stream, peer, router, front.patience, stopping).await;
        }
        Kind::Tls => secure(stream, peer, front, stopping).await,
        Kind::Media => front.workers.serve_tcp(stream, peer, stopping).await,
        Kind::Turn => front.turn.serve_stream(stream, peer, stopping).await,
    }
}

async fn sorted<S>(stream: S, front: &Front, stopping: &CancellationToken) -> Option<(Kind, Rewound<S>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tokio::select! {
        sorted = timeout(front.patience, first::sort(stream)) => sorted.ok()?.ok(),
        () = stopping.cancelled() => None,
    }
}

async fn secure(stream: Rewound<TcpStream>, peer: SocketAddr, front: Front, stopping: CancellationToken) {
    let Some(tls) = &front.tls else { return };
    let shaken = tokio::select! {
        shaken = timeout(front.patience, tls.accept(stream)) => shaken,
        () = stopping.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => within(stream, peer, front, stopping).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
        Err(_) => tracing::trace!("a TLS handshake took too long"),
    }
}

/// What is spoken within TLS: agreed upon in the handshake (ALPN), or else told by the first bytes there.
async fn within(stream: TlsStream<Rewound<TcpStream>>, peer: SocketAddr, front: Front, stopping: CancellationToken) {
    match stream.get_ref().1.alpn_protocol() {
        Some(tls::HTTP) => return http::serve(stream, peer, front.router, front.patience, stopping).await,
        // It has seen all it wants to see.
        Some(tls::ACME) => return,
        Some(tls::TURN) => {
            bound_unsent(Kind::Turn, stream.get_ref().0.get_ref());
            return front.turn.serve_stream(stream, peer, stopping).await;
        }
        Some(_) | None => {}
    }
    let sorted = sorted(stream, &front, &stopping).await;
    if let Some((kind, stream)) = &sorted {
        bound_unsent(*kind, stream.get_ref().get_ref().0.get_ref());
    }
    match sorted {
        Some((Kind::Http, stream)) => http::serve(stream, peer, front.router, front.patience, stopping).await,
        Some((Kind::Media, stream)) => front.workers.serve_tcp(stream, peer, stopping).await,
        Some((Kind::Turn, stream)) => front.turn.serve_stream(stream, peer, stopping).await,
        Some((Kind::Tls, _)) | None => tracing::trace!("nothing of use was said within TLS"),
    }
}
