//! Connections that break, and what is missed meanwhile.

use farhand_client::{
    Token,
    socket::{Hello, Socket, SocketError},
};
use farhand_protocol::{
    ErrorCode,
    call::CallStatus,
    frame::{ClientFrame, EndReason, PersonState, Resume, ServerFrame, Signal},
};
use farhand_testkit::{Account, Device, Server, json};
use uuid::Uuid;

use crate::ws_raw::{GoodBye, Raw, close, hello_of};

fn numbered(number: usize) -> Signal {
    let candidate = number.to_string();
    Signal::Candidate { candidate, sdp_mid: None, sdp_m_line_index: None, username_fragment: None }
}

struct Talk {
    server: Server,
    caller: Account,
    callee: Account,
    here: Device,
    /// `None` while it is broken off.
    there: Option<Device>,
    call_id: Uuid,
    epoch: u64,
    here_is: i64,
    there_is: i64,
}

impl Talk {
    async fn start() -> Self {
        Self::with_grace(30).await
    }

    async fn with_grace(seconds: u64) -> Self {
        let server = Server::with(|config| {
            config.calls.grace_seconds = seconds;
            config.calls.seat_seconds = seconds;
        })
        .await;
        let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
        let (mut here, mut there) = (caller.device().await, callee.device().await);
        let call = json!({"callType": "MESH", "invitedContacts": [callee.invited()]});
        let call_id = here.create_call(call).await.call_id;
        let view = there.join(call_id).await;
        let (epoch, there_is) = (view.media_plan.unwrap().epoch, view.you.unwrap());
        here.forget().await;
        there.forget().await;
        Self { server, caller, callee, here, there: Some(there), call_id, epoch, here_is: view.creator, there_is }
    }

    /// The callee's connection breaks, and the caller sees it. Answers what to resume with.
    async fn break_there(&mut self) -> Hello {
        let resume = broken_off(self.there.take().unwrap());
        self.here.person(self.call_id, self.there_is, PersonState::Reconnecting).await;
        resume
    }

    fn there(&mut self) -> &mut Device {
        self.there.as_mut().unwrap()
    }

    async fn history(&self, kind: &str) -> usize {
        self.caller.call_log(self.call_id).await.call_history.iter().filter(|item| item.kind == kind).count()
    }
}

/// Resets the connection without a word. Answers what to resume with.
fn broken_off(device: Device) -> Hello {
    let socket = device.into_socket();
    let resume = socket.resume();
    socket.drop_abruptly();
    resume
}

async fn connect(server: &Server, hello: Hello) -> Device {
    Device::new(Socket::connect(server.url(), hello).await.unwrap())
}

async fn is_resumed(server: &Server, hello: Hello) -> bool {
    Socket::connect(server.url(), hello).await.unwrap().welcome().resumed
}

#[tokio::test]
async fn a_resume_replays_exactly_what_was_missed_in_order() {
    const SIGNALS: usize = 200;
    let mut talk = Talk::start().await;
    let (call_id, epoch) = (talk.call_id, talk.epoch);
    let resume = talk.break_there().await;
    for number in 0..SIGNALS {
        talk.here.socket().signal(call_id, epoch, talk.there_is, numbered(number)).await.unwrap();
    }
    talk.here.catch_up().await;

    // The client checks that no number is missing and none comes twice.
    let mut back = connect(&talk.server, resume).await;
    assert!(back.socket().welcome().resumed);
    for number in 0..SIGNALS {
        assert_eq!(back.signal(call_id).await, (epoch, talk.here_is, numbered(number)));
    }
    talk.here.person(call_id, talk.there_is, PersonState::Joined).await;
    assert_eq!((talk.history("ConnectionLost").await, talk.history("Reconnected").await), (1, 1));
    assert_eq!(talk.caller.events(call_id).await, ["Created", "Join", "Join"]);
    // Media has not noticed.
    talk.here.socket().signal(call_id, epoch, talk.there_is, Signal::Restart {}).await.unwrap();
    assert_eq!(back.signal(call_id).await.2, Signal::Restart {});
    assert!(!back.has(|frame| matches!(frame, ServerFrame::Signal { .. })).await, "something came twice");
}

#[tokio::test]
async fn what_was_seen_is_not_replayed() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    for number in 0..10 {
        talk.here.socket().signal(talk.call_id, talk.epoch, talk.there_is, numbered(number)).await.unwrap();
    }
    for _ in 0..10 {
        talk.there().signal(call_id).await;
    }
    let resume = talk.break_there().await;
    let mut back = connect(&talk.server, resume).await;
    assert!(back.socket().welcome().resumed);
    assert!(!back.has(|frame| matches!(frame, ServerFrame::Signal { .. })).await);
}

#[tokio::test]
async fn a_session_is_resumed_by_its_own_login_and_ends_with_it() {
    let server = Server::start().await;
    let (first, second) = (server.login("callertest1").await, server.login("callertest1").await);
    let mut resume = broken_off(first.device().await);
    resume.token = Some(Token::new(&second.token));
    let socket = Socket::connect(server.url(), resume).await.unwrap();
    assert!(!socket.welcome().resumed);
    second.post("/auth/logout", json!({})).await;
    assert_eq!(Device::new(socket).closed().await, Some(4401), "the session outlives the login it was opened with");
}

#[tokio::test]
async fn a_ring_that_was_missed_is_replayed() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let resume = broken_off(callee.device().await);
    let call = json!({"callType": "MESH", "invitedContacts": [callee.invited()]});
    let (rings, ended) = (caller.create_call(call.clone()).await.call_id, caller.create_call(call).await.call_id);
    caller.rest.end_call(ended).await.unwrap();
    let mut back = connect(&server, resume).await;
    assert!(back.socket().welcome().resumed);
    back.ring(rings).await;
    back.ring(ended).await;
    back.ring_end(ended).await;
    assert!(!back.has_rung(rings).await);
}

#[tokio::test]
async fn a_resume_before_the_server_has_noticed_replaces_the_old_connection() {
    let mut talk = Talk::start().await;
    let resume = talk.there().socket().resume();
    let mut back = connect(&talk.server, resume).await;
    assert!(back.socket().welcome().resumed);
    assert_eq!(talk.there().closed().await, Some(4409));
    talk.here.catch_up().await;
    assert_eq!(talk.history("ConnectionLost").await, 0);
    talk.here.socket().signal(talk.call_id, talk.epoch, talk.there_is, Signal::Restart {}).await.unwrap();
    back.signal(talk.call_id).await;
}

#[tokio::test]
async fn a_new_session_of_the_same_device_ends_the_old_one() {
    let mut talk = Talk::start().await;
    let fresh = Hello { resume: None, ..talk.there().socket().resume() };
    let mut again = connect(&talk.server, fresh).await;
    assert_eq!(talk.there().closed().await, Some(4409));
    let view = again.socket().rejoin(talk.call_id, talk.epoch).await.unwrap().unwrap();
    assert_eq!(view.media_plan.unwrap().epoch, talk.epoch);
    assert_eq!(talk.history("ConnectionLost").await, 0);
    assert_eq!(talk.caller.events(talk.call_id).await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn sessions_that_cannot_be_resumed_are_new_ones() {
    let server = Server::start().await;
    let (account, other) = (server.login("callertest1").await, server.login("callertest2").await);
    let device = account.device().await.into_socket();
    let good = device.resume();
    let Resume { session_id, last_seq } = good.resume.clone().unwrap();
    let with = |session_id, last_seq| Hello { resume: Some(Resume { session_id, last_seq }), ..good.clone() };
    let another_device = Hello { device_id: other.hello().device_id, ..with(session_id, last_seq) };
    let cases = [
        ("an unknown session", with(account.hello().device_id, 0)),
        ("another device's session", another_device),
        ("another user's session", Hello { resume: good.resume.clone(), device_id: good.device_id, ..other.hello() }),
        ("a number that was never sent", with(session_id, last_seq + 1)),
        ("a number far in the future", with(session_id, u64::MAX)),
    ];
    for (what, hello) in cases {
        assert!(!is_resumed(&server, hello).await, "{what} is resumed");
    }
}

#[tokio::test]
async fn trying_somebody_elses_session_does_not_disturb_it() {
    let server = Server::start().await;
    let (account, other) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut device = account.device().await;
    let theirs = device.socket().resume();
    let stolen = Hello { resume: theirs.resume.clone(), device_id: theirs.device_id, ..other.hello() };
    let welcome = Socket::connect(server.url(), stolen).await.unwrap().welcome().clone();
    assert_eq!((welcome.resumed, welcome.user.as_ref().unwrap().user_id.as_str()), (false, "callertest2"));
    device.catch_up().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_forgotten() {
    let mut talk = Talk::start().await;
    let call_id = talk.call_id;
    let before = talk.there().socket().resume();
    for number in 0..5 {
        talk.here.socket().signal(talk.call_id, talk.epoch, talk.there_is, numbered(number)).await.unwrap();
        talk.there().signal(call_id).await;
    }
    talk.there().catch_up().await;
    assert!(!is_resumed(&talk.server, before).await, "frames are kept that the client has said it has");
}

#[tokio::test]
async fn more_than_the_server_keeps_cannot_be_resumed() {
    let mut talk = Talk::start().await;
    let resume = talk.break_there().await;
    for number in 0..600 {
        talk.here.socket().signal(talk.call_id, talk.epoch, talk.there_is, numbered(number)).await.unwrap();
    }
    talk.here.catch_up().await;
    let mut back = connect(&talk.server, resume).await;
    assert!(!back.socket().welcome().resumed);
    let view = back.socket().rejoin(talk.call_id, talk.epoch).await.unwrap().unwrap();
    assert_eq!(view.media_plan.unwrap().epoch, talk.epoch);
    talk.here.person(talk.call_id, talk.there_is, PersonState::Joined).await;
}

#[tokio::test]
async fn a_client_that_says_good_bye_gives_up_its_session_but_not_its_seat() {
    let mut talk = Talk::start().await;
    let resume = talk.there().socket().resume();
    close(talk.there.take().unwrap(), 1001).await;
    talk.here.person(talk.call_id, talk.there_is, PersonState::Reconnecting).await;
    let mut reloaded = connect(&talk.server, resume).await;
    assert!(!reloaded.socket().welcome().resumed);
    reloaded.socket().rejoin(talk.call_id, 0).await.unwrap();
    talk.here.person(talk.call_id, talk.there_is, PersonState::Joined).await;
    assert_eq!(talk.caller.events(talk.call_id).await, ["Created", "Join", "Join"]);
    assert_eq!((talk.history("ConnectionLost").await, talk.history("Reconnected").await), (1, 1));
}

#[tokio::test]
async fn a_seat_is_given_up_when_the_grace_time_runs_out() {
    let mut talk = Talk::with_grace(1).await;
    let call_id = talk.call_id;
    let resume = talk.break_there().await;
    let left = talk.here.person(call_id, talk.there_is, PersonState::Left).await;
    assert_eq!(left.call_status, CallStatus::Started);
    assert_eq!(left.media_plan.unwrap().peer, None);
    assert_eq!(talk.caller.events(call_id).await, ["Created", "Join", "Join", "Leave"]);
    assert!(!is_resumed(&talk.server, resume).await, "resumed after its time");
    // The way back in is a join like any other.
    let mut again = talk.callee.device().await;
    again.socket().rejoin(call_id, talk.epoch).await.unwrap();
    assert_eq!(talk.caller.events(call_id).await, ["Created", "Join", "Join", "Leave", "Join"]);
}

#[tokio::test]
async fn a_call_both_ends_of_which_are_lost_ends_after_the_grace_time() {
    let talk = Talk::with_grace(1).await;
    let mut witness = talk.caller.device().await;
    broken_off(talk.here);
    broken_off(talk.there.unwrap());
    let ended = witness.ended(talk.call_id).await;
    assert_eq!(ended.end_reason, Some(EndReason::ConnectionLost));
    let events = talk.caller.events(talk.call_id).await;
    assert_eq!(events, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}

#[tokio::test]
async fn a_resume_keeps_a_seat_that_would_have_been_given_up() {
    let mut talk = Talk::with_grace(2).await;
    for _ in 0..3 {
        let resume = talk.break_there().await;
        talk.there = Some(connect(&talk.server, resume).await);
        assert!(talk.there().socket().welcome().resumed);
        talk.here.person(talk.call_id, talk.there_is, PersonState::Joined).await;
    }
    assert_eq!((talk.history("ConnectionLost").await, talk.history("Reconnected").await), (3, 3));
    assert_eq!(talk.caller.events(talk.call_id).await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn requests_sent_before_the_break_were_carried_out_once() {
    let mut talk = Talk::start().await;
    let leave = ClientFrame::Leave { id: 77, call_id: talk.call_id };
    talk.there().socket().send(&leave).await.unwrap();
    let resume = broken_off(talk.there.unwrap());
    talk.here.ended(talk.call_id).await;
    let mut back = connect(&talk.server, resume).await;
    assert!(back.socket().welcome().resumed);
    let answered = |frame: &ServerFrame| matches!(frame, ServerFrame::Ok { id: 77, .. }).then_some(());
    back.wait_for("the answer that was missed", answered).await;
}

#[tokio::test]
async fn the_numbers_of_frames_rise_by_one_from_one() {
    let server = Server::start().await;
    let account = server.login("callertest1").await;
    let device = account.hello().device_id;
    let mut raw = Raw::open(&server).await;
    raw.say(hello_of(&account, device)).await;
    let welcome = raw.frame("welcome").await;
    let mut numbers = Vec::new();
    for id in 1..=3 {
        raw.say(json!({"type": "createCall", "id": id, "call": {}})).await;
        numbers.push(raw.frame("call").await["seq"].as_u64().unwrap());
        numbers.push(raw.frame("ok").await["seq"].as_u64().unwrap());
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);

    let mut resuming = Raw::open(&server).await;
    let mut hello = hello_of(&account, device);
    hello["resume"] = json!({"sessionId": welcome["sessionId"], "lastSeq": 3});
    resuming.say(hello).await;
    assert_eq!(resuming.frame("welcome").await["resumed"], true);
    let replayed = [resuming.frame("ok").await, resuming.frame("call").await, resuming.frame("ok").await];
    assert_eq!(replayed.map(|frame| frame["seq"].as_u64().unwrap()), [4, 5, 6]);
    assert_eq!(raw.good_bye().await, GoodBye::new(4409, "already_exists"));
}

#[tokio::test]
async fn a_disabled_or_logged_out_session_cannot_be_resumed() {
    let server = Server::start().await;
    let account = server.login("callertest1").await;
    let resume = broken_off(account.device().await);
    account.rest.logout().await.unwrap();
    let refused = Socket::connect(server.url(), resume).await.unwrap_err();
    let SocketError::Closed { code, refusal, .. } = refused else { panic!("{refused}") };
    assert_eq!((code, refusal.unwrap().code), (Some(4401), ErrorCode::Unauthenticated));
}
