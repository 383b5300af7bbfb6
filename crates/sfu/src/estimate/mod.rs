use std::time::{Duration, Instant};
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrival { pub number: u64, pub at: Option<Duration> }
#[derive(Debug)]
pub(crate) struct Probe { pub id: u32, pub bits_per_second: u64, pub packets: u32, pub bytes: usize }
pub(crate) struct Estimator { first: u64, now: Instant }
impl Estimator {
    pub(crate) fn new(now: Instant, first: u64) -> Self { Self { first: first * 5, now } }
    pub(crate) fn set_wanted(&mut self, _: u64) {}
    pub(crate) fn sent(&mut self, _: Instant, _: u64, _: usize, _: Option<u32>) {}
    pub(crate) fn feedback(&mut self, _: Instant, _: &[Arrival]) {}
    pub(crate) fn round_trip(&mut self, _: Duration) {}
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Probe> { self.now = now; None }
    pub(crate) fn next(&self) -> Instant { self.now + Duration::from_secs(1) }
    pub(crate) fn estimate(&self) -> u64 { self.first }
    pub(crate) fn pacing(&self) -> u64 { self.first * 5 / 2 }
}
