//! The server: HTTP and WebSocket outside, the domain's calls inside, one database beneath. [`run`] is the product; the
//! binary only reads its command line.

pub mod admin;
mod app;
pub mod auth;
mod calls;
pub mod config;
mod config_reference;
mod directory;
mod events;
mod files;
mod front;
mod http;
mod jobs;
mod keys;
mod media;
mod network;
mod notify;
mod outward;
mod planned;
mod reach;
mod requests;
mod teams;
mod turn;
mod webhooks;
pub mod world;
mod ws;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use farhand_store::{Store, StoreError};
use tokio::net::TcpListener;

use app::{App, Links, Media};
use config::Config;
use front::{Challenges, Front, Limit, Renewal};
use keys::Keys;
use media::{Candidates, IceServers, Ports, Tests, Workers};
use notify::Notify;
use tokio_util::sync::CancellationToken;
use turn::{Holder, Scope, Turn, Urls};
use webhooks::Webhooks;
use world::SharedClock;
use ws::Hub;

pub use config_reference::reference as config_reference;
pub use http::{Fail, frames_document, openapi_document};
pub use teams::TeamSettings;

/// How long a stop waits for good-byes and running requests.
const STOP_WITHIN: Duration = Duration::from_secs(5);

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
    media: Ports,
}

impl Sockets {
    pub fn bind(config: &Config) -> Result<Self, RunError> {
        let http = front::listen(config.listen).map_err(|e| RunError::Listen(config.listen, e))?;
        let media = config.media.listen.unwrap_or(http.local_addr()?);
        let media = Ports::bind(media, media_workers(config)).map_err(|e| RunError::Listen(media, e))?;
        Ok(Self { http, media })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }
}

fn media_workers(config: &Config) -> usize {
    match config.media.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        chosen => chosen,
    }
}

/// Serves until `shutdown` is done, then stops cleanly.
pub async fn run(
    config: Config,
    sockets: Sockets,
    store: Arc<dyn Store>,
    clock: SharedClock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let challenges = Challenges::default();
    let tls = front::tls_acceptor(&config, challenges.clone()).map_err(RunError::Config)?;
    let renewal = Some(&config.tls.acme).filter(|acme| !acme.domains.is_empty()).cloned();
    let renewal = renewal.map(|acme| Renewal::new(acme, &config.data_dir, challenges, clock.clone()));
    let Sockets { http: listener, media: ports } = sockets;
    let address = ports.address()?;
    let udp = media::candidates(&config.media.public, address).map_err(RunError::Config)?;
    // Over TCP media come in where HTTP does.
    let port = listener.local_addr()?.port();
    let candidates = Candidates { tcp: udp.iter().map(|udp| SocketAddr::new(udp.ip(), port)).collect(), udp };
    let told = candidates.udp.first().filter(|_| !config.media.public.is_empty()).map(SocketAddr::to_string);
    let ice = IceServers::new(told, address.port());
    let (for_relay, inbox) = turn::door();
    let port = ports.sender()?;
    let workers = Arc::new(Workers::start(ports, &candidates, &for_relay)?);
    drop(for_relay);
    let hub = Arc::new(Hub::default());
    let urls = Urls::of_server(&config, listener.local_addr()?.port());
    let parts =
        turn::Parts { workers: workers.clone(), own: candidates.udp, bind: address.ip(), urls, clock: clock.clone() };
    let tests = Tests::default();
    let turn = Turn::new(&config, parts, served_by_relay(hub.clone(), tests.clone())).map_err(RunError::Config)?;
    let turn = Arc::new(turn);
    let relaying = CancellationToken::new();
    let relay = tokio::spawn(turn.clone().serve_datagrams(inbox, port, relaying.clone()));
    let media = Media { ice, workers: workers.clone(), turn: turn.clone(), tests };
    let base = config.base_url(listener.local_addr()?);
    let links = links(&config, base, &store, &clock).map_err(RunError::Config)?;
    let app = App::new(config, clock, store, hub, media, links).await.map_err(RunError::Start)?;
    let router = http::router(app.clone()).map_err(RunError::Config)?;
    let background = tokio::spawn(jobs::run(app.clone()));
    let sending = tokio::spawn(app.clone().send_messages());
    let renewing = renewal.map(|renewal| tokio::spawn(renewal.run()));
    tracing::info!(address = %listener.local_addr()?, "ready");
    let stopping = app.clone();
    let stopped = async move {
        shutdown.await;
        tracing::info!("stopping");
        stopping.stop();
        stopping.hub.close_all(ws::Close::ShuttingDown);
    };
    let front = Front {
        router,
        workers: workers.clone(),
        turn,
        tls,
        patience: Duration::from_secs(app.config.http.patience_seconds),
        limit: Arc::new(Limit::new(app.config.http.connections_per_address, app.config.trusted_proxies.clone())),
    };
    let served = front::serve(listener, front, stopped);
    let stopping = app.clone();
    let hurry = async move {
        stopping.stopped().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        () = served => {}
        () = hurry => tracing::warn!("some connections did not end in time"),
    }
    background.abort();
    let _ = tokio::time::timeout(STOP_WITHIN, sending).await;
    relay.abort();
    renewing.inspect(tokio::task::JoinHandle::abort);
    relaying.cancel();
    let _ = tokio::time::timeout(STOP_WITHIN, app.connections.all_closed()).await;
    workers.stop();
    app.store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// What proves links, and what sends them and other things.
fn links(config: &Config, base: String, store: &Arc<dyn Store>, clock: &SharedClock) -> Result<Links, String> {
    let keys = Arc::new(Keys::open(&config.data_dir)?);
    let notify = Arc::new(Notify::open(config, base, keys.clone(), store.clone())?);
    let webhooks = Arc::new(Webhooks::open(config, store.clone(), clock.clone(), keys.clone())?);
    Ok(Links { keys, notify, webhooks })
}

/// Whom the relay serves: those who sit in a call, those it rings, and those who test the way to it.
fn served_by_relay(hub: Arc<Hub>, tests: Tests) -> impl Fn(Holder) -> Option<Scope> {
    move |holder: Holder| {
        let room = || hub.rings(holder.contact, holder.call_id) || tests.has(holder);
        let networks = hub.is_seated(holder.contact, holder.call_id).then_some(Scope::Networks);
        networks.or_else(|| room().then_some(Scope::Room))
    }
}
