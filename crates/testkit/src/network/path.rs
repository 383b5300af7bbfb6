//! What becomes of each packet in one direction. Pure: time is an argument, chance comes from the seed.

use std::time::Duration;

use super::{Conditions, Profile};

const MILLION: u64 = 1_000_000;
/// IPv4 and UDP around each datagram.
const HEADERS: usize = 28;

/// One direction of a link.
///
/// Chance is drawn for each packet in the same way, whatever becomes of it: which packets are lost by chance depends on the seed and on
/// their number alone.
#[derive(Debug, Clone)]
pub struct Path {
    profile: Profile,
    /// When the profile's time began.
    begun: Duration,
    random: Random,
    /// In the middle of a burst of losses.
    losing: bool,
    /// When the link has sent everything it has taken.
    free_at: Duration,
    last_arrival: Duration,
}

impl Path {
    pub fn new(profile: Profile, seed: u64) -> Self {
        let start = Duration::ZERO;
        Self { profile, begun: start, random: Random(seed), losing: false, free_at: start, last_arrival: start }
    }

    /// The link is another one from now on. What it has taken arrives as it would have.
    pub fn change(&mut self, now: Duration, profile: Profile) {
        (self.profile, self.begun) = (profile, now);
    }

    /// When a datagram that is sent at `now` arrives, both from the path's start; `None` if it is lost.
    pub fn carry(&mut self, now: Duration, bytes: usize) -> Option<Duration> {
        let conditions = self.profile.at(now.saturating_sub(self.begun));
        let by_chance = self.loses(&conditions);
        let jitter = conditions.jitter.mul_f64(self.random.share());
        if by_chance || conditions.blocked {
            return None;
        }
        let sent = self.queue(now, bytes, &conditions)?;
        // A packet does not overtake another.
        self.last_arrival = self.last_arrival.max(sent + conditions.delay + jitter);
        Some(self.last_arrival)
    }

    /// Two states: packets pass in the one and are lost in the other (Gilbert's model). How they change follows from the share that is lost and
    /// the length of a burst.
    fn loses(&mut self, conditions: &Conditions) -> bool {
        let (loss, burst) = (u64::from(conditions.loss), u64::from(conditions.burst));
        let drawn = self.random.below(MILLION);
        self.losing = match (loss, self.losing) {
            (0, _) => false,
            (MILLION.., _) => true,
            // With bursts of one, every packet is on its own.
            _ if burst == 1 => drawn < loss,
            (_, true) => drawn >= MILLION / burst,
            (_, false) => drawn < loss * MILLION / (burst * (MILLION - loss)),
        };
        self.losing
    }

    /// When the link has sent it.
    fn queue(&mut self, now: Duration, bytes: usize, conditions: &Conditions) -> Option<Duration> {
        let Some(rate) = conditions.rate else { return Some(now) };
        let begins = self.free_at.max(now);
        if begins.saturating_sub(now) > conditions.queue {
            return None;
        }
        let bits = u64::try_from((bytes + HEADERS) * 8).unwrap_or(u64::MAX);
        self.free_at = begins + Duration::from_nanos(bits.saturating_mul(1_000_000_000) / rate);
        Some(self.free_at)
    }
}

/// `SplitMix64`: small, and the same everywhere.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: u64 = 100_000;

    fn path(profile: &str, seed: u64) -> Path {
        Path::new(profile.parse().unwrap(), seed)
    }

    /// Which of many packets, one each millisecond, are lost.
    fn lost(profile: &str, seed: u64) -> Vec<u64> {
        let mut path = path(profile, seed);
        (0..PACKETS).filter(|number| path.carry(Duration::from_millis(*number), 1_000).is_none()).collect()
    }

    fn bursts(lost: &[u64]) -> usize {
        lost.iter().zip(lost.iter().skip(1)).filter(|(one, next)| **one + 1 != **next).count() + 1
    }

    #[test]
    fn the_same_seed_loses_the_same_packets_whatever_their_times_and_sizes() {
        let expected = lost("loss=10% burst=3", 7);
        assert_eq!(lost("loss=10% burst=3", 7), expected);
        assert_ne!(lost("loss=10% burst=3", 8), expected);
        let mut other = path("loss=10% burst=3 rtt=80ms jitter=10ms", 7);
        let others = (0..PACKETS).filter(|number| other.carry(Duration::from_millis(number * 3), 20).is_none());
        assert_eq!(others.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn as_many_are_lost_as_is_said_and_in_bursts_as_long() {
        for (profile, share, length) in [
            ("loss=10%", 10.0, 1.1),
            ("loss=20% burst=4", 20.0, 4.0),
            ("loss=2.5% burst=2", 2.5, 2.0),
            ("loss=100%", 100.0, 100_000.0),
        ] {
            let lost = lost(profile, 1);
            let count = f64::from(u32::try_from(lost.len()).unwrap());
            let measured = count / 1_000.0;
            assert!((measured - share).abs() < share * 0.05, "{profile}: {measured} %");
            let measured = count / f64::from(u32::try_from(bursts(&lost)).unwrap());
            assert!((measured - length).abs() < length * 0.07, "{profile}: {measured} in a row");
        }
        assert!(lost("", 1).is_empty());
    }

    #[test]
    fn a_packet_takes_the_delay_and_some_jitter_and_overtakes_none() {
        let mut path = path("rtt=40ms jitter=10ms", 1);
        let arrivals: Vec<_> =
            (0..1_000).map(|number| path.carry(Duration::from_millis(number), 100).unwrap().as_millis()).collect();
        assert!(arrivals.is_sorted());
        let delays: Vec<_> = arrivals.iter().zip(0..).map(|(arrival, number)| arrival - number).collect();
        assert!(delays.iter().all(|delay| (20..=30).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay < 25) && delays.iter().any(|delay| *delay > 28));
    }

    #[test]
    fn a_link_carries_its_rate_keeps_a_queue_and_loses_the_rest() {
        let mut path = path("rate=300k queue=200ms", 1);
        // 1,000 bytes with their headers every 10 ms are more than 800 kbit/s.
        let arrivals: Vec<_> =
            (0..1_000).filter_map(|number| path.carry(Duration::from_millis(number * 10), 972)).collect();
        let until_then = arrivals.iter().filter(|arrival| **arrival <= Duration::from_secs(10)).count();
        assert_eq!(until_then, 300_000 * 10 / 8_000);
        let waited = arrivals.last().unwrap().saturating_sub(Duration::from_secs(10));
        assert!((Duration::from_millis(150)..Duration::from_millis(240)).contains(&waited), "{waited:?}");
    }

    #[test]
    fn conditions_change_when_their_time_comes() {
        let mut path = path("delay=10ms; 1s delay=50ms; 2s blocked; 3s open", 1);
        let mut took = |seconds: u64| {
            Some(path.carry(Duration::from_secs(seconds), 10)?.saturating_sub(Duration::from_secs(seconds)))
        };
        assert_eq!(took(0), Some(Duration::from_millis(10)));
        assert_eq!(took(1), Some(Duration::from_millis(50)));
        assert_eq!(took(2), None);
        assert_eq!(took(3), Some(Duration::from_millis(50)));
    }
}
