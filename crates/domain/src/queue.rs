//! How long somebody in a queue is likely to wait, from what happened in it lately.

use std::time::Duration;

use crate::time::Timestamp;

/// Claims that are looked at. More are steadier and slower to notice that experts have come or gone.
pub const CLAIMS_LOOKED_AT: usize = 20;
/// What is longer ago tells nothing about now.
pub const LATELY: Duration = Duration::from_hours(1);
/// One interval tells nothing, two tell little.
const FEWEST: usize = 3;

/// The expected wait at this position (1 is next): that many times the time between claims lately, in which the time since the last one
/// counts as well, so that it grows while nobody claims. None where too few were claimed to say.
pub fn expected_wait(claims: &[Timestamp], now: Timestamp, position: usize) -> Option<Duration> {
    let lately: Vec<_> = claims.iter().filter(|at| **at + LATELY > now && **at <= now).collect();
    let first = *lately.first().filter(|_| lately.len() >= FEWEST)?;
    let intervals = u32::try_from(lately.len() - 1).unwrap_or(u32::MAX);
    let last = *lately.last()?;
    let usual = first.until(*last) / intervals;
    let since = last.until(now);
    // A pause that is longer than usual is an interval that has not ended yet.
    let between = if since > usual { first.until(now) / (intervals + 1) } else { usual };
    Some(between * u32::try_from(position).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn minutes_ago(minutes: &[u64]) -> Vec<Timestamp> {
        minutes.iter().map(|minutes| NOW - Duration::from_mins(*minutes)).collect()
    }

    #[test]
    fn whoever_is_third_waits_for_three_of_the_usual_intervals() {
        let claims = minutes_ago(&[13, 9, 5, 1]);
        assert_eq!(expected_wait(&claims, NOW, 1), Some(Duration::from_mins(4)));
        assert_eq!(expected_wait(&claims, NOW, 3), Some(Duration::from_mins(12)));
    }

    #[test]
    fn it_grows_while_nobody_claims() {
        let claims = minutes_ago(&[30, 28, 26]);
        assert_eq!(expected_wait(&claims, NOW, 1), Some(Duration::from_mins(10)), "30 minutes, three intervals");
    }

    #[test]
    fn nothing_is_said_from_too_little_or_from_what_is_long_ago() {
        assert_eq!(expected_wait(&minutes_ago(&[4, 2]), NOW, 1), None);
        assert_eq!(expected_wait(&minutes_ago(&[200, 150, 2, 1]), NOW, 1), None);
        assert_eq!(expected_wait(&[], NOW, 1), None);
    }
}
