//! Time and rates in whole numbers.

use std::time::Duration;

/// Microseconds from an origin that is the same for all of a kind: the estimator's birth for what was sent, the receiver's for what arrived.
pub(super) type Micros = i64;

pub(super) const MILLISECOND: Micros = 1_000;
pub(super) const SECOND: Micros = 1_000_000;

pub(super) fn micros(time: Duration) -> Micros {
    Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX)
}

pub(super) fn duration(time: Micros) -> Duration {
    Duration::from_micros(u64::try_from(time).unwrap_or(0))
}

/// In milliseconds, for filters; what is longer than half an hour is half an hour.
pub(super) fn millis(time: Micros) -> f64 {
    f64::from(i32::try_from(time).unwrap_or(if time < 0 { i32::MIN } else { i32::MAX })) / 1_000.0
}

/// For filters; what is more than 4 billion is 4 billion.
pub(super) fn float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// In bit/s; none if no time has passed.
pub(super) fn rate(bytes: u64, passed: Micros) -> Option<u64> {
    let passed = u64::try_from(passed).ok().filter(|passed| *passed > 0)?;
    let bits = u128::from(bytes) * 8 * 1_000_000;
    Some(u64::try_from(bits / u128::from(passed)).unwrap_or(u64::MAX))
}

pub(super) fn percent(of: u64, share: u64) -> u64 {
    u64::try_from(u128::from(of) * u128::from(share) / 100).unwrap_or(u64::MAX)
}
