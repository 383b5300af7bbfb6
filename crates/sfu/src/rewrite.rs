//! Makes one unbroken stream out of packets that come from changing streams: whoever watches a slot must not notice
//! that another layer or another person is in it now.

use std::time::Instant;

use str0m::rtp::Vp8Descriptor;

use crate::temporal::LeftOut;

/// Below 65,536, or the receiver's rollover counter would start wrong; above 0, so that a packet that was overtaken by the first has
/// a number.
const FIRST_SEQ: u64 = 1_000;
/// A stream that jumps further than this has started anew. Ten seconds of a large picture are lost at once nowhere; and a receiver whose
/// numbers jump by 32,768 decrypts nothing any more (RFC 3711, section 3.3.1).
const MAX_JUMP: u64 = 5_000;
/// VP8 picture ids have 15 bits.
const PICTURE_IDS: u16 = 0x7fff;

/// What of a packet matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming {
    pub(crate) ssrc: u32,
    pub(crate) seq: u64,
    /// In ticks of `clock`.
    pub(crate) time: u64,
    pub(crate) clock: u32,
    pub(crate) at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) seq: u64,
    pub(crate) time: u32,
    /// For VP8.
    pub(crate) picture: u16,
    pub(crate) tl0: u8,
}

/// The newest of what was sent.
#[derive(Debug, Clone, Copy)]
struct Newest {
    seq: u64,
    time: u64,
    at: Instant,
    picture: u16,
    tl0: u8,
}

/// How the stream that is forwarded now maps to what is sent.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    ssrc: u32,
    /// The highest number that came.
    newest: u64,
    /// Older packets belong before the switch, where there is no room for them.
    first: u64,
    seq: u64,
    time: u64,
    picture: u16,
    tl0: u8,
}

#[derive(Debug, Default)]
pub(crate) struct Rewriter {
    newest: Option<Newest>,
    mapping: Option<Mapping>,
    left_out: LeftOut,
}

impl Rewriter {
    /// Another stream is forwarded from the next packet on.
    pub(crate) fn switch(&mut self) {
        self.mapping = None;
        self.left_out = LeftOut::default();
    }

    /// The packet is not passed on, and what follows is numbered as if it had never been.
    pub(crate) fn leave_out(&mut self, packet: Incoming, picture: u16) {
        // Before the first there is nothing that could have a gap. A late one keeps its gap: those that followed have their numbers, and one
        // given twice would be a packet that nobody gets.
        if let Some(mapping) = self.mapping.as_mut().filter(|mapping| mapping.newest < packet.seq) {
            mapping.newest = packet.seq;
            self.left_out.leave_out(packet.seq, picture);
        }
    }

    /// Whether the packet belongs to the stream that is forwarded now.
    pub(crate) fn continues(&self, packet: Incoming) -> bool {
        let fits = |mapping: Mapping| mapping.ssrc == packet.ssrc && mapping.newest.abs_diff(packet.seq) <= MAX_JUMP;
        self.mapping.is_none_or(fits)
    }

    /// The packet's new place; `None` if it comes too late for having one. `vp8` is the packet's descriptor, where it has one.
    pub(crate) fn rewrite(&mut self, packet: Incoming, vp8: Option<&Vp8Descriptor>) -> Option<Outgoing> {
        let picture = vp8.and_then(Vp8Descriptor::picture_id).unwrap_or(0);
        let tl0 = vp8.and_then(Vp8Descriptor::tl0_pic_idx).unwrap_or(0);
        let mapping = self.mapping.get_or_insert_with(|| match self.newest {
            Some(newest) => follow(&newest, packet, picture, tl0),
            None => start(packet),
        });
        mapping.newest = mapping.newest.max(packet.seq);
        let mapping = *mapping;
        if packet.seq < mapping.first {
            return None;
        }
        let gap = self.left_out.before(packet.seq)?;
        let seq = packet.seq.wrapping_add(mapping.seq).wrapping_sub(gap.packets);
        let time = packet.time.wrapping_add(mapping.time);
        let picture = picture.wrapping_add(mapping.picture).wrapping_sub(gap.pictures) & PICTURE_IDS;
        let tl0 = tl0.wrapping_add(mapping.tl0);
        if self.newest.is_none_or(|newest| newest.seq < seq) {
            self.newest = Some(Newest { seq, time, at: packet.at, picture, tl0 });
        }
        #[expect(clippy::cast_possible_truncation, reason = "RTP time has 32 bits and wraps (RFC 3550, section 5.1)")]
        let time = time as u32;
        Some(Outgoing { seq, time, picture, tl0 })
    }
}

fn start(packet: Incoming) -> Mapping {
    Mapping {
        ssrc: packet.ssrc,
        newest: packet.seq,
        first: packet.seq,
        seq: FIRST_SEQ.wrapping_sub(packet.seq),
        time: 0,
        picture: 0,
        tl0: 0,
    }
}

/// The first packet of another stream comes right after the newest of the last, later by the time that has passed.
fn follow(newest: &Newest, packet: Incoming, picture: u16, tl0: u8) -> Mapping {
    let passed = packet.at.saturating_duration_since(newest.at).as_micros();
    let ticks = u64::try_from(passed * u128::from(packet.clock) / 1_000_000).unwrap_or(1).max(1);
    Mapping {
        ssrc: packet.ssrc,
        newest: packet.seq,
        first: packet.seq,
        seq: newest.seq.wrapping_add(1).wrapping_sub(packet.seq),
        time: newest.time.wrapping_add(ticks).wrapping_sub(packet.time),
        picture: (newest.picture + 1).wrapping_sub(picture) & PICTURE_IDS,
        tl0: newest.tl0.wrapping_add(1).wrapping_sub(tl0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn packet(start: Instant, seq: u64, time: u64, milliseconds: u64) -> Incoming {
        Incoming { ssrc: 1, seq, time, clock: 90_000, at: start + Duration::from_millis(milliseconds) }
    }

    fn seq_and_time(rewriter: &mut Rewriter, packet: Incoming) -> Option<(u64, u32)> {
        rewriter.rewrite(packet, None).map(|outgoing| (outgoing.seq, outgoing.time))
    }

    /// Start of a frame with a picture id of 15 bits and a TL0PICIDX.
    fn vp8(picture: u16, tl0: u8) -> Vec<u8> {
        let [high, low] = (picture | 0x8000).to_be_bytes();
        vec![0x90, 0xe0, high, low, tl0, 0x00, 0x00, 0x00]
    }

    fn patched(rewriter: &mut Rewriter, packet: Incoming, payload: &[u8]) -> (u16, u8) {
        let descriptor = Vp8Descriptor::parse(payload).unwrap();
        let outgoing = rewriter.rewrite(packet, Some(&descriptor)).unwrap();
        (outgoing.picture, outgoing.tl0)
    }

    #[test]
    fn a_stream_keeps_its_gaps_its_order_and_its_times() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        let mut send = |seq, time| seq_and_time(&mut rewriter, packet(start, seq, time, 0));
        assert_eq!(send(70_000, 500), Some((1_000, 500)), "starts below 65,536 whatever the source's number");
        assert_eq!(send(70_003, 3_500), Some((1_003, 3_500)), "a gap stays, so that the receiver can ask for it");
        assert_eq!(send(70_001, 500), Some((1_001, 500)), "and is filled late");
        assert_eq!(send(69_999, 400), None, "before the first there is no room");
    }

    #[test]
    fn after_a_switch_numbers_go_on_by_one_and_time_by_what_has_passed() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        seq_and_time(&mut rewriter, packet(start, 10, 9_000, 0));
        rewriter.switch();
        assert_eq!(seq_and_time(&mut rewriter, packet(start, 5_000, 77, 100)), Some((1_001, 18_000)));
        assert_eq!(seq_and_time(&mut rewriter, packet(start, 5_001, 3_077, 133)), Some((1_002, 21_000)));
        assert_eq!(seq_and_time(&mut rewriter, packet(start, 4_999, 77, 134)), None, "older than the switch");
        rewriter.switch();
        let at_once = seq_and_time(&mut rewriter, packet(start, 1, 1, 133));
        assert_eq!(at_once, Some((1_003, 21_001)), "time never stands still");
    }

    #[test]
    fn the_time_of_a_frame_that_came_late_does_not_turn_time_back_at_a_switch() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        seq_and_time(&mut rewriter, packet(start, 10, 9_000, 0));
        seq_and_time(&mut rewriter, packet(start, 12, 12_000, 33));
        seq_and_time(&mut rewriter, packet(start, 11, 9_000, 60));
        rewriter.switch();
        assert_eq!(seq_and_time(&mut rewriter, packet(start, 1, 1, 66)), Some((1_003, 14_970)));
    }

    #[test]
    fn another_stream_or_one_that_jumps_is_not_the_same_going_on() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        assert!(rewriter.continues(packet(start, 7, 0, 0)), "nothing is forwarded yet");
        seq_and_time(&mut rewriter, packet(start, 10_000, 0, 0));
        for (seq, continues) in [(15_000, true), (15_001, false), (5_000, true), (4_999, false)] {
            assert_eq!(rewriter.continues(packet(start, seq, 0, 0)), continues, "{seq}");
        }
        let other = Incoming { ssrc: 2, ..packet(start, 10_001, 0, 0) };
        assert!(!rewriter.continues(other));
        rewriter.switch();
        assert!(rewriter.continues(other));
        assert_eq!(seq_and_time(&mut rewriter, other).map(|(seq, _)| seq), Some(1_001), "without a gap");
        assert!(
            rewriter.continues(Incoming { seq: 14_000, ..other }) && !rewriter.continues(packet(start, 10_001, 0, 0))
        );
    }

    #[test]
    fn times_at_the_end_of_what_can_be_counted_harm_nobody() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        seq_and_time(&mut rewriter, packet(start, 1, u64::MAX, 0));
        rewriter.switch();
        assert_eq!(seq_and_time(&mut rewriter, packet(start, 1, 5, 10)), Some((1_001, 899)));
    }

    #[test]
    fn vp8_picture_ids_go_on_and_wrap_at_15_bits() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        assert_eq!(patched(&mut rewriter, packet(start, 1, 0, 0), &vp8(0x7ffe, 0xff)), (0x7ffe, 0xff));
        assert_eq!(patched(&mut rewriter, packet(start, 2, 0, 0), &vp8(0x7fff, 0xff)), (0x7fff, 0xff));
        rewriter.switch();
        assert_eq!(patched(&mut rewriter, packet(start, 90, 0, 0), &vp8(300, 7)), (0, 0));
        assert_eq!(patched(&mut rewriter, packet(start, 91, 0, 0), &vp8(301, 8)), (1, 1));
    }

    #[test]
    fn no_number_is_given_twice_because_a_frame_that_is_left_out_comes_late() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        let seq = |rewriter: &mut Rewriter, seq| {
            seq_and_time(rewriter, packet(start, seq, seq * 3_000, 0)).map(|(seq, _)| seq)
        };
        assert_eq!(seq(&mut rewriter, 10), Some(1_000));
        assert_eq!(seq(&mut rewriter, 12), Some(1_002));
        rewriter.leave_out(packet(start, 11, 33_000, 0), 101);
        assert_eq!(seq(&mut rewriter, 13), Some(1_003), "11 keeps its gap");
        rewriter.leave_out(packet(start, 14, 42_000, 0), 104);
        rewriter.leave_out(packet(start, 16, 48_000, 0), 106);
        rewriter.leave_out(packet(start, 15, 45_000, 0), 105);
        assert_eq!(seq(&mut rewriter, 17), Some(1_005), "and so does 15, behind others that were left out");
    }

    #[test]
    fn frames_that_are_left_out_leave_no_gap() {
        let (start, mut rewriter) = (Instant::now(), Rewriter::default());
        assert_eq!(patched(&mut rewriter, packet(start, 10, 0, 0), &vp8(100, 7)), (100, 7));
        rewriter.leave_out(packet(start, 11, 3_000, 33), 101);
        rewriter.leave_out(packet(start, 12, 3_000, 33), 101);
        assert_eq!(patched(&mut rewriter, packet(start, 13, 6_000, 66), &vp8(102, 8)), (101, 8));
        assert_eq!(
            rewriter.newest.map(|newest| (newest.seq, newest.time)),
            Some((1_001, 6_000)),
            "time passes all the same"
        );
        rewriter.switch();
        assert_eq!(patched(&mut rewriter, packet(start, 900, 0, 99), &vp8(5, 1)), (102, 9));
        assert_eq!(rewriter.newest.map(|newest| newest.seq), Some(1_002), "another stream has lost nothing");
    }
}
