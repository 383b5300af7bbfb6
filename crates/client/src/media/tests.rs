mod hung_up;

use std::{collections::VecDeque, sync::Mutex};

use tokio::{net::UdpSocket, sync::watch, time::timeout};

use farhand_protocol::frame::Source;

use super::*;
use crate::clip::{Checker, Tally};

const LIMIT: Duration = Duration::from_secs(20);
const LEFT: i64 = 1;
const RIGHT: i64 = 2;

/// Two sessions whose signals go straight to each other.
struct Pair {
    sessions: [MediaSession; 2],
    tallies: [watch::Receiver<Tally>; 2],
    /// Everything that happened, by end.
    seen: Vec<(usize, String)>,
    /// Signals under way to the end at the index; held back while `hold` is set.
    under_way: [VecDeque<IncomingSignal>; 2],
    hold: bool,
}

fn end(checker: &Arc<Checker>, change: impl FnOnce(&mut MediaOptions)) -> MediaSession {
    let clip = Arc::new(Clip::embedded().unwrap());
    let mut options = MediaOptions { clip: Some(clip), sink: Arc::clone(checker) as _, ..MediaOptions::default() };
    change(&mut options);
    MediaSession::new(options)
}

fn plan(epoch: u64, peer: i64, offerer: bool) -> MediaPlan {
    MediaPlan { mode: MediaMode::P2p, epoch, peer: Some(peer), offerer, ice_servers: Vec::new(), prepared: false }
}

fn describe(event: &MediaEvent) -> String {
    match event {
        MediaEvent::Signal { signal: Signal::Offer { .. }, .. } => "offer".to_owned(),
        MediaEvent::Signal { signal: Signal::Answer { .. }, .. } => "answer".to_owned(),
        MediaEvent::Signal { signal: Signal::Candidate { candidate, .. }, .. } => format!("candidate {candidate}"),
        MediaEvent::Signal { signal: Signal::Restart {}, .. } => "restart".to_owned(),
        MediaEvent::Offer { .. } => "offer to the SFU".to_owned(),
        MediaEvent::Connected { .. } => "connected".to_owned(),
        MediaEvent::ChannelOpen { .. } => "channel open".to_owned(),
        MediaEvent::RemoteClosed { .. } => "remote closed".to_owned(),
        MediaEvent::Failed { error, .. } => format!("failed: {error}"),
    }
}

impl Pair {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change_left: impl FnOnce(&mut MediaOptions)) -> Self {
        let clip = Clip::embedded().unwrap();
        let checkers = [Arc::new(Checker::new(&clip)), Arc::new(Checker::new(&clip))];
        Self {
            sessions: [end(&checkers[0], change_left), end(&checkers[1], |_| {})],
            tallies: checkers.map(|checker| checker.tally()),
            seen: Vec::new(),
            under_way: [VecDeque::new(), VecDeque::new()],
            hold: false,
        }
    }

    /// The left end makes the offer.
    fn apply(&mut self, epoch: u64) {
        self.sessions[0].apply(Some(&plan(epoch, RIGHT, true)));
        self.sessions[1].apply(Some(&plan(epoch, LEFT, false)));
    }

    async fn step(&mut self) {
        let [left, right] = &mut self.sessions;
        let (from, event) = tokio::select! {
            event = left.next_event() => (0, event),
            event = right.next_event() => (1, event),
        };
        self.seen.push((from, describe(&event)));
        if let MediaEvent::Signal { epoch, to, signal } = event {
            assert_eq!(to, if from == 0 { RIGHT } else { LEFT });
            let sender = if from == 0 { LEFT } else { RIGHT };
            self.under_way[1 - from].push_back(IncomingSignal { epoch, from: sender, signal });
        }
        if !self.hold {
            self.deliver();
        }
    }

    fn deliver(&mut self) {
        for (session, signals) in self.sessions.iter_mut().zip(&mut self.under_way) {
            signals.drain(..).for_each(|signal| session.receive(signal));
        }
    }

    fn count(&self, from: usize, what: &str) -> usize {
        self.seen.iter().filter(|(by, event)| *by == from && event.starts_with(what)).count()
    }

    async fn until_seen(&mut self, from: usize, what: &str, times: usize) {
        let waiting = async {
            while self.count(from, what) < times {
                self.step().await;
            }
        };
        let done = timeout(LIMIT, waiting).await;
        assert!(done.is_ok(), "no {what:?} from end {from}: {:#?}", self.seen);
    }

    /// Lets both ends receive so many frames of each kind more than they have.
    async fn until_media(&mut self, video: u64, audio: u64) {
        let mut tallies = self.tallies.clone();
        let [left, right] = &mut tallies;
        let goal = |tally: Tally| {
            let (video, audio) = (tally.video.matching + video, tally.audio.matching + audio);
            move |tally: &Tally| tally.reached(video, audio)
        };
        let (left_goal, right_goal) = (goal(*left.borrow()), goal(*right.borrow()));
        let arrived = async { (left.wait_for(left_goal).await.is_ok(), right.wait_for(right_goal).await.is_ok()) };
        tokio::pin!(arrived);
        let waiting = async {
            loop {
                tokio::select! {
                    both = &mut arrived => return both,
                    () = self.step() => {}
                }
            }
        };
        assert_eq!(timeout(LIMIT, waiting).await.ok(), Some((true, true)), "{:#?}", self.seen);
    }
}

#[tokio::test]
async fn media_flows_both_ways_byte_for_byte() {
    let mut pair = Pair::new();
    pair.apply(1);
    pair.until_media(35, 60).await;
    assert_eq!(pair.tallies.each_ref().map(|tally| tally.borrow().foreign()), [0, 0]);
    assert_eq!((pair.count(0, "offer"), pair.count(1, "offer"), pair.count(1, "answer")), (1, 0, 1));
}

/// The end that is lied to refuses; the liar may believe itself connected for a while, but receives nothing.
async fn the_other_end_refuses_a_wrong_fingerprint(offerer_lies: bool) {
    let mut pair = Pair::with(|left| left.tamper_fingerprint = true);
    pair.sessions[0].apply(Some(&plan(1, RIGHT, offerer_lies)));
    pair.sessions[1].apply(Some(&plan(1, LEFT, !offerer_lies)));
    pair.until_seen(1, "failed", 1).await;
    assert_eq!(
        pair.count(1, "failed: the connection broke: remote sdp: remote fingerprint no match"),
        1,
        "{:?}",
        pair.seen
    );
    assert_eq!(pair.tallies.each_ref().map(|tally| *tally.borrow()), [Tally::default(); 2]);
}

#[tokio::test]
async fn an_offerer_with_a_wrong_fingerprint_gets_no_media_through() {
    the_other_end_refuses_a_wrong_fingerprint(true).await;
}

#[tokio::test]
async fn an_answerer_with_a_wrong_fingerprint_gets_no_media_through() {
    the_other_end_refuses_a_wrong_fingerprint(false).await;
}

#[tokio::test]
async fn an_end_nobody_reaches_gives_up_with_a_clear_error() {
    let mut pair = Pair::with(|left| left.connect_timeout = Duration::from_millis(300));
    pair.hold = true;
    pair.apply(1);
    pair.until_seen(0, "candidate", 2).await;
    pair.deliver();
    pair.until_seen(1, "candidate", 2).await;
    // The answer arrives, but the end it comes from is gone before it can be reached.
    pair.sessions[1].close();
    pair.under_way[0].retain(|signal| matches!(signal.signal, Signal::Answer { .. }));
    pair.deliver();
    pair.until_seen(0, "failed: both ends have described themselves, but no secure connection", 1).await;
}

#[tokio::test]
async fn a_connection_that_stands_does_not_time_out() {
    let mut pair = Pair::with(|left| left.connect_timeout = Duration::from_secs(2));
    pair.apply(1);
    // At 10 frames a second.
    pair.until_media(25, 1).await;
    assert_eq!(pair.count(0, "failed"), 0);
}

#[tokio::test]
async fn the_same_epoch_leaves_the_connection_alone_and_a_new_one_makes_a_new_connection() {
    let mut pair = Pair::new();
    pair.apply(1);
    pair.until_media(1, 1).await;
    pair.apply(1);
    pair.until_media(1, 1).await;
    assert_eq!(pair.count(0, "offer"), 1);

    pair.apply(2);
    pair.until_seen(0, "connected", 2).await;
    pair.until_media(5, 5).await;
    assert_eq!((pair.count(0, "offer"), pair.count(0, "failed"), pair.count(1, "failed")), (2, 0, 0));
}

#[tokio::test]
async fn candidates_that_come_before_the_offer_are_kept() {
    let mut pair = Pair::new();
    pair.hold = true;
    pair.apply(1);
    // An offer, a candidate, and that there are no more.
    pair.until_seen(0, "candidate", 2).await;
    pair.under_way[1].make_contiguous().reverse();
    assert!(matches!(pair.under_way[1].back().unwrap().signal, Signal::Offer { .. }));
    pair.hold = false;
    // Without the kept candidate the answering end has nobody to check, but the offerer's checks would reveal its address;
    // so the offerer must not learn the answerer's candidates.
    pair.deliver();
    pair.hold = true;
    pair.until_seen(1, "candidate", 2).await;
    pair.under_way[0].retain(|signal| matches!(signal.signal, Signal::Answer { .. }));
    pair.deliver();
    pair.until_media(1, 1).await;
}

#[tokio::test]
async fn signals_for_a_plan_yet_to_come_are_kept_and_those_for_a_past_one_dropped() {
    let mut pair = Pair::new();
    pair.sessions[0].apply(Some(&plan(3, RIGHT, true)));
    pair.until_seen(0, "candidate", 2).await;
    pair.sessions[1].receive(IncomingSignal {
        epoch: 3,
        from: 77,
        signal: Signal::Offer { sdp: "nonsense".to_owned() },
    });
    pair.sessions[1].apply(Some(&plan(3, LEFT, false)));
    pair.sessions[1].receive(IncomingSignal {
        epoch: 2,
        from: LEFT,
        signal: Signal::Offer { sdp: "nonsense".to_owned() },
    });
    pair.until_media(1, 1).await;
    assert_eq!(pair.count(1, "failed"), 0);
}

#[tokio::test]
async fn an_offer_that_makes_no_sense_fails_the_connection_with_a_reason() {
    let mut session = MediaSession::new(MediaOptions::default());
    session.apply(Some(&plan(1, LEFT, false)));
    session.receive(IncomingSignal { epoch: 1, from: LEFT, signal: Signal::Offer { sdp: "nonsense".to_owned() } });
    let event = timeout(LIMIT, session.next_event()).await.unwrap();
    assert!(matches!(event, MediaEvent::Failed { epoch: 1, error: MediaError::Refused("offer", _) }), "{event:?}");
}

#[tokio::test]
async fn who_leaves_says_goodbye() {
    let mut pair = Pair::new();
    pair.apply(1);
    pair.until_media(1, 1).await;
    pair.sessions[0].apply(Some(&MediaPlan {
        mode: MediaMode::P2p,
        epoch: 2,
        peer: None,
        offerer: false,
        prepared: false,
        ice_servers: Vec::new(),
    }));
    pair.until_seen(1, "remote closed", 1).await;
}

#[tokio::test]
async fn after_an_ice_restart_media_goes_on_over_the_same_connection() {
    let mut pair = Pair::new();
    pair.apply(1);
    pair.until_media(2, 2).await;
    pair.sessions[0].receive(IncomingSignal { epoch: 1, from: RIGHT, signal: Signal::Restart {} });
    pair.until_seen(1, "answer", 2).await;
    pair.until_media(5, 5).await;
    assert_eq!((pair.count(0, "offer"), pair.count(0, "connected")), (2, 1));
}

/// Keeps which frames are key frames.
#[derive(Default)]
struct Keys(Mutex<Vec<bool>>);

impl FrameSink for Keys {
    fn frame(&self, frame: &ReceivedFrame) {
        if frame.kind == FrameKind::Video {
            self.0.lock().unwrap().push(frame.data[0] & 1 == 0);
        }
    }
}

#[tokio::test]
async fn a_request_for_a_key_frame_makes_the_clip_start_over() {
    let keys = Arc::new(Keys::default());
    let sink = Arc::clone(&keys);
    let mut pair = Pair::with(move |left| left.sink = sink);
    let mut right = pair.tallies[1].clone();
    pair.apply(1);
    // The left end does not count, so wait by what the right end receives: both clips start at the same time.
    let mut until_video = async |pair: &mut Pair, frames: u64| {
        let arrived = right.wait_for(|tally| tally.reached(frames, 1));
        tokio::pin!(arrived);
        loop {
            tokio::select! {
                done = &mut arrived => return assert!(done.is_ok()),
                () = pair.step() => {}
            }
        }
    };
    timeout(LIMIT, until_video(&mut pair, 5)).await.unwrap();
    pair.sessions[0].request_keyframe();
    timeout(LIMIT, until_video(&mut pair, 12)).await.unwrap();

    let keys = keys.0.lock().unwrap().clone();
    assert!(keys[0], "{keys:?}");
    assert_eq!(keys.iter().filter(|key| **key).count(), 2, "{keys:?}");
}

#[tokio::test]
async fn what_the_stun_server_saw_is_offered_as_a_candidate() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let answering = async move {
        let mut request = [0; 100];
        let (length, from) = server.recv_from(&mut request).await.unwrap();
        let reply = stun::reply_to(&request[..length], "203.0.113.7:4000".parse().unwrap());
        server.send_to(&reply, from).await.unwrap();
    };
    let answering = tokio::spawn(answering);

    let mut pair = Pair::with(|left| left.stun_server = Some(address));
    pair.apply(1);
    pair.until_seen(0, "candidate", 3).await;
    answering.await.unwrap();
    let sent: Vec<_> = pair.seen.iter().filter(|(by, what)| *by == 0 && what.starts_with("candidate")).collect();
    assert!(sent[0].1.contains("typ host") && sent[1].1.contains("203.0.113.7 4000 typ srflx"), "{sent:?}");
    assert_eq!(sent[2].1, "candidate ", "no more candidates");
}

#[tokio::test]
async fn the_sfu_is_made_one_offer_with_lines_of_each_direction() {
    let mut session = MediaSession::new(MediaOptions { slots: 3, ..MediaOptions::default() });
    session.apply(Some(&MediaPlan {
        mode: MediaMode::Sfu,
        epoch: 4,
        peer: None,
        offerer: true,
        ice_servers: Vec::new(),
        prepared: false,
    }));
    let event = timeout(LIMIT, session.next_event()).await.unwrap();
    let MediaEvent::Offer { epoch: 4, sdp, tracks } = event else { panic!("{event:?}") };
    let count = |text: &str| sdp.matches(text).count();
    assert_eq!((count("a=sendonly"), count("a=recvonly"), count("a=sendrecv")), (2, 6, 0), "{sdp}");
    assert_eq!(count("m=application"), 1);
    assert_eq!(tracks.iter().map(|track| track.source).collect::<Vec<_>>(), [Source::Microphone, Source::Camera]);
    session.refused(4, "no room".to_owned());
    let event = timeout(LIMIT, session.next_event()).await.unwrap();
    assert!(matches!(event, MediaEvent::Failed { epoch: 4, error: MediaError::Refused(..) }), "{event:?}");
}
