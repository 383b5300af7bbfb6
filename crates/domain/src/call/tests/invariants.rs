//! What holds after every step of every call. Each invariant is a function of one step and says what it found.

use super::{
    claims::{a_claim_has_a_claimer, only_one_claims, recovery_keeps_requests, waiting_requests_are_not_lost},
    trail::{Contacts, Trail},
};
use crate::{
    call::{
        Call, Effect, EndReason, Event, Handled, LogKind, MediaPlan, Note, Path, PersonRole, Phase, Place, Ring, Stage,
        Technology,
    },
    ids::ContactId,
    policy::Policy,
    time::Timestamp,
};

/// One event, what came of it, and what was known before. Without `before` and `event` it is the making of the call.
pub(super) struct Step<'a> {
    pub(super) policy: &'a Policy,
    pub(super) brokers: &'a [ContactId],
    pub(super) before: Option<&'a Call>,
    pub(super) event: Option<&'a Event>,
    pub(super) now: Timestamp,
    pub(super) handled: &'a Handled,
    pub(super) after: &'a Call,
    pub(super) wake: Option<Timestamp>,
    pub(super) rings: &'a [Ring],
    pub(super) plans: &'a [(ContactId, MediaPlan)],
    pub(super) trail_before: Trail,
    pub(super) trail_after: Trail,
}

impl Step<'_> {
    pub(super) fn effects(&self) -> &[Effect] {
        self.handled.as_deref().unwrap_or_default()
    }

    /// Each effect with what had been said before it.
    fn each_effect(&self, mut check: impl FnMut(Trail, Effect) -> Verdict) -> Verdict {
        let mut trail = self.trail_before;
        for effect in self.effects() {
            check(trail, *effect)?;
            trail.follow(effect, self.after.creator());
        }
        Ok(())
    }
}

pub(super) type Verdict = Result<(), String>;

macro_rules! invariants {
    ($($name:ident => $check:ident,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Invariant { $($name),* }

        impl Invariant {
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            pub(super) fn check(self, step: &Step<'_>) -> Verdict {
                match self { $(Self::$name => $check(step)),* }
            }
        }
    };
}

invariants! {
    RefusedChangesNothing => refused_changes_nothing,
    EndedIsFinal => ended_is_final,
    StatusFollowsTheLog => status_follows_the_log,
    CreatedComesFirstAndOnce => created_comes_first_and_once,
    EndedComesLastAndOnce => ended_comes_last_and_once,
    JoinAndLeaveAlternate => join_and_leave_alternate,
    EveryJoinHasItsLeave => every_join_has_its_leave,
    LogAgreesWithSeats => log_agrees_with_seats,
    NeverTooMany => never_too_many,
    BrokersCountAsNobody => brokers_count_as_nobody,
    CreatorIsRungAfterAnInvitee => creator_is_rung_after_an_invitee,
    NobodyRingsAfterTheEnd => nobody_rings_after_the_end,
    NobodyRingsInVain => nobody_rings_in_vain,
    EveryRingEnds => every_ring_ends,
    RingHistoryAlternates => ring_history_alternates,
    HistoryAgreesWithRings => history_agrees_with_rings,
    NoDeadlineIsPast => no_deadline_is_past,
    NoCallHangs => no_call_hangs,
    RecoverySparesEverybody => recovery_spares_everybody,
    OneOfTwoOffers => one_of_two_offers,
    EpochNeverFalls => epoch_never_falls,
    EpochRisesWithEnds => epoch_rises_with_ends,
    MeshIsForTwo => mesh_is_for_two,
    OthersKeepTheirConnection => others_keep_their_connection,
    TypeChangesAreLogged => type_changes_are_logged,
    OnlyWhatHasNotBegunIsCancelled => only_what_has_not_begun_is_cancelled,
    OneOfAHuntRings => one_of_a_hunt_rings,
    NobodyOfAHuntIsForgotten => nobody_of_a_hunt_is_forgotten,
    AnAnswerEndsTheHunt => an_answer_ends_the_hunt,
    TeamsAreAskedBeforeTheEnd => teams_are_asked_before_the_end,
    OnlyOneClaims => only_one_claims,
    AClaimHasAClaimer => a_claim_has_a_claimer,
    WaitingRequestsAreNotLost => waiting_requests_are_not_lost,
    RecoveryKeepsRequests => recovery_keeps_requests,
}

pub(super) fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn refused_changes_nothing(step: &Step<'_>) -> Verdict {
    let (Some(before), Err(refusal)) = (step.before, step.handled) else { return Ok(()) };
    demand(before == step.after, || format!("changed although refused: {refusal:?}"))
}

fn ended_is_final(step: &Step<'_>) -> Verdict {
    let Some(before) = step.before.filter(|call| call.has_ended()) else { return Ok(()) };
    demand(before == step.after, || "changed after its end".into())?;
    demand(step.effects().is_empty(), || format!("effects after the end: {:?}", step.effects()))
}

fn only_what_has_not_begun_is_cancelled(step: &Step<'_>) -> Verdict {
    let cancelled = step.after.state().phase == Phase::Ended { reason: EndReason::Cancelled };
    if !cancelled || step.before.is_some_and(Call::has_ended) {
        return Ok(());
    }
    let asked = matches!(step.event, Some(Event::Cancel { .. }));
    demand(asked && !step.trail_before.started, || format!("cancelled by {:?}", step.event))
}

fn status_follows_the_log(step: &Step<'_>) -> Verdict {
    let trail = step.trail_after;
    let agrees = match step.after.state().phase {
        Phase::Planned { .. } => !trail.started && !trail.ended,
        Phase::Started { .. } => trail.started && !trail.ended,
        Phase::Ended { .. } => trail.ended,
    };
    demand(agrees, || format!("{:?} does not agree with {trail:?}", step.after.state().phase))
}

fn created_comes_first_and_once(step: &Step<'_>) -> Verdict {
    step.each_effect(|said, effect| {
        let Effect::Log { kind, .. } = effect else { return Ok(()) };
        demand((kind == LogKind::Created) != said.begun, || format!("{kind:?} after {said:?}"))
    })?;
    demand(step.trail_after.begun, || "no Created".into())
}

fn ended_comes_last_and_once(step: &Step<'_>) -> Verdict {
    step.each_effect(|said, effect| demand(!said.ended, || format!("{effect:?} after Ended")))?;
    demand(step.trail_after.ended == step.after.has_ended(), || "the end and its log entry disagree".into())
}

fn join_and_leave_alternate(step: &Step<'_>) -> Verdict {
    step.each_effect(|said, effect| {
        let Effect::Log { kind, contact } = effect else { return Ok(()) };
        let in_turn = match kind {
            LogKind::Join => !said.inside.contains(contact),
            LogKind::Leave => said.inside.contains(contact),
            LogKind::Created
            | LogKind::Declined
            | LogKind::Missed
            | LogKind::TypeChanged
            | LogKind::Claimed
            | LogKind::Ended => true,
        };
        demand(in_turn, || format!("{kind:?} of {contact:?} out of turn"))
    })
}

fn every_join_has_its_leave(step: &Step<'_>) -> Verdict {
    let trail = step.trail_after;
    demand(!trail.ended || trail.inside.is_empty(), || format!("ended with open joins: {trail:?}"))
}

fn log_agrees_with_seats(step: &Step<'_>) -> Verdict {
    let seated = Contacts::of(step.after.seated().into_iter().map(|(contact, _)| contact));
    demand(seated == step.trail_after.inside, || format!("seated {seated:?}, logged {:?}", step.trail_after.inside))
}

fn never_too_many(step: &Step<'_>) -> Verdict {
    let seated = step.after.seated().len();
    demand(seated <= step.policy.max_participants, || format!("{seated} are seated"))
}

fn brokers_count_as_nobody(step: &Step<'_>) -> Verdict {
    for broker in step.brokers {
        let place = step.after.place(*broker);
        demand(matches!(place, None | Some(Place::Waiting)), || format!("a broker is {place:?}"))?;
    }
    Ok(())
}

fn creator_is_rung_after_an_invitee(step: &Step<'_>) -> Verdict {
    let creator = step.after.creator();
    let rung = step.rings.iter().any(|ring| ring.contact == creator);
    demand(!rung || step.trail_after.invitee_joined, || "the creator rings before anybody has joined".into())
}

fn nobody_rings_after_the_end(step: &Step<'_>) -> Verdict {
    demand(!step.after.has_ended() || step.rings.is_empty(), || format!("still ringing: {:?}", step.rings))
}

/// Whoever rings would find a place; one is kept for a creator who rings.
fn nobody_rings_in_vain(step: &Step<'_>) -> Verdict {
    let creator = step.after.creator();
    let creator_rings = step.rings.iter().any(|ring| ring.contact == creator);
    for ring in step.rings {
        let kept = usize::from(creator_rings && ring.contact != creator);
        let room = step.after.seated().len() + kept < step.policy.max_participants;
        demand(room, || format!("{:?} rings in a full call", ring.contact))?;
    }
    Ok(())
}

fn every_ring_ends(step: &Step<'_>) -> Verdict {
    for ring in step.rings {
        let allowed = match step.after.person(ring.contact).map(|p| p.role) {
            Some(PersonRole::Creator) => step.policy.creator_ring,
            Some(PersonRole::Invitee { ring_for }) => step.after.turn_of(ring.contact).unwrap_or(ring_for),
            Some(PersonRole::Broker) | None => return Err(format!("{ring:?} is for nobody")),
        };
        // After an outage a ring gets at least the grace time.
        let latest = step.now + allowed.max(step.policy.grace);
        demand(ring.until <= latest, || format!("{ring:?} is too long"))?;
        let wakes = step.wake.is_some_and(|wake| wake <= ring.until);
        demand(wakes, || format!("{ring:?} has no end: the call wakes at {:?}", step.wake))?;
    }
    Ok(())
}

fn ring_history_alternates(step: &Step<'_>) -> Verdict {
    step.each_effect(|said, effect| {
        let Effect::Note { note, contact } = effect else { return Ok(()) };
        let in_turn = match note {
            Note::RingStarted => !said.ringing.contains(contact),
            Note::RingEnded(_) => said.ringing.contains(contact),
            Note::ConnectionLost
            | Note::Reconnected
            | Note::SeatMoved
            | Note::PathFailed
            | Note::Invited
            | Note::Rescheduled
            | Note::Escalated(_)
            | Note::ClaimLapsed
            | Note::CallBackDue
            | Note::HandedOver
            | Note::HandOverFailed
            | Note::Ended(_) => true,
        };
        demand(in_turn, || format!("{note:?} of {contact:?} out of turn"))
    })
}

fn history_agrees_with_rings(step: &Step<'_>) -> Verdict {
    let rung = Contacts::of(step.rings.iter().map(|ring| ring.contact));
    demand(rung == step.trail_after.ringing, || format!("rung {rung:?}, noted {:?}", step.trail_after.ringing))
}

fn no_deadline_is_past(step: &Step<'_>) -> Verdict {
    let past = step.wake.is_some_and(|wake| wake <= step.now);
    demand(step.handled.is_err() || !past, || format!("due at {:?}, and it is {:?}", step.wake, step.now))
}

/// Something is still to happen by itself, or two who can hang up are connected.
fn no_call_hangs(step: &Step<'_>) -> Verdict {
    let connected = step.after.seated().iter().filter(|(_, seat)| seat.lost_until.is_none()).count();
    let alive = step.after.has_ended() || step.wake.is_some() || connected >= 2;
    demand(alive, || format!("nothing will ever end it; {connected} connected"))
}

fn recovery_spares_everybody(step: &Step<'_>) -> Verdict {
    let (Some(before), Some(Event::Recovered)) = (step.before, step.event) else { return Ok(()) };
    match step.after.state().phase {
        // The time of a planned call may have run out meanwhile.
        Phase::Ended { reason } if !before.has_ended() => {
            return demand(reason == EndReason::NobodyCame, || format!("ended by the outage: {reason:?}"));
        }
        Phase::Ended { .. } | Phase::Planned { .. } | Phase::Started { .. } => {}
    }
    let (held, least) = (step.now + step.policy.seat, step.now + step.policy.grace);
    for (contact, _) in before.seated() {
        let lost_until = step.after.seat(contact).and_then(|seat| seat.lost_until);
        demand(lost_until.is_some_and(|until| until >= held), || format!("{contact:?} lost the seat"))?;
    }
    for ring in before.rings() {
        let rings = step.rings.iter().any(|now| now.contact == ring.contact && now.until >= least);
        demand(rings, || format!("{:?} lost the ring", ring.contact))?;
    }
    Ok(())
}

fn one_of_two_offers(step: &Step<'_>) -> Verdict {
    let [(first, plan), (second, other)] = step.plans else { return Ok(()) };
    let (Path::PeerToPeer { offerer, .. }, Path::PeerToPeer { offerer: others, .. }) = (plan.path, other.path) else {
        return demand(plan.path == other.path, || format!("{:?}", step.plans));
    };
    let facing = plan.peer() == Some(*second) && other.peer() == Some(*first);
    let agreed = plan.epoch == other.epoch && offerer != others;
    demand(facing && agreed, || format!("{:?}", step.plans))
}

fn epoch_never_falls(step: &Step<'_>) -> Verdict {
    let Some(before) = step.before else { return Ok(()) };
    let (old, new) = (before.state().epoch, step.after.state().epoch);
    demand(old <= new, || format!("from {old} to {new}"))
}

fn epoch_rises_with_ends(step: &Step<'_>) -> Verdict {
    let ends = |call: &Call| -> Vec<_> { call.seated().into_iter().map(|(who, seat)| (who, seat.device)).collect() };
    let Some(before) = step.before else { return Ok(()) };
    let same = ends(before) == ends(step.after);
    demand(same || before.state().epoch < step.after.state().epoch, || format!("{:?}", ends(step.after)))
}

fn mesh_is_for_two(step: &Step<'_>) -> Verdict {
    let seated = step.after.seated().len();
    demand(step.after.state().terms.technology == Technology::Sfu || seated <= 2, || format!("{seated} on a MESH"))
}

/// With the SFU, what one person does makes nobody else connect anew. Only an outage does.
fn others_keep_their_connection(step: &Step<'_>) -> Verdict {
    let Some(before) = step.before.filter(|call| call.state().terms.technology == Technology::Sfu) else {
        return Ok(());
    };
    let own = match step.event {
        Some(Event::Recovered) => return Ok(()),
        Some(Event::Join { contact, .. }) => Some(*contact),
        _ => None,
    };
    for (contact, seat) in before.seated().into_iter().filter(|(contact, _)| Some(*contact) != own) {
        let now = step.after.seat(contact);
        demand(now.is_none_or(|now| now.epoch == seat.epoch), || format!("{contact:?}: {seat:?}, then {now:?}"))?;
    }
    Ok(())
}

fn type_changes_are_logged(step: &Step<'_>) -> Verdict {
    let Some(before) = step.before else { return Ok(()) };
    let changed = before.state().terms.technology != step.after.state().terms.technology;
    let logged = step.effects().iter().filter(|e| matches!(e, Effect::Log { kind: LogKind::TypeChanged, .. })).count();
    demand(logged == usize::from(changed), || format!("changed: {changed}, logged {logged} times"))
}

fn rings(call: &Call, contact: ContactId) -> bool {
    matches!(call.place(contact), Some(Place::Ringing { .. }))
}

fn one_of_a_hunt_rings(step: &Step<'_>) -> Verdict {
    for hunt in &step.after.state().hunts {
        let rung = hunt.order.iter().filter(|contact| rings(step.after, **contact)).count();
        demand(rung <= 1, || format!("{rung} ring of {hunt:?}"))?;
    }
    Ok(())
}

/// Whoever waits is rung as soon as nobody else of the hunt is.
fn nobody_of_a_hunt_is_forgotten(step: &Step<'_>) -> Verdict {
    if step.handled.is_err() || step.after.has_ended() || step.after.rings_later() {
        return Ok(());
    }
    for hunt in &step.after.state().hunts {
        let waits = hunt.order.iter().any(|contact| step.after.place(*contact) == Some(Place::Waiting));
        let rung = hunt.order.iter().any(|contact| rings(step.after, *contact));
        demand(!waits || rung, || format!("nobody rings of {hunt:?}"))?;
    }
    Ok(())
}

fn an_answer_ends_the_hunt(step: &Step<'_>) -> Verdict {
    let (Some(before), Some(Event::Join { contact, .. })) = (step.before, step.event) else { return Ok(()) };
    if before.is_seated(*contact) || !step.after.is_seated(*contact) {
        return Ok(());
    }
    for hunt in before.state().hunts.iter().filter(|hunt| hunt.order.contains(contact)) {
        let open = |other: &&ContactId| {
            matches!(step.after.place(**other), Some(Place::Waiting | Place::Ringing { .. } | Place::Unanswered))
        };
        let open = hunt.order.iter().find(open);
        demand(open.is_none(), || format!("{contact:?} answers, and {open:?} of the same team is still open"))?;
    }
    Ok(())
}

/// A call that nobody answered ends only after the teams behind its people have had their chance.
fn teams_are_asked_before_the_end(step: &Step<'_>) -> Verdict {
    let over = match step.after.state().phase {
        Phase::Ended { reason } => matches!(reason, EndReason::Missed | EndReason::Declined),
        Phase::Planned { .. } | Phase::Started { .. } => false,
    };
    let Some(before) = step.before.filter(|before| over && !before.has_ended()) else { return Ok(()) };
    for successor in &before.state().successors {
        let came = matches!(step.event, Some(Event::TeamComes { team, .. }) if *team == successor.team);
        let given_up = matches!(successor.stage, Stage::Due { until } if until <= step.now);
        demand(came || given_up, || format!("{:?} was never asked", successor.team))?;
    }
    Ok(())
}
