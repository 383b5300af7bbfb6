//! Teams whose people are rung one after another, and teams that come when others do not answer. Whose turn it is follows from where
//! everybody is: the first of a hunt who waits is rung as soon as nobody of it rings.

use std::time::Duration;

use super::{
    Absence, Call, Effect, Handled, Hunt, Invited, Invitee, LogKind, Note, Person, PersonRole, Place, Refusal, RingEnd,
    Stage, Successor,
};
use crate::{
    ids::{ContactId, TeamId},
    policy::Policy,
    time::Timestamp,
};

impl Call {
    /// Those whose turn it is.
    pub fn in_turn(&self) -> Vec<ContactId> {
        let rings = |contact: &ContactId| matches!(self.place(*contact), Some(Place::Ringing { .. }));
        self.state.hunts.iter().filter_map(|hunt| hunt.order.iter().copied().find(rings)).collect()
    }

    /// Who is rung next, one of each team.
    pub fn next_in_turn(&self) -> Vec<ContactId> {
        self.state.hunts.iter().filter_map(|hunt| self.next_of(hunt)).collect()
    }

    /// Teams that are to be asked now.
    pub fn due_teams(&self) -> impl Iterator<Item = &Successor> {
        self.state.successors.iter().filter(|successor| successor.is_due())
    }

    fn next_of(&self, hunt: &Hunt) -> Option<ContactId> {
        hunt.order.iter().copied().find(|contact| self.place(*contact) == Some(Place::Waiting))
    }

    /// How long somebody is rung: in a hunt no longer than a turn.
    pub fn turn_of(&self, contact: ContactId) -> Option<Duration> {
        self.state.hunts.iter().find(|hunt| hunt.order.contains(&contact)).map(|hunt| hunt.each)
    }

    /// Takes in hunts of people who are in the call. Whoever rings already is rung, and needs no turn.
    pub(super) fn add_hunts(&mut self, hunts: &[Hunt]) {
        for hunt in hunts {
            let waits = |contact: &ContactId| {
                let invitee = |p: &Person| matches!(p.role, PersonRole::Invitee { .. }) && p.place == Place::Waiting;
                self.person(*contact).is_some_and(invitee)
            };
            let order: Vec<_> = hunt.order.iter().copied().filter(waits).collect();
            for contact in &order {
                self.leave_hunts(*contact);
            }
            if !order.is_empty() {
                self.state.hunts.push(Hunt { order, ..hunt.clone() });
            }
        }
    }

    /// Whoever is rung for another reason has no turn any more.
    pub(super) fn leave_hunts(&mut self, contact: ContactId) {
        for hunt in &mut self.state.hunts {
            hunt.order.retain(|member| *member != contact);
        }
        self.state.hunts.retain(|hunt| !hunt.order.is_empty());
    }

    /// Rings whose turn it is, and looks which teams are due.
    pub(super) fn advance(&mut self, policy: &Policy, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.has_ended() {
            return;
        }
        if !self.rings_later() {
            let silent = |hunt: &&Hunt| {
                let rings = |contact: &ContactId| matches!(self.place(*contact), Some(Place::Ringing { .. }));
                !hunt.order.iter().any(rings)
            };
            let next = |hunt: &Hunt| Some((self.next_of(hunt)?, hunt.each));
            let turns: Vec<_> = self.state.hunts.iter().filter(silent).filter_map(next).collect();
            for (contact, each) in turns {
                self.ring(contact, now + each, effects);
            }
        }
        self.follow_successors(policy, now);
    }

    fn follow_successors(&mut self, policy: &Policy, now: Timestamp) {
        let due = Stage::Due { until: now + policy.grace };
        let kept = std::mem::take(&mut self.state.successors).into_iter().filter_map(|mut successor| {
            let places: Vec<_> = successor.of.iter().filter_map(|contact| self.place(*contact)).collect();
            successor.stage = match (successor.stage, outlook(&places), successor.after) {
                (Stage::Due { .. }, _, _) => successor.stage,
                (_, Outlook::Reached, _) => return None,
                (_, Outlook::Failed, _) => due,
                (Stage::From { .. }, Outlook::Rings, _) | (Stage::Waits, Outlook::Rings | Outlook::Open, None) => {
                    successor.stage
                }
                (Stage::Waits, Outlook::Rings, Some(after)) => Stage::From { at: now + after },
                // The call was moved to a later time.
                (Stage::Waits | Stage::From { .. }, Outlook::Open, _) => Stage::Waits,
            };
            Some(successor)
        });
        self.state.successors = kept.collect();
    }

    /// The time of the people before it has run out.
    pub(super) fn call_for_team(&mut self, policy: &Policy, now: Timestamp, index: usize) {
        if let Some(successor) = self.state.successors.get_mut(index) {
            successor.stage = Stage::Due { until: now + policy.grace };
        }
    }

    pub(super) fn do_without_team(&mut self, index: usize) {
        if index < self.state.successors.len() {
            self.state.successors.remove(index);
        }
    }

    pub(super) fn awaits_team(&self) -> bool {
        self.due_teams().next().is_some()
    }

    pub(super) fn team_comes(&mut self, policy: &Policy, now: Timestamp, team: TeamId, invited: &Invited) -> Handled {
        self.refuse_if_ended()?;
        let waited_for = |successor: &Successor| successor.team == team && successor.is_due();
        // It may have been given up meanwhile, or somebody else has answered.
        if !self.state.successors.iter().any(waited_for) {
            return Ok(Vec::new());
        }
        self.state.successors.retain(|successor| !waited_for(successor));
        if self.is_full_for_invitees(policy) && !invited.people.is_empty() {
            return Err(Refusal::Full);
        }
        self.invite(policy, now, invited)
    }

    /// Invites somebody whose turn is still to come.
    pub(super) fn invite_in_turn(
        &mut self,
        policy: &Policy,
        invitee: Invitee,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let Invitee { contact, ring_for } = invitee;
        match self.person(contact).ok_or(Refusal::NotInvited)?.role {
            PersonRole::Broker | PersonRole::Creator => return Ok(()),
            PersonRole::Invitee { .. } => self.set_role(contact, PersonRole::Invitee { ring_for }),
        }
        effects.push(Effect::Note { note: Note::Invited, contact });
        if matches!(self.place(contact), Some(Place::Seated(_) | Place::Ringing { .. })) {
            return Ok(());
        }
        if !self.has_room_for(policy, contact) {
            return Err(Refusal::Full);
        }
        self.set_place(contact, Place::Waiting);
        Ok(())
    }

    pub(super) fn pass_over(&mut self, contact: ContactId, why: Absence) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.in_turn().contains(&contact) {
            self.ring_ran_out(contact, RingEnd::PassedOver(why), &mut effects);
        }
        effects
    }

    /// An answer ends the hunt it came from.
    pub(super) fn end_hunts_of(&mut self, contact: ContactId, effects: &mut Vec<Effect>) {
        let others: Vec<_> = self
            .state
            .hunts
            .iter()
            .filter(|hunt| hunt.order.contains(&contact))
            .flat_map(|hunt| hunt.order.iter().copied())
            .filter(|other| {
                matches!(self.place(*other), Some(Place::Waiting | Place::Ringing { .. } | Place::Unanswered))
            })
            .collect();
        for other in others {
            self.stop_ring(other, Place::Silenced, RingEnd::TakenByOther, effects);
        }
    }

    /// Nobody has answered this ring.
    pub(super) fn ring_ran_out(&mut self, contact: ContactId, end: RingEnd, effects: &mut Vec<Effect>) {
        let outlasts_rings = self.state.terms.planned_at.is_some() || self.state.terms.request.is_some();
        let still_open = outlasts_rings && !self.invitee_has_joined();
        let place = match (still_open, self.rings_later()) {
            (false, _) => Place::Missed,
            // Rung by hand before the time: the call's own ring is still to come.
            (true, true) => Place::Waiting,
            (true, false) => Place::Unanswered,
        };
        self.stop_ring(contact, place, end, effects);
        if !still_open {
            effects.push(Effect::Log { kind: LogKind::Missed, contact });
        }
    }

    /// An outage takes nobody's time.
    pub(super) fn spare_successors(&mut self, least: Timestamp) {
        for successor in &mut self.state.successors {
            match &mut successor.stage {
                Stage::Waits => {}
                Stage::From { at } => *at = (*at).max(least),
                Stage::Due { until } => *until = (*until).max(least),
            }
        }
    }
}

/// What can be hoped for from some people.
enum Outlook {
    /// One of them has come, or the call is in other hands.
    Reached,
    /// The first of them rings.
    Rings,
    Open,
    /// None of them answers any more.
    Failed,
}

fn outlook(places: &[Place]) -> Outlook {
    if places.iter().any(|place| matches!(place, Place::Seated(_) | Place::Silenced | Place::Left)) {
        return Outlook::Reached;
    }
    if places.iter().all(|place| matches!(place, Place::Declined | Place::Missed | Place::Unanswered)) {
        return Outlook::Failed;
    }
    if matches!(places.first(), Some(Place::Ringing { .. })) { Outlook::Rings } else { Outlook::Open }
}
