//! Which numbers of a stream have come. What was recorded and sent once more says nothing (RFC 3711, section 3.3.2), and neither does what was
//! sent again though it had come.

use crate::send::extended;

/// At 1,000 packets a second, a second: by then what was asked for again has come.
const BITS: u64 = 1_024;
const WORDS: usize = 16;

#[derive(Debug)]
pub(crate) struct Window {
    newest: u64,
    /// A ring: each number has a bit, which is that of the number [`BITS`] before as well.
    seen: [u64; WORDS],
}

impl Window {
    /// Nothing has come, and this will be the first.
    pub(crate) fn before(first: u64) -> Self {
        Self { newest: first.saturating_sub(1), seen: [0; WORDS] }
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// The number that ends like this and is nearest to the newest (RFC 3711, section 3.3.1), if it has not come yet.
    pub(crate) fn expects(&self, low: u16) -> Option<u64> {
        extended(low, self.newest).filter(|number| self.is_new(*number))
    }

    /// False for what has come, and for what is so old that it may have.
    pub(crate) fn is_new(&self, number: u64) -> bool {
        number > self.newest || self.newest - number < BITS && !self.has(number)
    }

    /// True if the number is new. It is not any more.
    pub(crate) fn take(&mut self, number: u64) -> bool {
        if !self.is_new(number) {
            return false;
        }
        if number > self.newest {
            if number - self.newest >= BITS {
                self.seen = [0; WORDS];
            } else {
                (self.newest + 1..number).for_each(|skipped| self.mark(skipped, false));
            }
            self.newest = number;
        }
        self.mark(number, true);
        true
    }

    fn has(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }

    fn mark(&mut self, number: u64, seen: bool) {
        let (word, bit) = place(number);
        if seen {
            self.seen[word] |= bit;
        } else {
            self.seen[word] &= !bit;
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let bit = number % BITS;
    (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn started(first: u64) -> Window {
        let mut window = Window::before(first);
        window.take(first);
        window
    }

    #[test]
    fn each_number_is_new_once() {
        let mut window = Window::before(70_000);
        for (number, new) in [
            (70_000, true),
            (70_000, false),
            (69_999, true),
            (69_999, false),
            (70_003, true),
            (70_001, true),
            (70_001, false),
            (68_980, true),
            (68_979, false),
            (72_000, true),
            (70_003, false),
            (70_977, true),
            (70_976, false),
        ] {
            assert_eq!(window.take(number), new, "{number}");
        }
    }

    #[test]
    fn what_the_first_has_overtaken_is_new() {
        for first in [0, 1, 70_000] {
            let mut window = Window::before(first);
            assert!(window.take(first) && !window.take(first));
            assert_eq!(first > 0 && window.take(first - 1), first > 0);
        }
    }

    #[test]
    fn it_is_as_if_all_were_remembered() {
        let (mut window, mut all, mut newest) = (started(5_000), BTreeSet::from([5_000]), 5_000_u64);
        let steps = [1, 2, -1, 1_023, -1_022, 1_024, -700, 63, 64, -64, -1_023, 65, 0, 3_000, -5];
        for step in steps.into_iter().cycle().take(2_000) {
            let number = newest.saturating_add_signed(step);
            let expected = number + BITS > newest.max(number) && !all.contains(&number);
            assert_eq!(window.take(number), expected, "{number} after {newest}");
            if expected {
                all.insert(number);
                newest = newest.max(number);
            }
        }
    }

    #[test]
    fn the_nearest_number_is_meant() {
        let window = started(0x1_0000);
        assert_eq!(window.expects(0xffff), Some(0xffff), "before the wrap");
        assert_eq!(window.expects(1), Some(0x1_0001));
        assert_eq!(window.expects(0), None, "has come");
        assert_eq!(started(3).expects(0xffff), None, "nothing is below zero");
        assert_eq!(started(0xffff).expects(2), Some(0x1_0002));
    }
}
