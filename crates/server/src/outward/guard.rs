//! Which addresses a URL may lead to. A name is resolved once, all it stands for is looked at, and only that is connected to: a name that
//! stands for something else a moment later gains nothing.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use ipnet::IpNet;
use url::{Host, Url};

/// Blocks that are not ordinary addresses on the internet: this machine and link (where clouds answer for their metadata), private
/// networks, those of carriers, documentation, benchmarks, everybody, the future. RFC 6890 and its registry.
const SPECIAL_V4: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// All of IPv6 that is given out. What is written in another way (mapped IPv4, `64:ff9b::/96`) lies outside of it.
const GIVEN_OUT_V6: &str = "2000::/3";

/// Within that: tunnels that hide another address (Teredo, 6to4), documentation.
const SPECIAL_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// What a name stands for.
#[async_trait]
pub trait Resolve: Send + Sync {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    }
}

/// Looks at a URL before it is connected to.
pub struct Guard {
    resolver: Arc<dyn Resolve>,
    /// `None`: whatever the administrator has written.
    special: Option<Special>,
}

struct Special {
    v4: Vec<IpNet>,
    v6: Vec<IpNet>,
    allowed: Vec<IpNet>,
}

impl Guard {
    /// For URLs out of the configuration.
    pub fn of_administrator() -> Self {
        Self { resolver: Arc::new(System), special: None }
    }

    /// For URLs that others can set. `allowed` are networks they may reach beside the internet.
    pub fn of_others(allowed: &[String]) -> Result<Self, String> {
        let allowed = allowed.iter().map(|text| network(text).ok_or_else(|| wrong(text))).collect::<Result<_, _>>()?;
        let known = |texts: &[&str]| texts.iter().filter_map(|text| network(text)).collect();
        let special = Special { v4: known(&SPECIAL_V4), v6: known(&SPECIAL_V6), allowed };
        Ok(Self { resolver: Arc::new(System), special: Some(special) })
    }

    /// Where to connect to, or why not.
    pub async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{} is neither http nor https", url.scheme()));
        }
        if self.special.is_some() && (!url.username().is_empty() || url.password().is_some()) {
            return Err("a URL with a password is not followed".to_owned());
        }
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or("it has no port")?;
        let all = match url.host().ok_or("it names no host")? {
            Host::Ipv4(ip) => vec![SocketAddr::from((ip, port))],
            Host::Ipv6(ip) => vec![SocketAddr::from((ip, port))],
            Host::Domain(name) => {
                let found = self.resolver.resolve(name, port).await;
                found.map_err(|error| format!("{name} is not to be found: {error}"))?
            }
        };
        if all.is_empty() {
            return Err("its host has no address".to_owned());
        }
        // One inside is enough: whoever looks for a way in would add an innocent one. Which one is not said: whoever may set an address
        // must not learn by it where things are in here.
        if all.iter().all(|address| self.permits(address.ip())) {
            Ok(all)
        } else {
            Err(format!("{} does not lead to the internet", url.host_str().unwrap_or_default()))
        }
    }

    /// Whether it names an address in a network that the administrator has allowed beside the internet.
    pub fn allows_beside(&self, url: &Url) -> bool {
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::from(ip),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip),
            Some(Host::Domain(_)) | None => return false,
        };
        let allowed = self.special.iter().flat_map(|special| &special.allowed);
        allowed.into_iter().any(|network| network.contains(&ip))
    }

    fn permits(&self, ip: IpAddr) -> bool {
        self.special.as_ref().is_none_or(|special| special.permits(ip))
    }
}

impl Special {
    fn permits(&self, ip: IpAddr) -> bool {
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&ip));
        let ordinary = match ip {
            IpAddr::V4(_) => !within(&self.v4),
            IpAddr::V6(ip) => is_given_out(ip) && !within(&self.v6),
        };
        ordinary || within(&self.allowed)
    }
}

fn is_given_out(ip: Ipv6Addr) -> bool {
    network(GIVEN_OUT_V6).is_some_and(|all| all.contains(&IpAddr::V6(ip)))
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn wrong(text: &str) -> String {
    format!("outward.allow: \"{text}\" is no network such as 10.1.0.0/16")
}

#[cfg(test)]
pub mod tests {
    use std::{collections::VecDeque, sync::Mutex};

    use super::*;

    /// Answers each time as it was told to, and then no more.
    pub struct Scripted(Mutex<VecDeque<Vec<SocketAddr>>>);

    #[async_trait]
    impl Resolve for Scripted {
        async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            self.0.lock().unwrap().pop_front().ok_or_else(|| io::Error::other("asked too often"))
        }
    }

    /// A guard whose resolver answers so, one list after the other.
    pub fn scripted(allowed: &[&str], answers: &[&[&str]]) -> Guard {
        let list = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        let resolver = Scripted(Mutex::new(answers.iter().map(list).collect()));
        Guard { resolver: Arc::new(resolver), ..others(allowed) }
    }

    fn others(allowed: &[&str]) -> Guard {
        Guard::of_others(&allowed.iter().map(|network| (*network).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    const SPECIAL: [&str; 31] = [
        "0.0.0.0",
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
    ];

    async fn look(guard: &Guard, url: &str) -> Result<Vec<SocketAddr>, String> {
        guard.addresses(&Url::parse(url).unwrap()).await
    }

    fn written(ip: &str) -> String {
        if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() }
    }

    #[tokio::test]
    async fn special_addresses_are_refused_however_they_are_written() {
        let guard = others(&[]);
        for ip in SPECIAL.into_iter().chain(["ff02::1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"]) {
            let refused = look(&guard, &format!("https://{}/", written(ip))).await;
            assert!(refused.is_err_and(|why| why.contains("does not lead to the internet")), "{ip}");
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert_eq!(look(&guard, &format!("https://{}/", written(ip))).await.unwrap().len(), 1, "{ip}");
        }
    }

    #[tokio::test]
    async fn an_administrators_own_url_leads_where_it_leads() {
        let guard = Guard::of_administrator();
        for ip in SPECIAL {
            assert!(look(&guard, &format!("http://user:password@{}:8080/", written(ip))).await.is_ok(), "{ip}");
        }
        assert!(look(&guard, "ftp://example.com/").await.is_err());
    }

    #[tokio::test]
    async fn what_the_administrator_allows_is_reached_and_nothing_beside_it() {
        let guard = others(&["127.0.0.0/8", "10.1.2.3"]);
        assert!(look(&guard, "http://127.0.0.1:8080/").await.is_ok());
        assert!(look(&guard, "http://10.1.2.3/").await.is_ok());
        for ip in ["10.1.2.4", "[::ffff:127.0.0.1]", "[::1]"] {
            assert!(look(&guard, &format!("http://{ip}/")).await.is_err(), "{ip}");
        }
        let beside = |url: &str| guard.allows_beside(&Url::parse(url).unwrap());
        assert!(beside("http://127.0.0.1:8080/") && beside("http://10.1.2.3/"));
        assert!(!beside("http://10.1.2.4/") && !beside("http://8.8.8.8/") && !beside("http://localhost/"));
        let why = Guard::of_others(&["office".to_owned()]).err().unwrap();
        assert!(why.contains("office") && why.contains("10.1.0.0/16"), "{why}");
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_looked_at() {
        let guard = scripted(&[], &[&["8.8.8.8:443"], &["8.8.8.8:443", "10.0.0.1:443"], &[]]);
        assert_eq!(look(&guard, "https://example.com/").await, Ok(vec!["8.8.8.8:443".parse().unwrap()]));
        let refused = look(&guard, "https://example.com/").await;
        assert_eq!(refused, Err("example.com does not lead to the internet".to_owned()), "not where it leads instead");
        assert!(look(&guard, "https://example.com/").await.is_err_and(|why| why.contains("no address")));
        assert!(look(&guard, "https://example.com/").await.is_err_and(|why| why.contains("not to be found")));
    }

    #[tokio::test]
    async fn only_http_is_followed_and_no_password() {
        let guard = others(&[]);
        for url in ["ftp://8.8.8.8/", "file:///etc/passwd", "gopher://8.8.8.8/", "data:,x", "https://8.8.8.8:0/"] {
            assert!(look(&guard, url).await.is_err(), "{url}");
        }
        for url in ["https://user:password@8.8.8.8/", "https://user@8.8.8.8/"] {
            assert!(look(&guard, url).await.is_err_and(|why| why.contains("password")), "{url}");
        }
    }
}
