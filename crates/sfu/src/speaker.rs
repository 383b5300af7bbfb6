//! Who speaks. Decided from the audio levels senders put into every packet (RFC 6464), without looking at the sound.

use std::time::{Duration, Instant};

use crate::ids::PeerId;

/// A cough is shorter, an answer longer.
const HOLD: Duration = Duration::from_millis(600);
/// Whoever said nothing for this long speaks no more.
const SILENCE: Duration = Duration::from_millis(1_500);
/// Below this (in -dBov, smaller is louder) it is the room that is heard.
const QUIET: u8 = 50;
/// The challenger must be this much louder, in dB.
const MARGIN: f32 = 3.0;
/// Of a new level, in the average.
const WEIGHT: f32 = 0.1;

#[derive(Debug)]
struct Voice {
    peer: PeerId,
    /// Loudness over the quiet room in dB, averaged.
    loudness: f32,
    heard: Instant,
}

/// The active speaker of a room.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    voices: Vec<Voice>,
    current: Option<PeerId>,
    /// Who was louder, and since when.
    challenger: Option<(PeerId, Instant)>,
}

impl Speakers {
    /// `level` as RFC 6464 has it: 0 is loudest, 127 silence.
    pub(crate) fn heard(&mut self, now: Instant, peer: PeerId, level: u8) {
        let over = f32::from(QUIET.saturating_sub(level));
        if let Some(voice) = self.voices.iter_mut().find(|voice| voice.peer == peer) {
            voice.loudness += WEIGHT * (over - voice.loudness);
            if over > 0.0 {
                voice.heard = now;
            }
        } else if over > 0.0 {
            self.voices.push(Voice { peer, loudness: WEIGHT * over, heard: now });
        }
    }

    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.voices.retain(|voice| voice.peer != peer);
    }

    /// Who speaks now.
    pub(crate) fn decide(&mut self, now: Instant) -> Option<PeerId> {
        self.voices.retain(|voice| now.saturating_duration_since(voice.heard) < SILENCE);
        let next = self.next(now);
        if next != self.current {
            self.current = next;
            self.challenger = None;
        }
        next
    }

    fn next(&mut self, now: Instant) -> Option<PeerId> {
        let loudest = self.voices.iter().max_by(|a, b| a.loudness.total_cmp(&b.loudness))?;
        let Some(current) = self.voices.iter().find(|voice| Some(voice.peer) == self.current) else {
            return Some(loudest.peer);
        };
        if loudest.peer == current.peer || loudest.loudness < current.loudness + MARGIN {
            self.challenger = None;
            return Some(current.peer);
        }
        let since = match self.challenger {
            Some((peer, since)) if peer == loudest.peer => since,
            Some(_) | None => now,
        };
        self.challenger = Some((loudest.peer, since));
        let takes_over = now.saturating_duration_since(since) >= HOLD;
        Some(if takes_over { loudest.peer } else { current.peer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerId = PeerId(1);
    const BOB: PeerId = PeerId(2);
    const LOUD: u8 = 20;
    const SILENT: u8 = 127;

    struct Scene {
        speakers: Speakers,
        now: Instant,
        changes: Vec<Option<PeerId>>,
    }

    impl Scene {
        fn new() -> Self {
            Self { speakers: Speakers::default(), now: Instant::now(), changes: Vec::new() }
        }

        /// Everybody sends a packet each 20 ms.
        fn talk(&mut self, milliseconds: u64, ann: u8, bob: u8) {
            for _ in 0..milliseconds / 20 {
                self.now += Duration::from_millis(20);
                self.speakers.heard(self.now, ANN, ann);
                self.speakers.heard(self.now, BOB, bob);
                let speaker = self.speakers.decide(self.now);
                if self.changes.last().copied().flatten() != speaker {
                    self.changes.push(speaker);
                }
            }
        }
    }

    #[test]
    fn whoever_speaks_first_is_the_speaker_at_once() {
        let mut scene = Scene::new();
        scene.talk(500, SILENT, SILENT);
        assert_eq!(scene.changes, []);
        scene.talk(40, LOUD, SILENT);
        assert_eq!(scene.changes, [Some(ANN)]);
    }

    #[test]
    fn a_cough_does_not_take_the_floor_but_an_answer_does() {
        let mut scene = Scene::new();
        scene.talk(2_000, LOUD, SILENT);
        scene.talk(300, LOUD, 5);
        scene.talk(500, LOUD, SILENT);
        assert_eq!(scene.changes, [Some(ANN)]);
        scene.talk(2_000, SILENT, LOUD);
        assert_eq!(scene.changes, [Some(ANN), Some(BOB)]);
    }

    #[test]
    fn two_who_are_equally_loud_do_not_flicker() {
        let mut scene = Scene::new();
        scene.talk(1_000, LOUD, SILENT);
        scene.talk(5_000, LOUD, LOUD - 1);
        assert_eq!(scene.changes, [Some(ANN)]);
    }

    #[test]
    fn after_some_silence_nobody_speaks() {
        let mut scene = Scene::new();
        scene.talk(500, LOUD, SILENT);
        scene.talk(3_000, SILENT, SILENT);
        assert_eq!(scene.changes, [Some(ANN), None]);
    }

    #[test]
    fn whoever_leaves_is_no_speaker() {
        let mut scene = Scene::new();
        scene.talk(500, LOUD, SILENT);
        scene.speakers.forget(ANN);
        assert_eq!(scene.speakers.decide(scene.now), None);
    }
}
