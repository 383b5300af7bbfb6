//! `Idempotency-Key`: a retry is safe.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
    frame::ServerFrame,
};
use farhand_testkit::{Account, Answer, Server, WAIT, json};
use reqwest::Method;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

async fn create(caller: &Account, key: &str, body: &Value) -> Answer {
    Answer::to(caller.request(Method::POST, "/rtc/createCall").header("idempotency-key", key).json(body)).await
}

async fn number_of_calls(caller: &Account) -> usize {
    caller.get("/rtc/getCallLogs?limit=100").await.json()["calls"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_key_and_body_answer_the_calls_current_state_and_ring_nobody_twice() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let body = json!({"callType": "MESH", "invitedContacts": [expert.invited()]});
    let first: CallLog = create(&caller, "order-66", &body).await.ok();
    phone.ring(first.call_id).await;
    let again: CallLog = create(&caller, "order-66", &body).await.ok();
    assert_eq!(again, first);
    assert!(!phone.has_rung(first.call_id).await, "the one ring has been waited for, and no other came");
    phone.join(first.call_id).await;
    let now: CallLog = create(&caller, "order-66", &body).await.ok();
    assert_eq!((now.id, now.call_status, now.call_events.len()), (first.id, CallStatus::Started, 2));
    caller.rest.end_call(first.call_id).await.unwrap();
    assert_eq!(create(&caller, "order-66", &body).await.json()["callStatus"], "Ended");
    assert_eq!(number_of_calls(&caller).await, 1);
}

#[tokio::test]
async fn a_body_that_means_the_same_is_the_same() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let first = create(&caller, "k", &json!({"callType": "MESH", "callTitle": "A"})).await.json();
    let spelled = json!({"callTitle": "A", "callType": "mesh", "invitedTeams": [], "callReason": null, "x": 1});
    assert_eq!(create(&caller, "k", &spelled).await.json()["id"], first["id"]);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    create(&caller, "k", &json!({"callTitle": "A"})).await.json();
    let refused = create(&caller, "k", &json!({"callTitle": "B"})).await;
    assert_eq!(refused.status, 422);
    refused.refused(ErrorCode::IdempotencyMismatch);
    assert_eq!(number_of_calls(&caller).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let server = Server::start().await;
    let (a, b) = (server.login("callertest1").await, server.login("callertest2").await);
    let c = server.login_at(farhand_testkit::OTHER_DOMAIN, "expert1").await;
    let mut calls = Vec::new();
    for caller in [&a, &b, &c] {
        calls.push(create(caller, "k", &json!({"callTitle": caller.user.display_name})).await.json()["callId"].clone());
    }
    calls.dedup();
    assert_eq!(calls.len(), 3);
}

#[tokio::test]
async fn many_requests_with_one_key_at_the_same_moment_make_one_call_and_one_ring() {
    one_call_and_one_ring(Server::start().await).await;
}

#[tokio::test]
async fn many_requests_with_one_key_at_the_same_moment_make_one_call_and_one_ring_on_postgresql() {
    one_call_and_one_ring(Server::build().on_postgres().start().await).await;
}

async fn one_call_and_one_ring(server: Server) {
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let body = json!({"invitedContacts": [expert.invited(), {"email": "guest@example.org"}]});
    let (a, b, c, d) = tokio::join!(
        create(&caller, "k", &body),
        create(&caller, "k", &body),
        create(&caller, "k", &body),
        create(&caller, "k", &body)
    );
    let calls: Vec<CallLog> = [a, b, c, d].iter().map(Answer::ok).collect();
    assert!(calls.iter().all(|call| call.call_id == calls[0].call_id));
    assert_eq!(number_of_calls(&caller).await, 1);
    phone.ring(calls[0].call_id).await;
    assert!(!phone.has(|frame| matches!(frame, farhand_protocol::frame::ServerFrame::Ring { .. })).await);
}

#[tokio::test]
async fn a_key_is_good_for_24_hours_over_a_restart() {
    let mut server = Server::start().await;
    let caller = server.login("callertest1").await;
    let first = create(&caller, "k", &json!({})).await.json();
    server.restart().await;
    let again = create(&caller, "k", &json!({})).await.json();
    assert_eq!(again["id"], first["id"]);
    server.clock().move_ahead(Duration::from_hours(24) - Duration::from_mins(5));
    let caller = server.login("callertest1").await;
    assert_eq!(create(&caller, "k", &json!({})).await.json()["id"], first["id"]);
    server.clock().move_ahead(Duration::from_mins(5));
    let next = create(&caller, "k", &json!({"callTitle": "another body"})).await.json();
    assert_ne!(next["id"], first["id"]);
    assert_eq!(create(&caller, "k", &json!({})).await.status, 422, "the key belongs to the new call now");
}

#[tokio::test]
async fn a_refused_request_does_not_use_up_its_key() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    create(&caller, "k", &json!({"invitedContacts": [{"userDbId": 4711}]})).await.refused(ErrorCode::UnknownContact);
    create(&caller, "k", &json!({"invitedContacts": [{"userDbId": 8}]})).await.json();
}

#[tokio::test]
async fn a_key_that_is_too_long_or_empty_is_refused() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    create(&caller, &"k".repeat(255), &json!({})).await.json();
    for key in ["", &"k".repeat(256)] {
        create(&caller, key, &json!({})).await.refused(ErrorCode::InvalidField);
    }
    let raw = caller.request(Method::POST, "/rtc/createCall").header("idempotency-key", b"\xff\xfe".as_slice());
    Answer::to(raw.body("{}")).await.refused(ErrorCode::InvalidField);
}

/// A call is saved once the test lets it.
const HELD_CALLS: &str = "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$; \
    CREATE TRIGGER held BEFORE INSERT ON calls EXECUTE FUNCTION held()";
const LOCK: &str = "SELECT pg_advisory_lock(7)";
const WAITING: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn a_call_whose_creator_goes_away_while_it_is_saved_rings_all_the_same() {
    let server = Server::build().on_postgres().start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    server.execute(HELD_CALLS).await;
    let lock = server.hold(LOCK).await;
    let body = json!({"invitedContacts": [expert.invited()]}).to_string();
    let head = format!(
        "POST /rtc/createCall HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        caller.token,
        body.len()
    );
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let being_saved = async { while server.execute(WAITING).await == 0 {} };
    timeout(WAIT, being_saved).await.unwrap_or_else(|_| panic!("no call is being saved"));
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let hung_up = timeout(WAIT, stream.read_to_end(&mut answer)).await;
    assert!(hung_up.is_ok() && answer.is_empty(), "the server has given up the request");
    lock.close().await.unwrap();
    let is_ring = |frame: &ServerFrame| matches!(frame, ServerFrame::Ring { .. }).then_some(());
    phone.wait_for("a ring", is_ring).await;
}
