//! How a service request is saved, and that a call is being handed over.

use farhand_domain::{
    call::{Claim, HandOver, Line, Promise, Request},
    ids::{ContactId, TeamId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct SavedRequest {
    lines: Vec<SavedLine>,
    expires_at: i64,
    /// None: it is open.
    claimed_by: Option<i64>,
    promise: Option<SavedPromise>,
}

#[derive(Serialize, Deserialize)]
struct SavedLine {
    team: i64,
    since: i64,
    entered: bool,
}

#[derive(Serialize, Deserialize)]
struct SavedPromise {
    by: i64,
    due: i64,
    reminded: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SavedHandOver {
    from: i64,
    to: Option<i64>,
}

impl SavedRequest {
    pub(super) fn of(request: &Request) -> Self {
        let line = |line: &Line| SavedLine { team: line.team.0, since: line.since.as_millis(), entered: line.entered };
        Self {
            lines: request.lines.iter().map(line).collect(),
            expires_at: request.expires_at.as_millis(),
            claimed_by: match request.claim {
                Claim::Open => None,
                Claim::By(contact) => Some(contact.0),
            },
            promise: request.promise.map(|promise| SavedPromise {
                by: promise.by.0,
                due: promise.due.as_millis(),
                reminded: promise.reminded,
            }),
        }
    }

    pub(super) fn read(self) -> Request {
        let at = Timestamp::from_millis;
        let line = |line: SavedLine| Line { team: TeamId(line.team), since: at(line.since), entered: line.entered };
        Request {
            lines: self.lines.into_iter().map(line).collect(),
            expires_at: at(self.expires_at),
            claim: self.claimed_by.map_or(Claim::Open, |contact| Claim::By(ContactId(contact))),
            promise: self.promise.map(|promise| Promise {
                by: ContactId(promise.by),
                due: at(promise.due),
                reminded: promise.reminded,
            }),
        }
    }
}

impl SavedHandOver {
    pub(super) fn of(hand_over: HandOver) -> Self {
        Self { from: hand_over.from.0, to: hand_over.to.map(|to| to.0) }
    }

    pub(super) fn read(self) -> HandOver {
        HandOver { from: ContactId(self.from), to: self.to.map(ContactId) }
    }
}
