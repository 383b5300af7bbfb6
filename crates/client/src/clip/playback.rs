//! Where in a track a sender is.

use std::time::Duration;

use super::{Frame, Track};

/// Goes through a track again and again. Its own time only ever rises, also over the seam and after a restart.
#[derive(Debug, Default)]
pub(crate) struct Playback {
    index: usize,
    /// In ticks since the start.
    time: u64,
}

impl Playback {
    /// When the next frame is due, counted from the start.
    pub(crate) fn due(&self, track: &Track) -> Duration {
        let rate = u64::from(track.clock_rate);
        let nanos = (self.time % rate) * 1_000_000_000 / rate;
        Duration::from_secs(self.time / rate) + Duration::from_nanos(nanos)
    }

    /// The next frame and its time in ticks.
    pub(crate) fn next<'t>(&mut self, track: &'t Track) -> (&'t Frame, u64) {
        let frame = &track.frames[self.index];
        let time = self.time;
        self.index = (self.index + 1) % track.frames.len();
        let end = if self.index == 0 { track.length } else { track.frames[self.index].at };
        self.time += end - frame.at;
        (frame, time)
    }

    /// The next frame is the first one, a key frame.
    pub(crate) fn restart(&mut self) {
        self.index = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::Clip;

    #[test]
    fn frames_follow_each_other_by_their_times_also_over_the_seam() {
        let track = Clip::embedded().unwrap().video;
        let mut playback = Playback::default();
        for n in 0..65_u32 {
            assert_eq!(playback.due(&track), Duration::from_millis(100) * n);
            let (frame, time) = playback.next(&track);
            assert_eq!((time, frame.key), (u64::from(n) * 9_000, n % 30 == 0));
        }
    }

    #[test]
    fn a_restart_brings_the_key_frame_next_without_turning_time_back() {
        let track = Clip::embedded().unwrap().video;
        let mut playback = Playback::default();
        for _ in 0..7 {
            playback.next(&track);
        }
        playback.restart();
        let (frame, time) = playback.next(&track);
        assert_eq!((frame.key, time), (true, 7 * 9_000));
        assert_eq!(playback.next(&track).1, 8 * 9_000);
    }
}
