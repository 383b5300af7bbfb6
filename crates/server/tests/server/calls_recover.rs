//! A write that arrived although its answer was lost: the database's call is ahead of the one in the server's memory, or
//! the server knows nothing of it.

use std::time::Duration;

use farhand_client::socket::Socket;
use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
    frame::{ClientFrame, EndReason, PersonState, Seat, ServerFrame},
};
use farhand_server::world::Clock;
use farhand_store::model::{CallUpdate, CallWrite, Invitation, NewCall, NewEvent, NewIdempotency, RunningCall};
use farhand_testkit::{Account, Answer, Device, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

/// The server's own name, and the epoch of its first start on a fresh database.
const NODE: &str = "farhand";
const EPOCH: i64 = 1;

/// A caller who sits in the call and somebody invited who rings.
struct Ringing {
    server: Server,
    caller: Account,
    callee: Account,
    here: Device,
    there: Device,
    call_id: Uuid,
}

impl Ringing {
    async fn start() -> Self {
        let server = Server::start().await;
        let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
        let (mut here, mut there) = (caller.device().await, callee.device().await);
        let call_id = here.create_call(json!({"invitedContacts": [callee.invited()]})).await.call_id;
        there.ring(call_id).await;
        here.forget().await;
        there.forget().await;
        Self { server, caller, callee, here, there, call_id }
    }

    /// The callee has joined.
    async fn answered() -> (Self, i64) {
        let mut call = Self::start().await;
        let there_is = call.there.join(call.call_id).await.you.unwrap();
        call.here.person(call.call_id, there_is, PersonState::Joined).await;
        call.here.forget().await;
        (call, there_is)
    }
}

/// What the server wrote in its own name and was not told of.
async fn overtake(server: &Server, call_id: Uuid, change: impl FnOnce(&mut CallUpdate, &mut Value)) {
    let store = server.store().await;
    let id = store.call(call_id).await.unwrap().unwrap().id;
    let RunningCall { record, state, version } = store.owned_call(id, NODE, EPOCH).await.unwrap().unwrap();
    let mut state: Value = serde_json::from_str(&state).unwrap();
    let mut update = CallUpdate {
        id,
        owner_node: NODE.to_owned(),
        owner_epoch: EPOCH,
        expected_version: version,
        state: String::new(),
        title: record.title,
        call_type: record.call_type,
        status: record.status,
        join_anonymous: record.join_anonymous,
        planned_at: record.planned_at,
        planned_zone: record.planned_zone,
        calendar_sequence: record.calendar_sequence,
        started_at: record.started_at,
        ended_at: record.ended_at,
        sleeps_until: None,
        new_events: Vec::new(),
        new_history: Vec::new(),
        new_statistics: Vec::new(),
        new_deliveries: Vec::new(),
        guest_links: Vec::new(),
        link: None,
        heard: Vec::new(),
        new_invited: Vec::new(),
        changed_invited: Vec::new(),
        new_teams: Vec::new(),
    };
    change(&mut update, &mut state);
    update.state = state.to_string();
    let saved = store.save_calls(&[CallWrite::Update(Box::new(update))]).await.unwrap();
    assert!(saved[0].is_ok(), "{saved:?}");
}

/// A new call that the server wrote in its own name and was not told of: like another, with this idempotency key.
async fn create_unheard(server: &Server, like: Uuid, key: Option<NewIdempotency>) -> Uuid {
    let store = server.store().await;
    let id = store.call(like).await.unwrap().unwrap().id;
    let RunningCall { mut record, state, .. } = store.owned_call(id, NODE, EPOCH).await.unwrap().unwrap();
    let call_id = Uuid::from_u128(record.call_id.as_u128() ^ 1);
    record.call_id = call_id;
    let owner_node = NODE.to_owned();
    let new = NewCall { record, state, owner_node, owner_epoch: EPOCH, sleeps_until: None, idempotency: key };
    let saved = store.save_calls(&[CallWrite::Create(Box::new(new))]).await.unwrap();
    assert!(saved[0].is_ok(), "{saved:?}");
    call_id
}

fn join(call_id: Uuid) -> impl FnOnce(u32) -> ClientFrame {
    move |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None }
}

/// The saved person with this contact.
fn person(state: &mut Value, contact: i64) -> &mut Value {
    let people = state["people"].as_array_mut().unwrap();
    people.iter_mut().find(|person| person["contact"] == contact).unwrap()
}

#[tokio::test]
async fn a_command_is_refused_once_and_then_nothing_is_lost_or_doubled() {
    let mut call = Ringing::start().await;
    let call_id = call.call_id;
    overtake(&call.server, call_id, |update, _| "Renamed".clone_into(&mut update.title)).await;
    assert_eq!(call.there.refused(join(call_id)).await, ErrorCode::StorageUnavailable);
    assert_eq!(call.caller.call_log(call_id).await.call_title, "Renamed");
    let shown = call.here.call(call_id, "the call as it is in the database", |c| c.call_title == "Renamed").await;
    assert_eq!(shown.people.iter().map(|p| p.state).collect::<Vec<_>>(), [PersonState::Joined, PersonState::Ringing]);
    assert!(!call.there.has_rung(call_id).await, "it rings already");

    let joined = call.there.join(call_id).await;
    assert_eq!((joined.seat, joined.version), (Seat::Here, shown.version + 1));
    call.there.leave(call_id).await;
    let log = call.caller.call_log(call_id).await;
    let kinds: Vec<_> = log.call_events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
    assert!(log.call_events.is_sorted_by(|a, b| a.id < b.id));
    call.server.restart().await;
    assert_eq!(call.caller.call_log(call_id).await, log, "the log in memory is the one on disk");
}

#[tokio::test]
async fn what_the_write_said_is_told_to_everybody_and_stands_in_the_log_once() {
    let mut call = Ringing::start().await;
    let call_id = call.call_id;
    let ended_at = call.server.clock().now();
    overtake(&call.server, call_id, |update, state| {
        let people = state["people"].as_array_mut().unwrap();
        let contacts: Vec<_> = people.iter().map(|person| person["contact"].as_i64().unwrap()).collect();
        people[0]["place"] = json!("Left");
        people[1]["place"] = json!("Silenced");
        state["phase"] = json!({"Ended": {"reason": "HungUp"}});
        "Ended".clone_into(&mut update.status);
        update.ended_at = Some(ended_at);
        let event = |seq, kind| NewEvent { seq, kind, contact_id: contacts[0], at: ended_at };
        update.new_events = vec![event(3, "Leave"), event(4, "Ended")];
    })
    .await;
    assert_eq!(call.there.refused(join(call_id)).await, ErrorCode::StorageUnavailable);
    call.there.ring_end(call_id).await;
    assert_eq!(call.here.ended(call_id).await.call_status, CallStatus::Ended);
    assert_eq!(call.there.refused(join(call_id)).await, ErrorCode::CallEnded);
    assert_eq!(call.caller.events(call_id).await, ["Created", "Join", "Leave", "Ended"]);
}

#[tokio::test]
async fn people_the_write_invited_are_rung_and_still_are_when_they_connect_again() {
    let mut call = Ringing::start().await;
    let call_id = call.call_id;
    let third = call.server.login("expert1").await;
    let mut phone = third.device().await;
    let contact = call.server.store().await.contacts_of_users(&[third.id()]).await.unwrap().remove(0);
    overtake(&call.server, call_id, |update, state| {
        let people = state["people"].as_array_mut().unwrap();
        let mut invited = people[1].clone();
        invited["contact"] = json!(contact.id);
        people.push(invited);
        update.new_invited = vec![Invitation::of(contact)];
    })
    .await;
    assert_eq!(call.there.refused(join(call_id)).await, ErrorCode::StorageUnavailable);
    phone.ring(call_id).await;
    let mut desk = third.device().await;
    assert!(desk.has_rung(call_id).await, "a call's new people are not known to the server");
}

#[tokio::test]
async fn a_device_whose_seat_the_write_moved_is_told() {
    let (mut call, there_is) = Ringing::answered().await;
    let call_id = call.call_id;
    let mut second = call.callee.device().await;
    let device = second.socket().resume().device_id;
    overtake(&call.server, call_id, |_, state| {
        person(state, there_is)["place"]["Seated"]["device"] = json!(device);
        state["epoch"] = json!(state["epoch"].as_u64().unwrap() + 1);
    })
    .await;
    assert_eq!(second.refused(join(call_id)).await, ErrorCode::StorageUnavailable);
    let moved = |frame: &ServerFrame| matches!(frame, ServerFrame::Moved { .. }).then_some(());
    call.there.wait_for("moved", moved).await;
    let there = second.call(call_id, "the seat", |call| call.seat == Seat::Here).await;
    assert!(there.media_plan.is_some());
    assert_eq!(call.caller.events(call_id).await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn a_connection_that_is_lost_meanwhile_is_lost_and_one_that_comes_back_is_back() {
    let (mut call, there_is) = Ringing::answered().await;
    let call_id = call.call_id;
    overtake(&call.server, call_id, |_, _| ()).await;
    let socket = call.there.into_socket();
    let resume = socket.resume();
    socket.drop_abruptly();
    call.here.person(call_id, there_is, PersonState::Reconnecting).await;
    call.here.forget().await;

    overtake(&call.server, call_id, |_, _| ()).await;
    let back = Socket::connect(call.server.url(), resume).await.unwrap();
    assert!(back.welcome().resumed);
    call.here.person(call_id, there_is, PersonState::Joined).await;
    let history = call.caller.call_log(call_id).await.call_history;
    let count = |kind| history.iter().filter(|item| item.kind == kind).count();
    assert_eq!((count("ConnectionLost"), count("Reconnected")), (1, 1));
}

#[tokio::test]
async fn a_new_call_whose_answer_was_lost_can_be_joined_and_rings_whom_it_invites() {
    let server = Server::start().await;
    let [caller, expert] = [server.login("callertest1").await, server.login("expert1").await];
    let (mut own, mut phone) = (caller.device().await, expert.device().await);
    let known = caller.create_call(json!({"callType": "MESH", "invitedContacts": [expert.invited()]})).await;
    let call_id = create_unheard(&server, known.call_id, None).await;
    let stranger = server.login("tester").await;
    stranger.call_operation("endCall", call_id).await.refused(ErrorCode::CallNotFound);
    let joined = own.join(call_id).await;
    assert_eq!((joined.seat, joined.call_status), (Seat::Here, CallStatus::Started));
    phone.ring(call_id).await;
    phone.join(call_id).await;
    own.leave(call_id).await;
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}

#[tokio::test]
async fn a_retry_of_a_call_whose_answer_was_lost_rings() {
    let server = Server::start().await;
    let [caller, expert] = [server.login("callertest1").await, server.login("expert1").await];
    let mut phone = expert.device().await;
    let create = async |key: &'static str| {
        let body = json!({"callType": "MESH", "invitedContacts": [expert.invited()]});
        let request = caller.request(Method::POST, "/rtc/createCall").header("idempotency-key", key).json(&body);
        Answer::to(request).await.ok::<CallLog>()
    };
    let heard = create("heard").await;
    let known = server.store().await.idempotency(caller.id(), "heard").await.unwrap().unwrap();
    let key = NewIdempotency { caller: caller.id(), key: "unheard".to_owned(), body_hash: known.body_hash };
    let call_id = create_unheard(&server, heard.call_id, Some(key)).await;
    let (one, other) = tokio::join!(create("unheard"), create("unheard"));
    assert_eq!((one.call_id, other.call_id), (call_id, call_id));
    phone.ring(call_id).await;
    assert!(!phone.has_rung(call_id).await, "two retries at once rang twice");
    phone.join(call_id).await;
    assert_eq!(caller.events(call_id).await, ["Created", "Join"]);
}

#[tokio::test]
async fn somebody_in_a_call_that_is_taken_up_while_connected_keeps_the_seat() {
    let server = Server::with(|config| config.calls.seat_seconds = 1).await;
    let [caller, expert] = [server.login("callertest1").await, server.login("expert1").await];
    let (mut own, mut phone) = (caller.device().await, expert.device().await);
    let known = own.create_call(json!({"invitedContacts": [expert.invited()]})).await;
    let call_id = create_unheard(&server, known.call_id, None).await;
    phone.join(call_id).await;
    let you = known.you.unwrap();
    own.person(call_id, you, PersonState::Joined).await;
    phone.leave(call_id).await;
    assert_eq!(own.ended(call_id).await.end_reason, Some(EndReason::HungUp), "the seat was given up as lost");
}

/// From now on, whatever a call's step writes is refused as if the database were away.
const REFUSE_STEPS: &str = "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END $$; \
    CREATE TRIGGER away BEFORE UPDATE OF state ON calls EXECUTE FUNCTION away()";
const TAKE_STEPS: &str = "DROP TRIGGER away ON calls";

#[tokio::test]
async fn a_ring_and_a_seat_outlast_a_start_that_could_not_be_saved_and_the_seat_is_not_held_for_ever() {
    let mut server = Server::build().on_postgres().config(|config| config.calls.seat_seconds = 3).start().await;
    let [caller, expert] = [server.login("callertest1").await, server.login("expert1").await];
    let mut own = caller.device().await;
    let call_id = own.create_call(json!({"invitedContacts": [expert.invited()]})).await.call_id;
    server.stop().await;
    server.clock().move_ahead(Duration::from_mins(2));
    server.execute(REFUSE_STEPS).await;
    server.start_again().await;
    let [caller, expert] = [server.login("callertest1").await, server.login("expert1").await];
    let (mut own, mut phone) = (caller.device().await, expert.device().await);
    let decline = |id| ClientFrame::Decline { id, call_id };
    assert_eq!(phone.refused(decline).await, ErrorCode::StorageUnavailable);
    server.execute(TAKE_STEPS).await;
    let creator = own.call(call_id, "the call", |_| true).await.creator;
    own.person(call_id, creator, PersonState::Reconnecting).await;
    phone.join(call_id).await;
    own.person(call_id, creator, PersonState::Left).await;
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Join", "Leave"]);
}

/// Nothing is changed here, but the server cannot know: the database has failed in the midst of it.
#[tokio::test]
async fn who_is_told_that_the_database_is_away_is_not_told_that_nothing_was_saved() {
    let server = Server::build().on_postgres().start().await;
    let [caller, expert] = [server.login("callertest1").await, server.login("expert1").await];
    let known = caller.create_call(json!({"invitedContacts": [expert.invited()]})).await.call_id;
    server.execute(REFUSE_STEPS).await;
    server.execute("CREATE TRIGGER away_too BEFORE INSERT ON calls EXECUTE FUNCTION away()").await;
    let create = caller.try_create_call(json!({})).await;
    let decline = expert.call_operation("declineCall", known).await;
    for answer in [create, decline] {
        assert_eq!(answer.status, 503);
        let detail = answer.problem().detail;
        assert!(detail.contains("may have been saved") && !detail.contains("Nothing"), "{detail}");
    }
}
