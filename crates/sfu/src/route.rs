//! Where a participant's media go. The engine sends to the path it chose by priority for as long as it believes in it, which is many seconds
//! after a network has given the participant another address: until then they go where its newest check came from.

use std::time::{Duration, Instant};

use crate::demux::Address;

/// Nothing has come from the chosen address for so long: whoever asks for another path gets it.
const DEAD: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Route {
    /// By the engine.
    chosen: Option<Address>,
    /// When something came from there last.
    heard: Instant,
    /// The newest other path that was asked for since.
    instead: Option<Address>,
}

impl Route {
    pub(crate) fn new(now: Instant) -> Self {
        Self { chosen: None, heard: now, instead: None }
    }

    /// Something has come from an address that has proved to be the participant's; `nominates` if it asks for this path.
    pub(crate) fn heard(&mut self, now: Instant, from: Address, nominates: bool) {
        if self.chosen == Some(from) {
            (self.heard, self.instead) = (now, None);
        } else if nominates {
            self.instead = Some(from);
        }
    }

    /// Where to send what the engine sends to its chosen address.
    pub(crate) fn lead(&mut self, now: Instant, chosen: Address) -> Address {
        if self.chosen != Some(chosen) {
            *self = Self { chosen: Some(chosen), ..Self::new(now) };
        }
        self.current(now).unwrap_or(chosen)
    }

    /// Where to send what does not come from the engine; `None` before it has chosen.
    pub(crate) fn current(&self, now: Instant) -> Option<Address> {
        let dead = now.saturating_duration_since(self.heard) >= DEAD;
        self.instead.filter(|_| dead).or(self.chosen)
    }
}

#[cfg(test)]
mod tests {
    use str0m::net::Protocol;

    use super::*;

    fn address(port: u16) -> Address {
        (Protocol::Udp, ([192, 0, 2, 1], port).into())
    }

    #[test]
    fn only_a_silent_path_is_left_and_only_for_one_that_is_asked_for() {
        let start = Instant::now();
        let mut route = Route::new(start);
        assert_eq!(route.lead(start, address(1)), address(1));
        route.heard(start, address(2), true);
        assert_eq!(route.lead(start, address(1)), address(1), "the first is not silent");
        let later = start + DEAD;
        assert_eq!(route.lead(later, address(1)), address(2), "now it is");
        route.heard(later, address(1), false);
        assert_eq!(route.lead(later + DEAD, address(1)), address(1), "it was not dead");
        route.heard(later + DEAD, address(2), false);
        assert_eq!(route.lead(later + DEAD, address(1)), address(1), "the other one is not asked for");
        route.heard(later + DEAD, address(2), true);
        assert_eq!(route.lead(later + DEAD, address(3)), address(3), "the engine knows better now");
    }
}
