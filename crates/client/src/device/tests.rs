use serde_json::{Value, json};

use super::*;
use crate::{
    Token,
    socket::far::{Far, server},
};

const CALL: Uuid = Uuid::from_u128(7);

fn view(version: u64, epoch: u64) -> Value {
    json!({"callId":CALL,"id":7,"callTitle":"t","callReason":"STANDARD","callType":"MESH","callStatus":"Started",
        "plannedDateTime":null,"startedDateTime":null,"you":1,"seat":"here","creator":1,"people":[],
        "mediaPlan":{"mode":"p2p","epoch":epoch,"peer":2,"offerer":true},"version":version})
}

/// Answers the join with a plan of epoch 1.
async fn seat(far: &mut Far) {
    far.welcome(false).await;
    let join = far.frame().await;
    assert_eq!((&join["type"], &join["callId"]), (&json!("join"), &json!(CALL)));
    far.say(json!({"seq":1,"type":"ok","id":join["id"],"call":view(3, 1)})).await;
}

/// The next offer; candidates on the way are passed over.
async fn offer(far: &mut Far) -> Value {
    loop {
        let frame = far.frame().await;
        if frame["signal"]["kind"] == "offer" {
            return frame;
        }
    }
}

async fn seated(url: &str) -> Device {
    let socket = Socket::connect(url, Hello::new(Token::new("secret"))).await.unwrap();
    let mut device = Device::new(socket, MediaOptions::default());
    device.join(CALL).await.unwrap();
    device
}

#[tokio::test]
async fn media_follows_the_newest_plan_and_signals_go_out_with_its_epoch() {
    let (url, far) = server(async |mut far| {
        seat(&mut far).await;
        let first = offer(&mut far).await;
        assert_eq!((&first["epoch"], &first["to"], &first["callId"]), (&json!(1), &json!(2), &json!(CALL)));
        // An old version and another call change nothing: the next offer is that of the newer version.
        far.say(json!({"seq":2,"type":"call","call":view(2, 8)})).await;
        let mut other = view(9, 9);
        other["callId"] = json!(Uuid::nil());
        far.say(json!({"seq":3,"type":"call","call":other})).await;
        far.say(json!({"seq":4,"type":"call","call":view(4, 2)})).await;
        assert_eq!(offer(&mut far).await["epoch"], 2);
    })
    .await;
    let mut device = seated(&url).await;
    // Until the test's server has seen enough.
    while device.next().await.is_ok() {}
    far.await.unwrap();
}

#[tokio::test]
async fn signals_from_the_other_end_reach_the_media() {
    let (url, far) = server(async |mut far| {
        seat(&mut far).await;
        offer(&mut far).await;
        let answer = json!({"kind":"answer","sdp":"nonsense"});
        far.say(json!({"seq":2,"type":"signal","callId":CALL,"epoch":1,"from":2,"signal":answer})).await;
        // The owner is told of the failure; then this end hangs up.
        while far.frame().await["type"] != "leave" {}
    })
    .await;
    let mut device = seated(&url).await;
    while !matches!(device.next().await.unwrap(), DeviceEvent::Media(MediaEvent::Failed { epoch: 1, .. })) {}
    let gone = device.leave(CALL).await.unwrap_err();
    assert!(matches!(gone, SocketError::Closed { .. } | SocketError::WebSocket(_)), "{gone}");
    far.await.unwrap();
}

#[tokio::test]
async fn a_device_that_lost_its_seat_follows_no_plan() {
    let (url, far) = server(async |mut far| {
        seat(&mut far).await;
        offer(&mut far).await;
        far.say(json!({"seq":2,"type":"moved","callId":CALL})).await;
        far.say(json!({"seq":3,"type":"call","call":view(4, 2)})).await;
    })
    .await;
    let mut device = seated(&url).await;
    assert_eq!(device.media().epoch(), Some(1));
    let mut frames = 0;
    while frames < 2 {
        frames += usize::from(matches!(device.next().await.unwrap(), DeviceEvent::Frame(_)));
    }
    assert_eq!(device.media().epoch(), None);
    far.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_offered_with_a_join_ends_when_the_join_is_refused() {
    let (url, far) = server(async |mut far| {
        far.welcome(false).await;
        let join = far.frame().await;
        assert!(join["offer"]["sdp"].as_str().is_some_and(|sdp| sdp.starts_with("v=0")), "{join}");
        far.say(json!({"seq":1,"type":"error","id":join["id"],"code":"call_ended","detail":"It is over."})).await;
    })
    .await;
    let socket = Socket::connect(&url, Hello::new(Token::new("secret"))).await.unwrap();
    let mut device = Device::new(socket, MediaOptions::default());
    let refused = device.join_sfu(CALL).await.unwrap_err();
    assert!(matches!(refused, SocketError::Refused(_)), "{refused}");
    assert_eq!(device.media().epoch(), None);
    far.await.unwrap();
}
