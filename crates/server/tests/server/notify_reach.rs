//! By which messages people are reached when a page does not ring, or nobody answers there.

use std::time::Duration;

use farhand_protocol::{ErrorCode, call::CallLog};
use farhand_testkit::{
    Account, Server, json,
    smtp::{Options, Sink},
};
use serde_json::Value;

use crate::notify::{notifications, story, until};

/// How long a page may ring alone.
const PATIENCE: Duration = Duration::from_secs(15);

async fn with_mail(sink: &Sink) -> Server {
    let url = format!("smtp://{}?starttls=never", sink.address());
    Server::with(|config| config.mail_url = Some(url)).await
}

/// As our own client makes it.
async fn own_call(caller: &Account, whom: &Account) -> CallLog {
    let call = json!({"invitedContacts": [whom.invited()], "useStoredAddresses": true});
    let view = caller.device().await.create_call(call).await;
    caller.call_log(view.call_id).await
}

async fn set_domain(server: &Server, reach: Value) {
    let admin = server.login("admin").await;
    let id = admin.get("/admin/domains").await.json()[0]["id"].as_i64().unwrap();
    let changed = admin.send(reqwest::Method::PATCH, &format!("/admin/domains/{id}"), json!({"reach": reach})).await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn who_does_not_answer_within_fifteen_seconds_gets_a_letter_to_the_stored_address() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let mut device = tester.device().await;
    let call = own_call(&caller, &tester).await;
    let ring = device.ring(call.call_id).await;
    assert_eq!(ring.until.0, call.created_date_time.0 + Duration::from_mins(10), "time to read it");
    server.clock().move_ahead(Duration::from_secs(10));
    // Another one's letter goes meanwhile.
    let contact = json!({"displayName": "Kim", "email": "kim@example.org"});
    let other = caller.create_call(json!({"invitedContacts": [contact]})).await;
    until(&caller, other.call_id, "sent", 1).await;
    assert_eq!(sink.messages().await.len(), 1);
    server.clock().move_ahead(Duration::from_secs(5));
    until(&caller, call.call_id, "sent", 1).await;
    assert_eq!(sink.messages().await[1].to, ["tester@ubimax.example"]);
}

#[tokio::test]
async fn who_answers_before_gets_no_letter() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let mut device = tester.device().await;
    let (answered, declined) = (own_call(&caller, &tester).await, own_call(&caller, &tester).await);
    device.join(answered.call_id).await;
    device.decline(declined.call_id).await;
    for call in [&answered, &declined] {
        assert_eq!(story(&caller.call_log(call.call_id).await), ["queued", "cancelled"]);
    }
    server.clock().move_ahead(PATIENCE);
    let contact = json!({"displayName": "Kim", "email": "kim@example.org"});
    let other = caller.create_call(json!({"invitedContacts": [contact]})).await;
    until(&caller, other.call_id, "sent", 1).await;
    assert_eq!(sink.messages().await.len(), 1);
}

#[tokio::test]
async fn the_domain_says_whether_stored_addresses_are_used() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let by_others = || caller.create_call(json!({"invitedContacts": [tester.invited()]}));
    let used = |call: &CallLog| notifications(call).len();
    assert_eq!((used(&by_others().await), used(&own_call(&caller, &tester).await)), (0, 1), "as usual");
    set_domain(&server, json!({"storedAddresses": "always"})).await;
    assert_eq!((used(&by_others().await), used(&own_call(&caller, &tester).await)), (1, 1));
    set_domain(&server, json!({"storedAddresses": "never"})).await;
    assert_eq!((used(&by_others().await), used(&own_call(&caller, &tester).await)), (0, 0));
    set_domain(&server, Value::Null).await;
    assert_eq!((used(&by_others().await), used(&own_call(&caller, &tester).await)), (0, 1), "as usual again");
}

#[tokio::test]
async fn ones_own_rungs_count_before_the_domains() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester, expert) =
        (server.login("callertest1").await, server.login("tester").await, server.login("expert1").await);
    let rung = |after: u32| json!({"channel": "email", "address": "stored", "afterSeconds": after});
    set_domain(&server, json!({"rungs": []})).await;
    assert!(notifications(&own_call(&caller, &tester).await).is_empty());
    let set = json!({"rungs": [rung(0)]});
    tester.post("/rtc/updateReachSettings", set).await.ok::<Value>();
    let call = own_call(&caller, &tester).await;
    until(&caller, call.call_id, "sent", 1).await;
    assert!(notifications(&own_call(&caller, &expert).await).is_empty(), "others' are the domain's");
    // Not even what a request names goes by a rung that was taken out.
    let contact = json!({"userDbId": expert.id(), "email": "expert@example.org"});
    assert!(notifications(&caller.create_call(json!({"invitedContacts": [contact]})).await).is_empty());
    tester.post("/rtc/updateReachSettings", json!({"rungs": null})).await.ok::<Value>();
    assert!(notifications(&own_call(&caller, &tester).await).is_empty());
}

#[tokio::test]
async fn whoever_is_rung_again_soon_gets_no_second_letter() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let (mut desk, mut phone) = (caller.device().await, tester.device().await);
    let contact = json!({"userDbId": tester.id(), "email": "tester@example.org"});
    let call_id = desk.create_call(json!({"invitedContacts": [contact, {"userId": "expert1"}]})).await.call_id;
    let contact = phone.ring(call_id).await;
    assert!(contact.popup);
    sink.wait_for(1).await;
    let person = caller.call_log(call_id).await.invited_contacts[0].id.unwrap();
    phone.decline(call_id).await;
    let again = json!({"type": "ringAgain", "callId": call_id, "contactId": person});
    let again = |id: u32| {
        let mut frame = again.clone();
        frame["id"] = json!(id);
        serde_json::from_value::<farhand_protocol::frame::ClientFrame>(frame).unwrap()
    };
    desk.socket().request(again).await.unwrap();
    phone.ring(call_id).await;
    let letters = |log: &CallLog| log.invited_contacts[0].notifications.iter().filter(|n| n.channel == "email").count();
    assert_eq!(letters(&caller.call_log(call_id).await), 1);
    phone.decline(call_id).await;
    server.clock().move_ahead(Duration::from_mins(6));
    desk.socket().request(again).await.unwrap();
    sink.wait_for(2).await;
    assert_eq!(letters(&caller.call_log(call_id).await), 2);
}

#[tokio::test]
async fn a_planned_call_is_told_by_letter_at_once_and_again_when_it_rings() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let at = server.clock().in_seconds(300);
    let contact = json!({"displayName": "Kim", "email": "kim@example.org"});
    let call = caller.create_call(json!({"plannedDateTime": at, "invitedContacts": [contact]})).await;
    until(&caller, call.call_id, "sent", 1).await;
    let mut device = caller.device().await;
    server.clock().move_ahead(Duration::from_secs(301));
    // The call looks at the clock again when something is asked of it.
    device.join(call.call_id).await;
    let both = sink.wait_for(2).await;
    assert!(both.iter().all(|letter| letter.to == ["kim@example.org"]));
    assert_eq!(story(&caller.call_log(call.call_id).await)[..3], ["queued", "sent", "queued"]);
}

#[tokio::test]
async fn settings_are_shown_kept_and_refused_where_they_mean_nothing() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let tester = server.login("tester").await;
    let shown = tester.get("/rtc/getReachSettings").await.json();
    assert_eq!(
        (&shown["channels"], &shown["storedAddresses"], &shown["own"]),
        (&json!(["push", "email"]), &json!("ownClient"), &json!({}))
    );
    assert_eq!(shown["domainRungs"].as_array().unwrap().len(), 5);
    let wrong = [
        (json!({"rungs": [{"channel": "sms"}]}), "/rungs/0"),
        (json!({"rungs": [{"channel": "push", "afterSeconds": 601}]}), "/rungs/0/afterSeconds"),
        (
            json!({"quietHours": {"timeZone": "UTC", "spans": [{"days": [], "from": "22:00", "to": "06:00"}]}}),
            "/quietHours/spans/0",
        ),
    ];
    for (body, at) in wrong {
        tester.post("/rtc/updateReachSettings", body).await.refused_at(ErrorCode::InvalidField, at);
    }
    let nowhere = json!({"quietHours": {"timeZone": "Mars/Olympus", "spans": []}});
    let refused = tester.post("/rtc/updateReachSettings", nowhere).await;
    refused.refused_at(ErrorCode::UnknownTimeZone, "/quietHours/timeZone");
    let spans = json!([{"days": ["monday"], "from": "22:00", "to": "06:00"}]);
    let hours = json!({"timeZone": "Europe/Berlin", "spans": spans});
    tester.post("/rtc/updateReachSettings", json!({"quietHours": hours})).await.ok::<Value>();
    let until = server.clock().in_seconds(60);
    tester.post("/rtc/updateReachSettings", json!({"doNotDisturbUntil": until})).await.ok::<Value>();
    let shown = tester.get("/rtc/getReachSettings").await.json();
    assert_eq!(
        (&shown["own"]["quietHours"], &shown["quiet"]),
        (&hours, &json!("doNotDisturb")),
        "the one keeps the other"
    );
    let admin = server.login("admin").await;
    let path = format!("/admin/users/{}", tester.id());
    assert_eq!(admin.get(&path).await.json()["reach"]["quietHours"], hours);
    let cleared = admin.send(reqwest::Method::PATCH, &path, json!({"reach": null})).await.json();
    assert_eq!(cleared.get("reach"), None);
    assert_eq!(tester.get("/rtc/getReachSettings").await.json()["own"], json!({}));
    let bad = json!({"reach": {"rungs": [{"channel": "email"}]}});
    admin.send(reqwest::Method::PATCH, &path, bad).await.refused_at(ErrorCode::InvalidField, "/reach/rungs/0");
}
