//! Browsers whose pages are closed, and calls that do not ring at once: planned ones, and those that were made for somebody.

use std::time::Duration;

use farhand_protocol::call::CallLog;
use farhand_server::world::Clock as _;
use farhand_testkit::{Account, Server, json};
use serde_json::Value;

use crate::{
    notify::notifications,
    push_service::{Opened, PushService, inside, subscribe},
};

const HOUR: i64 = 3_600;

async fn ready() -> (Server, PushService, Account, Account) {
    let (server, service) = (Server::with(inside).await, PushService::start().await);
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    assert_eq!(subscribe(&tester, &service.endpoint("desk")).await.status, 200);
    (server, service, caller, tester)
}

async fn plan(server: &Server, caller: &Account, seconds: i64, whom: &Account) -> CallLog {
    let at = server.clock().in_seconds(seconds);
    let plan = json!({"callTitle": "Pump 7", "plannedDateTime": at, "invitedContacts": [whom.invited()]});
    caller.create_call(plan).await
}

async fn update(caller: &Account, call: &CallLog, mut change: Value) -> CallLog {
    change["callId"] = json!(call.call_id);
    caller.post("/rtc/updateCall", change).await.ok()
}

/// The next message of all; what does not come before it is not sent.
async fn next(service: &mut PushService, kind: &str, call: &CallLog) -> Opened {
    let opened = service.next().await.open().await;
    assert_eq!((&opened.said["kind"], &opened.said["callId"]), (&json!(kind), &json!(call.call_id)), "{}", opened.said);
    opened
}

#[tokio::test]
async fn a_planned_call_is_told_of_when_it_is_moved_when_it_begins_soon_and_when_it_rings() {
    let (server, mut service, caller, tester) = ready().await;
    let call = plan(&server, &caller, 3 * HOUR, &tester).await;
    let at = server.clock().in_seconds(2 * HOUR);
    update(&caller, &call, json!({"callTitle": "Pump 8"})).await;
    let moved = update(&caller, &call, json!({"plannedDateTime": at})).await;
    let starts = moved.planned_date_time.unwrap().0.as_millis();
    server.clock().move_ahead(Duration::from_secs(31));
    let received = service.next().await;
    assert_eq!((received.header("urgency"), received.path.as_str()), ("normal", "/desk"));
    let said = received.open().await.said;
    let told = [&said["kind"], &said["title"], &said["starts"], &said["from"]];
    assert_eq!(told, [&json!("moved"), &json!("Pump 8"), &json!(starts), &json!(caller.user.display_name)], "once");

    server.clock().move_ahead(Duration::from_mins(105));
    let reminder = next(&mut service, "reminder", &call).await;
    assert_eq!((&reminder.said["starts"], &reminder.said["until"]), (&json!(starts), &json!(starts)));
    server.clock().move_ahead(Duration::from_mins(15));
    let ring = service.next().await;
    assert_eq!(ring.header("urgency"), "high");
    let ring = ring.open().await.said;
    assert_eq!((&ring["kind"], &ring["title"], &ring["starts"]), (&json!("ring"), &json!("Pump 8"), &Value::Null));
    assert!(ring["until"].as_i64().unwrap() > server.clock().now().as_millis());
    let caller = server.login("callertest1").await;
    let kinds: Vec<_> = notifications(&caller.call_log(call.call_id).await).into_iter().map(|told| told.kind).collect();
    assert_eq!(kinds, ["moved", "moved", "reminder", "ring"], "the first was overtaken");
}

#[tokio::test]
async fn who_waits_is_told_that_it_was_called_off_and_who_has_declined_is_not() {
    let (server, mut service, caller, tester) = ready().await;
    let declined = plan(&server, &caller, 3 * HOUR, &tester).await;
    tester.call_operation("declineCall", declined.call_id).await;
    let declined = caller
        .create_call(json!({"plannedDateTime": server.clock().in_seconds(3 * HOUR),
        "invitedContacts": [tester.invited(), {"userId": "expert1"}]}))
        .await;
    tester.call_operation("declineCall", declined.call_id).await.json();
    caller.call_operation("cancelCall", declined.call_id).await.json();
    let call = plan(&server, &caller, 3 * HOUR, &tester).await;
    caller.call_operation("cancelCall", call.call_id).await.json();
    let cancelled = next(&mut service, "cancelled", &call).await;
    assert_eq!(cancelled.said["title"], "Pump 7");
}

#[tokio::test]
async fn a_reminder_survives_a_restart_reaches_browsers_of_that_day_and_comes_once() {
    let (mut server, mut service, caller, tester) = ready().await;
    let call = plan(&server, &caller, 2 * HOUR, &tester).await;
    tester.post("/auth/logout", json!({})).await;
    server.kill();
    server.start_again().await;
    let tester = server.login("tester").await;
    subscribe(&tester, &service.endpoint("phone")).await;
    server.clock().move_ahead(Duration::from_mins(106));
    let reminder = service.next().await;
    assert_eq!(reminder.path, "/phone");
    assert_eq!(reminder.open().await.said["kind"], "reminder");
    server.kill();
    server.start_again().await;
    let tester = server.login("tester").await;
    // In between it is awake again.
    let read = tester.post("/rtc/declineCall", json!({"callId": call.call_id})).await;
    assert_eq!(read.status, 200);
    let other = plan(&server, &server.login("callertest1").await, 1, &tester).await;
    next(&mut service, "ring", &other).await;
}

#[tokio::test]
async fn nobody_is_reminded_of_what_is_soon_or_only_listed_and_nobody_against_the_own_wishes() {
    let (server, mut service, caller, tester) = ready().await;
    let soon = plan(&server, &caller, 29 * 60, &tester).await;
    let listed = json!({"plannedDateTime": server.clock().in_seconds(HOUR), "invitedContacts": [tester.invited()],
        "informOthersDirectly": false});
    let listed = caller.create_call(listed).await;
    update(&caller, &listed, json!({"callTitle": "Pump 8"})).await;
    server.clock().move_ahead(Duration::from_mins(16));
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    caller.call_operation("cancelCall", soon.call_id).await.json();
    next(&mut service, "cancelled", &soon).await;

    let until = server.clock().in_seconds(40);
    tester.post("/rtc/updateReachSettings", json!({"doNotDisturbUntil": until})).await.json();
    let quiet = plan(&server, &caller, 2 * HOUR, &tester).await;
    caller.call_operation("cancelCall", quiet.call_id).await.json();
    let held = notifications(&caller.call_log(quiet.call_id).await).remove(0);
    assert_eq!((held.kind.as_str(), held.state.as_str()), ("cancelled", "heldBack"));
    assert_eq!(held.reason.as_deref(), Some("doNotDisturb"));

    let rungs = json!({"doNotDisturbUntil": null, "rungs": [{"channel": "email", "address": "stored"}]});
    tester.post("/rtc/updateReachSettings", rungs).await.json();
    let unasked = plan(&server, &caller, 2 * HOUR, &tester).await;
    caller.call_operation("cancelCall", unasked.call_id).await.json();
    assert!(notifications(&caller.call_log(unasked.call_id).await).is_empty());
    let usual = json!({"rungs": null});
    tester.post("/rtc/updateReachSettings", usual).await.json();
    let rung = plan(&server, &caller, 0, &tester).await;
    next(&mut service, "ring", &rung).await;
}

#[tokio::test]
async fn whom_a_call_was_made_for_is_rung_by_the_closed_page_and_it_falls_silent_again() {
    let (server, mut service, _, glasses) = ready().await;
    let (connector, expert) = (server.login("connector1").await, server.login("expert1").await);
    let mut desk = expert.device().await;
    let brokered = json!({"callTitle": "Pump 7", "callType": "MESH", "creatorUser": glasses.id(),
        "invitedContacts": [expert.invited(), connector.invited()], "informOthersDirectly": false});
    let call = connector.create_call(brokered.clone()).await;
    desk.join(call.call_id).await;
    let ring = next(&mut service, "ring", &call).await;
    assert_eq!(ring.said["from"], expert.user.display_name, "who waits in the call");
    desk.call(call.call_id, "that it was sent", |view| {
        let creator = view.people.iter().find(|person| person.contact.id == Some(view.creator)).unwrap();
        creator.notifications.iter().any(|told| (told.channel.as_str(), told.state.as_str()) == ("push", "sent"))
    })
    .await;
    let log = connector.call_log(call.call_id).await;
    assert!(log.creator_contact.notifications.iter().any(|told| told.channel == "push"), "{log:?}");
    desk.leave(call.call_id).await;
    let over = next(&mut service, "ringEnd", &call).await;
    assert_eq!((&over.said["ended"], &over.said["from"]), (&json!("callEnded"), &json!(expert.user.display_name)));
}
