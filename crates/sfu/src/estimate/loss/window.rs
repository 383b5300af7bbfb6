//! What happened to what was sent in a while.

use super::{
    super::units::{MILLISECOND, Micros, SECOND, rate},
    stories::Seen,
};

/// A window is closed when it is as long and has as many packets, or is the longest.
const SHORTEST: Micros = 200 * MILLISECOND;
const LONGEST: Micros = SECOND;
const ENOUGH: u32 = 20;

#[derive(Debug, Default)]
pub(super) struct Window {
    first: Option<Micros>,
    last: Micros,
    first_bytes: u64,
    bytes: u64,
    packets: u32,
    lost: u32,
}

impl Window {
    pub(super) fn add(&mut self, sent: Micros, bytes: u16, lost: bool) {
        if self.first.is_none() {
            (self.first, self.first_bytes) = (Some(sent), u64::from(bytes));
        }
        self.last = self.last.max(sent);
        self.bytes += u64::from(bytes);
        self.packets += 1;
        self.lost += u32::from(lost);
    }

    pub(super) fn arrived_after_all(&mut self) {
        self.lost = self.lost.saturating_sub(1);
    }

    /// What it tells, once it is complete.
    pub(super) fn complete(&self) -> Option<Seen> {
        let lasted = self.last.saturating_sub(self.first?);
        let complete = lasted >= SHORTEST && self.packets >= ENOUGH || lasted >= LONGEST;
        if !complete {
            return None;
        }
        let rate = rate(self.bytes - self.first_bytes, lasted)?;
        Some(Seen { rate, packets: f64::from(self.packets), lost: f64::from(self.lost) })
    }
}
