//! What has come from a participant and gone to it, for whoever keeps its account.

use std::time::{Duration, Instant};

/// How often it is told.
const INTERVAL: Duration = Duration::from_secs(2);
/// IP and UDP around each datagram, which the link carries and is paid for as well.
const OVERHEAD: u64 = 28;

#[derive(Debug, Default)]
pub(crate) struct Usage {
    bytes: u64,
    told: Option<Instant>,
}

impl Usage {
    pub(crate) fn count(&mut self, datagram: usize) {
        self.bytes += u64::try_from(datagram).unwrap_or(u64::MAX).saturating_add(OVERHEAD);
    }

    /// What has been counted since the last time, if it is time to tell.
    pub(crate) fn take(&mut self, now: Instant) -> Option<u64> {
        let due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= INTERVAL);
        (due && self.bytes > 0).then(|| {
            self.told = Some(now);
            std::mem::take(&mut self.bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_once() {
        let (start, mut usage) = (Instant::now(), Usage::default());
        assert_eq!(usage.take(start), None, "nothing to tell");
        usage.count(1_000);
        assert_eq!(usage.take(start), Some(1_028));
        usage.count(100);
        assert_eq!(usage.take(start + Duration::from_secs(1)), None, "not all the time");
        usage.count(100);
        assert_eq!(usage.take(start + INTERVAL), Some(256));
    }
}
