//! People who are not to be disturbed, or sit in another call: how their devices ring, and what the caller sees.

use std::time::Duration;

use farhand_protocol::{
    frame::{CallView, Person},
    reach::Quiet,
};
use farhand_testkit::{Account, Server, json};
use serde_json::Value;

use crate::{
    guests::{gil, invited_to},
    notify::{RING, notifications},
};

/// Nothing listens there; what is held back never asks.
const NO_GATEWAY: &str = "http://127.0.0.1:1/?to={to}&text={text}";

async fn set(account: &Account, settings: Value) {
    account.post("/rtc/updateReachSettings", settings).await.ok::<Value>();
}

fn of<'a>(view: &'a CallView, who: &Account) -> &'a Person {
    view.people.iter().find(|person| person.contact.user_db_id == Some(who.id())).unwrap()
}

#[tokio::test]
async fn who_is_not_to_be_disturbed_gets_no_popup_and_no_text_but_a_letter_and_the_caller_sees_why() {
    let server = Server::with(|config| {
        config.sms_url = Some(NO_GATEWAY.to_owned());
        config.mail_url = Some("smtp://127.0.0.1:1?starttls=never".to_owned());
    })
    .await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    set(&tester, json!({"doNotDisturbUntil": server.clock().in_seconds(3_600)})).await;
    let (mut desk, mut phone) = (caller.device().await, tester.device().await);
    let contact = json!({"userDbId": tester.id(), "phoneNumber": "+49123456", "email": "tester@example.org"});
    let call_id = desk.create_call(json!({"invitedContacts": [contact]})).await.call_id;
    assert!(!phone.ring(call_id).await.popup);
    let view = desk.call(call_id, "the quiet", |view| of(view, &tester).quiet.is_some()).await;
    assert_eq!(of(&view, &tester).quiet, Some(Quiet::DoNotDisturb));
    let told = notifications(&caller.call_log(call_id).await);
    let told: Vec<_> = told.iter().map(|n| (n.channel.as_str(), n.state.as_str(), n.reason.as_deref())).collect();
    assert_eq!(told[1], ("sms", "heldBack", Some("doNotDisturb")));
    assert_eq!(told[0].0, "email");
    assert_ne!(told[0].1, "heldBack");
}

#[tokio::test]
async fn who_is_not_to_be_disturbed_at_its_time_is_reminded_by_letter_only() {
    let server = Server::with(|config| {
        config.sms_url = Some(NO_GATEWAY.to_owned());
        config.mail_url = Some("smtp://127.0.0.1:1?starttls=never".to_owned());
    })
    .await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let contact = json!({"userDbId": tester.id(), "phoneNumber": "+49123456", "email": "tester@example.org"});
    let plan = json!({"plannedDateTime": server.clock().in_seconds(3_600), "invitedContacts": [contact]});
    // Of one that waits nothing is told yet.
    for (until, held_back) in [(3_600, &["sms"][..]), (1_800, &[])] {
        set(&tester, json!({"doNotDisturbUntil": server.clock().in_seconds(until)})).await;
        let told = notifications(&caller.create_call(plan.clone()).await);
        let reminders = told.iter().filter(|n| n.kind == "reminder");
        let reminders = reminders.filter(|n| n.state == "heldBack").map(|n| n.channel.as_str());
        assert_eq!(reminders.collect::<Vec<_>>(), held_back, "the reminder comes after three quarters of an hour");
    }
}

#[tokio::test]
async fn who_may_be_disturbed_again_while_it_rings_hears_it() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    set(&tester, json!({"doNotDisturbUntil": server.clock().in_seconds(3_600)})).await;
    let (mut desk, mut phone) = (caller.device().await, tester.device().await);
    let call_id = desk.create_call(json!({"invitedContacts": [tester.invited()]})).await.call_id;
    assert!(!phone.ring(call_id).await.popup);
    set(&tester, json!({"doNotDisturbUntil": null})).await;
    assert!(phone.ring(call_id).await.popup);
    desk.call(call_id, "an end of the quiet", |view| of(view, &tester).quiet.is_none()).await;
    set(&tester, json!({"doNotDisturbUntil": server.clock().in_seconds(3_600)})).await;
    assert!(!phone.ring(call_id).await.popup);
    let mut tablet = tester.device().await;
    assert!(!tablet.ring(call_id).await.popup, "a device that comes later");
}

#[tokio::test]
async fn quiet_hours_begin_and_end_on_the_clocks_of_a_place() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let days = json!(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]);
    let span = |from: &str, to: &str| json!({"days": days, "from": from, "to": to});
    let hours = |spans: Value| json!({"quietHours": {"timeZone": "Asia/Kolkata", "spans": spans}});
    let mut phone = tester.device().await;
    set(&tester, hours(json!([span("00:00", "24:00")]))).await;
    let call = caller.create_call(json!({"invitedContacts": [tester.invited()]})).await;
    assert!(!phone.ring(call.call_id).await.popup);
    assert_eq!(tester.get("/rtc/getReachSettings").await.json()["quiet"], "quietHours");
    set(&tester, hours(json!([]))).await;
    assert!(phone.ring(call.call_id).await.popup);
}

#[tokio::test]
async fn quiet_that_was_asked_for_until_a_time_ends_then() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    set(&tester, json!({"doNotDisturbUntil": server.clock().in_seconds(60)})).await;
    let mut phone = tester.device().await;
    server.clock().move_ahead(Duration::from_secs(61));
    let call = caller.create_call(json!({"invitedContacts": [tester.invited()]})).await;
    assert!(phone.ring(call.call_id).await.popup);
}

#[tokio::test]
async fn the_caller_sees_that_somebody_sits_in_another_call_until_that_is_over() {
    let server = Server::start().await;
    let (caller, tester, other) =
        (server.login("callertest1").await, server.login("tester").await, server.login("expert1").await);
    let (mut desk, mut phone, mut third) = (caller.device().await, tester.device().await, other.device().await);
    let first = third.create_call(json!({"invitedContacts": [tester.invited()]})).await.call_id;
    phone.join(first).await;
    let call_id = desk.create_call(json!({"invitedContacts": [tester.invited()]})).await.call_id;
    phone.ring(call_id).await;
    desk.call(call_id, "that tester is busy", |view| of(view, &tester).busy).await;
    phone.leave(first).await;
    desk.call(call_id, "that tester is free", |view| !of(view, &tester).busy).await;
    let joined = phone.join(call_id).await;
    assert!(!of(&joined, &tester).busy, "this very call is no other");
}

#[tokio::test]
async fn a_ring_on_pages_is_told_like_a_message() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let call = caller.create_call(json!({"invitedContacts": [tester.invited()]})).await;
    let log = caller.call_log(call.call_id).await;
    let [ring] = &log.invited_contacts[0].notifications[..] else { panic!("{log:?}") };
    assert_eq!((ring.channel.as_str(), ring.state.as_str()), (RING, "queued"), "nobody is there");
}

#[tokio::test]
async fn what_somebody_else_does_is_not_for_guests() {
    let server = Server::start().await;
    let (caller, tester, other) =
        (server.login("callertest1").await, server.login("tester").await, server.login("expert1").await);
    let (mut desk, mut phone, mut third) = (caller.device().await, tester.device().await, other.device().await);
    let first = third.create_call(json!({"invitedContacts": [tester.invited()]})).await.call_id;
    phone.join(first).await;
    set(&tester, json!({"doNotDisturbUntil": server.clock().in_seconds(3_600)})).await;
    let call = json!({"invitedContacts": [gil(), tester.invited()]});
    let (call, guest) = invited_to(&server, &caller, call).await;
    let told = |view: &CallView| view.people.iter().any(|person| person.busy || person.quiet.is_some());
    desk.call(call.call_id, "what tester does", told).await;
    let mut guest = guest.device().await;
    let shown = guest.call(call.call_id, "the call", |_| true).await;
    assert!(!told(&shown), "{shown:?}");
    assert!(shown.people.iter().all(|person| person.notifications.is_empty()));
}
