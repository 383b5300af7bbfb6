//! Whether a queue stands on the way: what the last packets took, held against the least that any took lately. The trend sees queues that
//! grow; one that is full grows no more, and what it loses looks like chance.

use super::units::{MILLISECOND, Micros, SECOND};

/// More than jitter and the sending time of a packet over a slow link.
const STANDS: Micros = 80 * MILLISECOND;
/// The least is looked for over one to two of these: clocks drift apart by less than a millisecond in that time, and a new route that is
/// longer counts as a queue no longer than that.
const PERIOD: Micros = 10 * SECOND;
/// The receiver's clock has leapt.
const LEAP: Micros = 10 * SECOND;

#[derive(Debug, Default)]
pub(super) struct Queue {
    before: Option<Micros>,
    current: Option<Micros>,
    since: Micros,
    standing: Micros,
}

impl Queue {
    /// With each report: the least that one of its packets took, between two clocks that do not know each other.
    pub(super) fn add(&mut self, now: Micros, took: Micros) {
        if self.least().is_some_and(|least| took.saturating_sub(least).saturating_abs() > LEAP) {
            *self = Self::default();
        }
        if now.saturating_sub(self.since) > PERIOD {
            self.before = self.current.take();
            self.since = now;
        }
        self.current = Some(self.current.map_or(took, |least| least.min(took)));
        self.standing = took.saturating_sub(self.least().unwrap_or(took));
    }

    pub(super) fn stands(&self) -> bool {
        self.standing > STANDS
    }

    /// What a packet takes that does not wait, by two clocks that do not know each other.
    pub(super) fn least(&self) -> Option<Micros> {
        self.before.into_iter().chain(self.current).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_than_it_has_to_stands_in_a_queue() {
        let mut queue = Queue::default();
        for (second, took, stands) in [(0, 40, false), (1, 100, false), (2, 130, true), (3, 45, false), (4, 500, true)]
        {
            queue.add(second * SECOND, took * MILLISECOND);
            assert_eq!(queue.stands(), stands, "second {second}");
        }
    }

    #[test]
    fn a_longer_way_counts_as_one_for_a_while_only() {
        let mut queue = Queue::default();
        queue.add(0, 40 * MILLISECOND);
        for second in 1..40 {
            queue.add(second * SECOND, 400 * MILLISECOND);
            assert_eq!(queue.stands(), second <= 21, "second {second}");
        }
        queue.add(41 * SECOND, -3_600 * SECOND);
        assert!(!queue.stands(), "another clock");
    }
}
