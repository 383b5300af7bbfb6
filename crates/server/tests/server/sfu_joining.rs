//! Offers to the SFU that go out with the join, to save a round trip.

use farhand_client::media::{MediaOptions, MediaSession};
use farhand_protocol::{
    ErrorCode,
    frame::{ClientFrame, MediaMode, MediaOffer, MediaPlan},
};
use farhand_testkit::Server;
use uuid::Uuid;

use crate::{
    sfu_calls::{Person, call_of},
    sfu_ringing::{Rung, refusal},
};

/// As a client makes it before it knows anything of the server's end.
async fn offer() -> MediaOffer {
    MediaSession::new(MediaOptions::default()).offer_ahead().await.unwrap()
}

/// The same offer as one that restarts ICE.
fn restarted(sdp: &str) -> String {
    let line = |line: &str| match line.split_once(':') {
        Some(("a=ice-ufrag", _)) => "a=ice-ufrag:anew\r\n".to_owned(),
        Some(("a=ice-pwd", _)) => "a=ice-pwd:a-password-of-22-characters\r\n".to_owned(),
        Some(_) | None => format!("{line}\r\n"),
    };
    sdp.lines().map(line).collect()
}

struct Joined {
    plan: MediaPlan,
    answer: Option<String>,
}

impl Rung {
    async fn joins(&mut self, call_id: Uuid, offer: MediaOffer) -> Joined {
        let offer = Some(Box::new(offer));
        self.asks(|id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer }).await
    }

    async fn asks(&mut self, join: impl FnOnce(u32) -> ClientFrame) -> Joined {
        let granted = self.device.socket().ask(join).await.unwrap();
        Joined { plan: granted.call.unwrap().media_plan.unwrap(), answer: granted.sdp }
    }

    async fn offers(&mut self, call_id: Uuid, epoch: u64, MediaOffer { sdp, tracks }: MediaOffer) -> ErrorCode {
        let offer = |id| ClientFrame::MediaOffer { id, call_id, epoch, sdp, tracks };
        refusal(&self.device.socket().request(offer).await.unwrap_err())
    }
}

#[tokio::test]
async fn whoever_joins_with_an_offer_is_seen_and_heard_without_another() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut caller = Person::join(&server, "callertest1", call_id).await;
    let mut rung = Rung::new(&server, "callertest2").await;
    let view = rung.device.join_sfu(call_id).await.unwrap().unwrap();
    rung.hears(caller.contact).await;
    tokio::spawn(async move { while rung.device.next().await.is_ok() {} });
    caller.sees_and_hears(view.you.unwrap()).await;
}

#[tokio::test]
async fn an_offer_is_of_no_use_to_a_call_past_the_server_and_no_mistake() {
    let server = Server::start().await;
    let call_id = call_of(&server, "MESH").await;
    let mut rung = Rung::new(&server, "callertest2").await;
    let joined = rung.joins(call_id, offer().await).await;
    assert_eq!((joined.plan.mode, joined.answer), (MediaMode::P2p, None));
}

#[tokio::test]
async fn the_connection_that_was_prepared_keeps_its_own_offer() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let caller = Person::join(&server, "callertest1", call_id).await;
    let mut rung = Rung::new(&server, "callertest2").await;
    let own = rung.prepare(call_id).await;
    // The media engine would take it: what it knows of the other end stays, but for the credentials.
    let another = Some(Box::new(MediaOffer { sdp: restarted(&own.sdp), tracks: own.tracks }));
    let join = |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: true, offer: another };
    let granted = rung.device.socket().ask(join).await.unwrap();
    assert_eq!(granted.sdp, None);
    assert!(granted.call.as_ref().unwrap().media_plan.as_ref().unwrap().prepared);
    rung.device.sit_down(call_id, granted.call.as_deref());
    rung.hears(caller.contact).await;
}

#[tokio::test]
async fn an_offer_that_was_answered_while_it_rang_is_not_answered_again() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut rung = Rung::new(&server, "callertest2").await;
    let own = offer().await;
    let MediaOffer { sdp, tracks } = own.clone();
    let prepare = |id| ClientFrame::MediaOffer { id, call_id, epoch: 0, sdp, tracks };
    assert!(rung.device.socket().ask(prepare).await.unwrap().sdp.is_some());
    // The page has not heard the answer when it joins.
    let offer = Some(Box::new(own));
    let joined = rung.asks(|id| ClientFrame::Join { id, call_id, rejoin: None, prepared: true, offer }).await;
    assert!(joined.plan.prepared && joined.answer.is_none());
}

#[tokio::test]
async fn an_offer_that_was_never_answered_while_it_rang_is_answered_with_the_join() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut rung = Rung::new(&server, "callertest2").await;
    // The page thinks it has prepared one, and the server knows of none.
    let lost = Some(Box::new(offer().await));
    let join = |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: true, offer: lost.clone() };
    let (first, again) = (rung.asks(&join).await, rung.asks(&join).await);
    assert!(!first.plan.prepared && first.answer.is_some());
    // A client that has not heard the answer asks again, and has lost nothing.
    assert!(!again.plan.prepared && again.answer.is_some());
}

#[tokio::test]
async fn a_bad_offer_refuses_nobody_the_seat_and_said_again_is_told_why() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut rung = Rung::new(&server, "callertest2").await;
    let bad = MediaOffer { sdp: "v=0".to_owned(), tracks: Vec::new() };
    let joined = rung.joins(call_id, bad.clone()).await;
    assert_eq!(joined.answer, None);
    assert_eq!(rung.offers(call_id, joined.plan.epoch, bad).await, ErrorCode::SdpRefused);
}

#[tokio::test]
async fn a_page_that_was_loaded_again_gets_its_new_connection_with_the_join() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut rung = Rung::new(&server, "callertest2").await;
    let before = rung.joins(call_id, offer().await).await;
    let fresh = Some(Box::new(offer().await));
    let rejoin = |id| ClientFrame::Join { id, call_id, rejoin: Some(0), prepared: false, offer: fresh.clone() };
    let after = rung.asks(rejoin).await;
    assert!(after.plan.epoch > before.plan.epoch);
    assert!(after.answer.is_some_and(|answer| before.answer.is_some_and(|before| before != answer)));
}
