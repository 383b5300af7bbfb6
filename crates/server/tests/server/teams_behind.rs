//! Teams that come when others do not answer: behind a team, and behind a person.

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
    frame::{CallView, EndReason},
};
use farhand_testkit::{Account, Server, json};
use reqwest::Method;
use serde_json::Value;

use crate::teams::{call_team, in_turn, team, told, wait};

fn next_team(name: &str) -> impl Fn(&CallView) -> bool {
    move |call| call.next_team.as_deref() == Some(name)
}

async fn behind(account: &Account, team: i64, seconds: u32) {
    let rungs = json!([{"channel": "team", "team": team, "afterSeconds": seconds}]);
    account.post("/rtc/updateReachSettings", json!({"rungs": rungs})).await.json();
}

#[tokio::test]
async fn when_all_of_a_team_have_declined_the_next_team_is_asked_and_the_caller_sees_it_coming() {
    let server = Server::start().await;
    let (caller, one, other, third) = (
        server.login("callertest1").await,
        server.login("expert1").await,
        server.login("expert2").await,
        server.login("tester").await,
    );
    let night = team(&server, "Night", &[&third], in_turn()).await;
    let day = team(&server, "Day", &[&one, &other], json!({"nextTeam": night})).await;
    let mut desk = caller.device().await;
    let (mut first, mut second, mut last) = (one.device().await, other.device().await, third.device().await);
    let call_id = call_team(&mut desk, day).await.call_id;
    desk.call(call_id, "the next team", next_team("Night")).await;
    first.ring(call_id).await;
    first.decline(call_id).await;
    assert!(!last.has_rung(call_id).await);
    second.decline(call_id).await;
    last.ring(call_id).await;
    let log = caller.call_log(call_id).await;
    assert_eq!(told(&log, "FallbackTeam"), [(None, "Night".to_owned())]);
    assert_eq!(log.invited_teams.iter().map(|team| team.id).collect::<Vec<_>>(), [Some(day), Some(night)]);
    last.decline(call_id).await;
    assert_eq!(desk.ended(call_id).await.end_reason, Some(EndReason::Declined));
}

#[tokio::test]
async fn the_next_team_comes_after_a_restart_as_well() {
    let mut server = Server::start().await;
    let (caller, one, third) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("tester").await);
    let night = team(&server, "Night", &[&third], json!({})).await;
    let day = team(&server, "Day", &[&one], json!({"nextTeam": night})).await;
    let call = caller.create_call(json!({"invitedTeams": [{"id": day}]})).await;
    server.restart().await;
    let (mut first, mut last) = (one.device().await, third.device().await);
    let mut desk = caller.device().await;
    desk.call(call.call_id, "the next team", next_team("Night")).await;
    first.ring(call.call_id).await;
    first.decline(call.call_id).await;
    last.ring(call.call_id).await;
}

#[tokio::test]
async fn a_team_without_anybody_is_skipped_for_the_next_and_a_broker_is_told_if_there_is_none() {
    let server = Server::start().await;
    let (caller, connector, one) =
        (server.login("callertest1").await, server.login("connector1").await, server.login("expert1").await);
    let empty = team(&server, "Empty", &[], json!({})).await;
    let night = team(&server, "Night", &[&one], json!({})).await;
    let day = team(&server, "Day", &[], json!({"nextTeam": night})).await;
    let mut phone = one.device().await;
    let call = caller.create_call(json!({"invitedTeams": [{"id": day}]})).await;
    phone.ring(call.call_id).await;
    assert_eq!(told(&call, "NobodyInTeam"), [(None, "Day".to_owned())]);
    assert_eq!(told(&call, "FallbackTeam"), [(None, "Night".to_owned())]);
    let lonely = caller.create_call(json!({"invitedTeams": [{"id": empty}]})).await;
    assert_eq!((lonely.call_status, told(&lonely, "NobodyInTeam").len()), (CallStatus::Planned, 1));
    let brokered = |team: i64| json!({"callType": "MESH", "creatorUser": 12, "invitedTeams": [{"id": team}]});
    connector.try_create_call(brokered(empty)).await.refused(ErrorCode::NobodyToCall);
    let call: CallLog = connector.create_call(brokered(day)).await;
    phone.ring(call.call_id).await;
}

#[tokio::test]
async fn the_next_in_the_team_is_rung_when_somebody_does_not_answer_in_time() {
    let server = Server::start().await;
    let (caller, one, other, third) = (
        server.login("callertest1").await,
        server.login("expert1").await,
        server.login("expert2").await,
        server.login("tester").await,
    );
    let id = team(&server, "Pumps", &[&one, &other, &third], in_turn()).await;
    behind(&one, id, 15).await;
    let mut desk = caller.device().await;
    let (mut first, mut second, mut last) = (one.device().await, other.device().await, third.device().await);
    let call = json!({"callType": "MESH", "invitedContacts": [one.invited()]});
    let call_id = desk.create_call(call).await.call_id;
    first.ring(call_id).await;
    desk.call(call_id, "the team behind", next_team("Pumps")).await;
    assert!(!second.has_rung(call_id).await);
    wait(&server, &caller, call_id, 16).await;
    second.ring(call_id).await;
    assert!(!last.has_rung(call_id).await);
    let log = caller.call_log(call_id).await;
    let personally = log.invited_contacts[0].id;
    assert_eq!(told(&log, "NextInTeam"), [(personally, "Pumps".to_owned())]);
    assert_eq!(log.invited_contacts.len(), 3, "whoever is rung already is not invited again");
    first.join(call_id).await;
    second.ring_end(call_id).await;
}

#[tokio::test]
async fn somebody_who_declines_hands_on_to_the_team_at_once_and_a_team_that_is_gone_is_nobody() {
    let server = Server::start().await;
    let (caller, one, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let id = team(&server, "Pumps", &[&other], json!({})).await;
    behind(&one, id, 40).await;
    let (mut desk, mut first, mut second) = (caller.device().await, one.device().await, other.device().await);
    let call = json!({"callType": "MESH", "invitedContacts": [one.invited()]});
    let call_id = desk.create_call(call.clone()).await.call_id;
    first.ring(call_id).await;
    first.decline(call_id).await;
    second.ring(call_id).await;
    desk.leave(call_id).await;
    let call_id = desk.create_call(call).await.call_id;
    first.ring(call_id).await;
    server.login("admin").await.delete(&format!("/admin/teams/{id}")).await;
    first.decline(call_id).await;
    assert_eq!(desk.ended(call_id).await.end_reason, Some(EndReason::Declined));
}

#[tokio::test]
async fn the_team_of_a_ladder_must_be_one_of_the_domain() {
    let server = Server::start().await;
    let (admin, one) = (server.login("admin").await, server.login("expert1").await);
    let rungs = json!([{"channel": "push"}, {"channel": "team", "team": 99, "afterSeconds": 20}]);
    let refused = one.post("/rtc/updateReachSettings", json!({"rungs": rungs})).await;
    refused.refused_at(ErrorCode::UnknownTeam, "/rungs/1/team");
    for path in ["/admin/domains/1".to_owned(), format!("/admin/users/{}", one.id())] {
        let refused = admin.send(Method::PATCH, &path, json!({"reach": {"rungs": rungs}})).await;
        refused.refused_at(ErrorCode::UnknownTeam, "/reach/rungs/1/team");
    }
    let id = team(&server, "Pumps", &[&one], json!({})).await;
    behind(&one, id, 20).await;
    let kept = one.get("/rtc/getReachSettings").await.json();
    assert_eq!(kept["own"]["rungs"][0], json!({"channel": "team", "team": id, "afterSeconds": 20}));
    let of_domain: Value = admin
        .send(Method::PATCH, "/admin/domains/1", json!({"reach": {"rungs": [{"channel": "team", "team": id}]}}))
        .await
        .json();
    assert_eq!(of_domain["reach"]["rungs"][0]["team"], json!(id));
}
