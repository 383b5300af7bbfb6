use std::io::ErrorKind;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    far::{SESSION, server},
    *,
};

fn hello() -> Hello {
    Hello::new(Token::new("secret"))
}

fn moved(seq: u64) -> Value {
    json!({"seq":seq,"type":"moved","callId":Uuid::from_u128(seq.into())})
}

fn moved_call(frame: &ServerFrame) -> Option<u128> {
    if let ServerFrame::Moved { call_id } = frame { Some(call_id.as_u128()) } else { None }
}

#[tokio::test]
async fn hello_carries_token_and_device_and_welcome_is_kept() {
    let (url, far) = server(async |mut far| {
        let hello = far.welcome(false).await;
        assert_eq!(
            (&hello["type"], &hello["protocol"], &hello["accessToken"]),
            (&json!("hello"), &json!(1), &json!("secret"))
        );
        assert!(hello["deviceId"].is_string() && hello.get("resume").is_none());
    })
    .await;
    let socket = Socket::connect(&url, hello()).await.unwrap();
    assert_eq!(socket.welcome().user.as_ref().unwrap().user_id, "tester");
    assert_eq!((socket.welcome().ping, socket.welcome().grace), (Duration::from_secs(10), Duration::from_secs(30)));
    assert!(!format!("{socket:?}").contains("secret"));
    far.await.unwrap();
}

#[tokio::test]
async fn a_request_gets_its_own_answer_and_what_came_before_is_kept_in_order() {
    let (url, far) = server(async |mut far| {
        far.welcome(false).await;
        let id = far.frame().await["id"].clone();
        far.say(moved(1)).await;
        far.say(json!({"seq":2,"type":"ok","id":4_000_000})).await;
        far.say(moved(3)).await;
        far.say(json!({"seq":4,"type":"ok","id":id})).await;
        let id = far.frame().await["id"].clone();
        far.say(json!({"seq":5,"type":"error","id":id,"code":"not_invited","detail":"No."})).await;
        far.say(json!({"type":"pong"})).await;
        far.say(moved(6)).await;
    })
    .await;
    let mut socket = Socket::connect(&url, hello()).await.unwrap();
    socket.leave(Uuid::nil()).await.unwrap();
    let refused = socket.join(Uuid::nil()).await.unwrap_err();
    assert!(matches!(&refused, SocketError::Refused(refusal) if refusal.code == ErrorCode::NotInvited), "{refused}");

    assert_eq!(moved_call(&socket.next().await.unwrap()), Some(1));
    assert!(matches!(socket.next().await.unwrap(), ServerFrame::Ok { id: 4_000_000, .. }));
    assert_eq!(moved_call(&socket.next().await.unwrap()), Some(3));
    assert_eq!(moved_call(&socket.next().await.unwrap()), Some(6));
    far.await.unwrap();
}

#[tokio::test]
async fn after_a_round_trip_everything_that_was_under_way_is_there() {
    let (url, far) = server(async |mut far| {
        far.welcome(false).await;
        far.frame().await;
        far.say(moved(1)).await;
        far.say(json!({"type":"pong"})).await;
        far.say(moved(2)).await;
    })
    .await;
    let mut socket = Socket::connect(&url, hello()).await.unwrap();
    assert!(!socket.holds(|_| true));
    socket.round_trip().await.unwrap();
    assert!(socket.holds(|frame| moved_call(frame) == Some(1)) && !socket.holds(|frame| moved_call(frame) == Some(2)));
    assert_eq!(moved_call(&socket.next().await.unwrap()), Some(1));
    assert_eq!(moved_call(&socket.next().await.unwrap()), Some(2));
    far.await.unwrap();
}

#[tokio::test]
async fn a_refused_hello_says_why() {
    let (url, _far) = server(async |mut far| {
        far.frame().await;
        far.say(json!({"type":"error","code":"unauthenticated","detail":"Log in."})).await;
        let frame = CloseFrame { code: CloseCode::from(4401), reason: "unauthenticated".into() };
        far.0.close(Some(frame)).await.unwrap();
    })
    .await;
    let refused = Socket::connect(&url, hello()).await.unwrap_err();
    let SocketError::Closed { code: Some(4401), refusal: Some(refusal), .. } = &refused else { panic!("{refused}") };
    assert_eq!(refusal.code, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn what_was_said_before_a_close_is_told_with_it() {
    let (url, _far) = server(async |mut far| {
        far.welcome(false).await;
        far.say(json!({"type":"error","code":"slow_reader","detail":"Read."})).await;
        far.0.close(Some(CloseFrame { code: CloseCode::from(4429), reason: "".into() })).await.unwrap();
    })
    .await;
    let mut socket = Socket::connect(&url, hello()).await.unwrap();
    assert!(matches!(socket.next().await.unwrap(), ServerFrame::Error { id: None, .. }));
    let closed = socket.next().await.unwrap_err();
    let SocketError::Closed { code: Some(4429), refusal: Some(refusal), .. } = &closed else { panic!("{closed}") };
    assert_eq!(refusal.code, ErrorCode::SlowReader);
}

#[tokio::test]
async fn unknown_frames_count_for_the_resume_and_a_gap_is_an_error() {
    let (url, far) = server(async |mut far| {
        far.welcome(false).await;
        far.say(json!({"seq":1,"type":"fromTheFuture"})).await;
        far.say(moved(2)).await;
        assert_eq!(far.frame().await, json!({"type":"ping","lastSeq":2}));
        far.say(moved(4)).await;
    })
    .await;
    let mut socket = Socket::connect(&url, hello()).await.unwrap();
    assert_eq!(moved_call(&socket.next().await.unwrap()), Some(2));
    socket.ping().await.unwrap();
    let again = socket.resume();
    assert_eq!(again.device_id, socket.hello.device_id);
    assert_eq!(
        again.resume.map(|resume| (resume.session_id.to_string(), resume.last_seq)),
        Some((SESSION.to_owned(), 2))
    );
    let gap = socket.next().await.unwrap_err();
    assert!(matches!(gap, SocketError::Gap { last: 2, got: 4 }), "{gap}");
    far.await.unwrap();
}

#[tokio::test]
async fn a_resumed_session_goes_on_counting_and_a_new_one_starts_over() {
    for (resumed, first) in [(true, 8), (false, 1)] {
        let (url, far) = server(async move |mut far| {
            let hello = far.welcome(resumed).await;
            assert_eq!(hello["resume"], json!({"sessionId":SESSION,"lastSeq":7}));
            far.say(moved(first)).await;
        })
        .await;
        let resume = Some(Resume { session_id: SESSION.parse().unwrap(), last_seq: 7 });
        let mut socket = Socket::connect(&url, Hello { resume, ..hello() }).await.unwrap();
        assert_eq!(socket.next().await.map(|frame| moved_call(&frame)).unwrap(), Some(first.into()));
        far.await.unwrap();
    }
}

#[tokio::test]
async fn it_pings_while_it_waits_and_gives_up_after_three_silent_intervals() {
    let (url, far) = server(async |mut far| {
        far.welcome_with(false, 1).await;
        let mut pings = 0;
        while let Some(Ok(Message::Text(text))) = far.0.next().await {
            assert!(text.contains("ping"), "{text}");
            pings += 1;
        }
        assert!((2..=3).contains(&pings), "{pings} pings");
    })
    .await;
    let mut socket = Socket::connect(&url, hello()).await.unwrap();
    let silence = socket.next().await.unwrap_err();
    assert!(matches!(silence, SocketError::Silence(limit) if limit == Duration::from_secs(3)), "{silence}");
    drop(socket);
    far.await.unwrap();
}

#[tokio::test]
async fn an_abrupt_end_is_a_reset_and_a_close_is_not() {
    for abrupt in [true, false] {
        let (tell, told) = oneshot::channel();
        let (url, _far) = server(async move |mut far| {
            far.welcome(false).await;
            tell.send(far.0.next().await).unwrap();
        })
        .await;
        let socket = Socket::connect(&url, hello()).await.unwrap();
        if abrupt {
            socket.drop_abruptly();
        } else {
            socket.close().await;
        }
        let end = told.await.unwrap();
        let reset =
            matches!(&end, Some(Err(tungstenite::Error::Io(error))) if error.kind() == ErrorKind::ConnectionReset);
        let said_goodbye = matches!(&end, Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Normal);
        assert_eq!((reset, said_goodbye), (abrupt, !abrupt), "{end:?}");
    }
}

#[tokio::test]
async fn only_plain_addresses_are_taken() {
    for url in ["https://localhost:1", "ws://localhost:1", "localhost:1"] {
        assert!(matches!(open(url, None).await.unwrap_err(), SocketError::Address(_)), "{url}");
    }
}
