//! Ports for those who have to know theirs before they listen, or who come back to it.

use std::{
    net::{SocketAddr, TcpListener},
    ops::Range,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Below those that the system gives away (32768 and above on Linux): there, what was free a moment ago is soon somebody's.
const PORTS: Range<u16> = 20_000..32_000;

/// On this machine; no other call of this process gets it.
pub fn free() -> SocketAddr {
    // Far from where the next process begins.
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(std::process::id().wrapping_mul(997)));
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(next).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nobody_gets_anothers_or_one_of_the_systems() {
        let all: Vec<_> = (0..100).map(|_| free()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        let limits = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let first: u16 = limits.split_whitespace().next().unwrap().parse().unwrap();
        assert!(all.iter().all(|address| address.port() < first), "{all:?}, {first}");
    }
}
