//! Whether a packet starts a key frame, read from the RTP payload of each codec, and how often one may be asked for.

use std::time::{Duration, Instant};

use str0m::{format::Codec, rtp::Vp8Descriptor};

/// An encoder that is asked more often only makes bigger frames; asked less often, a picture stays frozen longer.
const AGAIN: Duration = Duration::from_millis(500);
/// What does not come may be on its way over a link that is slow: each further request would make one more key frame, which that link has to carry first.
/// So the pause doubles, up to this: by then request or frame may be lost.
const MOST: Duration = Duration::from_secs(2);

/// Whether a receiver can start decoding at this packet.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign, open enum; what is not listed is not forwarded as a picture"
)]
pub fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Vp8 => Vp8Descriptor::parse(payload).is_ok_and(|descriptor| descriptor.starts_keyframe(payload)),
        Codec::Vp9 => vp9(payload),
        Codec::H264 => h264(payload),
        Codec::Av1 => av1(payload),
        _ => false,
    }
}

/// RFC 9628, section 4.2: not inter-picture predicted, start of a frame, lowest spatial layer.
fn vp9(payload: &[u8]) -> bool {
    const PICTURE_ID: u8 = 0x80;
    const PREDICTED: u8 = 0x40;
    const LAYERS: u8 = 0x20;
    const START: u8 = 0x08;
    const SPATIAL_LAYER: u8 = 0x0e;
    let Some(&first) = payload.first() else { return false };
    if first & PREDICTED != 0 || first & START == 0 {
        return false;
    }
    if first & LAYERS == 0 {
        return true;
    }
    let picture_id = match payload.get(1) {
        _ if first & PICTURE_ID == 0 => 0,
        Some(id) if id & 0x80 != 0 => 2,
        Some(_) | None => 1,
    };
    payload.get(1 + picture_id).is_some_and(|layer| layer & SPATIAL_LAYER == 0)
}

/// RFC 6184, section 5: parameter sets or an IDR slice, alone, aggregated or at the start of a fragmented unit.
fn h264(payload: &[u8]) -> bool {
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let unit = |byte: u8| byte & 0x1f;
    match payload {
        [indicator, rest @ ..] if unit(*indicator) == STAP_A => {
            let mut rest = rest;
            while let [l0, l1, header, ..] = *rest {
                if starts_picture(unit(header)) {
                    return true;
                }
                let length = usize::from(u16::from_be_bytes([l0, l1]));
                rest = rest.get(2 + length..).unwrap_or_default();
            }
            false
        }
        [indicator, header, ..] if unit(*indicator) == FU_A => header & 0x80 != 0 && starts_picture(unit(*header)),
        [header, ..] => starts_picture(unit(*header)),
        [] => false,
    }
}

fn starts_picture(unit: u8) -> bool {
    const IDR: u8 = 5;
    const SPS: u8 = 7;
    unit == IDR || unit == SPS
}

/// AV1 RTP specification, section 4.4: the N bit says that a coded video sequence starts here.
fn av1(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & 0x08 != 0)
}

/// When to ask a sender for a key frame. All who want one wait for the same.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    open: bool,
    asked: Option<Instant>,
    /// How often since a key frame came last.
    in_vain: u32,
}

impl Wish {
    pub(crate) fn open(&mut self) {
        self.open = true;
    }

    /// Somebody waits for one.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A key frame has come.
    pub(crate) fn fulfilled(&mut self) {
        (self.open, self.in_vain) = (false, 0);
    }

    /// Whatever was asked for got lost on the way.
    pub(crate) fn start_anew(&mut self) {
        (self.asked, self.in_vain) = (None, 0);
    }

    /// Whether to ask now. Counts as asked.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next_wake(now).is_some_and(|at| at <= now);
        if due {
            self.asked = Some(now);
            self.in_vain += 1;
        }
        due
    }

    pub(crate) fn next_wake(&self, now: Instant) -> Option<Instant> {
        self.open.then(|| self.asked.map_or(now, |asked| asked + self.pause()))
    }

    fn pause(&self) -> Duration {
        AGAIN.saturating_mul(1 << self.in_vain.saturating_sub(1).min(8)).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(codec: Codec, cases: &[(&[u8], bool, &str)]) {
        for (payload, key, what) in cases {
            assert_eq!(starts_keyframe(codec, payload), *key, "{codec:?}: {what}");
            for length in 0..payload.len() {
                // Cut anywhere, nothing panics.
                starts_keyframe(codec, &payload[..length]);
            }
        }
    }

    #[test]
    fn vp8() {
        cases(
            Codec::Vp8,
            &[
                (&[0x10, 0x00, 0x01], true, "start of partition 0, key"),
                (&[0x10, 0x01, 0x01], false, "start of partition 0, not key"),
                (&[0x00, 0x00, 0x01], false, "not the start"),
                (&[0x11, 0x00, 0x01], false, "another partition"),
                (&[0x90, 0x80, 0x83, 0x01, 0x00, 0x00], true, "with a picture id of 15 bits"),
                (&[0x90, 0x80, 0x83, 0x01, 0x01, 0x00], false, "with a picture id, not key"),
            ],
        );
    }

    #[test]
    fn vp9() {
        cases(
            Codec::Vp9,
            &[
                (&[0x08, 0x00], true, "start, not predicted"),
                (&[0x48, 0x00], false, "predicted"),
                (&[0x00, 0x00], false, "not the start"),
                (&[0xa8, 0x81, 0x02, 0x00, 0x00], true, "lowest spatial layer"),
                (&[0xa8, 0x81, 0x02, 0x02, 0x00], false, "higher spatial layer of the same picture"),
                (&[0xa8, 0x01, 0x02, 0x00], false, "short picture id, higher layer"),
            ],
        );
    }

    #[test]
    fn h264() {
        cases(
            Codec::H264,
            &[
                (&[0x65, 0x88], true, "IDR"),
                (&[0x67, 0x42], true, "SPS"),
                (&[0x41, 0x9a], false, "not IDR"),
                (&[0x78, 0x00, 0x02, 0x67, 0x42, 0x00, 0x01, 0x68], true, "STAP-A with SPS and PPS"),
                (&[0x78, 0x00, 0x02, 0x09, 0x30, 0x00, 0x02, 0x67, 0x42], true, "STAP-A with SPS second"),
                (&[0x78, 0x00, 0x02, 0x41, 0x9a], false, "STAP-A without"),
                (&[0x7c, 0x85, 0x88], true, "FU-A, start of an IDR"),
                (&[0x7c, 0x05, 0x88], false, "FU-A, middle of an IDR"),
                (&[0x7c, 0x81, 0x9a], false, "FU-A, start of another slice"),
            ],
        );
    }

    #[test]
    fn av1() {
        cases(Codec::Av1, &[(&[0x18, 0x0a], true, "new sequence"), (&[0x10, 0x32], false, "same sequence")]);
    }

    #[test]
    fn sound_has_no_key_frames() {
        assert!(!starts_keyframe(Codec::Opus, &[0x10, 0x00, 0x01]));
    }

    #[test]
    fn wishes_of_many_are_one_and_a_sender_is_asked_twice_a_second_at_most() {
        let start = Instant::now();
        let mut wish = Wish::default();
        assert!(!wish.is_due(start), "nobody wants one");
        for _ in 0..100 {
            wish.open();
        }
        assert!(wish.is_due(start));
        assert!(!wish.is_due(start), "asked already");
        wish.fulfilled();
        wish.open();
        assert!(!wish.is_due(start + AGAIN.checked_sub(Duration::from_millis(1)).unwrap()));
        assert!(wish.is_due(start + AGAIN));
        assert_eq!(wish.next_wake(start + AGAIN), Some(start + AGAIN + AGAIN), "until it comes");
        wish.fulfilled();
        assert_eq!(wish.next_wake(start + AGAIN), None);
    }

    #[test]
    fn a_key_frame_that_does_not_come_is_asked_for_less_and_less_often_until_one_has() {
        let start = Instant::now();
        let mut wish = Wish::default();
        wish.open();
        let mut asked = Vec::new();
        for tick in 0..100_u32 {
            let passed = Duration::from_millis(100) * tick;
            if wish.is_due(start + passed) {
                asked.push(passed.as_millis());
            }
        }
        assert_eq!(asked, [0, 500, 1_500, 3_500, 5_500, 7_500, 9_500]);
        wish.fulfilled();
        wish.open();
        assert!(wish.is_due(start + Duration::from_secs(10)));
        assert_eq!(wish.next_wake(start), Some(start + Duration::from_secs(10) + AGAIN), "as at first");
    }
}
