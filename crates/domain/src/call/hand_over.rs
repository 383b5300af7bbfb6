//! Giving a call to somebody else while it goes on: the successor is rung, or found in a team's queue, and whoever hands over leaves at
//! the moment the successor comes.

use super::{Call, Claim, Effect, Handled, Invitee, Line, Note, Place, Refusal, Request, RingEnd};
use crate::{ids::ContactId, policy::Policy, time::Timestamp};

/// A hand-over that is not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandOver {
    pub from: ContactId,
    /// None: whoever claims it.
    pub to: Option<ContactId>,
}

/// Who is to have the call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HandOverTo {
    Person(Invitee),
    /// Whoever claims it in these queues before it expires.
    Queue {
        lines: Vec<Line>,
        expires_at: Timestamp,
    },
}

impl Call {
    pub(super) fn begin_hand_over(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        from: ContactId,
        to: HandOverTo,
    ) -> Handled {
        self.refuse_if_ended()?;
        if !self.is_seated(from) || from == self.creator() {
            return Err(Refusal::NotInCall);
        }
        let mut effects = Vec::new();
        self.withdraw_hand_over(&mut effects);
        match to {
            HandOverTo::Person(to) => {
                if to.contact == self.creator() || to.contact == from {
                    return Err(Refusal::NotInvited);
                }
                self.add_people(&[to], &[]);
                self.known(to.contact)?;
                self.state.hand_over = Some(HandOver { from, to: Some(to.contact) });
                self.invite_one(policy, now, to, &mut effects)?;
                if self.is_seated(to.contact) {
                    self.make_way_for(to.contact, &mut effects);
                }
            }
            HandOverTo::Queue { lines, expires_at } => {
                self.state.terms.request = Some(Request { lines, expires_at, claim: Claim::Open, promise: None });
                self.state.hand_over = Some(HandOver { from, to: None });
            }
        }
        Ok(effects)
    }

    /// A hand-over by queue.
    pub(super) fn waits_for_successor(&self) -> bool {
        self.state.hand_over.is_some_and(|hand_over| hand_over.to.is_none())
    }

    /// Whoever hands over may go at once: the successor is on the way. So may a technician who is to be called back.
    pub(super) fn goes_on_without(&self, contact: ContactId) -> bool {
        let handed = self.state.hand_over.is_some_and(|hand_over| hand_over.from == contact);
        handed || (self.is_promised() && contact == self.creator())
    }

    /// The successor comes: whoever hands over leaves first, so that a call of two stays one.
    pub(super) fn make_way_for(&mut self, contact: ContactId, effects: &mut Vec<Effect>) {
        let Some(HandOver { from, to }) = self.state.hand_over else { return };
        let claimed = self.request().is_some_and(|request| request.claim == Claim::By(contact));
        if from == contact || !to.map_or(claimed, |to| to == contact) {
            return;
        }
        self.state.hand_over = None;
        if self.is_seated(from) {
            self.stand_up(from, effects);
        }
        effects.push(Effect::Note { note: Note::HandedOver, contact });
    }

    /// The successor does not come, or whoever hands over has taken the call back.
    pub(super) fn mend_hand_over(&mut self, effects: &mut Vec<Effect>) {
        let Some(HandOver { from, to }) = self.state.hand_over else { return };
        if self.has_ended() {
            self.state.hand_over = None;
            return;
        }
        let gone = to.is_some_and(|to| !matches!(self.place(to), Some(Place::Ringing { .. } | Place::Seated(_))));
        let taken_back = to.is_none() && self.request().is_some_and(|request| request.claim == Claim::By(from));
        if gone || taken_back {
            self.give_up_hand_over(effects);
        }
    }

    pub(super) fn give_up_hand_over(&mut self, effects: &mut Vec<Effect>) {
        let Some(HandOver { from, to }) = self.state.hand_over.take() else { return };
        if to.is_none() {
            self.set_claim(Claim::By(from));
        }
        effects.push(Effect::Note { note: Note::HandOverFailed, contact: from });
    }

    /// Another one takes its place.
    fn withdraw_hand_over(&mut self, effects: &mut Vec<Effect>) {
        let rung = self.state.hand_over.and_then(|hand_over| hand_over.to);
        self.give_up_hand_over(effects);
        if let Some(contact) = rung.filter(|contact| matches!(self.place(*contact), Some(Place::Ringing { .. }))) {
            self.stop_ring(contact, Place::Silenced, RingEnd::TakenByOther, effects);
        }
    }
}
