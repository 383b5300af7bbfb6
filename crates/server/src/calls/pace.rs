//! How often something that costs the server much may be asked for: a burst at once, then a steady pace.

use std::time::Duration;

use farhand_domain::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Each thing asked for moves this on by the interval; the burst is how far it may run ahead.
    next: Timestamp,
}

impl Pace {
    pub fn new(now: Timestamp) -> Self {
        Self { next: now }
    }

    /// Whether one more is allowed now. Counts it.
    pub fn allows(&mut self, now: Timestamp, interval: Duration, burst: u32) -> bool {
        let next = self.next.max(now);
        if now.until(next) > interval * (burst - 1) {
            return false;
        }
        self.next = next + interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_one_at_each_interval() {
        let start = Timestamp::from_millis(1_000_000);
        let mut pace = Pace::new(start);
        let mut ask =
            |milliseconds| pace.allows(start + Duration::from_millis(milliseconds), Duration::from_secs(1), 3);
        assert_eq!([0, 0, 0, 0].map(&mut ask), [true, true, true, false]);
        assert_eq!([999, 1_000, 1_000].map(&mut ask), [false, true, false]);
        assert_eq!([60_000; 4].map(&mut ask), [true, true, true, false], "rest earns a burst, not more");
    }
}
