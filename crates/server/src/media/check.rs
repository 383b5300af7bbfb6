//! Connections that prove a path and nothing else, for the page that tests a network. Anybody may ask for them, so all that is known of them is
//! bounded: how many there are in a while, how many of one address, and how long each lives.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use farhand_domain::ids::ContactId;
use farhand_protocol::{ErrorCode, call::IceServer, check::CheckPath};
use farhand_sfu::{Limits, Member, Notice, RoomId};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::Workers;
use crate::{
    http::{Fail, Outcome},
    network::network_of,
    turn::{Holder, Turn},
    world::{new_id, secret_text},
};

/// A connection is there within seconds or never; a page closes it as soon as it has seen it. A transfer takes ten seconds at most.
pub const LIFE: Duration = Duration::from_secs(30);
/// Characters of the ICE password; RFC 8839 asks for 22 at least.
const PASSWORD: usize = 24;

/// How many there may be.
struct Most {
    in_all: usize,
    /// Many people may test from behind one address.
    of_one: usize,
}

/// In the time of one's life, however soon it ends: an offer costs a media worker milliseconds, also when it is refused.
const CONNECTIONS: Most = Most { in_all: 100, of_one: 20 };
/// At once.
const TRANSFERS: Most = Most { in_all: 100, of_one: 10 };

pub struct Checks {
    workers: Arc<Workers>,
    turn: Arc<Turn>,
    tests: Tests,
    connections: Places,
    transfers: Arc<Places>,
}

impl Checks {
    pub fn new(workers: Arc<Workers>, turn: Arc<Turn>, tests: Tests) -> Self {
        let (connections, transfers) = (Places::new(CONNECTIONS), Arc::new(Places::new(TRANSFERS)));
        Self { workers, turn, tests, connections, transfers }
    }

    /// For something else that anybody may ask for and that takes a while.
    pub fn transfer(&self, from: IpAddr) -> Outcome<Transfer> {
        let number = self.transfers.take(Instant::now(), from).ok_or_else(too_many)?;
        Ok(Transfer { places: self.transfers.clone(), number })
    }

    /// The answer to an offer, with candidates of one path only.
    pub async fn connect(&self, from: IpAddr, path: CheckPath, sdp: String) -> Outcome<String> {
        self.connections.take(Instant::now(), from).ok_or_else(too_many)?;
        let answer = self.open(new_id(), sdp, None).await?;
        Ok(only(path, &answer))
    }

    /// The same by way of the relay within TLS, with credentials for it that are good for nothing else.
    pub async fn connect_by_relay(
        &self,
        from: IpAddr,
        contact: ContactId,
        host: Option<&str>,
        sdp: String,
    ) -> Outcome<(String, IceServer)> {
        let holder = Holder { call_id: new_id(), contact };
        let mut server = self.turn.ice_server(host, holder);
        server.urls.retain(|url| url.starts_with("turns:"));
        if server.urls.is_empty() {
            return Err(Fail::new(ErrorCode::NotFound, "This server is not reached within TLS."));
        }
        self.connections.take(Instant::now(), from).ok_or_else(too_many)?;
        let answer = self.open(holder.call_id, sdp, Some(self.tests.begin(holder))).await?;
        Ok((only(CheckPath::Udp, &answer), server))
    }

    async fn open(&self, id: Uuid, sdp: String, test: Option<Test>) -> Outcome<String> {
        let (room, notices) = self.workers.open(RoomId(id.as_u128()));
        let peer = self.workers.new_peer();
        room.set_members(vec![Member { peer, name: 0, live: false, sharing: false, limits: Limits::default() }]);
        let password = secret_text(PASSWORD).map_err(Fail::internal)?;
        let answer = room.offer(peer, sdp, Vec::new(), password).await;
        let busy = || Fail::new(ErrorCode::Overloaded, "The media server has too much to do; try again.");
        let refused = |error| Fail::new(ErrorCode::SdpRefused, format!("The offer is refused: {error}."));
        let answer = answer.ok_or_else(busy)?.map_err(refused)?;
        tokio::spawn(async move {
            // Whichever comes first.
            let _ = timeout(LIFE, gone(notices)).await;
            drop((room, test));
        });
        Ok(answer)
    }
}

async fn gone(mut notices: mpsc::Receiver<Notice>) {
    while let Some(notice) = notices.recv().await {
        if matches!(notice, Notice::Gone { .. }) {
            return;
        }
    }
}

fn too_many() -> Fail {
    Fail::new(ErrorCode::TooManyAttempts, "Too many tests at once; wait half a minute.")
}

/// Without the candidates of other paths.
fn only(path: CheckPath, sdp: &str) -> String {
    let wanted = match path {
        // The relay speaks UDP with the SFU.
        CheckPath::Udp | CheckPath::Tls => "udp",
        CheckPath::Tcp => "tcp",
    };
    let stays = |line: &&str| {
        let candidate = line.strip_prefix("a=candidate:");
        // Foundation, component, transport.
        candidate.is_none_or(|it| it.split(' ').nth(2).is_some_and(|transport| transport.eq_ignore_ascii_case(wanted)))
    };
    sdp.split_inclusive("\r\n").filter(stays).collect()
}

/// The tests that go by way of the relay now: it serves them as it serves a call.
#[derive(Clone, Default)]
pub struct Tests(Arc<Mutex<HashSet<Holder>>>);

/// Over when it is dropped.
struct Test {
    tests: Tests,
    holder: Holder,
}

impl Tests {
    pub fn has(&self, holder: Holder) -> bool {
        self.lock().contains(&holder)
    }

    fn begin(&self, holder: Holder) -> Test {
        self.lock().insert(holder);
        Test { tests: self.clone(), holder }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Holder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Test {
    fn drop(&mut self) {
        self.tests.lock().remove(&self.holder);
    }
}

/// Who has taken which place, and when: none is taken for longer than [`LIFE`].
struct Places {
    most: Most,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    places: Vec<(u64, IpAddr, Instant)>,
}

/// Its place is free again when it is dropped.
pub struct Transfer {
    places: Arc<Places>,
    number: u64,
}

impl Places {
    fn new(most: Most) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// The number of a free place.
    fn take(&self, now: Instant, from: IpAddr) -> Option<u64> {
        let mut taken = self.lock();
        let network = network_of(from);
        taken.places.retain(|(_, _, since)| now.saturating_duration_since(*since) < LIFE);
        let own = taken.places.iter().filter(|(_, other, _)| *other == network).count();
        if taken.places.len() >= self.most.in_all || own >= self.most.of_one {
            return None;
        }
        taken.next += 1;
        let number = taken.next;
        taken.places.push((number, network, now));
        Some(number)
    }

    fn give_back(&self, number: u64) {
        self.lock().places.retain(|(known, _, _)| *known != number);
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.places.give_back(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    #[test]
    fn places_are_bounded_for_each_address_and_in_all_and_are_given_back() {
        let (places, now) = (Places::new(TRANSFERS), Instant::now());
        let own: Vec<_> = std::iter::from_fn(|| places.take(now, address(1))).take(200).collect();
        assert_eq!(own.len(), TRANSFERS.of_one);
        let others = (2..=255).filter(|last| places.take(now, address(*last)).is_some()).count();
        assert_eq!(own.len() + others, TRANSFERS.in_all);
        for number in own {
            places.give_back(number);
        }
        assert!(places.take(now, address(1)).is_some());
    }

    #[test]
    fn no_place_is_taken_for_ever() {
        let (places, now) = (Places::new(TRANSFERS), Instant::now());
        while places.take(now, address(1)).is_some() {}
        assert!(places.take(now + LIFE / 2, address(1)).is_none());
        assert!(places.take(now + LIFE, address(1)).is_some());
    }

    #[test]
    fn a_whole_ipv6_network_is_one_address() {
        let (places, now) = (Places::new(TRANSFERS), Instant::now());
        let address = |last| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + last));
        assert_eq!((0..200).filter(|last| places.take(now, address(*last)).is_some()).count(), TRANSFERS.of_one);
    }

    #[test]
    fn a_test_is_known_to_the_relay_as_long_as_it_lasts() {
        let tests = Tests::default();
        let holder = |call| Holder { call_id: Uuid::from_u128(call), contact: ContactId(1) };
        let test = tests.begin(holder(1));
        assert!(tests.has(holder(1)) && !tests.has(holder(2)));
        drop(test);
        assert!(!tests.has(holder(1)));
    }

    #[test]
    fn candidates_of_other_paths_are_left_out() {
        let udp = "a=candidate:1 1 UDP 2130706431 192.0.2.1 443 typ host\r\n";
        let tcp = "a=candidate:2 1 tcp 1 192.0.2.1 443 typ host tcptype passive\r\n";
        let sdp = format!("v=0\r\n{udp}{tcp}a=end-of-candidates\r\n");
        assert_eq!(only(CheckPath::Udp, &sdp), format!("v=0\r\n{udp}a=end-of-candidates\r\n"));
        assert_eq!(only(CheckPath::Tcp, &sdp), format!("v=0\r\n{tcp}a=end-of-candidates\r\n"));
    }
}
