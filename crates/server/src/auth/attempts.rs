//! Counts wrong passwords per account and address, and per address, and says how long to wait.

use std::{collections::HashMap, net::IpAddr, sync::Mutex, time::Duration};

use farhand_domain::time::Timestamp;

/// Keys remembered at most. A flood from very many addresses forgets the oldest counts rather than fill the memory.
const MAX_KEYS: usize = 100_000;
/// One address may be wrong for many accounts behind a company's NAT before it has to wait altogether.
const PER_ADDRESS_FACTOR: u32 = 10;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String, IpAddr),
    Address(IpAddr),
}

struct Count {
    failures: u32,
    until: Timestamp,
}

pub struct Attempts {
    max_failures: u32,
    lockout: Duration,
    counts: Mutex<HashMap<Key, Count>>,
}

impl Attempts {
    pub fn new(max_failures: u32, lockout: Duration) -> Self {
        Self { max_failures, lockout, counts: Mutex::default() }
    }

    /// How long this account has to wait at this address; `None`: it may try.
    pub fn must_wait(&self, now: Timestamp, account: &str, from: IpAddr) -> Option<Duration> {
        let counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waits = |key: Key, max: u32| {
            counts.get(&key).filter(|c| c.failures >= max && c.until > now).map(|c| now.until(c.until))
        };
        waits(Key::Account(account.to_owned(), from), self.max_failures)
            .max(waits(Key::Address(from), self.max_failures.saturating_mul(PER_ADDRESS_FACTOR)))
    }

    pub fn failed(&self, now: Timestamp, account: &str, from: IpAddr) {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if counts.len() >= MAX_KEYS {
            counts.retain(|_, c| c.until > now);
            if counts.len() >= MAX_KEYS {
                counts.clear();
            }
        }
        for key in [Key::Account(account.to_owned(), from), Key::Address(from)] {
            let count = counts.entry(key).or_insert(Count { failures: 0, until: now });
            if count.until <= now {
                count.failures = 0;
            }
            count.failures += 1;
            count.until = now + self.lockout;
        }
    }

    pub fn succeeded(&self, account: &str, from: IpAddr) {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        counts.remove(&Key::Account(account.to_owned(), from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn an_account_waits_after_too_many_failures_at_that_address_only() {
        let attempts = Attempts::new(3, Duration::from_mins(1));
        let now = Timestamp::from_millis(0);
        for _ in 0..3 {
            assert_eq!(attempts.must_wait(now, "d/u", A), None);
            attempts.failed(now, "d/u", A);
        }
        assert_eq!(attempts.must_wait(now, "d/u", A), Some(Duration::from_mins(1)));
        assert_eq!(attempts.must_wait(now, "d/u", B), None);
        assert_eq!(attempts.must_wait(now, "d/v", A), None);
        assert_eq!(attempts.must_wait(now + Duration::from_mins(1), "d/u", A), None);
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits_for_all_of_them() {
        let attempts = Attempts::new(3, Duration::from_mins(1));
        let now = Timestamp::from_millis(0);
        for i in 0..30 {
            attempts.failed(now, &format!("d/u{i}"), A);
        }
        assert!(attempts.must_wait(now, "d/fresh", A).is_some());
    }

    #[test]
    fn a_success_forgets_the_failures() {
        let attempts = Attempts::new(1, Duration::from_mins(1));
        let now = Timestamp::from_millis(0);
        attempts.failed(now, "d/u", A);
        attempts.succeeded("d/u", A);
        assert_eq!(attempts.must_wait(now, "d/u", A), None);
    }
}
