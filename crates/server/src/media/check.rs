//! Connections that prove a path and nothing else, for the page that tests a network. Anybody may ask for them, so all that is known of them is
//! bounded: how many there are at once, how many of one address, and how long each lives.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use farhand_protocol::{ErrorCode, check::CheckPath};
use farhand_sfu::{Limits, Member, Notice, RoomId};
use tokio::{sync::mpsc, time::timeout};

use super::Workers;
use crate::{
    http::{Fail, Outcome},
    world::{new_id, secret_text},
};

/// A connection is there within seconds or never; a page closes it as soon as it has seen it.
const LIFE: Duration = Duration::from_secs(30);
/// Each is a connection of the SFU and no traffic.
const MOST: usize = 100;
/// A page takes one at a time. Many people may test from behind one address.
const PER_ADDRESS: usize = 10;
/// Characters of the ICE password; RFC 8839 asks for 22 at least.
const PASSWORD: usize = 24;

pub struct Checks {
    workers: Arc<Workers>,
    places: Arc<Places>,
}

impl Checks {
    pub fn new(workers: Arc<Workers>) -> Self {
        Self { workers, places: Arc::default() }
    }

    /// For something else that anybody may ask for and that takes a while.
    pub fn place(&self, from: IpAddr) -> Outcome<Place> {
        let detail = "Too many tests at once; wait half a minute.";
        self.places.take(from).ok_or_else(|| Fail::new(ErrorCode::TooManyAttempts, detail))
    }

    /// The answer to an offer, with candidates of one path only.
    pub async fn connect(&self, from: IpAddr, path: CheckPath, sdp: String) -> Outcome<String> {
        let place = self.place(from)?;
        let (room, notices) = self.workers.open(RoomId(new_id().as_u128()));
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
            drop((room, place));
        });
        Ok(only(path, &answer))
    }
}

async fn gone(mut notices: mpsc::Receiver<Notice>) {
    while let Some(notice) = notices.recv().await {
        if matches!(notice, Notice::Gone { .. }) {
            return;
        }
    }
}

/// Without the candidates of other paths.
fn only(path: CheckPath, sdp: &str) -> String {
    let wanted = match path {
        CheckPath::Udp => "udp",
        CheckPath::Tcp => "tcp",
    };
    let stays = |line: &&str| {
        let candidate = line.strip_prefix("a=candidate:");
        // Foundation, component, transport.
        candidate.is_none_or(|it| it.split(' ').nth(2).is_some_and(|transport| transport.eq_ignore_ascii_case(wanted)))
    };
    sdp.split_inclusive("\r\n").filter(stays).collect()
}

/// Whose places are taken.
#[derive(Default)]
struct Places(Mutex<Vec<IpAddr>>);

/// Free again when it is dropped.
pub struct Place {
    places: Arc<Places>,
    from: IpAddr,
}

impl Places {
    fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.iter().filter(|other| **other == from).count();
        if taken.len() >= MOST || own >= PER_ADDRESS {
            return None;
        }
        taken.push(from);
        Some(Place { places: self.clone(), from })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = taken.iter().position(|other| *other == self.from) {
            taken.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn places_are_bounded_for_each_address_and_in_all_and_are_given_back() {
        let places = Arc::new(Places::default());
        let address = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        let own: Vec<_> = std::iter::from_fn(|| places.take(address(1))).take(MOST).collect();
        assert_eq!(own.len(), PER_ADDRESS);
        let others: Vec<_> = (2..=255).filter_map(|last| places.take(address(last))).collect();
        assert_eq!(own.len() + others.len(), MOST);
        drop(others);
        assert!(places.take(address(1)).is_none() && places.take(address(2)).is_some());
        drop(own);
        assert!(places.take(address(1)).is_some());
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
