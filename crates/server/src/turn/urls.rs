//! Where clients are told the relay is. Over TCP only: what comes from the address of a TURN server over UDP a browser takes for that
//! server's, and the SFU is at the same address.

use crate::config::Config;

/// What is known of this server's addresses.
#[derive(Debug, Clone, Default)]
pub struct Urls {
    /// Whether this server speaks TLS itself.
    pub tls: bool,
    /// The port of `listen`.
    pub port: u16,
    /// Host and port of `public_url`.
    pub public: Option<(String, Option<u16>)>,
    /// Whether `public_url` is https: then something before this server may end TLS and pass on what is within.
    pub public_tls: bool,
}

impl Urls {
    /// `port`: the one that is listened on.
    pub fn of_server(config: &Config, port: u16) -> Self {
        let (tls, public_tls) = (config.has_tls(), config.is_public_over_tls());
        Self { tls, port, public: config.public_authority(), public_tls }
    }

    /// For a client that reached the server under `host` (a `Host` header).
    pub fn of(&self, host: Option<&str>) -> Vec<String> {
        let name = match (&self.public, host) {
            (Some((public, _)), _) => public,
            (None, Some(host)) => without_port(host),
            (None, None) => "127.0.0.1",
        };
        let public_port = self.public.as_ref().map(|(_, port)| port.unwrap_or(443));
        let secure = match public_port {
            Some(port) if self.tls || self.public_tls => Some(port),
            _ => self.tls.then_some(self.port),
        };
        // Where something else ends TLS, this server's own port is another than that of the public address.
        let plain = secure.filter(|_| self.tls).unwrap_or(self.port);
        // TLS first: it goes through where only TLS does.
        let secure = secure.map(|port| format!("turns:{name}:{port}?transport=tcp"));
        secure.into_iter().chain([format!("turn:{name}:{plain}?transport=tcp")]).collect()
    }
}

/// `[::1]:8080` → `[::1]`, `host:80` → `host`.
pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_the_host_they_reached_and_the_one_port() {
        let plain = Urls { port: 8080, ..Urls::default() };
        assert_eq!(plain.of(Some("calls.example.com:9")), ["turn:calls.example.com:8080?transport=tcp"]);
        assert_eq!(plain.of(Some("[::1]")), ["turn:[::1]:8080?transport=tcp"]);
        let tls = Urls { tls: true, ..plain };
        let both = ["turns:localhost:8080?transport=tcp", "turn:localhost:8080?transport=tcp"];
        assert_eq!(tls.of(Some("localhost:8080")), both);
    }

    #[test]
    fn a_public_address_is_told_to_everybody_with_the_port_that_is_seen_from_outside() {
        let public = Some(("calls.example.com".to_owned(), None));
        let direct = Urls { tls: true, port: 8443, public, public_tls: true };
        let told = ["turns:calls.example.com:443?transport=tcp", "turn:calls.example.com:443?transport=tcp"];
        assert_eq!(direct.of(Some("10.0.0.1")), told);
    }

    #[test]
    fn behind_something_that_ends_tls_the_relay_is_there_too_and_in_the_clear_on_its_own_port() {
        let public = Some(("calls.example.com".to_owned(), None));
        let proxied = Urls { port: 8080, public, public_tls: true, ..Urls::default() };
        let told = ["turns:calls.example.com:443?transport=tcp", "turn:calls.example.com:8080?transport=tcp"];
        assert_eq!(proxied.of(Some("10.0.0.1")), told);
        let plain = Urls { public_tls: false, ..proxied };
        assert_eq!(plain.of(Some("10.0.0.1")), ["turn:calls.example.com:8080?transport=tcp"]);
    }
}
