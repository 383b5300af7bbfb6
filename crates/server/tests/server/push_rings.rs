//! Browsers that ring while their pages are closed: what goes through the push service, and what the caller is told of it.

use std::time::Duration;

use farhand_protocol::{call::CallLog, frame::ClientFrame, notify::Notification};
use farhand_server::{config::Config, world::Clock as _};
use farhand_store::model::{NewLoginSession, PushSubscription, TokenPair};
use farhand_testkit::{Account, OTHER_DOMAIN, Server, json};
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    notify::{notification, notifications, story, until},
    push_service::{PushService, inside, point, subscribe},
};

/// For how long somebody is rung, in seconds.
const RING: u64 = 300;

/// A server, its push service, a caller, and somebody who lets one browser ring.
async fn ready() -> (Server, PushService, Account, Account) {
    // Time for several tries.
    let long = |config: &mut Config| {
        inside(config);
        config.calls.popup_ring_seconds = RING;
    };
    let (server, service) = (Server::with(long).await, PushService::start().await);
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    assert_eq!(subscribe(&tester, &service.endpoint("desk")).await.status, 200);
    (server, service, caller, tester)
}

async fn call(caller: &Account, whom: &Account) -> CallLog {
    caller.create_call(json!({"callTitle": "Pump 7", "invitedContacts": [whom.invited()]})).await
}

/// The next message is a ring for a call, which means that nothing was sent before it.
async fn only_rings(service: &mut PushService, call: &CallLog) {
    let opened = service.next().await.open().await;
    assert_eq!((&opened.said["kind"], &opened.said["callId"]), (&json!("ring"), &json!(call.call_id)));
}

#[tokio::test]
async fn a_ring_goes_to_every_browser_sealed_and_signed() {
    let (server, mut service, caller, tester) = ready().await;
    subscribe(&tester, &service.endpoint("phone")).await;
    let call = call(&caller, &tester).await;
    let (first, second) = (service.next().await, service.next().await);
    let mut paths = [first.path.as_str(), second.path.as_str()];
    paths.sort_unstable();
    assert_eq!(paths, ["/desk", "/phone"]);
    assert_eq!(first.header("urgency"), "high");
    assert_eq!((first.header("topic"), first.header("topic").len()), (second.header("topic"), 22));
    let opened = first.open().await;
    let said = &opened.said;
    let said = [&said["kind"], &said["callId"], &said["title"], &said["from"]];
    assert_eq!(said, [&json!("ring"), &json!(call.call_id), &json!("Pump 7"), &json!(caller.user.display_name)]);
    let phone = tester.device().await.ring(call.call_id).await;
    assert_eq!(opened.said["until"], phone.until.0.as_millis());
    let ttl: i64 = first.header("ttl").parse().unwrap();
    assert!((1..=300).contains(&ttl), "as long as it rings: {ttl}");

    let key = tester.get("/rtc/getPushKey").await.json()["publicKey"].clone();
    assert_eq!(key, opened.key);
    assert_eq!(opened.claims["aud"], format!("http://{}", service.address));
    let left = opened.claims["exp"].as_i64().unwrap() - server.clock().now().as_millis() / 1_000;
    assert!((1..=24 * 3_600).contains(&left), "{left}");
    until(&caller, call.call_id, "sent", 1).await;
    let told = |told: &Notification| (told.channel.clone(), told.kind.clone());
    let told: Vec<_> = notifications(&caller.call_log(call.call_id).await).iter().map(told).collect();
    assert_eq!(told, [("push".to_owned(), "ring".to_owned()), ("push".to_owned(), "ring".to_owned())]);
}

#[tokio::test]
async fn the_key_is_the_same_after_a_restart() {
    let (mut server, mut service, caller, tester) = ready().await;
    let before = tester.get("/rtc/getPushKey").await.json();
    server.restart().await;
    assert_eq!(tester.get("/rtc/getPushKey").await.json(), before);
    let call = call(&caller, &tester).await;
    only_rings(&mut service, &call).await;
}

#[tokio::test]
async fn a_browser_that_shows_the_ring_says_so_and_nobody_else_can() {
    let (server, mut service, caller, tester) = ready().await;
    let call = call(&caller, &tester).await;
    let opened = service.next().await.open().await;
    until(&caller, call.call_id, "sent", 1).await;
    let receipt = opened.said["receipt"].as_str().unwrap();
    let forged = format!("{}A", &receipt[..receipt.len() - 1]);
    let forged = if forged == receipt { format!("{}B", &receipt[..receipt.len() - 1]) } else { forged };
    for wrong in [forged, receipt.replace("/push/", "/sms/")] {
        assert_eq!(server.post(&wrong, "").await.status, 404, "{wrong}");
    }
    assert_eq!(notification(&caller.call_log(call.call_id).await).state, "sent");
    assert_eq!(server.post(receipt, "").await.status, 204);
    until(&caller, call.call_id, "delivered", 1).await;
}

#[tokio::test]
async fn who_answers_or_declines_on_another_device_silences_the_browser() {
    let (_server, mut service, caller, tester) = ready().await;
    let mut phone = tester.device().await;
    for (how, ended) in [("joinCall", "joined"), ("declineCall", "declined")] {
        let call = call(&caller, &tester).await;
        let ring = service.next().await;
        until(&caller, call.call_id, "sent", 1).await;
        if how == "joinCall" {
            phone.join(call.call_id).await;
        } else {
            phone.decline(call.call_id).await;
        }
        let end = service.next().await;
        assert_eq!((end.header("topic"), end.path.as_str()), (ring.header("topic"), "/desk"));
        let opened = end.open().await;
        assert_eq!((&opened.said["kind"], &opened.said["ended"]), (&json!("ringEnd"), &json!(ended)));
        let log = caller.call_log(call.call_id).await;
        assert_eq!(notifications(&log).len(), 1, "that is nothing to tell the caller");
        if how == "joinCall" {
            assert_eq!(notification(&log).state, "answered");
            phone.leave(call.call_id).await;
        }
    }
}

#[tokio::test]
async fn a_call_that_was_missed_is_told_to_the_browser_although_it_has_ended() {
    let (_server, mut service, caller, tester) = ready().await;
    let call = call(&caller, &tester).await;
    service.next().await;
    until(&caller, call.call_id, "sent", 1).await;
    assert_eq!(caller.call_operation("endCall", call.call_id).await.status, 200);
    let opened = service.next().await.open().await;
    let said = [&opened.said["kind"], &opened.said["ended"], &opened.said["from"]];
    assert_eq!(said, [&json!("ringEnd"), &json!("callEnded"), &json!(caller.user.display_name)]);
}

#[tokio::test]
async fn a_push_that_waits_is_dropped_once_nobody_needs_it() {
    let (server, mut service, caller, tester) = ready().await;
    let rungs = json!({"rungs": [{"channel": "push", "afterSeconds": 5}]});
    tester.post("/rtc/updateReachSettings", rungs).await.ok::<Value>();
    // It goes on ringing for somebody else.
    let both = json!({"invitedContacts": [tester.invited(), {"userId": "expert1"}]});
    let dropped = caller.create_call(both).await;
    tester.device().await.decline(dropped.call_id).await;
    assert_eq!(story(&caller.call_log(dropped.call_id).await), ["queued", "cancelled"]);
    let wanted = call(&caller, &tester).await;
    server.clock().move_ahead(Duration::from_secs(6));
    only_rings(&mut service, &wanted).await;
}

#[tokio::test]
async fn whoever_is_rung_again_gets_another_push() {
    let (_server, mut service, caller, tester) = ready().await;
    let (mut desk, mut phone) = (caller.device().await, tester.device().await);
    let invited = json!([tester.invited(), {"userId": "expert1"}]);
    let call_id = desk.create_call(json!({"invitedContacts": invited})).await.call_id;
    let first = service.next().await;
    until(&caller, call_id, "sent", 1).await;
    phone.decline(call_id).await;
    assert_eq!(service.next().await.open().await.said["kind"], "ringEnd");
    let contact_id = caller.call_log(call_id).await.invited_contacts[0].id.unwrap();
    desk.socket().request(|id| ClientFrame::RingAgain { id, call_id, contact_id }).await.unwrap();
    let again = service.next().await;
    assert_eq!(again.header("topic"), first.header("topic"));
    assert_eq!(again.open().await.said["kind"], "ring");
}

#[tokio::test]
async fn whoever_wants_quiet_or_is_only_to_find_the_call_listed_is_not_rung() {
    let (server, mut service, caller, tester) = ready().await;
    let quiet = |until: Value| tester.post("/rtc/updateReachSettings", json!({"doNotDisturbUntil": until}));
    quiet(json!(server.clock().in_seconds(3_600))).await.ok::<Value>();
    let held = notification(&call(&caller, &tester).await);
    assert_eq!((held.state.as_str(), held.reason.as_deref()), ("heldBack", Some("doNotDisturb")));
    quiet(Value::Null).await.ok::<Value>();
    let listed = json!({"invitedContacts": [tester.invited()], "informOthersDirectly": false});
    assert!(notifications(&caller.create_call(listed).await).is_empty());
    let at = server.clock().in_seconds(3_600);
    let planned = json!({"invitedContacts": [tester.invited()], "plannedDateTime": at});
    assert!(notifications(&caller.create_call(planned).await).is_empty(), "it does not ring yet");
    let rung = call(&caller, &tester).await;
    only_rings(&mut service, &rung).await;
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten() {
    for status in [404, 410] {
        let (_server, mut service, caller, tester) = ready().await;
        service.answer(&[(status, "no such\nbrowser")]);
        let first = call(&caller, &tester).await;
        service.next().await;
        let failed = until(&caller, first.call_id, "failed", 1).await;
        assert_eq!(failed.reason, Some(format!("{status}: no such browser")));
        let left = tester.get("/rtc/getPushSubscriptions").await.json();
        assert_eq!(left["subscriptions"], json!([]), "{status}");
        assert!(notifications(&call(&caller, &tester).await).is_empty());
    }
}

#[tokio::test]
async fn a_push_service_that_wants_to_be_left_alone_is() {
    let (server, mut service, caller, tester) = ready().await;
    service.answer(&[(429, "slow down"), (503, ""), (500, "oops")]);
    let call = call(&caller, &tester).await;
    service.next().await;
    let waits = until(&caller, call.call_id, "queued", 1).await;
    assert_eq!(waits.reason.as_deref(), Some("429: slow down"));
    server.clock().move_ahead(Duration::from_secs(6));
    // Five seconds are usual, seven were asked for: of what is due by now there is only somebody else's.
    let other = server.login("expert1").await;
    subscribe(&other, &service.endpoint("phone")).await;
    service.answer_before(201);
    let another = caller.create_call(json!({"invitedContacts": [other.invited()]})).await;
    assert_eq!(service.next().await.path, "/phone");
    until(&caller, another.call_id, "sent", 1).await;
    assert_eq!(notification(&caller.call_log(call.call_id).await).tries, 1);
    server.clock().move_ahead(Duration::from_secs(2));
    service.next().await;
    let waits = until(&caller, call.call_id, "queued", 2).await;
    assert_eq!(waits.reason.as_deref(), Some("the push service answers 503"));
    server.clock().move_ahead(Duration::from_secs(17));
    service.next().await;
    until(&caller, call.call_id, "queued", 3).await;
}

#[tokio::test]
async fn push_services_that_one_domain_names_and_that_hang_keep_nobody_elses_browser_from_ringing() {
    let (server, mut service, caller, tester) = ready().await;
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = server.login_at(OTHER_DOMAIN, "admin").await;
    let connector = server.login_at(OTHER_DOMAIN, "connector1").await;
    for browser in 0..10 {
        let endpoint = format!("http://{}/{browser}", silent.local_addr().unwrap());
        assert_eq!(subscribe(&connector, &endpoint).await.status, 200);
    }
    for _ in 0..20 {
        let call = call(&theirs, &connector).await;
        assert_eq!(notifications(&theirs.call_log(call.call_id).await).len(), 10);
    }
    let rung = call(&caller, &tester).await;
    only_rings(&mut service, &rung).await;
}

#[tokio::test]
async fn a_refusal_is_told_in_the_push_services_words_and_the_browser_stays() {
    let (_server, mut service, caller, tester) = ready().await;
    for status in [400, 401, 403, 413, 302] {
        service.answer(&[(status, "not so")]);
        let call = call(&caller, &tester).await;
        service.next().await;
        let failed = until(&caller, call.call_id, "failed", 1).await;
        assert_eq!(failed.reason, Some(format!("{status}: not so")));
        tester.device().await.decline(call.call_id).await;
    }
    let rung = call(&caller, &tester).await;
    only_rings(&mut service, &rung).await;
}

#[tokio::test]
async fn who_logs_out_is_rung_no_more_not_even_by_what_waits() {
    let (server, mut service, caller, tester) = ready().await;
    let rungs = json!({"rungs": [{"channel": "push", "afterSeconds": 5}]});
    tester.post("/rtc/updateReachSettings", rungs).await.ok::<Value>();
    let waiting = call(&caller, &tester).await;
    assert_eq!(tester.post("/auth/logout", json!({})).await.status, 204);
    server.clock().move_ahead(Duration::from_secs(6));
    let failed = until(&caller, waiting.call_id, "failed", 1).await;
    assert_eq!(failed.reason.as_deref(), Some("this browser rings no more"));
    let other = server.login("expert1").await;
    subscribe(&other, &service.endpoint("desk")).await;
    let rung = call(&caller, &other).await;
    only_rings(&mut service, &rung).await;
}

#[tokio::test]
async fn an_address_that_leads_inside_is_not_asked_though_it_was_kept() {
    let (server, service) = (Server::start().await, PushService::start().await);
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let (family, far) = (Uuid::from_u128(7), server.clock().now() + Duration::from_hours(1));
    let pair = TokenPair { access_hash: [1; 32], access_expires: far, refresh_hash: [2; 32], refresh_expires: far };
    let login = NewLoginSession { family, user_id: tester.id(), pair, created_at: server.clock().now() };
    let store = server.store().await;
    store.create_session(&login).await.unwrap();
    let kept = PushSubscription {
        name: "inside".to_owned(),
        user_id: tester.id(),
        family,
        endpoint: service.endpoint("desk"),
        public_key: point(),
        auth: vec![7; 16],
        label: None,
        created_at: server.clock().now(),
    };
    assert!(store.keep_push(&kept, 1).await.unwrap());
    let call = call(&caller, &tester).await;
    let waits = until(&caller, call.call_id, "queued", 1).await;
    assert_eq!(waits.reason.as_deref(), Some("127.0.0.1 does not lead to the internet"));
}
