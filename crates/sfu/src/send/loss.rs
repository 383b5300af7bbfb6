//! How much of what is sent gets lost, second by second.

use std::time::{Duration, Instant};

use crate::estimate::Arrival;

const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Losses {
    since: Option<Instant>,
    reported: u16,
    lost: u16,
}

impl Losses {
    /// The share that was lost, once a second.
    pub(crate) fn count(&mut self, now: Instant, arrivals: &[Arrival]) -> Option<f32> {
        let since = *self.since.get_or_insert(now);
        let lost = arrivals.iter().filter(|arrival| arrival.at.is_none()).count();
        let add = |sum: u16, more: usize| sum.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        (self.reported, self.lost) = (add(self.reported, arrivals.len()), add(self.lost, lost));
        if now.saturating_duration_since(since) < INTERVAL || self.reported == 0 {
            return None;
        }
        let share = f32::from(self.lost) / f32::from(self.reported);
        *self = Self { since: Some(now), ..Self::default() };
        Some(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_of_the_last_second() {
        let (start, mut losses) = (Instant::now(), Losses::default());
        let report = |lost: u64| {
            let arrival = |number| Arrival { number, at: (number >= lost).then_some(Duration::ZERO) };
            (0..10).map(arrival).collect::<Vec<_>>()
        };
        assert_eq!(losses.count(start, &report(5)), None);
        assert_eq!(losses.count(start + INTERVAL / 2, &report(4)), None);
        assert_eq!(losses.count(start + INTERVAL, &report(0)), Some(0.3));
        assert_eq!(
            losses.count(start + INTERVAL * 2, &report(1)),
            Some(0.1),
            "what was before does not count any more"
        );
        assert_eq!(losses.count(start + INTERVAL * 4, &[]), None, "nothing is not nothing lost");
    }
}
