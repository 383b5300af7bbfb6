//! What the log and the history have said so far, boiled down to what the invariants ask.

use crate::{
    call::{Effect, LogKind, Note},
    ids::ContactId,
};

/// A small set of contacts; those of the tests have single-digit ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Contacts(u16);

impl Contacts {
    pub(super) fn of(contacts: impl IntoIterator<Item = ContactId>) -> Self {
        let mut all = Self::default();
        for contact in contacts {
            all.insert(contact);
        }
        all
    }

    pub(super) fn insert(&mut self, contact: ContactId) {
        self.0 |= Self::bit(contact);
    }

    pub(super) fn remove(&mut self, contact: ContactId) {
        self.0 &= !Self::bit(contact);
    }

    pub(super) fn contains(self, contact: ContactId) -> bool {
        self.0 & Self::bit(contact) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(contact: ContactId) -> u16 {
        1 << contact.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each asked for by itself")]
pub(super) struct Trail {
    pub(super) begun: bool,
    pub(super) started: bool,
    pub(super) invitee_joined: bool,
    pub(super) ended: bool,
    /// Joined and not left since.
    pub(super) inside: Contacts,
    /// `RingStarted` without `RingEnded`.
    pub(super) ringing: Contacts,
}

impl Trail {
    pub(super) fn follow(&mut self, effect: &Effect, creator: ContactId) {
        match *effect {
            Effect::Log { kind, contact } => self.follow_log(kind, contact, creator),
            Effect::Note { note, contact } => self.follow_note(note, contact),
            Effect::SeatMoved { .. } => {}
        }
    }

    fn follow_log(&mut self, kind: LogKind, contact: ContactId, creator: ContactId) {
        match kind {
            LogKind::Created => self.begun = true,
            LogKind::Join => {
                self.started = true;
                self.invitee_joined |= contact != creator;
                self.inside.insert(contact);
            }
            LogKind::Leave => self.inside.remove(contact),
            LogKind::Ended => self.ended = true,
            LogKind::Declined | LogKind::Missed | LogKind::TypeChanged | LogKind::Claimed => {}
        }
    }

    fn follow_note(&mut self, note: Note, contact: ContactId) {
        match note {
            Note::RingStarted => self.ringing.insert(contact),
            Note::RingEnded(_) => self.ringing.remove(contact),
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
            | Note::Ended(_) => {}
        }
    }
}
