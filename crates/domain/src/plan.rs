//! Planned times.

use std::time::Duration;

use crate::time::Timestamp;

/// Clocks differ and requests travel: a time this much past still means now.
pub const PAST_TOLERANCE: Duration = Duration::from_mins(5);

/// A planned call is held in memory and listed until its time. Further ahead is more likely a slip than a plan; longer
/// would let slips gather that nobody comes back to.
pub const FARTHEST: Duration = Duration::from_hours(24 * 731);

/// Why a call may not be planned for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unacceptable {
    Past,
    TooFarAhead,
}

/// Whether a call may be planned for `at`.
pub fn check(now: Timestamp, at: Timestamp) -> Result<(), Unacceptable> {
    if at < now - PAST_TOLERANCE {
        return Err(Unacceptable::Past);
    }
    if at > now + FARTHEST {
        return Err(Unacceptable::TooFarAhead);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_past_still_means_now_and_a_millisecond_more_does_not() {
        let now = Timestamp::from_millis(10_000_000);
        assert_eq!(check(now, now - PAST_TOLERANCE), Ok(()));
        assert_eq!(check(now, now - PAST_TOLERANCE - Duration::from_millis(1)), Err(Unacceptable::Past));
    }

    #[test]
    fn two_years_ahead_is_a_plan_and_more_is_a_slip() {
        let now = Timestamp::from_millis(10_000_000);
        assert_eq!(check(now, now + FARTHEST), Ok(()));
        assert_eq!(check(now, now + FARTHEST + Duration::from_millis(1)), Err(Unacceptable::TooFarAhead));
    }
}
