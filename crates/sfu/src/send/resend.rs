//! What is to be sent again, and how much of it.

use std::collections::VecDeque;

/// How much of what is sent may be sent again, in percent. A receiver that asks for everything a hundred times gets no more.
const SHARE: usize = 40;
/// What may be sent again without having been earned just before: a key frame that was lost whole.
const MAX_CREDIT: usize = 128 * 1_024;
/// What a packet costs, as its size is not looked at before its turn.
const PACKET: usize = 1_200;
const MAX_WAITING: usize = 512;

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

    pub(crate) fn ask(&mut self, line: usize, seq: u64) {
        if self.credit >= PACKET && self.waiting.len() < MAX_WAITING && !self.waiting.contains(&(line, seq)) {
            self.credit -= PACKET;
            self.waiting.push_back((line, seq));
        }
    }

    pub(crate) fn next(&mut self) -> Option<(usize, u64)> {
        self.waiting.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.waiting.len() * PACKET).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_sent_once_and_all_of_them_only_so_much() {
        let mut resends = Resends::default();
        (0..10).for_each(|_| resends.ask(0, 7));
        assert_eq!((resends.next(), resends.next()), (Some((0, 7)), None));
        let asked = |resends: &mut Resends, from: u64| {
            (from..from + 10_000).for_each(|seq| resends.ask(0, seq));
            std::iter::from_fn(|| resends.next()).count()
        };
        assert_eq!(asked(&mut resends, 0), MAX_CREDIT / 2 / PACKET - 1, "one is gone already");
        assert_eq!(asked(&mut resends, 0), 0);
        resends.earn(30_000);
        assert_eq!(asked(&mut resends, 0), 10, "two fifths of what was sent");
        resends.earn(100_000_000);
        assert_eq!(asked(&mut resends, 0), MAX_CREDIT / PACKET);
    }
}
