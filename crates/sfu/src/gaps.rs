//! What is missing of a stream of pictures. Lost packets are asked for again by the receive half, some ten times each; a receiver that waits for one that
//! never comes shows nothing new for seconds before it says so.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::receive::Packet;

/// By then the last request has been answered, or has got lost as well.
const HOPELESS: Duration = Duration::from_millis(600);
/// Numbers that jump further say that the stream has started anew.
const MAX_JUMP: u64 = 100;

#[derive(Debug, Default)]
pub(crate) struct Gaps {
    newest: Option<u64>,
    missing: VecDeque<(u64, Instant)>,
    /// How much is lost, of the last hundred packets or so, and whether that is much.
    share: f32,
    lossy: bool,
}

/// From such a loss on pictures wait for what is sent again, until it is down to the other.
const LOSSY: f32 = 0.03;
const CLEAN: f32 = 0.01;
/// How much a packet counts for in the share.
const WEIGHT: f32 = 0.01;

impl Gaps {
    pub(crate) fn received(&mut self, now: Instant, seq: u64) {
        let newest = self.newest.unwrap_or(seq);
        if seq.abs_diff(newest) > MAX_JUMP {
            self.missing.clear();
            self.newest = Some(seq);
        } else if seq > newest {
            self.missing.extend((newest + 1..seq).map(|lost| (lost, now)));
            self.newest = Some(seq);
            for lost in (newest + 1..=seq).map(|number| number < seq) {
                self.share += (f32::from(u8::from(lost)) - self.share) * WEIGHT;
            }
            self.lossy = self.share >= if self.lossy { CLEAN } else { LOSSY };
        } else {
            self.missing.retain(|(lost, _)| *lost != seq);
            self.newest = Some(newest);
        }
    }

    /// Whether much gets lost on the way in.
    pub(crate) fn are_many(&self) -> bool {
        self.lossy
    }

    /// Nobody needs what was lost before a key frame.
    pub(crate) fn keyframe(&mut self, seq: u64) {
        self.missing.retain(|(lost, _)| *lost > seq);
    }

    /// True once for all that will never come.
    pub(crate) fn are_hopeless(&mut self, now: Instant) -> bool {
        let hopeless = self.missing.front().is_some_and(|(_, since)| now.saturating_duration_since(*since) >= HOPELESS);
        if hopeless {
            self.missing.clear();
        }
        hopeless
    }
}

/// Packets that came while a key frame was waited for: if its beginning comes last, because it had to be sent again, the rest is here.
#[derive(Default)]
pub(crate) struct Overtaken(VecDeque<Packet>);

/// A large key frame.
const OVERTAKEN: usize = 64;

impl Overtaken {
    pub(crate) fn keep(&mut self, packet: Packet) {
        if self.0.len() >= OVERTAKEN {
            self.0.pop_front();
        }
        self.0.push_back(packet);
    }

    /// What belongs after this one, in order. Nothing is kept any more.
    pub(crate) fn after(&mut self, first: &Packet) -> Vec<Packet> {
        let follows = |packet: &Packet| packet.ssrc == first.ssrc && packet.seq > first.seq;
        let mut packets: Vec<Packet> = self.0.drain(..).filter(follows).collect();
        packets.sort_by_key(|packet| packet.seq);
        packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_in_time_is_hopeless_once() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        for seq in [10, 12, 14] {
            gaps.received(start, seq);
        }
        gaps.received(start + HOPELESS / 2, 11);
        assert!(!gaps.are_hopeless(start + HOPELESS / 2), "13 may still come");
        assert!(gaps.are_hopeless(start + HOPELESS));
        assert!(!gaps.are_hopeless(start + HOPELESS), "said already");
    }

    #[test]
    fn gaps_are_many_until_hardly_any_are_left() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        for seq in 0..1_000 {
            gaps.received(start, seq);
        }
        assert!(!gaps.are_many());
        for seq in (1_000..1_400).filter(|seq| seq % 10 != 0) {
            gaps.received(start, seq);
        }
        assert!(gaps.are_many(), "one in ten");
        for seq in 1_400..1_570 {
            gaps.received(start, seq);
        }
        assert!(gaps.are_many(), "not over yet");
        for seq in 1_570..1_800 {
            gaps.received(start, seq);
        }
        assert!(!gaps.are_many());
    }

    #[test]
    fn nothing_is_missing_that_came_late_or_before_a_key_frame_or_of_a_former_stream() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        for seq in [10, 12, 11] {
            gaps.received(start, seq);
        }
        assert!(!gaps.are_hopeless(start + HOPELESS), "came late");
        gaps.received(start, 15);
        gaps.keyframe(15);
        assert!(!gaps.are_hopeless(start + HOPELESS), "before a key frame");
        gaps.received(start, 17);
        gaps.received(start, 30_000);
        assert!(!gaps.are_hopeless(start + HOPELESS), "another stream");
    }
}
