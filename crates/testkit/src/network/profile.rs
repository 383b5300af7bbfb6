//! How a link is, and how that changes over time, as a line of text.

use std::{fmt, str::FromStr, time::Duration};

const MILLION: u32 = 1_000_000;

/// How one direction of a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions {
    /// Of a million packets.
    pub loss: u32,
    /// How many packets are lost in a row, on average.
    pub burst: u32,
    /// One way.
    pub delay: Duration,
    /// Up to this much more, evenly spread; packets stay in order.
    pub jitter: Duration,
    /// In bit/s, headers of IP and UDP included.
    pub rate: Option<u64>,
    /// How long a packet may wait for its turn; one that would have to wait longer is lost.
    pub queue: Duration,
    /// Nothing passes.
    pub blocked: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            loss: 0,
            burst: 1,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: None,
            queue: Duration::from_millis(300),
            blocked: false,
        }
    }
}

/// Conditions and when they begin.
///
/// As text: words for the beginning, then for each `;` a time and what changes then:
/// `rate=1M rtt=40ms; 10s rate=250k; 20s rate=1M`. Words: `loss=10%`, `burst=3`, `rtt=40ms` (half of it each way), `delay=20ms`,
/// `jitter=5ms`, `rate=300k`, `rate=none`, `queue=200ms`, `blocked`, `open`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile(Vec<(Duration, Conditions)>);

impl Profile {
    pub(super) fn at(&self, time: Duration) -> Conditions {
        let begun = self.0.iter().take_while(|(from, _)| *from <= time).last();
        begun.map_or_else(Conditions::default, |(_, conditions)| *conditions)
    }
}

impl From<Conditions> for Profile {
    fn from(conditions: Conditions) -> Self {
        Self(vec![(Duration::ZERO, conditions)])
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError(String);

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" says nothing about a link", self.0)
    }
}

impl std::error::Error for ProfileError {}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let mut now = Conditions::default();
        let mut steps = Vec::new();
        for (number, step) in text.split(';').enumerate() {
            let mut words = step.split_whitespace();
            let from = match number {
                0 => Duration::ZERO,
                _ => words.next().and_then(duration).ok_or_else(|| ProfileError(step.trim().to_owned()))?,
            };
            for word in words {
                set(&mut now, word).ok_or_else(|| ProfileError(word.to_owned()))?;
            }
            steps.push((from, now));
        }
        steps.sort_by_key(|(from, _)| *from);
        Ok(Self(steps))
    }
}

fn set(conditions: &mut Conditions, word: &str) -> Option<()> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    match name {
        "loss" => conditions.loss = share(value)?,
        "burst" => conditions.burst = value.parse().ok().filter(|burst| *burst > 0)?,
        "rtt" => conditions.delay = duration(value)? / 2,
        "delay" => conditions.delay = duration(value)?,
        "jitter" => conditions.jitter = duration(value)?,
        "rate" => conditions.rate = if value == "none" { None } else { Some(rate(value)?) },
        "queue" => conditions.queue = duration(value)?,
        "blocked" => conditions.blocked = true,
        "open" => conditions.blocked = false,
        _ => return None,
    }
    Some(())
}

/// `2.5%` in parts of a million.
fn share(text: &str) -> Option<u32> {
    let percent = text.strip_suffix('%')?;
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    let part = format!("{part:0<4}");
    let share = whole.parse::<u32>().ok()?.checked_mul(MILLION / 100)?.checked_add(part.get(..4)?.parse().ok()?)?;
    (part.len() == 4 && share <= MILLION).then_some(share)
}

fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(millis) => Some(Duration::from_millis(millis.parse().ok()?)),
        None => Some(Duration::from_secs(text.strip_suffix('s')?.parse().ok()?)),
    }
}

/// `300k` or `2M`; nothing flows at 0, which is `blocked`.
fn rate(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix('M') {
        Some(number) => (number, 1_000_000),
        None => (text.strip_suffix('k')?, 1_000),
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|rate| *rate > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_a_link_is_and_becomes() {
        let profile: Profile =
            "loss=2.5% burst=3 rtt=40ms jitter=5ms rate=1M; 10s rate=250k; 20s rate=none blocked".parse().unwrap();
        let first = Conditions {
            loss: 25_000,
            burst: 3,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(5),
            rate: Some(1_000_000),
            ..Conditions::default()
        };
        assert_eq!(profile.at(Duration::ZERO), first);
        assert_eq!(profile.at(Duration::from_millis(9_999)), first);
        assert_eq!(profile.at(Duration::from_secs(10)), Conditions { rate: Some(250_000), ..first });
        assert_eq!(profile.at(Duration::from_mins(1)), Conditions { rate: None, blocked: true, ..first });
        assert_eq!("".parse::<Profile>().unwrap().at(Duration::ZERO), Conditions::default());
    }

    #[test]
    fn what_it_does_not_understand_is_named() {
        for (text, named) in [
            ("rtt=40", "rtt=40"),
            ("loss=101%", "loss=101%"),
            ("loss=1.23456%", "loss=1.23456%"),
            ("burst=0", "burst=0"),
            ("rate=0k", "rate=0k"),
            ("loss=1%; rate=1M", "rate=1M"),
            ("rain", "rain"),
        ] {
            assert_eq!(text.parse::<Profile>(), Err(ProfileError(named.to_owned())), "{text}");
        }
    }
}
