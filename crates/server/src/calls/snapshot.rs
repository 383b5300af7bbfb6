//! A call's state as the text that stands in the database. Own types, so that neither a rename in the domain nor serde's
//! needs there can change what older databases hold.

mod request;

use std::time::Duration;

use farhand_domain::{
    call::{
        EndReason, HandOver, Hunt, Person, PersonRole, Phase, Place, Seat, Stage, State, Successor, Technology, Terms,
    },
    ids::{ContactId, DeviceId, TeamId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use request::SavedRequest;

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
struct SavedHunt {
    team: i64,
    order: Vec<i64>,
    each_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedSuccessor {
    team: i64,
    of: Vec<i64>,
    after_ms: Option<u64>,
    stage: SavedStage,
}

#[derive(Serialize, Deserialize)]
enum SavedStage {
    Waits,
    From { at: i64 },
    Due { until: i64 },
}

#[derive(Serialize, Deserialize)]
struct SavedHandOver {
    from: i64,
    to: Option<i64>,
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
        hand_over: state.hand_over.map(|it| SavedHandOver { from: it.from.0, to: it.to.map(|to| to.0) }),
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
    let hand_over = saved.hand_over.map(|it| HandOver { from: ContactId(it.from), to: it.to.map(ContactId) });
    Ok(State {
        terms,
        phase: read_phase(saved.phase),
        people,
        epoch: saved.epoch,
        joins: saved.joins,
        hunts: saved.hunts.into_iter().map(read_hunt).collect(),
        successors: saved.successors.into_iter().map(read_successor).collect(),
        hand_over,
    })
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn ids(contacts: &[ContactId]) -> Vec<i64> {
    contacts.iter().map(|contact| contact.0).collect()
}

fn write_hunt(Hunt { team, order, each }: &Hunt) -> SavedHunt {
    SavedHunt { team: team.0, order: ids(order), each_ms: whole_millis(*each) }
}

fn read_hunt(SavedHunt { team, order, each_ms }: SavedHunt) -> Hunt {
    let order = order.into_iter().map(ContactId).collect();
    Hunt { team: TeamId(team), order, each: Duration::from_millis(each_ms) }
}

fn write_successor(Successor { team, of, after, stage }: &Successor) -> SavedSuccessor {
    let stage = match *stage {
        Stage::Waits => SavedStage::Waits,
        Stage::From { at } => SavedStage::From { at: at.as_millis() },
        Stage::Due { until } => SavedStage::Due { until: until.as_millis() },
    };
    SavedSuccessor { team: team.0, of: ids(of), after_ms: after.map(whole_millis), stage }
}

fn read_successor(SavedSuccessor { team, of, after_ms, stage }: SavedSuccessor) -> Successor {
    let stage = match stage {
        SavedStage::Waits => Stage::Waits,
        SavedStage::From { at } => Stage::From { at: Timestamp::from_millis(at) },
        SavedStage::Due { until } => Stage::Due { until: Timestamp::from_millis(until) },
    };
    let of = of.into_iter().map(ContactId).collect();
    Successor { team: TeamId(team), of, after: after_ms.map(Duration::from_millis), stage }
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

#[cfg(test)]
mod tests {
    use farhand_domain::{
        call::{Claim, Line, Promise, Request},
        ids::TeamId,
    };

    use super::*;

    #[test]
    fn every_kind_of_state_comes_back_as_it_was_saved() {
        let at = Timestamp::from_millis;
        let places = [
            Place::Waiting,
            Place::Ringing { until: at(5) },
            Place::Unanswered,
            Place::Seated(Seat { device: DeviceId(7), order: 3, lost_until: Some(at(9)), epoch: 2 }),
            Place::Declined,
            Place::Missed,
            Place::Silenced,
            Place::Left,
        ];
        let roles =
            [PersonRole::Creator, PersonRole::Invitee { ring_for: Duration::from_secs(45) }, PersonRole::Broker];
        let people = (1..).map(ContactId).zip(places).zip(roles.into_iter().cycle());
        let people: Vec<_> = people.map(|((contact, place), role)| Person { contact, role, place }).collect();
        let phases = [
            Phase::Planned { ring_at: Some(at(4)) },
            Phase::Started { most_together: 2, invitee_joined: true, alone_since: Some(at(1)), ring_at: None },
            Phase::Ended { reason: EndReason::NobodyCame },
        ];
        for phase in phases {
            let terms = Terms {
                technology: Technology::Mesh,
                creator: ContactId(1),
                maker: ContactId(2),
                brokered: true,
                popup: false,
                planned_at: Some(at(100)),
                created_at: at(50),
                request: None,
            };
            let team = vec![ContactId(3), ContactId(2)];
            let hunts = vec![Hunt { team: TeamId(7), order: team.clone(), each: Duration::from_secs(20) }];
            let stages = [Stage::Waits, Stage::From { at: at(8) }, Stage::Due { until: at(9) }];
            let after = [None, Some(Duration::from_secs(30)), None];
            let successors = stages.into_iter().zip(after);
            let successors =
                successors.map(|(stage, after)| Successor { team: TeamId(8), of: team.clone(), after, stage });
            let successors = successors.collect();
            let people = people.clone();
            let state = State { terms, phase, people, epoch: 6, joins: 4, hunts, successors, hand_over: None };
            assert_eq!(read(&write(&state).unwrap()).unwrap(), state);
        }
    }

    #[test]
    fn a_state_of_a_version_without_turns_is_taken_up() {
        let text = r#"{"version":1,"technology":"Mesh","creator":1,"maker":1,"brokered":false,"popup":true,
            "planned_at":null,"created_at":0,"phase":{"Planned":{"ring_at":null}},"people":[],"epoch":0,"joins":0}"#;
        let state = read(text).unwrap();
        assert!(state.hunts.is_empty() && state.successors.is_empty());
    }

    #[test]
    fn a_service_request_comes_back_as_it_was_saved_however_it_stands() {
        let at = Timestamp::from_millis;
        let line = |team, since, entered| Line { team: TeamId(team), since: at(since), entered };
        let promise = Promise { by: ContactId(3), due: at(70), reminded: true };
        let hand_over = HandOver { from: ContactId(2), to: Some(ContactId(3)) };
        let kinds = [
            (Claim::Open, None, None),
            (Claim::By(ContactId(2)), Some(promise), Some(hand_over)),
            (Claim::Open, Some(promise), Some(HandOver { to: None, ..hand_over })),
        ];
        for (claim, promise, hand_over) in kinds {
            let lines = vec![line(4, 50, true), line(5, 60, false)];
            let terms = Terms {
                technology: Technology::Sfu,
                creator: ContactId(1),
                maker: ContactId(1),
                brokered: false,
                popup: true,
                planned_at: None,
                created_at: at(50),
                request: Some(Request { lines, expires_at: at(90), claim, promise }),
            };
            let phase = Phase::Ended { reason: EndReason::Expired };
            let (people, hunts, successors) = (Vec::new(), Vec::new(), Vec::new());
            let state = State { terms, phase, people, epoch: 6, joins: 4, hunts, successors, hand_over };
            assert_eq!(read(&write(&state).unwrap()).unwrap(), state);
        }
    }

    #[test]
    fn a_call_that_an_older_server_saved_is_no_request() {
        let text = r#"{"version":1,"technology":"Mesh","creator":1,"maker":1,"brokered":false,"popup":true,
            "planned_at":null,"created_at":0,"phase":{"Planned":{"ring_at":null}},"people":[],"epoch":0,"joins":0}"#;
        let state = read(text).unwrap();
        assert_eq!((state.terms.request, state.hand_over), (None, None));
    }

    #[test]
    fn a_state_of_a_newer_version_is_refused_not_guessed() {
        let text = r#"{"version":99,"technology":"Mesh","creator":1,"maker":1,"brokered":false,"popup":true,
            "planned_at":null,"created_at":0,"phase":{"Planned":{"ring_at":null}},"people":[],"epoch":0,"joins":0}"#;
        assert!(matches!(read(text), Err(SnapshotError::Newer(99))));
    }
}
