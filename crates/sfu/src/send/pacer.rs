//! Pictures come in bursts, and links have short queues: what is sent is spread over time.

use std::time::{Duration, Instant};

/// What may leave at once, as a time at the pace.
const BURST: Duration = Duration::from_millis(40);
/// Or as bytes, so that a fast link does not flood the socket.
const MAX_BURST: u64 = 63_000;
/// No packet is to wait longer; if it came to that, packets leave faster than the link seems to carry.
const MAX_WAIT: Duration = Duration::from_secs(2);
const LAST_MOMENT: Duration = Duration::from_millis(50);
/// Sound leaves whatever the link carries. Pictures do not pay for more of it than this time at the pace, or they would wait long after a link
/// has come back.
const MOST_DEBT: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Pacer {
    /// In bit/s.
    pace: u64,
    /// Bytes that have left and are not paid off.
    debt: u64,
    paid: Instant,
}

impl Pacer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { pace: 1, debt: 0, paid: now }
    }

    /// Time has passed. `waiting` bytes wait to leave, the first since `since`.
    pub(crate) fn advance(&mut self, now: Instant, pace: u64, waiting: u64, since: Option<Instant>) {
        self.debt = self.debt.saturating_sub(bytes(self.pace, now.saturating_duration_since(self.paid)));
        self.paid = self.paid.max(now);
        let waited = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let left = MAX_WAIT.saturating_sub(waited).max(LAST_MOMENT);
        self.pace = pace.max(waiting * 8_000 / u64::try_from(left.as_millis()).unwrap_or(u64::MAX)).max(1);
    }

    pub(crate) fn sent(&mut self, size: usize) {
        let most = self.allowed() + bytes(self.pace, MOST_DEBT);
        self.debt = (self.debt + u64::try_from(size).unwrap_or(0)).min(most);
    }

    pub(crate) fn may_send(&self) -> bool {
        self.debt <= self.allowed()
    }

    /// When the next packet may leave.
    pub(crate) fn next(&self) -> Instant {
        let over = self.debt.saturating_sub(self.allowed());
        if over == 0 { self.paid } else { self.paid + Duration::from_micros(over * 8_000_000 / self.pace + 1) }
    }

    fn allowed(&self) -> u64 {
        bytes(self.pace, BURST).min(MAX_BURST)
    }
}

fn bytes(pace: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(pace) * time.as_micros() / 8_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many packets of 1,000 bytes leave within `time`, all of them waiting from the start.
    fn leave(pace: u64, waiting: u64, time: Duration) -> u64 {
        let start = Instant::now();
        let (mut pacer, mut now, mut sent) = (Pacer::new(start), start, 0);
        while now <= start + time && sent < waiting {
            pacer.advance(now, pace, (waiting - sent) * 1_000, Some(start));
            while pacer.may_send() && sent < waiting {
                pacer.sent(1_000);
                sent += 1;
            }
            now = pacer.next().max(now);
        }
        sent
    }

    #[test]
    fn packets_leave_at_the_pace_after_a_first_burst() {
        let second = leave(800_000, 150, Duration::from_secs(1));
        assert!((100..=110).contains(&second), "100 kB and 40 ms more: {second}");
        assert_eq!(leave(80_000_000, 1_000, Duration::ZERO), 64, "no more than a socket's buffer takes");
    }

    #[test]
    fn what_leaves_beyond_the_pace_is_not_paid_for_long() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        pacer.advance(start, 80_000, 0, None);
        (0..1_000).for_each(|_| pacer.sent(1_000));
        assert!(!pacer.may_send(), "{pacer:?}");
        let next = pacer.next();
        assert!(next <= start + MOST_DEBT + Duration::from_millis(1), "{pacer:?}");
        pacer.advance(next, 80_000, 1_000, Some(next));
        assert!(pacer.may_send());
    }

    #[test]
    fn nothing_waits_much_longer_than_two_seconds() {
        assert_eq!(leave(8_000, 500, Duration::from_millis(2_300)), 500);
    }
}
