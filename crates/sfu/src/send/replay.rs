//! A packet that was recorded and sent once more says nothing (RFC 3711, section 3.3.2).

/// A participant's reports come from few sources.
const MAX_SOURCES: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// The oldest known first.
    sources: Vec<Window>,
}

#[derive(Debug)]
struct Window {
    ssrc: u32,
    newest: u32,
    /// Which of the 64 up to the newest have come; the newest is the lowest bit.
    seen: u64,
}

impl Replays {
    /// Whether the packet with this index comes for the first time.
    pub(crate) fn is_new(&mut self, ssrc: u32, index: u32) -> bool {
        let Some(window) = self.sources.iter_mut().find(|window| window.ssrc == ssrc) else {
            if self.sources.len() == MAX_SOURCES {
                self.sources.remove(0);
            }
            self.sources.push(Window { ssrc, newest: index, seen: 1 });
            return true;
        };
        if index > window.newest {
            window.seen = window.seen.checked_shl(index - window.newest).unwrap_or(0) | 1;
            window.newest = index;
            return true;
        }
        let bit = 1_u64.checked_shl(window.newest - index).unwrap_or(0);
        let new = bit != 0 && window.seen & bit == 0;
        window.seen |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_counts_once() {
        let mut replays = Replays::default();
        for (index, new) in
            [(100, true), (100, false), (98, true), (98, false), (200, true), (100, false), (137, true), (136, false)]
        {
            assert_eq!(replays.is_new(1, index), new, "{index}");
        }
        assert!(replays.is_new(2, 100), "another source");
    }

    #[test]
    fn sources_are_bounded() {
        let mut replays = Replays::default();
        assert!((0..1_000).all(|ssrc| replays.is_new(ssrc, 1)));
        assert_eq!(replays.sources.len(), MAX_SOURCES);
        assert!(!replays.is_new(999, 1));
    }
}
