//! What losses say. A loss may be congestion or the way of the link; the classic rule (over 10 % lowers) gives up on links that lose by
//! chance. So it is asked which of two stories explains the last windows better: *the link carries c, and what is above is lost*, or *each
//! packet is lost with the same chance p, at any rate*. Of a window with n packets sent at r, 1 - (1 - p) * min(1, c / r) are lost.
//! libwebrtc's second loss estimator asks alike.
//!
//! At one constant rate both explain the same. Then the first story is believed, and the rate goes down a little; if as much is lost as
//! before, that was the answer, and p is remembered, so that it is not asked again. What is lost while a queue stands is congestion.

use std::collections::VecDeque;

use super::{
    control::LEAST,
    units::{MILLISECOND, Micros, SECOND, float, percent, rate},
};

/// A window is closed when it is as long and has as many packets, or is the longest.
const SHORTEST: Micros = 200 * MILLISECOND;
const LONGEST: Micros = SECOND;
const ENOUGH: u32 = 20;
/// Windows that are remembered, and the weight each has of the one after it.
const WINDOWS: usize = 20;
const WEIGHT: f64 = 0.9;
/// Less than this is nobody's fault.
const TOLERATED: f64 = 0.02;
/// In a standing queue, above this.
const CONGESTED_PERCENT: u64 = 10;
/// What chance that is not known yet costs the second story, in natural logarithms of likelihood. With [`MARGIN`], a constant loss of 10 %
/// or more is asked about, where the classic rule lowers.
const DOUBT: f64 = 20.0;
const MARGIN: f64 = 2.0;
/// Limits that are tried, each a tenth below the one before: down to an eighth.
const STEPS: usize = 20;
/// No link is believed to lose more by chance.
const MOST_CHANCE: f64 = 0.4;
/// How fast a chance is learned.
const LEARNING: f64 = 0.5;
/// Even who explains all must expect a few losses.
const FLOOR: f64 = 0.01;
/// Below what the link carries, so that the answer is clear.
const BELOW_PERCENT: u64 = 95;
/// Up again, with each window that lost next to nothing: towards a limit that may be there still.
const UP_PERCENT: u64 = 104;
/// And with each that lost by chance.
const UP_BY_CHANCE_PERCENT: u64 = 108;

#[derive(Debug, Default)]
struct Window {
    first: Option<Micros>,
    last: Micros,
    first_bytes: u64,
    bytes: u64,
    packets: u32,
    lost: u32,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// What was sent, in bit/s.
    rate: u64,
    packets: f64,
    lost: f64,
}

#[derive(Debug, Default)]
pub(super) struct Loss {
    window: Window,
    /// Latest first.
    seen: VecDeque<Seen>,
    chance: f64,
    bound: Option<u64>,
    /// Whether the last window was a reproach.
    congested: bool,
}

impl Loss {
    /// What losses allow; none if they say nothing.
    pub(super) fn bound(&self) -> Option<u64> {
        self.bound
    }

    pub(super) fn is_congested(&self) -> bool {
        self.congested
    }

    /// A burst has shown that so much gets through: what was seen of a limit below it is no longer true.
    pub(super) fn got_through(&mut self, measured: u64) {
        if let Some(bound) = self.bound.as_mut().filter(|bound| **bound < measured) {
            *bound = measured;
            self.seen.clear();
        }
    }

    pub(super) fn settled(&mut self, sent: Micros, bytes: u16, lost: bool) {
        let window = &mut self.window;
        if window.first.is_none() {
            (window.first, window.first_bytes) = (Some(sent), u64::from(bytes));
        }
        window.last = window.last.max(sent);
        window.bytes += u64::from(bytes);
        window.packets += 1;
        window.lost += u32::from(lost);
    }

    pub(super) fn arrived_after_all(&mut self) {
        self.window.lost = self.window.lost.saturating_sub(1);
    }

    /// With each report. `allowed` is what queues allow.
    pub(super) fn conclude(&mut self, queue_stands: bool, allowed: u64) {
        let Some(seen) = self.window.complete() else { return };
        self.window = Window::default();
        if queue_stands {
            self.congested(seen);
        } else {
            self.remember(seen);
            self.judge(allowed);
        }
        self.bound = self.bound.map(|bound| bound.max(LEAST));
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.seen.capacity() * size_of::<Seen>()
    }

    fn congested(&mut self, seen: Seen) {
        let share = seen.lost / seen.packets;
        if share * 100.0 > float(CONGESTED_PERCENT) + self.chance * 100.0 {
            let lower = percent(seen.through(), BELOW_PERCENT);
            self.bound = Some(self.bound.map_or(lower, |bound| bound.min(lower)));
            self.congested = true;
        }
    }

    fn remember(&mut self, seen: Seen) {
        self.seen.truncate(WINDOWS - 1);
        self.seen.push_front(seen);
    }

    fn judge(&mut self, allowed: u64) {
        let weighted =
            |value: fn(&Seen) -> f64| self.weighted().map(|(seen, weight)| value(seen) * weight).sum::<f64>();
        let share = weighted(|seen| seen.lost) / weighted(|seen| seen.packets).max(1.0);
        if share < TOLERATED {
            self.chance *= 1.0 - LEARNING;
            self.rise(UP_PERCENT, allowed);
            return;
        }
        let by_chance = self.by_chance();
        let doubt = DOUBT * (by_chance.chance - self.chance).max(0.0);
        let Some(latest) = self.seen.front().copied() else { return };
        let (carries, likelihood) = self.carried(u64::MAX);
        if likelihood > by_chance.likelihood - doubt + MARGIN {
            // Not below what has just come through, whatever the story: to ask, it need not fall far.
            self.bound = Some(percent(carries.max(latest.through()), BELOW_PERCENT));
            self.congested = true;
            return;
        }
        // At one rate, what is lost above a limit is the same as chance; it is learned only from what no limit explains.
        if by_chance.likelihood > self.carried(latest.rate).1 + MARGIN {
            self.chance += LEARNING * (by_chance.chance - self.chance);
        }
        self.rise(UP_BY_CHANCE_PERCENT, allowed);
    }

    fn rise(&mut self, to_percent: u64, allowed: u64) {
        self.congested = false;
        self.bound = self.bound.map(|bound| percent(bound, to_percent)).filter(|bound| *bound < allowed);
    }

    /// What the link most likely carries, of less than so much, if it loses by chance no more than is known; in steps of a tenth.
    fn carried(&self, below: u64) -> (u64, f64) {
        let highest = self.seen.iter().map(|seen| seen.rate).max().unwrap_or(0);
        let steps = std::iter::successors(Some(highest), |carries| Some(percent(*carries, 90))).take(STEPS);
        let stories = steps.filter(|carries| *carries < below).map(|carries| (carries, self.story(carries)));
        let best = stories.max_by(|(_, a), (_, b)| a.likelihood.total_cmp(&b.likelihood));
        best.map_or((0, f64::NEG_INFINITY), |(carries, story)| (carries, story.likelihood))
    }

    fn by_chance(&self) -> Story {
        self.explain(u64::MAX, MOST_CHANCE)
    }

    fn story(&self, carries: u64) -> Story {
        self.explain(carries, self.chance)
    }

    fn weighted(&self) -> impl Iterator<Item = (&Seen, f64)> {
        self.seen.iter().zip(std::iter::successors(Some(1.0), |weight| Some(weight * WEIGHT)))
    }

    /// How well a link that carries so much, and loses by chance no more than `most`, explains what was seen.
    fn explain(&self, carries: u64, most: f64) -> Story {
        let passes = |seen: &Seen| if carries < seen.rate { float(carries) / float(seen.rate) } else { 1.0 };
        let (mut arrived, mut could_arrive) = (0.0, 0.0);
        for (seen, weight) in self.weighted() {
            arrived += weight * (seen.packets - seen.lost);
            could_arrive += weight * seen.packets * passes(seen);
        }
        let chance = if could_arrive > 0.0 { (1.0 - arrived / could_arrive).clamp(0.0, most) } else { 0.0 };
        let likelihood = self.weighted().map(|(seen, weight)| {
            let lost = (1.0 - (1.0 - chance) * passes(seen)).clamp(FLOOR, 1.0 - FLOOR);
            weight * (seen.lost * lost.ln() + (seen.packets - seen.lost) * (1.0 - lost).ln())
        });
        Story { chance, likelihood: likelihood.sum() }
    }
}

/// A way to explain what was seen, and the natural logarithm of how likely it makes it.
struct Story {
    chance: f64,
    likelihood: f64,
}

impl Seen {
    fn through(&self) -> u64 {
        let share = 1.0 - self.lost / self.packets;
        std::time::Duration::from_secs(self.rate).mul_f64(share.clamp(0.0, 1.0)).as_secs()
    }
}

impl Window {
    fn complete(&self) -> Option<Seen> {
        let lasted = self.last.saturating_sub(self.first?);
        let complete = lasted >= SHORTEST && self.packets >= ENOUGH || lasted >= LONGEST;
        if !complete {
            return None;
        }
        let rate = rate(self.bytes - self.first_bytes, lasted)?;
        Some(Seen { rate, packets: f64::from(self.packets), lost: f64::from(self.lost) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that carries so much, in bit/s, and loses so many of a hundred by chance.
    struct Link {
        carries: u64,
        lost_percent: u64,
        sent: Micros,
        packets: u64,
        credit: u64,
    }

    impl Link {
        fn new(carries: u64, lost_percent: u64) -> Self {
            Self { carries, lost_percent, sent: 0, packets: 0, credit: 0 }
        }

        /// Sends at a rate for half a second, in packets of 1,000 bytes.
        fn send(&mut self, loss: &mut Loss, rate: u64) {
            for _ in 0..rate / 16_000 {
                self.sent += Micros::try_from(8_000 * 1_000_000 / rate).unwrap();
                self.packets += 1;
                self.credit = (self.credit + self.carries * 8_000 / rate).min(16_000);
                let passes = self.credit >= 8_000;
                self.credit -= if passes { 8_000 } else { 0 };
                let unlucky = self.packets * 37 % 100 < self.lost_percent;
                loss.settled(self.sent, 1_000, !passes || unlucky);
                loss.conclude(false, 5_000_000);
            }
        }
    }

    #[test]
    fn a_link_that_polices_is_not_sent_more_than_it_carries() {
        let (mut loss, mut link) = (Loss::default(), Link::new(1_000_000, 0));
        for rate in [700_000, 800_000, 900_000, 1_000_000, 1_100_000, 1_200_000, 1_300_000] {
            link.send(&mut loss, rate);
        }
        let bound = loss.bound().unwrap();
        assert!((800_000..1_050_000).contains(&bound), "{bound}");
        let mut most = 0;
        for _ in 0..40 {
            let rate = loss.bound().unwrap_or(2_000_000).min(2_000_000);
            most = most.max(rate);
            link.send(&mut loss, rate);
        }
        assert!(most < 1_300_000, "{most}");
    }

    #[test]
    fn a_link_that_loses_by_chance_is_not_given_up() {
        let (mut loss, mut link) = (Loss::default(), Link::new(u64::MAX / 8_000, 20));
        for rate in [600_000, 700_000, 900_000, 1_200_000, 1_600_000, 2_000_000] {
            link.send(&mut loss, rate);
        }
        let rates = (0..60).map(|_| {
            let rate = loss.bound().unwrap_or(2_000_000).min(2_000_000);
            link.send(&mut loss, rate);
            rate
        });
        let rates: Vec<u64> = rates.collect();
        let low = rates.iter().filter(|rate| **rate < 1_800_000).count();
        assert!(low < 6, "{rates:?}");
    }

    #[test]
    fn chance_that_begins_at_a_constant_rate_is_asked_about_once() {
        let (mut loss, mut link) = (Loss::default(), Link::new(u64::MAX / 8_000, 0));
        for _ in 0..20 {
            link.send(&mut loss, 1_000_000);
        }
        assert_eq!(loss.bound(), None);
        link.lost_percent = 20;
        let mut rates = Vec::new();
        for _ in 0..80 {
            let rate = loss.bound().unwrap_or(1_000_000).min(1_000_000);
            rates.push(rate);
            link.send(&mut loss, rate);
        }
        assert!(rates[..10].iter().any(|rate| *rate < 900_000), "first it is believed to be congestion: {rates:?}");
        assert!(rates.iter().all(|rate| *rate > 500_000), "{rates:?}");
        assert!(rates[40..].iter().all(|rate| *rate > 900_000), "then to be chance: {rates:?}");
        assert!((0.1..0.25).contains(&loss.chance), "{}", loss.chance);
        link.lost_percent = 0;
        for _ in 0..30 {
            link.send(&mut loss, 1_000_000);
        }
        assert!(loss.chance < 0.02, "and it is forgotten: {}", loss.chance);
    }

    #[test]
    fn a_loss_in_a_standing_queue_is_congestion() {
        let mut loss = Loss { chance: 0.05, ..Loss::default() };
        for index in 0..41 {
            loss.settled(index * 10 * MILLISECOND, 1_000, index % 4 == 0);
        }
        loss.conclude(true, 1_000_000);
        let bound = loss.bound().unwrap();
        assert!((520_000..620_000).contains(&bound), "{bound}");
    }

    #[test]
    fn what_was_only_late_is_no_loss() {
        let mut loss = Loss::default();
        for index in 0..41 {
            loss.settled(index * 10 * MILLISECOND, 1_000, true);
            loss.arrived_after_all();
        }
        loss.conclude(false, 1_000_000);
        assert_eq!(loss.bound(), None);
        loss.arrived_after_all();
    }

    fn seen(rate: u64, lost: f64) -> Seen {
        Seen { rate, packets: 20.0, lost }
    }

    #[test]
    fn to_ask_it_falls_no_further_than_what_came_through() {
        let windows = [seen(1_000_000, 1.0), seen(1_000_000, 10.0), seen(1_000_000, 10.0)];
        let mut loss = Loss { seen: windows.into(), ..Loss::default() };
        loss.judge(1_000_000);
        assert!(loss.is_congested());
        assert_eq!(loss.bound(), Some(902_500));
    }

    #[test]
    fn a_burst_that_gets_through_refutes_a_limit() {
        let mut loss =
            Loss { seen: [seen(500_000, 5.0)].into(), bound: Some(400_000), congested: true, ..Loss::default() };
        loss.got_through(300_000);
        assert_eq!((loss.bound(), loss.seen.len()), (Some(400_000), 1));
        loss.got_through(900_000);
        assert_eq!((loss.bound(), loss.seen.len()), (Some(900_000), 0));
    }

    #[test]
    fn a_limit_above_what_queues_allow_is_none() {
        let mut loss = Loss { seen: [seen(500_000, 0.0)].into(), bound: Some(900_000), ..Loss::default() };
        loss.judge(950_000);
        assert_eq!(loss.bound(), Some(936_000));
        loss.judge(950_000);
        assert_eq!(loss.bound(), None);
    }
}
