//! Calls whose media go through the server: real ICE, DTLS and SRTP on loopback, whole frames compared.

use std::{collections::BTreeMap, sync::Arc};

use farhand_client::{
    clip::{Checker, Clip, Tally},
    device::{Device, DeviceEvent},
    media::{MediaEvent, MediaOptions, Reach},
    socket::{Socket, SocketError},
};
use farhand_protocol::{
    ErrorCode,
    frame::{CallView, ClientFrame, MediaMode, MediaState, MediaTrack, ServerFrame, Source},
};
use farhand_testkit::{Account, Server, WAIT, json};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

/// Frames that must come of each kind before somebody counts as seen and heard.
const ENOUGH: u64 = 20;

/// Somebody with a camera and a microphone, in a task of its own.
pub struct Person {
    pub account: Account,
    pub contact: i64,
    pub seen: watch::Receiver<BTreeMap<i64, Tally>>,
    /// Everything that comes.
    frames: mpsc::UnboundedReceiver<ServerFrame>,
    task: JoinHandle<()>,
    leave: Arc<Notify>,
    before: BTreeMap<i64, Tally>,
}

impl Person {
    pub async fn join(server: &Server, user: &str, call_id: Uuid) -> Self {
        Self::join_with(server, user, call_id, |_| {}).await
    }

    pub async fn join_over_tcp(server: &Server, user: &str, call_id: Uuid) -> Self {
        Self::join_with(server, user, call_id, |options| options.reach = Reach::Tcp).await
    }

    /// Hangs up.
    pub async fn leave(self) {
        self.leave.notify_one();
        self.task.await.unwrap();
    }

    pub async fn join_with(server: &Server, user: &str, call_id: Uuid, change: impl FnOnce(&mut MediaOptions)) -> Self {
        Self::join_at(server.url(), server.login(user).await, call_id, change).await
    }

    pub async fn join_at(url: &str, account: Account, call_id: Uuid, change: impl FnOnce(&mut MediaOptions)) -> Self {
        let socket = Socket::connect(url, account.hello()).await.unwrap();
        let clip = Arc::new(Clip::embedded().unwrap());
        let checker = Arc::new(Checker::new(&clip));
        let seen = checker.by_sender();
        let mut options = MediaOptions { clip: Some(clip), sink: checker, ..MediaOptions::default() };
        change(&mut options);
        let mut device = Device::new(socket, options);
        let contact = device.join(call_id).await.unwrap().unwrap().you.unwrap();
        let (sender, frames) = mpsc::unbounded_channel();
        let leave = Arc::new(Notify::new());
        let leaving = leave.clone();
        let task = tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    event = device.next() => event,
                    () = leaving.notified() => return device.leave(call_id).await.unwrap(),
                };
                match event {
                    Ok(DeviceEvent::Frame(frame)) => drop(sender.send(frame)),
                    Ok(DeviceEvent::Media(MediaEvent::Failed { error, .. })) => panic!("media failed: {error}"),
                    Ok(DeviceEvent::Media(_)) => {}
                    // Ends with the server, or with the test.
                    Err(_) => return,
                }
            }
        });
        Self { account, contact, seen, frames, task, leave, before: BTreeMap::new() }
    }

    /// What has come so far does not count any more.
    pub fn forget(&mut self) {
        self.before = self.seen.borrow().clone();
    }

    pub async fn sees_and_hears(&mut self, other: i64) {
        let before = self.before.get(&other).copied().unwrap_or_default();
        let (video, audio) = (before.video.matching + ENOUGH, before.audio.matching + ENOUGH);
        let enough = |seen: &BTreeMap<i64, Tally>| seen.get(&other).is_some_and(|tally| tally.reached(video, audio));
        let done = timeout(WAIT, self.seen.wait_for(enough)).await.map(|seen| seen.is_ok());
        assert_eq!(
            done,
            Ok(true),
            "{} of contact {other}: {:?}",
            self.account.user.user_id,
            self.seen.borrow().get(&other)
        );
    }

    pub async fn frame<T>(&mut self, what: &str, pick: impl Fn(ServerFrame) -> Option<T>) -> T {
        let find = async {
            loop {
                if let Some(found) = pick(self.frames.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        timeout(WAIT, find).await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub async fn call(&mut self, what: &str, like: impl Fn(&CallView) -> bool) -> CallView {
        #[expect(clippy::wildcard_enum_match_arm, reason = "other frames are passed over")]
        let pick = |frame| match frame {
            ServerFrame::Call { call } if like(&call) => Some(*call),
            _ => None,
        };
        self.frame(what, pick).await
    }

    /// The connection is gone, without a word.
    pub fn vanish(self) {
        self.task.abort();
    }
}

/// Everybody sees and hears everybody else, and nobody gets a frame that nobody sent.
pub async fn all_see_all(people: &mut [Person]) {
    let contacts: Vec<i64> = people.iter().map(|person| person.contact).collect();
    for person in people.iter_mut() {
        let own = person.contact;
        for other in contacts.iter().filter(|other| **other != own) {
            person.sees_and_hears(*other).await;
        }
        let foreign: u64 = person.seen.borrow().values().map(Tally::foreign).sum();
        assert_eq!(foreign, 0, "{} got frames nobody sent", person.account.user.user_id);
    }
}

/// From now on.
pub async fn all_see_all_again(people: &mut [Person]) {
    for person in people.iter_mut() {
        person.forget();
    }
    all_see_all(people).await;
}

pub async fn call_of(server: &Server, call_type: &str) -> Uuid {
    let invited = [server.login("callertest2").await.invited(), server.login("expert1").await.invited()];
    let call = json!({"callType": call_type, "invitedContacts": invited});
    server.login("callertest1").await.create_call(call).await.call_id
}

#[tokio::test]
async fn three_people_see_and_hear_each_other_through_the_server() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = Vec::new();
    for user in ["callertest1", "callertest2", "expert1"] {
        people.push(Person::join(&server, user, call_id).await);
    }
    all_see_all(&mut people).await;
    let events = people[0].account.events(call_id).await;
    assert_eq!(events, ["Created", "Join", "Join", "Join"]);
}

#[tokio::test]
async fn somebody_who_has_only_tcp_takes_part_on_the_servers_one_port() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = Vec::new();
    for (user, reach) in [("callertest1", Reach::Udp), ("callertest2", Reach::Tcp), ("expert1", Reach::Tcp)] {
        people.push(Person::join_with(&server, user, call_id, |options| options.reach = reach).await);
    }
    all_see_all(&mut people).await;
}

#[tokio::test]
async fn with_one_worker_or_several_everybody_finds_the_room() {
    for workers in [1, 4] {
        let server = Server::with(|config| config.media.workers = workers).await;
        let call_id = call_of(&server, "SFU").await;
        let mut people = Vec::new();
        for user in ["callertest1", "callertest2", "expert1"] {
            people.push(Person::join(&server, user, call_id).await);
        }
        all_see_all(&mut people).await;
    }
}

#[tokio::test]
async fn a_mesh_call_goes_through_the_server_once_a_third_person_is_in_it() {
    let server = Server::start().await;
    let call_id = call_of(&server, "MESH").await;
    let mut people =
        vec![Person::join(&server, "callertest1", call_id).await, Person::join(&server, "callertest2", call_id).await];
    all_see_all(&mut people).await;
    people.push(Person::join(&server, "expert1", call_id).await);
    let plan = people[0].call("a plan through the server", |call| {
        call.media_plan.as_ref().is_some_and(|plan| plan.mode == MediaMode::Sfu)
    });
    assert_eq!(plan.await.call_type, farhand_protocol::call::CallType::Sfu);
    all_see_all(&mut people).await;
    let log = people[0].account.call_log(call_id).await;
    let events: Vec<_> = log.call_events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(events, ["Created", "Join", "Join", "Join", "TypeChanged"]);
    assert_eq!(log.call_type, farhand_protocol::call::CallType::Sfu);
}

#[tokio::test]
async fn whoever_comes_back_after_a_restart_has_the_same_call_and_media_again() {
    let mut server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = Vec::new();
    for user in ["callertest1", "callertest2"] {
        people.push(Person::join(&server, user, call_id).await);
    }
    all_see_all(&mut people).await;
    people.into_iter().for_each(Person::vanish);
    server.kill();
    server.start_again().await;
    let mut people = Vec::new();
    for user in ["callertest1", "callertest2"] {
        people.push(Person::join(&server, user, call_id).await);
    }
    all_see_all(&mut people).await;
    assert_eq!(people[0].account.events(call_id).await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn a_twenty_sixth_person_finds_no_seat() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let caller = server.login("callertest1").await;
    let mut invited = Vec::new();
    for number in 0..25 {
        let user = format!("guest{number}");
        let body = json!({"userId": user, "password": "a-long-password", "roles": ["expert"], "displayName": user});
        admin.post("/admin/users", body).await.ok::<serde_json::Value>();
        invited.push(json!({"userId": user, "domain": "ubimax"}));
    }
    let call_id = caller.create_call(json!({"invitedContacts": invited})).await.call_id;
    let mut devices = vec![caller.device().await];
    devices[0].join(call_id).await;
    for number in 0..25 {
        let login = server.rest().login("ubimax", &format!("guest{number}"), "a-long-password").await.unwrap();
        let account = Account::new(server.rest(), login);
        let mut device = account.device().await;
        if number < 24 {
            device.join(call_id).await;
            devices.push(device);
        } else {
            account.call_operation("joinCall", call_id).await.refused(ErrorCode::CallFull);
        }
    }
}

fn media_offer(call_id: Uuid, epoch: u64, sdp: &str) -> impl FnOnce(u32) -> ClientFrame {
    let (sdp, tracks) = (sdp.to_owned(), vec![MediaTrack { mid: "0".to_owned(), source: Source::Microphone }]);
    move |id| ClientFrame::MediaOffer { id, call_id, epoch, sdp, tracks }
}

#[tokio::test]
async fn offers_that_cannot_be_are_refused_with_their_reason_and_the_call_goes_on() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut people =
        vec![Person::join(&server, "callertest1", call_id).await, Person::join(&server, "callertest2", call_id).await];
    let mut device = server.login("expert1").await.device().await;
    let code = |error: SocketError| {
        let SocketError::Refused(refusal) = error else { panic!("{error}") };
        (refusal.code, refusal.detail)
    };
    let early = device.socket().request(media_offer(call_id, 1, "v=0")).await.unwrap_err();
    assert_eq!(code(early).0, ErrorCode::NotInCall, "it only rings");
    let epoch = device.join(call_id).await.media_plan.unwrap().epoch;
    let stale = device.socket().request(media_offer(call_id, epoch - 1, "v=0")).await.unwrap_err();
    assert_eq!(code(stale).0, ErrorCode::StaleEpoch);
    let good = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 00:11\r\na=setup:actpass\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\n";
    let cases = [
        ("v=0\r\n".to_owned(), "fingerprint"),
        (good.replace("sha-256", "sha-1"), "sha-1"),
        (good.replace("a=fingerprint:sha-256 00:11\r\n", ""), "fingerprint"),
        (good.replace("UDP/TLS/RTP/SAVPF", "RTP/AVPF"), "DTLS-SRTP"),
        (good.replace("sendonly", "sendrecv"), "sendrecv"),
        (good.replace("a=mid:0", "a=mid:1"), "mid 0"),
        (format!("{good}{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(500)), "m-lines"),
        (good.replace("a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n", ""), "engine"),
    ];
    for (sdp, word) in cases {
        let refused = code(device.socket().request(media_offer(call_id, epoch, &sdp)).await.unwrap_err());
        assert_eq!(refused.0, ErrorCode::SdpRefused, "{word}: {}", refused.1);
        assert!(refused.1.contains(word), "{word}: {}", refused.1);
    }
    all_see_all(&mut people).await;
}

#[tokio::test]
async fn a_wrong_certificate_is_never_connected() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut honest = Person::join(&server, "callertest1", call_id).await;
    let liar = Person::join_with(&server, "callertest2", call_id, |options| options.tamper_fingerprint = true).await;
    let mut third = Person::join(&server, "expert1", call_id).await;
    honest.sees_and_hears(third.contact).await;
    third.sees_and_hears(honest.contact).await;
    assert!(!honest.seen.borrow().contains_key(&liar.contact));
    assert!(liar.seen.borrow().is_empty());
    liar.vanish();
}

#[tokio::test]
async fn what_microphones_and_cameras_do_is_told_to_everybody_in_both_modes() {
    let server = Server::start().await;
    for call_type in ["SFU", "MESH"] {
        let call_id = call_of(&server, call_type).await;
        let mut first = server.login("callertest1").await.device().await;
        let mut second = server.login("callertest2").await.device().await;
        first.join(call_id).await;
        let you = second.join(call_id).await.you.unwrap();
        let state = MediaState { microphone: true, camera: false, screen: false, sends: None };
        second.socket().send(&ClientFrame::MediaState { call_id, state }).await.unwrap();
        let told = |call: &CallView| call.people.iter().any(|p| p.contact.id == Some(you) && p.media == Some(state));
        first.call(call_id, "the state", told).await;
        let mut late = server.login("expert1").await.device().await;
        late.call(call_id, "the state for whoever comes later", told).await;
        second.leave(call_id).await;
        let silent = |call: &CallView| call.people.iter().all(|person| person.media.is_none());
        late.call(call_id, "nothing of whoever has left", silent).await;
    }
}

#[tokio::test]
async fn a_path_that_failed_is_reported_by_those_in_the_call_only() {
    let server = Server::start().await;
    let call_id = call_of(&server, "MESH").await;
    let mut first = server.login("callertest1").await.device().await;
    let mut second = server.login("callertest2").await.device().await;
    let mut third = server.login("expert1").await.device().await;
    first.join(call_id).await;
    let epoch = second.join(call_id).await.media_plan.unwrap().epoch;
    let failed = |id| ClientFrame::PathFailed { id, call_id, epoch };
    assert!(third.socket().request(failed).await.unwrap_err().to_string().contains("not_in_call"));
    second.socket().request(failed).await.unwrap();
    let through_the_server = |call: &CallView| {
        call.media_plan.as_ref().is_some_and(|plan| plan.mode == MediaMode::Sfu && plan.epoch > epoch)
    };
    first.call(call_id, "a plan through the server", through_the_server).await;
    second.call(call_id, "a plan through the server", through_the_server).await;
    let log = server.login("callertest1").await.call_log(call_id).await;
    let why: Vec<_> = log.call_history.iter().filter(|item| item.kind == "PathFailed").collect();
    assert_eq!(why.len(), 1);
    assert_eq!(why[0].reason.as_deref(), Some("noDirectPath"));
}

#[tokio::test]
async fn whoever_makes_one_offer_after_the_other_has_to_wait() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut device = server.login("expert1").await.device().await;
    let epoch = device.join(call_id).await.media_plan.unwrap().epoch;
    let mut codes = Vec::new();
    for _ in 0..50 {
        let refused = device.socket().request(media_offer(call_id, epoch, "v=0")).await.unwrap_err();
        let SocketError::Refused(refusal) = refused else { panic!("{refused}") };
        codes.push(refusal.code);
    }
    assert_eq!(codes[..10], [ErrorCode::SdpRefused; 10]);
    assert!(codes.contains(&ErrorCode::TooManyAttempts), "{codes:?}");
    server.clock().move_ahead(std::time::Duration::from_secs(1));
    let refused = device.socket().request(media_offer(call_id, epoch, "v=0")).await.unwrap_err();
    assert!(refused.to_string().contains("sdp_refused"), "{refused}");
}
