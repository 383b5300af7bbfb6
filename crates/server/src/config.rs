//! Configuration: a TOML file, then the environment (`FARHAND_CALLS__GRACE_SECONDS=20`), then flags. Every value has a
//! default that works. `docs/configuration.md` lists them all, written by `config_reference.rs`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use farhand_domain::policy::Policy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where HTTP and WebSocket are served.
    #[schema(value_type = String)]
    pub listen: SocketAddr,
    /// Where the database and all other files are kept.
    #[schema(value_type = String)]
    pub data_dir: PathBuf,
    /// Where people reach the server, such as `https://calls.example.com`. Turns on secure cookies when it is https.
    pub public_url: Option<String>,
    /// `postgres://user:password@host/database`; `SQLite` in the data directory when left out. With `?sslmode=require` behind it
    /// only over TLS; with `?sslmode=verify-full` the server's certificate must be for that host and come from a public
    /// authority, or from the one in the file `&sslrootcert=/path/to/ca.pem`.
    pub database_url: Option<String>,
    /// Other origins whose pages may use the API, such as `https://portal.example.com`.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[schema(value_type = Vec<String>)]
    pub trusted_proxies: Vec<IpAddr>,
    pub calls: CallConfig,
    pub login: LoginConfig,
    pub http: HttpConfig,
    pub tls: TlsConfig,
    pub media: MediaConfig,
    pub turn: TurnConfig,
    pub websocket: WebSocketConfig,
}

/// Times of a call, in seconds, and its size.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallConfig {
    /// How long a pop-up rings.
    pub popup_ring_seconds: u64,
    /// How long somebody is waited for who was called by mail or SMS.
    pub message_ring_seconds: u64,
    /// How long the creator is rung once the first invitee has joined.
    pub creator_ring_seconds: u64,
    /// How long a lost connection keeps its seat. Others read "reconnecting" meanwhile.
    pub seat_seconds: u64,
    /// How long a session can be resumed after its connection was lost, with everything it has missed.
    pub grace_seconds: u64,
    /// How long somebody may stay alone in a call after the others have gone.
    pub alone_seconds: u64,
    /// How long a call nobody came to stays open.
    pub open_seconds: u64,
    /// People in a call at the same time.
    pub max_participants: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoginConfig {
    /// Life of an access token, in seconds.
    pub access_seconds: u64,
    /// Life of a login that is not used, in seconds.
    pub refresh_seconds: u64,
    /// Wrong passwords for one account from one address before it has to wait.
    pub max_failures: u32,
    /// How long it has to wait, in seconds.
    pub lockout_seconds: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// How long a client may take for its first bytes, for the head of a request and for its body, and be idle between two, in seconds.
    pub patience_seconds: u64,
    /// Connections at once from one address (of IPv6: from one network, `/64`) to the port of `listen`: HTTP, WebSocket, media over TCP and the relay
    /// together; 0 for any number. A person has five or so, and many may share an address. Those of `trusted_proxies` are not counted:
    /// limit them there.
    pub connections_per_address: usize,
}

/// HTTPS on the port of `listen`. Whoever comes there with plain HTTP is sent to HTTPS.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate with its chain, PEM. Taken up when it is renewed.
    #[schema(value_type = Option<String>)]
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[schema(value_type = Option<String>)]
    pub key: Option<PathBuf>,
    /// Use a certificate of the server's own making, for a trial: browsers warn of it. It is kept in the data directory.
    pub self_signed: bool,
    pub acme: AcmeConfig,
}

/// A certificate that the server gets and renews by itself, proved on the port of `listen`, which must be 443 for the authority.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeConfig {
    /// The names it is for, such as `calls.example.com`; with any, nothing else is needed for HTTPS. Using it means that you agree to the
    /// authority's terms of service.
    pub domains: Vec<String>,
    /// Mail addresses at which the authority may reach you.
    pub contact: Vec<String>,
    /// The authority's directory.
    pub directory: String,
    /// The certificate by which the authority's own is known, PEM; only for an authority of your own.
    #[schema(value_type = Option<String>)]
    pub root: Option<PathBuf>,
}

impl Default for AcmeConfig {
    fn default() -> Self {
        let directory = "https://acme-v02.api.letsencrypt.org/directory".to_owned();
        Self { domains: Vec::new(), contact: Vec::new(), directory, root: None }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// UDP address of media (SFU) and STUN; by default the one of `listen`.
    #[schema(value_type = Option<String>)]
    pub listen: Option<SocketAddr>,
    /// The addresses at which clients reach it, such as `203.0.113.7` or `203.0.113.7:443`; by default the one that is listened on, or all of this machine.
    pub public: Vec<String>,
    /// Threads that forward media; 0 means as many as there are processors.
    pub workers: usize,
}

/// The relay on the port of `listen`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TurnConfig {
    /// Networks the relay may reach beside this server's own media, such as `10.1.0.0/16`. With any, two clients that find no direct path
    /// may be relayed to each other; whoever is in a call can send UDP to every address named here.
    pub peers: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketConfig {
    /// How often clients are asked to send `ping`, in seconds. Three missed ones end the connection.
    pub ping_seconds: u64,
    /// Open connections per user.
    pub max_sessions_per_user: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("./farhand-data"),
            public_url: None,
            database_url: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            calls: CallConfig::default(),
            login: LoginConfig::default(),
            http: HttpConfig::default(),
            tls: TlsConfig::default(),
            media: MediaConfig::default(),
            turn: TurnConfig::default(),
            websocket: WebSocketConfig::default(),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { patience_seconds: 75, connections_per_address: 4096 }
    }
}

impl Default for CallConfig {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            popup_ring_seconds: policy.popup_ring.as_secs(),
            message_ring_seconds: policy.message_ring.as_secs(),
            creator_ring_seconds: policy.creator_ring.as_secs(),
            seat_seconds: policy.seat.as_secs(),
            grace_seconds: policy.grace.as_secs(),
            alone_seconds: policy.alone.as_secs(),
            open_seconds: policy.open.as_secs(),
            max_participants: policy.max_participants,
        }
    }
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self { access_seconds: 900, refresh_seconds: 30 * 24 * 3600, max_failures: 10, lockout_seconds: 300 }
    }
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self { ping_seconds: 10, max_sessions_per_user: 20 }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads `file` (or only the environment) over the defaults.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let mut sources = config::Config::builder();
        if let Some(file) = file {
            sources = sources.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let environment = config::Environment::with_prefix("FARHAND")
            .prefix_separator("_")
            .separator("__")
            .list_separator(",")
            .with_list_parse_key("allowed_origins")
            .with_list_parse_key("trusted_proxies")
            .with_list_parse_key("media.public")
            .with_list_parse_key("turn.peers")
            .with_list_parse_key("tls.acme.domains")
            .with_list_parse_key("tls.acme.contact")
            .try_parsing(true)
            // What the tests and the log filter use is no setting.
            .source(Some(std::env::vars().filter(|(key, _)| !is_foreign(key)).collect()));
        let read: Self = sources
            .add_source(environment)
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|e| ConfigError(e.to_string()))?;
        read.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        let times = [
            ("calls.popup_ring_seconds", self.calls.popup_ring_seconds),
            ("calls.seat_seconds", self.calls.seat_seconds),
            ("calls.grace_seconds", self.calls.grace_seconds),
            ("login.access_seconds", self.login.access_seconds),
            ("websocket.ping_seconds", self.websocket.ping_seconds),
            ("http.patience_seconds", self.http.patience_seconds),
        ];
        if let Some((name, _)) = times.iter().find(|(_, seconds)| *seconds == 0) {
            return Err(ConfigError(format!("{name} must not be 0")));
        }
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            return Err(ConfigError(format!("public_url must start with https:// or http://, not {url:?}")));
        }
        if let Some(wrong) = self.allowed_origins.iter().find(|origin| !is_origin(origin)) {
            let like = "https://portal.example.com, without a path";
            return Err(ConfigError(format!("allowed_origins must be origins such as {like}, not {wrong:?}")));
        }
        Ok(self)
    }

    pub fn policy(&self) -> Policy {
        let seconds = Duration::from_secs;
        Policy {
            popup_ring: seconds(self.calls.popup_ring_seconds),
            message_ring: seconds(self.calls.message_ring_seconds),
            creator_ring: seconds(self.calls.creator_ring_seconds),
            seat: seconds(self.calls.seat_seconds),
            grace: seconds(self.calls.grace_seconds),
            alone: seconds(self.calls.alone_seconds),
            open: seconds(self.calls.open_seconds),
            max_participants: self.calls.max_participants,
        }
    }

    /// The store's address. `SQLite` lies in the data directory.
    pub fn store_url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data_dir.join("farhand.sqlite").display()))
    }

    pub fn secure_cookies(&self) -> bool {
        self.has_tls() || self.is_public_over_tls()
    }

    /// Whether clients reach the server within TLS, whoever ends it.
    pub fn is_public_over_tls(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Whether the server speaks HTTPS itself.
    pub fn has_tls(&self) -> bool {
        self.tls.certificate.is_some() || self.tls.self_signed || !self.tls.acme.domains.is_empty()
    }

    /// The host of `public_url`.
    pub fn public_host(&self) -> Option<String> {
        Some(self.public_authority()?.0)
    }

    /// The host of `public_url`, and its port if there is one in it.
    pub fn public_authority(&self) -> Option<(String, Option<u16>)> {
        let url: axum::http::Uri = self.public_url.as_deref()?.parse().ok()?;
        Some((url.host()?.to_owned(), url.port_u16()))
    }
}

/// As a browser writes it in the header `Origin`, which is compared letter by letter.
fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    authority.is_some_and(|host| !host.is_empty() && !host.contains(|c: char| "/?#@*".contains(c) || c.is_whitespace()))
}

fn is_foreign(key: &str) -> bool {
    key.starts_with("FARHAND_TEST_") || matches!(key, "FARHAND_LOG" | "FARHAND_CONFIG" | "FARHAND_PASSWORD")
}
