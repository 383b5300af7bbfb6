//! Whom the relay may send to: this server's own media addresses, and nobody else on any network, unless an administrator
//! names one.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::Scope;

/// Special networks are no larger than 127.0.0.0/8; `0.0.0.0/0` and `::/0` only begin with a special address.
const SPECIAL_PREFIX: u8 = 8;

/// What is at an address a client wants to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This server's SFU.
    Sfu,
    /// Somebody in a network the administrator has named.
    Network,
}

pub struct Peers {
    /// Where the SFU is: what clients are told.
    own: Vec<SocketAddr>,
    networks: Vec<IpNet>,
}

impl Peers {
    pub fn new(own: Vec<SocketAddr>, networks: &[String]) -> Result<Self, String> {
        Ok(Self { own, networks: read(networks)? })
    }

    /// The SFU's own addresses come first: a server on a private network or on loopback serves itself.
    pub fn reach(&self, scope: Scope, peer: SocketAddr) -> Option<Reach> {
        if self.own.contains(&peer) {
            return Some(Reach::Sfu);
        }
        let named = scope == Scope::Networks && peer.port() != 0 && self.in_a_network(peer.ip());
        named.then_some(Reach::Network)
    }

    /// Whether anything at this address may be reached: a permission is for an address with all its ports (RFC 8656, section 9).
    pub fn permits(&self, scope: Scope, ip: IpAddr) -> bool {
        self.own.iter().any(|own| own.ip() == ip) || (scope == Scope::Networks && self.in_a_network(ip))
    }

    /// Whether there is more to reach than the SFU.
    pub fn beyond_the_sfu(&self) -> bool {
        !self.networks.is_empty()
    }

    /// The address a relay's own socket is bound to stands for.
    pub fn own_of(&self, v4: bool) -> Option<SocketAddr> {
        self.own.iter().find(|own| own.is_ipv4() == v4).copied()
    }

    fn in_a_network(&self, ip: IpAddr) -> bool {
        // Another way to write an IPv4 address: whoever means that one can say so.
        if matches!(ip, IpAddr::V6(v6) if v6.to_ipv4().is_some()) {
            return false;
        }
        self.networks.iter().any(|network| network.contains(&ip) && (!is_special(ip) || names_special(network)))
    }
}

/// Whether a network means special addresses and nothing else.
fn names_special(network: &IpNet) -> bool {
    network.prefix_len() >= SPECIAL_PREFIX && is_special(network.network())
}

/// Loopback, this link, everybody: never meant by a network that only happens to contain it, such as 0.0.0.0/0.
fn is_special(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_loopback() || ip.is_link_local() || ip.is_broadcast() || ip.is_multicast() || ip.octets()[0] == 0
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_multicast() || ip.is_unspecified(),
    }
}

fn read(networks: &[String]) -> Result<Vec<IpNet>, String> {
    let one = |text: &String| {
        let network: Result<IpNet, _> = text.parse();
        let network = network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| format!("turn.peers: \"{text}\" is no network such as 10.1.0.0/16"))
    };
    networks.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIAL: [&str; 21] = [
        "0.0.0.0",
        "127.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:203.0.113.7",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1",
        "ff02::1",
    ];

    fn peers(networks: &[&str]) -> Peers {
        let own = ["203.0.113.7:443", "[2001:db8::7]:443"].map(|own| own.parse().unwrap()).to_vec();
        let networks: Vec<_> = networks.iter().map(|network| (*network).to_owned()).collect();
        Peers::new(own, &networks).unwrap()
    }

    fn reach(peers: &Peers, ip: &str, port: u16) -> Option<Reach> {
        peers.reach(Scope::Networks, SocketAddr::new(ip.parse().unwrap(), port))
    }

    #[test]
    fn only_the_servers_own_media_addresses_are_reached() {
        let peers = peers(&[]);
        assert_eq!(reach(&peers, "203.0.113.7", 443), Some(Reach::Sfu));
        assert_eq!(reach(&peers, "2001:db8::7", 443), Some(Reach::Sfu));
        for port in [0, 1, 22, 5432, 444] {
            assert_eq!(reach(&peers, "203.0.113.7", port), None, "another port of this machine: {port}");
        }
        for ip in SPECIAL.iter().chain(&["203.0.113.8", "8.8.8.8", "2001:db8::8"]) {
            assert_eq!(reach(&peers, ip, 443), None, "{ip}");
            assert!(!peers.permits(Scope::Networks, ip.parse().unwrap()), "{ip}");
        }
        assert!(peers.permits(Scope::Networks, "203.0.113.7".parse().unwrap()));
    }

    #[test]
    fn a_server_on_loopback_serves_itself_and_nothing_else_there() {
        let peers = Peers::new(vec!["127.0.0.1:4000".parse().unwrap()], &[]).unwrap();
        assert_eq!(reach(&peers, "127.0.0.1", 4000), Some(Reach::Sfu));
        assert_eq!(reach(&peers, "127.0.0.1", 4001), None);
        assert_eq!(reach(&peers, "::ffff:127.0.0.1", 4000), None);
    }

    #[test]
    fn what_an_administrator_names_is_reached_and_everything_special_has_to_be_named_itself() {
        let wide = peers(&["0.0.0.0/0", "::/0"]);
        assert_eq!(reach(&wide, "10.0.0.1", 9), Some(Reach::Network));
        assert_eq!(reach(&wide, "10.0.0.1", 0), None);
        for ip in ["127.0.0.1", "169.254.169.254", "255.255.255.255", "224.0.0.1", "0.0.0.0", "::1", "::", "fe80::1"] {
            assert_eq!(reach(&wide, ip, 9), None, "{ip}");
        }
        assert_eq!(reach(&wide, "::ffff:10.0.0.1", 9), None);
        let narrow = peers(&["127.0.0.0/8", "10.1.2.3"]);
        assert_eq!(reach(&narrow, "127.0.0.1", 9), Some(Reach::Network));
        assert_eq!(reach(&narrow, "10.1.2.3", 9), Some(Reach::Network));
        assert_eq!(reach(&narrow, "10.1.2.4", 9), None);
    }

    #[test]
    fn who_has_no_seat_yet_reaches_the_server_itself_whatever_is_named() {
        let peers = peers(&["10.0.0.0/8"]);
        let reach = |peer: &str| peers.reach(Scope::Room, peer.parse().unwrap());
        assert_eq!((reach("203.0.113.7:443"), reach("10.0.0.1:9")), (Some(Reach::Sfu), None));
        let permits = |ip: &str| peers.permits(Scope::Room, ip.parse().unwrap());
        assert!(permits("203.0.113.7") && !permits("10.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused_with_an_example() {
        let wrong = Peers::new(Vec::new(), &["office".to_owned()]).err().unwrap();
        assert!(wrong.contains("office") && wrong.contains("10.1.0.0/16"), "{wrong}");
    }
}
