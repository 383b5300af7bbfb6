//! Which rates a sender's layers should have, so that links between two of them are used. Who has room for more than the lowest layer and for
//! less than the middle one would leave the rest of the link unused. So the lowest is raised to what the weakest of those can take whom it is
//! for, and the middle one is lowered to what they can take, unless somebody gets it as it is. Nobody gets less for it than before.
//!
//! What is told takes effect some hundred milliseconds later and moves the very rates that are looked at here; so rates go down at once and up
//! after a while only.

use std::time::{Duration, Instant};

use crate::layers::{Offered, SPARE_PERCENT, STRETCH_PERCENT};

/// What one receiver has for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// In bit/s: what the picture takes now, and its part of what is left of the link.
    pub(crate) bits: u64,
    /// How high it is shown, in pixels.
    pub(crate) height: u32,
    /// It gets another layer than the lowest.
    pub(crate) above_lowest: bool,
}

/// A layer should have this rate, in bit/s, without what surrounds it on the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRate {
    pub rid: String,
    pub bits: u64,
}

/// In bit/s. The lowest layer is a quarter of the picture's width or half of it, and more does not show there.
const MOST_OF_LOWEST: u64 = 300_000;
/// A share from which on the middle layer is lowered to it, and one down to which it then stays: with fewer bits the lowest looks better.
const MIDDLE_FROM: u64 = 350_000;
const MIDDLE_UNTIL: u64 = 250_000;
/// Of a share: headers take a tenth, and what comes varies. To step up to another layer, there must be something to spare as well.
const LOWEST_PERCENT: u64 = 87;
const MIDDLE_PERCENT: u64 = 78;
/// Less of a rise is not worth a word; and the first must be more.
const WORTH_PERCENT: u64 = 105;
const FIRST_WORTH_PERCENT: u64 = 110;
/// A fall smaller than this is left to the viewer's own choice of frames.
const FALL_PERCENT: u64 = 95;
/// An estimate is half as high again as what has been sent to prove it, so it is followed in steps: the first, and those after it.
const FIRST_STEP_PERCENT: u64 = 140;
const STEP_PERCENT: u64 = 115;
/// What had to be taken back is not told again for so long, but less; unless there is so much more than that.
const FAILED: Duration = Duration::from_mins(1);
const BELOW_FAILED_PERCENT: u64 = 90;
const ABOVE_FAILED_PERCENT: u64 = 150;
/// Of its own rate, a share a lowered layer needs to have that again at once.
const RELEASE_PERCENT: u64 = 130;
/// A share must have been higher for so long, with the least of that time.
const PATIENCE: Duration = Duration::from_secs(3);
/// At least so long between two words about one layer.
const PAUSE: Duration = Duration::from_secs(1);
/// So long after a layer was last spoken of it has the rate its sender gives it.
const SETTLED: Duration = Duration::from_secs(5);
/// Rates are told in such steps.
const STEP: u64 = 10_000;

/// What a sender was told of its camera's lowest layer and of the one above it.
#[derive(Debug)]
pub(crate) struct Fit {
    lowest: Word,
    middle: Word,
}

/// A layer as its sender sends it if it is told nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    bits: u64,
    height: u32,
    flows: bool,
}

impl Own {
    /// So high may it be shown.
    fn stretched(&self) -> u32 {
        self.height * STRETCH_PERCENT / 100
    }

    /// For whoever is to step up to it.
    fn needed(&self) -> u64 {
        self.bits + self.bits * SPARE_PERCENT / 100
    }

    fn suffices(&self, share: &Share) -> bool {
        share.height <= self.stretched()
    }
}

impl Default for Fit {
    fn default() -> Self {
        Self { lowest: Word::new(0), middle: Word::new(u64::MAX) }
    }
}

impl Fit {
    /// Looks at how things are. True if there is something to tell.
    pub(crate) fn look(&mut self, now: Instant, offered: &[Offered], shares: &[Share]) -> bool {
        let mut whole = offered.iter().filter(|step| !step.is_slow());
        let (Some(lowest), Some(middle)) = (whole.next(), whole.next()) else { return false };
        let lowest = self.lowest.own(now, lowest);
        let middle = self.middle.own(now, middle);
        let top = whole.next().map(|top| Own { bits: top.bitrate, height: top.height, flows: top.flows });
        let rates = rates([lowest, middle, top.unwrap_or_default()], shares, self.stage());
        let unwatched = rates.unwatched && self.lowest.end(now);
        let low = self.lowest.hear(now, rates.lowest, rates.proven);
        let mid = self.middle.hear(now, rates.middle, false);
        unwatched || low || mid
    }

    /// By layer, lowest first.
    pub(crate) fn told(&self) -> [Option<u64>; 2] {
        [self.lowest.told, self.middle.told]
    }

    fn stage(&self) -> Stage {
        match self.told() {
            [_, Some(_)] => Stage::Lowered,
            [Some(lowest), None] if lowest * WORTH_PERCENT / 100 < MOST_OF_LOWEST => Stage::Raising,
            [_, None] => Stage::Open,
        }
    }
}

/// How far the two layers have been brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The middle layer may be lowered.
    Open,
    /// Not for the weakest, before the lowest has been raised as far as it goes: that proves its share.
    Raising,
    /// It has been.
    Lowered,
}

/// What would be right now.
struct Rates {
    /// To raise it to.
    lowest: Option<u64>,
    /// All whom it is for can take it by far.
    proven: bool,
    /// Nobody is shown the lowest.
    unwatched: bool,
    /// To lower it to.
    middle: Option<u64>,
}

fn rates([lowest, middle, top]: [Own; 3], shares: &[Share], stage: Stage) -> Rates {
    let takes_middle = |share: &Share| {
        let needed = match stage {
            Stage::Lowered => middle.bits * RELEASE_PERCENT / 100,
            Stage::Open | Stage::Raising if share.above_lowest => middle.bits,
            Stage::Open | Stage::Raising => middle.needed(),
        };
        !lowest.suffices(share) && middle.flows && share.bits >= needed
    };
    let takes_top = |share: &Share| !middle.suffices(share) && top.flows && share.bits >= top.needed();
    let weakest = shares.iter().filter(|share| !takes_middle(share)).map(|share| share.bits).min();
    let from = match stage {
        Stage::Raising if weakest.is_some_and(|bits| bits >= MIDDLE_FROM) => u64::MAX,
        Stage::Open | Stage::Raising => MIDDLE_FROM,
        Stage::Lowered => MIDDLE_UNTIL,
    };
    let lowering = middle.flows && shares.iter().filter(|share| takes_middle(share)).all(takes_top);
    let between = |share: &Share| lowering && !lowest.suffices(share) && !takes_middle(share) && share.bits >= from;
    let lowered = shares.iter().filter(|share| between(share)).map(|share| share.bits).min();
    // Until the middle one has been lowered, they are shown the lowest.
    let stays_below = |share: &Share| !takes_middle(share) && (stage != Stage::Lowered || !between(share));
    let below: Vec<&Share> = shares.iter().filter(|share| stays_below(share)).collect();
    let weakest = below.iter().map(|share| share.bits).min();
    let raised = weakest.filter(|_| !below.iter().all(|share| lowest.suffices(share)));
    let raised = raised.map(|bits| (bits * LOWEST_PERCENT / 100).min(MOST_OF_LOWEST));
    let raised = raised.filter(|bits| lowest.flows && *bits >= lowest.bits * FIRST_WORTH_PERCENT / 100);
    Rates {
        lowest: raised.map(in_steps),
        proven: weakest.is_some_and(|bits| bits >= MOST_OF_LOWEST * 2),
        unwatched: below.is_empty(),
        middle: lowered.map(|bits| in_steps(bits * MIDDLE_PERCENT / 100)),
    }
}

fn in_steps(bits: u64) -> u64 {
    bits - bits % STEP
}

/// What was said of one layer.
#[derive(Debug)]
struct Word {
    /// What it counts as if nothing is said.
    silence: u64,
    told: Option<u64>,
    at: Option<Instant>,
    /// What it took when it had not been spoken of for long.
    own: Option<u64>,
    /// Since when something else would be right, and the least of that.
    other: Option<(Instant, u64)>,
    /// What had to be taken back, and when.
    failed: Option<(u64, Instant)>,
}

impl Word {
    fn new(silence: u64) -> Self {
        Self { silence, told: None, at: None, own: None, other: None, failed: None }
    }

    fn own(&mut self, now: Instant, step: &Offered) -> Own {
        if self.told.is_none() && step.flows && self.is_past(now, SETTLED) {
            self.own = Some(step.bitrate);
        }
        Own { bits: self.own.unwrap_or(step.bitrate), height: step.height, flows: step.flows }
    }

    /// True if there is something to tell.
    fn hear(&mut self, now: Instant, wanted: Option<u64>, proven: bool) -> bool {
        let amount = wanted.unwrap_or(self.silence);
        if let Some(told) = self.told.filter(|told| amount < told * FALL_PERCENT / 100) {
            if !self.is_past(now, PAUSE) {
                return false;
            }
            self.failed = Some((told, now));
            return self.tell(now, wanted);
        }
        let amount = if proven { amount } else { self.cautious(now, amount) };
        let worth = match self.told {
            Some(told) => amount >= told * WORTH_PERCENT / 100,
            None => amount != self.silence,
        };
        if !worth {
            self.other = None;
            return false;
        }
        let (since, least) = self.other.map_or((now, amount), |(since, least)| (since, least.min(amount)));
        self.other = Some((since, least));
        let told = Some(least).filter(|least| *least != self.silence);
        now.saturating_duration_since(since) >= PATIENCE && self.tell(now, told)
    }

    /// No more than a step up, and not to where it had to turn back.
    fn cautious(&self, now: Instant, amount: u64) -> u64 {
        if amount == self.silence {
            return amount;
        }
        let most = match (self.told, self.own) {
            (Some(told), _) => told * STEP_PERCENT / 100,
            (None, Some(own)) if self.silence == 0 => own * FIRST_STEP_PERCENT / 100,
            (None, _) => amount,
        };
        let recently = self.failed.filter(|(_, at)| now.saturating_duration_since(*at) < FAILED);
        let failed = recently.filter(|(failed, _)| amount < failed * ABOVE_FAILED_PERCENT / 100);
        let below = failed.map_or(u64::MAX, |(failed, _)| failed * BELOW_FAILED_PERCENT / 100);
        let amount = in_steps(amount.min(most).min(below));
        // Nothing is left to be lowered.
        let is_own = self.silence > 0 && self.own.is_some_and(|own| amount >= own * FALL_PERCENT / 100);
        if is_own { self.silence } else { amount }
    }

    /// It is of no use any more, which proves nothing.
    fn end(&mut self, now: Instant) -> bool {
        self.told.is_some() && self.tell(now, None)
    }

    fn tell(&mut self, now: Instant, told: Option<u64>) -> bool {
        (self.told, self.at, self.other) = (told, Some(now), None);
        true
    }

    fn is_past(&self, now: Instant, time: Duration) -> bool {
        self.at.is_none_or(|at| now.saturating_duration_since(at) >= time)
    }
}

#[cfg(test)]
mod tests;
