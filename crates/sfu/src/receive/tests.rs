//! The receive half as the other end sees it.

use str0m::{
    crypto::dtls::{KeyingMaterial, SrtpProfile},
    format::Codec,
    rtp::Extension,
};

use super::*;
use crate::send::{Agreed, Said, Srtp, read};

const PICTURE: u32 = 0xa1;
const AGAIN: u32 = 0xa2;
const SOUND: u32 = 0xb1;
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// What a packet says besides of its payload.
#[derive(Clone, Copy, Default)]
struct Names<'a> {
    mid: &'a str,
    rid: &'a str,
    repaired: &'a str,
    number: Option<u16>,
}

struct Pair {
    now: Instant,
    receiver: Receiver,
    theirs: Srtp,
    vp8: u8,
    rtx: u8,
    opus: u8,
}

fn agreed(client: bool) -> Agreed {
    let profile = SrtpProfile::AEAD_AES_128_GCM;
    Agreed { material: KeyingMaterial::new(&[7; 2 * (16 + 12)]), profile, client }
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let keys = Keys::default();
        assert!(keys.set(agreed(false)).is_ok());
        let theirs = Srtp::new(provider(), &agreed(true)).unwrap();
        let rtc = str0m::Rtc::builder().build(now);
        let params = rtc.codec_config().params();
        let find = |codec| params.iter().find(|params| params.spec().codec == codec).unwrap();
        let (vp8, opus) = (find(Codec::Vp8), find(Codec::Opus));
        let mut map = ExtensionMap::empty();
        for (id, extension) in [
            (3, Extension::TransportSequenceNumber),
            (4, Extension::RtpMid),
            (10, Extension::RtpStreamId),
            (11, Extension::RepairedRtpStreamId),
        ] {
            map.set(id, extension);
        }
        let line = |mid: &str, rids: &[&str], sources: &[(u32, Option<u32>)]| Line {
            mid: mid.into(),
            video: mid != "s",
            rids: rids.iter().map(|rid| Rid::from(*rid)).collect(),
            sources: sources.to_vec(),
        };
        let lines = vec![
            line("c", &["q", "h"], &[]),
            line("s", &[], &[(SOUND, None)]),
            line("p", &[], &[(PICTURE, Some(AGAIN))]),
        ];
        let mut receiver = Receiver::new(now, keys);
        receiver.agree(lines, params, std::iter::once(&map));
        Self { now, receiver, theirs, vp8: *vp8.pt(), rtx: *vp8.resend().unwrap(), opus: *opus.pt() }
    }

    fn after(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        self
    }

    /// A protected packet; its RTP time is its number.
    fn packet(&mut self, ssrc: u32, payload_type: u8, seq: u64, names: Names<'_>, payload: &[u8]) -> Vec<u8> {
        let [.., high, low] = seq.to_be_bytes();
        let mut values = Vec::new();
        for (id, text) in [(4, names.mid), (10, names.rid), (11, names.repaired)] {
            if !text.is_empty() {
                values.push(id << 4 | u8::try_from(text.len() - 1).unwrap());
                values.extend(text.bytes());
            }
        }
        values.extend(names.number.iter().flat_map(|number| [0x31, number.to_be_bytes()[0], number.to_be_bytes()[1]]));
        values.resize(values.len().next_multiple_of(4), 0);
        let mut packet = vec![0x90, payload_type, high, low, 0, 0, high, low];
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, u8::try_from(values.len() / 4).unwrap()]);
        packet.extend(values);
        self.theirs.protect(&mut packet, payload, ssrc, seq).unwrap();
        packet
    }

    fn receive(&mut self, packet: &[u8]) -> Option<Packet> {
        self.receiver.receive(self.now, packet)
    }

    /// A picture of the line that has no layers.
    fn picture(&mut self, seq: u64) -> Option<Packet> {
        let packet = self.packet(PICTURE, self.vp8, seq, Names::default(), b"picture");
        self.receive(&packet)
    }

    fn again(&mut self, seq: u64, original: u16) -> Option<Packet> {
        let payload = [&original.to_be_bytes()[..], b"picture"].concat();
        let packet = self.packet(AGAIN, self.rtx, seq, Names::default(), &payload);
        self.receive(&packet)
    }

    fn said(&mut self) -> Vec<Said> {
        let compounds = self.receiver.advance(self.now, ROUND_TRIP);
        compounds.iter().flat_map(|compound| read(compound)).collect()
    }
}

#[test]
fn packets_are_passed_on_once_each_with_numbers_and_times_that_do_not_wrap() {
    let mut pair = Pair::new();
    let first = pair.picture(0xfffe).unwrap();
    assert_eq!((first.mid, first.rid, first.ssrc, first.seq), ("p".into(), None, PICTURE, 0xfffe));
    assert_eq!((first.payload_type, &first.payload[..]), (pair.vp8, &b"picture"[..]));
    let packet = pair.packet(PICTURE, pair.vp8, 0x1_0003, Names::default(), b"picture");
    assert_eq!(pair.receive(&packet).unwrap().seq, 0x1_0003);
    assert!(pair.receive(&packet).is_none(), "recorded and sent once more");
    assert_eq!(pair.picture(0xffff).unwrap().seq, 0xffff, "late, and from before the wrap");
    assert!(pair.picture(0x1_1003).is_some());
    assert!(pair.picture(0x1_0004).is_none(), "too late to know whether it came");
}

#[test]
fn nothing_is_kept_of_what_is_not_the_other_ends() {
    let mut pair = Pair::new();
    for ssrc in 0..10_000 {
        let mut packet = pair.packet(ssrc, pair.vp8, 1, Names { mid: "p", number: Some(1), ..Names::default() }, b"");
        *packet.last_mut().unwrap() ^= 1;
        assert!(pair.receive(&packet).is_none());
    }
    assert!(pair.receiver.sources.is_empty() && pair.receiver.wake().is_none());
    pair.picture(1).unwrap();
    let mut forged = pair.packet(PICTURE, pair.vp8, 0x8001, Names::default(), b"picture");
    forged[20] ^= 1;
    assert!(pair.receive(&forged).is_none());
    assert!(pair.picture(2).is_some(), "a forged number moves nothing");
}

#[test]
fn so_many_sources_and_no_more() {
    let mut pair = Pair::new();
    let names = Names { mid: "p", ..Names::default() };
    let mut come = |ssrc, seq| {
        let packet = pair.packet(ssrc, pair.vp8, seq, names, b"");
        pair.receive(&packet).is_some()
    };
    assert_eq!((0..1_000).filter(|ssrc| come(*ssrc, 1)).count(), MAX_SOURCES);
    assert!(come(0, 2), "known ones go on");
}

#[test]
fn packets_say_where_they_belong_and_are_believed_within_what_was_agreed() {
    let mut pair = Pair::new();
    let (vp8, opus) = (pair.vp8, pair.opus);
    let mut place = |ssrc, payload_type, mid, rid| {
        let packet = pair.packet(ssrc, payload_type, 1, Names { mid, rid, ..Names::default() }, b"x");
        pair.receive(&packet).map(|packet| (packet.mid, packet.rid))
    };
    assert_eq!(place(1, vp8, "c", "h"), Some(("c".into(), Some("h".into()))));
    assert_eq!(place(2, vp8, "c", "z"), None, "no such layer");
    assert_eq!(place(3, vp8, "c", ""), None, "no layer");
    assert_eq!(place(4, vp8, "x", ""), None, "no such line");
    assert_eq!(place(SOUND, opus, "", ""), Some(("s".into(), None)), "as the offer named it");
    assert_eq!(place(5, opus, "", ""), None, "nobody named it");
    assert_eq!(place(6, opus, "s", ""), Some(("s".into(), None)));
    assert_eq!(place(7, 1, "p", ""), None, "a payload type nobody agreed on");
    let later = pair.packet(1, vp8, 2, Names::default(), b"x");
    assert_eq!(pair.receive(&later).unwrap().rid, Some("h".into()), "said once");
    let known = pair.packet(5, opus, 2, Names { mid: "s", ..Names::default() }, b"x");
    assert!(pair.receive(&known).is_some(), "said later");
}

#[test]
fn what_is_sent_again_takes_the_place_it_had() {
    let mut pair = Pair::new();
    assert!(pair.again(1, 10).is_none(), "of what?");
    pair.picture(10).unwrap();
    pair.picture(13).unwrap();
    let again = pair.again(2, 11).unwrap();
    assert_eq!(
        (again.ssrc, again.seq, again.payload_type, &again.payload[..]),
        (PICTURE, 11, pair.vp8, &b"picture"[..])
    );
    assert!(pair.again(3, 11).is_none(), "once");
    assert!(pair.picture(11).is_none(), "and it comes itself");
    assert!(pair.again(4, 13).is_none(), "it had come");
    let layer = |repaired| Names { mid: "c", repaired, ..Names::default() };
    let main = pair.packet(1, pair.vp8, 5, Names { mid: "c", rid: "q", ..Names::default() }, b"x");
    pair.receive(&main).unwrap();
    let rtx = pair.packet(2, pair.rtx, 1, layer("q"), &[0, 4, b'y']);
    assert_eq!(pair.receive(&rtx).map(|packet| (packet.ssrc, packet.seq)), Some((1, 4)), "by its layer");
    let rtx = pair.packet(3, pair.rtx, 1, layer("h"), &[0, 4, b'y']);
    assert!(pair.receive(&rtx).is_none(), "of a layer that has not come");
    let short = pair.packet(AGAIN, pair.rtx, 9, Names::default(), &[0]);
    assert!(pair.receive(&short).is_none());
}

#[test]
fn filling_is_not_passed_on_but_its_arrival_is_told() {
    let mut pair = Pair::new();
    pair.picture(1);
    let mut packet = vec![0xb0, pair.rtx, 0, 1, 0, 0, 0, 0];
    packet.extend(AGAIN.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 1, 0x31, 0, 7, 0]);
    pair.theirs.protect(&mut packet, &[0, 0, 0, 4], AGAIN, 1).unwrap();
    assert!(pair.receive(&packet).is_none());
    let said = pair.after(50).said();
    assert!(matches!(&said[..], [Said::Arrivals(arrivals)] if arrivals.first == 7), "{said:?}");
}

#[test]
fn what_does_not_come_is_asked_for_until_it_does() {
    let mut pair = Pair::new();
    pair.picture(10);
    pair.picture(13);
    assert_eq!(pair.said(), []);
    assert_eq!(pair.after(5).said(), [Said::Missing { ssrc: PICTURE, seqs: vec![11, 12] }]);
    pair.again(1, 12);
    assert_eq!(pair.after(49).said(), []);
    assert_eq!(pair.after(1).said(), [Said::Missing { ssrc: PICTURE, seqs: vec![11] }]);
    pair.picture(11);
    assert_eq!(pair.after(100).said(), []);
}

#[test]
fn what_got_lost_on_a_path_that_has_been_left_is_not_asked_for() {
    let mut pair = Pair::new();
    pair.picture(10);
    pair.picture(12);
    pair.receiver.forget_lost();
    pair.picture(20);
    assert_eq!(pair.after(5).said(), []);
    pair.picture(22);
    assert_eq!(pair.after(5).said(), [Said::Missing { ssrc: PICTURE, seqs: vec![21] }]);
}

#[test]
fn a_key_frame_is_asked_of_the_source_that_sends_the_layer_now() {
    let mut pair = Pair::new();
    let place = |rid| (Mid::from("c"), Some(Rid::from(rid)));
    let (mid, rid) = place("q");
    pair.receiver.ask_for_keyframe(mid, rid);
    assert_eq!(pair.said(), [], "nobody sends it");
    for ssrc in [1, 2] {
        let packet = pair.packet(ssrc, pair.vp8, 1, Names { mid: "c", rid: "q", ..Names::default() }, b"x");
        pair.receive(&packet).unwrap();
    }
    pair.receiver.ask_for_keyframe(mid, rid);
    pair.receiver.ask_for_keyframe(mid, rid);
    assert!(pair.receiver.wake().is_some_and(|at| at <= pair.now));
    assert_eq!(pair.said(), [Said::KeyframeWanted { ssrc: 2 }]);
    assert_eq!(pair.said(), []);
}

#[test]
fn senders_hear_every_second_what_arrives_and_only_while_something_does() {
    let mut pair = Pair::new();
    pair.picture(10);
    pair.receiver.told(pair.now, PICTURE, 0x0102_0304);
    let report = [Said::Report { ssrc: PICTURE, last: 0x0102_0304, since: Duration::from_secs(1) }];
    assert_eq!(pair.after(999).said(), []);
    assert_eq!(pair.after(1).said(), report);
    assert_eq!(pair.after(1_000).said(), []);
    assert_eq!(pair.receiver.wake(), None);
    pair.picture(11);
    assert_eq!(pair.after(1_000).said().len(), 1);
}

#[test]
fn places_are_forgotten_with_their_lines() {
    let mut pair = Pair::new();
    pair.picture(1).unwrap();
    let rtc = str0m::Rtc::builder().build(pair.now);
    pair.receiver.agree(Vec::new(), rtc.codec_config().params(), std::iter::empty());
    assert!(pair.picture(2).is_none());
}

#[test]
fn what_may_have_to_be_sent_again_is_known_by_numbers_of_the_connection() {
    let mut pair = Pair::new();
    for (seq, number) in [(10, 100), (12, 105)] {
        let names = Names { number: Some(number), ..Names::default() };
        let packet = pair.packet(PICTURE, pair.vp8, seq, names, b"picture");
        pair.receive(&packet).unwrap();
    }
    pair.after(60);
    let wide = |number: u64| 0x1_0000 + number;
    let newest = Span { after: wide(105), before: u64::MAX };
    assert_eq!(pair.receiver.spans(pair.now), [Span { after: wide(100), before: wide(105) }, newest]);
    pair.again(1, 11).unwrap();
    assert_eq!(pair.receiver.spans(pair.now), [newest]);
    pair.after(300);
    assert_eq!(pair.receiver.spans(pair.now), [], "it sends no more");
}

#[test]
fn no_more_gaps_are_looked_at_than_an_honest_sender_has() {
    let mut pair = Pair::new();
    let mut numbers = (0..).step_by(2);
    for ssrc in 1..4 {
        for seq in (0..400).step_by(2) {
            let names = Names { mid: "p", number: numbers.next(), ..Names::default() };
            let packet = pair.packet(ssrc, pair.vp8, seq, names, b"picture");
            pair.receive(&packet).unwrap();
        }
    }
    pair.after(60);
    assert_eq!(pair.receiver.spans(pair.now).len(), MOST_SPANS);
}
