//! The addresses clients are told to send media to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Every candidate costs each client checks. A machine with more addresses than this should name the right ones.
const MOST: usize = 6;

/// Where media can be sent to.
#[derive(Debug, Clone)]
pub struct Candidates {
    pub udp: Vec<SocketAddr>,
    /// Where there is no way for UDP.
    pub tcp: Vec<SocketAddr>,
}

/// Those of the configuration; without, the one that is listened on, or all of this machine.
pub fn candidates(public: &[String], listen: SocketAddr) -> Result<Vec<SocketAddr>, String> {
    if !public.is_empty() {
        return public.iter().map(|text| read(text, listen.port())).collect();
    }
    if !listen.ip().is_unspecified() {
        return Ok(vec![listen]);
    }
    let mut own: Vec<SocketAddr> =
        own_addresses(listen.is_ipv6()).map(|ip| SocketAddr::new(ip, listen.port())).collect();
    own.truncate(MOST);
    if own.is_empty() {
        own.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port()));
    }
    Ok(own)
}

fn read(text: &str, port: u16) -> Result<SocketAddr, String> {
    let alone = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port));
    let read = alone.or_else(|_| text.parse());
    read.map_err(|_| format!("media.public: \"{text}\" is no address such as 203.0.113.7 or 203.0.113.7:443"))
}

/// IPv4 first: more networks carry it.
fn own_addresses(v6_too: bool) -> impl Iterator<Item = IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    let mut all: Vec<IpAddr> = addresses.filter(|ip| reaches_others(ip) && (v6_too || ip.is_ipv4())).collect();
    all.sort_by_key(IpAddr::is_ipv6);
    all.into_iter()
}

fn reaches_others(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_configured_is_told_and_nothing_else() {
        let public = ["203.0.113.7".to_owned(), "198.51.100.1:443".to_owned(), "[2001:db8::1]:9".to_owned()];
        let told = candidates(&public, listen("0.0.0.0:8080")).unwrap();
        let expected = ["203.0.113.7:8080", "198.51.100.1:443", "[2001:db8::1]:9"].map(listen);
        assert_eq!(told, expected);
    }

    #[test]
    fn names_are_refused_with_an_example() {
        let told = candidates(&["calls.example.com".to_owned()], listen("0.0.0.0:8080")).unwrap_err();
        assert!(told.contains("calls.example.com") && told.contains("203.0.113.7"), "{told}");
    }

    #[test]
    fn an_address_that_is_listened_on_is_the_one() {
        assert_eq!(candidates(&[], listen("127.0.0.1:8080")).unwrap(), [listen("127.0.0.1:8080")]);
    }

    #[test]
    fn listening_everywhere_tells_addresses_others_can_reach_or_else_loopback() {
        let told = candidates(&[], listen("0.0.0.0:8080")).unwrap();
        assert!(!told.is_empty() && told.len() <= MOST);
        assert!(
            told.iter().all(|address| address.port() == 8080 && address.is_ipv4() && !address.ip().is_unspecified())
        );
        let loopback = told.iter().filter(|address| address.ip().is_loopback()).count();
        assert!(loopback == 0 || told.len() == 1);
    }
}
