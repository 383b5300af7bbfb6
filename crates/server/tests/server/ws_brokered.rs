//! A connector brings an expert and a pair of glasses together.

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallLogQuery, CreateCallRequest},
    frame::{ClientFrame, EndReason, PersonState, RingEndReason, Signal},
};
use farhand_testkit::{Account, Server, json};

struct Cast {
    connector: Account,
    expert: Account,
    glasses: Account,
}

impl Cast {
    async fn on(server: &Server) -> Self {
        let [connector, expert, glasses] = ["connector1", "tester", "glasses1"].map(|name| server.login(name));
        Self { connector: connector.await, expert: expert.await, glasses: glasses.await }
    }

    async fn call(&self) -> CallLog {
        let invited = [self.expert.invited(), self.connector.invited()];
        let call = json!({"callType": "MESH", "creatorUser": self.glasses.id(), "invitedContacts": invited});
        self.connector.create_call(call).await
    }
}

fn join(call_id: uuid::Uuid) -> impl FnOnce(u32) -> ClientFrame {
    move |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None }
}

#[tokio::test]
async fn the_glasses_ring_only_after_the_expert_has_taken_the_call() {
    let server = Server::start().await;
    let cast = Cast::on(&server).await;
    let (mut expert, mut glasses) = (cast.expert.device().await, cast.glasses.device().await);
    let mut connector = cast.connector.device().await;
    let call = cast.call().await;
    let call_id = call.call_id;
    assert_eq!(expert.ring(call_id).await.from.user_db_id, Some(cast.glasses.id()));
    assert!(!glasses.has_rung(call_id).await, "the glasses rang before an expert joined");
    assert!(!connector.has_rung(call_id).await, "the broker rang");

    expert.join(call_id).await;
    let ring = glasses.ring(call_id).await;
    assert_eq!(ring.from.user_db_id, Some(cast.expert.id()));
    let log = cast.connector.call_log(call_id).await;
    let since = log.call_events[1].date_time.0.as_millis();
    assert_eq!(ring.until.0.as_millis() - since, 60_000);
    let plan = glasses.join(call_id).await.media_plan.unwrap();
    assert!(plan.peer.is_some() && !plan.offerer, "the expert, who was there first, offers: {plan:?}");
    assert_eq!(cast.connector.events(call_id).await, ["Created", "Join", "Join"]);
    assert!(!connector.has_rung(call_id).await, "the broker rang");

    glasses.leave(call_id).await;
    assert_eq!(expert.ended(call_id).await.end_reason, Some(EndReason::HungUp));
    assert_eq!(connector.ended(call_id).await.end_reason, Some(EndReason::HungUp));
    let events = cast.connector.events(call_id).await;
    assert_eq!(events, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}

#[tokio::test]
async fn glasses_that_are_off_ring_when_they_connect_while_the_ring_lasts() {
    let server = Server::start().await;
    let cast = Cast::on(&server).await;
    let mut expert = cast.expert.device().await;
    let call_id = cast.call().await.call_id;
    let view = expert.join(call_id).await;
    let glasses_contact = view.creator;
    let of_glasses = |call: &farhand_protocol::frame::CallView| {
        call.people.iter().find(|p| p.contact.id == Some(glasses_contact)).map(|p| (p.state, p.online)).unwrap()
    };
    assert_eq!(of_glasses(&view), (PersonState::Ringing, false), "the expert reads \"not online\"");

    let mut glasses = cast.glasses.device().await;
    glasses.ring(call_id).await;
    expert.call(call_id, "the glasses online", |call| of_glasses(call) == (PersonState::Ringing, true)).await;
    glasses.join(call_id).await;
    assert_eq!(cast.connector.events(call_id).await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn glasses_that_connect_after_the_ring_are_not_rung_until_the_expert_rings_again() {
    let server = Server::with(|config| config.calls.creator_ring_seconds = 1).await;
    let cast = Cast::on(&server).await;
    let mut expert = cast.expert.device().await;
    let call_id = cast.call().await.call_id;
    let creator = expert.join(call_id).await.creator;
    expert.person(call_id, creator, PersonState::Missed).await;
    let mut glasses = cast.glasses.device().await;
    assert!(!glasses.has_rung(call_id).await);
    assert_eq!(cast.connector.events(call_id).await, ["Created", "Join", "Missed"]);
    expert.socket().ring_again(call_id, creator).await.unwrap();
    glasses.ring(call_id).await;
    glasses.join(call_id).await;
    assert_eq!(cast.connector.events(call_id).await, ["Created", "Join", "Missed", "Join"]);
}

#[tokio::test]
async fn the_expert_stays_when_the_glasses_decline_and_the_call_ends_when_the_expert_leaves() {
    let server = Server::start().await;
    let cast = Cast::on(&server).await;
    let (mut expert, mut glasses) = (cast.expert.device().await, cast.glasses.device().await);
    let call_id = cast.call().await.call_id;
    let creator = expert.join(call_id).await.creator;
    glasses.ring(call_id).await;
    glasses.decline(call_id).await;
    expert.person(call_id, creator, PersonState::Declined).await;
    assert_eq!(cast.connector.events(call_id).await, ["Created", "Join", "Declined"]);
    expert.leave(call_id).await;
    assert_eq!(cast.connector.events(call_id).await, ["Created", "Join", "Declined", "Leave", "Ended"]);
}

#[tokio::test]
async fn an_expert_who_leaves_first_silences_the_glasses() {
    let server = Server::start().await;
    let cast = Cast::on(&server).await;
    let (mut expert, mut glasses) = (cast.expert.device().await, cast.glasses.device().await);
    let call_id = cast.call().await.call_id;
    expert.join(call_id).await;
    glasses.ring(call_id).await;
    expert.leave(call_id).await;
    assert_eq!(glasses.ring_end(call_id).await, RingEndReason::CallEnded);
    assert_eq!(glasses.refused(join(call_id)).await, ErrorCode::CallEnded);
}

#[tokio::test]
async fn an_expert_left_alone_for_long_ends_the_call() {
    let server = Server::with(|config| {
        config.calls.creator_ring_seconds = 1;
        config.calls.alone_seconds = 1;
    })
    .await;
    let cast = Cast::on(&server).await;
    let mut expert = cast.expert.device().await;
    let call_id = cast.call().await.call_id;
    expert.join(call_id).await;
    assert_eq!(expert.ended(call_id).await.end_reason, Some(EndReason::Alone));
    assert_eq!(cast.connector.events(call_id).await, ["Created", "Join", "Missed", "Leave", "Ended"]);
}

#[tokio::test]
async fn a_broker_sees_the_call_and_has_no_seat_in_it() {
    let server = Server::start().await;
    let cast = Cast::on(&server).await;
    let mut connector = cast.connector.device().await;
    let call_id = cast.call().await.call_id;
    let seen = connector.call(call_id, "the call", |_| true).await;
    let own = seen.people.iter().find(|person| person.contact.user_db_id == Some(cast.connector.id()));
    assert_eq!(own.unwrap().state, PersonState::Broker);
    assert_eq!(connector.refused(join(call_id)).await, ErrorCode::BrokerHasNoSeat);
    assert_eq!(cast.connector.events(call_id).await, ["Created"]);
}

#[tokio::test]
async fn a_broker_cannot_seat_the_creator_on_its_own_device() {
    let server = Server::start().await;
    let cast = Cast::on(&server).await;
    let mut connector = cast.connector.device().await;
    let call = json!({"creatorUser": cast.glasses.id(), "invitedContacts": [cast.expert.invited()]});
    let call: CreateCallRequest = farhand_protocol::read::from_value(call).unwrap();
    let refused = connector.refused(|id| ClientFrame::CreateCall { id, call }).await;
    assert_eq!(refused, ErrorCode::BrokerHasNoSeat);
    assert!(cast.connector.rest.call_logs(&CallLogQuery::default()).await.unwrap().calls.is_empty());
}

#[tokio::test]
async fn no_sdp_passes_before_the_glasses_have_accepted() {
    let server = Server::start().await;
    let cast = Cast::on(&server).await;
    let (mut expert, mut glasses) = (cast.expert.device().await, cast.glasses.device().await);
    let call_id = cast.call().await.call_id;
    let view = expert.join(call_id).await;
    let plan = view.media_plan.unwrap();
    assert_eq!(plan.peer, None);
    glasses.ring(call_id).await;
    let offer = Signal::Offer { sdp: "v=0".to_owned() };
    expert.socket().signal(call_id, plan.epoch, view.creator, offer.clone()).await.unwrap();
    assert_eq!(expert.refusal().await.0, ErrorCode::NoPeer);
    let expert_contact = view.you.unwrap();
    glasses.socket().signal(call_id, plan.epoch, expert_contact, offer).await.unwrap();
    assert_eq!(glasses.refusal().await.0, ErrorCode::NotInCall);
    let signals = |frame: &farhand_protocol::frame::ServerFrame| {
        matches!(frame, farhand_protocol::frame::ServerFrame::Signal { .. })
    };
    assert!(!glasses.has(signals).await && !expert.has(signals).await);
}
