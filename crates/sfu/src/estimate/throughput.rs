//! What gets through lately, from the packets reported. Bursts on the way (radios hold back and pass on in one go) do not count as
//! rate: of sending and arriving the slower one holds, and the longest pause between arrivals counts like the second longest (as
//! libwebrtc's robust throughput estimator).

use std::collections::VecDeque;

use super::units::{MILLISECOND, Micros, SECOND, rate};

/// Long enough for a few pictures.
const WINDOW: Micros = 500 * MILLISECOND;
/// At low rates it is longer, to hold so many packets.
const ENOUGH: usize = 20;
const LONGEST_WINDOW: Micros = SECOND;
/// Fewer tell nothing.
const LEAST: usize = 8;
/// 24 bytes each; half a second at 10 Mbit/s. At more the window is shorter.
const MOST: usize = 500;

#[derive(Debug, Clone, Copy)]
struct Arrived {
    at: Micros,
    sent: Micros,
    bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Throughput {
    /// By arrival.
    arrived: VecDeque<Arrived>,
}

impl Throughput {
    pub(super) fn add(&mut self, sent: Micros, at: Micros, bytes: u16) {
        let leaps = |last: &Arrived| at.saturating_sub(last.at).saturating_abs() > 3 * SECOND;
        if self.arrived.back().is_some_and(leaps) {
            self.arrived.clear();
        }
        let place = self.arrived.iter().rposition(|other| other.at <= at).map_or(0, |before| before + 1);
        self.arrived.insert(place, Arrived { at, sent, bytes: u64::from(bytes) });
        self.trim();
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.arrived.capacity() * size_of::<Arrived>()
    }

    fn trim(&mut self) {
        let Some(last) = self.arrived.back().map(|last| last.at) else { return };
        while let Some(first) = self.arrived.front() {
            let age = last.saturating_sub(first.at);
            let full = self.arrived.len() > MOST;
            if !full && (age <= WINDOW || age <= LONGEST_WINDOW && self.arrived.len() <= ENOUGH) {
                break;
            }
            self.arrived.pop_front();
        }
        if self.arrived.capacity() > 64 && self.arrived.len() < self.arrived.capacity() / 4 {
            self.arrived.shrink_to(self.arrived.len() * 2);
        }
    }

    /// In bit/s; none before there is enough to tell.
    pub(super) fn rate(&self) -> Option<u64> {
        if self.arrived.len() < LEAST {
            return None;
        }
        let (first, last) = (self.arrived.front()?, self.arrived.back()?);
        let bytes: u64 = self.arrived.iter().map(|arrived| arrived.bytes).sum();
        let (mut longest, mut second) = (0, 0);
        let (mut sent_first, mut sent_last) = (first, first);
        let mut before = first.at;
        for arrived in &self.arrived {
            let pause = arrived.at.saturating_sub(before);
            before = arrived.at;
            if pause > longest {
                (longest, second) = (pause, longest);
            } else {
                second = second.max(pause);
            }
            sent_first = if arrived.sent < sent_first.sent { arrived } else { sent_first };
            sent_last = if arrived.sent >= sent_last.sent { arrived } else { sent_last };
        }
        // The first's bytes came before the time counted, and sending the last's took place after.
        let arriving = last.at.saturating_sub(first.at).saturating_sub(longest).saturating_add(second);
        let sending = sent_last.sent.saturating_sub(sent_first.sent);
        let arrived = rate(bytes - first.bytes, arriving.max(MILLISECOND))?;
        let sent = rate(bytes - sent_last.bytes, sending.max(MILLISECOND))?;
        Some(arrived.min(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(packets: impl Iterator<Item = (i64, i64)>) -> Throughput {
        let mut throughput = Throughput::default();
        for (sent, at) in packets {
            throughput.add(sent * MILLISECOND, at * MILLISECOND, 1_000);
        }
        throughput
    }

    #[test]
    fn a_steady_stream_is_measured() {
        let steady = fed((0..100).map(|index| (index * 10, index * 10 + 40)));
        assert_eq!(steady.rate(), Some(800_000));
        let slow = fed((0..100).map(|index| (index * 40, index * 40 + 40)));
        assert_eq!(slow.rate(), Some(200_000));
    }

    #[test]
    fn a_few_tell_nothing() {
        assert_eq!(fed((0..7).map(|index| (index, index))).rate(), None);
    }

    #[test]
    fn what_was_held_back_is_no_rate() {
        let bursts = fed((0..100).map(|index| (index * 10, (index / 10 + 1) * 100)));
        let measured = bursts.rate().unwrap();
        assert!((700_000..=840_000).contains(&measured), "{measured}");
    }

    #[test]
    fn a_pause_is_not_the_links_fault() {
        let paused = fed((0..20).map(|index| (index * 10, index * 10)).chain((0..20).map(|index| {
            let at = 400 + index * 10;
            (at - 210, at)
        })));
        let measured = paused.rate().unwrap();
        assert!(measured > 750_000, "{measured}");
    }

    #[test]
    fn order_does_not_matter_and_leaps_start_anew() {
        let mut mixed = fed((0..50).map(|index| (index * 10, (index ^ 1) * 10)));
        assert_eq!(mixed.rate(), Some(800_000));
        mixed.add(0, 60 * SECOND, 1_000);
        assert_eq!(mixed.rate(), None);
        for index in 0..2_000 {
            mixed.add(index, 60 * SECOND + index, 1_000);
        }
        assert_eq!(mixed.arrived.len(), MOST);
    }

    #[test]
    fn at_low_rates_it_looks_further_back() {
        let slow = fed((0..20).map(|index| (index * 80, index * 80 + 40)));
        assert_eq!(slow.rate(), Some(100_000));
    }
}
