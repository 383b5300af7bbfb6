//! The relay (TURN, RFC 8656) on the server's one port, for networks that let nothing through but a connection to it. It reaches this
//! server's own SFU and nothing else, unless an administrator names networks.
//!
//! `client` is the protocol, without sockets and clocks; `session` carries the datagrams of one client, `stream` and `datagrams` are
//! how they come in: over TCP or TLS, and over UDP by the media workers' port.

mod allocation;
mod answer;
mod client;
mod credentials;
mod datagrams;
mod limits;
mod nonce;
mod peers;
mod relays;
mod session;
mod stream;
mod urls;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use farhand_protocol::call::IceServer;

pub use self::{
    client::is_for_relay,
    credentials::Holder,
    datagrams::{Door, door},
    urls::{Urls, without_port},
};
use self::{credentials::Credentials, limits::Quota, nonce::Nonces, peers::Peers, relays::Relays};
use crate::{config::Config, media::Workers, world::SharedClock};

/// How a client's datagrams come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One by one, over UDP.
    Datagrams,
    /// One after the other, over TCP or TLS.
    Stream,
}

/// Whom the relay reaches for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The one room of the SFU the credentials are for: the call rings, or it is a test.
    Room,
    /// The networks the administrator has named as well.
    Networks,
}

/// What the protocol decides by.
struct Ground {
    credentials: Credentials,
    nonces: Nonces,
    peers: Peers,
    quota: Arc<Quota>,
    relays: Relays,
    /// What the relay is good for to somebody, now: without anything, credentials are good for nothing.
    scope: Box<dyn Fn(Holder) -> Option<Scope> + Send + Sync>,
    clock: SharedClock,
}

pub struct Turn {
    ground: Ground,
    workers: Arc<Workers>,
    urls: Urls,
    /// How long a connection may take to show whose it is.
    patience: Duration,
}

/// What a relay is made of.
pub struct Parts {
    pub workers: Arc<Workers>,
    /// Where the SFU is.
    pub own: Vec<SocketAddr>,
    /// Where the sockets of relays to other networks are bound.
    pub bind: IpAddr,
    pub urls: Urls,
    pub clock: SharedClock,
}

impl Turn {
    pub fn new(
        config: &Config,
        parts: Parts,
        scope: impl Fn(Holder) -> Option<Scope> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let Parts { workers, own, bind, urls, clock } = parts;
        let ground = Ground {
            credentials: Credentials::open(&config.data_dir)?,
            nonces: Nonces::new(Instant::now()).map_err(|error| format!("no nonces for TURN: {error}"))?,
            peers: Peers::new(own, &config.turn.peers)?,
            quota: Arc::default(),
            relays: Relays::new(bind),
            scope: Box::new(scope),
            clock,
        };
        Ok(Self { ground, workers, urls, patience: Duration::from_secs(config.http.patience_seconds) })
    }

    /// For a client that reached the server under this host, as long as it has to do with the call.
    pub fn ice_server(&self, host: Option<&str>, holder: Holder) -> IceServer {
        let issued = self.ground.credentials.issue(self.ground.clock.now(), holder);
        let urls = self.urls.of(host);
        IceServer { urls, username: Some(issued.username), credential: Some(issued.password) }
    }

    /// Whether it is of use between two clients, too.
    pub fn reaches_others(&self) -> bool {
        self.ground.peers.beyond_the_sfu()
    }
}

#[cfg(test)]
mod tests;
