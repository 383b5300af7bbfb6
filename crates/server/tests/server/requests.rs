//! Service requests: what waits, who may claim it, and that one does.
#![expect(clippy::wildcard_enum_match_arm, reason = "frames of other types are passed over")]

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    admin::TeamRecord,
    call::{CallLog, CallStatus},
    frame::{PersonState, ServerFrame},
    request::{QueuePlace, RequestState, ServiceRequest, TeamRequests},
};
use farhand_testkit::{Account, Device, OTHER_DOMAIN, Server, json};
use serde_json::Value;
use uuid::Uuid;

use crate::teams;

pub async fn team(server: &Server, name: &str, members: &[&Account]) -> TeamRecord {
    let members: Vec<_> = members.iter().map(|member| member.id()).collect();
    server.login("admin").await.post("/admin/teams", json!({"name": name, "members": members})).await.ok()
}

pub fn request_for(team: &TeamRecord) -> Value {
    json!({"callReason": "SERVICE_REQUEST", "callTitle": "Pump 7", "invitedTeams": [{"id": team.id}]})
}

pub async fn claim(expert: &Account, call_id: Uuid) -> farhand_testkit::Answer {
    expert.call_operation("claimServiceRequest", call_id).await
}

/// What waits for a team, as soon as it is as `like` wants it.
pub async fn queue(device: &mut Device, what: &str, like: impl Fn(&TeamRequests) -> bool) -> TeamRequests {
    let is_it = |frame: &ServerFrame| match frame {
        ServerFrame::Requests { queue } if like(queue) => Some(queue.clone()),
        _ => None,
    };
    device.wait_for(what, is_it).await
}

pub fn standing(log: &CallLog) -> ServiceRequest {
    log.service_request.clone().unwrap()
}

#[tokio::test]
async fn a_request_for_a_team_rings_nobody_and_its_experts_see_it_live() {
    let server = Server::start().await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let (mut desk, mut elsewhere) = (expert.device().await, other.device().await);
    let call = technician.create_call(request_for(&pumps)).await;

    let seen = queue(&mut desk, "the request", |queue| !queue.requests.is_empty()).await;
    assert_eq!((seen.team.id, seen.waiting), (Some(pumps.id), 1));
    let shown = &seen.requests[0];
    assert_eq!((shown.call_id, shown.call_title.as_str()), (call.call_id, "Pump 7"));
    assert_eq!((shown.from.user_db_id, shown.popup), (Some(technician.id()), true));
    assert!(!desk.has_rung(call.call_id).await);
    assert!(!elsewhere.has(|frame| matches!(frame, ServerFrame::Requests { .. })).await, "no member");
    let mut late = expert.device().await;
    queue(&mut late, "the request on a new page", |queue| queue.requests == seen.requests).await;

    let place = QueuePlace { position: 1, waiting: 1, expected_wait_seconds: None };
    let log = technician.call_log(call.call_id).await;
    assert_eq!((standing(&log).state, standing(&log).place), (RequestState::Waiting, Some(place)));
    assert_eq!(standing(&log).teams[0].name.as_deref(), Some("Pumps"));
    assert_eq!(expert.call_log(call.call_id).await.call_events.len(), 1, "a member may read it");
    other.get(&format!("/rtc/getCallLogById?callId={}", call.call_id)).await.refused(ErrorCode::CallNotFound);
}

#[tokio::test]
async fn whoever_claims_it_is_rung_joins_and_then_the_technician_is_rung() {
    let server = Server::start().await;
    let (technician, expert) = (server.login("glasses1").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let (mut head, mut desk) = (technician.device().await, expert.device().await);
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    queue(&mut desk, "the request", |queue| queue.waiting == 1).await;

    let log: CallLog = claim(&expert, call_id).await.ok();
    assert_eq!(standing(&log).state, RequestState::Claimed);
    let claimer = log.call_events.last().unwrap().contact.clone();
    assert_eq!((claimer.user_db_id, standing(&log).claimed_by), (Some(expert.id()), claimer.id));
    queue(&mut desk, "the empty queue", |queue| queue.requests.is_empty()).await;
    desk.ring(call_id).await;
    assert!(!head.has_rung(call_id).await);
    desk.join(call_id).await;
    assert_eq!(head.ring(call_id).await.from.user_db_id, Some(expert.id()));
    head.join(call_id).await;
    assert_eq!(technician.events(call_id).await, ["Created", "Claimed", "Join", "Join"]);
}

#[tokio::test]
async fn of_many_who_claim_in_the_same_moment_exactly_one_wins_and_the_others_are_told_who() {
    let server = Server::start().await;
    let experts = ["tester", "callertest1", "callertest2", "expert1", "expert2"];
    let mut accounts = Vec::new();
    for expert in experts {
        accounts.push(server.login(expert).await);
    }
    let pumps = team(&server, "Pumps", &accounts.iter().collect::<Vec<_>>()).await;
    let technician = server.login("glasses1").await;
    for _ in 0..10 {
        let call_id = technician.create_call(request_for(&pumps)).await.call_id;
        let claims = accounts.iter().map(|expert| {
            let expert = expert.clone();
            tokio::spawn(async move { claim(&expert, call_id).await })
        });
        let mut answers = Vec::new();
        for answer in claims.collect::<Vec<_>>() {
            answers.push(answer.await.unwrap());
        }
        let won = answers.iter().position(|answer| answer.status == 200).unwrap();
        let name = &accounts[won].user.display_name;
        for (index, answer) in answers.iter().enumerate().filter(|(index, _)| *index != won) {
            let problem = answer.refused(ErrorCode::AlreadyClaimed);
            assert!(problem.detail.contains(name.as_str()), "{index}: {}", problem.detail);
        }
        assert_eq!(technician.events(call_id).await, ["Created", "Claimed"]);
        claim(&accounts[won], call_id).await.json();
    }
}

#[tokio::test]
async fn only_members_of_its_teams_as_they_are_now_may_claim_it() {
    let server = Server::start().await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let (pumps, motors) = (team(&server, "Pumps", &[&expert]).await, team(&server, "Motors", &[&other]).await);
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    claim(&other, call_id).await.refused(ErrorCode::CallNotFound);
    claim(&technician, call_id).await.refused(ErrorCode::Forbidden);
    claim(&server.login_at(OTHER_DOMAIN, "expert1").await, call_id).await.refused(ErrorCode::CallNotFound);
    claim(&server.login("admin").await, call_id).await.refused(ErrorCode::Forbidden);
    let ordinary = technician.create_call(json!({"invitedTeams": [{"id": motors.id}]})).await.call_id;
    claim(&other, ordinary).await.refused(ErrorCode::NotClaimable);

    let admin = server.login("admin").await;
    let moved = json!({"name": "Pumps", "members": [other.id()]});
    admin.send(reqwest::Method::PUT, &format!("/admin/teams/{}", pumps.id), moved).await.json();
    claim(&expert, call_id).await.refused(ErrorCode::CallNotFound);
    claim(&other, call_id).await.json();
}

#[tokio::test]
async fn whoever_waits_reads_the_place_live_and_how_long_it_takes_once_that_is_known() {
    let server = Server::start().await;
    let (technician, expert) = (server.login("glasses1").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(technician.create_call(request_for(&pumps)).await.call_id);
    }
    let mut head = technician.device().await;
    let last = calls[4];
    let place = async |head: &mut Device, wanted: u32| {
        let is_it = |frame: &ServerFrame| match frame {
            ServerFrame::RequestPlace { call_id, place } if *call_id == last && place.position == wanted => {
                Some(*place)
            }
            _ => None,
        };
        head.wait_for("a place", is_it).await
    };
    let shown = head.call(last, "the request", |call| call.service_request.is_some()).await.service_request.unwrap();
    assert_eq!(shown.place.unwrap().position, 5);
    for (claimed, position) in [(0, 4), (1, 3), (2, 2)] {
        server.clock().move_ahead(std::time::Duration::from_mins(4));
        claim(&expert, calls[claimed]).await.json();
        let shown = place(&mut head, position).await;
        assert_eq!(shown.waiting, position);
        let minutes = shown.expected_wait_seconds.map(|seconds| seconds / 60);
        assert_eq!(minutes, (claimed == 2).then_some(8), "two intervals of four minutes are known by then");
    }
}

#[tokio::test]
async fn a_connector_makes_a_request_for_somebody_and_a_team_in_which_nobody_counts_is_refused() {
    let server = Server::start().await;
    let (connector, glasses, expert) =
        (server.login("connector1").await, server.login("glasses1").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let nobody = team(&server, "Nobody", &[&connector]).await;
    let brokered = |team: &TeamRecord| {
        let mut request = request_for(team);
        request["creatorUser"] = json!(glasses.id());
        request["callType"] = json!("MESH");
        request["invitedContacts"] = json!([connector.invited()]);
        request
    };
    connector.try_create_call(brokered(&nobody)).await.refused(ErrorCode::NobodyToCall);
    let (mut head, mut desk) = (glasses.device().await, expert.device().await);
    let call_id = connector.create_call(brokered(&pumps)).await.call_id;
    claim(&connector, call_id).await.refused(ErrorCode::BrokerHasNoSeat);
    claim(&expert, call_id).await.json();
    desk.ring(call_id).await;
    desk.join(call_id).await;
    head.ring(call_id).await;
    head.join(call_id).await;
    assert_eq!(connector.events(call_id).await, ["Created", "Claimed", "Join", "Join"]);
    let glasses_id = connector.call_log(call_id).await.creator_contact.id.unwrap();
    desk.person(call_id, glasses_id, PersonState::Joined).await;
}

#[tokio::test]
async fn a_team_without_members_keeps_a_request_until_somebody_joins_the_team() {
    let server = Server::start().await;
    let (technician, expert) = (server.login("glasses1").await, server.login("expert1").await);
    let empty = team(&server, "Empty", &[]).await;
    let call = technician.create_call(request_for(&empty)).await;
    assert_eq!((call.call_status, standing(&call).state), (CallStatus::Planned, RequestState::Waiting));
    let admin = server.login("admin").await;
    let joined = json!({"name": "Empty", "members": [expert.id()]});
    admin.send(reqwest::Method::PUT, &format!("/admin/teams/{}", empty.id), joined).await.json();
    claim(&expert, call.call_id).await.json();
}

#[tokio::test]
async fn over_the_websocket_it_is_claimed_and_a_second_claim_is_refused() {
    let server = Server::start().await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let pumps = team(&server, "Pumps", &[&expert, &other]).await;
    let (mut desk, mut elsewhere) = (expert.device().await, other.device().await);
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    let claims = |id| farhand_protocol::frame::ClientFrame::ClaimServiceRequest { id, call_id };
    desk.socket().request(claims).await.unwrap();
    assert_eq!(elsewhere.refused(claims).await, ErrorCode::AlreadyClaimed);
    desk.join(call_id).await;
    desk.leave(call_id).await;
    assert_eq!(elsewhere.refused(claims).await, ErrorCode::CallEnded);
}

#[tokio::test]
async fn guests_claim_nothing() {
    let server = Server::start().await;
    let expert = server.login("expert1").await;
    let guest = json!({"displayName": "Gil", "phoneNumber": "+49 1511234567"});
    let request = json!({"callReason": "SERVICE_REQUEST", "invitedContacts": [guest]});
    let call = expert.create_call(request).await;
    let link = expert.guest_link(call.call_id, call.invited_contacts[0].id.unwrap()).await;
    let token = link.split('#').nth(1).unwrap();
    let guest = server.rest().with_token(farhand_client::Token::new(token));
    let body = json!({"callId": call.call_id}).to_string();
    let refused = guest.request(reqwest::Method::POST, "/rtc/claimServiceRequest").body(body);
    farhand_testkit::Answer::to(refused).await.refused(ErrorCode::GuestForbidden);
}

#[tokio::test]
async fn how_a_team_is_rung_is_nothing_to_a_request_that_waits_for_it() {
    let server = Server::start().await;
    let (technician, expert, other, named) = (
        server.login("glasses1").await,
        server.login("expert1").await,
        server.login("expert2").await,
        server.login("tester").await,
    );
    let night = teams::team(&server, "Night", &[&other], json!({})).await;
    let set = json!({"ringing": {"strategy": "oneAfterAnother", "onlyOnShift": true}, "nextTeam": night,
        "profiles": [{"userDbId": expert.id(), "hours": {"timeZone": "UTC", "spans": []}}]});
    let pumps = teams::team(&server, "Pumps", &[&expert], set).await;
    let rungs = json!([{"channel": "team", "team": night, "afterSeconds": 10}]);
    named.post("/rtc/updateReachSettings", json!({"rungs": rungs})).await.json();
    let (mut desk, mut elsewhere, mut phone) = (expert.device().await, other.device().await, named.device().await);
    let asked = json!({"callReason": "SERVICE_REQUEST", "invitedContacts": [{"userDbId": named.id()}],
        "invitedTeams": [{"id": pumps, "tags": ["hydraulics"]}]});
    let call_id = technician.create_call(asked).await.call_id;
    phone.ring(call_id).await;
    phone.decline(call_id).await;
    server.clock().move_ahead(Duration::from_mins(2));
    let log = technician.call_log(call_id).await;
    assert_eq!(standing(&log).state, RequestState::Waiting);
    assert_eq!(log.invited_teams.iter().map(|team| team.id).collect::<Vec<_>>(), [Some(pumps)], "no other team");
    assert!(!desk.has_rung(call_id).await && !elsewhere.has_rung(call_id).await);
    claim(&other, call_id).await.refused(ErrorCode::CallNotFound);
    claim(&expert, call_id).await.json();
    desk.ring(call_id).await;
}
