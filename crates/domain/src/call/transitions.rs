//! One method per event; those about rings stand in `rings.rs`. Each works on a copy that [`Call::handle`] keeps only if
//! nothing was refused.

use super::{
    Call, Effect, EndReason, Handled, LogKind, Note, Person, PersonRole, Phase, Place, Refusal, RingEnd, Seat,
    Technology,
};
use crate::{
    ids::{ContactId, DeviceId},
    policy::Policy,
    time::Timestamp,
};

/// Everybody would send to everybody else; with more than two, phones cannot.
const MESH_SEATS: usize = 2;

impl Call {
    pub(super) fn join(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        contact: ContactId,
        device: DeviceId,
        rejoin: Option<u64>,
    ) -> Handled {
        self.refuse_if_ended()?;
        let mut effects = Vec::new();
        let place = self.known(contact)?.place;
        match place {
            Place::Seated(seat) if seat.device == device => self.come_back(contact, seat, rejoin, &mut effects),
            Place::Seated(_) if rejoin.is_some() => return Err(Refusal::SeatMoved),
            Place::Seated(seat) => self.move_seat(contact, seat, device, &mut effects),
            Place::Ringing { .. }
            | Place::Waiting
            | Place::Unanswered
            | Place::Declined
            | Place::Missed
            | Place::Silenced
            | Place::Left => {
                if !self.has_room_for(policy, contact) {
                    return Err(Refusal::Full);
                }
                self.take_by_joining(contact, &mut effects)?;
                self.make_way_for(contact, &mut effects);
                self.sit(policy, now, contact, device, &mut effects);
            }
        }
        Ok(effects)
    }

    /// The same device again: reloaded, or back after a restart of the server.
    fn come_back(&mut self, contact: ContactId, seat: Seat, rejoin: Option<u64>, effects: &mut Vec<Effect>) {
        if seat.lost_until.is_some() {
            effects.push(Effect::Note { note: Note::Reconnected, contact });
        }
        let current = self.media_plan(contact).map(|plan| plan.epoch);
        let epoch = if rejoin.is_some() && rejoin == current { seat.epoch } else { self.next_epoch() };
        self.set_place(contact, Place::Seated(Seat { lost_until: None, epoch, ..seat }));
    }

    fn move_seat(&mut self, contact: ContactId, seat: Seat, device: DeviceId, effects: &mut Vec<Effect>) {
        effects.push(Effect::SeatMoved { contact, from: seat.device });
        effects.push(Effect::Note { note: Note::SeatMoved, contact });
        let epoch = self.next_epoch();
        self.set_place(contact, Place::Seated(Seat { device, lost_until: None, epoch, ..seat }));
    }

    /// An end of the media is a new one.
    pub(super) fn next_epoch(&mut self) -> u64 {
        self.state.epoch += 1;
        self.state.epoch
    }

    pub(super) fn has_room_for(&self, policy: &Policy, contact: ContactId) -> bool {
        if contact == self.creator() {
            self.seated().len() < policy.max_participants
        } else {
            !self.is_full_for_invitees(policy)
        }
    }

    /// A creator who is being rung has a place kept.
    pub(super) fn is_full_for_invitees(&self, policy: &Policy) -> bool {
        let kept = matches!(self.place(self.creator()), Some(Place::Ringing { .. }));
        self.seated().len() + usize::from(kept) >= policy.max_participants
    }

    pub(super) fn sit(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        contact: ContactId,
        device: DeviceId,
        effects: &mut Vec<Effect>,
    ) {
        let seat = Seat { device, order: self.state.joins, lost_until: None, epoch: self.next_epoch() };
        self.state.joins += 1;
        self.stop_ring(contact, Place::Seated(seat), RingEnd::Joined, effects);
        effects.push(Effect::Log { kind: LogKind::Join, contact });
        let by_invitee = contact != self.creator();
        let first_invitee = by_invitee && !self.invitee_has_joined();
        self.note_join(by_invitee);
        if self.seated().len() > MESH_SEATS {
            self.move_to_sfu(contact, effects);
        }
        if !by_invitee {
            self.start_rings(now, effects);
        }
        // A MESH call belongs to the first who takes it.
        if first_invitee && self.state.terms.technology == Technology::Mesh {
            self.silence(effects);
        }
        self.end_hunts_of(contact, effects);
        if first_invitee && !self.is_seated(self.creator()) {
            self.ring(self.creator(), now + policy.creator_ring, effects);
        }
        if self.is_full_for_invitees(policy) {
            self.silence(effects);
        }
    }

    /// Everybody makes a new connection, to the SFU. There is no way back: what two could not do directly a minute ago they had better not try.
    fn move_to_sfu(&mut self, contact: ContactId, effects: &mut Vec<Effect>) {
        if self.state.terms.technology == Technology::Sfu {
            return;
        }
        self.state.terms.technology = Technology::Sfu;
        let epoch = self.next_epoch();
        self.renew_seats(epoch);
        effects.push(Effect::Log { kind: LogKind::TypeChanged, contact });
    }

    pub(super) fn renew_seats(&mut self, epoch: u64) {
        for person in &mut self.state.people {
            if let Place::Seated(seat) = &mut person.place {
                seat.epoch = epoch;
            }
        }
    }

    /// Whoever reports it late, after the other end or on another plan, is not wrong: nothing is left to do.
    pub(super) fn path_failed(&mut self, contact: ContactId, epoch: u64) -> Handled {
        let mut effects = Vec::new();
        let plan = self.media_plan(contact).ok_or(Refusal::NotInCall)?;
        if plan.epoch == epoch && plan.peer().is_some() {
            effects.push(Effect::Note { note: Note::PathFailed, contact });
            self.move_to_sfu(contact, &mut effects);
        }
        Ok(effects)
    }

    fn note_join(&mut self, by_invitee: bool) {
        let together = self.seated().len();
        self.state.phase = match self.state.phase {
            Phase::Planned { ring_at } => {
                Phase::Started { most_together: together, invitee_joined: by_invitee, alone_since: None, ring_at }
            }
            Phase::Started { most_together, invitee_joined, alone_since, ring_at } => Phase::Started {
                most_together: most_together.max(together),
                invitee_joined: invitee_joined || by_invitee,
                alone_since,
                ring_at,
            },
            Phase::Ended { reason } => Phase::Ended { reason },
        };
    }

    pub(super) fn decline(&mut self, contact: ContactId) -> Handled {
        let mut effects = Vec::new();
        let person = self.known(contact)?.clone();
        let open = match person.role {
            PersonRole::Creator => matches!(person.place, Place::Ringing { .. }),
            PersonRole::Invitee { .. } => {
                matches!(person.place, Place::Ringing { .. } | Place::Waiting | Place::Unanswered)
            }
            PersonRole::Broker => false,
        };
        // Another device may have answered, or the ring run out, while the refusal was on its way.
        if open && !self.has_ended() {
            self.stop_ring(contact, Place::Declined, RingEnd::Declined, &mut effects);
            effects.push(Effect::Log { kind: LogKind::Declined, contact });
        }
        Ok(effects)
    }

    pub(super) fn leave(&mut self, contact: ContactId) -> Handled {
        let mut effects = Vec::new();
        self.known(contact)?;
        if self.is_seated(contact) {
            let ends = self.most_together() <= 2 && !self.goes_on_without(contact);
            self.stand_up(contact, &mut effects);
            if ends || (self.seated().is_empty() && !self.is_promised()) {
                self.end(EndReason::HungUp, contact, &mut effects);
            }
        }
        Ok(effects)
    }

    pub(super) fn end_for_all(&mut self, by: ContactId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.has_ended() {
            self.end(EndReason::EndedForAll, by, &mut effects);
        }
        effects
    }

    pub(super) fn cancel(&mut self, by: ContactId) -> Handled {
        let mut effects = Vec::new();
        match self.state.phase {
            Phase::Planned { .. } => self.end(EndReason::Cancelled, by, &mut effects),
            Phase::Started { .. } => return Err(Refusal::AlreadyStarted),
            Phase::Ended { .. } => return Err(Refusal::Ended),
        }
        Ok(effects)
    }

    pub(super) fn connection_lost(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        contact: ContactId,
        device: DeviceId,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(seat) = self.seat_on(contact, device).filter(|seat| seat.lost_until.is_none()) {
            self.set_place(contact, Place::Seated(Seat { lost_until: Some(now + policy.seat), ..seat }));
            effects.push(Effect::Note { note: Note::ConnectionLost, contact });
        }
        effects
    }

    pub(super) fn connection_back(&mut self, contact: ContactId, device: DeviceId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(seat) = self.seat_on(contact, device).filter(|seat| seat.lost_until.is_some()) {
            self.set_place(contact, Place::Seated(Seat { lost_until: None, ..seat }));
            effects.push(Effect::Note { note: Note::Reconnected, contact });
        }
        effects
    }

    /// Connections did not survive; nobody is to lose a ring or a seat to the outage.
    pub(super) fn recovered(&mut self, policy: &Policy, now: Timestamp) -> Vec<Effect> {
        let (ring_until, held_until) = (now + policy.grace, now + policy.seat);
        self.spare_request(ring_until);
        // Media peer to peer have noticed nothing; the SFU's connections went with the server.
        if self.state.terms.technology == Technology::Sfu && !self.has_ended() && !self.seated().is_empty() {
            let epoch = self.next_epoch();
            self.renew_seats(epoch);
        }
        for person in &mut self.state.people {
            match &mut person.place {
                Place::Ringing { until } => *until = (*until).max(ring_until),
                Place::Seated(seat) => {
                    seat.lost_until = Some(seat.lost_until.map_or(held_until, |until| until.max(held_until)));
                }
                Place::Waiting
                | Place::Unanswered
                | Place::Declined
                | Place::Missed
                | Place::Silenced
                | Place::Left => {}
            }
        }
        self.spare_successors(ring_until);
        if let Phase::Started { alone_since, .. } = &mut self.state.phase {
            *alone_since = None;
        }
        Vec::new()
    }

    pub(super) fn stand_up(&mut self, contact: ContactId, effects: &mut Vec<Effect>) {
        self.set_place(contact, Place::Left);
        self.state.epoch += 1;
        effects.push(Effect::Log { kind: LogKind::Leave, contact });
    }

    /// Writes one `Leave` for everybody still in the call, stops all rings, then writes `Ended`.
    pub(super) fn end(&mut self, reason: EndReason, by: ContactId, effects: &mut Vec<Effect>) {
        for ring in self.rings() {
            self.stop_ring(ring.contact, Place::Silenced, RingEnd::CallEnded, effects);
        }
        for (contact, _) in self.seated() {
            self.stand_up(contact, effects);
        }
        self.state.phase = Phase::Ended { reason };
        self.state.hunts.clear();
        self.state.successors.clear();
        effects.push(Effect::Note { note: Note::Ended(reason), contact: by });
        effects.push(Effect::Log { kind: LogKind::Ended, contact: by });
    }

    pub(super) fn set_place(&mut self, contact: ContactId, place: Place) {
        if let Some(person) = self.state.people.iter_mut().find(|p| p.contact == contact) {
            person.place = place;
        }
    }

    /// Somebody with a place in the call; a broker has none, be it invited or not.
    pub(super) fn known(&self, contact: ContactId) -> Result<&Person, Refusal> {
        if self.is_broker(contact) {
            return Err(Refusal::BrokerHasNoSeat);
        }
        let person = self.person(contact).ok_or(Refusal::NotInvited)?;
        if person.role == PersonRole::Broker { Err(Refusal::BrokerHasNoSeat) } else { Ok(person) }
    }

    pub(super) fn refuse_if_ended(&self) -> Result<(), Refusal> {
        if self.has_ended() { Err(Refusal::Ended) } else { Ok(()) }
    }
}
