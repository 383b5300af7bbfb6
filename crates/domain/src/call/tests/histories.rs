//! Long random histories. A failure prints its seed: `FARHAND_HISTORY=<seed>` runs that one alone, and
//! `FARHAND_HISTORIES=<n>` runs more of them than usual.

use std::{env, time::Duration};

use super::{
    alphabet::{Kind, Letter, letters},
    exploration::{Failure, Observed, advance, create, line},
    invariants::Invariant,
    machine::{Machine, Sound},
    setups::{self, Setup},
};
use crate::{call::Event, policy::Policy};

const HISTORIES: u64 = 2_000;
const EVENTS: usize = 60;

/// `SplitMix64`: small, and the same everywhere and for ever, so that a seed keeps its meaning.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % limit).unwrap_or(0)
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}

fn random_setup(dice: &mut Dice) -> Setup {
    let mut all = Vec::from(setups::all());
    let setup = all.swap_remove(dice.below(all.len()));
    let policy = Policy { max_participants: 2 + dice.below(3), ..setup.policy };
    Setup { policy, ..setup }
}

/// Calls are ended and cleared away less often than anything else, or they would not grow old.
fn random_letter(dice: &mut Dice, setup: &Setup, from: &Observed) -> Letter {
    let mut all = letters(setup, &from.call, from.now, from.wake);
    loop {
        let index = dice.below(all.len());
        let rare = match Kind::of(&all[index].1) {
            Kind::End | Kind::Cancel => 40,
            Kind::Leave | Kind::Decline | Kind::PathFailed => 8,
            Kind::Recovered | Kind::Tick => 3,
            Kind::Join
            | Kind::ConnectionLost
            | Kind::ConnectionBack
            | Kind::Invite
            | Kind::TeamComes
            | Kind::PassOver
            | Kind::RingAgain
            | Kind::Reschedule
            | Kind::Start
            | Kind::Claim
            | Kind::PromiseCallBack
            | Kind::HandOver => 1,
        };
        if dice.one_in(rare) {
            let (at, event) = all.swap_remove(index);
            let late = if dice.one_in(4) { dice.below(3_000) } else { 0 };
            return (at + Duration::from_millis(u64::try_from(late).unwrap_or(0)), event);
        }
    }
}

/// How many events the call lived through.
fn run(machine: &impl Machine, seed: u64, watched: &[Invariant]) -> Result<usize, Failure> {
    let mut dice = Dice(seed);
    let setup = random_setup(&mut dice);
    let mut lived = 0;
    let mut told: Vec<(_, Event)> = Vec::new();
    let mut observed = create(machine, &setup, watched)?;
    for _ in 0..EVENTS {
        let (now, event) = random_letter(&mut dice, &setup, &observed);
        told.push((now, event.clone()));
        lived += usize::from(!observed.call.has_ended());
        observed = advance(machine, &setup, watched, &observed, now, &event)
            .map_err(|failure| failure.with_history(told.iter().map(|(at, event)| line(*at, event)).collect()))?;
    }
    Ok(lived)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn long_random_histories_keep_the_invariants() {
    let seeds = match number("FARHAND_HISTORY") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FARHAND_HISTORIES").unwrap_or(HISTORIES),
    };
    let count = usize::try_from(seeds.end - seeds.start).unwrap_or(usize::MAX);
    let mut lived = 0;
    for seed in seeds {
        match run(&Sound, seed, Invariant::ALL) {
            Ok(events) => lived += events,
            Err(failure) => panic!("FARHAND_HISTORY={seed} shows it again. {failure}"),
        }
    }
    println!("{count} histories of {EVENTS} events, {} of them before the end on average", lived / count);
    assert!(count < 100 || lived / count >= EVENTS / 4, "the calls end too early to show anything");
}
