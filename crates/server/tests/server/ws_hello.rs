//! The first frame, and frames that are none.

use std::time::{Duration, Instant};

use farhand_protocol::ErrorCode;
use farhand_testkit::{Server, json};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::ws_raw::{GoodBye, Raw, hello};

const TOO_LARGE: usize = 256 * 1024 + 1;

#[tokio::test]
async fn hello_is_answered_by_welcome_and_then_by_who_is_there() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let (mut raw, welcome) = Raw::welcomed(&server, &account).await;
    let known = ["type", "protocol", "sessionId", "resumed", "user", "serverTime", "pingSeconds", "graceSeconds"];
    let members: Vec<_> = welcome.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(members.len() == known.len() && known.iter().all(|name| members.contains(name)), "{welcome}");
    assert_eq!((&welcome["protocol"], &welcome["resumed"]), (&json!(1), &json!(false)));
    assert_eq!((&welcome["pingSeconds"], &welcome["graceSeconds"]), (&json!(10), &json!(30)));
    assert_eq!((&welcome["user"]["userDbId"], &welcome["user"]["userId"]), (&json!(8), &json!("tester")));
    let presence = raw.frame("presence").await;
    assert_eq!(presence["users"], json!([{"userDbId": 8, "presence": "online"}]));
    assert_eq!(presence.get("seq"), None);
}

#[tokio::test]
async fn an_api_key_says_hello_like_a_token() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let body = json!({"userDbId": 8, "name": "kiosk"});
    let key = admin.post("/admin/api-keys", body).await;
    let key: serde_json::Value = serde_json::from_slice(&key.body).unwrap();
    let mut raw = Raw::open(&server).await;
    let hello = json!({"type": "hello", "protocol": 1, "deviceId": admin.hello().device_id, "accessToken": key["key"]});
    raw.say(hello).await;
    assert_eq!(raw.frame("welcome").await["user"]["userId"], "tester");
}

#[tokio::test]
async fn a_connection_without_hello_is_closed_after_five_seconds() {
    let server = Server::start().await;
    let mut raw = Raw::open(&server).await;
    let opened = Instant::now();
    assert_eq!(raw.good_bye().await, GoodBye::new(4401, "hello_required"));
    assert!((Duration::from_secs(4)..Duration::from_secs(10)).contains(&opened.elapsed()), "{:?}", opened.elapsed());
}

#[tokio::test]
async fn another_frame_than_hello_is_refused_before_it() {
    let server = Server::start().await;
    let some_id = server.login("tester").await.hello().device_id;
    for frame in [
        json!({"type": "ping", "lastSeq": 0}),
        json!({"type": "createCall", "id": 1, "call": {}}),
        json!({"type": "join", "id": 1, "callId": some_id}),
    ] {
        let mut raw = Raw::open(&server).await;
        raw.say(frame).await;
        assert_eq!(raw.good_bye().await, GoodBye::new(4401, "hello_required"));
    }
}

#[tokio::test]
async fn a_hello_without_a_good_token_is_refused() {
    let mut server = Server::with(|config| config.login.access_seconds = 60).await;
    let (account, gone) = (server.login("tester").await, server.login("tester").await);
    gone.rest.logout().await.unwrap();
    let token = |token: &str| json!({"type": "hello", "protocol": 1, "deviceId": account.hello().device_id, "accessToken": token});
    let cases = [
        (token(""), "unauthenticated"),
        (token("fha_forged"), "unauthenticated"),
        (token(&account.refresh_token), "unauthenticated"),
        (token(&account.token[..account.token.len() - 1]), "unauthenticated"),
        (token(&gone.token), "unauthenticated"),
        (token("demo"), "unauthenticated"),
    ];
    for (frame, code) in cases {
        let mut raw = Raw::open(&server).await;
        raw.say(frame).await;
        assert_eq!(raw.good_bye().await, GoodBye::new(4401, code));
    }
    server.clock().move_ahead(Duration::from_secs(61));
    let mut raw = Raw::open(&server).await;
    raw.say(hello(&account)).await;
    assert_eq!(raw.good_bye().await, GoodBye::new(4401, "token_expired"));
    server.stop().await;
}

#[tokio::test]
async fn a_token_in_the_address_is_worth_nothing() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    for name in ["accessToken", "access_token", "token"] {
        let mut raw = Raw::upgrade(&server, &format!("/rtc/ws?{name}={}", account.token), &[]).await.unwrap();
        raw.say(json!({"type": "hello", "protocol": 1, "deviceId": account.hello().device_id})).await;
        assert_eq!(raw.good_bye().await, GoodBye::new(4401, "unauthenticated"));
    }
}

#[tokio::test]
async fn another_protocol_is_refused_with_the_one_that_is_spoken() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    for protocol in [0, 2] {
        let mut raw = Raw::open(&server).await;
        let mut frame = hello(&account);
        frame["protocol"] = json!(protocol);
        raw.say(frame).await;
        assert_eq!(raw.good_bye().await, GoodBye::new(4400, "bad_frame"));
    }
}

#[tokio::test]
async fn hello_comes_once() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let (mut raw, _) = Raw::welcomed(&server, &account).await;
    raw.say(hello(&account)).await;
    assert_eq!(raw.good_bye().await, GoodBye::new(4400, "bad_frame"));
}

/// Texts that are no frame.
fn garbage() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "hello",
        "{",
        "null",
        "[]",
        "42",
        "{}",
        r#"{"type":"dance"}"#,
        r#"{"type":7}"#,
        r#"{"type":"join","id":1}"#,
        r#"{"type":"join","id":1,"callId":"not-a-uuid"}"#,
        r#"{"type":"join","id":-1,"callId":"5f0c6d52-9a1e-4a51-8f5b-1e7f0d1c2b3a"}"#,
        r#"{"type":"join","id":4294967296,"callId":"5f0c6d52-9a1e-4a51-8f5b-1e7f0d1c2b3a"}"#,
        r#"{"type":"signal","callId":"5f0c6d52-9a1e-4a51-8f5b-1e7f0d1c2b3a","epoch":1,"to":1,"signal":{"kind":"spell"}}"#,
        r#"{"type":"hello","protocol":1,"deviceId":"7"}"#,
        r#"{"type":"hello","protocol":"one","deviceId":"5f0c6d52-9a1e-4a51-8f5b-1e7f0d1c2b3a"}"#,
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("[".repeat(100_000));
    texts.push(format!("{}{}", r#"{"type":"join","x":"#.repeat(5_000), "}".repeat(5_000)));
    texts
}

#[tokio::test]
async fn text_that_is_no_frame_closes_the_connection_after_hello_and_before() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let mut bystander = account.device().await;
    for text in garbage() {
        let mut silent = Raw::open(&server).await;
        silent.say_text(text.as_str()).await;
        let good_bye = silent.good_bye().await;
        assert_eq!(good_bye, GoodBye::new(4400, "bad_frame"), "{text:.80}");
        let (mut raw, _) = Raw::welcomed(&server, &account).await;
        raw.say_text(text.as_str()).await;
        assert_eq!(raw.good_bye().await, GoodBye::new(4400, "bad_frame"), "{text:.80}");
    }
    bystander.catch_up().await;
}

#[tokio::test]
async fn binary_messages_are_refused_before_hello_and_after() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let bytes = Bytes::from(hello(&account).to_string());
    let mut silent = Raw::open(&server).await;
    silent.0.send(Message::Binary(bytes.clone())).await.unwrap();
    assert_eq!(silent.good_bye().await, GoodBye::new(4400, "bad_frame"));
    let (mut raw, _) = Raw::welcomed(&server, &account).await;
    raw.0.send(Message::Binary(bytes)).await.unwrap();
    assert_eq!(raw.good_bye().await, GoodBye::new(4400, "bad_frame"));
}

#[tokio::test]
async fn a_frame_over_256_kib_is_refused_before_hello_and_after() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let large = || Message::text("x".repeat(TOO_LARGE));
    let mut silent = Raw::open(&server).await;
    // The server may close before it has read everything.
    let _ = silent.0.send(large()).await;
    assert_eq!(silent.good_bye().await, GoodBye::new(1009, "bad_frame"));
    let (mut raw, _) = Raw::welcomed(&server, &account).await;
    let _ = raw.0.send(large()).await;
    assert_eq!(raw.good_bye().await, GoodBye::new(1009, "bad_frame"));
}

#[tokio::test]
async fn a_frame_of_256_kib_is_read() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let (mut raw, _) = Raw::welcomed(&server, &account).await;
    let ping = |padding: usize| json!({"type": "ping", "lastSeq": 0, "padding": "x".repeat(padding)}).to_string();
    raw.say_text(ping(TOO_LARGE - 1 - ping(0).len())).await;
    raw.frame("pong").await;
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let mut frame = hello(&account);
    frame["roles"] = json!(["admin"]);
    frame["user"] = json!({"userDbId": 12});
    let mut raw = Raw::open(&server).await;
    raw.say(frame).await;
    let user = &raw.frame("welcome").await["user"];
    assert_eq!((&user["userDbId"], &user["roles"]), (&json!(8), &json!(["expert"])));
}

#[tokio::test]
async fn the_address_without_an_upgrade_says_what_it_is() {
    let server = Server::start().await;
    server.get("/rtc/ws").await.refused(ErrorCode::BadFrame);
    server.post("/rtc/ws", "{}").await.refused(ErrorCode::MethodNotAllowed);
}

#[tokio::test]
async fn a_ping_of_the_websocket_itself_is_answered() {
    let server = Server::start().await;
    let (mut raw, _) = Raw::welcomed(&server, &server.login("tester").await).await;
    raw.0.send(Message::Ping(Bytes::from_static(b"there?"))).await.unwrap();
    loop {
        use futures_util::StreamExt;
        match raw.0.next().await.unwrap().unwrap() {
            Message::Pong(said) => break assert_eq!(said, b"there?"[..]),
            Message::Text(_) | Message::Binary(_) | Message::Ping(_) => {}
            other @ (Message::Close(_) | Message::Frame(_)) => panic!("{other:?}"),
        }
    }
}
