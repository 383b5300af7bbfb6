//! What is to be sent again, and how much of it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::Sender;

/// How much of what is sent may be sent again, in percent. A receiver that asks for everything a hundred times gets no more. Where a fifth
/// gets lost and each is sent again twice, half is needed.
const SHARE: usize = 60;
/// What may be sent again without having been earned just before: a key frame that was lost whole.
const MAX_CREDIT: usize = 128 * 1_024;
/// What a packet costs, as its size is not looked at before its turn.
const PACKET: usize = 1_200;
const MAX_WAITING: usize = 512;
/// From such a loss on it is not waited for the receiver to ask. Below it, what seems lost has more likely been overtaken.
const LOSSY: f32 = 0.02;
/// From such a loss on each is sent again twice, where the link has room: what gets lost a second time comes too late for its picture.
const VERY_LOSSY: f32 = 0.08;

#[derive(Debug)]
pub(crate) struct Resends {
    /// Lines and numbers.
    waiting: VecDeque<(usize, u64)>,
    /// In bytes.
    credit: usize,
}

impl Default for Resends {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), credit: MAX_CREDIT / 2 }
    }
}

impl Resends {
    /// So many bytes were sent for the first time.
    pub(crate) fn earn(&mut self, bytes: usize) {
        self.credit = (self.credit + bytes * SHARE / 100).min(MAX_CREDIT);
    }

    /// `twice`: once more when all the others that wait have left.
    pub(crate) fn ask(&mut self, line: usize, seq: u64, twice: bool) {
        // Whoever asks for more than it may get is not worth a search.
        if self.credit < PACKET || self.waiting.contains(&(line, seq)) {
            return;
        }
        for _ in 0..if twice { 2 } else { 1 } {
            if self.credit >= PACKET && self.waiting.len() < MAX_WAITING {
                self.credit -= PACKET;
                self.waiting.push_back((line, seq));
            }
        }
    }

    pub(crate) fn next(&mut self) -> Option<(usize, u64)> {
        self.waiting.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.waiting.len() * PACKET).unwrap_or(0)
    }
}

impl Sender {
    /// The receiver asks for packets of a stream.
    pub(super) fn missing(&mut self, now: Instant, ssrc: u32, seqs: &[u16]) {
        let Some(line) = self.streams.iter().position(|stream| stream.ssrc == ssrc) else { return };
        let twice = self.sends_twice(now);
        for low in seqs {
            if let Some(seq) = self.streams[line].asked(now, *low, self.rtt / 2) {
                self.resends.ask(line, seq, twice);
            }
        }
    }

    /// Packets with these numbers did not arrive. The receiver will ask for them, but over such a link what it asks gets lost as well; and of
    /// what was sent again it notices only after a round trip that it has not come.
    pub(super) fn mend(&mut self, now: Instant, lost: &[u64]) {
        if self.losses.share() < LOSSY {
            return;
        }
        let twice = self.sends_twice(now);
        for number in lost {
            let find = |(line, stream): (usize, &super::Stream)| Some((line, stream.left_as(now, *number)?));
            if let Some((line, seq)) = self.streams.iter().enumerate().find_map(find) {
                self.resends.ask(line, seq, twice);
            }
        }
    }

    /// Nothing that was sent in the last `gap`, or was on its way then, has arrived; as round trips vary, a little more is sent again. By the time
    /// the receiver could ask for it, it is there.
    pub(crate) fn send_lost(&mut self, now: Instant, gap: Duration) {
        let since = gap + self.rtt * 2;
        for (line, stream) in self.streams.iter().enumerate() {
            stream.sent_within(now, since).for_each(|seq| self.resends.ask(line, seq, false));
        }
    }

    pub(super) fn sends_twice(&self, now: Instant) -> bool {
        self.losses.share() >= VERY_LOSSY && self.estimator.has_room(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_sent_once_and_all_of_them_only_so_much() {
        let mut resends = Resends::default();
        (0..10).for_each(|_| resends.ask(0, 7, false));
        assert_eq!((resends.next(), resends.next()), (Some((0, 7)), None));
        let asked = |resends: &mut Resends, from: u64| {
            (from..from + 10_000).for_each(|seq| resends.ask(0, seq, false));
            std::iter::from_fn(|| resends.next()).count()
        };
        assert_eq!(asked(&mut resends, 0), MAX_CREDIT / 2 / PACKET - 1, "one is gone already");
        assert_eq!(asked(&mut resends, 0), 0);
        resends.earn(20_000);
        assert_eq!(asked(&mut resends, 0), 10, "three fifths of what was sent");
        resends.earn(100_000_000);
        assert_eq!(asked(&mut resends, 0), MAX_CREDIT / PACKET);
    }

    #[test]
    fn the_second_of_two_leaves_after_the_others_and_costs_as_much() {
        let mut resends = Resends { credit: 5 * PACKET, ..Resends::default() };
        (0..5).for_each(|seq| resends.ask(0, seq % 3, true));
        let left: Vec<u64> = std::iter::from_fn(|| resends.next()).map(|(_, seq)| seq).collect();
        assert_eq!(left, [0, 0, 1, 1, 2]);
    }
}
