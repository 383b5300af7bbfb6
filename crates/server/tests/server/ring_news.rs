//! What devices say of a ring, and people who follow links: the caller sees how far the call has come.

use farhand_protocol::{
    call::CallLog,
    frame::{CallView, ClientFrame, ServerFrame},
};
use farhand_testkit::{
    Account, Device, Server, json,
    smtp::{Options, Sink},
};
use uuid::Uuid;

use crate::notify::{RING, notification, until};

async fn shown(device: &mut Device, call_id: Uuid, seen: bool) {
    device.socket().send(&ClientFrame::RingShown { call_id, seen }).await.unwrap();
}

/// Waits until the ring is told to be in this state.
async fn ring_is(caller: &mut Device, call_id: Uuid, state: &str) {
    let is = |view: &CallView| {
        let all = || view.people.iter().flat_map(|person| &person.notifications);
        all().any(|told| told.channel == RING && told.state == state)
    };
    caller.call(call_id, state, is).await;
}

fn kinds(log: &CallLog) -> Vec<&str> {
    log.call_history.iter().map(|item| item.kind.as_str()).filter(|kind| kind.starts_with("Ring")).collect()
}

#[tokio::test]
async fn a_ring_is_delivered_seen_and_answered() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let (mut desk, mut phone, mut tablet) = (caller.device().await, tester.device().await, tester.device().await);
    let call_id = desk.create_call(json!({"invitedContacts": [tester.invited()]})).await.call_id;
    ring_is(&mut desk, call_id, "queued").await;
    shown(&mut phone, call_id, false).await;
    ring_is(&mut desk, call_id, "delivered").await;
    shown(&mut tablet, call_id, true).await;
    ring_is(&mut desk, call_id, "seen").await;
    for device in [&mut phone, &mut tablet] {
        shown(device, call_id, false).await;
        shown(device, call_id, true).await;
        device.catch_up().await;
    }
    phone.join(call_id).await;
    ring_is(&mut desk, call_id, "answered").await;
    shown(&mut tablet, call_id, true).await;
    tablet.catch_up().await;
    let log = caller.call_log(call_id).await;
    assert_eq!(kinds(&log), ["RingStarted", "RingDelivered", "RingSeen", "RingEnded"], "once each");
}

#[tokio::test]
async fn whoever_waits_in_a_brokered_call_sees_what_becomes_of_the_technicians_ring() {
    let server = Server::start().await;
    let broker = server.login("connector1").await;
    let (glasses, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let (mut worn, mut desk, mut second) = (glasses.device().await, expert.device().await, other.device().await);
    let invited = json!([expert.invited(), other.invited()]);
    let request = json!({"callType": "MESH", "creatorUser": glasses.id(), "invitedContacts": invited});
    let call_id = broker.create_call(request).await.call_id;
    second.ring(call_id).await;
    desk.join(call_id).await;
    worn.ring(call_id).await;
    shown(&mut worn, call_id, true).await;
    ring_is(&mut desk, call_id, "seen").await;
    let tells = |frame: &ServerFrame| matches!(frame, ServerFrame::Call { call } if call.people.iter().any(|person| !person.notifications.is_empty()));
    assert!(!second.has(tells).await, "who is not in the call is told nothing of it");
}

#[tokio::test]
async fn each_ring_has_its_own_news_and_nobody_elses_counts() {
    let server = Server::start().await;
    let (caller, tester, other) =
        (server.login("callertest1").await, server.login("tester").await, server.login("expert1").await);
    let (mut desk, mut phone, mut third) = (caller.device().await, tester.device().await, other.device().await);
    let invited = json!([tester.invited(), other.invited()]);
    let call_id = desk.create_call(json!({"invitedContacts": invited})).await.call_id;
    phone.ring(call_id).await;
    shown(&mut phone, call_id, true).await;
    ring_is(&mut desk, call_id, "seen").await;
    phone.decline(call_id).await;
    let person = caller.call_log(call_id).await.invited_contacts[0].id.unwrap();
    desk.socket().request(|id| ClientFrame::RingAgain { id, call_id, contact_id: person }).await.unwrap();
    let state = |log: &CallLog, index: usize| log.invited_contacts[index].notifications[0].state.clone();
    assert_eq!(state(&caller.call_log(call_id).await, 0), "queued", "the new ring has not been seen");
    // Who is not rung at all says nothing of weight.
    shown(&mut desk, call_id, true).await;
    desk.catch_up().await;
    let log = caller.call_log(call_id).await;
    assert_eq!((state(&log, 0).as_str(), state(&log, 1).as_str()), ("queued", "queued"));
    third.decline(call_id).await;
    assert_eq!(state(&caller.call_log(call_id).await, 1), "expired", "no device has ever said that it rang");
}

async fn follow(account: &Account, call_id: Uuid) {
    let mut device = account.device().await;
    device.socket().send(&ClientFrame::LinkOpened { call_id }).await.unwrap();
    device.catch_up().await;
}

#[tokio::test]
async fn whoever_follows_the_link_of_a_letter_has_seen_it() {
    let sink = Sink::start(Options::default()).await;
    let url = format!("smtp://{}?starttls=never", sink.address());
    let server = Server::with(|config| config.mail_url = Some(url)).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let contact = json!({"userDbId": tester.id(), "email": "tester@example.org"});
    let call_id = caller.create_call(json!({"invitedContacts": [contact]})).await.call_id;
    until(&caller, call_id, "sent", 1).await;
    follow(&caller, call_id).await;
    assert_eq!(notification(&caller.call_log(call_id).await).state, "sent", "the caller has had no letter");
    follow(&tester, call_id).await;
    until(&caller, call_id, "seen", 1).await;
}
