//! What guests may do: take part in their call, and nothing else.

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CreateCallRequest},
    frame::{ClientFrame, PersonState, ServerFrame},
    guest::GuestInvitation,
};
use farhand_testkit::{Account, Answer, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::guests::{contact, gil, invited, invited_to, noted};

/// What the documented API has for guests; to all else they are nobody.
const OPEN: [&str; 10] = [
    "lookAtInvitation",
    "acceptTerms",
    "getCallLogById",
    "joinCall",
    "declineCall",
    "cancelCall",
    "leaveCall",
    "getIceServers",
    "putStill",
    "getStill",
];

#[tokio::test]
async fn a_guests_link_opens_no_operation_but_those_of_its_call() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (_, guest) = invited(&server, &caller).await;
    let document = server.get("/v3/api-docs").await.json();
    let mut refused = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, spec) in methods.as_object().unwrap() {
            let id = spec["operationId"].as_str().unwrap();
            if OPEN.contains(&id) || ["login", "refresh", "useJoinCode"].contains(&id) {
                continue;
            }
            let concrete = path.split('/').map(|part| if part.starts_with('{') { "8" } else { part });
            let concrete = concrete.collect::<Vec<_>>().join("/");
            let method: Method = method.to_uppercase().parse().unwrap();
            let request = guest.request(method.clone(), &concrete);
            let request = if method == Method::GET { request } else { request.body("{}") };
            Answer::to(request).await.refused(ErrorCode::GuestForbidden);
            refused += 1;
        }
    }
    assert!(refused > 25, "{refused}");
    let users = caller.post("/guest/look", json!({})).await;
    users.refused(ErrorCode::Forbidden);
}

#[tokio::test]
async fn a_guest_is_rung_joins_is_seen_and_leaves_like_everybody_else() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    let (mut own, mut device) = (caller.device().await, guest.device().await);
    let welcomed = device.socket().welcome().clone();
    let gil = contact(&call);
    let told = welcomed.guest.unwrap();
    assert_eq!((told.contact_id, told.display_name.as_str(), told.call_id), (gil, "Gil", call.call_id));
    assert_eq!(welcomed.user, None);
    device.ring(call.call_id).await;
    own.join(call.call_id).await;
    let view = device.join(call.call_id).await;
    assert!(view.media_plan.is_some() && view.you == Some(gil));
    let seen = own.person(call.call_id, gil, PersonState::Joined).await;
    let guests: Vec<_> = seen.people.iter().filter(|person| person.guest).map(|person| person.contact.id).collect();
    assert_eq!(guests, [Some(gil)]);
    device.leave(call.call_id).await;
    assert_eq!(caller.events(call.call_id).await, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}

#[tokio::test]
async fn a_guest_comes_back_after_a_drop_and_on_another_device() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    caller.device().await.join(call.call_id).await;
    let mut device = guest.device().await;
    device.join(call.call_id).await;
    let lost = device.socket().resume();
    drop(device);
    let resumed = farhand_client::socket::Socket::connect(server.url(), lost).await.unwrap();
    assert!(resumed.welcome().resumed, "the same link");
    let mut other = guest.device().await;
    other.join(call.call_id).await;
    assert_eq!(caller.events(call.call_id).await, ["Created", "Join", "Join"], "one seat, moved");
}

#[tokio::test]
async fn a_guest_declines_over_either_way() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    guest.post("/rtc/declineCall", json!({"callId": call.call_id})).await.ok::<CallLog>();
    assert_eq!(caller.events(call.call_id).await, ["Created", "Declined", "Ended"]);
    let (call, guest) = invited(&server, &caller).await;
    guest.device().await.decline(call.call_id).await;
    assert_eq!(caller.events(call.call_id).await, ["Created", "Declined", "Ended"]);
}

#[tokio::test]
async fn of_other_calls_a_guest_learns_not_even_that_there_are_any() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (_, guest) = invited(&server, &caller).await;
    let (other, _) = invited(&server, &caller).await;
    let mut device = guest.device().await;
    for call_id in [other.call_id, Uuid::from_u128(7)] {
        guest.get(&format!("/rtc/getCallLogById?callId={call_id}")).await.refused(ErrorCode::CallNotFound);
        for operation in ["joinCall", "declineCall", "leaveCall"] {
            let answer = guest.post(&format!("/rtc/{operation}"), json!({"callId": call_id})).await;
            answer.refused(ErrorCode::CallNotFound);
        }
        let join = |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None };
        assert_eq!(device.refused(join).await, ErrorCode::CallNotFound);
        assert_eq!(device.refused(|id| ClientFrame::Leave { id, call_id }).await, ErrorCode::CallNotFound);
    }
}

#[tokio::test]
async fn a_guest_calls_nobody_rings_nobody_and_ends_nothing_for_others() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    let call_id = call.call_id;
    caller.device().await.join(call_id).await;
    let mut device = guest.device().await;
    device.join(call_id).await;
    let create = |id| ClientFrame::CreateCall { id, call: CreateCallRequest::default() };
    assert_eq!(device.refused(create).await, ErrorCode::GuestForbidden);
    assert_eq!(device.refused(|id| ClientFrame::End { id, call_id }).await, ErrorCode::GuestForbidden);
    let creator = call.creator_contact.id.unwrap();
    let ring = |id| ClientFrame::RingAgain { id, call_id, contact_id: creator };
    assert_eq!(device.refused(ring).await, ErrorCode::GuestForbidden);
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Join"]);
}

fn words(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| words(item, into)),
        Value::Object(members) => members.values().for_each(|member| words(member, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Nothing anybody could be reached or sign in by.
#[track_caller]
fn is_discreet(shown: &Value) {
    let mut all = Vec::new();
    words(shown, &mut all);
    for secret in ["@", "callertest1", "tester", "4711", "Notification"] {
        assert!(!all.iter().any(|text| text.contains(secret)), "{secret}: {all:?}");
    }
}

async fn with_addresses(server: &Server, caller: &Account) -> (CallLog, farhand_testkit::Guest) {
    let nameless = json!({"phoneNumber": "+49 123 4711 42"});
    let unnamed = json!({"email": "zoe@example.org"});
    let tester = json!({"userDbId": 8, "email": "tester@example.org"});
    let people = json!({"invitedContacts": [gil(), nameless, unnamed, tester], "callTitle": "Pump 7"});
    invited_to(server, caller, people).await
}

#[tokio::test]
async fn a_guest_sees_no_address_no_login_name_and_no_message() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = with_addresses(&server, &caller).await;
    assert!(noted(&caller.call_log(call.call_id).await, "Notification") > 0, "there are some");
    let log = guest.get(&format!("/rtc/getCallLogById?callId={}", call.call_id)).await.json();
    is_discreet(&log);
    let names: Vec<_> = log["invitedContacts"].as_array().unwrap().iter().map(|c| c["displayName"].clone()).collect();
    assert_eq!(names, ["Gil", "…142", "zoe", "Tester"]);
    let mut device = guest.device().await;
    let ring = device.ring(call.call_id).await;
    is_discreet(&serde_json::to_value(ring.from).unwrap());
    let mut own = caller.device().await;
    own.join(call.call_id).await;
    let view = device.join(call.call_id).await;
    is_discreet(&serde_json::to_value(view.people).unwrap());
    let presence = |frame: &ServerFrame| matches!(frame, ServerFrame::Presence { .. });
    assert!(!device.has(presence).await, "nor who else is in the domain");
}

#[tokio::test]
async fn terms_are_accepted_first_and_again_when_they_change() {
    let server = Server::start().await;
    let (caller, admin) = (server.login("callertest1").await, server.login("admin").await);
    let (call, guest) = invited(&server, &caller).await;
    let domain = admin.get("/admin/domains").await.json()[0]["id"].clone();
    let path = format!("/admin/domains/{domain}");
    let set = async |terms: Value| admin.send(Method::PATCH, &path, json!({"guestTerms": terms})).await;
    assert_eq!(set(json!(" Be kind. ")).await.json()["guestTerms"], "Be kind.");
    guest.get("/rtc/getIceServers").await.refused(ErrorCode::TermsRequired);
    assert_eq!(guest.refused_device().await, (Some(4403), ErrorCode::TermsRequired));
    let terms = guest.invitation().await.terms.unwrap();
    assert_eq!(terms.text, "Be kind.");
    guest.post("/guest/accept", json!({"version": "0000"})).await.refused(ErrorCode::TermsRequired);
    let accept = json!({"version": terms.version});
    for _ in 0..2 {
        let accepted: GuestInvitation = guest.post("/guest/accept", accept.clone()).await.ok();
        assert_eq!(accepted.terms, None);
    }
    guest.device().await;
    assert_eq!(noted(&caller.call_log(call.call_id).await, "TermsAccepted"), 1, "recorded");
    let stored = server.store().await.guest_invitation(contact(&call)).await.unwrap().unwrap();
    assert_eq!(stored.link.accepted.unwrap().text, terms.version);
    set(json!("Be very kind.")).await.json();
    guest.get("/rtc/getIceServers").await.refused(ErrorCode::TermsRequired);
    set(json!("x".repeat(20_001))).await.refused_at(ErrorCode::InvalidField, "/guestTerms");
    assert_eq!(set(Value::Null).await.json().get("guestTerms"), None);
    guest.get("/rtc/getIceServers").await.json();
}

#[tokio::test]
async fn guests_are_in_no_list_of_contacts_and_have_no_presence() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let before = caller.get("/rtc/getContacts").await.json()["users"].as_array().unwrap().len();
    let (_, guest) = invited(&server, &caller).await;
    let _device = guest.device().await;
    let users = caller.get("/rtc/getContacts").await.json()["users"].clone();
    assert_eq!(users.as_array().unwrap().len(), before);
}
