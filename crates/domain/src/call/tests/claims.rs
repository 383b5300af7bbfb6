//! What holds of service requests after every step.

use super::invariants::{Step, Verdict, demand};
use crate::call::{Call, Claim, Effect, EndReason, Event, LogKind, Phase, Place, Request};

/// Whoever has claimed it keeps it until the claim has lapsed, which takes a step of its own.
pub(super) fn only_one_claims(step: &Step<'_>) -> Verdict {
    let claims: Vec<_> = step.effects().iter().filter_map(claimed_by).collect();
    demand(claims.len() <= 1, || format!("{claims:?} claimed it at once"))?;
    let had = step.before.and_then(Call::request).map(|request| request.claim);
    let Some(claimer) = claims.first() else { return Ok(()) };
    demand(had == Some(Claim::Open), || format!("{claimer:?} claimed what was {had:?}"))?;
    let has = step.after.request().map(|request| request.claim);
    demand(has == Some(Claim::By(*claimer)) || step.after.has_ended(), || format!("{claimer:?} claimed, it is {has:?}"))
}

fn claimed_by(effect: &Effect) -> Option<crate::ids::ContactId> {
    match *effect {
        Effect::Log { kind: LogKind::Claimed, contact } => Some(contact),
        Effect::Log { .. } | Effect::Note { .. } | Effect::SeatMoved { .. } => None,
    }
}

/// As long as nobody has come, whoever has claimed it is on the way.
pub(super) fn a_claim_has_a_claimer(step: &Step<'_>) -> Verdict {
    let Some(Claim::By(claimer)) = step.after.request().map(|request| request.claim) else { return Ok(()) };
    if step.after.has_ended() || step.trail_after.invitee_joined {
        return Ok(());
    }
    let place = step.after.place(claimer);
    demand(matches!(place, Some(Place::Ringing { .. })), || format!("claimed by {claimer:?}, who is {place:?}"))
}

/// It is claimed, given up by somebody, or its time has run out.
pub(super) fn waiting_requests_are_not_lost(step: &Step<'_>) -> Verdict {
    let Some(before) = step.before.filter(|call| call.waits_for_a_claim()) else { return Ok(()) };
    let Phase::Ended { reason } = step.after.state().phase else { return Ok(()) };
    let given_up = matches!(step.event, Some(Event::Leave { .. } | Event::End { .. } | Event::Cancel { .. }));
    let over = before.request().is_some_and(|request| request.expires_at <= step.now);
    let helped = step.trail_before.invitee_joined;
    demand(given_up || helped || (over && reason == EndReason::Expired), || format!("lost: {reason:?}"))
}

pub(super) fn recovery_keeps_requests(step: &Step<'_>) -> Verdict {
    let (Some(before), Some(Event::Recovered)) = (step.before, step.event) else { return Ok(()) };
    let (Some(before), Some(after)) = (before.request(), step.after.request()) else { return Ok(()) };
    let what = |request: &Request| -> (Vec<_>, _) {
        (request.lines.iter().map(|line| line.team).collect(), request.promise.map(|promise| (promise.by, promise.due)))
    };
    demand(what(before) == what(after) && before.claim == after.claim, || format!("{before:?}, then {after:?}"))
}
