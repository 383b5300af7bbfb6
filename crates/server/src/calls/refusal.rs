//! What is said to those whose wish a call does not grant.

use farhand_domain::{call::Refusal, plan::Unacceptable};
use farhand_protocol::{ErrorCode, Problem};

use crate::{http::Fail, planned::not_a_plan};

const CALL_BACK: &str = "/callBackDateTime";

pub(super) fn allowed(yes: bool, why_not: &str) -> Result<(), Fail> {
    if yes { Ok(()) } else { Err(Fail::new(ErrorCode::Forbidden, why_not)) }
}

pub(super) fn refused(refusal: Refusal) -> Fail {
    let (code, detail) = match refusal {
        Refusal::NotInvited => (ErrorCode::NotInvited, "You are not invited to this call."),
        Refusal::BrokerHasNoSeat => (ErrorCode::BrokerHasNoSeat, "Whoever brokers a call takes no part in it."),
        Refusal::Full => (ErrorCode::CallFull, "Everybody this call has room for is in it already."),
        Refusal::Ended => (ErrorCode::CallEnded, "The call has ended."),
        Refusal::NotInCall => (ErrorCode::NotInCall, "You are not in this call."),
        Refusal::SeatMoved => (ErrorCode::SeatMoved, "You are in this call on another device now."),
        Refusal::NotPlanned => (ErrorCode::NotPlanned, "The call is not planned for a time."),
        Refusal::AlreadyStarted => {
            (ErrorCode::CallAlreadyStarted, "The call has started; it cannot be moved or cancelled any more.")
        }
        Refusal::PromiseInPast => {
            let detail = "Somebody can be called back at a time to come only.";
            return Problem::new(ErrorCode::PlannedInPast, detail).at(CALL_BACK).into();
        }
        Refusal::PromiseTooFarAhead => {
            let detail = "A call back can be promised for the next two weeks; what is later is a planned call.";
            return Problem::new(ErrorCode::InvalidField, detail).at(CALL_BACK).into();
        }
        Refusal::PlannedInPast => return not_a_plan(Unacceptable::Past),
        Refusal::PlannedTooFarAhead => return not_a_plan(Unacceptable::TooFarAhead),
        Refusal::AlreadyClaimed { .. } => (ErrorCode::AlreadyClaimed, "Somebody else has claimed this request."),
        Refusal::NotWaiting => (ErrorCode::NotClaimable, "This call is no service request that waits."),
        Refusal::NobodyJoined => (ErrorCode::NotInCall, "The creator is rung once somebody has joined."),
    };
    Fail::new(code, detail)
}
