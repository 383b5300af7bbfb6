//! What is missing of a stream of pictures. Lost packets are asked for again by the receive half, some ten times each; a receiver that waits for one that
//! never comes shows nothing new for seconds before it says so.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::receive::Packet;

/// By then the last request has been answered, or has got lost as well.
const HOPELESS: Duration = Duration::from_millis(600);
/// More lost in a row than this is not waited for: a break of the link, or a sender that has started anew.
const MAX_JUMP: u64 = 100;
/// What is kept of others: with more missing at once nothing can be mended by asking.
const MOST_MISSING: usize = 500;

#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// Which stream it is, and its highest number.
    newest: Option<(u32, u64)>,
    missing: VecDeque<(u64, Instant)>,
    /// So much is missing that it is hopeless by now.
    broken: bool,
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
    pub(crate) fn received(&mut self, now: Instant, ssrc: u32, seq: u64) {
        let Some((_, newest)) = self.newest.filter(|(known, _)| *known == ssrc) else {
            (self.missing, self.newest) = (VecDeque::new(), Some((ssrc, seq)));
            return;
        };
        if seq <= newest {
            // However late: what was sent again comes behind much else on a fast link with a long way.
            self.missing.retain(|(lost, _)| *lost != seq);
            return;
        }
        self.newest = Some((ssrc, seq));
        if seq - newest > MAX_JUMP || self.missing.len() > MOST_MISSING {
            self.missing.clear();
            self.broken = true;
            return;
        }
        self.missing.extend((newest + 1..seq).map(|lost| (lost, now)));
        for lost in (newest + 1..=seq).map(|number| number < seq) {
            self.share += (f32::from(u8::from(lost)) - self.share) * WEIGHT;
        }
        self.lossy = self.share >= if self.lossy { CLEAN } else { LOSSY };
    }

    /// Whether much gets lost on the way in.
    pub(crate) fn are_many(&self) -> bool {
        self.lossy
    }

    /// Nobody needs what was lost before a key frame.
    pub(crate) fn keyframe(&mut self, seq: u64) {
        self.missing.retain(|(lost, _)| *lost > seq);
        self.broken = false;
    }

    /// True once for all that will never come.
    pub(crate) fn are_hopeless(&mut self, now: Instant) -> bool {
        let late = self.missing.front().is_some_and(|(_, since)| now.saturating_duration_since(*since) >= HOPELESS);
        if late {
            self.missing.clear();
        }
        std::mem::take(&mut self.broken) || late
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
            gaps.received(start, 1, seq);
        }
        gaps.received(start + HOPELESS / 2, 1, 11);
        assert!(!gaps.are_hopeless(start + HOPELESS / 2), "13 may still come");
        assert!(gaps.are_hopeless(start + HOPELESS));
        assert!(!gaps.are_hopeless(start + HOPELESS), "said already");
    }

    #[test]
    fn gaps_are_many_until_hardly_any_are_left() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        for seq in 0..1_000 {
            gaps.received(start, 1, seq);
        }
        assert!(!gaps.are_many());
        for seq in (1_000..1_400).filter(|seq| seq % 10 != 0) {
            gaps.received(start, 1, seq);
        }
        assert!(gaps.are_many(), "one in ten");
        for seq in 1_400..1_570 {
            gaps.received(start, 1, seq);
        }
        assert!(gaps.are_many(), "not over yet");
        for seq in 1_570..1_800 {
            gaps.received(start, 1, seq);
        }
        assert!(!gaps.are_many());
    }

    #[test]
    fn nothing_is_missing_that_came_late_or_before_a_key_frame_or_of_a_former_stream() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        for seq in [10, 12, 11] {
            gaps.received(start, 1, seq);
        }
        assert!(!gaps.are_hopeless(start + HOPELESS), "came late");
        gaps.received(start, 1, 15);
        gaps.keyframe(15);
        assert!(!gaps.are_hopeless(start + HOPELESS), "before a key frame");
        gaps.received(start, 1, 17);
        gaps.received(start, 2, 19);
        assert!(!gaps.are_hopeless(start + HOPELESS), "another stream");
    }

    #[test]
    fn a_break_of_the_link_is_hopeless_at_once_and_a_key_frame_ends_it() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        gaps.received(start, 1, 10);
        gaps.received(start, 1, 112);
        assert!(gaps.are_hopeless(start) && !gaps.are_hopeless(start + HOPELESS), "said once");
        gaps.received(start, 1, 300);
        gaps.keyframe(300);
        assert!(!gaps.are_hopeless(start + HOPELESS), "it begins with one");
    }

    #[test]
    fn what_was_sent_again_may_come_behind_much_else() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        for seq in (10..400).filter(|seq| *seq != 50 && *seq != 300) {
            gaps.received(start, 1, seq);
        }
        gaps.received(start, 1, 50);
        assert!(gaps.are_hopeless(start + HOPELESS), "300 has not come");
        gaps.received(start, 1, 402);
        gaps.received(start, 1, 400);
        gaps.received(start, 1, 401);
        assert!(!gaps.are_hopeless(start + HOPELESS), "nothing is missing");
    }

    #[test]
    fn of_a_sender_who_leaves_most_out_little_is_kept() {
        let (start, mut gaps) = (Instant::now(), Gaps::default());
        for seq in 0..10_000 {
            gaps.received(start, 1, seq * 100);
        }
        assert!(gaps.missing.len() <= MOST_MISSING + 100, "{}", gaps.missing.len());
        assert!(gaps.are_hopeless(start));
    }

    #[test]
    fn what_has_overtaken_a_key_frame_follows_it_in_order_but_for_other_streams() {
        let packet = |ssrc, seq| Packet {
            mid: "1".into(),
            rid: None,
            ssrc,
            seq,
            time: 0,
            payload_type: 96,
            marker: false,
            level: None,
            orientation: None,
            payload: [0].into(),
            at: Instant::now(),
        };
        let mut overtaken = Overtaken::default();
        for (ssrc, seq) in [(1, 9), (1, 13), (2, 12), (1, 11)] {
            overtaken.keep(packet(ssrc, seq));
        }
        let after = |overtaken: &mut Overtaken| {
            overtaken.after(&packet(1, 10)).iter().map(|packet| (packet.ssrc, packet.seq)).collect::<Vec<_>>()
        };
        assert_eq!(after(&mut overtaken), [(1, 11), (1, 13)]);
        assert_eq!(after(&mut overtaken), [], "nothing is kept any more");
        (0..10_000).for_each(|seq| overtaken.keep(packet(1, seq)));
        assert_eq!(after(&mut overtaken).len(), OVERTAKEN);
    }
}
