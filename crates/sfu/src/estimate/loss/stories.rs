//! How well a story explains what was seen: the natural logarithm of how likely it makes it.

use std::collections::VecDeque;

use super::super::units::{float, percent};

/// Windows that are remembered, and the weight each has of the one after it.
const WINDOWS: usize = 20;
const WEIGHT: f64 = 0.9;
/// Limits that are tried, each a tenth below the one before: down to an eighth.
const STEPS: usize = 20;
/// No link is believed to lose more by chance.
const MOST_CHANCE: f64 = 0.4;
/// Even who explains all must expect a few losses.
const FLOOR: f64 = 0.01;

/// A window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// What was sent, in bit/s.
    pub(super) rate: u64,
    pub(super) packets: f64,
    pub(super) lost: f64,
}

/// The last windows.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Latest first.
    seen: VecDeque<Seen>,
}

/// A way to explain what was seen.
pub(super) struct Story {
    pub(super) chance: f64,
    pub(super) likelihood: f64,
}

impl Seen {
    pub(super) fn through(&self) -> u64 {
        let share = 1.0 - self.lost / self.packets;
        std::time::Duration::from_secs(self.rate).mul_f64(share.clamp(0.0, 1.0)).as_secs()
    }
}

impl Windows {
    pub(super) fn remember(&mut self, seen: Seen) {
        self.seen.truncate(WINDOWS - 1);
        self.seen.push_front(seen);
    }

    pub(super) fn latest(&self) -> Option<Seen> {
        self.seen.front().copied()
    }

    /// The share that was lost.
    pub(super) fn share(&self) -> f64 {
        let weighted =
            |value: fn(&Seen) -> f64| self.weighted().map(|(seen, weight)| value(seen) * weight).sum::<f64>();
        weighted(|seen| seen.lost) / weighted(|seen| seen.packets).max(1.0)
    }

    /// What the link most likely carries, of less than so much, if it loses by chance no more than is known; in steps of a tenth.
    pub(super) fn carried(&self, below: u64, known: f64) -> (u64, f64) {
        let highest = self.seen.iter().map(|seen| seen.rate).max().unwrap_or(0);
        let steps = std::iter::successors(Some(highest), |carries| Some(percent(*carries, 90))).take(STEPS);
        let stories = steps.filter(|carries| *carries < below).map(|carries| (carries, self.explain(carries, known)));
        let best = stories.max_by(|(_, a), (_, b)| a.likelihood.total_cmp(&b.likelihood));
        best.map_or((0, f64::NEG_INFINITY), |(carries, story)| (carries, story.likelihood))
    }

    /// Nothing but chance, whatever it is.
    pub(super) fn by_chance(&self) -> Story {
        self.explain(u64::MAX, MOST_CHANCE)
    }

    /// Nothing but the chance that is known.
    pub(super) fn as_known(&self, known: f64) -> Story {
        self.told(u64::MAX, known)
    }

    /// How well a link that carries so much, and loses by chance no more than `most`, explains what was seen.
    fn explain(&self, carries: u64, most: f64) -> Story {
        let (mut arrived, mut could_arrive) = (0.0, 0.0);
        for (seen, weight) in self.weighted() {
            arrived += weight * (seen.packets - seen.lost);
            could_arrive += weight * seen.packets * passes(carries, seen);
        }
        let chance = if could_arrive > 0.0 { (1.0 - arrived / could_arrive).clamp(0.0, most) } else { 0.0 };
        self.told(carries, chance)
    }

    fn told(&self, carries: u64, chance: f64) -> Story {
        let likelihood = self.weighted().map(|(seen, weight)| {
            let lost = (1.0 - (1.0 - chance) * passes(carries, seen)).clamp(FLOOR, 1.0 - FLOOR);
            weight * (seen.lost * lost.ln() + (seen.packets - seen.lost) * (1.0 - lost).ln())
        });
        Story { chance, likelihood: likelihood.sum() }
    }

    fn weighted(&self) -> impl Iterator<Item = (&Seen, f64)> {
        self.seen.iter().zip(std::iter::successors(Some(1.0), |weight| Some(weight * WEIGHT)))
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.seen.capacity() * size_of::<Seen>()
    }
}

#[cfg(test)]
impl<const N: usize> From<[Seen; N]> for Windows {
    /// The latest first.
    fn from(seen: [Seen; N]) -> Self {
        Self { seen: seen.into() }
    }
}

/// The share that a link which carries so much lets through.
fn passes(carries: u64, seen: &Seen) -> f64 {
    if carries < seen.rate { float(carries) / float(seen.rate) } else { 1.0 }
}
