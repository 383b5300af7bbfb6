//! Who waits in front of a call. In memory alone: whoever waits goes on knocking, and so is back by itself after a restart.

use std::{net::IpAddr, time::Duration};

use farhand_domain::time::Timestamp;
use farhand_protocol::{ErrorCode, Problem, WireTime, lobby::InLobby};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    auth::GuestLink,
    http::{Fail, Outcome},
};

/// Whoever has not knocked for so long has gone. Longer than an answer waits and a bad network takes to ask again.
const PATIENCE: Duration = Duration::from_secs(30);
/// A list that people still read; a class of trainees comes in by its names one after another.
const MOST_WAITING: usize = 50;
/// Behind one address there may be a company, but hardly all of a lobby.
const MOST_OF_ADDRESS: usize = 10;
/// New knocks of one address within `COUNTED`: whoever comes, goes and comes again under other names is a nuisance to those inside.
const MOST_KNOCKS: usize = 20;
/// The same of all addresses.
const MOST_KNOCKS_IN_ALL: usize = 200;
const COUNTED: Duration = Duration::from_mins(10);
/// How long somebody who was refused is not asked about again.
const REFUSED_FOR: Duration = Duration::from_mins(5);

/// Somebody at the door.
#[derive(Clone)]
pub struct Knock {
    /// SHA-256, as hexadecimal digits, of what names the person: whoever reads the database cannot knock with it.
    pub hash: String,
    pub name: String,
    /// The network it comes from.
    pub from: IpAddr,
    /// Which text of terms was accepted.
    pub terms: Option<String>,
    /// Of the call's link.
    pub generation: i64,
}

/// How a knock stands. Who listens and hears no more has to ask anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Whether somebody is there who could open.
    Waiting {
        hosted: bool,
    },
    Refused,
    Admitted(GuestLink),
}

struct Waiting {
    id: Uuid,
    knock: Knock,
    since: Timestamp,
    until: Timestamp,
    told: watch::Sender<Standing>,
}

struct Turned {
    hash: String,
    name: String,
    from: IpAddr,
    until: Timestamp,
}

#[derive(Default)]
pub struct Lobby {
    waiting: Vec<Waiting>,
    refused: Vec<Turned>,
    /// When new ones came, and from where.
    knocks: Vec<(IpAddr, Timestamp)>,
}

/// What stands already and will not change.
pub fn settled(standing: Standing) -> watch::Receiver<Standing> {
    watch::channel(standing).1
}

impl Lobby {
    /// Also whether somebody is new here.
    pub fn knock(
        &mut self,
        now: Timestamp,
        id: Uuid,
        knock: Knock,
        hosted: bool,
    ) -> Outcome<(watch::Receiver<Standing>, bool)> {
        self.refused.retain(|turned| turned.until > now);
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.knock.hash == knock.hash) {
            waiting.until = now + PATIENCE;
            return Ok((waiting.told.subscribe(), false));
        }
        let is_same =
            |turned: &Turned| turned.hash == knock.hash || (turned.from == knock.from && turned.name == knock.name);
        if self.refused.iter().any(is_same) {
            return Ok((settled(Standing::Refused), false));
        }
        self.refuse_too_many(now, knock.from)?;
        self.knocks.push((knock.from, now));
        let (told, hears) = watch::channel(Standing::Waiting { hosted });
        self.waiting.push(Waiting { id, knock, since: now, until: now + PATIENCE, told });
        Ok((hears, true))
    }

    fn refuse_too_many(&mut self, now: Timestamp, from: IpAddr) -> Outcome<()> {
        let of_address = self.waiting.iter().filter(|waiting| waiting.knock.from == from).count();
        if self.waiting.len() >= MOST_WAITING || of_address >= MOST_OF_ADDRESS {
            let detail = "Too many people wait already. Try again when some of them are in.";
            return Err(Fail::new(ErrorCode::LobbyFull, detail));
        }
        self.knocks.retain(|(_, at)| *at + COUNTED > now);
        let own = || self.knocks.iter().filter(|(other, _)| *other == from);
        let oldest = if own().count() >= MOST_KNOCKS {
            own().next()
        } else {
            self.knocks.first().filter(|_| self.knocks.len() >= MOST_KNOCKS_IN_ALL)
        };
        let Some((_, at)) = oldest else { return Ok(()) };
        let seconds = now.until(*at + COUNTED).as_secs().max(1);
        let detail = format!("Too many people have asked to be let in. Wait {seconds} seconds.");
        Err(Problem::new(ErrorCode::TooManyAttempts, detail).retry_after(seconds).into())
    }

    /// Those who could open have come, or gone.
    pub fn tell_hosted(&self, hosted: bool) {
        let news = Standing::Waiting { hosted };
        for waiting in &self.waiting {
            waiting.told.send_if_modified(|standing| std::mem::replace(standing, news) != news);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whoever waits under this id.
    pub fn knock_of(&self, id: Uuid) -> Option<Knock> {
        self.waiting.iter().find(|waiting| waiting.id == id).map(|waiting| waiting.knock.clone())
    }

    pub fn admitted(&mut self, id: Uuid, link: GuestLink) {
        self.settle(id, Standing::Admitted(link));
    }

    pub fn refuse(&mut self, now: Timestamp, id: Uuid) {
        let Some(Knock { hash, name, from, .. }) = self.settle(id, Standing::Refused) else { return };
        self.refused.push(Turned { hash, name, from, until: now + REFUSED_FOR });
    }

    fn settle(&mut self, id: Uuid, standing: Standing) -> Option<Knock> {
        let index = self.waiting.iter().position(|waiting| waiting.id == id)?;
        let waiting = self.waiting.remove(index);
        // Whoever has stopped listening meanwhile asks again and is told then.
        let _ = waiting.told.send(standing);
        Some(waiting.knock)
    }

    /// Whether anybody has gone by this.
    pub fn leave(&mut self, hash: &str) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.knock.hash != hash);
        before != self.waiting.len()
    }

    /// Nobody has a link any more that leads here: they ask anew, and are told so.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Lets go of whoever knocks no more. Whether there was anybody.
    pub fn sweep(&mut self, now: Timestamp) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.until > now);
        before != self.waiting.len()
    }

    /// When to sweep next.
    pub fn due(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }

    pub fn shown(&self) -> Vec<InLobby> {
        let shown = |waiting: &Waiting| InLobby {
            id: waiting.id,
            display_name: waiting.knock.name.clone(),
            since_date_time: WireTime(waiting.since),
        };
        self.waiting.iter().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const WAITS: Standing = Standing::Waiting { hosted: true };
    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn knock(name: &str, from: u32) -> Knock {
        let from = IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + from));
        Knock { hash: format!("hash of {name}"), name: name.to_owned(), from, terms: None, generation: 1 }
    }

    fn came(lobby: &mut Lobby, now: Timestamp, name: &str, from: u32) -> Result<Standing, ErrorCode> {
        let id = Uuid::from_u128(lobby.knocks.len() as u128);
        let outcome = lobby.knock(now, id, knock(name, from), true);
        outcome.map(|(standing, _)| *standing.borrow()).map_err(|fail| fail.0.code)
    }

    fn names(lobby: &Lobby) -> Vec<String> {
        lobby.shown().into_iter().map(|shown| shown.display_name).collect()
    }

    #[test]
    fn whoever_knocks_on_goes_on_waiting_and_whoever_does_not_has_gone() {
        let mut lobby = Lobby::default();
        let (half, end) = (NOW + PATIENCE / 2, NOW + PATIENCE);
        came(&mut lobby, NOW, "Gil", 1).unwrap();
        came(&mut lobby, NOW, "Gus", 1).unwrap();
        came(&mut lobby, half, "Gil", 1).unwrap();
        assert_eq!(lobby.due(), Some(end));
        assert!(lobby.sweep(end));
        assert_eq!(names(&lobby), ["Gil"]);
        assert!(!lobby.sweep(end));
    }

    #[test]
    fn whoever_waits_hears_when_a_host_comes_or_goes_and_else_nothing() {
        let mut lobby = Lobby::default();
        let (mut hears, _) = lobby.knock(NOW, Uuid::nil(), knock("Gil", 1), false).unwrap();
        for (hosted, news) in [(false, false), (true, true), (true, false), (false, true)] {
            lobby.tell_hosted(hosted);
            assert_eq!(hears.has_changed().unwrap(), news);
            assert_eq!(*hears.borrow_and_update(), Standing::Waiting { hosted });
        }
    }

    #[test]
    fn whoever_was_refused_is_not_asked_about_again_for_a_while_under_that_name() {
        let mut lobby = Lobby::default();
        let (hears, fresh) = lobby.knock(NOW, Uuid::nil(), knock("Gil", 1), true).unwrap();
        assert!(fresh);
        lobby.refuse(NOW, Uuid::nil());
        assert_eq!(*hears.borrow(), Standing::Refused);
        let renamed = Knock { name: "Gal".to_owned(), ..knock("Gil", 2) };
        let again = Knock { hash: "new".to_owned(), ..knock("Gil", 1) };
        for same in [knock("Gil", 1), renamed, again] {
            let (standing, fresh) = lobby.knock(NOW, Uuid::nil(), same, true).unwrap();
            assert_eq!((*standing.borrow(), fresh), (Standing::Refused, false));
        }
        assert_eq!(names(&lobby), [""; 0]);
        assert_eq!(came(&mut lobby, NOW, "Gus", 1), Ok(WAITS), "a colleague");
        assert_eq!(came(&mut lobby, NOW + REFUSED_FOR, "Gil", 1), Ok(WAITS));
    }

    #[test]
    fn so_many_wait_of_one_address_and_so_many_in_all() {
        let mut lobby = Lobby::default();
        for n in 0..MOST_WAITING {
            assert_eq!(came(&mut lobby, NOW, &format!("{n}"), u32::try_from(n / MOST_OF_ADDRESS).unwrap()), Ok(WAITS));
            if n == MOST_OF_ADDRESS - 1 {
                assert_eq!(came(&mut lobby, NOW, "more", 0), Err(ErrorCode::LobbyFull));
            }
        }
        assert_eq!(came(&mut lobby, NOW, "more", 99), Err(ErrorCode::LobbyFull));
        assert_eq!(came(&mut lobby, NOW, "0", 0), Ok(WAITS), "who waits already may go on");
        assert!(lobby.leave("hash of 0"));
        assert_eq!(came(&mut lobby, NOW, "more", 99), Ok(WAITS));
    }

    #[test]
    fn whoever_comes_and_goes_is_stopped() {
        let mut lobby = Lobby::default();
        for n in 0..MOST_KNOCKS {
            let name = n.to_string();
            came(&mut lobby, NOW, &name, 1).unwrap();
            lobby.leave(&format!("hash of {name}"));
        }
        assert_eq!(came(&mut lobby, NOW, "more", 1), Err(ErrorCode::TooManyAttempts));
        assert_eq!(came(&mut lobby, NOW, "more", 2), Ok(WAITS));
        assert_eq!(came(&mut lobby, NOW + COUNTED, "more again", 1), Ok(WAITS));
    }
}
