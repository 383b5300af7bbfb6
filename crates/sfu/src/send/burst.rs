//! A burst that finds out whether a link carries more.

use std::time::{Duration, Instant};

use super::Sender;
use crate::estimate::Probe;

/// A burst that could not be sent by then was not one.
const MAX_TIME: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct Burst {
    probe: Probe,
    start: Instant,
    bytes: usize,
    packets: u32,
}

impl Burst {
    pub(crate) fn new(now: Instant, probe: Probe) -> Self {
        Self { probe, start: now, bytes: 0, packets: 0 }
    }

    /// When its next packet is due.
    pub(crate) fn next(&self) -> Instant {
        let sent = u64::try_from(self.bytes).unwrap_or(u64::MAX).saturating_mul(8_000_000);
        self.start + Duration::from_micros(sent / self.probe.bits_per_second.max(1))
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let full = self.bytes >= self.probe.bytes && self.packets >= self.probe.packets;
        full || now.saturating_duration_since(self.start) >= MAX_TIME
    }

    /// Returns the number of the probe the packet belongs to.
    pub(crate) fn sent(&mut self, size: usize) -> u32 {
        self.bytes += size;
        self.packets += 1;
        self.probe.id
    }
}

impl Sender {
    /// Fills the link for a moment, to find out whether more gets through.
    pub(super) fn fill(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        while let Some(burst) = &self.burst {
            if !burst.is_over(now) && burst.next() > now {
                return;
            }
            if burst.is_over(now) || !(self.send_next(now, out) || self.pad(now, out)) {
                self.burst = None;
            }
        }
    }

    /// Something that is of use if a packet was lost just now, or else nothing at all.
    fn pad(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> bool {
        let newest = self.streams.iter().enumerate().rev().filter(|(_, stream)| stream.pads());
        let mut newest = newest.filter_map(|(line, stream)| Some((line, stream.newest_kept(now)?)));
        if let Some((line, seq)) = newest.next() {
            return self.send_again(now, line, seq, out);
        }
        let mut payload = std::mem::take(&mut self.scratch);
        let stream = self.streams.iter_mut().find(|stream| stream.pads());
        let ready = stream.and_then(|stream| stream.padding(self.number, &mut payload));
        let sent = ready.is_some_and(|ready| self.leave(now, ready, &payload, true, out));
        self.scratch = payload;
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_has_its_pace_and_its_end() {
        let start = Instant::now();
        let mut burst = Burst::new(start, Probe { id: 7, bits_per_second: 800_000, packets: 3, bytes: 2_500 });
        assert_eq!(burst.next(), start, "the first at once");
        assert_eq!(burst.sent(1_000), 7);
        assert_eq!(burst.next(), start + Duration::from_millis(10));
        burst.sent(2_000);
        assert!(!burst.is_over(start), "too few packets");
        burst.sent(10);
        assert!(burst.is_over(start));
        let stuck = Burst::new(start, Probe { id: 8, bits_per_second: 0, packets: 3, bytes: 2_500 });
        assert!(stuck.is_over(start + MAX_TIME));
    }
}
