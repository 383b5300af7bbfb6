//! The server: HTTP and WebSocket outside, the domain's calls inside, one database beneath. [`run`] is the product; the
//! binary only reads its command line.

pub mod admin;
mod app;
pub mod auth;
mod calls;
pub mod config;
mod config_reference;
mod directory;
mod http;
mod jobs;
mod media;
pub mod world;
mod ws;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::ListenerExt;
use farhand_store::{Store, StoreError};
use tokio::net::{TcpListener, TcpSocket};

use app::App;
use config::Config;
use media::{IceServers, Stun};
use world::SharedClock;

pub use config_reference::reference as config_reference;
pub use http::{Fail, frames_document, openapi_document};

/// How long a stop waits for good-byes and running requests.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What the kernel keeps for a client that does not read. By itself it grows to megabytes, for each of them.
const SEND_BUFFER: u32 = 256 * 1024;
/// Connections that wait to be accepted: everybody comes back at once after a restart.
const BACKLOG: u32 = 4096;

/// Why the server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Config(String),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("cannot start: {0:?}")]
    Start(Fail),
}

/// The server's sockets. Bound before anything else, so that a taken port is told at once.
pub struct Sockets {
    http: TcpListener,
    stun: Stun,
}

impl Sockets {
    pub async fn bind(config: &Config) -> Result<Self, RunError> {
        let http = listen(config.listen).map_err(|e| RunError::Listen(config.listen, e))?;
        let stun = config.stun.listen.unwrap_or(http.local_addr()?);
        let stun = Stun::bind(stun).await.map_err(|e| RunError::Listen(stun, e))?;
        Ok(Self { http, stun })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again gets its port back at once.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `shutdown` is done, then stops cleanly.
pub async fn run(
    config: Config,
    sockets: Sockets,
    store: Arc<dyn Store>,
    clock: SharedClock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let Sockets { http: listener, stun } = sockets;
    let ice = IceServers::new(config.stun.public.clone(), stun.address()?);
    let app = App::new(config, clock, store, ice).await.map_err(RunError::Start)?;
    let router = http::router(app.clone()).map_err(RunError::Config)?;
    let background = [tokio::spawn(media::serve_stun(stun)), tokio::spawn(jobs::run(app.clone()))];
    tracing::info!(address = %listener.local_addr()?, "ready");
    let stopping = app.clone();
    let stopped = async move {
        shutdown.await;
        tracing::info!("stopping");
        stopping.stop();
        stopping.hub.close_all(ws::Close::ShuttingDown);
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // Frames are small and each of them is waited for: none is held back to fill a packet (Nagle).
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    let served = axum::serve(listener, service).with_graceful_shutdown(stopped);
    let stopping = app.clone();
    let hurry = async move {
        stopping.stopped().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        served = served => served?,
        () = hurry => tracing::warn!("some connections did not end in time"),
    }
    background.iter().for_each(tokio::task::JoinHandle::abort);
    let _ = tokio::time::timeout(STOP_WITHIN, app.connections.all_closed()).await;
    app.store.close().await;
    tracing::info!("stopped");
    Ok(())
}
