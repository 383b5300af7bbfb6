//! What has been received, counted the same way whatever SFU is between.

use std::{collections::HashMap, time::Duration};

use crate::stats::Latencies;

/// One stream at one receiver.
type Stream = (usize, u32);

#[derive(Debug, Clone, Copy)]
struct Seen {
    first: u64,
    last: u64,
    count: u64,
}

/// Of one period.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    streams: HashMap<Stream, Seen>,
    /// Microseconds; longer than an hour is an hour.
    delays: Vec<Duration>,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) sent: u64,
    /// By how much the generator itself was late, at worst.
    pub(crate) late: Duration,
    /// Processor time of the generator's thread.
    pub(crate) busy: Duration,
    pub(crate) took: Duration,
}

impl Tally {
    /// `number` is the extended sequence number.
    pub(crate) fn received(&mut self, stream: Stream, number: u64, bytes: usize, delay: Option<Duration>) {
        let seen = self.streams.entry(stream).or_insert(Seen { first: number, last: number, count: 0 });
        seen.first = seen.first.min(number);
        seen.last = seen.last.max(number);
        seen.count += 1;
        self.packets += 1;
        self.bytes += u64::try_from(bytes).unwrap_or_default();
        self.delays.extend(delay);
    }

    pub(crate) fn sent(&mut self, late: Duration) {
        self.sent += 1;
        self.late = self.late.max(late);
    }

    /// Packets that were skipped within a stream.
    pub(crate) fn lost(&self) -> u64 {
        self.streams.values().map(|seen| (seen.last - seen.first + 1).saturating_sub(seen.count)).sum()
    }

    /// Streams of which anything came.
    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn delays(&mut self) -> Latencies {
        let mut latencies = Latencies::default();
        latencies.extend(std::mem::take(&mut self.delays));
        latencies
    }

    pub(crate) fn per_second(&self) -> f64 {
        float(self.packets) / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// How busy the generator was, of one core.
    pub(crate) fn share(&self) -> f64 {
        self.busy.as_secs_f64() / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Exact for what a bench counts.
pub(crate) fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_within_a_stream_is_lost_and_what_comes_late_is_not() {
        let mut tally = Tally::default();
        for number in [7, 8, 11, 10] {
            tally.received((0, 1), number, 100, Some(Duration::from_millis(number)));
        }
        tally.received((1, 1), 3, 100, None);
        assert_eq!((tally.lost(), tally.packets, tally.streams(), tally.bytes), (1, 5, 2, 500));
        assert_eq!(tally.delays().median(), Duration::from_millis(8));
    }
}
