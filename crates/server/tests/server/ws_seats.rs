//! Taking a seat in a call, keeping it, moving it and giving it up.

use farhand_protocol::{
    ErrorCode,
    call::CallType,
    frame::{self, ClientFrame, EndReason, MediaMode, PersonState, Seat, ServerFrame},
};
use farhand_testkit::{Account, Device, Server, json};
use uuid::Uuid;

fn join(call_id: Uuid) -> impl FnOnce(u32) -> ClientFrame {
    move |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None }
}

fn rejoin(call_id: Uuid, epoch: u64) -> impl FnOnce(u32) -> ClientFrame {
    move |id| ClientFrame::Join { id, call_id, rejoin: Some(epoch), prepared: false, offer: None }
}

/// Two people in a MESH call, each on one device, and the epoch of their media.
struct Talk {
    server: Server,
    caller: Account,
    callee: Account,
    here: Device,
    there: Device,
    call_id: Uuid,
    epoch: u64,
}

impl Talk {
    async fn start() -> Self {
        let server = Server::start().await;
        let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
        let (mut here, mut there) = (caller.device().await, callee.device().await);
        let call = json!({"callType": "MESH", "invitedContacts": [callee.invited()]});
        let call_id = here.create_call(call).await.call_id;
        let epoch = there.join(call_id).await.media_plan.unwrap().epoch;
        here.forget().await;
        there.forget().await;
        Self { server, caller, callee, here, there, call_id, epoch }
    }

    async fn events(&self) -> Vec<String> {
        self.caller.events(self.call_id).await
    }

    async fn history(&self, kind: &str) -> usize {
        self.caller.call_log(self.call_id).await.call_history.iter().filter(|item| item.kind == kind).count()
    }
}

#[tokio::test]
async fn creating_over_the_websocket_joins_in_the_same_step() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut device = caller.device().await;
    let call = device.create_call(json!({"callTitle": "Pump", "invitedContacts": [callee.invited()]})).await;
    assert_eq!((call.seat, call.call_type, call.you), (Seat::Here, CallType::Sfu, Some(call.creator)));
    let plan = call.media_plan.unwrap();
    assert_eq!((plan.mode, plan.peer, plan.offerer), (MediaMode::Sfu, None, true));
    assert_eq!(caller.events(call.call_id).await, ["Created", "Join"]);
}

#[tokio::test]
async fn a_call_that_cannot_be_created_is_refused_with_a_pointer_and_the_connection_lives() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (mut raw, _) = crate::ws_raw::Raw::welcomed(&server, &caller).await;
    let call = json!({"invitedContacts": [{"userDbId": 9999}]});
    raw.say(json!({"type": "createCall", "id": 7, "call": call})).await;
    // Raw refuses errors while it waits for something else, so ask for it.
    let error = raw.frame("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(7), &json!("unknown_contact")));
    assert!(error["pointer"].as_str().unwrap().starts_with("/invitedContacts/0"), "{error}");
    raw.lives().await;
    assert!(caller.rest.call_logs(&farhand_protocol::call::CallLogQuery::default()).await.unwrap().calls.is_empty());
}

#[tokio::test]
async fn a_mesh_call_of_two_has_media_peer_to_peer() {
    let server = Server::start().await;
    let [one, two, three] =
        [server.login("expert1").await, server.login("expert2").await, server.login("tester").await];
    let (mut first, mut second, mut third) = (one.device().await, two.device().await, three.device().await);
    let call = json!({"callType": "MESH", "invitedContacts": [two.invited(), three.invited()]});
    let call_id = first.create_call(call).await.call_id;
    third.ring(call_id).await;
    let there = second.join(call_id).await;
    let plan = there.media_plan.unwrap();
    let here = first.call(call_id, "a peer", |call| call.media_plan.as_ref().is_some_and(|p| p.peer.is_some())).await;
    let other = here.media_plan.unwrap();
    assert_eq!((plan.mode, other.mode), (MediaMode::P2p, MediaMode::P2p));
    assert_eq!((plan.peer, other.peer), (here.you, there.you));
    assert_eq!((plan.epoch, plan.offerer, other.offerer), (other.epoch, false, true), "exactly one end offers");
    second.leave(call_id).await;
    assert_eq!(third.refused(join(call_id)).await, ErrorCode::CallEnded);
}

#[tokio::test]
async fn calls_of_others_cannot_be_joined_and_mostly_do_not_exist() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let call_id = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await.call_id;
    let unknown = caller.hello().device_id;
    assert_eq!(caller.device().await.refused(join(unknown)).await, ErrorCode::CallNotFound);
    for (domain, user, joining, code) in [
        ("ubimax", "expert1", ErrorCode::NotInvited, ErrorCode::CallNotFound),
        ("other", "expert1", ErrorCode::CallNotFound, ErrorCode::CallNotFound),
        ("other", "admin", ErrorCode::CallNotFound, ErrorCode::CallNotFound),
        ("ubimax", "admin", ErrorCode::NotInvited, ErrorCode::NotInvited),
    ] {
        let mut device = server.login_at(domain, user).await.device().await;
        assert_eq!(device.refused(join(call_id)).await, joining, "{user} of {domain}");
        let decline = device.refused(|id| ClientFrame::Decline { id, call_id }).await;
        let leave = device.refused(|id| ClientFrame::Leave { id, call_id }).await;
        assert_eq!((decline, leave), (code, code), "{user} of {domain}");
    }
    assert_eq!(caller.events(call_id).await, ["Created"]);
}

#[tokio::test]
async fn only_those_who_may_end_a_call_for_all() {
    let server = Server::start().await;
    let (caller, glasses, admin) =
        (server.login("callertest1").await, server.login("glasses1").await, server.login("admin").await);
    let (mut own, mut invited) = (caller.device().await, glasses.device().await);
    let call_id = own.create_call(json!({"invitedContacts": [glasses.invited()]})).await.call_id;
    invited.join(call_id).await;
    assert_eq!(invited.refused(|id| ClientFrame::End { id, call_id }).await, ErrorCode::Forbidden);
    let mut stranger = server.login("expert1").await.device().await;
    assert_eq!(stranger.refused(|id| ClientFrame::End { id, call_id }).await, ErrorCode::CallNotFound);
    admin.device().await.socket().end(call_id).await.unwrap();
    assert_eq!(invited.ended(call_id).await.end_reason, Some(EndReason::EndedForAll));
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}

#[tokio::test]
async fn what_clients_cannot_help_repeating_changes_nothing() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    // A join that was answered, but the answer was lost, comes again with rejoin.
    talk.there.socket().rejoin(call_id, talk.epoch).await.unwrap();
    talk.there.decline(call_id).await;
    talk.here.decline(call_id).await;
    assert_eq!(talk.events().await, ["Created", "Join", "Join"]);
    talk.here.leave(call_id).await;
    let ended = ["Created", "Join", "Join", "Leave", "Leave", "Ended"];
    for device in [&mut talk.here, &mut talk.there] {
        device.leave(call_id).await;
        device.decline(call_id).await;
        device.socket().end(call_id).await.unwrap();
    }
    assert_eq!(talk.events().await, ended);
}

#[tokio::test]
async fn joining_on_a_second_device_moves_the_seat() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    let mut second = talk.callee.device().await;
    let moved = second.join(call_id).await;
    assert_eq!(moved.seat, Seat::Here);
    let plan = moved.media_plan.unwrap();
    assert!(plan.epoch > talk.epoch, "the other end is a new one");
    let is_moved = |frame: &ServerFrame| if let ServerFrame::Moved { call_id } = frame { Some(*call_id) } else { None };
    assert_eq!(talk.there.wait_for("moved", is_moved).await, call_id);
    let elsewhere = talk.there.call(call_id, "the seat elsewhere", |call| call.seat == Seat::Elsewhere).await;
    assert_eq!(elsewhere.media_plan, None);
    let new_peer =
        |call: &farhand_protocol::frame::CallView| call.media_plan.as_ref().is_some_and(|p| p.epoch == plan.epoch);
    talk.here.call(call_id, "the new epoch", new_peer).await;
    assert!(!second.has(|frame| matches!(frame, ServerFrame::Moved { .. })).await);
    assert!(!talk.here.has(|frame| matches!(frame, ServerFrame::Moved { .. })).await);
    assert_eq!(talk.events().await, ["Created", "Join", "Join"]);
    assert_eq!(talk.history("SeatMoved").await, 1);
}

#[tokio::test]
async fn a_device_whose_seat_was_taken_cannot_rejoin_but_can_take_it_back() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    let mut second = talk.callee.device().await;
    let epoch = second.join(call_id).await.media_plan.unwrap().epoch;
    for claimed in [talk.epoch, epoch, 0] {
        assert_eq!(talk.there.refused(rejoin(call_id, claimed)).await, ErrorCode::SeatMoved);
    }
    let back = talk.there.join(call_id).await;
    assert_eq!(back.seat, Seat::Here);
    second.call(call_id, "the seat elsewhere", |call| call.seat == Seat::Elsewhere).await;
    assert_eq!(talk.events().await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn leaving_counts_from_the_device_with_the_seat_and_over_rest() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    let mut second = talk.callee.device().await;
    second.join(call_id).await;
    talk.there.leave(call_id).await;
    let mut third = talk.callee.device().await;
    third.leave(call_id).await;
    assert_eq!(talk.events().await, ["Created", "Join", "Join"]);
    third.call(call_id, "the seat elsewhere", |call| call.seat == Seat::Elsewhere).await;
    talk.callee.call_operation("leaveCall", call_id).await.json();
    assert_eq!(talk.events().await, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}

#[tokio::test]
async fn the_first_devices_end_does_not_touch_the_seat_on_the_second() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    let mut second = talk.callee.device().await;
    second.join(call_id).await;
    talk.there.into_socket().drop_abruptly();
    // The device is gone: so ask the call how it stands.
    let mut third = talk.callee.device().await;
    third.call(call_id, "the seat elsewhere", |call| call.seat == Seat::Elsewhere).await;
    let shown =
        talk.here.call(call_id, "both in the call", |call| call.people.iter().all(|p| p.state == PersonState::Joined));
    shown.await;
    assert_eq!(
        talk.caller.call_log(call_id).await.call_history.iter().filter(|i| i.kind == "ConnectionLost").count(),
        0
    );
    talk.server.stop().await;
}

#[tokio::test]
async fn a_page_that_was_reloaded_rejoins_with_new_media_and_one_that_lives_with_the_old() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    let kept = talk.there.socket().rejoin(call_id, talk.epoch).await.unwrap().unwrap();
    assert_eq!(kept.media_plan.unwrap().epoch, talk.epoch);
    let mut last = talk.epoch;
    for stale in [0, talk.epoch - 1] {
        let fresh = talk.there.socket().rejoin(call_id, stale).await.unwrap().unwrap();
        let epoch = fresh.media_plan.unwrap().epoch;
        assert!(epoch > last, "a rejoin with epoch {stale} keeps media that is gone");
        last = epoch;
    }
    assert_eq!(talk.events().await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn who_has_left_and_was_rung_again_joins_anew() {
    let server = Server::start().await;
    let [one, two] = [server.login("expert1").await, server.login("expert2").await];
    let (mut first, mut second) = (one.device().await, two.device().await);
    let call_id = first.create_call(json!({"invitedContacts": [two.invited()]})).await.call_id;
    second.decline(call_id).await;
    first.ended(call_id).await;
    assert_eq!(second.refused(rejoin(call_id, 1)).await, ErrorCode::CallEnded);
    assert_eq!(one.events(call_id).await, ["Created", "Join", "Declined", "Leave", "Ended"]);
}

#[tokio::test]
async fn joining_over_rest_takes_the_seat_on_the_named_session() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let call_id = caller.create_call(json!({"invitedContacts": [callee.invited()]})).await.call_id;
    callee.call_operation("joinCall", call_id).await.refused(ErrorCode::SessionRequired);
    let (mut phone, mut desk) = (callee.device().await, callee.device().await);
    callee.call_operation("joinCall", call_id).await.refused(ErrorCode::SessionRequired);
    let of_others = caller.device().await.session_id();
    callee
        .post("/rtc/joinCall", json!({"callId": call_id, "sessionId": of_others}))
        .await
        .refused(ErrorCode::SessionRequired);
    callee.rest.join_call(call_id, Some(desk.session_id())).await.unwrap();
    desk.call(call_id, "the seat", |call| call.seat == Seat::Here && call.media_plan.is_some()).await;
    phone.call(call_id, "the seat elsewhere", |call| call.seat == Seat::Elsewhere).await;
    assert_eq!(caller.events(call_id).await, ["Created", "Join"]);
}

#[tokio::test]
async fn joining_over_rest_takes_no_seat_on_a_session_whose_connection_is_lost() {
    let mut talk = Talk::start().await;
    let third = talk.server.login("expert1").await;
    let second = third.create_call(json!({"invitedContacts": [talk.callee.invited()]})).await.call_id;
    let lost = talk.there.session_id();
    talk.there.into_socket().drop_abruptly();
    let is_reconnecting = |p: &frame::Person| p.state == PersonState::Reconnecting;
    talk.here.call(talk.call_id, "the loss", |call| call.people.iter().any(is_reconnecting)).await;
    let join = talk.callee.post("/rtc/joinCall", json!({"callId": second, "sessionId": lost})).await;
    join.refused(ErrorCode::SessionRequired);
    assert_eq!(third.events(second).await, ["Created"], "nobody would ever notice that this device is gone");
}

#[tokio::test]
async fn every_change_is_shown_once_with_a_rising_version() {
    let talk = Talk::start().await;
    let (mut here, mut there) = (talk.here, talk.there);
    there.socket().rejoin(talk.call_id, 0).await.unwrap();
    there.leave(talk.call_id).await;
    here.catch_up().await;
    let mut versions = Vec::new();
    while here.has(|frame| matches!(frame, ServerFrame::Call { .. })).await {
        versions.push(here.call(talk.call_id, "a change", |_| true).await.version);
    }
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}
