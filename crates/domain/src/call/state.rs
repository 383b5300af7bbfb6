//! What a call consists of, as plain values: enough to save it and to take it up again.

use std::time::Duration;

use super::{HandOver, Hunt, Request, Successor};
use crate::{
    ids::{ContactId, DeviceId},
    time::Timestamp,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Technology {
    Mesh,
    Sfu,
}

/// What is settled when a call is made; only the technology, the planned time and how a service request stands may change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Terms {
    pub technology: Technology,
    pub creator: ContactId,
    /// Who asked for the call: the creator, or a broker.
    pub maker: ContactId,
    /// Made on behalf of the creator by somebody else.
    pub brokered: bool,
    /// False: rings are listed, they do not pop up.
    pub popup: bool,
    pub planned_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// A service request: it waits until somebody claims it.
    pub request: Option<Request>,
}

/// The whole state, open for saving and restoring; only [`super::Call`] changes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub terms: Terms,
    pub phase: Phase,
    /// The creator first, then invitees in order, brokers last of their request.
    pub people: Vec<Person>,
    /// Rises whenever an end of the media changes. Peer to peer it is the epoch of both ends; with the SFU each seat keeps the one its
    /// connection was made with.
    pub epoch: u64,
    /// Joins so far, to order seats.
    pub joins: u32,
    /// Teams whose people are rung one after another.
    pub hunts: Vec<Hunt>,
    /// Teams that are asked if others do not answer.
    pub successors: Vec<Successor>,
    /// Somebody is about to give the call to somebody else.
    pub hand_over: Option<HandOver>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nobody has joined. Rings start at `ring_at`; `None` once they have.
    Planned {
        ring_at: Option<Timestamp>,
    },
    Started {
        most_together: usize,
        invitee_joined: bool,
        alone_since: Option<Timestamp>,
        ring_at: Option<Timestamp>,
    },
    Ended {
        reason: EndReason,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    HungUp,
    EndedForAll,
    Missed,
    Declined,
    ConnectionLost,
    Alone,
    NobodyCame,
    /// Called off before anybody had joined.
    Cancelled,
    /// A service request nobody claimed in time.
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    pub contact: ContactId,
    pub role: PersonRole,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PersonRole {
    Creator,
    Invitee {
        ring_for: Duration,
    },
    /// Counts as nobody: reads the call, has no seat.
    Broker,
}

/// Where a person stands in the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Not rung yet.
    Waiting,
    Ringing {
        until: Timestamp,
    },
    /// Rang in a planned call that is still open.
    Unanswered,
    Seated(Seat),
    Declined,
    Missed,
    /// Somebody else took the call; may still join.
    Silenced,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seat {
    pub device: DeviceId,
    /// Which join of the call this was.
    pub order: u32,
    /// Set while the connection is lost: when the seat is given up.
    pub lost_until: Option<Timestamp>,
    /// The epoch of this seat's connection to the SFU.
    pub epoch: u64,
}
