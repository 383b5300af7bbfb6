//! Where a participant's media go. The engine sends to the path it chose by priority for as long as it believes in it, which is many seconds
//! after a network has given the participant another address: until then they go where its newest check came from.

use std::time::{Duration, Instant};

use crate::demux::Address;

/// Nothing has come from the path in use for so long: whoever asks for another one gets it.
const DEAD: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Route {
    /// By the engine.
    chosen: Option<Address>,
    /// Where media go: there, unless the other end knows better.
    used: Option<Address>,
    /// When something came from there last.
    heard: Instant,
    /// The newest other path that was asked for since.
    asked: Option<Address>,
    /// No path has been asked for yet, or none since ICE was restarted.
    open: bool,
}

impl Route {
    pub(crate) fn new(now: Instant) -> Self {
        Self { chosen: None, used: None, heard: now, asked: None, open: true }
    }

    /// The other end looks for another path, perhaps because it has left the network of this one.
    pub(crate) fn restart(&mut self) {
        self.open = true;
    }

    /// Something has come from an address that has proved to be the participant's; `nominates` if it asks for this path. If
    /// media go there instead from now on, tells for how long they have gone where nobody was heard.
    pub(crate) fn heard(&mut self, now: Instant, from: Address, nominates: bool) -> Option<Duration> {
        let decides = nominates && std::mem::take(&mut self.open);
        self.chosen?;
        let moved = self.used != Some(from);
        if decides || !moved {
            let before = std::mem::replace(&mut self.heard, now);
            (self.used, self.asked) = (Some(from), None);
            return moved.then(|| now.saturating_duration_since(before));
        }
        if nominates {
            self.asked = Some(from);
        }
        None
    }

    /// Whether the other end looks for another path, perhaps this one, and has not asked for any yet.
    pub(crate) fn may_leave_for(&self, from: Address) -> bool {
        self.open && self.used != Some(from)
    }

    /// Where to send what the engine sends to its chosen address.
    pub(crate) fn lead(&mut self, now: Instant, chosen: Address) -> Address {
        if self.chosen != Some(chosen) {
            (self.chosen, self.used, self.heard, self.asked) = (Some(chosen), Some(chosen), now, None);
        }
        self.current(now).unwrap_or(chosen)
    }

    /// Where to send what does not come from the engine; `None` before it has chosen.
    pub(crate) fn current(&self, now: Instant) -> Option<Address> {
        let dead = now.saturating_duration_since(self.heard) >= DEAD;
        self.asked.filter(|_| dead).or(self.used)
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
        route.heard(start, address(1), true);
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

    #[test]
    fn the_first_path_that_is_asked_for_is_taken_though_another_one_was_answered_before() {
        let start = Instant::now();
        let mut route = Route::new(start);
        assert_eq!(route.heard(start, address(1), false), None);
        assert_eq!(route.lead(start, address(1)), address(1), "the engine answers where it is asked");
        route.heard(start, address(2), true);
        assert_eq!(route.lead(start, address(1)), address(2));
    }

    #[test]
    fn after_a_restart_the_first_path_that_is_asked_for_is_taken_at_once() {
        let start = Instant::now();
        let mut route = Route::new(start);
        route.heard(start, address(1), true);
        route.lead(start, address(1));
        route.restart();
        assert_eq!(route.heard(start, address(2), false), None, "nobody asks for it");
        assert_eq!(route.heard(start + DEAD / 2, address(2), true), Some(DEAD / 2));
        assert_eq!(route.current(start), Some(address(2)));
        assert_eq!(route.lead(start, address(1)), address(2), "the engine has not chosen anew");
        route.heard(start, address(1), false);
        assert_eq!(route.current(start), Some(address(2)), "something late from the old network");
        assert_eq!(route.heard(start, address(3), true), None, "only the first");
        assert_eq!(route.current(start), Some(address(2)));
        assert_eq!(route.current(start + DEAD * 2), Some(address(3)), "unless it falls silent");
        assert_eq!(route.lead(start, address(4)), address(4), "the engine knows better now");
    }

    #[test]
    fn while_another_path_is_looked_for_only_the_one_in_use_counts() {
        let start = Instant::now();
        let mut route = Route::new(start);
        route.heard(start, address(1), true);
        route.lead(start, address(1));
        assert!(!route.may_leave_for(address(2)), "nothing was restarted");
        route.restart();
        route.heard(start, address(2), false);
        assert!(route.may_leave_for(address(2)));
        assert!(!route.may_leave_for(address(1)), "it may have come back by itself");
        route.heard(start, address(2), true);
        assert!(!route.may_leave_for(address(2)) && !route.may_leave_for(address(3)), "it is found");
    }

    #[test]
    fn a_restart_that_finds_the_same_path_changes_nothing() {
        let start = Instant::now();
        let mut route = Route::new(start);
        route.restart();
        assert_eq!(route.heard(start, address(1), true), None);
        assert_eq!(route.current(start), None, "the engine has not chosen yet");
        route.lead(start, address(1));
        route.restart();
        assert_eq!(route.heard(start, address(1), true), None);
        assert_eq!(route.heard(start, address(2), true), None);
        assert_eq!(route.current(start), Some(address(1)));
    }
}
