//! How many requests may come by public links, which anybody can open who has seen one: those of a link, of a network and of a domain at a
//! time, and new ones in an hour. They are counted in the database, so that a restart forgives nobody.

use std::time::Duration;

use farhand_domain::time::Timestamp;
use farhand_protocol::{ErrorCode, Problem};
use farhand_store::{
    Store,
    model::{MadeBy, RequestLink, RequestsMade},
};

use crate::{config::RequestConfig, http::Outcome};

const HOUR: Duration = Duration::from_hours(1);
/// When to try again while too many are open: nobody knows when one of them ends, and a page that asks more often gains nothing.
const OPEN_AGAIN: Duration = Duration::from_mins(1);

/// At a time, and in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Most {
    open: u32,
    hourly: u32,
}

/// Refuses one more where there are too many. `network`: whatever stands for where it comes from.
pub async fn refuse_too_many(
    store: &dyn Store,
    config: &RequestConfig,
    link: &RequestLink,
    network: &str,
    now: Timestamp,
) -> Outcome<()> {
    let own = |set: Option<i64>, usual: u32| set.and_then(|most| u32::try_from(most).ok()).unwrap_or(usual);
    let of_link =
        Most { open: own(link.most_open, config.open_per_link), hourly: own(link.most_hourly, config.hourly_per_link) };
    let of_network = Most { open: config.open_per_address, hourly: config.hourly_per_address };
    let of_domain = Most { open: config.open_per_domain, hourly: config.hourly_per_domain };
    let counts = [
        (MadeBy::Link(link.id), of_link, "at this machine"),
        (MadeBy::Network(network), of_network, "from where you are"),
        (MadeBy::Domain(link.domain_id), of_domain, "here"),
    ];
    for (by, most, place) in counts {
        let made = store.requests_made(by, now - HOUR, most.hourly.into()).await?;
        if let Some(wait) = must_wait(&made, most, now) {
            // Whoever comes back then must find room.
            let seconds = u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
            let detail = format!("Too many have asked for help {place}. Try again in {seconds} seconds.");
            return Err(Problem::new(ErrorCode::TooManyRequests, detail).retry_after(seconds).into());
        }
    }
    Ok(())
}

fn must_wait(made: &RequestsMade, most: Most, now: Timestamp) -> Option<Duration> {
    // Once the oldest of so many is an hour old there is room for another.
    let full = usize::try_from(most.hourly).is_ok_and(|hourly| made.lately.len() >= hourly);
    let hourly = full.then(|| made.lately.last().map_or(HOUR, |oldest| now.until(*oldest + HOUR)));
    let open = (made.open >= u64::from(most.open)).then_some(OPEN_AGAIN);
    hourly.max(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const MOST: Most = Most { open: 2, hourly: 3 };

    fn made(open: u64, minutes_ago: &[u64]) -> RequestsMade {
        RequestsMade { open, lately: minutes_ago.iter().map(|ago| NOW - Duration::from_mins(*ago)).collect() }
    }

    #[test]
    fn there_is_room_for_so_many_at_a_time_and_in_an_hour() {
        assert_eq!(must_wait(&made(1, &[1, 50]), MOST, NOW), None);
        assert_eq!(must_wait(&made(2, &[]), MOST, NOW), Some(OPEN_AGAIN));
        assert_eq!(must_wait(&made(0, &[1, 20, 50]), MOST, NOW), Some(Duration::from_mins(10)));
        assert_eq!(must_wait(&made(2, &[1, 20, 50]), MOST, NOW), Some(Duration::from_mins(10)), "the longer counts");
        assert_eq!(must_wait(&made(0, &[]), Most { hourly: 0, ..MOST }, NOW), Some(HOUR), "none at all");
    }
}
