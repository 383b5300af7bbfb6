//! What of a stream has not come and is asked for again (RFC 4585, section 6.2.1).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So long is waited for what was only overtaken; and what gets lost together is asked for together.
const PATIENCE: Duration = Duration::from_millis(5);
/// More than a round trip, so that nothing is asked for that is on its way.
const MARGIN: Duration = Duration::from_millis(10);
/// Requests and answers get lost as well. Of 20 % lost in each direction one in a thousand remains after seven requests.
const MOST_REQUESTS: u8 = 10;
/// By then pictures have gone on with a key frame, and sound without.
const TOO_OLD: Duration = Duration::from_millis(600);
/// A request holds all of them. If more is lost, a key frame is smaller.
const MOST_MISSING: usize = 250;

/// Between which numbers of the whole connection something of a stream is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) after: u64,
    pub(crate) before: u64,
}

impl Span {
    pub(crate) fn holds(self, number: u64) -> bool {
        self.after < number && number < self.before
    }
}

#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// The oldest first.
    lost: VecDeque<Lost>,
    /// When to ask, at the earliest.
    next: Option<Instant>,
}

#[derive(Debug)]
struct Lost {
    seq: u64,
    since: Instant,
    ask: Instant,
    requests: u8,
    span: Span,
}

impl Missing {
    /// Everything between two numbers has been jumped over.
    pub(crate) fn skipped(&mut self, now: Instant, from: u64, to: u64, span: Span) {
        let count = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        if count > MOST_MISSING {
            // It has started anew.
            *self = Self::default();
            return;
        }
        let ask = now + PATIENCE;
        self.lost.extend((from..to).map(|seq| Lost { seq, since: now, ask, requests: 0, span }));
        let surplus = self.lost.len().saturating_sub(MOST_MISSING);
        self.lost.drain(..surplus);
        if count > 0 {
            self.next = Some(self.next.map_or(ask, |next| next.min(ask)));
        }
    }

    pub(crate) fn came(&mut self, seq: u64) {
        if let Ok(index) = self.lost.binary_search_by_key(&seq, |lost| lost.seq) {
            self.lost.remove(index);
        }
    }

    /// Where it was.
    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> {
        let same = |index: &usize| *index == 0 || self.lost[*index].span != self.lost[*index - 1].span;
        (0..self.lost.len()).filter(same).map(|index| self.lost[index].span)
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// What to ask for now.
    pub(crate) fn ask(&mut self, now: Instant, round_trip: Duration) -> Vec<u16> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let given_up =
            |lost: &Lost| lost.requests >= MOST_REQUESTS || now.saturating_duration_since(lost.since) >= TOO_OLD;
        self.lost.retain(|lost| !given_up(lost));
        let again = now + round_trip.min(TOO_OLD) + MARGIN;
        let due = self.lost.iter_mut().filter(|lost| lost.ask <= now);
        let asked = due.map(|lost| {
            (lost.ask, lost.requests) = (again, lost.requests + 1);
            #[expect(clippy::cast_possible_truncation, reason = "as it stands in the header")]
            let low = lost.seq as u16;
            low
        });
        let asked = asked.collect();
        self.next = self.lost.iter().map(|lost| lost.ask).min();
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { after: 7, before: 9 };
    const ROUND_TRIP: Duration = Duration::from_millis(40);

    #[test]
    fn what_does_not_come_is_asked_for_once_a_round_trip() {
        let (start, mut missing) = (Instant::now(), Missing::default());
        missing.skipped(start, 0xffff, 0x1_0002, SPAN);
        missing.came(0x1_0000);
        assert!(missing.ask(start, ROUND_TRIP).is_empty(), "it may only have been overtaken");
        let mut now = start + PATIENCE;
        assert_eq!(missing.next(), Some(now));
        assert_eq!(missing.ask(now, ROUND_TRIP), [0xffff, 1]);
        assert!(missing.ask(now, ROUND_TRIP).is_empty(), "on its way");
        now += ROUND_TRIP + MARGIN;
        assert_eq!(missing.next(), Some(now));
        missing.came(0xffff);
        assert_eq!(missing.ask(now, ROUND_TRIP), [1]);
    }

    #[test]
    fn nothing_is_asked_for_for_ever() {
        let (start, mut missing) = (Instant::now(), Missing::default());
        missing.skipped(start, 5, 6, SPAN);
        let mut requests = 0;
        while let Some(next) = missing.next() {
            requests += missing.ask(next, Duration::ZERO).len();
        }
        assert_eq!(requests, usize::from(MOST_REQUESTS));
        missing.skipped(start, 7, 8, SPAN);
        assert!(missing.ask(start + TOO_OLD, ROUND_TRIP).is_empty());
        assert_eq!(missing.next(), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (start, mut missing) = (Instant::now(), Missing::default());
        for from in (0..10_000).step_by(100) {
            missing.skipped(start, from, from + 99, SPAN);
        }
        assert_eq!(missing.ask(start + PATIENCE, ROUND_TRIP).len(), MOST_MISSING);
        missing.skipped(start, 10_000, 90_000, SPAN);
        assert_eq!(missing.next(), None, "a stream that has started anew");
    }
}
