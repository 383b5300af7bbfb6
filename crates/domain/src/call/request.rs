//! Service requests: a call that waits until somebody of a team claims it, with what time does to it. Whoever is invited by name is rung
//! as in any call; a team is not rung, it has a queue.

use std::time::Duration;

use super::{
    Call, Effect, EndReason, Handled, Invitee, LogKind, Note, PersonRole, Place, Refusal, RingEnd, deadlines::Due,
};
use crate::{
    ids::{ContactId, TeamId},
    policy::Policy,
    time::Timestamp,
};

/// Nobody remembers a promise for longer; what is to be later is a planned call.
pub const FARTHEST_PROMISE: Duration = Duration::from_hours(24 * 14);

/// How a service request stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// The queues it waits in, and those it is still to come to.
    pub lines: Vec<Line>,
    /// When it is given up.
    pub expires_at: Timestamp,
    pub claim: Claim,
    pub promise: Option<Promise>,
}

/// A place in a team's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    pub team: TeamId,
    /// Since when; later than now, it escalates to this team then.
    pub since: Timestamp,
    pub entered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    Open,
    /// One has it. As long as this one has not come, it may open again.
    By(ContactId),
}

/// That the technician will be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Promise {
    pub by: ContactId,
    pub due: Timestamp,
    pub reminded: bool,
}

impl Call {
    pub fn request(&self) -> Option<&Request> {
        self.state.terms.request.as_ref()
    }

    /// A service request that can be claimed, promised or not.
    pub fn waits_for_a_claim(&self) -> bool {
        !self.has_ended() && self.request().is_some_and(|request| request.claim == Claim::Open)
    }

    /// The teams whose members may claim it.
    pub fn claimable_by(&self) -> impl Iterator<Item = TeamId> + '_ {
        self.request().into_iter().flat_map(|request| &request.lines).filter(|line| line.entered).map(|line| line.team)
    }

    pub(super) fn waits_for_a_team(&self) -> bool {
        self.waits_for_a_claim() && self.request().is_some_and(|request| !request.lines.is_empty())
    }

    /// Nobody has come to help yet, be it claimed or not.
    pub(super) fn is_unhelped(&self) -> bool {
        !self.has_ended() && self.request().is_some() && !self.invitee_has_joined()
    }

    pub(super) fn is_promised(&self) -> bool {
        self.waits_for_a_claim() && self.request().is_some_and(|request| request.promise.is_some())
    }

    pub(super) fn request_mut(&mut self) -> Option<&mut Request> {
        self.state.terms.request.as_mut()
    }

    pub(super) fn claim(&mut self, policy: &Policy, now: Timestamp, by: Invitee) -> Handled {
        self.refuse_if_ended()?;
        let contact = by.contact;
        match self.request().ok_or(Refusal::NotWaiting)?.claim {
            Claim::By(claimer) if claimer == contact => return Ok(Vec::new()),
            Claim::By(claimer) => return Err(Refusal::AlreadyClaimed { by: claimer }),
            Claim::Open => {}
        }
        if contact == self.creator() {
            return Err(Refusal::NotInvited);
        }
        self.add_people(&[by], &[]);
        self.known(contact)?;
        let mut effects = vec![Effect::Log { kind: LogKind::Claimed, contact }];
        self.silence_all_but(Some(contact), &mut effects);
        self.leave_hunts(contact);
        self.set_claim(Claim::By(contact));
        if self.is_seated(contact) {
            self.make_way_for(contact, &mut effects);
        } else {
            self.ring_now(policy, now, contact, &mut effects)?;
        }
        Ok(effects)
    }

    /// Whoever answers the ring of an invitation takes the request by that; a claim that is on its way in comes first.
    pub(super) fn take_by_joining(&mut self, contact: ContactId, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        if contact == self.creator() || self.invitee_has_joined() {
            return Ok(());
        }
        match self.request().map(|request| request.claim) {
            Some(Claim::By(claimer)) if claimer != contact => Err(Refusal::AlreadyClaimed { by: claimer }),
            Some(Claim::Open) => {
                self.silence_all_but(Some(contact), effects);
                self.set_claim(Claim::By(contact));
                Ok(())
            }
            Some(Claim::By(_)) | None => Ok(()),
        }
    }

    pub(super) fn set_claim(&mut self, claim: Claim) {
        if let Some(request) = self.request_mut() {
            request.claim = claim;
        }
    }

    pub(super) fn promise_call_back(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        by: Invitee,
        due: Timestamp,
    ) -> Handled {
        self.refuse_if_ended()?;
        if self.invitee_has_joined() {
            return Err(Refusal::NotWaiting);
        }
        let request = self.request_mut().ok_or(Refusal::NotWaiting)?;
        if let Claim::By(by) = request.claim {
            return Err(Refusal::AlreadyClaimed { by });
        }
        if due <= now {
            return Err(Refusal::PromiseInPast);
        }
        if due > now + FARTHEST_PROMISE {
            return Err(Refusal::PromiseTooFarAhead);
        }
        request.promise = Some(Promise { by: by.contact, due, reminded: false });
        request.expires_at = due + policy.open;
        if self.person(by.contact).is_none() {
            self.add_people(&[by], &[]);
            self.set_place(by.contact, Place::Unanswered);
        }
        self.known(by.contact)?;
        // Nobody is to answer now what was put off.
        let mut effects = Vec::new();
        let open = self.invitees().filter(|p| matches!(p.place, Place::Ringing { .. } | Place::Waiting));
        let open: Vec<_> = open.map(|p| p.contact).collect();
        for contact in open {
            self.stop_ring(contact, Place::Unanswered, RingEnd::Postponed, &mut effects);
        }
        self.state.successors.clear();
        Ok(effects)
    }

    /// Whoever claimed the request has declined, or did not come in time: it waits again, in its old place.
    pub(super) fn mend_claim(&mut self, effects: &mut Vec<Effect>) {
        let Some(Claim::By(contact)) = self.request().map(|request| request.claim) else { return };
        let taken_over = !self.waits_for_successor() && self.invitee_has_joined();
        let coming = matches!(self.place(contact), Some(Place::Ringing { .. } | Place::Seated(_)));
        if self.has_ended() || taken_over || coming {
            return;
        }
        self.set_claim(Claim::Open);
        effects.push(Effect::Note { note: Note::ClaimLapsed, contact });
        if self.invitee_has_joined() {
            return;
        }
        for person in &mut self.state.people {
            if person.place == Place::Silenced && matches!(person.role, PersonRole::Invitee { .. }) {
                person.place = Place::Unanswered;
            }
        }
    }

    pub(super) fn request_deadlines(&self) -> Vec<(Timestamp, Due)> {
        let Some(request) = self.request().filter(|_| self.waits_for_a_claim()) else { return Vec::new() };
        let promise = request.promise;
        let reminder = promise.filter(|promise| !promise.reminded).map(|promise| (promise.due, Due::CallBack));
        // What was put off does not wait in a queue.
        let later = request.lines.iter().filter(|line| !line.entered && promise.is_none());
        let escalations = later.map(|line| (line.since, Due::RequestEscalates(line.team)));
        escalations.chain(reminder).chain([(request.expires_at, Due::RequestExpires)]).collect()
    }

    pub(super) fn escalate(&mut self, team: TeamId, effects: &mut Vec<Effect>) {
        let contact = self.creator();
        let lines = self.request_mut().into_iter().flat_map(|request| &mut request.lines);
        for line in lines.filter(|line| line.team == team && !line.entered) {
            line.entered = true;
            effects.push(Effect::Note { note: Note::Escalated(team), contact });
        }
    }

    pub(super) fn call_back_is_due(&mut self, effects: &mut Vec<Effect>) {
        let Some(promise) = self.request_mut().and_then(|request| request.promise.as_mut()) else { return };
        promise.reminded = true;
        effects.push(Effect::Note { note: Note::CallBackDue, contact: promise.by });
    }

    /// Nobody claimed it. A call that goes on goes on as it was.
    pub(super) fn request_expired(&mut self, effects: &mut Vec<Effect>) {
        if self.invitee_has_joined() {
            self.give_up_hand_over(effects);
        } else {
            self.end(EndReason::Expired, self.creator(), effects);
        }
    }

    /// After an outage of the server everybody is given some time to claim it.
    pub(super) fn spare_request(&mut self, until: Timestamp) {
        let ended = self.has_ended();
        if let Some(request) = self.request_mut().filter(|_| !ended) {
            request.expires_at = request.expires_at.max(until);
        }
    }
}
