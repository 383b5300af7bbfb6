//! Connections to the SFU that are made while the call still rings.

use std::{collections::BTreeMap, sync::Arc};

use farhand_client::{
    clip::{Checker, Clip, Tally},
    device::{Device, DeviceEvent},
    media::{MediaEvent, MediaOptions},
    socket::{Socket, SocketError},
};
use farhand_protocol::{
    ErrorCode,
    frame::{CallView, ClientFrame, MediaOffer, ServerFrame},
};
use farhand_testkit::{Server, WAIT};
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

use crate::sfu_calls::{Person, call_of};

/// Somebody the call rings, who has camera and microphone ready.
pub struct Rung {
    pub device: Device,
    seen: watch::Receiver<BTreeMap<i64, Tally>>,
}

impl Rung {
    pub async fn new(server: &Server, user: &str) -> Self {
        let account = server.login(user).await;
        let socket = Socket::connect(server.url(), account.hello()).await.unwrap();
        let clip = Arc::new(Clip::embedded().unwrap());
        let checker = Arc::new(Checker::new(&clip));
        let seen = checker.by_sender();
        let options = MediaOptions { clip: Some(clip), sink: checker, ..MediaOptions::default() };
        Self { device: Device::new(socket, options), seen }
    }

    /// Goes on until this happens.
    async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&DeviceEvent) -> Option<T>) -> T {
        let find = async {
            loop {
                if let Some(found) = pick(&self.device.next().await.unwrap()) {
                    return found;
                }
            }
        };
        timeout(WAIT, find).await.unwrap_or_else(|_| panic!("not in time: {what}"))
    }

    /// Makes the connection, and tells with which offer. The last word of the handshake is this end's; what is said over the WebSocket
    /// then may be there before it.
    pub async fn prepare(&mut self, call_id: Uuid) -> MediaOffer {
        self.device.prepare(call_id);
        let offer = self.until("its offer", |event| match event {
            DeviceEvent::Media(MediaEvent::Offer { sdp, tracks, .. }) => {
                Some(MediaOffer { sdp: sdp.clone(), tracks: tracks.clone() })
            }
            DeviceEvent::Frame(_) | DeviceEvent::Media(_) => None,
        });
        let offer = offer.await;
        self.until("the prepared connection", |event| {
            matches!(event, DeviceEvent::Media(MediaEvent::ChannelOpen { epoch: 0 })).then_some(())
        })
        .await;
        offer
    }

    /// Whom the connection is enough for that there is.
    pub async fn hears(&mut self, contact: i64) {
        let mut offers = 0;
        let mut seen = self.seen.clone();
        let heard = seen.wait_for(|seen| seen.get(&contact).is_some_and(|tally| tally.reached(10, 10)));
        let go_on = async {
            loop {
                offers +=
                    u32::from(matches!(self.device.next().await, Ok(DeviceEvent::Media(MediaEvent::Offer { .. }))));
            }
        };
        tokio::select! {
            heard = timeout(WAIT, heard) => assert!(heard.is_ok(), "{contact} is not heard"),
            () = go_on => {}
        }
        assert_eq!(offers, 0, "the connection that there is is enough");
    }
}

fn call(event: &DeviceEvent, call_id: Uuid, like: impl Fn(&CallView) -> bool) -> Option<CallView> {
    match event {
        DeviceEvent::Frame(ServerFrame::Call { call }) if call.call_id == call_id && like(call) => {
            Some((**call).clone())
        }
        DeviceEvent::Frame(_) | DeviceEvent::Media(_) => None,
    }
}

pub fn refusal(error: &SocketError) -> ErrorCode {
    let SocketError::Refused(refusal) = error else { panic!("{error}") };
    refusal.code
}

#[tokio::test]
async fn whoever_was_connected_while_it_rang_accepts_without_another_offer() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut caller = Person::join(&server, "callertest1", call_id).await;
    let mut rung = Rung::new(&server, "callertest2").await;
    rung.prepare(call_id).await;
    assert!(rung.seen.borrow().is_empty(), "nothing is shown to somebody who only rings");
    assert!(caller.seen.borrow().is_empty(), "nor of him");
    let joined = rung.device.join(call_id).await.unwrap().unwrap();
    let plan = joined.media_plan.unwrap();
    assert!(plan.prepared && plan.epoch > 0, "{plan:?}");
    rung.hears(caller.contact).await;
    let own = joined.you.unwrap();
    let mut going_on = tokio::spawn(async move { while rung.device.next().await.is_ok() {} });
    caller.sees_and_hears(own).await;
    going_on.abort();
    let _ = (&mut going_on).await;
}

#[tokio::test]
async fn a_page_that_has_no_prepared_connection_makes_a_new_one() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut caller = Person::join(&server, "callertest1", call_id).await;
    let mut rung = Rung::new(&server, "callertest2").await;
    rung.prepare(call_id).await;
    rung.device.media().close();
    let joined = rung.device.join(call_id).await.unwrap().unwrap();
    assert!(!joined.media_plan.unwrap().prepared);
    let own = joined.you.unwrap();
    tokio::spawn(async move { while rung.device.next().await.is_ok() {} });
    caller.sees_and_hears(own).await;
}

#[tokio::test]
async fn a_prepared_connection_ends_with_its_ring() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut rung = Rung::new(&server, "callertest2").await;
    rung.prepare(call_id).await;
    rung.device.socket().decline(call_id).await.unwrap();
    rung.until("the goodbye", |event| {
        matches!(event, DeviceEvent::Media(MediaEvent::RemoteClosed { epoch: 0 })).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_prepares_for_a_call_that_does_not_ring_there_or_goes_past_the_server() {
    let server = Server::start().await;
    let (through, past) = (call_of(&server, "SFU").await, call_of(&server, "MESH").await);
    let mut other = server.login("expert2").await.device().await;
    let offer =
        |call_id| move |id| ClientFrame::MediaOffer { id, call_id, epoch: 0, sdp: "v=0".to_owned(), tracks: vec![] };
    let stranger = other.socket().request(offer(through)).await.unwrap_err();
    assert_eq!(refusal(&stranger), ErrorCode::CallNotFound);
    let mut rung = server.login("callertest2").await.device().await;
    assert_eq!(refusal(&rung.socket().request(offer(past)).await.unwrap_err()), ErrorCode::NoPeer);
    assert_eq!(refusal(&rung.socket().request(offer(through)).await.unwrap_err()), ErrorCode::SdpRefused);
    rung.decline(through).await;
    assert_eq!(refusal(&rung.socket().request(offer(through)).await.unwrap_err()), ErrorCode::NotInCall);
}

#[tokio::test]
async fn a_second_device_may_prepare_too_and_only_the_one_that_accepts_is_let_in() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let caller = Person::join(&server, "callertest1", call_id).await;
    let (mut phone, mut desk) = (Rung::new(&server, "callertest2").await, Rung::new(&server, "callertest2").await);
    phone.prepare(call_id).await;
    desk.prepare(call_id).await;
    desk.device.join(call_id).await.unwrap();
    phone
        .until("the goodbye to the other device", |event| {
            matches!(event, DeviceEvent::Media(MediaEvent::RemoteClosed { epoch: 0 })).then_some(())
        })
        .await;
    desk.hears(caller.contact).await;
    let seated = phone.until("the call elsewhere", |event| call(event, call_id, |_| true)).await;
    assert!(seated.media_plan.is_none());
}

#[tokio::test]
async fn five_devices_of_somebody_may_prepare_and_no_more() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut devices = Vec::new();
    for _ in 0..5 {
        let mut device = Rung::new(&server, "callertest2").await;
        device.prepare(call_id).await;
        devices.push(device);
    }
    let offer =
        |call_id| move |id| ClientFrame::MediaOffer { id, call_id, epoch: 0, sdp: "v=0".to_owned(), tracks: vec![] };
    let mut sixth = Rung::new(&server, "callertest2").await;
    let refused = sixth.device.socket().request(offer(call_id)).await.unwrap_err();
    assert_eq!(refusal(&refused), ErrorCode::Overloaded);
    let again = devices[4].device.socket().request(offer(call_id)).await.unwrap_err();
    assert_eq!(refusal(&again), ErrorCode::SdpRefused, "one of the five may try anew");
}
