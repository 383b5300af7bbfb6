//! Planned times.

use std::time::Duration;

use crate::time::Timestamp;

/// Clocks differ and requests travel: a time this much past still means now.
pub const PAST_TOLERANCE: Duration = Duration::from_mins(5);

/// Whether a call may be planned for `at`.
pub fn acceptable(now: Timestamp, at: Timestamp) -> bool {
    at >= now - PAST_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_past_still_means_now_and_a_millisecond_more_does_not() {
        let now = Timestamp::from_millis(10_000_000);
        assert!(acceptable(now, now - PAST_TOLERANCE));
        assert!(!acceptable(now, now - PAST_TOLERANCE - Duration::from_millis(1)));
        assert!(acceptable(now, now + Duration::from_hours(24 * 365)));
    }
}
