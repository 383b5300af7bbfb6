//! Teams whose people are rung one after another: whose turn it is, who is passed over, and who of a team is rung at all.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
    frame::{EndReason, PersonState, RingEndReason},
};
use farhand_testkit::{Account, Server, json};
use serde_json::Value;

use crate::{
    push_service::{PushService, inside, subscribe},
    teams::{call_team, in_turn, team, told, wait},
};

fn contact(log: &CallLog, who: &Account) -> i64 {
    log.invited_contacts.iter().find(|contact| contact.user_db_id == Some(who.id())).unwrap().id.unwrap()
}

#[tokio::test]
async fn each_rings_for_a_turn_and_the_caller_sees_who_is_next() {
    let server = Server::start().await;
    let (caller, one, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let id = team(&server, "Pumps", &[&other, &one], in_turn()).await;
    let (mut desk, mut first, mut second) = (caller.device().await, other.device().await, one.device().await);
    let call_id = call_team(&mut desk, id).await.call_id;
    first.ring(call_id).await;
    let log = caller.call_log(call_id).await;
    let next = contact(&log, &one);
    desk.call(call_id, "who is next", |call| call.next == [next]).await;
    assert!(!second.has_rung(call_id).await);
    wait(&server, &caller, call_id, 21).await;
    second.ring(call_id).await;
    assert_eq!(first.ring_end(call_id).await, RingEndReason::TimedOut);
    let view = desk.person(call_id, next, PersonState::Ringing).await;
    assert!(view.next.is_empty());
    let joined = second.join(call_id).await;
    assert!(joined.next.is_empty() && joined.next_team.is_none(), "that is for the caller");
}

#[tokio::test]
async fn a_refusal_passes_the_ring_on_at_once_and_an_answer_ends_it() {
    let server = Server::start().await;
    let (caller, one, other, third) = (
        server.login("callertest1").await,
        server.login("expert1").await,
        server.login("expert2").await,
        server.login("tester").await,
    );
    let id = team(&server, "Pumps", &[&one, &other, &third], in_turn()).await;
    let mut desk = caller.device().await;
    let (mut first, mut second, mut last) = (one.device().await, other.device().await, third.device().await);
    let call_id = call_team(&mut desk, id).await.call_id;
    first.ring(call_id).await;
    first.decline(call_id).await;
    second.ring(call_id).await;
    second.join(call_id).await;
    let log = caller.call_log(call_id).await;
    last.person(call_id, contact(&log, &third), PersonState::Silenced).await;
    assert!(!last.has_rung(call_id).await);
    let events: Vec<_> = log.call_events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(events, ["Created", "Join", "Declined", "Join"]);
}

#[tokio::test]
async fn who_is_away_or_wants_quiet_is_passed_over_and_who_is_in_a_call_comes_last() {
    let server = Server::start().await;
    let (caller, away, quiet, busy, free) = (
        server.login("callertest1").await,
        server.login("glasses1").await,
        server.login("expert1").await,
        server.login("expert2").await,
        server.login("tester").await,
    );
    let id = team(&server, "Pumps", &[&away, &busy, &quiet, &free], in_turn()).await;
    let mut desk = caller.device().await;
    let (_quiet, mut talking, mut phone) = (quiet.device().await, busy.device().await, free.device().await);
    quiet.post("/rtc/updateReachSettings", json!({"doNotDisturbUntil": server.clock().in_seconds(600)})).await.json();
    talking.create_call(json!({"invitedContacts": [{"userId": "callertest2"}]})).await;
    let call_id = call_team(&mut desk, id).await.call_id;
    phone.ring(call_id).await;
    let log = caller.call_log(call_id).await;
    let passed =
        [(Some(contact(&log, &away)), "notThere".to_owned()), (Some(contact(&log, &quiet)), "undisturbed".to_owned())];
    assert_eq!(told(&log, "RingEnded"), passed);
    assert!(!talking.has_rung(call_id).await);
    phone.decline(call_id).await;
    talking.ring(call_id).await;
}

#[tokio::test]
async fn whoever_has_a_browser_that_rings_is_there() {
    let (server, service) = (Server::with(inside).await, PushService::start().await);
    let (caller, one, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    assert_eq!(subscribe(&one, &service.endpoint("desk")).await.status, 200);
    let id = team(&server, "Pumps", &[&one, &other], in_turn()).await;
    let (mut desk, mut second) = (caller.device().await, other.device().await);
    let call_id = call_team(&mut desk, id).await.call_id;
    desk.person(call_id, contact(&caller.call_log(call_id).await, &one), PersonState::Ringing).await;
    assert!(!second.has_rung(call_id).await);
}

#[tokio::test]
async fn a_team_of_which_nobody_is_there_is_missed_at_once() {
    let server = Server::start().await;
    let (caller, one, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let id = team(&server, "Pumps", &[&one, &other], in_turn()).await;
    let mut desk = caller.device().await;
    let view = call_team(&mut desk, id).await;
    assert_eq!((view.call_status, view.end_reason), (CallStatus::Ended, Some(EndReason::Missed)));
    let events = caller.events(view.call_id).await;
    assert_eq!(events, ["Created", "Join", "Missed", "Missed", "Leave", "Ended"]);
}

#[tokio::test]
async fn whoever_has_not_been_in_a_call_for_the_longest_time_is_rung_first() {
    let server = Server::start().await;
    let (caller, one, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let id = team(&server, "Pumps", &[&one, &other], json!({"ringing": {"strategy": "longestIdle"}})).await;
    let (mut desk, mut first, mut second) = (caller.device().await, one.device().await, other.device().await);
    for _ in 0..2 {
        let call_id = call_team(&mut desk, id).await.call_id;
        first.ring(call_id).await;
        first.join(call_id).await;
        first.leave(call_id).await;
        desk.ended(call_id).await;
        server.clock().move_ahead(Duration::from_mins(1));
        let call_id = call_team(&mut desk, id).await.call_id;
        second.ring(call_id).await;
        assert!(!first.has_rung(call_id).await);
        second.join(call_id).await;
        second.leave(call_id).await;
        desk.ended(call_id).await;
        server.clock().move_ahead(Duration::from_mins(1));
    }
}

#[tokio::test]
async fn only_who_is_on_shift_and_can_what_is_asked_for_is_rung() {
    let server = Server::start().await;
    let (caller, one, other, third) = (
        server.login("callertest1").await,
        server.login("expert1").await,
        server.login("expert2").await,
        server.login("tester").await,
    );
    let never = json!({"timeZone": "UTC", "spans": []});
    let more = json!({
        "ringing": {"onlyOnShift": true},
        "profiles": [
            {"userDbId": one.id(), "tags": ["pumps", "de"], "hours": never},
            {"userDbId": other.id(), "tags": ["pumps", "de"]},
            {"userDbId": third.id(), "tags": ["de"]},
        ],
    });
    let id = team(&server, "Pumps", &[&one, &other, &third], more).await;
    let invited = async |tags: Value| {
        let call = caller.create_call(json!({"invitedTeams": [{"id": id, "tags": tags}]})).await;
        let users: Vec<_> = call.invited_contacts.iter().filter_map(|contact| contact.user_db_id).collect();
        (users, call)
    };
    assert_eq!(invited(json!([])).await.0, [other.id(), third.id()]);
    assert_eq!(invited(json!([" Pumps", "DE"])).await.0, [other.id()]);
    let (users, call) = invited(json!(["fr"])).await;
    assert_eq!((users.len(), call.call_status), (0, CallStatus::Planned));
    let note = call.call_history.iter().find(|item| item.kind == "NobodyInTeam").unwrap();
    assert_eq!((note.reason.as_deref(), note.state.as_deref()), (Some("Pumps"), Some("nobodyWithTags")));
    let many: Vec<_> = (0..11).map(|n| format!("tag {n}")).collect();
    let refused = caller.try_create_call(json!({"invitedTeams": [{"id": id, "tags": many}]})).await;
    refused.refused_at(ErrorCode::InvalidField, "/invitedTeams/0/tags");
}

#[tokio::test]
async fn turns_outlive_a_restart() {
    let mut server = Server::start().await;
    let (caller, one, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let id = team(&server, "Pumps", &[&one, &other], in_turn()).await;
    let _phones = (one.device().await, other.device().await);
    let call = caller.create_call(json!({"invitedTeams": [{"id": id}]})).await;
    server.restart().await;
    let (mut first, mut second) = (one.device().await, other.device().await);
    first.ring(call.call_id).await;
    assert!(!second.has_rung(call.call_id).await);
    first.decline(call.call_id).await;
    second.ring(call.call_id).await;
}

#[tokio::test]
async fn a_team_added_to_a_running_call_is_rung_in_turn() {
    let server = Server::start().await;
    let (caller, guest, one, other) = (
        server.login("callertest1").await,
        server.login("callertest2").await,
        server.login("expert1").await,
        server.login("expert2").await,
    );
    let id = team(&server, "Pumps", &[&one, &other], in_turn()).await;
    let (mut desk, mut there) = (caller.device().await, guest.device().await);
    let (mut first, mut second) = (one.device().await, other.device().await);
    let call_id = desk.create_call(json!({"callType": "MESH", "invitedContacts": [guest.invited()]})).await.call_id;
    there.join(call_id).await;
    let log: CallLog =
        caller.post("/rtc/inviteToCall", json!({"callId": call_id, "invitedTeams": [{"id": id}]})).await.ok();
    assert_eq!(log.invited_teams[0].id, Some(id));
    first.ring(call_id).await;
    first.decline(call_id).await;
    second.ring(call_id).await;
    second.join(call_id).await;
}
