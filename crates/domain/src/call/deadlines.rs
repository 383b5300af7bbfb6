//! What time does to a call. Every deadline is listed by one function; [`Call::next_wake`] is the earliest of them, and
//! [`Call::settle`] carries out all that are due.

use super::{Call, Effect, EndReason, LogKind, Phase, Place, RingEnd, Stage};
use crate::{
    ids::{ContactId, TeamId},
    policy::Policy,
    time::Timestamp,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    StartRings,
    RingTimesOut(ContactId),
    SeatIsGivenUp(ContactId),
    AloneForTooLong,
    NobodyCame,
    /// By place in the list.
    TeamIsAsked(usize),
    TeamIsGivenUp(usize),
    RequestEscalates(TeamId),
    CallBack,
    RequestExpires,
}

impl Call {
    /// When the call wants to be handed a `Tick`. `None` once it has ended.
    pub fn next_wake(&self, policy: &Policy) -> Option<Timestamp> {
        self.deadlines(policy).into_iter().map(|(at, _)| at).min()
    }

    fn deadlines(&self, policy: &Policy) -> Vec<(Timestamp, Due)> {
        let mut all = Vec::new();
        match self.state.phase {
            Phase::Ended { .. } => return all,
            Phase::Planned { ring_at } => {
                all.extend(ring_at.map(|at| (at, Due::StartRings)));
                // Otherwise somebody is ringing, and the last ring's end decides, however old the call.
                let waits = self.open_invitations().next().is_some() || self.awaits_team();
                let may_close = !waits && self.state.terms.request.is_none();
                if self.state.terms.planned_at.is_some() || may_close {
                    all.push((self.open_until(policy), Due::NobodyCame));
                }
            }
            Phase::Started { alone_since, ring_at, .. } => {
                all.extend(ring_at.map(|at| (at, Due::StartRings)));
                all.extend(alone_since.map(|since| (self.alone_until(policy, since), Due::AloneForTooLong)));
                if self.has_open_planned_invitation() {
                    all.push((self.open_until(policy), Due::NobodyCame));
                }
            }
        }
        for (index, successor) in self.state.successors.iter().enumerate() {
            match successor.stage {
                Stage::Waits => {}
                Stage::From { at } => all.push((at, Due::TeamIsAsked(index))),
                Stage::Due { until } => all.push((until, Due::TeamIsGivenUp(index))),
            }
        }
        all.extend(self.request_deadlines());
        for person in &self.state.people {
            match person.place {
                Place::Ringing { until } => all.push((until, Due::RingTimesOut(person.contact))),
                Place::Seated(seat) => {
                    all.extend(seat.lost_until.map(|until| (until, Due::SeatIsGivenUp(person.contact))));
                }
                Place::Waiting
                | Place::Unanswered
                | Place::Declined
                | Place::Missed
                | Place::Silenced
                | Place::Left => {}
            }
        }
        all
    }

    /// Carries out what is due, then what follows from the state: whether the call is missed, and who is alone.
    pub(super) fn settle(&mut self, policy: &Policy, now: Timestamp, effects: &mut Vec<Effect>) {
        loop {
            self.mend_claim(effects);
            self.mend_hand_over(effects);
            self.advance(policy, now, effects);
            self.end_if_nobody_can_come(effects);
            self.mark_alone(now);
            let due = self.deadlines(policy).into_iter().filter(|(at, _)| *at <= now).min_by_key(|(at, _)| *at);
            let Some((_, due)) = due else { return };
            self.carry_out(due, policy, now, effects);
        }
    }

    fn carry_out(&mut self, due: Due, policy: &Policy, now: Timestamp, effects: &mut Vec<Effect>) {
        match due {
            Due::StartRings => self.start_rings(now, effects),
            Due::RingTimesOut(contact) => self.ring_ran_out(contact, RingEnd::TimedOut, effects),
            Due::SeatIsGivenUp(contact) => self.give_up_seat(contact, effects),
            Due::AloneForTooLong => self.end(EndReason::Alone, self.state.terms.creator, effects),
            Due::NobodyCame => self.nobody_came(effects),
            Due::TeamIsAsked(index) => self.call_for_team(policy, now, index),
            Due::TeamIsGivenUp(index) => self.do_without_team(index),
            Due::RequestEscalates(team) => self.escalate(team, effects),
            Due::CallBack => self.call_back_is_due(effects),
            Due::RequestExpires => self.request_expired(effects),
        }
    }

    fn give_up_seat(&mut self, contact: ContactId, effects: &mut Vec<Effect>) {
        self.stand_up(contact, effects);
        // A technician whose connection is gone is still to be helped.
        if self.seated().is_empty() && !self.is_unhelped() {
            self.end(EndReason::ConnectionLost, contact, effects);
        }
    }

    /// A planned call's time, or a call nobody was invited to, has run out.
    fn nobody_came(&mut self, effects: &mut Vec<Effect>) {
        let open: Vec<_> = self.open_invitations().collect();
        for contact in open {
            self.stop_ring(contact, Place::Missed, RingEnd::TimedOut, effects);
            effects.push(Effect::Log { kind: LogKind::Missed, contact });
        }
        self.end(EndReason::NobodyCame, self.state.terms.creator, effects);
    }

    /// Missed: no invitation is open, and nobody but the creator has ever joined.
    fn end_if_nobody_can_come(&mut self, effects: &mut Vec<Effect>) {
        if self.has_ended() || self.invitee_has_joined() {
            return;
        }
        let closed: Vec<_> = self.invitees().map(|p| p.place).collect();
        let waits = self.awaits_team() || self.waits_for_a_team();
        if closed.is_empty() || self.open_invitations().next().is_some() || waits {
            return;
        }
        let all_declined = closed.iter().all(|place| *place == Place::Declined);
        let reason = if all_declined { EndReason::Declined } else { EndReason::Missed };
        self.end(reason, self.state.terms.creator, effects);
    }

    fn mark_alone(&mut self, now: Timestamp) {
        let alone = self.seated().len() == 1
            && !self.state.people.iter().any(|p| matches!(p.place, Place::Ringing { .. }))
            && !self.awaits_team()
            && !self.waits_for_a_claim()
            && !self.has_open_planned_invitation();
        if let Phase::Started { alone_since, .. } = &mut self.state.phase {
            *alone_since = if alone { alone_since.or(Some(now)) } else { None };
        }
    }

    /// Somebody who waits for the first to come is given as long as a planned call; who came before a planned time may
    /// wait for it first.
    fn alone_until(&self, policy: &Policy, since: Timestamp) -> Timestamp {
        if self.most_together() > 1 {
            return since + policy.alone;
        }
        let patience = if self.state.terms.brokered { policy.alone } else { policy.open };
        since.max(self.state.terms.planned_at.unwrap_or(since)) + patience
    }

    fn open_until(&self, policy: &Policy) -> Timestamp {
        self.state.terms.planned_at.unwrap_or(self.state.terms.created_at) + policy.open
    }

    fn has_open_planned_invitation(&self) -> bool {
        self.state.terms.planned_at.is_some() && !self.invitee_has_joined() && self.open_invitations().next().is_some()
    }

    /// Invitees who may still answer.
    fn open_invitations(&self) -> impl Iterator<Item = ContactId> + '_ {
        self.invitees()
            .filter(|p| matches!(p.place, Place::Waiting | Place::Ringing { .. } | Place::Unanswered))
            .map(|p| p.contact)
    }
}
