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
    spoken_of: Option<SpokenOf>,
    since: Option<Instant>,
    reported: u16,
    lost: u16,
    /// Of those, while no queue stood on the way.
    by_chance: u16,
    /// Of the seconds before, the last counting as much as all others.
    share: f32,
    many_until: Option<Instant>,
}

/// What has been heard of.
#[derive(Debug, Clone, Copy)]
struct SpokenOf {
    /// The newest report.
    report: u8,
    /// The first number that no report has spoken of.
    end: u64,
}

impl Losses {
    /// The share that was lost by chance, once a second. What a full queue loses would only be more if more were sent. `report` is the count that
    /// stands in the report.
    pub(crate) fn count(&mut self, now: Instant, report: u8, arrivals: &[Arrival], queue_stands: bool) -> Option<f32> {
        let since = *self.since.get_or_insert(now);
        let left_out = self.left_out(report, arrivals);
        let lost = left_out + arrivals.iter().filter(|arrival| arrival.at.is_none()).count();
        let add = |sum: u16, more: usize| sum.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        (self.reported, self.lost) = (add(self.reported, left_out + arrivals.len()), add(self.lost, lost));
        self.by_chance = add(self.by_chance, if queue_stands { 0 } else { lost });
        if now.saturating_duration_since(since) < INTERVAL || self.reported == 0 {
            return None;
        }
        let [share, by_chance] = [self.lost, self.by_chance].map(|lost| f32::from(lost) / f32::from(self.reported));
        let usual = self.share.midpoint(share);
        let many_until = if usual >= MANY { Some(now + MANY_FOR) } else { self.many_until };
        *self = Self { spoken_of: self.spoken_of, since: Some(now), share: usual, many_until, ..Self::default() };
        Some(by_chance)
    }

    /// Some receivers begin each report with the first packet that arrived since the one before, and so say nothing of what got lost in between.
    fn left_out(&mut self, report: u8, arrivals: &[Arrival]) -> usize {
        let (Some(first), Some(last)) = (arrivals.first(), arrivals.last()) else { return 0 };
        let end = last.number.saturating_add(1);
        let Some(before) = self.spoken_of.replace(SpokenOf { report, end }) else { return 0 };
        // Of what a report spoke of that got lost itself, nothing is known.
        if report != before.report.wrapping_add(1) {
            return 0;
        }
        self.spoken_of = Some(SpokenOf { report, end: end.max(before.end) });
        usize::from(u16::try_from(first.number.saturating_sub(before.end)).unwrap_or(u16::MAX))
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
        assert_eq!(losses.count(start, 0, &report(5), false), None);
        assert_eq!(losses.count(start + INTERVAL / 2, 0, &report(4), false), None);
        assert_eq!(losses.count(start + INTERVAL, 0, &report(0), false), Some(0.3));
        assert_eq!(
            losses.count(start + INTERVAL * 2, 0, &report(1), false),
            Some(0.1),
            "what was before does not count any more"
        );
        assert_eq!(losses.count(start + INTERVAL * 4, 0, &[], false), None, "nothing is not nothing lost");
        assert!(losses.are_many(start + INTERVAL * 11) && !losses.are_many(start + INTERVAL * 12), "for a while");
        assert!((losses.share() - 0.125).abs() < 0.001, "half of 0.1 and a quarter of 0.3: {}", losses.share());
    }

    #[test]
    fn what_a_full_queue_loses_is_not_lost_by_chance() {
        let (start, mut losses) = (Instant::now(), Losses::default());
        let report =
            |lost| (0..10).map(move |number| Arrival { number, at: (number >= lost).then_some(Duration::ZERO) });
        let [none, half, few] = [0, 5, 2].map(|lost| report(lost).collect::<Vec<_>>());
        losses.count(start, 0, &half, true);
        losses.count(start, 0, &few, false);
        assert_eq!(losses.count(start + INTERVAL, 0, &none, false), Some(2.0 / 30.0));
        assert!(losses.share() > 0.1, "it has to be sent again all the same");
    }

    #[test]
    fn what_no_report_speaks_of_between_two_of_them_was_lost() {
        let (start, mut losses) = (Instant::now(), Losses::default());
        let arrived = |numbers: std::ops::Range<u64>| -> Vec<Arrival> {
            numbers.map(|number| Arrival { number, at: Some(Duration::ZERO) }).collect()
        };
        assert_eq!(losses.count(start, 254, &arrived(100..108), false), None);
        losses.count(start, 255, &arrived(110..118), false);
        losses.count(start, 0, &arrived(120..128), false);
        losses.count(start, 1, &arrived(105..112), false);
        assert_eq!(losses.count(start + INTERVAL, 2, &arrived(128..129), false), Some(4.0 / 36.0));
        assert_eq!(losses.count(start + INTERVAL * 2, 4, &arrived(140..150), false), Some(0.0), "a report got lost");
        assert_eq!(losses.count(start + INTERVAL * 3, 3, &arrived(130..138), false), Some(0.0), "it was only late");
        assert_eq!(losses.count(start + INTERVAL * 4, 4, &[], false), None);
        assert_eq!(losses.count(start + INTERVAL * 5, 4, &arrived(u64::MAX - 1..u64::MAX), false), Some(1.0));
    }
}
