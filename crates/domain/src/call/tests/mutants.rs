//! Machines broken on purpose, each with the invariant that must catch it: one that catches nothing is worth nothing.

use std::collections::HashSet;

use super::{
    exploration::explore,
    invariants::Invariant,
    machine::Machine,
    setups,
    story::{BROKER, HOUR},
};
use crate::{
    call::{
        Call, Claim, Effect, EndReason, Event, Handled, Invited, LogKind, MediaPlan, Note, Path, PersonRole, Phase,
        Place, Ring, RingEnd, Terms,
    },
    ids::{ContactId, DeviceId},
    policy::Policy,
    time::Timestamp,
};

/// Deep enough for every mutant; a sound machine's exploration goes deeper.
const DEPTH: usize = 5;

/// The real machine with one of its functions replaced.
struct Mutant {
    name: &'static str,
    caught_by: Invariant,
    /// Spoils a call that was just made.
    make: fn(&mut Call, &Policy, Timestamp, &mut Vec<Effect>),
    handle: fn(&mut Call, &Policy, Timestamp, Event) -> Handled,
    next_wake: fn(&Call, &Policy) -> Option<Timestamp>,
    media_plan: fn(&Call, ContactId) -> Option<MediaPlan>,
}

impl Machine for Mutant {
    fn create(
        &self,
        policy: &Policy,
        now: Timestamp,
        terms: Terms,
        invited: &Invited,
        joined: Option<DeviceId>,
    ) -> (Call, Vec<Effect>) {
        let (mut call, mut effects) = Call::create(policy, now, terms, invited, joined);
        (self.make)(&mut call, policy, now, &mut effects);
        (call, effects)
    }

    fn handle(&self, call: &mut Call, policy: &Policy, now: Timestamp, event: Event) -> Handled {
        (self.handle)(call, policy, now, event)
    }

    fn next_wake(&self, call: &Call, policy: &Policy) -> Option<Timestamp> {
        (self.next_wake)(call, policy)
    }

    fn media_plan(&self, call: &Call, contact: ContactId) -> Option<MediaPlan> {
        (self.media_plan)(call, contact)
    }
}

/// Sound so far.
const fn mutant(name: &'static str, caught_by: Invariant) -> Mutant {
    let make = |_: &mut Call, _: &Policy, _: Timestamp, _: &mut Vec<Effect>| {};
    Mutant { name, caught_by, make, handle: Call::handle, next_wake: Call::next_wake, media_plan: Call::media_plan }
}

/// Handles an event soundly, then spoils what came of it; `spoil` sees the call before, the call after, the effects.
fn spoilt(
    call: &mut Call,
    policy: &Policy,
    now: Timestamp,
    event: Event,
    spoil: impl FnOnce(&Call, &mut Call, &mut Vec<Effect>),
) -> Handled {
    let before = call.clone();
    let mut effects = call.handle(policy, now, event)?;
    spoil(&before, call, &mut effects);
    Ok(effects)
}

fn logs(effect: &Effect, wanted: LogKind) -> bool {
    matches!(effect, Effect::Log { kind, .. } if *kind == wanted)
}

fn log(kind: LogKind, call: &Call) -> Effect {
    Effect::Log { kind, contact: call.creator() }
}

/// Puts those who rang before back to ringing, if they were silenced.
fn ring_on(before: &Call, call: &mut Call) {
    for ring in before.rings() {
        if call.place(ring.contact) == Some(Place::Silenced) {
            call.set_place(ring.contact, Place::Ringing { until: ring.until });
        }
    }
}

fn mutants_of_the_log() -> Vec<Mutant> {
    vec![
        Mutant {
            handle: |call, policy, now, event| call.handle(policy, now, event).inspect_err(|_| call.state.epoch += 1),
            ..mutant("changes while refusing", Invariant::RefusedChangesNothing)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, effects| {
                    if before.has_ended() {
                        effects.push(Effect::Note { note: Note::Ended(EndReason::HungUp), contact: call.creator() });
                    }
                })
            },
            ..mutant("speaks after the end", Invariant::EndedIsFinal)
        },
        Mutant {
            handle: |call, policy, now, event| {
                if call.has_ended() && event == Event::Start {
                    call.state.phase = Phase::Planned { ring_at: None };
                }
                call.handle(policy, now, event)
            },
            ..mutant("revives ended calls", Invariant::EndedIsFinal)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, call, _| {
                    if matches!(call.state.phase, Phase::Started { .. }) {
                        call.state.phase = Phase::Planned { ring_at: None };
                    }
                })
            },
            ..mutant("stays planned", Invariant::StatusFollowsTheLog)
        },
        Mutant {
            make: |_, _, _, effects| effects.truncate(0),
            ..mutant("does not log Created", Invariant::CreatedComesFirstAndOnce)
        },
        Mutant {
            make: |_, _, _, effects| effects.reverse(),
            ..mutant("logs the creator's Join before Created", Invariant::CreatedComesFirstAndOnce)
        },
        Mutant {
            handle: |call, policy, now, event| {
                let starts = event == Event::Start;
                spoilt(call, policy, now, event, |_, call, effects| {
                    effects.extend(starts.then(|| log(LogKind::Created, call)));
                })
            },
            ..mutant("logs Created again at the start", Invariant::CreatedComesFirstAndOnce)
        },
        Mutant {
            handle: |call, policy, now, event| spoilt(call, policy, now, event, |_, _, effects| effects.reverse()),
            ..mutant("logs Ended before the Leaves", Invariant::EndedComesLastAndOnce)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, _, effects| effects.retain(|e| !logs(e, LogKind::Ended)))
            },
            ..mutant("does not log the end", Invariant::EndedComesLastAndOnce)
        },
    ]
}

fn mutants_of_the_seats() -> Vec<Mutant> {
    vec![
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, _, effects| {
                    if let Some(at) = effects.iter().position(|e| logs(e, LogKind::Join)) {
                        effects.insert(at, effects[at]);
                    }
                })
            },
            ..mutant("logs Join twice", Invariant::JoinAndLeaveAlternate)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, _, effects| {
                    let moved = effects.iter().find_map(|effect| match effect {
                        Effect::SeatMoved { contact, .. } => Some(*contact),
                        Effect::Log { .. } | Effect::Note { .. } => None,
                    });
                    effects.extend(moved.map(|contact| Effect::Log { kind: LogKind::Join, contact }));
                })
            },
            ..mutant("logs a moved seat as a Join", Invariant::JoinAndLeaveAlternate)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, call, effects| {
                    effects.retain(|e| !(call.has_ended() && logs(e, LogKind::Leave)));
                })
            },
            ..mutant("does not log Leave at the end", Invariant::EveryJoinHasItsLeave)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, call, effects| {
                    effects.retain(|e| call.has_ended() || !logs(e, LogKind::Leave));
                })
            },
            ..mutant("gives up seats without a word", Invariant::LogAgreesWithSeats)
        },
        Mutant {
            handle: |call, policy, now, event| {
                let roomy = Policy { max_participants: policy.max_participants + 1, ..policy.clone() };
                call.handle(&roomy, now, event)
            },
            ..mutant("lets one more sit", Invariant::NeverTooMany)
        },
        Mutant {
            handle: |call, policy, now, event| {
                if let Some(person) = call.state.people.iter_mut().find(|p| p.contact == BROKER) {
                    person.role = PersonRole::Invitee { ring_for: policy.popup_ring };
                }
                call.handle(policy, now, event)
            },
            ..mutant("gives a broker a seat", Invariant::BrokersCountAsNobody)
        },
    ]
}

fn mutants_of_the_media() -> Vec<Mutant> {
    vec![
        Mutant {
            media_plan: |call, contact| Some(with_path(call.media_plan(contact)?, |peer, _| (peer, true))),
            ..mutant("makes both offer", Invariant::OneOfTwoOffers)
        },
        Mutant {
            media_plan: |call, contact| Some(with_path(call.media_plan(contact)?, |_, offerer| (None, offerer))),
            ..mutant("leaves both without a peer", Invariant::OneOfTwoOffers)
        },
        Mutant {
            handle: |call, policy, now, event| {
                let recovered = event == Event::Recovered;
                spoilt(call, policy, now, event, |_, call, _| {
                    if recovered {
                        call.state.epoch = 0;
                    }
                })
            },
            ..mutant("forgets the epoch in an outage", Invariant::EpochNeverFalls)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, effects| {
                    if effects.iter().any(|effect| matches!(effect, Effect::SeatMoved { .. })) {
                        call.state.epoch = before.state.epoch;
                    }
                })
            },
            ..mutant("moves seats within an epoch", Invariant::EpochRisesWithEnds)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, _| {
                    call.state.terms.technology = before.state.terms.technology;
                })
            },
            ..mutant("lets three stay on a MESH", Invariant::MeshIsForTwo)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, _| {
                    if before.seated().len() != call.seated().len() {
                        call.renew_seats(call.state.epoch);
                    }
                })
            },
            ..mutant("connects everybody anew for each who comes", Invariant::OthersKeepTheirConnection)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, _, effects| {
                    effects.retain(|effect| !matches!(effect, Effect::Log { kind: LogKind::TypeChanged, .. }));
                })
            },
            ..mutant("keeps the change of type to itself", Invariant::TypeChangesAreLogged)
        },
    ]
}

fn with_path(plan: MediaPlan, change: impl Fn(Option<ContactId>, bool) -> (Option<ContactId>, bool)) -> MediaPlan {
    let path = match plan.path {
        Path::PeerToPeer { peer, offerer } => {
            let (peer, offerer) = change(peer, offerer);
            Path::PeerToPeer { peer, offerer }
        }
        Path::Sfu => Path::Sfu,
    };
    MediaPlan { path, ..plan }
}

fn mutants_of_the_rings() -> Vec<Mutant> {
    vec![
        Mutant {
            make: |call, policy, now, effects| {
                if call.state.terms.brokered {
                    call.ring(call.creator(), now + policy.creator_ring, effects);
                }
            },
            ..mutant("rings the glasses at once", Invariant::CreatorIsRungAfterAnInvitee)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, _| {
                    if call.has_ended() {
                        ring_on(before, call);
                    }
                })
            },
            ..mutant("rings on after the end", Invariant::NobodyRingsAfterTheEnd)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, _| {
                    if !call.has_ended() {
                        ring_on(before, call);
                    }
                })
            },
            ..mutant("rings on in a full call", Invariant::NobodyRingsInVain)
        },
        Mutant {
            handle: |call, policy, now, event| {
                let late = if matches!(event, Event::RingAgain { .. }) { now + HOUR } else { now };
                call.handle(policy, late, event)
            },
            ..mutant("rings an hour too long", Invariant::EveryRingEnds)
        },
        Mutant {
            next_wake: |call, policy| call.next_wake(policy).filter(|_| call.rings().is_empty()),
            ..mutant("has no deadline for rings", Invariant::EveryRingEnds)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, call, effects| {
                    let again = |ring: Ring| Effect::Note { note: Note::RingStarted, contact: ring.contact };
                    effects.extend(call.rings().into_iter().map(again));
                })
            },
            ..mutant("notes every ring again and again", Invariant::RingHistoryAlternates)
        },
        Mutant {
            handle: |call, policy, now, event| {
                let ended = |e: &Effect| matches!(e, Effect::Note { note: Note::RingEnded(RingEnd::TakenByOther), .. });
                spoilt(call, policy, now, event, |_, _, effects| effects.retain(|effect| !ended(effect)))
            },
            ..mutant("does not note who was silenced", Invariant::HistoryAgreesWithRings)
        },
    ]
}

fn mutants_of_time() -> Vec<Mutant> {
    vec![
        Mutant {
            handle: |call, policy, now, event| {
                if event == Event::Tick { Ok(Vec::new()) } else { call.handle(policy, now, event) }
            },
            ..mutant("sleeps through every Tick", Invariant::NoDeadlineIsPast)
        },
        Mutant {
            handle: |call, policy, now, event| {
                if let Event::Cancel { by } = event
                    && !call.has_ended()
                {
                    let mut effects = Vec::new();
                    call.end(EndReason::Cancelled, by, &mut effects);
                    return Ok(effects);
                }
                call.handle(policy, now, event)
            },
            ..mutant("cancels what has begun", Invariant::OnlyWhatHasNotBegunIsCancelled)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, call, _| {
                    if let Phase::Started { alone_since, .. } = &mut call.state.phase {
                        *alone_since = None;
                    }
                })
            },
            ..mutant("never ends the call of somebody alone", Invariant::NoCallHangs)
        },
        Mutant {
            handle: |call, policy, now, event| {
                call.handle(policy, now, if event == Event::Recovered { Event::Tick } else { event })
            },
            ..mutant("takes a recovery for a Tick", Invariant::RecoverySparesEverybody)
        },
    ]
}

/// People of hunts who are at this place.
fn hunted(call: &Call, place: Place) -> Vec<ContactId> {
    let all = call.state.hunts.iter().flat_map(|hunt| hunt.order.iter().copied());
    all.filter(|contact| call.place(*contact) == Some(place)).collect()
}

fn mutants_of_teams() -> Vec<Mutant> {
    vec![
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, call, _| {
                    for contact in hunted(call, Place::Waiting) {
                        call.set_place(contact, Place::Ringing { until: now + HOUR });
                    }
                })
            },
            ..mutant("rings a whole team that is to be rung in turn", Invariant::OneOfAHuntRings)
        },
        Mutant {
            handle: |call, policy, now, event| {
                let declined = matches!(event, Event::Decline { .. });
                spoilt(call, policy, now, event, |_, call, _| {
                    for ring in call.rings().into_iter().filter(|_| declined) {
                        call.set_place(ring.contact, Place::Waiting);
                    }
                })
            },
            ..mutant("does not go on when somebody declines", Invariant::NobodyOfAHuntIsForgotten)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |_, call, _| {
                    for contact in hunted(call, Place::Silenced) {
                        call.set_place(contact, Place::Waiting);
                    }
                })
            },
            ..mutant("goes on after an answer", Invariant::AnAnswerEndsTheHunt)
        },
        Mutant {
            handle: |call, policy, now, event| {
                if matches!(event, Event::Decline { .. }) {
                    call.state.successors.clear();
                }
                call.handle(policy, now, event)
            },
            ..mutant("asks no other team", Invariant::TeamsAreAskedBeforeTheEnd)
        },
    ]
}

fn mutants_of_requests() -> Vec<Mutant> {
    vec![
        Mutant {
            handle: |call, policy, now, event| {
                if let (Event::Claim { .. }, Some(request)) = (&event, call.state.terms.request.as_mut()) {
                    request.claim = Claim::Open;
                }
                call.handle(policy, now, event)
            },
            ..mutant("lets the next one claim as well", Invariant::OnlyOneClaims)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, _| {
                    let (was, is) = (before.request(), call.state.terms.request.as_mut());
                    if let (Some(was), Some(is)) = (was, is)
                        && let Claim::By(_) = was.claim
                    {
                        is.claim = was.claim;
                    }
                })
            },
            ..mutant("never opens a claim again", Invariant::AClaimHasAClaimer)
        },
        Mutant {
            handle: |call, policy, now, event| {
                spoilt(call, policy, now, event, |before, call, effects| {
                    let rang = !before.rings().is_empty() && call.rings().is_empty();
                    if rang && call.waits_for_a_claim() {
                        call.end(EndReason::Missed, call.creator(), effects);
                    }
                })
            },
            ..mutant("ends a request with the last ring", Invariant::WaitingRequestsAreNotLost)
        },
        Mutant {
            handle: |call, policy, now, event| {
                let recovers = event == Event::Recovered;
                spoilt(call, policy, now, event, |_, call, _| {
                    if recovers && let Some(request) = call.state.terms.request.as_mut() {
                        request.lines.clear();
                    }
                })
            },
            ..mutant("forgets the queues in an outage", Invariant::RecoveryKeepsRequests)
        },
    ]
}

fn all() -> Vec<Mutant> {
    let mut all = mutants_of_the_log();
    all.extend(mutants_of_the_seats());
    all.extend(mutants_of_the_media());
    all.extend(mutants_of_the_rings());
    all.extend(mutants_of_time());
    all.extend(mutants_of_teams());
    all.extend(mutants_of_requests());
    all
}

#[test]
fn the_exploration_catches_every_broken_machine_by_the_invariant_made_for_it() {
    let setups = setups::all();
    for mutant in all() {
        let caught = setups.iter().any(|setup| explore(&mutant, setup, DEPTH, &[mutant.caught_by]).is_err());
        assert!(caught, "a machine that {} gets past {:?}", mutant.name, mutant.caught_by);
    }
}

#[test]
fn every_invariant_has_caught_a_broken_machine() {
    let proven: HashSet<_> = all().into_iter().map(|mutant| mutant.caught_by).collect();
    let unproven: Vec<_> = Invariant::ALL.iter().filter(|invariant| !proven.contains(invariant)).collect();
    assert!(unproven.is_empty(), "{unproven:?}");
}
