//! Nonces that need no memory: the time they are good until, and a MAC over that and the client's address. Nothing is kept for
//! somebody who has only asked.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Transport;

/// Long enough to be used for a refresh or two; a client whose nonce has run out is told a new one.
const LIFE: Duration = Duration::from_mins(20);
/// Short, so that the answer to a stranger is: 96 bits cannot be guessed within a nonce's life.
const MAC: usize = 12;
const TIME: usize = 4;

pub struct Nonces {
    key: hmac::Key,
    start: Instant,
}

impl Nonces {
    /// The key is new at each start: nonces do not outlive it, and clients take a new one without a word.
    pub fn new(start: Instant) -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), start })
    }

    pub fn issue(&self, now: Instant, transport: Transport, client: SocketAddr) -> String {
        let until = self.seconds(now).saturating_add(u32::try_from(LIFE.as_secs()).unwrap_or(u32::MAX)).to_be_bytes();
        let mac = hmac::sign(&self.key, &signed(until, transport, client));
        URL_SAFE_NO_PAD.encode([&until[..], &mac.as_ref()[..MAC]].concat())
    }

    /// Whether this server gave it to this client, and it is still good.
    pub fn holds(&self, now: Instant, transport: Transport, client: SocketAddr, nonce: &str) -> bool {
        let Ok(nonce) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((until, mac)) = nonce.split_first_chunk::<TIME>() else { return false };
        let expected = hmac::sign(&self.key, &signed(*until, transport, client));
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC]).is_ok();
        same && self.seconds(now) < u32::from_be_bytes(*until)
    }

    fn seconds(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.start).as_secs()).unwrap_or(u32::MAX)
    }
}

fn signed(until: [u8; TIME], transport: Transport, client: SocketAddr) -> Vec<u8> {
    let mut bytes = until.to_vec();
    bytes.push(u8::from(transport == Transport::Stream));
    match client.ip() {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
    bytes.extend(client.port().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_client_and_its_time_only() {
        let start = Instant::now();
        let nonces = Nonces::new(start).unwrap();
        let client = SocketAddr::from(([192, 0, 2, 1], 5000));
        let nonce = nonces.issue(start, Transport::Datagrams, client);
        let holds = |now, transport, client, nonce: &str| nonces.holds(now, transport, client, nonce);
        assert!(holds(start, Transport::Datagrams, client, &nonce));
        assert!(holds(start + LIFE / 2, Transport::Datagrams, client, &nonce));
        assert!(!holds(start + LIFE, Transport::Datagrams, client, &nonce), "too late");
        assert!(!holds(start, Transport::Stream, client, &nonce), "another transport");
        for other in [([192, 0, 2, 2], 5000), ([192, 0, 2, 1], 5001)] {
            assert!(!holds(start, Transport::Datagrams, SocketAddr::from(other), &nonce), "from elsewhere");
        }
        let restarted = Nonces::new(start).unwrap();
        assert!(!restarted.holds(start, Transport::Datagrams, client, &nonce));
        let mut later = URL_SAFE_NO_PAD.decode(&nonce).unwrap();
        later[3] += 1;
        for wrong in ["", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA", &URL_SAFE_NO_PAD.encode(later)] {
            assert!(!holds(start, Transport::Datagrams, client, wrong), "{wrong}");
        }
    }
}
