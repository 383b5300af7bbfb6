//! Handing a call over while it goes on.

use farhand_protocol::{
    ErrorCode,
    call::CallLog,
    frame::{PersonState, Seat},
    statistics::CallStatistics,
};
use farhand_testkit::{Account, Device, Server, json};
use uuid::Uuid;

use crate::requests::{claim, queue, request_for, team};

/// An expert has claimed a request and talks to the technician.
struct Talk {
    server: Server,
    technician: Account,
    expert: Account,
    other: Account,
    head: Device,
    desk: Device,
    call_id: Uuid,
}

impl Talk {
    async fn start() -> Self {
        let server = Server::start().await;
        let (technician, expert, other) =
            (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
        let pumps = team(&server, "Pumps", &[&expert]).await;
        let (mut head, mut desk) = (technician.device().await, expert.device().await);
        let mut request = request_for(&pumps);
        request["callType"] = json!("MESH");
        let call_id = technician.create_call(request).await.call_id;
        claim(&expert, call_id).await.json();
        desk.join(call_id).await;
        head.ring(call_id).await;
        head.join(call_id).await;
        Self { server, technician, expert, other, head, desk, call_id }
    }

    async fn hand_over(&self, by: &Account, to: serde_json::Value) -> farhand_testkit::Answer {
        let mut body = json!({"callId": self.call_id, "note": "the valve is shut already"});
        body.as_object_mut().unwrap().extend(to.as_object().unwrap().clone());
        by.post("/rtc/handOverCall", body).await
    }
}

#[tokio::test]
async fn a_colleague_is_rung_and_has_the_call_when_joining_with_what_was_said() {
    let mut talk = Talk::start().await;
    let mut next = talk.other.device().await;
    talk.hand_over(&talk.expert, json!({"contact": talk.other.invited()})).await.json();
    next.ring(talk.call_id).await;
    assert_eq!(talk.expert.events(talk.call_id).await, ["Created", "Claimed", "Join", "Join"], "still there");
    let joined = next.join(talk.call_id).await;
    assert_eq!((joined.seat, joined.people.len()), (Seat::Here, 3));
    let log: CallLog = talk.other.call_log(talk.call_id).await;
    let kinds: Vec<_> = log.call_events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["Created", "Claimed", "Join", "Join", "Leave", "Join"]);
    let said: Vec<_> = log.call_history.iter().filter(|item| item.kind == "Note").map(|item| &item.reason).collect();
    assert_eq!(said, [&Some("the valve is shut already".to_owned())]);
    assert!(log.call_history.iter().any(|item| item.kind == "HandedOver"));
    let whys: Vec<_> = log.call_statistics.iter().map(|CallStatistics { why, .. }| why.as_str()).collect();
    assert_eq!(whys, ["handedOver"]);
    talk.desk.call(talk.call_id, "the call without a seat", |call| call.seat == Seat::None).await;
    let new = joined.you.unwrap();
    talk.head.person(talk.call_id, new, PersonState::Joined).await;
    next.leave(talk.call_id).await;
    talk.head.ended(talk.call_id).await;
}

#[tokio::test]
async fn a_team_takes_it_from_its_queue() {
    let mut talk = Talk::start().await;
    let motors = team(&talk.server, "Motors", &[&talk.other]).await;
    let mut next = talk.other.device().await;
    talk.hand_over(&talk.expert, json!({"team": {"name": "Motors"}})).await.json();
    let seen = queue(&mut next, "the call", |queue| !queue.requests.is_empty()).await;
    assert_eq!((seen.team.id, seen.requests[0].hand_over), (Some(motors.id), true));
    claim(&talk.other, talk.call_id).await.json();
    next.ring(talk.call_id).await;
    next.join(talk.call_id).await;
    let kinds = talk.technician.events(talk.call_id).await;
    assert_eq!(kinds, ["Created", "Claimed", "Join", "Join", "Claimed", "Leave", "Join"]);
    talk.desk.call(talk.call_id, "the call without a seat", |call| call.seat == Seat::None).await;
}

#[tokio::test]
async fn an_ordinary_call_can_be_handed_over_to_a_team_as_well() {
    let server = Server::start().await;
    let (caller, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    team(&server, "Motors", &[&other]).await;
    let (mut here, mut there, mut next) = (caller.device().await, expert.device().await, other.device().await);
    let call_id = here.create_call(json!({"callType": "MESH", "invitedContacts": [expert.invited()]})).await.call_id;
    there.ring(call_id).await;
    there.join(call_id).await;
    claim(&other, call_id).await.refused(ErrorCode::CallNotFound);
    expert.post("/rtc/handOverCall", json!({"callId": call_id, "team": {"name": "Motors"}})).await.json();
    queue(&mut next, "the call", |queue| !queue.requests.is_empty()).await;
    claim(&other, call_id).await.json();
    next.ring(call_id).await;
    next.join(call_id).await;
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Join", "Claimed", "Leave", "Join"]);
    here.leave(call_id).await;
    next.ended(call_id).await;
}

#[tokio::test]
async fn a_colleague_who_declines_leaves_the_call_where_it_is() {
    let mut talk = Talk::start().await;
    let mut next = talk.other.device().await;
    talk.hand_over(&talk.expert, json!({"contact": talk.other.invited()})).await.json();
    next.ring(talk.call_id).await;
    next.decline(talk.call_id).await;
    let log = talk.technician.call_log(talk.call_id).await;
    assert!(log.call_history.iter().any(|item| item.kind == "HandOverFailed"));
    talk.desk.leave(talk.call_id).await;
    talk.head.ended(talk.call_id).await;
}

#[tokio::test]
async fn only_an_expert_in_the_call_hands_it_over_to_one_contact_or_one_team() {
    let talk = Talk::start().await;
    let to = json!({"contact": talk.other.invited()});
    talk.hand_over(&talk.technician, to.clone()).await.refused(ErrorCode::Forbidden);
    talk.hand_over(&talk.other, to.clone()).await.refused(ErrorCode::CallNotFound);
    talk.hand_over(&talk.server.login("admin").await, to).await.refused(ErrorCode::Forbidden);
    talk.hand_over(&talk.expert, json!({})).await.refused_at(ErrorCode::InvalidField, "/contact");
    let unknown = json!({"contact": {"userDbId": 999_999}});
    talk.hand_over(&talk.expert, unknown).await.refused_at(ErrorCode::UnknownContact, "/contact");
    let unknown = json!({"team": {"id": 999_999}});
    talk.hand_over(&talk.expert, unknown).await.refused_at(ErrorCode::UnknownTeam, "/team");
}
