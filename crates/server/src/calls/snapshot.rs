//! A call's state as the text that stands in the database. Own types, so that neither a rename in the domain nor serde's
//! needs there can change what older databases hold.

mod hunts;
mod request;

#[cfg(test)]
mod tests;

use std::time::Duration;

use farhand_domain::{
    call::{EndReason, Person, PersonRole, Phase, Place, Seat, State, Technology, Terms},
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use hunts::{SavedHunt, SavedSuccessor, read_hunt, read_successor, write_hunt, write_successor};
use request::{SavedHandOver, SavedRequest};

/// Raised when an older server could not read the text.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    technology: SavedTechnology,
    creator: i64,
    maker: i64,
    brokered: bool,
    popup: bool,
    planned_at: Option<i64>,
    created_at: i64,
    phase: SavedPhase,
    people: Vec<SavedPerson>,
    epoch: u64,
    joins: u32,
    #[serde(default)]
    hunts: Vec<SavedHunt>,
    #[serde(default)]
    successors: Vec<SavedSuccessor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<SavedRequest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hand_over: Option<SavedHandOver>,
}

#[derive(Serialize, Deserialize)]
enum SavedTechnology {
    Mesh,
    Sfu,
}

#[derive(Serialize, Deserialize)]
enum SavedPhase {
    Planned { ring_at: Option<i64> },
    Started { most_together: usize, invitee_joined: bool, alone_since: Option<i64>, ring_at: Option<i64> },
    Ended { reason: SavedEnd },
}

#[derive(Serialize, Deserialize)]
enum SavedEnd {
    HungUp,
    EndedForAll,
    Missed,
    Declined,
    ConnectionLost,
    Alone,
    NobodyCame,
    Cancelled,
    Expired,
}

#[derive(Serialize, Deserialize)]
struct SavedPerson {
    contact: i64,
    role: SavedRole,
    place: SavedPlace,
}

#[derive(Serialize, Deserialize)]
enum SavedRole {
    Creator,
    Invitee { ring_ms: u64 },
    Broker,
}

#[derive(Serialize, Deserialize)]
enum SavedPlace {
    Waiting,
    Ringing {
        until: i64,
    },
    Unanswered,
    Seated {
        device: Uuid,
        order: u32,
        lost_until: Option<i64>,
        #[serde(default)]
        epoch: u64,
    },
    Declined,
    Missed,
    Silenced,
    Left,
}

/// Why a saved call cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the saved call cannot be read or written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the call was saved by a newer version ({0})")]
    Newer(u32),
}

pub fn write(state: &State) -> Result<String, SnapshotError> {
    let terms = &state.terms;
    let saved = Saved {
        version: VERSION,
        technology: match terms.technology {
            Technology::Mesh => SavedTechnology::Mesh,
            Technology::Sfu => SavedTechnology::Sfu,
        },
        creator: terms.creator.0,
        maker: terms.maker.0,
        brokered: terms.brokered,
        popup: terms.popup,
        planned_at: millis(terms.planned_at),
        created_at: terms.created_at.as_millis(),
        phase: write_phase(&state.phase),
        people: state.people.iter().map(write_person).collect(),
        epoch: state.epoch,
        joins: state.joins,
        hunts: state.hunts.iter().map(write_hunt).collect(),
        successors: state.successors.iter().map(write_successor).collect(),
        request: terms.request.as_ref().map(SavedRequest::of),
        hand_over: state.hand_over.map(SavedHandOver::of),
    };
    Ok(serde_json::to_string(&saved)?)
}

pub fn read(text: &str) -> Result<State, SnapshotError> {
    let saved: Saved = serde_json::from_str(text)?;
    if saved.version > VERSION {
        return Err(SnapshotError::Newer(saved.version));
    }
    let terms = Terms {
        technology: match saved.technology {
            SavedTechnology::Mesh => Technology::Mesh,
            SavedTechnology::Sfu => Technology::Sfu,
        },
        creator: ContactId(saved.creator),
        maker: ContactId(saved.maker),
        brokered: saved.brokered,
        popup: saved.popup,
        planned_at: saved.planned_at.map(Timestamp::from_millis),
        created_at: Timestamp::from_millis(saved.created_at),
        request: saved.request.map(SavedRequest::read),
    };
    let people = saved.people.iter().map(read_person).collect();
    Ok(State {
        terms,
        phase: read_phase(saved.phase),
        people,
        epoch: saved.epoch,
        joins: saved.joins,
        hunts: saved.hunts.into_iter().map(read_hunt).collect(),
        successors: saved.successors.into_iter().map(read_successor).collect(),
        hand_over: saved.hand_over.map(SavedHandOver::read),
    })
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

fn write_phase(phase: &Phase) -> SavedPhase {
    match *phase {
        Phase::Planned { ring_at } => SavedPhase::Planned { ring_at: millis(ring_at) },
        Phase::Started { most_together, invitee_joined, alone_since, ring_at } => SavedPhase::Started {
            most_together,
            invitee_joined,
            alone_since: millis(alone_since),
            ring_at: millis(ring_at),
        },
        Phase::Ended { reason } => SavedPhase::Ended {
            reason: match reason {
                EndReason::HungUp => SavedEnd::HungUp,
                EndReason::EndedForAll => SavedEnd::EndedForAll,
                EndReason::Missed => SavedEnd::Missed,
                EndReason::Declined => SavedEnd::Declined,
                EndReason::ConnectionLost => SavedEnd::ConnectionLost,
                EndReason::Alone => SavedEnd::Alone,
                EndReason::NobodyCame => SavedEnd::NobodyCame,
                EndReason::Cancelled => SavedEnd::Cancelled,
                EndReason::Expired => SavedEnd::Expired,
            },
        },
    }
}

fn read_phase(phase: SavedPhase) -> Phase {
    let at = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    match phase {
        SavedPhase::Planned { ring_at } => Phase::Planned { ring_at: at(ring_at) },
        SavedPhase::Started { most_together, invitee_joined, alone_since, ring_at } => {
            Phase::Started { most_together, invitee_joined, alone_since: at(alone_since), ring_at: at(ring_at) }
        }
        SavedPhase::Ended { reason } => Phase::Ended {
            reason: match reason {
                SavedEnd::HungUp => EndReason::HungUp,
                SavedEnd::EndedForAll => EndReason::EndedForAll,
                SavedEnd::Missed => EndReason::Missed,
                SavedEnd::Declined => EndReason::Declined,
                SavedEnd::ConnectionLost => EndReason::ConnectionLost,
                SavedEnd::Alone => EndReason::Alone,
                SavedEnd::NobodyCame => EndReason::NobodyCame,
                SavedEnd::Cancelled => EndReason::Cancelled,
                SavedEnd::Expired => EndReason::Expired,
            },
        },
    }
}

fn write_person(person: &Person) -> SavedPerson {
    SavedPerson {
        contact: person.contact.0,
        role: match person.role {
            PersonRole::Creator => SavedRole::Creator,
            PersonRole::Invitee { ring_for } => SavedRole::Invitee { ring_ms: whole_millis(ring_for) },
            PersonRole::Broker => SavedRole::Broker,
        },
        place: match person.place {
            Place::Waiting => SavedPlace::Waiting,
            Place::Ringing { until } => SavedPlace::Ringing { until: until.as_millis() },
            Place::Unanswered => SavedPlace::Unanswered,
            Place::Seated(seat) => SavedPlace::Seated {
                device: Uuid::from_u128(seat.device.0),
                order: seat.order,
                lost_until: millis(seat.lost_until),
                epoch: seat.epoch,
            },
            Place::Declined => SavedPlace::Declined,
            Place::Missed => SavedPlace::Missed,
            Place::Silenced => SavedPlace::Silenced,
            Place::Left => SavedPlace::Left,
        },
    }
}

fn read_person(person: &SavedPerson) -> Person {
    Person {
        contact: ContactId(person.contact),
        role: match person.role {
            SavedRole::Creator => PersonRole::Creator,
            SavedRole::Invitee { ring_ms } => PersonRole::Invitee { ring_for: Duration::from_millis(ring_ms) },
            SavedRole::Broker => PersonRole::Broker,
        },
        place: match person.place {
            SavedPlace::Waiting => Place::Waiting,
            SavedPlace::Ringing { until } => Place::Ringing { until: Timestamp::from_millis(until) },
            SavedPlace::Unanswered => Place::Unanswered,
            SavedPlace::Seated { device, order, lost_until, epoch } => Place::Seated(Seat {
                device: DeviceId(device.as_u128()),
                order,
                lost_until: lost_until.map(Timestamp::from_millis),
                epoch,
            }),
            SavedPlace::Declined => Place::Declined,
            SavedPlace::Missed => Place::Missed,
            SavedPlace::Silenced => Place::Silenced,
            SavedPlace::Left => Place::Left,
        },
    }
}
