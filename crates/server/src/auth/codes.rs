//! Six digits that lead into a call: to be said over the telephone, and typed where a link cannot be. They live in memory alone and not
//! for long: whoever shows one can show another.
//!
//! There are a million of them, so guessing is limited twice. With M codes alive a guess hits one with a chance of M in a million. One
//! address has five guesses in ten minutes; all together have five a minute, after twenty at once. So whoever guesses from
//! everywhere at once needs, with ten codes alive, two weeks on average, and finds a lobby mostly.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use farhand_domain::{ids::ContactId, time::Timestamp};
use farhand_protocol::{ErrorCode, Problem};
use uuid::Uuid;

use super::Attempts;
use crate::{
    http::{Fail, Outcome},
    network::network_of,
};

/// Long enough to be said and typed with gloves on; longer would leave more of them to be guessed.
pub const CODE_LIFE: Duration = Duration::from_mins(10);
const DIGITS: usize = 6;
const ALL: u32 = 1_000_000;
/// Codes alive at once. More could be found by guessing sooner, and a server with so many calls that begin at once has other worries.
const MOST: usize = 1_000;
/// Of these, those of one domain: none can use them up for the others.
const MOST_OF_DOMAIN: usize = MOST / 4;
/// Wrong codes of one address until it has to wait: room for mistakes, also for two people behind the same NAT.
const OF_ADDRESS: u32 = 5;
const ADDRESS_WAITS: Duration = Duration::from_mins(10);
/// Wrong codes of everybody together: a morning on which many mistype does no harm. Whoever guesses from everywhere on purpose keeps all
/// codes from being used, and finds none; links go on leading in.
const BURST: u32 = 20;
const ONE_MORE_EACH: Duration = Duration::from_secs(12);

/// What a code leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leads {
    pub call_id: Uuid,
    pub domain_id: i64,
    /// In as this guest. Else to the call as everybody may come in.
    pub guest: Option<ContactId>,
}

struct Code {
    leads: Leads,
    until: Timestamp,
}

pub struct Codes {
    by_address: Attempts,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    codes: HashMap<u32, Code>,
    guesses: Guesses,
}

impl Live {
    /// When the next code of a domain can be made, if none can now.
    fn room_at(&self, domain: i64) -> Option<Timestamp> {
        let own = || self.codes.values().filter(|code| code.leads.domain_id == domain);
        let ends = |code: &Code| code.until;
        if own().count() >= MOST_OF_DOMAIN {
            return own().map(ends).min();
        }
        self.codes.values().map(ends).min().filter(|_| self.codes.len() >= MOST)
    }
}

/// Wrong codes that still count against all.
#[derive(Default)]
struct Guesses {
    spent: u32,
    since: Option<Timestamp>,
}

impl Guesses {
    fn forget(&mut self, now: Timestamp) {
        let Some(since) = self.since else { return };
        let back = u32::try_from(since.until(now).as_secs() / ONE_MORE_EACH.as_secs()).unwrap_or(u32::MAX);
        self.spent = self.spent.saturating_sub(back);
        self.since = (self.spent > 0).then(|| since + ONE_MORE_EACH * back);
    }

    fn must_wait(&mut self, now: Timestamp) -> Option<Duration> {
        self.forget(now);
        let since = self.since.filter(|_| self.spent >= BURST)?;
        Some(now.until(since + ONE_MORE_EACH))
    }

    fn spend(&mut self, now: Timestamp) {
        self.spent += 1;
        self.since.get_or_insert(now);
    }
}

impl Default for Codes {
    fn default() -> Self {
        Self { by_address: Attempts::new(OF_ADDRESS, ADDRESS_WAITS), live: Mutex::default() }
    }
}

impl Codes {
    /// A code, and until when it is good. One that led to the same before is good no more.
    pub fn make(&self, now: Timestamp, leads: Leads) -> Outcome<(String, Timestamp)> {
        let mut live = self.lock();
        live.codes.retain(|_, code| code.until > now && code.leads != leads);
        if let Some(first) = live.room_at(leads.domain_id) {
            return Err(too_many(now.until(first), "Too many codes are in use."));
        }
        let digits = loop {
            let digits = draw().map_err(|e| Fail::internal(format!("no random numbers: {e}")))?;
            if !live.codes.contains_key(&digits) {
                break digits;
            }
        };
        let until = now + CODE_LIFE;
        live.codes.insert(digits, Code { leads, until });
        Ok((format!("{digits:0DIGITS$}"), until))
    }

    /// Where a code leads. A guest's is used up by it.
    pub fn take(&self, now: Timestamp, typed: &str, from: IpAddr) -> Outcome<Leads> {
        let digits = read(typed)?;
        let from = network_of(from);
        let mut live = self.lock();
        if let Some(wait) = self.by_address.must_wait(now, "", from).max(live.guesses.must_wait(now)) {
            return Err(too_many(wait, "Too many wrong codes."));
        }
        let Some(code) = live.codes.get(&digits).filter(|code| code.until > now) else {
            drop(live);
            return Err(self.wrong(now, from));
        };
        let leads = code.leads;
        if leads.guest.is_some() {
            live.codes.remove(&digits);
        }
        Ok(leads)
    }

    /// The answer to a code that leads nowhere, for whatever reason. It counts as a guess.
    pub fn wrong(&self, now: Timestamp, from: IpAddr) -> Fail {
        self.by_address.failed(now, "", network_of(from));
        self.lock().guesses.spend(now);
        Fail::new(ErrorCode::CodeUnknown, "The code is wrong, or its time is over. Ask for a new one.")
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many(wait: Duration, why: &str) -> Fail {
    let seconds = wait.as_secs().max(1);
    let detail = format!("{why} Wait {seconds} seconds.");
    Problem::new(ErrorCode::TooManyAttempts, detail).retry_after(seconds).into()
}

/// What is no code is no guess either.
fn read(typed: &str) -> Outcome<u32> {
    let said: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let digits = said.parse().ok().filter(|_| said.len() == DIGITS && said.bytes().all(|b| b.is_ascii_digit()));
    digits.ok_or_else(|| {
        let detail = format!("A code has {DIGITS} digits.");
        Problem::new(ErrorCode::InvalidField, detail).at("/code").into()
    })
}

/// Each code with the same chance: what would prefer some is drawn again.
fn draw() -> Result<u32, getrandom::Error> {
    loop {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes)?;
        let number = u32::from_le_bytes(bytes);
        if number < u32::MAX / ALL * ALL {
            return Ok(number % ALL);
        }
    }
}

#[cfg(test)]
mod tests;
