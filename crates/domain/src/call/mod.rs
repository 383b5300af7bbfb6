//! One call as a state machine. [`Call::handle`] only dispatches; what each event does stands in `transitions.rs` and
//! `rings.rs`, teams' turns in `hunts.rs`, what time does in `deadlines.rs`. Who should be ringing is derived from the state ([`Call::rings`]),
//! never queued.

mod deadlines;
mod hand_over;
mod hunts;
mod invited;
mod request;
mod rings;
mod state;
mod transitions;
mod view;

#[cfg(test)]
mod tests;

use crate::{
    ids::{ContactId, DeviceId, TeamId},
    policy::Policy,
    time::Timestamp,
};

pub use hand_over::{HandOver, HandOverTo};
pub use invited::{Hunt, Invited, Invitee, Stage, Successor};
pub use request::{Claim, FARTHEST_PROMISE, Line, Promise, Request};
pub use state::{EndReason, Person, PersonRole, Phase, Place, Seat, State, Technology, Terms};
pub use view::{MediaPlan, Path, Ring};

/// What can happen to a call. Whether the actor may do it is asked first, of [`crate::access::Actor`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// `rejoin`: this device was in the call before and still has the media of that epoch.
    Join {
        contact: ContactId,
        device: DeviceId,
        rejoin: Option<u64>,
    },
    Decline {
        contact: ContactId,
    },
    /// An explicit hang-up.
    Leave {
        contact: ContactId,
    },
    /// Ends the call for all.
    End {
        by: ContactId,
    },
    /// Calls off what nobody has joined yet.
    Cancel {
        by: ContactId,
    },
    ConnectionLost {
        contact: ContactId,
        device: DeviceId,
    },
    ConnectionBack {
        contact: ContactId,
        device: DeviceId,
    },
    /// No direct path was found on the plan of this epoch.
    PathFailed {
        contact: ContactId,
        epoch: u64,
    },
    Invite(Invited),
    /// Here are the people of a team that was due: whoever is not in the call yet, perhaps nobody.
    TeamComes {
        team: TeamId,
        invited: Invited,
    },
    /// Somebody whose turn it is need not be waited for.
    PassOver {
        contact: ContactId,
        why: Absence,
    },
    RingAgain {
        contact: ContactId,
    },
    Reschedule {
        planned_at: Timestamp,
    },
    /// Rings for a planned call now.
    Start,
    /// Takes a service request: whoever claims it is rung, invited or not.
    Claim {
        by: Invitee,
    },
    /// Turns a waiting service request into the promise to call back.
    PromiseCallBack {
        by: Invitee,
        due: Timestamp,
    },
    /// Gives the call to somebody else, who is rung or found in a queue first.
    HandOver {
        from: ContactId,
        to: HandOverTo,
    },
    /// The server is back after a stop of unknown length: every connection is gone, every deadline gets some time.
    Recovered,
    Tick,
}

/// What the log says (`callEvents`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogKind {
    Created,
    Join,
    Leave,
    Declined,
    Missed,
    /// From MESH to SFU.
    TypeChanged,
    /// Took a service request.
    Claimed,
    Ended,
}

/// What the history says beside the log (`callHistory`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Note {
    RingStarted,
    RingEnded(RingEnd),
    ConnectionLost,
    Reconnected,
    SeatMoved,
    /// The media go through the SFU from now on, because no direct path was found.
    PathFailed,
    Invited,
    Rescheduled,
    /// The request waits for this team, too.
    Escalated(TeamId),
    /// Whoever had claimed the request did not come: it waits again.
    ClaimLapsed,
    /// The time somebody was promised to be called back at has come.
    CallBackDue,
    /// This person has the call now; whoever had it has left.
    HandedOver,
    /// Nobody came to take the call over.
    HandOverFailed,
    Ended(EndReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RingEnd {
    Joined,
    Declined,
    TimedOut,
    TakenByOther,
    CallEnded,
    /// The call was moved to a later time.
    Postponed,
    /// It was this person's turn, for nothing.
    PassedOver(Absence),
}

/// Why the next of a team is rung at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absence {
    /// On no device, and no message would come in time.
    NotThere,
    /// Wants quiet.
    Undisturbed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    Log {
        kind: LogKind,
        contact: ContactId,
    },
    Note {
        note: Note,
        contact: ContactId,
    },
    /// The seat is on another device now: tell this one.
    SeatMoved {
        contact: ContactId,
        from: DeviceId,
    },
}

/// Why an event was refused. The call is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    NotInvited,
    BrokerHasNoSeat,
    Full,
    Ended,
    NotInCall,
    SeatMoved,
    NotPlanned,
    AlreadyStarted,
    PlannedInPast,
    PlannedTooFarAhead,
    /// The creator is rung only after somebody has joined.
    NobodyJoined,
    /// Somebody else has the service request.
    AlreadyClaimed {
        by: ContactId,
    },
    /// No service request, or none that anybody could claim or promise any more.
    NotWaiting,
    PromiseInPast,
    PromiseTooFarAhead,
}

pub type Handled = Result<Vec<Effect>, Refusal>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    state: State,
}

impl Call {
    /// Makes a call; with `joined` its creator is in it from the first moment, before any ring.
    pub fn create(
        policy: &Policy,
        now: Timestamp,
        terms: Terms,
        invited: &Invited,
        joined: Option<DeviceId>,
    ) -> (Self, Vec<Effect>) {
        let ring_at = Some(terms.planned_at.unwrap_or(now));
        let creator = terms.creator;
        let people = vec![Person { contact: creator, role: PersonRole::Creator, place: Place::Waiting }];
        let phase = Phase::Planned { ring_at };
        let (hunts, successors) = (Vec::new(), invited.successors.clone());
        let state = State { terms, phase, people, epoch: 0, joins: 0, hunts, successors, hand_over: None };
        let mut call = Self { state };
        call.add_people(&invited.people, &invited.brokers);
        call.add_hunts(&invited.hunts);
        let mut effects = vec![Effect::Log { kind: LogKind::Created, contact: creator }];
        if let Some(device) = joined {
            call.sit(policy, now, creator, device, &mut effects);
        }
        call.settle(policy, now, &mut effects);
        (call, effects)
    }

    /// A refused event leaves the call as it was.
    pub fn handle(&mut self, policy: &Policy, now: Timestamp, event: Event) -> Handled {
        let mut next = self.clone();
        let mut effects = match event {
            Event::Join { contact, device, rejoin } => next.join(policy, now, contact, device, rejoin),
            Event::Decline { contact } => next.decline(contact),
            Event::Leave { contact } => next.leave(contact),
            Event::End { by } => Ok(next.end_for_all(by)),
            Event::Cancel { by } => next.cancel(by),
            Event::ConnectionLost { contact, device } => Ok(next.connection_lost(policy, now, contact, device)),
            Event::ConnectionBack { contact, device } => Ok(next.connection_back(contact, device)),
            Event::PathFailed { contact, epoch } => next.path_failed(contact, epoch),
            Event::Invite(invited) => next.invite(policy, now, &invited),
            Event::TeamComes { team, invited } => next.team_comes(policy, now, team, &invited),
            Event::PassOver { contact, why } => Ok(next.pass_over(contact, why)),
            Event::RingAgain { contact } => next.ring_again(policy, now, contact),
            Event::Reschedule { planned_at } => next.reschedule(now, planned_at),
            Event::Start => next.start(now),
            Event::Claim { by } => next.claim(policy, now, by),
            Event::PromiseCallBack { by, due } => next.promise_call_back(policy, now, by, due),
            Event::HandOver { from, to } => next.begin_hand_over(policy, now, from, to),
            Event::Recovered => Ok(next.recovered(policy, now)),
            Event::Tick => Ok(Vec::new()),
        }?;
        next.settle(policy, now, &mut effects);
        *self = next;
        Ok(effects)
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes up a call where it was saved.
    pub fn restore(state: State) -> Self {
        Self { state }
    }
}
