//! What can be read off a call.

use super::{Call, Person, PersonRole, Phase, Place, Seat, Technology};
use crate::{
    ids::{ContactId, DeviceId},
    time::Timestamp,
};

/// Somebody who should be ringing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ring {
    pub contact: ContactId,
    pub until: Timestamp,
    pub popup: bool,
}

/// How one person's media flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MediaPlan {
    pub epoch: u64,
    pub path: Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    PeerToPeer {
        /// The other end, if there is one yet.
        peer: Option<ContactId>,
        /// Exactly one of two ends offers: whoever sat down first, whose camera runs already.
        offerer: bool,
    },
    Sfu,
}

impl MediaPlan {
    /// The other end of a connection peer to peer.
    pub fn peer(&self) -> Option<ContactId> {
        match self.path {
            Path::PeerToPeer { peer, .. } => peer,
            Path::Sfu => None,
        }
    }
}

impl Call {
    pub fn creator(&self) -> ContactId {
        self.state.terms.creator
    }

    pub fn maker(&self) -> ContactId {
        self.state.terms.maker
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.state.phase, Phase::Ended { .. })
    }

    /// Planned for a time to come: nobody is in it or rung, and until its next deadline nothing happens by itself.
    pub fn waits_for_its_time(&self) -> bool {
        let planned = matches!(self.state.phase, Phase::Planned { ring_at: Some(_) });
        let quiet = |person: &Person| !matches!(person.place, Place::Ringing { .. } | Place::Seated(_));
        planned && self.state.terms.request.is_none() && self.state.people.iter().all(quiet)
    }

    pub fn person(&self, contact: ContactId) -> Option<&Person> {
        self.state.people.iter().find(|p| p.contact == contact)
    }

    pub fn place(&self, contact: ContactId) -> Option<Place> {
        self.person(contact).map(|p| p.place)
    }

    pub fn seat(&self, contact: ContactId) -> Option<Seat> {
        match self.place(contact)? {
            Place::Seated(seat) => Some(seat),
            Place::Waiting
            | Place::Ringing { .. }
            | Place::Unanswered
            | Place::Declined
            | Place::Missed
            | Place::Silenced
            | Place::Left => None,
        }
    }

    pub fn is_seated(&self, contact: ContactId) -> bool {
        self.seat(contact).is_some()
    }

    /// Everybody in the call, in the order they joined.
    pub fn seated(&self) -> Vec<(ContactId, Seat)> {
        let mut seated: Vec<_> =
            self.state.people.iter().filter_map(|p| Some((p.contact, self.seat(p.contact)?))).collect();
        seated.sort_by_key(|(_, seat)| seat.order);
        seated
    }

    pub fn rings(&self) -> Vec<Ring> {
        let ring = |p: &Person| match p.place {
            // The creator's ring always pops up: somebody is in the call and waits.
            Place::Ringing { until } => {
                let popup = self.state.terms.popup || p.contact == self.creator();
                Some(Ring { contact: p.contact, until, popup })
            }
            Place::Waiting
            | Place::Unanswered
            | Place::Seated(_)
            | Place::Declined
            | Place::Missed
            | Place::Silenced
            | Place::Left => None,
        };
        self.state.people.iter().filter_map(ring).collect()
    }

    pub fn is_through_sfu(&self) -> bool {
        self.state.terms.technology == Technology::Sfu
    }

    /// There while the person is in the call.
    pub fn media_plan(&self, contact: ContactId) -> Option<MediaPlan> {
        let own = self.seat(contact)?;
        match self.state.terms.technology {
            Technology::Mesh => {
                let peer = self.seated().into_iter().find(|(other, _)| *other != contact);
                let offerer = peer.is_some_and(|(_, seat)| own.order < seat.order);
                let path = Path::PeerToPeer { peer: peer.map(|(other, _)| other), offerer };
                Some(MediaPlan { epoch: self.state.epoch, path })
            }
            Technology::Sfu => Some(MediaPlan { epoch: own.epoch, path: Path::Sfu }),
        }
    }

    /// Whether a signal from one device may pass to another person: both in the call, on the current plan.
    pub fn seat_on(&self, contact: ContactId, device: DeviceId) -> Option<Seat> {
        self.seat(contact).filter(|seat| seat.device == device)
    }

    /// Whoever made the call for somebody else. Among the people only if invited as well.
    pub(super) fn is_broker(&self, contact: ContactId) -> bool {
        self.state.terms.brokered && contact == self.maker()
    }

    pub(super) fn invitees(&self) -> impl Iterator<Item = &Person> {
        self.state.people.iter().filter(|p| matches!(p.role, PersonRole::Invitee { .. }))
    }

    pub(super) fn invitee_has_joined(&self) -> bool {
        matches!(self.state.phase, Phase::Started { invitee_joined: true, .. })
    }

    pub(super) fn most_together(&self) -> usize {
        match self.state.phase {
            Phase::Started { most_together, .. } => most_together,
            Phase::Planned { .. } | Phase::Ended { .. } => 0,
        }
    }
}
