//! Temporal layers of VP8: which frames can be left out without anybody missing them, read from the payload descriptor.

use std::collections::VecDeque;

/// Frames of a layer refer to frames of this layer and below only. All of them are let through.
pub(crate) const ALL: u8 = u8::MAX;
/// With three layers the lowest has a quarter of the frames, the lowest two have half of them. More than three nobody sends.
pub(crate) const SLOWER: [u8; 2] = [0, 1];

/// What the descriptor says of a frame's place (RFC 7741, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Temporal {
    pub(crate) layer: u8,
    /// It refers to the lowest layer only: from here on higher ones can be followed.
    pub(crate) sync: bool,
    /// Its picture id has 15 bits, not 7.
    pub(crate) long: bool,
}

/// Nothing, if the frame is of no layer, or has no number by which it could be told from the next.
pub(crate) fn vp8(payload: &[u8]) -> Option<Temporal> {
    const EXTENDED: u8 = 0x80;
    const PICTURE_ID: u8 = 0x80;
    const TL0: u8 = 0x40;
    const TID: u8 = 0x20;
    let [first, extension, rest @ ..] = payload else { return None };
    if first & EXTENDED == 0 || extension & TID == 0 || extension & PICTURE_ID == 0 {
        return None;
    }
    let long = rest.first()? & 0x80 != 0;
    let octet = rest.get(1 + usize::from(long) + usize::from(extension & TL0 != 0))?;
    Some(Temporal { layer: octet >> 6, sync: octet & 0x20 != 0, long })
}

/// A frame, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) picture: u16,
    pub(crate) temporal: Temporal,
    pub(crate) starts_keyframe: bool,
}

/// Which frames are let through to one receiver.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The highest layer that is to be let through, and the one that is.
    pub(crate) wanted: u8,
    open: u8,
    /// The newest frame and whether it goes through: all its packets do, or none.
    newest: Option<(u16, bool)>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { wanted: ALL, open: ALL, newest: None }
    }
}

impl Temporal {
    /// Picture ids go up to that, and begin anew.
    fn picture_ids(self) -> u16 {
        if self.long { 0x7fff } else { 0x7f }
    }
}

impl Gate {
    /// Another stream begins, with a key frame.
    pub(crate) fn switch(&mut self) {
        (self.open, self.newest) = (self.wanted, None);
    }

    /// Whether a packet of this frame goes through.
    pub(crate) fn lets_through(&mut self, frame: Frame) -> bool {
        let Frame { picture, temporal, starts_keyframe } = frame;
        if let Some((newest, passes)) = self.newest {
            let ids = temporal.picture_ids();
            let ahead = picture.wrapping_sub(newest) & ids;
            if ahead == 0 {
                return passes;
            }
            if ahead > ids / 2 {
                // It comes late. What became of its frame is not known any more; its layer is a good guess.
                return temporal.layer <= self.open;
            }
        }
        if self.wanted < self.open || starts_keyframe {
            self.open = self.wanted;
        } else if temporal.sync && self.open < self.wanted && temporal.layer == self.open + 1 {
            // Above the highest layer there is nothing to wait for.
            self.open = if SLOWER.contains(&temporal.layer) { temporal.layer } else { self.wanted };
        }
        let passes = temporal.layer <= self.open;
        self.newest = Some((picture, passes));
        passes
    }
}

/// What was left out so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gap {
    pub(crate) packets: u64,
    pub(crate) pictures: u16,
}

/// Packets that were left out, so that those that follow can be numbered without a gap.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    /// From which number on how much was left out, oldest first.
    steps: VecDeque<(u64, Gap)>,
    /// The last picture of which something was.
    picture: Option<u16>,
}

/// Packets that come later than this many steps have no place any more.
const STEPS: usize = 64;

impl LeftOut {
    /// `number` is higher than all before.
    pub(crate) fn leave_out(&mut self, number: u64, picture: u16) {
        let (from, gap) = self.steps.back().copied().unwrap_or_default();
        let fresh = self.picture.replace(picture) != Some(picture);
        let gap = Gap { packets: gap.packets + 1, pictures: gap.pictures.wrapping_add(u16::from(fresh)) };
        if number == from {
            self.steps.pop_back();
        } else if self.steps.len() == STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back((number + 1, gap));
    }

    /// How much was left out before this packet; nothing, if that is not known any more.
    pub(crate) fn before(&self, number: u64) -> Option<Gap> {
        match self.steps.iter().rev().find(|(from, _)| *from <= number) {
            Some((_, gap)) => Some(*gap),
            None => (self.steps.len() < STEPS).then(Gap::default),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_stands_behind_what_else_a_descriptor_may_have() {
        let temporal = |layer, sync, long| Some(Temporal { layer, sync, long });
        for (payload, expected) in [
            (&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x80][..], temporal(2, false, true)),
            (&[0x90, 0xe0, 0x01, 0x07, 0x60], temporal(1, true, false)),
            (&[0x90, 0xa0, 0x01, 0x40], temporal(1, false, false)),
            (&[0x90, 0x20, 0x20], None),
            (&[0x90, 0x80, 0x01, 0x40], None),
            (&[0x10, 0xe0, 0x01, 0x40], None),
        ] {
            assert_eq!(vp8(payload), expected, "{payload:x?}");
            for length in 0..payload.len() {
                // Cut anywhere, nothing panics.
                vp8(&payload[..length]);
            }
        }
    }

    /// The frames of three layers as libvpx sends them: 0 2 1 2, where the first of each higher one refers to the lowest only.
    fn frames(first: u16) -> impl Iterator<Item = Frame> {
        (0..).map(move |n: u16| {
            let (layer, sync) = [(0, false), (2, true), (1, true), (2, false)][usize::from(n % 4)];
            let temporal = Temporal { layer, sync, long: true };
            Frame { picture: first.wrapping_add(n) & 0x7fff, temporal, starts_keyframe: false }
        })
    }

    fn passed(gate: &mut Gate, first: u16, count: usize) -> Vec<u16> {
        frames(first).take(count).filter(|frame| gate.lets_through(*frame)).map(|frame| frame.picture).collect()
    }

    #[test]
    fn a_lower_layer_is_gone_down_to_at_once_and_a_higher_one_up_to_where_it_can_be_followed() {
        let mut gate = Gate::default();
        assert_eq!(passed(&mut gate, 0, 4), [0, 1, 2, 3]);
        gate.wanted = 0;
        assert_eq!(passed(&mut gate, 4, 8), [4, 8]);
        gate.wanted = 1;
        assert_eq!(passed(&mut gate, 12, 8), [12, 14, 16, 18]);
        gate.wanted = ALL;
        assert_eq!(
            passed(&mut gate, 20, 8),
            [20, 21, 22, 23, 24, 25, 26, 27],
            "the first of the top layer says it can be"
        );
        gate.wanted = 0;
        passed(&mut gate, 28, 4);
        gate.wanted = ALL;
        assert_eq!(passed(&mut gate, 32, 8), [32, 34, 36, 37, 38, 39], "one layer after the other");
    }

    #[test]
    fn ids_of_seven_bits_begin_anew_sooner() {
        let short = |frame: Frame| Frame {
            picture: frame.picture & 0x7f,
            temporal: Temporal { long: false, ..frame.temporal },
            ..frame
        };
        let mut gate = Gate::default();
        let passed =
            |gate: &mut Gate, first| frames(first).take(8).filter(|frame| gate.lets_through(short(*frame))).count();
        assert_eq!(passed(&mut gate, 120), 8);
        gate.wanted = 0;
        assert_eq!(passed(&mut gate, 128), 2);
        gate.wanted = 1;
        assert_eq!(passed(&mut gate, 136), 4);
    }

    #[test]
    fn a_frame_goes_through_whole_or_not_at_all() {
        let mut gate = Gate::default();
        let [t0, t2, ..] = std::array::from_fn::<_, 4, _>(|n| frames(0x7fff).nth(n).unwrap());
        assert!(gate.lets_through(t0) && gate.lets_through(t2));
        gate.wanted = 0;
        assert!(gate.lets_through(t2), "its first packet went through");
        let [next, dropped, ..] = std::array::from_fn::<_, 4, _>(|n| frames(3).nth(n).unwrap());
        assert!(gate.lets_through(next) && !gate.lets_through(dropped));
        gate.wanted = ALL;
        assert!(!gate.lets_through(dropped), "its first packet did not");
        assert!(gate.lets_through(t0), "late");
    }

    #[test]
    fn a_key_frame_opens_all_that_is_wanted() {
        let mut gate = Gate { wanted: 0, ..Gate::default() };
        passed(&mut gate, 0, 4);
        gate.wanted = ALL;
        let temporal = Temporal { layer: 0, sync: false, long: true };
        assert!(gate.lets_through(Frame { picture: 4, temporal, starts_keyframe: true }));
        let temporal = Temporal { layer: 2, sync: false, long: true };
        assert!(gate.lets_through(Frame { picture: 5, temporal, starts_keyframe: false }));
    }

    #[test]
    fn what_follows_is_told_how_much_is_missing_before_it() {
        let mut out = LeftOut::default();
        let gap = |packets, pictures| Some(Gap { packets, pictures });
        assert_eq!(out.before(10), gap(0, 0));
        out.leave_out(11, 5);
        out.leave_out(12, 5);
        out.leave_out(13, 6);
        assert_eq!([10, 14, 99].map(|number| out.before(number)), [gap(0, 0), gap(3, 2), gap(3, 2)]);
        out.leave_out(20, 9);
        assert_eq!([19, 21].map(|number| out.before(number)), [gap(3, 2), gap(4, 3)]);
        for number in 0..200 {
            out.leave_out(100 + number * 2, 10);
        }
        assert_eq!(out.before(20), None, "so long ago is not known any more");
    }
}
