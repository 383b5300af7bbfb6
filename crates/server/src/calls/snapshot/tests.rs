//! What is saved comes back as it was, and so does what older servers saved.

use farhand_domain::{
    call::{Claim, HandOver, Hunt, Line, Promise, Request, Stage, Successor},
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
    let roles = [PersonRole::Creator, PersonRole::Invitee { ring_for: Duration::from_secs(45) }, PersonRole::Broker];
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
        let successors = successors.map(|(stage, after)| Successor { team: TeamId(8), of: team.clone(), after, stage });
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
