//! The ICE servers clients are told.

use farhand_protocol::call;

use crate::turn::without_port;

/// How long clients may use an answer. There is nothing secret in it that could run out.
const TTL_SECONDS: u32 = 3600;

pub struct IceServers {
    /// `address:port` from the configuration.
    public: Option<String>,
    port: u16,
}

impl IceServers {
    pub fn new(public: Option<String>, port: u16) -> Self {
        Self { public, port }
    }

    /// For a client that reached the server under `host` (a `Host` header).
    pub fn for_host(&self, host: &str) -> call::IceServers {
        let address = self.public.clone().unwrap_or_else(|| format!("{}:{}", without_port(host), self.port));
        let stun = call::IceServer { urls: vec![format!("stun:{address}")], username: None, credential: None };
        call::IceServers { ice_servers: vec![stun], ttl_seconds: TTL_SECONDS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_the_host_they_reached_and_the_stun_port() {
        let ice = IceServers::new(None, 3478);
        let url = |host: &str| ice.for_host(host).ice_servers[0].urls[0].clone();
        assert_eq!(url("calls.example.com:8443"), "stun:calls.example.com:3478");
        assert_eq!(url("calls.example.com"), "stun:calls.example.com:3478");
        assert_eq!(url("[::1]:8080"), "stun:[::1]:3478");
        assert_eq!(url("[::1]"), "stun:[::1]:3478");
        let public = IceServers::new(Some("203.0.113.7:1".to_owned()), 3478);
        assert_eq!(public.for_host("x").ice_servers[0].urls, ["stun:203.0.113.7:1"]);
    }
}
