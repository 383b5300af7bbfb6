//! The ladder a receiver goes down as its link worsens, and up again: smaller, slower, no picture at all. Pure.

use std::time::{Duration, Instant};

use crate::layers::{Allocation, Wanted};

/// What somebody still gets of what it wants to see; what is worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    Full,
    /// A picture is smaller than it is shown, or there is no room for all of them.
    Smaller,
    /// Frames are left out.
    Slow,
    /// No moving picture any more; there is room for a still one now and then.
    Stills,
    /// Room for sound only.
    Audio,
}

/// What keeps somebody from more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Link,
    Budget,
}

/// What may be sent to somebody, whatever the link carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// In bit/s, sound included.
    pub bits: Option<u64>,
    /// Sound only.
    pub no_pictures: bool,
    /// What comes and goes is to be told.
    pub counted: bool,
}

/// So long nothing fits before it is given up: an estimate dips for a second now and then.
const PATIENCE: Duration = Duration::from_secs(2);
/// A picture that has come back gets longer: the estimate has to find out first what the link carries now.
const TRIAL: Duration = Duration::from_secs(4);
/// So long it must fit before it is shown again, and at most so long after that was in vain.
const CAUTION: Duration = Duration::from_secs(2);
const MOST_CAUTION: Duration = Duration::from_secs(16);
/// Pictures that were shown for so long had not come back in vain.
const PROVED: Duration = Duration::from_secs(20);
/// What must be to spare before they come back.
const SPARE_PERCENT: u64 = 30;
/// Room beside the sound with which a still picture comes within a minute or two.
const STILLS: u64 = 10_000;
/// So long somebody is on a rung before that is told. Most links take a few seconds to show what they carry.
const SETTLED: Duration = Duration::from_secs(6);

/// Whether there are pictures at all, with hysteresis.
#[derive(Debug)]
pub(crate) struct Ladder {
    given_up: bool,
    /// Since when what is looked for has been so.
    since: Option<Instant>,
    shown_since: Option<Instant>,
    caution: Duration,
    settling: Option<(Instant, Standing)>,
    told: Standing,
}

/// Where somebody stands on the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) rung: Rung,
    pub(crate) why: Why,
}

/// What there is for pictures, in bit/s.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// As far as is known of the link.
    pub(crate) carried: u64,
    /// By a budget.
    pub(crate) allowed: u64,
}

const TOP: Standing = Standing { rung: Rung::Full, why: Why::Link };

impl Default for Ladder {
    fn default() -> Self {
        Self { given_up: false, since: None, shown_since: None, caution: CAUTION, settling: None, told: TOP }
    }
}

impl Ladder {
    /// What is to be told is the same as before.
    pub(crate) fn start_anew(&mut self) {
        *self = Self { told: self.told, ..Self::default() };
    }

    /// Whether pictures are to be sent. `cheapest`: what the cheapest one that is wanted takes.
    pub(crate) fn carries_pictures(&mut self, now: Instant, room: Room, cheapest: Option<u64>) -> bool {
        let Some(cheapest) = cheapest else {
            // Nothing to show proves nothing.
            self.since = None;
            return !self.given_up;
        };
        let needed = if self.given_up { with_spare(cheapest) } else { cheapest };
        if (needed <= room.carried.min(room.allowed)) == self.given_up {
            let since = *self.since.get_or_insert(now);
            if now.saturating_duration_since(since) >= self.patience(now) {
                self.turn(now);
            }
        } else {
            self.since = None;
        }
        !self.given_up
    }

    /// How long things must be otherwise before that counts.
    fn patience(&self, now: Instant) -> Duration {
        let just_shown = |since| now.saturating_duration_since(since) < TRIAL + PATIENCE;
        match self.shown_since {
            _ if self.given_up => self.caution,
            Some(since) if just_shown(since) => TRIAL,
            Some(_) | None => PATIENCE,
        }
    }

    /// What to find out about: whether the link carries all that is `desired`. Once pictures have been given up, only whether it carries what
    /// they need to come back, as what is probed with takes from the sound; but without that the estimate would stay where it is, because
    /// sound alone proves no more than half as much again as it takes.
    pub(crate) fn wants(&self, sound: u64, desired: u64, cheapest: Option<u64>) -> u64 {
        match cheapest {
            Some(cheapest) if self.given_up => sound + with_spare(cheapest),
            None if self.given_up => 0,
            Some(_) | None => sound + desired,
        }
    }

    fn turn(&mut self, now: Instant) {
        self.given_up = !self.given_up;
        self.since = None;
        if self.given_up {
            let shown = self.shown_since.map(|since| now.saturating_duration_since(since));
            let in_vain = shown.is_some_and(|shown| shown < PROVED);
            self.caution = if in_vain { (self.caution * 2).min(MOST_CAUTION) } else { CAUTION };
        } else {
            self.shown_since = Some(now);
        }
    }

    /// The standing, once it has settled and if it is news.
    pub(crate) fn tell(&mut self, now: Instant, standing: Standing) -> Option<Standing> {
        let same =
            |other: Standing| other.rung == standing.rung && (other.why == standing.why || standing.rung == Rung::Full);
        if same(self.told) {
            self.settling = None;
            return None;
        }
        // A link that changes between two worse rungs is worse all the time; which of them is told is no great matter.
        let worse = |rung: Rung| rung.cmp(&self.told.rung);
        let since = match self.settling {
            Some((since, settling)) if worse(settling.rung) == worse(standing.rung) => since,
            _ => now,
        };
        self.settling = Some((since, standing));
        // Whether there are pictures was not decided in a hurry.
        let certain = (standing.rung >= Rung::Stills) != (self.told.rung >= Rung::Stills);
        if certain || now.saturating_duration_since(since) >= SETTLED {
            (self.told, self.settling) = (standing, None);
            return Some(standing);
        }
        None
    }
}

/// What it takes to come back.
fn with_spare(cheapest: u64) -> u64 {
    cheapest + cheapest * SPARE_PERCENT / 100
}

/// Where a receiver stands for whom these layers were chosen; `room` is what there was for them.
pub(crate) fn rung(wishes: &[Wanted], chosen: &Allocation, pictures: bool, room: u64) -> Rung {
    let steps = wishes.iter().zip(&chosen.layers);
    let rungs = steps.filter_map(|(wish, step)| {
        let best = wish.best().map(|best| wish.layers[best]).filter(|best| best.flows)?;
        Some(match step.map(|step| wish.layers[step]) {
            Some(step) if step.is_slow() => Rung::Slow,
            Some(step) if step.layer == best.layer => Rung::Full,
            Some(_) | None => Rung::Smaller,
        })
    });
    match rungs.max() {
        // Nobody is shown what nobody sends.
        None => Rung::Full,
        Some(rung) if pictures => rung,
        Some(_) if room >= STILLS => Rung::Stills,
        Some(_) => Rung::Audio,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layers::Offered, temporal};

    /// What the ladder says each half second, in letters: pictures or none.
    fn rounds(ladder: &mut Ladder, now: &mut Instant, count: usize, room: u64) -> String {
        let round = |_| {
            *now += Duration::from_millis(500);
            let room = Room { carried: room, allowed: u64::MAX };
            if ladder.carries_pictures(*now, room, Some(60_000)) { 'p' } else { '-' }
        };
        (0..count).map(round).collect()
    }

    #[test]
    fn pictures_are_given_up_with_patience_and_come_back_with_caution() {
        let (mut ladder, mut now) = (Ladder::default(), Instant::now());
        assert_eq!(rounds(&mut ladder, &mut now, 3, 60_000), "ppp", "just fits");
        assert_eq!(rounds(&mut ladder, &mut now, 2, 10_000), "pp", "a dip");
        assert_eq!(rounds(&mut ladder, &mut now, 1, 60_000), "p");
        assert_eq!(rounds(&mut ladder, &mut now, 6, 10_000), "pppp--");
        assert_eq!(rounds(&mut ladder, &mut now, 4, 77_000), "----", "nothing to spare");
        assert_eq!(rounds(&mut ladder, &mut now, 6, 78_000), "----pp");
    }

    #[test]
    fn what_came_back_in_vain_comes_back_later_each_time() {
        let (mut ladder, mut now) = (Ladder::default(), Instant::now());
        let mut told = String::new();
        while told.len() < 1_000 {
            // They fit only as long as they are not sent.
            let room = if told.ends_with('-') { 100_000 } else { 10_000 };
            told += &rounds(&mut ladder, &mut now, 1, room);
        }
        let pauses: Vec<usize> = told.split('p').map(str::len).filter(|pause| *pause > 0).collect();
        assert_eq!(pauses[..5], [5, 9, 17, 33, 33], "in half seconds");
        let back = rounds(&mut ladder, &mut now, 200, 100_000);
        assert!(back.matches('-').count() <= 33 && back.ends_with("pppp"), "{back}");
        rounds(&mut ladder, &mut now, 5, 10_000);
        assert_eq!(rounds(&mut ladder, &mut now, 5, 100_000), "----p", "it was not in vain");
    }

    #[test]
    fn once_pictures_are_given_up_no_more_is_found_out_than_whether_they_can_come_back() {
        let (mut ladder, mut now) = (Ladder::default(), Instant::now());
        assert_eq!(ladder.wants(50_000, 700_000, Some(60_000)), 750_000);
        rounds(&mut ladder, &mut now, 6, 10_000);
        assert_eq!(ladder.wants(50_000, 700_000, Some(60_000)), 128_000);
        assert_eq!(ladder.wants(50_000, 0, None), 0, "there is nothing to come back");
    }

    #[test]
    fn where_nothing_is_sent_nothing_is_proved() {
        let (mut ladder, now) = (Ladder::default(), Instant::now());
        for second in 0..10 {
            let room = Room { carried: 0, allowed: 0 };
            assert!(ladder.carries_pictures(now + Duration::from_secs(second), room, None));
        }
    }

    #[test]
    fn what_a_budget_forbids_is_not_tried_in_vain() {
        let (mut ladder, mut now) = (Ladder::default(), Instant::now());
        let mut seconds_of_pictures = |allowed| {
            let round = |_| {
                now += Duration::from_secs(1);
                ladder.carries_pictures(now, Room { carried: 1_000_000, allowed }, Some(60_000))
            };
            (0..600).map(round).filter(|shown| *shown).count()
        };
        assert_eq!(seconds_of_pictures(59_999), 2, "until it is given up");
        assert!(seconds_of_pictures(78_000) > 590, "there is more to have");
    }

    #[test]
    fn a_standing_is_told_once_it_has_settled_and_the_loss_of_pictures_at_once() {
        let (mut ladder, start) = (Ladder::default(), Instant::now());
        let mut tell = |seconds, rung, why| {
            let told = ladder.tell(start + Duration::from_secs(seconds), Standing { rung, why });
            told.map(|standing| standing.rung)
        };
        assert_eq!(tell(0, Rung::Full, Why::Budget), None, "nobody misses anything");
        assert_eq!(tell(1, Rung::Smaller, Why::Link), None);
        assert_eq!(tell(3, Rung::Slow, Why::Link), None, "worse still");
        assert_eq!(tell(5, Rung::Full, Why::Link), None, "only a moment");
        assert_eq!(tell(6, Rung::Smaller, Why::Link), None, "so it begins anew");
        assert_eq!(tell(11, Rung::Slow, Why::Link), None);
        assert_eq!(tell(12, Rung::Slow, Why::Link), Some(Rung::Slow), "worse all the time, if not equally");
        assert_eq!(tell(13, Rung::Slow, Why::Link), None, "said");
        for second in 14..40 {
            let rung = if second % 2 == 0 { Rung::Smaller } else { Rung::Slow };
            assert_eq!(tell(second, rung, Why::Link), None, "not to and fro");
        }
        assert_eq!(tell(41, Rung::Stills, Why::Link), Some(Rung::Stills));
        assert_eq!(tell(42, Rung::Audio, Why::Link), None, "not to and fro");
        assert_eq!(tell(43, Rung::Smaller, Why::Link), Some(Rung::Smaller), "there are pictures again");
        assert_eq!(tell(44, Rung::Smaller, Why::Budget), None);
        assert_eq!(tell(50, Rung::Smaller, Why::Budget), Some(Rung::Smaller), "for another reason");
    }

    #[test]
    fn the_rung_follows_from_what_is_wanted_and_what_is_sent() {
        let step = |layer, pace| Offered { layer, pace, bitrate: 1, height: 180 << layer, flows: true };
        let layers = vec![step(0, 0), step(0, temporal::ALL), step(1, temporal::ALL)];
        let large = Wanted { layers, height: 360, current: None, rank: 0 };
        let small = Wanted { height: 180, ..large.clone() };
        let hidden = Wanted { height: 0, ..large.clone() };
        let of = |wishes: &[Wanted], steps: &[Option<usize>], pictures, room| {
            let chosen = Allocation { layers: steps.to_vec(), ..Allocation::default() };
            rung(wishes, &chosen, pictures, room)
        };
        for (wishes, steps, expected) in [
            (vec![&large], vec![Some(2)], Rung::Full),
            (vec![&large], vec![Some(1)], Rung::Smaller),
            (vec![&small], vec![Some(1)], Rung::Full),
            (vec![&small], vec![Some(0)], Rung::Slow),
            (vec![&large, &small], vec![Some(1), Some(0)], Rung::Slow),
            (vec![&large, &small], vec![Some(2), None], Rung::Smaller),
            (vec![&hidden], vec![None], Rung::Full),
            (vec![], vec![], Rung::Full),
        ] {
            let wishes: Vec<Wanted> = wishes.into_iter().cloned().collect();
            assert_eq!(of(&wishes, &steps, true, 0), expected, "{steps:?}");
        }
        assert_eq!(of(std::slice::from_ref(&large), &[None], false, 10_000), Rung::Stills);
        assert_eq!(of(&[large], &[None], false, 9_999), Rung::Audio);
        assert_eq!(of(&[hidden], &[None], false, 0), Rung::Full, "nobody is to be seen");
    }
}
