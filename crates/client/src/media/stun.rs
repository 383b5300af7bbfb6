//! Asks a STUN server how this socket looks from outside (RFC 8489), without sockets and clocks. str0m's own STUN is for
//! ICE only: it refuses messages without integrity, which a plain STUN server's are.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

/// Between the first and the second request; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// After these, 3 seconds in all, there is no server-reflexive candidate.
const ATTEMPTS: u32 = 4;

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];

pub(super) struct Query {
    pub(super) server: SocketAddr,
    transaction: [u8; 12],
    attempts: u32,
    next: Instant,
}

impl Query {
    /// `transaction` must be random, so that nobody can answer in the server's place.
    pub(super) fn new(server: SocketAddr, transaction: [u8; 12], now: Instant) -> Self {
        Self { server, transaction, attempts: 0, next: now }
    }

    /// When to call [`Query::request`] again.
    pub(super) fn next_wake(&self) -> Instant {
        self.next
    }

    /// The request to send now; none once it has been sent often enough.
    pub(super) fn request(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.attempts == ATTEMPTS {
            return None;
        }
        self.next = now + FIRST_WAIT * 2_u32.pow(self.attempts);
        self.attempts += 1;
        let no_attributes = [0, 0];
        Some([&BINDING_REQUEST[..], &no_attributes, &MAGIC_COOKIE, &self.transaction].concat())
    }

    /// The address the server saw, if this datagram is its answer.
    pub(super) fn answer(&self, from: SocketAddr, datagram: &[u8]) -> Option<SocketAddr> {
        let (header, mut attributes) = datagram.split_at_checked(HEADER)?;
        let ours =
            header.starts_with(&BINDING_SUCCESS) && header[4..8] == MAGIC_COOKIE && header[8..] == self.transaction;
        if from != self.server || !ours {
            return None;
        }
        while let Some((&[k0, k1, l0, l1], rest)) = attributes.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let value = rest.get(..length)?;
            if [k0, k1] == XOR_MAPPED_ADDRESS {
                return self.address(value);
            }
            attributes = rest.get(length.next_multiple_of(4)..)?;
        }
        None
    }

    fn address(&self, value: &[u8]) -> Option<SocketAddr> {
        let (&[_, family, p0, p1], masked) = value.split_first_chunk()?;
        let mask = [&MAGIC_COOKIE[..], &self.transaction].concat();
        let port = u16::from_be_bytes([p0 ^ mask[0], p1 ^ mask[1]]);
        let octets: Vec<u8> = masked.iter().zip(&mask).map(|(byte, mask)| byte ^ mask).collect();
        let ip = match (family, octets.as_slice()) {
            (1, &[a, b, c, d]) => IpAddr::from([a, b, c, d]),
            (2, octets) => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

/// The answer of a server that saw the request come from `seen`.
#[cfg(test)]
pub(super) fn reply_to(request: &[u8], seen: SocketAddr) -> Vec<u8> {
    let mask = &request[4..HEADER];
    let mut value = seen.port().to_be_bytes().to_vec();
    let family = match seen.ip() {
        IpAddr::V4(ip) => {
            value.extend(ip.octets());
            1
        }
        IpAddr::V6(ip) => {
            value.extend(ip.octets());
            2
        }
    };
    value[..2].iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    value[2..].iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    let software = [0x80, 0x22, 0, 5, b't', b'e', b's', b't', b's', 0, 0, 0];
    let length = u8::try_from(value.len() + 2).unwrap();
    let attributes = [&software[..], &XOR_MAPPED_ADDRESS, &[0, length, 0, family], &value].concat();
    [&BINDING_SUCCESS[..], &[0, u8::try_from(attributes.len()).unwrap()], mask, &attributes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        Query::new("10.0.0.1:3478".parse().unwrap(), *b"0123456789ab", Instant::now())
    }

    #[test]
    fn an_answer_is_read_byte_by_byte_as_the_rfc_writes_it() {
        // RFC 5769, 2.2 and 2.3: sample responses, without integrity.
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let query = Query::new("10.0.0.1:3478".parse().unwrap(), transaction, Instant::now());
        let header = |length| [&[1, 1, 0, length, 0x21, 0x12, 0xa4, 0x42], &transaction[..]].concat();
        let v4 = [&header(12)[..], &[0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]].concat();
        assert_eq!(query.answer(query.server, &v4), Some("192.0.2.1:32853".parse().unwrap()));
        let mapped = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        let v6 = [&header(24)[..], &mapped].concat();
        assert_eq!(
            query.answer(query.server, &v6),
            Some("[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap())
        );
    }

    #[test]
    fn only_the_servers_answer_to_this_query_counts() {
        let mut query = query();
        let request = query.request(Instant::now()).unwrap();
        for seen in ["203.0.113.7:4000", "[2001:db8::7]:4000"] {
            let seen = seen.parse().unwrap();
            let reply = reply_to(&request, seen);
            assert_eq!(query.answer(query.server, &reply), Some(seen));
            assert_eq!(query.answer("10.0.0.2:3478".parse().unwrap(), &reply), None);
            let other = Query::new(query.server, *b"another one!", Instant::now());
            assert_eq!(other.answer(query.server, &reply), None);
            (0..reply.len())
                .for_each(|cut| assert_eq!(query.answer(query.server, &reply[..cut]), None, "cut at {cut}"));
        }
        assert_eq!(query.answer(query.server, &request), None);
    }

    #[test]
    fn it_asks_four_times_at_growing_distances_and_then_gives_up() {
        let mut query = query();
        let start = query.next_wake();
        let mut waits = Vec::new();
        while query.request(query.next_wake()).is_some() {
            waits.push(query.next_wake() - start);
        }
        assert_eq!(waits, [200, 600, 1400, 3000].map(Duration::from_millis));
    }
}
