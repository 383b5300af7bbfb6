//! The rate that follows from growing and emptying queues: slowly up, at once down (draft-ietf-rmcat-gcc-02, 5.5 and 5.6; parameters as in
//! libwebrtc's AIMD rate control).

use super::{
    trend::Usage,
    units::{MILLISECOND, Micros, SECOND, float, percent},
};

/// Never below: sound goes through, and reports keep coming.
pub(super) const LEAST: u64 = 30_000;
/// More than any client takes; keeps arithmetic far from its ends.
pub(super) const MOST: u64 = 1_000_000_000;
/// After a queue has grown, of what came through.
const DECREASE_PERCENT: u64 = 85;
/// Far from what the link is known to carry, in a second.
const GROWTH_PERCENT: u64 = 8;
/// What came through says nothing about rates much higher.
const AHEAD_PERCENT: u64 = 150;
const AHEAD_BITS: u64 = 10_000;
/// What passes between a change of the rate and the first sign of its effect, besides the round trip.
const RESPONSE: Micros = 100 * MILLISECOND;

#[derive(Debug)]
pub(super) struct Control {
    rate: u64,
    /// Whether it waits for a queue to empty.
    holds: bool,
    changed: Option<Micros>,
    decreased: Option<Micros>,
    capacity: Capacity,
}

impl Control {
    pub(super) fn new(first: u64) -> Self {
        Self {
            rate: first.clamp(LEAST, MOST),
            holds: false,
            changed: None,
            decreased: None,
            capacity: Capacity::default(),
        }
    }

    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    pub(super) fn decreased(&self) -> Option<Micros> {
        self.decreased
    }

    /// With each report. `through` is what arrived lately, in bit/s.
    pub(super) fn update(&mut self, now: Micros, usage: Usage, through: Option<u64>, round_trip: Micros) {
        match usage {
            Usage::Over => self.decrease(now, through, round_trip),
            Usage::Under => self.holds = true,
            Usage::Normal if self.holds => self.holds = false,
            Usage::Normal => self.increase(now, through, round_trip),
        }
        self.changed = Some(now);
    }

    /// A burst has shown what gets through.
    pub(super) fn probed(&mut self, measured: u64, through: Option<u64>) {
        // A burst among other traffic may measure too little.
        let least = through.map_or(0, |through| percent(through, DECREASE_PERCENT)).min(self.rate);
        self.rate = measured.max(least).clamp(LEAST, MOST);
    }

    /// Nothing is heard any more.
    pub(super) fn halve(&mut self, now: Micros) {
        self.rate = (self.rate / 2).max(LEAST);
        self.decreased = Some(now);
        self.holds = true;
    }

    fn increase(&mut self, now: Micros, through: Option<u64>, round_trip: Micros) {
        let Some(through) = through else { return };
        self.capacity.reset_above(through);
        let limit = percent(through, AHEAD_PERCENT).saturating_add(AHEAD_BITS);
        if self.rate >= limit {
            return;
        }
        let passed = now.saturating_sub(self.changed.unwrap_or(now)).clamp(0, SECOND);
        let second = if self.capacity.is_known() {
            self.packet_per_response(round_trip)
        } else {
            percent(self.rate, GROWTH_PERCENT).max(1_000)
        };
        let step = second.saturating_mul(passed.unsigned_abs()) / SECOND.unsigned_abs();
        self.rate = self.rate.saturating_add(step).min(limit).clamp(LEAST, MOST);
    }

    /// In bit/s per second. Near what the link carries, each step should be seen before the next.
    fn packet_per_response(&self, round_trip: Micros) -> u64 {
        let picture = self.rate / 30 / 8;
        let packet = picture / picture.div_ceil(1_200).max(1);
        let response = round_trip.clamp(0, SECOND).saturating_add(RESPONSE).unsigned_abs();
        (packet * 8 * SECOND.unsigned_abs() / response).max(4_000)
    }

    fn decrease(&mut self, now: Micros, through: Option<u64>, round_trip: Micros) {
        let pause = round_trip.clamp(10 * MILLISECOND, 200 * MILLISECOND);
        let far_off = through.is_some_and(|through| through < self.rate / 2);
        if !far_off && self.decreased.is_some_and(|at| now.saturating_sub(at) < pause) {
            return;
        }
        let Some(through) = through else {
            self.halve(now);
            return;
        };
        let mut lower = percent(through, DECREASE_PERCENT);
        if lower > self.rate {
            lower = self.capacity.percent(DECREASE_PERCENT).unwrap_or(lower);
        }
        self.rate = lower.min(self.rate).max(LEAST);
        self.capacity.carried(through);
        self.decreased = Some(now);
        self.holds = true;
    }
}

/// What the link carried whenever a queue grew, as an average and a deviation, in kbit/s.
#[derive(Debug, Default)]
struct Capacity {
    average: Option<u64>,
    /// The variance divided by the average.
    variance: f64,
}

impl Capacity {
    /// Of a new measurement, in the average.
    const WEIGHT_PERCENT: u64 = 5;
    /// The limits of the variance; it begins at the lower one.
    const VARIANCE: (f64, f64) = (0.4, 2.5);

    fn is_known(&self) -> bool {
        self.average.is_some()
    }

    fn percent(&self, share: u64) -> Option<u64> {
        self.average.map(|average| percent(average, share))
    }

    /// A rate that differs by more than three deviations is another link.
    fn reach(&self) -> f64 {
        self.average.map_or(0.0, |average| 3.0 * (self.variance * float(average) / 1_000.0).sqrt() * 1_000.0)
    }

    fn reset_above(&mut self, through: u64) {
        if self.average.is_some_and(|average| float(through) > float(average) + self.reach()) {
            self.average = None;
        }
    }

    fn carried(&mut self, through: u64) {
        if self.average.is_some_and(|average| float(through) < float(average) - self.reach()) {
            self.average = None;
        }
        let Some(average) = self.average else {
            self.average = Some(through);
            self.variance = Self::VARIANCE.0;
            return;
        };
        let mixed = percent(average, 100 - Self::WEIGHT_PERCENT) + percent(through, Self::WEIGHT_PERCENT);
        let error = (float(mixed) - float(through)) / 1_000.0;
        let normal = (float(mixed) / 1_000.0).max(1.0);
        let variance = 0.95 * self.variance + 0.05 * error * error / normal;
        self.average = Some(mixed);
        self.variance = variance.clamp(Self::VARIANCE.0, Self::VARIANCE.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Micros = 50 * MILLISECOND;

    fn run(control: &mut Control, from: Micros, seconds: i64, usage: Usage, through: Option<u64>) -> Micros {
        let mut now = from;
        for _ in 0..seconds * 20 {
            now += 50 * MILLISECOND;
            control.update(now, usage, through, ROUND_TRIP);
        }
        now
    }

    #[test]
    fn grows_by_eight_per_cent_a_second_where_nothing_is_known() {
        let mut control = Control::new(1_000_000);
        control.update(0, Usage::Normal, Some(2_000_000), ROUND_TRIP);
        run(&mut control, 0, 2, Usage::Normal, Some(2_000_000));
        assert!((1_160_000..1_180_000).contains(&control.rate()), "{}", control.rate());
    }

    #[test]
    fn grows_by_a_packet_per_response_near_what_the_link_carries() {
        let mut control = Control::new(1_000_000);
        control.update(0, Usage::Over, Some(1_000_000), ROUND_TRIP);
        assert_eq!(control.rate(), 850_000);
        let from = run(&mut control, 0, 1, Usage::Normal, Some(1_000_000));
        let before = control.rate();
        run(&mut control, from, 1, Usage::Normal, Some(1_000_000));
        let step = control.rate() - before;
        assert!((40_000..66_000).contains(&step), "{step}");
    }

    #[test]
    fn forgets_what_the_link_carried_when_more_gets_through() {
        let mut control = Control::new(1_000_000);
        control.update(0, Usage::Over, Some(1_000_000), ROUND_TRIP);
        assert!(control.capacity.is_known());
        run(&mut control, 0, 1, Usage::Normal, Some(1_300_000));
        assert!(!control.capacity.is_known());
    }

    #[test]
    fn what_came_through_limits_growth() {
        let mut control = Control::new(1_000_000);
        run(&mut control, 0, 60, Usage::Normal, Some(800_000));
        assert_eq!(control.rate(), 1_210_000);
        run(&mut control, 0, 60, Usage::Normal, Some(100_000));
        assert_eq!(control.rate(), 1_210_000, "and does not lower");
        let mut control = Control::new(1_000_000);
        run(&mut control, 0, 60, Usage::Normal, None);
        assert_eq!(control.rate(), 1_000_000, "nothing came through yet");
    }

    #[test]
    fn falls_once_per_round_trip_unless_far_off() {
        let mut control = Control::new(1_000_000);
        control.update(0, Usage::Over, Some(1_000_000), ROUND_TRIP);
        control.update(MILLISECOND, Usage::Over, Some(900_000), ROUND_TRIP);
        assert_eq!(control.rate(), 850_000);
        control.update(2 * MILLISECOND, Usage::Over, Some(400_000), ROUND_TRIP);
        assert_eq!(control.rate(), 340_000);
        control.update(SECOND, Usage::Over, Some(2_000_000), ROUND_TRIP);
        assert!(control.rate() <= 340_000, "never up");
        control.update(2 * SECOND, Usage::Over, Some(1), ROUND_TRIP);
        assert_eq!(control.rate(), LEAST);
    }

    #[test]
    fn a_queue_that_empties_is_waited_for() {
        let mut control = Control::new(1_000_000);
        run(&mut control, 0, 5, Usage::Under, Some(2_000_000));
        assert_eq!(control.rate(), 1_000_000);
    }

    #[test]
    fn a_burst_lowers_no_further_than_what_came_through() {
        let mut control = Control::new(1_000_000);
        control.probed(200_000, Some(1_000_000));
        assert_eq!(control.rate(), 850_000);
        control.probed(3_000_000, Some(1_000_000));
        assert_eq!(control.rate(), 3_000_000);
        control.probed(300_000, None);
        assert_eq!(control.rate(), 300_000);
    }

    #[test]
    fn after_a_fall_the_first_calm_report_is_waited_for() {
        let mut control = Control::new(1_000_000);
        control.update(0, Usage::Over, Some(1_000_000), ROUND_TRIP);
        control.update(SECOND, Usage::Normal, Some(1_000_000), ROUND_TRIP);
        assert_eq!(control.rate(), 850_000);
        control.update(2 * SECOND, Usage::Normal, Some(1_000_000), ROUND_TRIP);
        assert!(control.rate() > 850_000);
    }

    #[test]
    fn more_than_the_rate_coming_through_is_no_reason_to_stay() {
        let mut control = Control::new(1_000_000);
        control.update(0, Usage::Over, Some(1_000_000), ROUND_TRIP);
        control.probed(900_000, None);
        control.update(SECOND, Usage::Over, Some(1_100_000), ROUND_TRIP);
        assert_eq!(control.rate(), 850_000, "of what the link is known to carry");
    }

    #[test]
    fn a_link_that_carries_much_less_is_another() {
        let mut capacity = Capacity::default();
        capacity.carried(1_000_000);
        capacity.carried(950_000);
        assert_eq!(capacity.average, Some(997_500));
        capacity.carried(300_000);
        assert_eq!(capacity.average, Some(300_000));
    }
}
