//! The send half as the other end sees it.

mod again;

use std::sync::Arc;

use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};

use super::{keys::Agreed, *};

const PICTURE: u32 = 0xa1;
const AGAIN: u32 = 0xa2;
const SOUND: u32 = 0xb1;
/// Of the other end's reports.
const THEIRS: [u8; 4] = [0, 0, 0, 9];

struct Pair {
    now: Instant,
    sender: Sender,
    theirs: Srtp,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let agreed = |client| Agreed {
            material: KeyingMaterial::new(&[7; 2 * (16 + 12)]),
            profile: SrtpProfile::AEAD_AES_128_GCM,
            client,
        };
        let keys = Keys::default();
        assert!(keys.set(agreed(false)).is_ok());
        let theirs = Srtp::new(provider(), &agreed(true)).unwrap();
        let mut sender = Sender::new(now, keys, 1_000_000);
        let mut map = str0m::rtp::ExtensionMap::empty();
        map.set(3, str0m::rtp::Extension::TransportSequenceNumber);
        let extensions = Extensions::of(&map);
        let picture = Terms {
            mid: "p".into(),
            ssrc: PICTURE,
            rtx: Some(AGAIN),
            video: true,
            extensions,
            resent_as: vec![(96, 97)],
        };
        let sound = Terms { mid: "s".into(), ssrc: SOUND, rtx: None, video: false, extensions, resent_as: Vec::new() };
        sender.agree(picture);
        sender.agree(sound);
        Self { now, sender, theirs }
    }

    fn after(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        self
    }

    fn write(&mut self, mid: &str, seq: u64, length: usize) {
        self.write_at(90_000, mid, seq, length);
    }

    fn write_at(&mut self, time: u32, mid: &str, seq: u64, length: usize) {
        let line = self.sender.line(mid.into()).unwrap();
        let packet = Packet {
            seq,
            time,
            payload_type: 96,
            marker: false,
            level: None,
            orientation: None,
            waits: false,
            payload: Arc::from(vec![1; length]),
            patch: Patch::default(),
            at: self.now,
        };
        self.sender.write(line, packet);
    }

    /// What leaves now: RTP as source, number and length; RTCP as it reads.
    fn leave(&mut self) -> (Vec<(u32, u16, usize)>, Vec<u8>) {
        let mut out = Vec::new();
        self.sender.advance(self.now, &mut out);
        let (mut packets, mut reports) = (Vec::new(), Vec::new());
        for packet in out {
            if packet[1] == 200 {
                reports.extend(self.theirs.open_rtcp(&packet).expect("a report").0);
            } else {
                let ssrc = u32::from_be_bytes(packet[8..12].try_into().unwrap());
                packets.push((ssrc, u16::from_be_bytes([packet[2], packet[3]]), packet.len()));
            }
        }
        (packets, reports)
    }

    fn say(&mut self, count: u8, kind: u8, body: &[u8]) -> (bool, Vec<Told>) {
        let words = u8::try_from((body.len() + 4) / 4).unwrap();
        let report = [&[0x80 | count, kind, 0, words], &THEIRS, body].concat();
        let packet = self.theirs.protect_rtcp(&report).unwrap();
        self.hear(&packet)
    }

    fn hear(&mut self, packet: &[u8]) -> (bool, Vec<Told>) {
        let mut told = Vec::new();
        (self.sender.hear(self.now, packet, &mut told), told)
    }

    fn nack(&mut self, seq: u8) -> bool {
        self.say(1, 205, &[0, 0, 0, 0xa1, 0, seq, 0, 0]).0
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}

#[test]
fn what_did_not_arrive_is_sent_again_once_a_round_trip() {
    let mut pair = Pair::new();
    pair.write("p", 5, 100);
    assert_eq!(pair.leave().0.len(), 1);
    assert!(pair.nack(5));
    let (packets, _) = pair.leave();
    assert_eq!(packets[0].0, AGAIN);
    assert_eq!(packets[0].2, packets[0].2.max(100 + 2), "with its number in front");
    pair.after(40).nack(5);
    assert_eq!(pair.leave().0, [], "it is on its way");
    pair.after(20).nack(5);
    assert_eq!(pair.leave().0.len(), 1, "and was lost once more");
    pair.nack(6);
    assert_eq!(pair.leave().0, [], "was never sent");
    pair.after(2_500).nack(5);
    assert_eq!(pair.leave().0, [], "the picture has moved on");
}

#[test]
fn what_went_into_a_path_that_has_been_left_is_not_sent_again() {
    let mut pair = Pair::new();
    pair.write("p", 5, 100);
    assert_eq!(pair.leave().0.len(), 1);
    pair.sender.forget_lost();
    assert!(pair.nack(5));
    assert_eq!(pair.leave().0, []);
    pair.write("p", 6, 100);
    assert_eq!(pair.leave().0.len(), 1);
    pair.nack(6);
    assert_eq!(pair.leave().0.len(), 1, "but what is sent now");
}

#[test]
fn a_report_sent_twice_counts_once_and_one_from_nobody_never() {
    let mut pair = Pair::new();
    let picture_lost = [&[0x81, 206, 0, 2][..], &THEIRS, &PICTURE.to_be_bytes()].concat();
    let packet = pair.theirs.protect_rtcp(&picture_lost).unwrap();
    assert_eq!(pair.hear(&packet), (true, vec![Told::KeyframeWanted("p".into())]));
    assert_eq!(pair.hear(&packet), (false, vec![]));
    let mut forged = packet;
    forged[9] ^= 1;
    assert_eq!(pair.hear(&forged), (false, vec![]));
    let full = [&[0; 4][..], &[&PICTURE.to_be_bytes()[..], &[1, 0, 0, 0]].concat().repeat(50)].concat();
    assert_eq!(pair.say(4, 206, &full).1, [Told::KeyframeWanted("p".into())], "once, however often it is said");
    let unknown = pair.say(1, 206, &[0, 0, 0, 0x77]);
    assert_eq!(unknown, (true, vec![]), "a stream that is not sent");
    let time = pair.say(0, 200, &[[1; 4], [2; 4], [3; 4], [4; 4], [5; 4]].concat());
    assert_eq!(time, (true, vec![Told::Time { ssrc: 9, middle: 0x0101_0202 }]), "the other end's time");
}

#[test]
fn receivers_are_told_at_once_and_every_second_how_streams_belong_together() {
    let mut pair = Pair::new();
    pair.write("p", 1, 100);
    pair.write("s", 1, 50);
    let (_, first) = pair.leave();
    assert_eq!(first.len(), 2 * SenderReport::LENGTH);
    assert_eq!((word(&first[4..8]), word(&first[32..36])), (PICTURE, SOUND));
    assert_eq!(first[8..16], first[36..44], "the same time for both");
    assert_eq!((word(&first[20..24]), word(&first[24..28])), (1, 100));
    pair.after(999).write_at(180_000, "p", 2, 100);
    assert_eq!(pair.leave().1, [], "not yet");
    let (_, second) = pair.after(1).leave();
    let passed = word(&second[16..20]) - word(&first[16..20]);
    assert_eq!(passed, 90_000 + 90, "the time of the newest packet, and a millisecond");
    assert_eq!(word(&second[20..24]), 2);
    for _ in 0..5 {
        pair.after(1_000).leave();
    }
    assert_eq!(pair.after(1_000).leave().1, [], "nothing was sent any more");
}

#[test]
fn the_round_trip_is_learned_from_reports() {
    let mut pair = Pair::new();
    pair.write("p", 1, 100);
    let (_, report) = pair.leave();
    let last = word(&[&report[10..12], &report[12..14]].concat());
    let second = 65_536_u32;
    let block = [&PICTURE.to_be_bytes()[..], &[0; 12], &last.to_be_bytes(), &second.to_be_bytes()].concat();
    let before = pair.sender.rtt;
    for _ in 0..20 {
        pair.say(1, 201, &block);
    }
    assert_eq!(pair.sender.rtt, before, "an answer from the future is none");
    pair.after(1_020);
    for _ in 0..20 {
        pair.say(1, 201, &block);
    }
    assert!(pair.sender.rtt.as_millis().abs_diff(20) <= 1, "{:?}", pair.sender.rtt);
}

#[test]
fn sound_leaves_before_pictures_and_pictures_at_the_links_pace() {
    let mut pair = Pair::new();
    (0..400).for_each(|seq| pair.write("p", seq, 1_000));
    pair.write("s", 1, 100);
    let (packets, _) = pair.leave();
    assert_eq!(packets[0].0, SOUND);
    let bits = |packets: &[(u32, u16, usize)]| packets.iter().map(|(_, _, length)| length * 8).sum::<usize>();
    assert!(bits(&packets) < 200_000, "a burst of 40 ms: {}", bits(&packets));
    let (more, _) = pair.after(40).leave();
    assert!((50_000..200_000).contains(&bits(&more)), "{}", bits(&more));
    assert!(pair.sender.wake().is_some_and(|at| at > pair.now));
}

#[test]
fn without_keys_nothing_is_sent_and_nothing_kept() {
    let mut sender = Sender::new(Instant::now(), Keys::default(), 1_000_000);
    let mut pair = Pair::new();
    std::mem::swap(&mut sender.streams, &mut pair.sender.streams);
    pair.sender = sender;
    pair.write("p", 1, 100);
    assert_eq!(pair.leave(), (vec![], vec![]));
    assert!(pair.sender.pictures.is_empty() && pair.sender.wake().is_none());
}

#[test]
fn a_burst_is_sent_at_its_pace_whatever_waits() {
    let mut pair = Pair::new();
    pair.sender.aim(4_000_000);
    (0..40).for_each(|seq| pair.write("p", seq, 1_000));
    assert_eq!(pair.leave().0.len(), 1, "the first of a burst of 3 Mbit/s");
    assert!(pair.sender.wake().is_some_and(|at| at > pair.now), "it is waited for");
    let mut sent = 1;
    for _ in 0..10 {
        let (packets, _) = pair.after(1).leave();
        assert!(packets.len() <= 1, "{}", packets.len());
        sent += packets.len();
    }
    assert!(sent > 2, "{sent}");
    let id = pair.sender.burst.as_mut().map(|burst| burst.sent(0));
    assert_eq!(id, Some(1), "it lasts");
    let (rest, _) = pair.after(10).leave();
    assert!(rest.len() > 2 && pair.sender.burst.is_none(), "then the link's pace holds: {}", rest.len());
}

#[test]
fn sound_beyond_what_a_link_carries_does_not_hold_up_pictures_for_long_after_it_is_back() {
    let mut pair = Pair::new();
    pair.sender.find_out_anew(pair.now, 30_000);
    for seq in 0..500 {
        pair.after(20).write("s", seq, 400);
        assert_eq!(pair.leave().0.len(), 1);
    }
    pair.write("p", 1, 1_000);
    pair.leave();
    let came = (0..100).find(|_| pair.after(10).leave().0.iter().any(|(ssrc, ..)| *ssrc == PICTURE));
    assert!(came.is_some_and(|tens| tens <= 60), "{came:?}");
}

#[test]
fn a_report_tells_the_time_of_the_newest_pictures_first_packet() {
    let mut pair = Pair::new();
    pair.write_at(90_000, "p", 1, 100);
    pair.leave();
    pair.after(990).write_at(180_000, "p", 3, 100);
    pair.after(5).write_at(180_000, "p", 4, 100);
    pair.write_at(90_000, "p", 2, 100);
    let (_, report) = pair.after(5).leave();
    assert_eq!(word(&report[16..20]), 180_000 + 900, "10 ms after the first packet of the newest");
}

#[test]
fn nothing_is_kept_of_a_stream_that_has_ended() {
    let mut pair = Pair::new();
    (0..50).for_each(|seq| pair.write("p", seq, 100));
    pair.leave();
    assert!(pair.sender.streams[0].kept() > 0);
    for _ in 0..4 {
        pair.after(1_000).leave();
    }
    assert_eq!(pair.sender.streams[0].kept(), 0);
}

#[test]
fn no_more_sounds_wait_than_can_be_of_use() {
    let mut pair = Pair::new();
    (0..1_000).for_each(|seq| pair.write("s", seq, 10));
    let first = pair.sender.number;
    assert_eq!(pair.leave().0.len(), MAX_SOUNDS);
    assert_eq!(pair.sender.number - first, u64::try_from(MAX_SOUNDS).unwrap(), "each has a number of its own");
}

#[test]
fn a_round_trip_that_cannot_be_is_not_believed() {
    let mut pair = Pair::new();
    pair.write("p", 1, 100);
    let (_, report) = pair.leave();
    let last = [&report[10..12], &report[12..14]].concat();
    let block = |ssrc: u32| [&ssrc.to_be_bytes()[..], &[0; 12], &last, &[0; 4]].concat();
    let before = pair.sender.rtt;
    pair.after(40).say(1, 201, &block(0x77));
    assert_eq!(pair.sender.rtt, before, "of a stream that is not sent");
    pair.after(11_000).say(1, 201, &block(PICTURE));
    assert_eq!(pair.sender.rtt, before, "eleven seconds");
}
