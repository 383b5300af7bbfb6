//! Breadth-first over all distinct reachable states. Two states are the same if they differ only in what the clock
//! says, and in counters that nothing but their order is read from.

use std::{collections::HashSet, fmt};

use super::{
    alphabet::{Kind, letters},
    invariants::{Invariant, Step},
    machine::{Machine, Sound},
    setups::{self, Setup},
    story::START,
    trail::Trail,
};
use crate::{
    call::{Call, Event, Handled, Phase, Place, Stage, State},
    time::Timestamp,
};

const DEPTH: usize = 7;
/// Milliseconds.
const COARSE: i64 = 20 * 60 * 1000;

/// A call under observation.
#[derive(Clone)]
pub(super) struct Observed {
    pub(super) call: Call,
    pub(super) now: Timestamp,
    pub(super) wake: Option<Timestamp>,
    trail: Trail,
}

/// What was broken, and by which history.
pub(super) struct Failure {
    pub(super) invariant: Invariant,
    finding: String,
    history: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}: {}", self.invariant, self.finding)?;
        self.history.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl Failure {
    pub(super) fn with_history(self, history: Vec<String>) -> Self {
        Self { history, ..self }
    }
}

/// Holds the making of the call against the invariants that are watched.
pub(super) fn create(machine: &impl Machine, setup: &Setup, watched: &[Invariant]) -> Result<Observed, Failure> {
    let Setup { policy, terms, joined, .. } = setup;
    let (call, effects) = machine.create(policy, START, terms.clone(), &setup.invited(), *joined);
    let nothing = (Trail::default(), None);
    observe(machine, setup, watched, nothing, (START, None), call, &Ok(effects))
}

/// Holds one step against the invariants that are watched.
pub(super) fn advance(
    machine: &impl Machine,
    setup: &Setup,
    watched: &[Invariant],
    from: &Observed,
    now: Timestamp,
    event: &Event,
) -> Result<Observed, Failure> {
    let mut call = from.call.clone();
    let handled = machine.handle(&mut call, &setup.policy, now, event.clone());
    if handled.is_err() && now == from.now && call == from.call {
        // Nothing has happened, and everything was checked when this state was reached.
        return Ok(from.clone());
    }
    observe(machine, setup, watched, (from.trail, Some(&from.call)), (now, Some(event)), call, &handled)
}

fn observe(
    machine: &impl Machine,
    setup: &Setup,
    watched: &[Invariant],
    (trail_before, before): (Trail, Option<&Call>),
    (now, event): (Timestamp, Option<&Event>),
    call: Call,
    handled: &Handled,
) -> Result<Observed, Failure> {
    let mut trail = trail_before;
    for effect in handled.iter().flatten() {
        trail.follow(effect, setup.terms.creator);
    }
    let wake = machine.next_wake(&call, &setup.policy);
    let plan = |contact| Some((contact, machine.media_plan(&call, contact)?));
    let plans: Vec<_> = call.seated().into_iter().filter_map(|(contact, _)| plan(contact)).collect();
    let step = Step {
        policy: &setup.policy,
        brokers: &setup.brokers,
        before,
        event,
        now,
        handled,
        after: &call,
        wake,
        rings: &call.rings(),
        plans: &plans,
        trail_before,
        trail_after: trail,
    };
    for invariant in watched {
        let told = |finding| Failure { invariant: *invariant, finding, history: Vec::new() };
        invariant.check(&step).map_err(told)?;
    }
    Ok(Observed { call, now, wake, trail })
}

struct Node {
    observed: Observed,
    /// Where it was reached from, and by what.
    reached: Option<(usize, Event)>,
}

pub(super) struct Report {
    pub(super) states: usize,
    pub(super) steps: usize,
}

pub(super) fn explore(
    machine: &impl Machine,
    setup: &Setup,
    depth: usize,
    watched: &[Invariant],
) -> Result<Report, Failure> {
    let first = create(machine, setup, watched)?;
    let mut known = HashSet::from([key(&first)]);
    let mut nodes = vec![Node { observed: first, reached: None }];
    let mut steps = 0;
    let mut level = 0..1;
    for _ in 0..depth {
        for index in level.clone() {
            let from = nodes[index].observed.clone();
            for (now, event) in letters(setup, &from.call, from.now, from.wake) {
                steps += 1;
                let next = advance(machine, setup, watched, &from, now, &event)
                    .map_err(|failure| failure.with_history(history(&nodes, index, now, &event)))?;
                let moved = next.call != from.call || next.now != from.now;
                if moved && known.insert(key(&next)) {
                    nodes.push(Node { observed: next, reached: Some((index, event)) });
                }
            }
        }
        level = level.end..nodes.len();
    }
    Ok(Report { states: nodes.len(), steps })
}

fn history(nodes: &[Node], index: usize, now: Timestamp, event: &Event) -> Vec<String> {
    let mut lines = vec![line(now, event)];
    let mut at = &nodes[index];
    while let Some((from, event)) = &at.reached {
        lines.push(line(at.observed.now, event));
        at = &nodes[*from];
    }
    lines.reverse();
    lines
}

pub(super) fn line(now: Timestamp, event: &Event) -> String {
    format!("after {:?}: {event:?}", START.until(now))
}

/// The state with all times taken relative to now, and all counters to what their order says.
fn key(observed: &Observed) -> (State, Trail, Option<Timestamp>) {
    let mut state = observed.call.state().clone();
    let relative = |at: Timestamp| Timestamp::from_millis(at.as_millis() - observed.now.as_millis());
    let order: Vec<_> = observed.call.seated().into_iter().map(|(contact, _)| contact).collect();
    for person in &mut state.people {
        match &mut person.place {
            Place::Ringing { until } => *until = relative(*until),
            Place::Seated(seat) => {
                seat.lost_until = seat.lost_until.map(relative);
                let rank = order.iter().position(|contact| *contact == person.contact);
                seat.order = rank.and_then(|rank| u32::try_from(rank).ok()).unwrap_or(u32::MAX);
            }
            Place::Waiting | Place::Unanswered | Place::Declined | Place::Missed | Place::Silenced | Place::Left => {}
        }
    }
    for successor in &mut state.successors {
        match &mut successor.stage {
            Stage::Waits => {}
            Stage::From { at } | Stage::Due { until: at } => *at = relative(*at),
        }
    }
    // What is far off decides nothing yet; once it comes next, `next_wake` says exactly when.
    let coarsely = |at: Timestamp| Timestamp::from_millis(relative(at).as_millis().div_euclid(COARSE));
    match &mut state.phase {
        Phase::Planned { ring_at } => *ring_at = ring_at.map(coarsely),
        Phase::Started { alone_since, ring_at, .. } => {
            *alone_since = alone_since.map(relative);
            *ring_at = ring_at.map(coarsely);
        }
        Phase::Ended { .. } => state.terms.planned_at = None,
    }
    state.terms.planned_at = state.terms.planned_at.map(coarsely);
    if let Some(request) = &mut state.terms.request {
        request.expires_at = coarsely(request.expires_at);
        for line in &mut request.lines {
            line.since = if line.entered { START } else { coarsely(line.since) };
        }
        if let Some(promise) = &mut request.promise {
            promise.due = coarsely(promise.due);
        }
    }
    // Read only where nobody is invited; then `next_wake` tells them apart.
    state.terms.created_at = START;
    state.epoch = 0;
    for person in &mut state.people {
        if let Place::Seated(seat) = &mut person.place {
            seat.epoch = 0;
        }
    }
    state.joins = 0;
    (state, observed.trail, observed.wake.map(relative))
}

fn holds(setup: &Setup) {
    holds_to(DEPTH, setup);
}

fn holds_to(depth: usize, setup: &Setup) {
    match explore(&Sound, setup, depth, Invariant::ALL) {
        Ok(Report { states, steps }) => {
            println!("{}: {states} distinct states to depth {depth}, {steps} steps", setup.name);
            assert!(states >= setup.floor, "only {states} states: has the alphabet shrunk?");
        }
        Err(failure) => panic!("{}: {failure}", setup.name),
    }
}

#[test]
fn every_short_history_of_a_direct_call_keeps_the_invariants() {
    holds(&setups::direct_mesh());
}

#[test]
fn every_short_history_without_the_creator_keeps_the_invariants() {
    holds(&setups::mesh_without_its_creator());
}

#[test]
fn every_short_history_of_a_call_without_invitees_keeps_the_invariants() {
    holds(&setups::empty_sfu());
}

#[test]
fn every_short_history_of_a_brokered_call_keeps_the_invariants() {
    holds(&setups::brokered_mesh());
}

#[test]
fn every_short_history_of_a_brokered_call_for_three_keeps_the_invariants() {
    holds(&setups::brokered_sfu());
}

#[test]
fn every_short_history_of_a_planned_call_for_three_keeps_the_invariants() {
    holds(&setups::planned_sfu());
}

#[test]
fn every_short_history_of_a_planned_mesh_call_keeps_the_invariants() {
    holds(&setups::planned_mesh());
}

#[test]
fn every_short_history_of_a_call_to_a_team_in_turn_keeps_the_invariants() {
    holds(&setups::team_in_turn());
}

#[test]
fn every_short_history_of_a_planned_call_to_a_team_in_turn_keeps_the_invariants() {
    // A planned call waits, is moved and rings: whose turn it is adds nothing to that in a seventh step.
    holds_to(DEPTH - 1, &setups::planned_team_in_turn());
}

#[test]
fn every_short_history_of_a_call_with_a_team_behind_somebody_keeps_the_invariants() {
    holds(&setups::person_then_team());
}

#[test]
fn every_short_history_of_a_service_request_keeps_the_invariants() {
    // So much can happen to one that a step more would take as long as all others together.
    holds_to(DEPTH - 1, &setups::service_request());
}

#[test]
fn every_short_history_of_a_service_request_with_a_team_in_turn_keeps_the_invariants() {
    // Requests and turns have been explored deeper by themselves.
    holds_to(DEPTH - 2, &setups::service_request_and_team_in_turn());
}

#[test]
fn the_alphabet_has_letters_for_every_kind_of_event() {
    for setup in setups::all() {
        let Ok(first) = create(&Sound, &setup, &[]) else { panic!("nothing was watched") };
        let spelt: HashSet<_> =
            letters(&setup, &first.call, first.now, first.wake).iter().map(|(_, event)| Kind::of(event)).collect();
        assert_eq!(spelt, Kind::ALL.iter().copied().collect(), "{}", setup.name);
    }
}
