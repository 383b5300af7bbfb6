//! Configuration: a TOML file, then the environment (`FARHAND_CALLS__GRACE_SECONDS=20`), then flags. Every value has a
//! default that works. `docs/configuration.md` lists them all, written by `config_reference.rs`. Each table is in a file of its own.

mod calls;
mod http;
mod login;
mod mail;
mod media;
mod outward;
mod push;
mod requests;
mod sms;
mod tls;
mod turn;
mod websocket;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    calls::CallConfig,
    http::HttpConfig,
    login::LoginConfig,
    mail::MailConfig,
    media::MediaConfig,
    outward::OutwardConfig,
    push::PushConfig,
    requests::RequestConfig,
    sms::SmsConfig,
    tls::{AcmeConfig, TlsConfig},
    turn::TurnConfig,
    websocket::WebSocketConfig,
};

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
    /// Sends e-mail: `smtp://user:password@host:587?starttls=required`, or `smtps://…` for a server that speaks TLS at once. `starttls` is
    /// `required` (the default with a password or at port 587), `opportunistic` (otherwise) or `never` (for a server on this machine).
    pub mail_url: Option<String>,
    /// Sends text messages through a gateway: the address it is asked at, in which `{to}` and `{text}` are filled in, and `{from}`, `{id}`,
    /// `{report}` and `{coding}` (0, or 2 where the text needs UCS-2) if they are there; for Kannel it is enough to write
    /// `http://host:13013/cgi-bin/sendsms?username=…&password=…&to={to}&text={text}`. For Twilio, or whoever speaks like it:
    /// `twilio://SID:token@api.twilio.com?from=+49…`.
    pub sms_url: Option<String>,
    /// Other origins whose pages may use the API, such as `https://portal.example.com`.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[schema(value_type = Vec<String>)]
    pub trusted_proxies: Vec<IpAddr>,
    pub calls: CallConfig,
    pub login: LoginConfig,
    pub mail: MailConfig,
    pub http: HttpConfig,
    pub tls: TlsConfig,
    pub media: MediaConfig,
    pub outward: OutwardConfig,
    pub push: PushConfig,
    pub requests: RequestConfig,
    pub sms: SmsConfig,
    pub turn: TurnConfig,
    pub websocket: WebSocketConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("./farhand-data"),
            public_url: None,
            database_url: None,
            mail_url: None,
            sms_url: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            calls: CallConfig::default(),
            login: LoginConfig::default(),
            mail: MailConfig::default(),
            http: HttpConfig::default(),
            tls: TlsConfig::default(),
            media: MediaConfig::default(),
            outward: OutwardConfig::default(),
            push: PushConfig::default(),
            requests: RequestConfig::default(),
            sms: SmsConfig::default(),
            turn: TurnConfig::default(),
            websocket: WebSocketConfig::default(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads `file` (or only the environment) over the defaults.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        // What the tests and the log filter use is no setting.
        Self::read(file, std::env::vars().filter(|(key, _)| !is_foreign(key)).collect())
    }

    fn read(file: Option<&std::path::Path>, variables: HashMap<String, String>) -> Result<Self, ConfigError> {
        let mut sources = config::Config::builder();
        if let Some(file) = file {
            sources = sources.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let texts = sms::texts(&variables);
        let environment = config::Environment::with_prefix("FARHAND")
            .prefix_separator("_")
            .separator("__")
            .list_separator(",")
            .with_list_parse_key("allowed_origins")
            .with_list_parse_key("trusted_proxies")
            .with_list_parse_key("media.public")
            .with_list_parse_key("outward.allow")
            .with_list_parse_key("push.hosts")
            .with_list_parse_key("sms.headers")
            .with_list_parse_key("turn.peers")
            .with_list_parse_key("tls.acme.domains")
            .with_list_parse_key("tls.acme.contact")
            .try_parsing(true)
            .source(Some(variables));
        sources = sources.add_source(environment);
        for (name, text) in texts {
            sources = sources.set_override(name, text).map_err(|e| ConfigError(e.to_string()))?;
        }
        let read: Self =
            sources.build().and_then(config::Config::try_deserialize).map_err(|e| ConfigError(e.to_string()))?;
        read.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        let times = [
            ("calls.popup_ring_seconds", self.calls.popup_ring_seconds),
            ("calls.seat_seconds", self.calls.seat_seconds),
            ("calls.grace_seconds", self.calls.grace_seconds),
            ("calls.guest_link_hours", self.calls.guest_link_hours.into()),
            ("login.access_seconds", self.login.access_seconds),
            ("websocket.ping_seconds", self.websocket.ping_seconds),
            ("http.patience_seconds", self.http.patience_seconds),
            ("mail.connections", self.mail.connections.into()),
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

    /// What links begin with; `address`: where the server listens.
    pub fn base_url(&self, address: SocketAddr) -> String {
        let scheme = if self.has_tls() { "https" } else { "http" };
        let url = self.public_url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        url.unwrap_or_else(|| format!("{scheme}://{address}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_the_environment_stays_one_though_it_looks_like_a_number() {
        let variables = [
            ("FARHAND_SMS__FROM", "+49123456"),
            ("FARHAND_SMS__DELIVERED", "1"),
            ("FARHAND_SMS__FAILED", "2,016"),
            ("FARHAND_CALLS__GRACE_SECONDS", "20"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::read(None, variables.into()).unwrap();
        assert_eq!(config.sms.from.as_deref(), Some("+49123456"));
        assert_eq!(
            (config.sms.delivered, config.sms.failed),
            (vec!["1".to_owned()], vec!["2".to_owned(), "016".to_owned()])
        );
        assert_eq!(config.calls.grace_seconds, 20);
    }
}
