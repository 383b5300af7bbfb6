//! Whether a queue grows: a line through the smoothed delays of the last groups, held against a threshold that adapts, so that flows that
//! fill queues by their nature do not starve this one (draft-ietf-rmcat-gcc-02, 5.3 to 5.5; the line in place of the draft's Kalman filter
//! and its parameters as in libwebrtc's trendline estimator).

use std::collections::VecDeque;

use super::{
    groups::Delta,
    units::{Micros, millis},
};

/// Groups the line is drawn through.
const WINDOW: usize = 20;
/// Of the past, in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// The slope says more the more groups it rests on, up to these.
const MOST_GROUPS: u32 = 60;
const GAIN: f64 = 4.0;
/// A slope must last this long, in milliseconds, to be more than chance.
const LASTING: f64 = 10.0;
/// The threshold, in milliseconds: at first, and its limits.
const FIRST: f64 = 12.5;
const LIMITS: (f64, f64) = (6.0, 600.0);
/// How fast it follows, per millisecond: slowly up, faster down.
const UP: f64 = 0.0087;
const DOWN: f64 = 0.039;
/// A slope that exceeds it by this much is a leap, which it does not follow.
const LEAP: f64 = 15.0;
/// A pause moves it no further than so many milliseconds do.
const LONGEST_STEP: f64 = 100.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Usage {
    #[default]
    Normal,
    /// A queue grows.
    Over,
    /// A queue empties.
    Under,
}

#[derive(Debug)]
pub(super) struct Trend {
    groups: u32,
    /// All delay since the beginning, in milliseconds.
    delay: f64,
    smoothed: f64,
    /// When groups arrived, and the smoothed delay then.
    points: VecDeque<(Micros, f64)>,
    slope: f64,
    threshold: f64,
    adapted: Option<Micros>,
    /// How long the slope has been over the threshold, and in how many groups.
    over: Option<(f64, u32)>,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            groups: 0,
            delay: 0.0,
            smoothed: 0.0,
            points: VecDeque::new(),
            slope: 0.0,
            threshold: FIRST,
            adapted: None,
            over: None,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn add(&mut self, delta: Delta) {
        self.groups = self.groups.saturating_add(1).min(MOST_GROUPS);
        self.delay += millis(delta.arrived) - millis(delta.sent);
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        if self.points.len() == WINDOW {
            self.points.pop_front();
        }
        self.points.push_back((delta.at, self.smoothed));
        let before = self.slope;
        if self.points.len() == WINDOW {
            self.slope = slope(&self.points).unwrap_or(self.slope);
        }
        self.judge(before, millis(delta.sent), delta.at);
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.points.capacity() * size_of::<(Micros, f64)>()
    }

    fn judge(&mut self, before: f64, passed: f64, at: Micros) {
        if self.groups < 2 {
            return;
        }
        let signal = f64::from(self.groups) * self.slope * GAIN;
        if signal > self.threshold {
            let (lasted, count) = self.over.map_or((passed / 2.0, 1), |(lasted, count)| (lasted + passed, count + 1));
            self.over = Some((lasted, count));
            if lasted > LASTING && count > 1 && self.slope >= before {
                self.over = None;
                self.usage = Usage::Over;
            }
        } else {
            self.over = None;
            self.usage = if signal < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.adapt(signal.abs(), at);
    }

    fn adapt(&mut self, signal: f64, at: Micros) {
        let passed = millis(at.saturating_sub(self.adapted.unwrap_or(at))).clamp(0.0, LONGEST_STEP);
        self.adapted = Some(at);
        if signal > self.threshold + LEAP {
            return;
        }
        let speed = if signal < self.threshold { DOWN } else { UP };
        self.threshold = (self.threshold + speed * (signal - self.threshold) * passed).clamp(LIMITS.0, LIMITS.1);
    }
}

/// Of the line with the least squares; none if all arrived at once.
fn slope(points: &VecDeque<(Micros, f64)>) -> Option<f64> {
    let &(origin, _) = points.front()?;
    let count = f64::from(u32::try_from(points.len()).ok()?);
    let at = |time: Micros| millis(time.saturating_sub(origin));
    let middle_x = points.iter().map(|(time, _)| at(*time)).sum::<f64>() / count;
    let middle_y = points.iter().map(|(_, delay)| delay).sum::<f64>() / count;
    let (mut rise, mut run) = (0.0, 0.0);
    for (time, delay) in points {
        rise += (at(*time) - middle_x) * (delay - middle_y);
        run += (at(*time) - middle_x).powi(2);
    }
    (run > 0.0).then(|| rise / run)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups 20 ms apart, each `later` ms later than the one before.
    fn feed(trend: &mut Trend, start: Micros, groups: i64, later: i64) -> Micros {
        let mut at = start;
        for _ in 0..groups {
            at += (20 + later) * 1_000;
            trend.add(Delta { sent: 20_000, arrived: (20 + later) * 1_000, at });
        }
        at
    }

    #[test]
    fn a_queue_that_grows_is_seen_and_one_that_empties() {
        let mut trend = Trend::default();
        let at = feed(&mut trend, 0, 40, 0);
        assert_eq!(trend.usage(), Usage::Normal);
        let at = feed(&mut trend, at, 20, 4);
        assert_eq!(trend.usage(), Usage::Over);
        let at = feed(&mut trend, at, 30, -4);
        assert_eq!(trend.usage(), Usage::Under);
        feed(&mut trend, at, 60, 0);
        assert_eq!(trend.usage(), Usage::Normal);
    }

    #[test]
    fn jitter_is_no_queue() {
        let mut trend = Trend::default();
        let mut at = 0;
        for index in 0..200_i64 {
            let late = [0, 9, -9, 3, -3][usize::try_from(index % 5).unwrap()];
            at += (20 + late) * 1_000;
            trend.add(Delta { sent: 20_000, arrived: (20 + late) * 1_000, at });
            assert_ne!(trend.usage(), Usage::Over, "group {index}");
        }
    }

    #[test]
    fn the_threshold_follows_a_slope_that_lasts() {
        let mut trend = Trend::default();
        let at = feed(&mut trend, 0, 100, 0);
        assert!(trend.threshold < FIRST, "{}", trend.threshold);
        for _ in 0..20 {
            let at = feed(&mut trend, at, 10, 1);
            feed(&mut trend, at, 10, -1);
        }
        assert!(trend.threshold >= LIMITS.0);
        let calm = trend.threshold;
        trend.adapt(calm + 10.0, at + 1_000_000);
        assert!(trend.threshold > calm);
        let raised = trend.threshold;
        trend.adapt(raised + LEAP + 1.0, at + 2_000_000);
        assert!((trend.threshold - raised).abs() < f64::EPSILON, "a leap is not followed");
    }

    #[test]
    fn all_at_one_moment_has_no_slope() {
        assert_eq!(slope(&VecDeque::from([(5, 1.0), (5, 2.0)])), None);
        assert_eq!(slope(&VecDeque::new()), None);
    }

    #[test]
    fn one_group_is_no_trend() {
        let mut trend = Trend::default();
        let at = feed(&mut trend, 0, 40, 0);
        let at = feed(&mut trend, at, 1, 600);
        assert!(trend.slope * f64::from(MOST_GROUPS) * GAIN > trend.threshold);
        assert_eq!(trend.usage(), Usage::Normal);
        feed(&mut trend, at, 1, 0);
        assert_eq!(trend.usage(), Usage::Over);
    }
}
