//! What was sent and has not been forgotten yet, by its transport-wide number.

use std::{collections::VecDeque, num::NonZeroU32};

use super::units::{Micros, SECOND};

/// A report that comes later than this tells nothing about the link of now.
const KEEP: Micros = 3 * SECOND;
/// 16 bytes each. At 12 Mbit/s these are three seconds; who sends faster has reports sooner, or none.
const MOST: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) at: Micros,
    pub(super) probe: Option<NonZeroU32>,
    pub(super) bytes: u16,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Numbers somebody skipped.
    NeverSent,
    Unknown,
    Lost,
    Arrived,
}

/// What a report says that was not known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Arrived,
    Lost,
    /// It was reported lost, and was only late.
    ArrivedAfterAll,
}

#[derive(Debug, Default)]
pub(super) struct History {
    /// The number of the first.
    first: u64,
    sent: VecDeque<Sent>,
}

impl History {
    /// Numbers go up; what comes again or late is not kept.
    pub(super) fn add(&mut self, at: Micros, number: u64, bytes: usize, probe: Option<u32>) {
        self.forget(at);
        let next = self.first.saturating_add(u64::try_from(self.sent.len()).unwrap_or(u64::MAX));
        let skipped = number.saturating_sub(next);
        if self.sent.is_empty() || skipped >= 1_000 {
            self.sent.clear();
            self.first = number;
        } else if number < next {
            return;
        } else {
            let gap = Sent { at, probe: None, bytes: 0, fate: Fate::NeverSent };
            self.sent.extend((0..skipped).map(|_| gap));
        }
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.sent.push_back(Sent { at, probe: probe.and_then(NonZeroU32::new), bytes, fate: Fate::Unknown });
        while self.sent.len() > MOST {
            self.drop_first();
        }
    }

    pub(super) fn settle(&mut self, number: u64, arrived: bool) -> Option<(Sent, News)> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let sent = self.sent.get_mut(index)?;
        let news = match (sent.fate, arrived) {
            (Fate::Unknown, true) => News::Arrived,
            (Fate::Unknown, false) => News::Lost,
            (Fate::Lost, true) => News::ArrivedAfterAll,
            (Fate::Lost, false) | (Fate::Arrived | Fate::NeverSent, _) => return None,
        };
        sent.fate = if arrived { Fate::Arrived } else { Fate::Lost };
        Some((*sent, news))
    }

    /// Gives back memory a faster time has left.
    pub(super) fn forget(&mut self, now: Micros) {
        while self.sent.front().is_some_and(|sent| now.saturating_sub(sent.at) > KEEP) {
            self.drop_first();
        }
        if self.sent.capacity() > 64 && self.sent.len() < self.sent.capacity() / 4 {
            self.sent.shrink_to(self.sent.len() * 2);
        }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.sent.capacity() * size_of::<Sent>()
    }

    fn drop_first(&mut self) {
        self.sent.pop_front();
        self.first = self.first.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_settled_once_and_may_turn_out_late() {
        let mut history = History::default();
        history.add(0, 10, 1_200, Some(3));
        history.add(1, 12, 70_000, None);
        let news = |settled: Option<(Sent, News)>| settled.map(|(_, news)| news);
        assert_eq!(news(history.settle(10, true)), Some(News::Arrived));
        assert_eq!(news(history.settle(10, true)), None, "twice");
        assert_eq!(news(history.settle(11, true)), None, "never sent");
        assert_eq!(news(history.settle(12, false)), Some(News::Lost));
        assert_eq!(news(history.settle(12, false)), None);
        let (sent, late) = history.settle(12, true).unwrap();
        assert_eq!((sent.bytes, late), (u16::MAX, News::ArrivedAfterAll));
        assert_eq!((news(history.settle(9, true)), news(history.settle(u64::MAX, true))), (None, None));
    }

    #[test]
    fn numbers_go_up_and_a_leap_starts_anew() {
        let mut history = History::default();
        history.add(0, 10, 1, None);
        history.add(1, 10, 2, None);
        history.add(2, 9, 3, None);
        assert_eq!(history.sent.len(), 1);
        history.add(3, u64::MAX, 4, None);
        history.add(4, u64::MAX, 5, None);
        assert!(history.settle(10, true).is_none());
        assert!(history.settle(u64::MAX, true).is_some());
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let mut history = History::default();
        for number in 0..100_000 {
            history.add(0, number, 1_200, None);
        }
        assert_eq!(history.sent.len(), MOST);
        history.forget(KEEP + 1);
        assert!(history.sent.capacity() <= 64, "{}", history.sent.capacity());
        assert_eq!(size_of::<Sent>(), 16);
    }
}
