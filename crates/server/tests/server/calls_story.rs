//! What the log tells of whole calls: the contract's examples, read over REST.

use farhand_protocol::{
    call::{CallLog, CallStatus},
    frame::{PersonState, RingEndReason, ServerFrame},
};
use farhand_testkit::{Server, json};

#[tokio::test]
async fn a_running_direct_mesh_call_reads_exactly_created_join_join() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut a, mut b) = (caller.device().await, callee.device().await);
    let view = a.create_call(json!({"callType": "MESH", "invitedContacts": [callee.invited()]})).await;
    b.ring(view.call_id).await;
    b.join(view.call_id).await;
    let log = caller.call_log(view.call_id).await;
    assert_eq!(log.call_status, CallStatus::Started);
    let story: Vec<_> = log
        .call_events
        .iter()
        .map(|event| {
            (event.kind.as_str(), event.contact.id, event.contact.user_id.as_deref(), event.contact.user_db_id)
        })
        .collect();
    let (one, two) = (log.creator_contact.id, log.invited_contacts[0].id);
    assert_eq!(
        story,
        [
            ("Created", one, Some("callertest1"), Some(caller.id())),
            ("Join", one, Some("callertest1"), Some(caller.id())),
            ("Join", two, Some("callertest2"), Some(callee.id())),
        ]
    );
    let ids: Vec<_> = log.call_events.iter().map(|event| event.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert_eq!(callee.call_log(view.call_id).await, log, "the same story for everybody");
}

#[tokio::test]
async fn create_call_alone_writes_no_join_and_rings_the_creator_once_an_invitee_has_joined() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut own, mut phone) = (caller.device().await, callee.device().await);
    let call = caller.create_call(json!({"callType": "MESH", "invitedContacts": [callee.invited()]})).await;
    assert_eq!(caller.events(call.call_id).await, ["Created"]);
    phone.ring(call.call_id).await;
    assert!(!own.has_rung(call.call_id).await);
    phone.join(call.call_id).await;
    own.ring(call.call_id).await;
}

#[tokio::test]
async fn ids_rise_and_calls_have_two_of_them() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (a, b) = (caller.create_call(json!({})).await, caller.create_call(json!({})).await);
    assert!(a.id < b.id && a.call_events[0].id < b.call_events[0].id);
    assert_ne!(a.call_id, b.call_id);
    assert_eq!(a.creator_contact.id, b.creator_contact.id);
}

#[tokio::test]
async fn everybody_declining_ends_the_call() {
    let server = Server::start().await;
    let (caller, a, b) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let call = caller.create_call(json!({"invitedContacts": [a.invited(), b.invited()]})).await;
    a.call_operation("declineCall", call.call_id).await.json();
    assert_eq!(caller.events(call.call_id).await, ["Created", "Declined"]);
    a.call_operation("declineCall", call.call_id).await.json();
    b.call_operation("declineCall", call.call_id).await.json();
    assert_eq!(caller.events(call.call_id).await, ["Created", "Declined", "Declined", "Ended"]);
    let log = caller.call_log(call.call_id).await;
    assert_eq!(log.call_history.last().unwrap().reason.as_deref(), Some("declined"));
    assert!(log.ended_date_time.is_some() && log.started_date_time.is_none());
}

#[tokio::test]
async fn a_call_nobody_answers_is_missed() {
    let server = Server::with(|config| config.calls.popup_ring_seconds = 1).await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let (mut own, mut phone) = (caller.device().await, expert.device().await);
    let call = caller.create_call(json!({"invitedContacts": [expert.invited()]})).await;
    phone.ring(call.call_id).await;
    assert_eq!(phone.ring_end(call.call_id).await, RingEndReason::TimedOut);
    own.ended(call.call_id).await;
    assert_eq!(caller.events(call.call_id).await, ["Created", "Missed", "Ended"]);
}

#[tokio::test]
async fn the_first_expert_takes_a_mesh_call_the_others_fall_silent_and_may_still_join() {
    let server = Server::start().await;
    let (caller, a, b) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let (mut first, mut second) = (a.device().await, b.device().await);
    let call = caller.create_call(json!({"callType": "MESH", "invitedContacts": [a.invited(), b.invited()]})).await;
    first.ring(call.call_id).await;
    second.ring(call.call_id).await;
    first.join(call.call_id).await;
    assert_eq!(second.ring_end(call.call_id).await, RingEndReason::TakenByOther);
    let silenced = call.invited_contacts[1].id.unwrap();
    first.person(call.call_id, silenced, PersonState::Silenced).await;
    caller.call_operation("declineCall", call.call_id).await.json();
    second.join(call.call_id).await;
    assert_eq!(caller.events(call.call_id).await, ["Created", "Join", "Declined", "Join"]);
}

#[tokio::test]
async fn all_devices_ring_one_answers_and_declining_on_one_declines_for_the_user() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let (mut desk, mut phone) = (expert.device().await, expert.device().await);
    let taken = caller.create_call(json!({"invitedContacts": [expert.invited()]})).await.call_id;
    desk.ring(taken).await;
    phone.ring(taken).await;
    phone.join(taken).await;
    assert_eq!(desk.ring_end(taken).await, RingEndReason::Joined);
    phone.leave(taken).await;
    let declined = caller.create_call(json!({"invitedContacts": [expert.invited()]})).await.call_id;
    phone.ring(declined).await;
    phone.decline(declined).await;
    assert_eq!(desk.ring_end(declined).await, RingEndReason::Declined);
    assert_eq!(caller.events(declined).await, ["Created", "Declined", "Ended"]);
}

#[tokio::test]
async fn hanging_up_over_rest_ends_a_call_of_two_with_one_leave_each() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut a, mut b) = (caller.device().await, callee.device().await);
    let call = a.create_call(json!({"callType": "MESH", "invitedContacts": [callee.invited()]})).await;
    b.join(call.call_id).await;
    let log: CallLog = callee.call_operation("leaveCall", call.call_id).await.ok();
    let story: Vec<_> =
        log.call_events.iter().map(|e| (e.kind.as_str(), e.contact.user_id.as_deref().unwrap())).collect();
    assert_eq!(
        story,
        [
            ("Created", "callertest1"),
            ("Join", "callertest1"),
            ("Join", "callertest2"),
            ("Leave", "callertest2"),
            ("Leave", "callertest1"),
            ("Ended", "callertest2"),
        ]
    );
    a.ended(call.call_id).await;
    let again: CallLog = callee.call_operation("leaveCall", call.call_id).await.ok();
    assert_eq!(again, log, "leaving twice does no harm");
}

#[tokio::test]
async fn without_informing_directly_the_call_is_listed_and_nothing_pops_up() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let contact = json!({"userDbId": expert.id(), "email": "expert@example.org"});
    let call = caller.create_call(json!({"informOthersDirectly": false, "invitedContacts": [contact]})).await;
    assert!(!phone.ring(call.call_id).await.popup);
    phone.call(call.call_id, "the call in the client", |_| true).await;
    assert!(call.call_history.iter().any(|item| item.kind == "Notification"), "mail still goes");
}

#[tokio::test]
async fn a_service_request_is_stored_as_such_and_rings_like_any_call() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = json!({"callReason": "SERVICE_REQUEST", "invitedContacts": [expert.invited()]});
    let call = caller.create_call(call).await;
    assert_eq!(phone.ring(call.call_id).await.call_reason, farhand_protocol::call::CallReason::ServiceRequest);
    let read = caller.get(&format!("/rtc/getCallLogById?callId={}", call.call_id)).await.json();
    assert_eq!(read["callReason"], "SERVICE_REQUEST");
}

#[tokio::test]
async fn an_answered_call_is_in_the_database_before_the_answer() {
    let mut server = Server::start().await;
    let caller = server.login("callertest1").await;
    let mut answered = Vec::new();
    for _ in 0..20 {
        answered.push(caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await);
    }
    server.kill();
    let store = server.store().await;
    for call in answered {
        assert_eq!(store.call(call.call_id).await.unwrap().unwrap().id, call.id);
    }
}

#[tokio::test]
async fn a_call_rings_on_over_a_restart() {
    let mut server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let call = caller.create_call(json!({"invitedContacts": [expert.invited()]})).await;
    server.restart().await;
    let mut phone = expert.device().await;
    let ring = phone.ring(call.call_id).await;
    assert_eq!(ring.from.user_id.as_deref(), Some("callertest1"));
    assert!(!phone.has(|frame| matches!(frame, ServerFrame::RingEnd { .. })).await);
}
