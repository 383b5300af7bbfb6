//! Calls planned for a time.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
};
use farhand_testkit::{Account, Server, json};
use serde_json::Value;

async fn plan(server: &Server, caller: &Account, seconds: i64, invited: &[&Account]) -> CallLog {
    let invited: Vec<_> = invited.iter().map(|account| account.invited()).collect();
    let at = server.clock().in_seconds(seconds);
    caller.create_call(json!({"plannedDateTime": at, "invitedContacts": invited})).await
}

#[tokio::test]
async fn a_planned_call_is_listed_and_rings_only_when_it_is_time() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = plan(&server, &caller, 2, &[&expert]).await;
    assert_eq!((call.call_status, call.call_history.len()), (CallStatus::Planned, 0));
    let listed = expert.get("/rtc/getCallLogs?planned=true&status=Planned").await.json();
    assert_eq!(listed["calls"][0]["callId"], json!(call.call_id));
    phone.call(call.call_id, "the planned call in the client", |view| view.planned_date_time.is_some()).await;
    assert!(!phone.has_rung(call.call_id).await);
    phone.ring(call.call_id).await;
    assert_eq!(caller.call_log(call.call_id).await.call_status, CallStatus::Planned, "until somebody joins");
}

#[tokio::test]
async fn up_to_five_minutes_past_means_now_and_further_past_is_refused() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = plan(&server, &caller, -290, &[&expert]).await;
    phone.ring(call.call_id).await;
    for past in [-310, -3600, -86_400 * 365] {
        let at = server.clock().in_seconds(past);
        let refused = caller.try_create_call(json!({"plannedDateTime": at})).await;
        assert_eq!(refused.status, 422);
        refused.refused_at(ErrorCode::PlannedInPast, "/plannedDateTime");
    }
    assert_eq!(caller.get("/rtc/getCallLogs").await.json()["calls"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn two_years_ahead_is_refused_be_it_planned_or_moved() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let call = plan(&server, &caller, 86_400 * 700, &[]).await;
    let farther = server.clock().in_seconds(86_400 * 732);
    let refused = caller.try_create_call(json!({"plannedDateTime": farther})).await;
    assert_eq!(refused.status, 400);
    refused.refused_at(ErrorCode::InvalidField, "/plannedDateTime");
    let move_it = json!({"callId": call.call_id, "plannedDateTime": farther});
    caller.post("/rtc/updateCall", move_it).await.refused_at(ErrorCode::InvalidField, "/plannedDateTime");
    assert_eq!(caller.call_log(call.call_id).await, call);
    assert_eq!(caller.get("/rtc/getCallLogs").await.json()["calls"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn update_call_moves_and_renames_it_for_everybody() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = plan(&server, &caller, 3600, &[&expert]).await;
    let later = server.clock().in_seconds(7200);
    let moved = caller.post("/rtc/updateCall", json!({"callId": call.call_id, "plannedDateTime": later})).await.json();
    assert_eq!((&moved["plannedDateTime"], &moved["callTitle"]), (&json!(later), &json!(call.call_title)));
    assert!(moved["callHistory"].as_array().unwrap().iter().any(|item| item["type"] == "Updated"));
    let renamed = caller.post("/rtc/updateCall", json!({"callId": call.call_id, "callTitle": "Pump 8"})).await.json();
    assert_eq!((&renamed["plannedDateTime"], &renamed["callTitle"]), (&json!(later), &json!("Pump 8")));
    phone.call(call.call_id, "the new title", |view| view.call_title == "Pump 8").await;
    let read = expert.get(&format!("/rtc/getCallLogById?callId={}", call.call_id)).await.json();
    assert_eq!(read, renamed);
}

#[tokio::test]
async fn a_call_moved_close_rings_then_and_one_that_rings_falls_silent_when_it_is_put_off() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = plan(&server, &caller, 3600, &[&expert]).await;
    let update = async |at: String| {
        caller.post("/rtc/updateCall", json!({"callId": call.call_id, "plannedDateTime": at})).await.json()
    };
    update(server.clock().in_seconds(0)).await;
    phone.ring(call.call_id).await;
    update(server.clock().in_seconds(3600)).await;
    phone.ring_end(call.call_id).await;
    assert!(!phone.has_rung(call.call_id).await);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let call = plan(&server, &caller, 3600, &[]).await;
    let update = async |change: Value| {
        let mut body = json!({"callId": call.call_id});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        caller.post("/rtc/updateCall", body).await
    };
    let past = server.clock().in_seconds(-310);
    update(json!({"plannedDateTime": past})).await.refused(ErrorCode::PlannedInPast);
    update(json!({"plannedDateTime": past, "callTitle": "No"})).await.refused(ErrorCode::PlannedInPast);
    update(json!({"plannedDateTime": "soon"})).await.refused_at(ErrorCode::InvalidField, "/plannedDateTime");
    update(json!({"callTitle": "x".repeat(201)})).await.refused_at(ErrorCode::InvalidField, "/callTitle");
    update(json!({"callTitle": null, "id": 1, "callStatus": "Ended"})).await.json();
    assert_eq!(caller.call_log(call.call_id).await, call);

    let ordinary = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    let move_it = json!({"callId": ordinary.call_id, "plannedDateTime": server.clock().in_seconds(60)});
    caller.post("/rtc/updateCall", move_it).await.refused(ErrorCode::NotPlanned);
    caller.call_operation("startCall", ordinary.call_id).await.refused(ErrorCode::NotPlanned);
}

#[tokio::test]
async fn start_call_rings_before_the_time_and_only_for_those_who_manage_it() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = plan(&server, &caller, 3600, &[&expert]).await;
    expert.call_operation("startCall", call.call_id).await.refused(ErrorCode::Forbidden);
    assert!(!phone.has_rung(call.call_id).await);
    caller.call_operation("startCall", call.call_id).await.json();
    phone.ring(call.call_id).await;
    phone.join(call.call_id).await;
    let move_it = json!({"callId": call.call_id, "plannedDateTime": server.clock().in_seconds(60)});
    caller.post("/rtc/updateCall", move_it).await.refused(ErrorCode::CallAlreadyStarted);
}

#[tokio::test]
async fn its_creator_joining_early_starts_it_too() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let (mut own, mut phone) = (caller.device().await, expert.device().await);
    let call = plan(&server, &caller, 3600, &[&expert]).await;
    own.join(call.call_id).await;
    phone.ring(call.call_id).await;
}

#[tokio::test]
async fn it_outlives_its_ring_and_ends_an_hour_after_its_time() {
    let mut server = Server::with(|config| {
        config.calls.popup_ring_seconds = 1;
        config.calls.grace_seconds = 1;
        config.calls.seat_seconds = 1;
    })
    .await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = plan(&server, &caller, 0, &[&expert]).await;
    phone.ring(call.call_id).await;
    phone.ring_end(call.call_id).await;
    assert_eq!(caller.events(call.call_id).await, ["Created"], "only the ring stops");
    server.stop().await;
    server.clock().move_ahead(Duration::from_mins(61));
    server.start_again().await;
    let caller = server.login("callertest1").await;
    assert_eq!(caller.events(call.call_id).await, ["Created", "Missed", "Ended"]);
}
