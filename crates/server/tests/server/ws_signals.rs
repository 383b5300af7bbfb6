//! What two ends of a call say to each other, and nobody else hears.

use farhand_protocol::{
    ErrorCode,
    frame::{ServerFrame, Signal},
};
use farhand_testkit::{Account, Device, Server, json};
use uuid::Uuid;

fn candidate(number: usize) -> Signal {
    let candidate = format!("candidate:{number} 1 udp 1 192.0.2.7 9 typ host");
    Signal::Candidate { candidate, sdp_mid: Some("0".into()), sdp_m_line_index: Some(0), username_fragment: None }
}

fn offer() -> Signal {
    Signal::Offer { sdp: "v=0\r\n".to_owned() }
}

fn is_signal(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Signal { .. })
}

struct Talk {
    server: Server,
    callee: Account,
    third: Account,
    here: Device,
    there: Device,
    call_id: Uuid,
    epoch: u64,
    here_is: i64,
    there_is: i64,
}

impl Talk {
    /// Two in a MESH call to which a third is invited, who has not joined.
    async fn start() -> Self {
        let server = Server::start().await;
        let [caller, callee, third] = ["callertest1", "callertest2", "tester"].map(|name| server.login(name));
        let (caller, callee, third) = (caller.await, callee.await, third.await);
        let (mut here, mut there) = (caller.device().await, callee.device().await);
        let invited = [callee.invited(), third.invited()];
        let call_id = here.create_call(json!({"callType": "MESH", "invitedContacts": invited})).await.call_id;
        let view = there.join(call_id).await;
        let (epoch, there_is) = (view.media_plan.unwrap().epoch, view.you.unwrap());
        here.forget().await;
        Self { server, callee, third, here, there, call_id, epoch, here_is: view.creator, there_is }
    }

    /// Sends a signal that must be refused, and reach nobody.
    async fn refused(&mut self, by: &mut Device, epoch: u64, to: i64, signal: Signal) -> ErrorCode {
        by.socket().signal(self.call_id, epoch, to, signal).await.unwrap();
        let (code, detail) = by.refusal().await;
        assert!(!self.here.has(is_signal).await && !self.there.has(is_signal).await, "it passed: {detail}");
        code
    }
}

#[tokio::test]
async fn signals_pass_both_ways_unchanged_and_in_order() {
    const MANY: usize = 100;
    let mut talk = Talk::start().await;
    let (call_id, epoch) = (talk.call_id, talk.epoch);
    let kinds = [
        offer(),
        Signal::Answer { sdp: "v=0\r\na=ü\u{1f600}\"\\\r\n".to_owned() },
        Signal::Candidate { candidate: String::new(), sdp_mid: None, sdp_m_line_index: None, username_fragment: None },
        Signal::Restart {},
    ];
    let signals: Vec<_> = kinds.into_iter().chain((0..MANY).map(candidate)).collect();
    for signal in &signals {
        talk.here.socket().signal(call_id, epoch, talk.there_is, signal.clone()).await.unwrap();
        talk.there.socket().signal(call_id, epoch, talk.here_is, signal.clone()).await.unwrap();
    }
    for signal in signals {
        assert_eq!(talk.there.signal(call_id).await, (epoch, talk.here_is, signal.clone()));
        assert_eq!(talk.here.signal(call_id).await, (epoch, talk.there_is, signal));
    }
    assert!(!talk.here.has(is_signal).await && !talk.there.has(is_signal).await);
}

#[tokio::test]
async fn nobody_but_the_other_end_hears_a_signal() {
    let mut talk = Talk::start().await;
    let (mut third, mut other_device) = (talk.third.device().await, talk.callee.device().await);
    let mut admin = talk.server.login("admin").await.device().await;
    talk.here.socket().signal(talk.call_id, talk.epoch, talk.there_is, offer()).await.unwrap();
    talk.there.signal(talk.call_id).await;
    for device in [&mut third, &mut other_device, &mut admin, &mut talk.here] {
        assert!(!device.has(is_signal).await);
    }
}

#[tokio::test]
async fn who_is_not_in_the_call_cannot_signal() {
    let mut talk = Talk::start().await;
    let (to, epoch) = (talk.here_is, talk.epoch);
    let mut invited = talk.third.device().await;
    assert_eq!(talk.refused(&mut invited, epoch, to, offer()).await, ErrorCode::NotInCall);
    let mut without_seat = talk.callee.device().await;
    assert_eq!(talk.refused(&mut without_seat, epoch, to, offer()).await, ErrorCode::NotInCall);
    let mut stranger = talk.server.login("expert1").await.device().await;
    assert_eq!(talk.refused(&mut stranger, epoch, to, offer()).await, ErrorCode::CallNotFound);
    let mut admin = talk.server.login("admin").await.device().await;
    assert_eq!(talk.refused(&mut admin, epoch, to, offer()).await, ErrorCode::NotInCall);
    let mut foreign = talk.server.login_at("other", "admin").await.device().await;
    assert_eq!(talk.refused(&mut foreign, epoch, to, offer()).await, ErrorCode::CallNotFound);
}

#[tokio::test]
async fn signals_go_to_the_other_end_only_and_only_with_the_epoch_of_now() {
    let mut talk = Talk::start().await;
    let mut third = talk.third.device().await;
    let view = third.call(talk.call_id, "the call", |_| true).await;
    let (here_is, there_is, third_is, epoch) = (talk.here_is, talk.there_is, view.you.unwrap(), talk.epoch);
    let cases = [
        (third_is, epoch, ErrorCode::NoPeer),
        (here_is, epoch, ErrorCode::NoPeer),
        (9_999, epoch, ErrorCode::NoPeer),
        (-1, epoch, ErrorCode::NoPeer),
        (there_is, epoch - 1, ErrorCode::StaleEpoch),
        (there_is, epoch + 1, ErrorCode::StaleEpoch),
        (there_is, 0, ErrorCode::StaleEpoch),
        (there_is, u64::MAX, ErrorCode::StaleEpoch),
    ];
    for (to, epoch, code) in cases {
        talk.here.socket().signal(talk.call_id, epoch, to, offer()).await.unwrap();
        assert_eq!(talk.here.refusal().await.0, code, "to {to} in epoch {epoch}");
        assert!(!third.has(is_signal).await && !talk.there.has(is_signal).await);
    }
}

#[tokio::test]
async fn a_signal_of_the_media_before_a_move_is_stale() {
    let mut talk = Talk::start().await;
    let mut second = talk.callee.device().await;
    second.join(talk.call_id).await;
    talk.here.socket().signal(talk.call_id, talk.epoch, talk.there_is, offer()).await.unwrap();
    assert_eq!(talk.here.refusal().await.0, ErrorCode::StaleEpoch);
    talk.there.socket().signal(talk.call_id, talk.epoch, talk.here_is, offer()).await.unwrap();
    assert_eq!(talk.there.refusal().await.0, ErrorCode::NotInCall);
    assert!(!second.has(is_signal).await);
}

#[tokio::test]
async fn nothing_passes_before_the_callee_has_accepted_and_after_the_end() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut here, mut there) = (caller.device().await, callee.device().await);
    let view = here.create_call(json!({"callType": "MESH", "invitedContacts": [callee.invited()]})).await;
    let (call_id, epoch) = (view.call_id, view.media_plan.unwrap().epoch);
    let callee_is = view.people.iter().find_map(|p| p.contact.id.filter(|id| *id != view.creator)).unwrap();
    there.ring(call_id).await;
    here.socket().signal(call_id, epoch, callee_is, offer()).await.unwrap();
    assert_eq!(here.refusal().await.0, ErrorCode::NoPeer);
    there.socket().signal(call_id, epoch, view.creator, offer()).await.unwrap();
    assert_eq!(there.refusal().await.0, ErrorCode::NotInCall);
    let epoch = there.join(call_id).await.media_plan.unwrap().epoch;
    there.leave(call_id).await;
    here.ended(call_id).await;
    here.socket().signal(call_id, epoch, callee_is, offer()).await.unwrap();
    assert_eq!(here.refusal().await.0, ErrorCode::CallEnded);
    assert!(!there.has(is_signal).await && !here.has(is_signal).await);
}

#[tokio::test]
async fn an_sdp_or_candidate_that_is_too_long_is_refused_and_the_longest_passes() {
    const MAX_SDP: usize = 64 * 1024;
    const MAX_CANDIDATE: usize = 1024;
    let mut talk = Talk::start().await;
    let (call_id, epoch, to) = (talk.call_id, talk.epoch, talk.there_is);
    let sdp = |length| Signal::Offer { sdp: "x".repeat(length) };
    let answer = |length| Signal::Answer { sdp: "x".repeat(length) };
    let long = |length| Signal::Candidate {
        candidate: "x".repeat(length),
        sdp_mid: None,
        sdp_m_line_index: None,
        username_fragment: None,
    };
    for signal in [sdp(MAX_SDP + 1), answer(MAX_SDP + 1), long(MAX_CANDIDATE + 1)] {
        talk.here.socket().signal(call_id, epoch, to, signal).await.unwrap();
        assert_eq!(talk.here.refusal().await.0, ErrorCode::InvalidField);
        assert!(!talk.there.has(is_signal).await);
    }
    for signal in [sdp(MAX_SDP), answer(MAX_SDP), long(MAX_CANDIDATE)] {
        talk.here.socket().signal(call_id, epoch, to, signal.clone()).await.unwrap();
        assert_eq!(talk.there.signal(call_id).await.2, signal);
    }
}

#[tokio::test]
async fn a_candidates_other_texts_are_bounded_too() {
    let mut talk = Talk::start().await;
    let long = || Some("x".repeat(100_000));
    for (sdp_mid, username_fragment) in [(long(), None), (None, long())] {
        let signal = Signal::Candidate { candidate: "c".into(), sdp_mid, sdp_m_line_index: None, username_fragment };
        talk.here.socket().signal(talk.call_id, talk.epoch, talk.there_is, signal).await.unwrap();
        assert_eq!(talk.here.refusal().await.0, ErrorCode::InvalidField);
        assert!(!talk.there.has(is_signal).await);
    }
}
