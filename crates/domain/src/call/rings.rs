//! Who is invited, and whose ring starts and stops when. What time does to a ring stands in `deadlines.rs`.

use super::{Call, Effect, Handled, Invited, Invitee, Note, Person, PersonRole, Phase, Place, Refusal, RingEnd};
use crate::{
    ids::ContactId,
    plan::{self, Unacceptable},
    policy::Policy,
    time::Timestamp,
};

impl Call {
    pub(super) fn invite(&mut self, policy: &Policy, now: Timestamp, invited: &Invited) -> Handled {
        self.refuse_if_ended()?;
        let mut effects = Vec::new();
        self.add_people(&invited.people, &invited.brokers);
        for invitee in &invited.people {
            if invited.hunts.iter().any(|hunt| hunt.order.contains(&invitee.contact)) {
                self.invite_in_turn(policy, *invitee, &mut effects)?;
            } else {
                self.invite_one(policy, now, *invitee, &mut effects)?;
            }
        }
        self.add_hunts(&invited.hunts);
        self.state.successors.extend(invited.successors.iter().cloned());
        Ok(effects)
    }

    pub(super) fn invite_one(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        Invitee { contact, ring_for }: Invitee,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let role = self.person(contact).ok_or(Refusal::NotInvited)?.role;
        match role {
            // A team may hold them: a broker counts as nobody, and so does a creator until somebody has joined.
            PersonRole::Broker => return Ok(()),
            PersonRole::Creator if !self.invitee_has_joined() => return Ok(()),
            PersonRole::Creator => {}
            // Invited again, perhaps by mail this time: this invitation says for how long.
            PersonRole::Invitee { .. } => self.set_role(contact, PersonRole::Invitee { ring_for }),
        }
        self.leave_hunts(contact);
        effects.push(Effect::Note { note: Note::Invited, contact });
        if self.is_seated(contact) {
            return Ok(());
        }
        if role == PersonRole::Creator || !self.rings_later() {
            return self.ring_now(policy, now, contact, effects);
        }
        if !self.has_room_for(policy, contact) {
            return Err(Refusal::Full);
        }
        if !matches!(self.place(contact), Some(Place::Ringing { .. })) {
            self.set_place(contact, Place::Waiting);
        }
        Ok(())
    }

    pub(super) fn ring_again(&mut self, policy: &Policy, now: Timestamp, contact: ContactId) -> Handled {
        self.refuse_if_ended()?;
        let mut effects = Vec::new();
        if self.known(contact)?.role == PersonRole::Creator && !self.invitee_has_joined() {
            return Err(Refusal::NobodyJoined);
        }
        if !self.in_turn().contains(&contact) {
            self.leave_hunts(contact);
        }
        if !self.is_seated(contact) {
            self.ring_now(policy, now, contact, &mut effects)?;
        }
        Ok(effects)
    }

    pub(super) fn ring_now(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        contact: ContactId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if !self.has_room_for(policy, contact) {
            return Err(Refusal::Full);
        }
        let ring_for = match self.known(contact)?.role {
            PersonRole::Creator => policy.creator_ring,
            PersonRole::Invitee { ring_for } => self.turn_of(contact).unwrap_or(ring_for),
            PersonRole::Broker => return Err(Refusal::BrokerHasNoSeat),
        };
        self.ring(contact, now + ring_for, effects);
        // The creator's ring may have taken the last place: nobody is to ring who would be turned away.
        if self.is_full_for_invitees(policy) {
            self.silence(effects);
        }
        Ok(())
    }

    pub(super) fn reschedule(&mut self, now: Timestamp, planned_at: Timestamp) -> Handled {
        self.refuse_if_ended()?;
        if self.state.terms.planned_at.is_none() {
            return Err(Refusal::NotPlanned);
        }
        let Phase::Planned { ring_at } = &mut self.state.phase else { return Err(Refusal::AlreadyStarted) };
        plan::check(now, planned_at).map_err(|why| match why {
            Unacceptable::Past => Refusal::PlannedInPast,
            Unacceptable::TooFarAhead => Refusal::PlannedTooFarAhead,
        })?;
        *ring_at = Some(planned_at);
        self.state.terms.planned_at = Some(planned_at);
        let mut effects = vec![Effect::Note { note: Note::Rescheduled, contact: self.creator() }];
        let rung: Vec<_> = self
            .invitees()
            .filter(|p| matches!(p.place, Place::Ringing { .. } | Place::Unanswered))
            .map(|p| p.contact)
            .collect();
        for contact in rung {
            self.stop_ring(contact, Place::Waiting, RingEnd::Postponed, &mut effects);
        }
        Ok(effects)
    }

    pub(super) fn start(&mut self, now: Timestamp) -> Handled {
        self.refuse_if_ended()?;
        if self.state.terms.planned_at.is_none() {
            return Err(Refusal::NotPlanned);
        }
        let mut effects = Vec::new();
        self.start_rings(now, &mut effects);
        Ok(effects)
    }

    pub(super) fn start_rings(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        match &mut self.state.phase {
            Phase::Planned { ring_at } | Phase::Started { ring_at, .. } => *ring_at = None,
            Phase::Ended { .. } => return,
        }
        let at_once = |p: &&Person| p.place == Place::Waiting && self.turn_of(p.contact).is_none();
        let waiting: Vec<_> = self.state.people.iter().filter(at_once).cloned().collect();
        for person in waiting {
            if let PersonRole::Invitee { ring_for } = person.role {
                self.ring(person.contact, now + ring_for, effects);
            }
        }
    }

    pub(super) fn ring(&mut self, contact: ContactId, until: Timestamp, effects: &mut Vec<Effect>) {
        if !matches!(self.place(contact), Some(Place::Ringing { .. })) {
            effects.push(Effect::Note { note: Note::RingStarted, contact });
        }
        self.set_place(contact, Place::Ringing { until });
    }

    /// Puts a person somewhere else; if it was ringing, the history says how that ended.
    pub(super) fn stop_ring(&mut self, contact: ContactId, place: Place, end: RingEnd, effects: &mut Vec<Effect>) {
        if matches!(self.place(contact), Some(Place::Ringing { .. })) {
            effects.push(Effect::Note { note: Note::RingEnded(end), contact });
        }
        self.set_place(contact, place);
    }

    /// Stops the rings of all invitees, and those to come; no further team is asked.
    pub(super) fn silence(&mut self, effects: &mut Vec<Effect>) {
        self.silence_all_but(None, effects);
    }

    pub(super) fn silence_all_but(&mut self, spared: Option<ContactId>, effects: &mut Vec<Effect>) {
        let open: Vec<_> = self
            .invitees()
            .filter(|p| matches!(p.place, Place::Ringing { .. } | Place::Waiting | Place::Unanswered))
            .map(|p| p.contact)
            .filter(|contact| Some(*contact) != spared)
            .collect();
        for contact in open {
            self.stop_ring(contact, Place::Silenced, RingEnd::TakenByOther, effects);
        }
        self.state.successors.clear();
    }

    pub(super) fn add_people(&mut self, invitees: &[Invitee], brokers: &[ContactId]) {
        let invited = invitees.iter().map(|i| (i.contact, PersonRole::Invitee { ring_for: i.ring_for }));
        let brokers = brokers.iter().map(|contact| (*contact, PersonRole::Broker));
        for (contact, role) in invited.chain(brokers) {
            let role = if self.is_broker(contact) { PersonRole::Broker } else { role };
            if self.person(contact).is_none() {
                self.state.people.push(Person { contact, role, place: Place::Waiting });
            }
        }
    }

    pub(super) fn set_role(&mut self, contact: ContactId, role: PersonRole) {
        if let Some(person) = self.state.people.iter_mut().find(|p| p.contact == contact) {
            person.role = role;
        }
    }

    /// Rings of a planned call wait for its time.
    pub(super) fn rings_later(&self) -> bool {
        matches!(self.state.phase, Phase::Planned { ring_at: Some(_) } | Phase::Started { ring_at: Some(_), .. })
    }
}
