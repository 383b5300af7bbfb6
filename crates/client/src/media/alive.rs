//! Lets the SFU hear twice a second that this end is there, and notices when nothing comes back.

use std::time::{Duration, Instant};

pub(super) const INTERVAL: Duration = Duration::from_millis(500);
/// After so long without anything the path counts as lost, and another is looked for.
const SILENCE: Duration = Duration::from_millis(1_500);
/// How long another path has before yet another is looked for.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Alive {
    next: Instant,
    heard: Instant,
    tried: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    Fine,
    /// Nothing has come for too long.
    Silence,
}

impl Alive {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now, heard: now, tried: None }
    }

    pub(super) fn next_wake(&self) -> Instant {
        self.next
    }

    pub(super) fn heard(&mut self, now: Instant) {
        (self.heard, self.tried) = (now, None);
    }

    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        self.next = now + INTERVAL;
        let silent = now.saturating_duration_since(self.heard) >= SILENCE;
        let waits = self.tried.is_some_and(|tried| now.saturating_duration_since(tried) < PATIENCE);
        if !silent || waits {
            return Beat::Fine;
        }
        self.tried = Some(now);
        Beat::Silence
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Beat::{Fine, Silence},
        *,
    };

    #[test]
    fn silence_is_told_once_and_again_when_the_next_path_is_silent_too() {
        let start = Instant::now();
        let mut alive = Alive::new(start);
        let mut beat = |milliseconds| alive.beat(start + Duration::from_millis(milliseconds));
        let beats = [0, 500, 1_000, 1_500, 2_000, 4_000, 4_500, 5_000].map(&mut beat);
        assert_eq!(beats, [Fine, Fine, Fine, Silence, Fine, Fine, Silence, Fine]);
        alive.heard(start + Duration::from_secs(6));
        assert_eq!(alive.beat(start + Duration::from_secs(7)), Fine);
        assert_eq!(alive.beat(start + Duration::from_secs(8)), Silence);
    }
}
