//! What losses say. A loss may be congestion or the way of the link; the classic rule (over 10 % lowers) gives up on links that lose by
//! chance. So it is asked which of two stories explains the last windows better: *the link carries c, and what is above is lost*, or *each
//! packet is lost with the same chance p, at any rate*. Of a window with n packets sent at r, 1 - (1 - p) * min(1, c / r) are lost.
//! libwebrtc's second loss estimator asks alike.
//!
//! At one constant rate both explain the same. Then the first story is believed, and the rate goes down a little; if as much is lost as
//! before, that was the answer, and p is remembered, so that it is not asked again. A burst that gets through where there was said to be a
//! limit is an answer as well. What is lost while a queue stands is congestion.

mod stories;
#[cfg(test)]
mod tests;
mod window;

use self::{
    stories::{Seen, Windows},
    window::Window,
};
use super::{
    control::LEAST,
    units::{Micros, float, percent},
};

/// Less than this is nobody's fault.
const TOLERATED: f64 = 0.02;
/// In a standing queue, above this.
const CONGESTED_PERCENT: u64 = 10;
/// What chance that is not known yet costs the second story, in natural logarithms of likelihood. With [`MARGIN`], a constant loss of 10 %
/// or more is asked about, where the classic rule lowers.
const DOUBT: f64 = 20.0;
const MARGIN: f64 = 2.0;
/// Chance that is known loses more than usual now and then, above all of few packets; so much better, in the same measure, must a limit explain
/// it to be one. With more, links with hardly a queue are sent more than they carry for longer; with less, those that lose by chance are
/// given up for a bad second.
const UNUSUAL: f64 = 3.0;
/// How fast a chance is learned.
const LEARNING: f64 = 0.5;
/// Below what the link carries, so that the answer is clear.
const BELOW_PERCENT: u64 = 95;
/// Up again, with each window that lost next to nothing: towards a limit that may be there still.
const UP_PERCENT: u64 = 104;
/// And with each that lost by chance.
const UP_BY_CHANCE_PERCENT: u64 = 108;

#[derive(Debug, Default)]
pub(super) struct Loss {
    window: Window,
    windows: Windows,
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

    /// A burst has shown that so much gets through: what is lost below that is not lost because of a limit.
    pub(super) fn got_through(&mut self, measured: u64) {
        if let Some(bound) = self.bound.as_mut().filter(|bound| **bound < measured) {
            *bound = measured;
            let chance = self.windows.by_chance().chance;
            self.chance += LEARNING * (chance - self.chance).max(0.0);
        }
    }

    pub(super) fn settled(&mut self, sent: Micros, bytes: u16, lost: bool) {
        self.window.add(sent, bytes, lost);
    }

    pub(super) fn arrived_after_all(&mut self) {
        self.window.arrived_after_all();
    }

    /// With each report. `allowed` is what queues allow.
    pub(super) fn conclude(&mut self, queue_stands: bool, allowed: u64) {
        let Some(seen) = self.window.complete() else { return };
        self.window = Window::default();
        if queue_stands {
            self.congested(seen);
        } else {
            self.windows.remember(seen);
            self.judge(allowed);
        }
        self.bound = self.bound.map(|bound| bound.max(LEAST));
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.windows.held()
    }

    fn congested(&mut self, seen: Seen) {
        let share = seen.lost / seen.packets;
        if share * 100.0 > float(CONGESTED_PERCENT) + self.chance * 100.0 {
            let lower = percent(seen.through(), BELOW_PERCENT);
            self.bound = Some(self.bound.map_or(lower, |bound| bound.min(lower)));
            self.congested = true;
        }
    }

    fn judge(&mut self, allowed: u64) {
        if self.windows.share() < TOLERATED {
            self.chance *= 1.0 - LEARNING;
            self.rise(UP_PERCENT, allowed);
            return;
        }
        let Some(latest) = self.windows.latest() else { return };
        let by_chance = self.windows.by_chance();
        let doubt = DOUBT * (by_chance.chance - self.chance).max(0.0);
        let as_known = self.windows.as_known(self.chance);
        let (carries, likelihood) = self.windows.carried(u64::MAX, self.chance);
        if likelihood > by_chance.likelihood - doubt + MARGIN && likelihood > as_known.likelihood + UNUSUAL {
            // Not below what has just come through, whatever the story: to ask, it need not fall far.
            self.bound = Some(percent(carries.max(latest.through()), BELOW_PERCENT));
            self.congested = true;
            return;
        }
        // At one rate, what is lost above a limit is the same as chance; it is learned only from what no limit explains.
        if by_chance.likelihood > self.windows.carried(latest.rate, self.chance).1 + MARGIN {
            self.chance += LEARNING * (by_chance.chance - self.chance);
        }
        self.rise(UP_BY_CHANCE_PERCENT, allowed);
    }

    fn rise(&mut self, to_percent: u64, allowed: u64) {
        self.congested = false;
        self.bound = self.bound.map(|bound| percent(bound, to_percent)).filter(|bound| *bound < allowed);
    }
}
