//! Calls planned by the clocks of a place, across their changes.

use std::time::Duration;

use farhand_domain::time::Timestamp;
use farhand_protocol::{ErrorCode, WireTime};
use farhand_server::world::Clock;
use farhand_testkit::{Account, Server, json};
use serde_json::Value;
use uuid::Uuid;

/// The clocks of Berlin go from two to three at this instant.
const SUMMER: &str = "2027-03-28T01:00:00.000Z";

fn at(text: &str) -> Timestamp {
    let WireTime(at) = serde_json::from_value(json!(text)).unwrap();
    at
}

async fn update(account: &Account, call_id: Uuid, change: Value) -> farhand_testkit::Answer {
    let mut body = json!({"callId": call_id});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    account.post("/rtc/updateCall", body).await
}

fn berlin(local: &str) -> Value {
    json!({"plannedLocalTime": local, "plannedTimeZone": "Europe/Berlin"})
}

#[tokio::test]
async fn a_time_on_the_clocks_of_a_place_is_understood_and_the_place_told_again() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let mut plan = berlin("2027-03-29T09:30");
    plan["invitedContacts"] = json!([expert.invited()]);
    let call = caller.create_call(plan).await;
    assert_eq!(call.planned_date_time, Some(WireTime(at("2027-03-29T07:30:00.000Z"))));
    assert_eq!(call.planned_time_zone.as_deref(), Some("Europe/Berlin"));
    let view = phone.call(call.call_id, "the plan", |view| view.planned_date_time.is_some()).await;
    assert_eq!(view.planned_time_zone.as_deref(), Some("Europe/Berlin"));

    let kolkata = json!({"plannedLocalTime": "2027-03-29T09:30", "plannedTimeZone": "asia/kolkata"});
    let moved = update(&caller, call.call_id, kolkata).await.json();
    assert_eq!(
        (&moved["plannedDateTime"], &moved["plannedTimeZone"]),
        (&json!("2027-03-29T04:00:00.000Z"), &json!("Asia/Kolkata"))
    );
    let moved = update(&caller, call.call_id, json!({"plannedDateTime": SUMMER})).await.json();
    assert_eq!(
        (&moved["plannedDateTime"], &moved["plannedTimeZone"]),
        (&json!(SUMMER), &json!("Asia/Kolkata")),
        "still their time"
    );
    let read = expert.get(&format!("/rtc/getCallLogById?callId={}", call.call_id)).await.json();
    assert_eq!(read, moved);

    let said = json!({"plannedDateTime": SUMMER, "plannedTimeZone": "Europe/Berlin"});
    assert_eq!(caller.create_call(said).await.planned_time_zone.as_deref(), Some("Europe/Berlin"));
    let silent = caller.create_call(json!({"plannedDateTime": SUMMER})).await;
    assert_eq!(silent.planned_time_zone, None);
}

#[tokio::test]
async fn a_time_the_clocks_skip_or_show_twice_is_refused_and_nothing_made_or_moved() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let call = caller.create_call(berlin("2027-10-31T02:30+01:00")).await;
    assert_eq!(call.planned_date_time, Some(WireTime(at("2027-10-31T01:30:00.000Z"))), "the second half past two");
    let (local, zone) = ("/plannedLocalTime", "/plannedTimeZone");
    let table = [
        (berlin("2027-03-28T02:30"), 422, ErrorCode::NoSuchTime, local),
        (berlin("2027-10-31T02:30"), 422, ErrorCode::AmbiguousTime, local),
        (berlin("2027-07-31T02:30+01:00"), 422, ErrorCode::NoSuchTime, local),
        (berlin("half past two"), 400, ErrorCode::InvalidField, local),
        (berlin("9999-07-31T02:30"), 400, ErrorCode::InvalidField, local),
        (berlin("2020-07-31T02:30"), 422, ErrorCode::PlannedInPast, local),
        (
            json!({"plannedLocalTime": "2027-03-28T02:30", "plannedTimeZone": "Mars/Base"}),
            422,
            ErrorCode::UnknownTimeZone,
            zone,
        ),
        (json!({"plannedLocalTime": "2027-03-29T02:30"}), 400, ErrorCode::InvalidField, zone),
        (json!({"plannedTimeZone": "Europe/Berlin"}), 400, ErrorCode::InvalidField, local),
        (
            json!({"plannedDateTime": SUMMER, "plannedLocalTime": "2027-03-28T03:00", "plannedTimeZone": "Europe/Berlin"}),
            400,
            ErrorCode::InvalidField,
            local,
        ),
    ];
    for (plan, status, code, pointer) in table {
        for answer in [caller.try_create_call(plan.clone()).await, update(&caller, call.call_id, plan.clone()).await] {
            answer.refused_at(code, pointer);
            assert_eq!(answer.status, status, "{plan}");
        }
    }
    let detail = caller.try_create_call(berlin("2027-10-31T02:30")).await.problem().detail;
    assert!(detail.contains("2027-10-31T02:30+02:00") && detail.contains("2027-10-31T02:30+01:00"), "{detail}");
    assert_eq!(caller.call_log(call.call_id).await, call);
    assert_eq!(caller.get("/rtc/getCallLogs").await.json()["calls"].as_array().unwrap().len(), 1);
}

/// Moves the clock so that it is `before` ahead of `then` when the server runs again.
async fn sleep_until(server: &mut Server, then: Timestamp, before: Duration) {
    server.stop().await;
    server.clock().move_ahead(server.clock().now().until(then - before));
    server.start_again().await;
}

#[tokio::test]
async fn a_call_planned_before_summer_time_rings_at_its_time_on_the_new_clocks() {
    let mut server = Server::start().await;
    sleep_until(&mut server, at(SUMMER), Duration::from_hours(6)).await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut plan = berlin("2027-03-28T08:00");
    plan["invitedContacts"] = json!([expert.invited()]);
    let call = caller.create_call(plan).await;
    let time = at("2027-03-28T06:00:00.000Z");

    sleep_until(&mut server, time, Duration::from_secs(3)).await;
    let expert = server.login("expert1").await;
    let mut phone = expert.device().await;
    phone.call(call.call_id, "the plan", |view| view.planned_date_time.is_some()).await;
    phone.ring(call.call_id).await;
    let log = expert.call_log(call.call_id).await;
    let rings: Vec<_> = log.call_history.iter().filter(|item| item.kind == "RingStarted").collect();
    assert!(matches!(&rings[..], [ring] if ring.date_time.0 >= time), "{:?}", log.call_history);
}

#[tokio::test]
async fn whoever_manages_a_call_nobody_has_joined_can_cancel_it() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let mut plan = berlin("2027-03-29T09:30");
    plan["invitedContacts"] = json!([expert.invited()]);
    let call = caller.create_call(plan).await;
    phone.call(call.call_id, "the plan", |view| view.planned_date_time.is_some()).await;
    expert.call_operation("cancelCall", call.call_id).await.refused(ErrorCode::Forbidden);
    server.login("tester").await.call_operation("cancelCall", call.call_id).await.refused(ErrorCode::CallNotFound);

    let cancelled = caller.call_operation("cancelCall", call.call_id).await.json();
    assert_eq!(cancelled["callStatus"], "Ended");
    let last = cancelled["callHistory"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["type"], &last["reason"]), (&json!("Ended"), &json!("cancelled")));
    assert_eq!(caller.events(call.call_id).await, ["Created", "Ended"], "nobody missed anything");
    let ended = phone.ended(call.call_id).await;
    assert_eq!(json!(ended.end_reason), json!("cancelled"));
    for operation in ["cancelCall", "startCall"] {
        caller.call_operation(operation, call.call_id).await.refused(ErrorCode::CallEnded);
    }
}

#[tokio::test]
async fn a_ringing_call_can_be_cancelled_and_one_that_has_begun_cannot() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let ringing = caller.create_call(json!({"invitedContacts": [expert.invited()]})).await;
    phone.ring(ringing.call_id).await;
    caller.call_operation("cancelCall", ringing.call_id).await.json();
    phone.ring_end(ringing.call_id).await;

    let begun = caller.create_call(json!({"invitedContacts": [expert.invited()]})).await;
    phone.ring(begun.call_id).await;
    phone.join(begun.call_id).await;
    caller.call_operation("cancelCall", begun.call_id).await.refused(ErrorCode::CallAlreadyStarted);
    assert_eq!(caller.events(begun.call_id).await, ["Created", "Join"]);
}
