//! Where clients are told the relay is. Over TCP only: what comes from the address of a TURN server over UDP a browser takes for that
//! server's, and the SFU is at the same address.

/// What is known of this server's addresses.
#[derive(Debug, Clone, Default)]
pub struct Urls {
    /// Whether this server speaks TLS itself.
    pub tls: bool,
    /// The port of `listen`.
    pub port: u16,
    /// Host and port of `public_url`.
    pub public: Option<(String, Option<u16>)>,
}

impl Urls {
    /// For a client that reached the server under `host` (a `Host` header).
    pub fn of(&self, host: Option<&str>) -> Vec<String> {
        let name = match (&self.public, host) {
            (Some((public, _)), _) => public,
            (None, Some(host)) => without_port(host),
            (None, None) => "127.0.0.1",
        };
        // Behind a proxy that ends TLS, this server's own port is another than that of the public address.
        let public_port = self.public.as_ref().filter(|_| self.tls).map(|(_, port)| port.unwrap_or(443));
        let port = public_port.unwrap_or(self.port);
        let plain = format!("turn:{name}:{port}?transport=tcp");
        // TLS first: it goes through where only TLS does.
        self.tls.then(|| format!("turns:{name}:{port}?transport=tcp")).into_iter().chain([plain]).collect()
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
        let direct = Urls { tls: true, port: 8443, public };
        let told = ["turns:calls.example.com:443?transport=tcp", "turn:calls.example.com:443?transport=tcp"];
        assert_eq!(direct.of(Some("10.0.0.1")), told);
        let proxied = Urls { tls: false, ..direct };
        assert_eq!(proxied.of(Some("10.0.0.1")), ["turn:calls.example.com:8443?transport=tcp"]);
    }
}
