//! How much of what is sent gets lost, second by second.

use std::time::{Duration, Instant};

use crate::estimate::Arrival;

const INTERVAL: Duration = Duration::from_secs(1);
/// From such a share on, most pictures have a gap at first.
const MANY: f32 = 0.05;
/// And for so long after: losses come and go.
const MANY_FOR: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Losses {
    since: Option<Instant>,
    reported: u16,
    lost: u16,
    /// Of those, while no queue stood on the way.
    by_chance: u16,
    /// Of the seconds before, the last counting as much as all others.
    share: f32,
    many_until: Option<Instant>,
}

impl Losses {
    /// The share that was lost by chance, once a second. What a full queue loses would only be more if more were sent.
    pub(crate) fn count(&mut self, now: Instant, arrivals: &[Arrival], queue_stands: bool) -> Option<f32> {
        let since = *self.since.get_or_insert(now);
        let lost = arrivals.iter().filter(|arrival| arrival.at.is_none()).count();
        let add = |sum: u16, more: usize| sum.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        (self.reported, self.lost) = (add(self.reported, arrivals.len()), add(self.lost, lost));
        self.by_chance = add(self.by_chance, if queue_stands { 0 } else { lost });
        if now.saturating_duration_since(since) < INTERVAL || self.reported == 0 {
            return None;
        }
        let [share, by_chance] = [self.lost, self.by_chance].map(|lost| f32::from(lost) / f32::from(self.reported));
        let usual = self.share.midpoint(share);
        let many_until = if usual >= MANY { Some(now + MANY_FOR) } else { self.many_until };
        *self = Self { since: Some(now), share: usual, many_until, ..Self::default() };
        Some(by_chance)
    }

    /// Whether much has to be sent again, which takes time.
    pub(crate) fn are_many(&self, now: Instant) -> bool {
        self.many_until.is_some_and(|until| now < until)
    }

    /// What is lost these days, from 0 to 1.
    pub(crate) fn share(&self) -> f32 {
        self.share
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
        assert_eq!(losses.count(start, &report(5), false), None);
        assert_eq!(losses.count(start + INTERVAL / 2, &report(4), false), None);
        assert_eq!(losses.count(start + INTERVAL, &report(0), false), Some(0.3));
        assert_eq!(
            losses.count(start + INTERVAL * 2, &report(1), false),
            Some(0.1),
            "what was before does not count any more"
        );
        assert_eq!(losses.count(start + INTERVAL * 4, &[], false), None, "nothing is not nothing lost");
        assert!(losses.are_many(start + INTERVAL * 11) && !losses.are_many(start + INTERVAL * 12), "for a while");
        assert!((losses.share() - 0.125).abs() < 0.001, "half of 0.1 and a quarter of 0.3: {}", losses.share());
    }

    #[test]
    fn what_a_full_queue_loses_is_not_lost_by_chance() {
        let (start, mut losses) = (Instant::now(), Losses::default());
        let report =
            |lost| (0..10).map(move |number| Arrival { number, at: (number >= lost).then_some(Duration::ZERO) });
        let [none, half, few] = [0, 5, 2].map(|lost| report(lost).collect::<Vec<_>>());
        losses.count(start, &half, true);
        losses.count(start, &few, false);
        assert_eq!(losses.count(start + INTERVAL, &none, false), Some(2.0 / 30.0));
        assert!(losses.share() > 0.1, "it has to be sent again all the same");
    }
}
