//! Whose devices ring, and when they fall silent.

use farhand_protocol::{
    ErrorCode,
    call::CallStatus,
    call::CallType,
    frame::{ClientFrame, EndReason, PersonState, RingEndReason, Seat, ServerFrame},
};
use farhand_testkit::{Account, Server, json};
use serde_json::Value;

use crate::ws_raw::Raw;

fn mesh(invited: &[&Account]) -> Value {
    let invited: Vec<_> = invited.iter().map(|account| account.invited()).collect();
    json!({"callType": "MESH", "callTitle": "Pump 7", "invitedContacts": invited})
}

#[tokio::test]
async fn a_call_rings_all_devices_of_the_callee_and_none_of_the_caller() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut phone, mut desk, mut own) = (callee.device().await, callee.device().await, caller.device().await);
    let call = caller.create_call(mesh(&[&callee])).await;
    for device in [&mut phone, &mut desk] {
        let ring = device.ring(call.call_id).await;
        assert_eq!((ring.call_title.as_str(), ring.popup), ("Pump 7", true));
        assert_eq!(ring.from.user_db_id, Some(caller.id()));
        let rings_for = ring.until.0.as_millis() - call.created_date_time.0.as_millis();
        assert_eq!(rings_for, 45_000);
    }
    assert!(!own.has_rung(call.call_id).await);
}

#[tokio::test]
async fn one_device_answers_and_the_others_fall_silent() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut phone, mut desk) = (callee.device().await, callee.device().await);
    let call_id = caller.create_call(mesh(&[&callee])).await.call_id;
    phone.ring(call_id).await;
    desk.ring(call_id).await;
    assert_eq!(desk.join(call_id).await.seat, Seat::Here);
    assert_eq!(phone.ring_end(call_id).await, RingEndReason::Joined);
    let elsewhere = phone.call(call_id, "the seat elsewhere", |call| call.seat == Seat::Elsewhere).await;
    assert_eq!(elsewhere.media_plan, None, "a device without the seat has no media");
    assert_eq!(caller.events(call_id).await, ["Created", "Join"]);
}

#[tokio::test]
async fn declining_on_one_device_declines_for_the_user() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut phone, mut desk) = (callee.device().await, callee.device().await);
    let call_id = caller.create_call(mesh(&[&callee])).await.call_id;
    phone.ring(call_id).await;
    desk.ring(call_id).await;
    phone.decline(call_id).await;
    assert_eq!(desk.ring_end(call_id).await, RingEndReason::Declined);
    assert_eq!(desk.ended(call_id).await.end_reason, Some(EndReason::Declined));
    assert_eq!(caller.events(call_id).await, ["Created", "Declined", "Ended"]);
}

#[tokio::test]
async fn declining_again_from_another_device_changes_nothing() {
    let server = Server::start().await;
    let (caller, one, two) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let (mut phone, mut desk) = (one.device().await, one.device().await);
    let call_id = caller.create_call(mesh(&[&one, &two])).await.call_id;
    phone.ring(call_id).await;
    desk.ring(call_id).await;
    phone.decline(call_id).await;
    desk.decline(call_id).await;
    phone.decline(call_id).await;
    assert_eq!(caller.events(call_id).await, ["Created", "Declined"]);
}

#[tokio::test]
async fn nobody_answers_and_the_call_is_missed() {
    let server = Server::with(|config| config.calls.popup_ring_seconds = 1).await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut phone, mut own) = (callee.device().await, caller.device().await);
    let call_id = own.create_call(mesh(&[&callee])).await.call_id;
    phone.ring(call_id).await;
    assert_eq!(phone.ring_end(call_id).await, RingEndReason::TimedOut);
    let ended = own.ended(call_id).await;
    assert_eq!((ended.end_reason, ended.seat), (Some(EndReason::Missed), Seat::None));
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Missed", "Leave", "Ended"]);
    assert_eq!(
        phone.refused(|id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None }).await,
        ErrorCode::CallEnded
    );
}

#[tokio::test]
async fn the_first_expert_takes_a_mesh_call_and_the_others_fall_silent() {
    let server = Server::start().await;
    let (caller, one, two) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let (mut first, mut second) = (one.device().await, two.device().await);
    let mut own = caller.device().await;
    let call_id = own.create_call(mesh(&[&one, &two])).await.call_id;
    first.ring(call_id).await;
    second.ring(call_id).await;
    second.join(call_id).await;
    assert_eq!(first.ring_end(call_id).await, RingEndReason::TakenByOther);
    let contact = caller.call_log(call_id).await.invited_contacts[0].id.unwrap();
    own.person(call_id, contact, PersonState::Silenced).await;
    let late = first.join(call_id).await;
    assert_eq!(late.call_type, CallType::Sfu, "may still come, and three do not go peer to peer");
}

#[tokio::test]
async fn the_caller_hangs_up_and_the_ring_ends() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut phone, mut own) = (callee.device().await, caller.device().await);
    let call_id = own.create_call(mesh(&[&callee])).await.call_id;
    phone.ring(call_id).await;
    own.leave(call_id).await;
    assert_eq!(phone.ring_end(call_id).await, RingEndReason::CallEnded);
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Leave", "Ended"]);
}

#[tokio::test]
async fn a_device_that_connects_while_it_rings_is_rung_and_one_after_that_is_not() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let call_id = caller.create_call(mesh(&[&callee])).await.call_id;
    let mut late = callee.device().await;
    let ring = late.ring(call_id).await;
    assert_eq!(late.call(call_id, "the call", |_| true).await.call_status, CallStatus::Planned);
    let mut later = callee.device().await;
    assert_eq!(later.ring(call_id).await, ring, "the same ring, with the same end");
    late.join(call_id).await;
    let mut too_late = callee.device().await;
    too_late.call(call_id, "the call", |call| call.seat == Seat::Elsewhere).await;
    assert!(!too_late.has_rung(call_id).await);
}

#[tokio::test]
async fn without_informing_directly_a_call_is_listed_and_does_not_pop_up() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut phone = callee.device().await;
    let mut call = mesh(&[&callee]);
    call["informOthersDirectly"] = json!(false);
    let call_id = caller.create_call(call).await.call_id;
    assert!(!phone.ring(call_id).await.popup);
    assert!(!callee.device().await.ring(call_id).await.popup);
}

#[tokio::test]
async fn who_missed_or_declined_can_be_rung_again_by_somebody_in_the_call() {
    let server = Server::start().await;
    let (caller, one, two) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let (mut own, mut first, mut stranger) =
        (caller.device().await, one.device().await, server.login("tester").await.device().await);
    let call_id = own.create_call(mesh(&[&one, &two])).await.call_id;
    first.ring(call_id).await;
    first.decline(call_id).await;
    first.ring_end(call_id).await;
    let contact_id = caller.call_log(call_id).await.invited_contacts[0].id.unwrap();
    let again = |id| ClientFrame::RingAgain { id, call_id, contact_id };
    assert_eq!(first.refused(again).await, ErrorCode::Forbidden);
    assert_eq!(stranger.refused(again).await, ErrorCode::CallNotFound);
    own.socket().ring_again(call_id, contact_id).await.unwrap();
    first.ring(call_id).await;
    first.join(call_id).await;
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Declined", "Join"]);
    let nobody = own.refused(|id| ClientFrame::RingAgain { id, call_id, contact_id: 9_999 }).await;
    assert_eq!(nobody, ErrorCode::NotInvited);
}

#[tokio::test]
async fn a_ring_reveals_no_address_and_nothing_beyond_the_protocol() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut phone, _) = Raw::welcomed(&server, &callee).await;
    let mut own = caller.device().await;
    let created = own.create_call(mesh(&[&callee])).await;
    let peer = created.people[1].contact.id.unwrap();
    let sdp = farhand_protocol::frame::Signal::Offer { sdp: "v=0 192.0.2.7".to_owned() };
    own.socket().signal(created.call_id, created.media_plan.unwrap().epoch, peer, sdp).await.unwrap();
    assert_eq!(own.refusal().await.0, ErrorCode::NoPeer);

    let frame = phone.frame("ring").await;
    let text = frame.to_string();
    for trace in ["127.0.0.1", "192.0.2.7", "sdp", "candidate", "device", "session"] {
        assert!(!text.contains(trace), "{trace}: {text}");
    }
    let mut members: Vec<_> = frame["ring"].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["callId", "callReason", "callTitle", "callType", "from", "popup", "until"]);
    // Nothing else comes to the callee before the pong than what the protocol says.
    phone.say(json!({"type": "ping", "lastSeq": 0})).await;
    let call = phone.frame("call").await;
    assert_eq!((call["call"].get("mediaPlan"), &call["call"]["seat"]), (None, &json!("none")));
}

#[tokio::test]
async fn rings_stay_within_their_domain() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (here, there) = (server.login("expert1").await, server.login_at("other", "expert1").await);
    let (mut here_phone, mut there_phone) = (here.device().await, there.device().await);
    let call_id =
        caller.create_call(json!({"invitedContacts": [{"userId": "expert1", "domain": "ubimax"}]})).await.call_id;
    here_phone.ring(call_id).await;
    let anything = |frame: &ServerFrame| matches!(frame, ServerFrame::Ring { .. } | ServerFrame::Call { .. });
    assert!(!there_phone.has(anything).await);
}

#[tokio::test]
async fn a_person_invited_through_a_team_and_by_name_rings_once() {
    let server = Server::start().await;
    let (admin, caller, one) =
        (server.login("admin").await, server.login("callertest1").await, server.login("expert1").await);
    let team = admin.post("/admin/teams", json!({"name": "pumps", "members": [one.id()]})).await;
    assert!(team.status < 300, "{}", team.text());
    let mut phone = one.device().await;
    let mut call = mesh(&[&one]);
    call["invitedTeams"] = json!([{"name": "pumps"}]);
    let call_id = caller.create_call(call).await.call_id;
    phone.ring(call_id).await;
    assert!(!phone.has_rung(call_id).await, "rung twice");
}
