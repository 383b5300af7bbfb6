//! Compares what arrives with the clip.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::watch;

use super::{Clip, FrameHash, hash};
use crate::media::{FrameKind, FrameSink, ReceivedFrame};

/// How many frames arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Byte for byte a frame of the clip.
    pub matching: u64,
    /// Anything else.
    pub foreign: u64,
}

/// Frames of one simulcast layer that came one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Counted from the lowest.
    pub layer: usize,
    pub frames: u64,
}

/// What a [`Checker`] has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub video: Count,
    pub audio: Count,
    /// The layer of the last picture; nothing, if that was of no layer.
    pub run: Option<Run>,
}

impl Tally {
    fn of(&mut self, kind: FrameKind) -> &mut Count {
        match kind {
            FrameKind::Video => &mut self.video,
            FrameKind::Audio => &mut self.audio,
        }
    }

    fn count(&mut self, kind: FrameKind, found: Option<Known>) {
        let count = self.of(kind);
        *(if found.is_some() { &mut count.matching } else { &mut count.foreign }) += 1;
        if kind == FrameKind::Video {
            let layer = found.and_then(|known| known.layer);
            let before = self.run.filter(|run| Some(run.layer) == layer).map_or(0, |run| run.frames);
            self.run = layer.map(|layer| Run { layer, frames: before + 1 });
        }
    }

    /// Whether at least so many frames of both kinds match.
    pub fn reached(&self, video: u64, audio: u64) -> bool {
        self.video.matching >= video && self.audio.matching >= audio
    }

    pub fn foreign(&self) -> u64 {
        self.video.foreign + self.audio.foreign
    }
}

/// Where a frame is from.
#[derive(Debug, Clone, Copy)]
struct Known {
    kind: FrameKind,
    layer: Option<usize>,
}

/// Counts received frames whose hash is one of the clip's.
#[derive(Debug)]
pub struct Checker {
    known: HashMap<FrameHash, Known>,
    tally: watch::Sender<Tally>,
    by_sender: watch::Sender<BTreeMap<i64, Tally>>,
}

impl Checker {
    pub fn new(clip: &Clip) -> Self {
        let layers = clip.layers.iter().enumerate();
        let layers = layers.map(|(layer, of)| (&of.track, Known { kind: FrameKind::Video, layer: Some(layer) }));
        let known = [FrameKind::Video, FrameKind::Audio]
            .into_iter()
            .map(|kind| (clip.track(kind), Known { kind, layer: None }))
            .chain(layers)
            .flat_map(|(track, known)| track.frames().iter().map(move |frame| (frame.hash, known)))
            .collect();
        Self { known, tally: watch::Sender::default(), by_sender: watch::Sender::default() }
    }

    /// Changes whenever a frame arrives.
    pub fn tally(&self) -> watch::Receiver<Tally> {
        self.tally.subscribe()
    }

    /// The same for each sender's contact id.
    pub fn by_sender(&self) -> watch::Receiver<BTreeMap<i64, Tally>> {
        self.by_sender.subscribe()
    }
}

impl FrameSink for Checker {
    fn frame(&self, frame: &ReceivedFrame) {
        let found = self.known.get(&hash(&frame.data)).copied().filter(|known| known.kind == frame.kind);
        self.tally.send_modify(|tally| tally.count(frame.kind, found));
        self.by_sender.send_modify(|senders| senders.entry(frame.from).or_default().count(frame.kind, found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(kind: FrameKind, data: &[u8]) -> ReceivedFrame {
        ReceivedFrame { from: 1, kind, data: data.into(), ticks: 0, contiguous: true }
    }

    #[test]
    fn a_frame_with_one_wrong_bit_or_of_the_wrong_kind_does_not_match() {
        let clip = Clip::embedded().unwrap();
        let checker = Checker::new(&clip);
        let video = &clip.video.frames()[3].data;
        let mut wrong = video.to_vec();
        wrong[10] ^= 1;

        checker.frame(&received(FrameKind::Video, video));
        checker.frame(&received(FrameKind::Video, &wrong));
        checker.frame(&received(FrameKind::Audio, video));
        checker.frame(&received(FrameKind::Audio, &clip.audio.frames()[0].data));

        let tally = *checker.tally().borrow();
        assert_eq!(tally.video, Count { matching: 1, foreign: 1 });
        assert_eq!(tally.audio, Count { matching: 1, foreign: 1 });
        assert!(tally.reached(1, 1) && !tally.reached(2, 1) && !tally.reached(1, 2));
    }
    #[test]
    fn frames_of_a_layer_are_counted_as_long_as_no_other_comes_between() {
        let clip = Clip::with_simulcast().unwrap();
        let checker = Checker::new(&clip);
        let frame = |layer: usize, number: usize| &clip.layers[layer].track.frames()[number].data;
        let run = |layer, frames| Some(Run { layer, frames });
        let after = |data: &[u8]| {
            checker.frame(&received(FrameKind::Video, data));
            checker.by_sender().borrow()[&1].run
        };
        assert_eq!((after(frame(1, 0)), after(frame(1, 1))), (run(1, 1), run(1, 2)));
        assert_eq!((after(frame(2, 0)), after(frame(1, 2))), (run(2, 1), run(1, 1)));
        assert_eq!(after(&clip.video.frames()[0].data), None);
        assert_eq!((after(frame(0, 0)), after(b"nobody's")), (run(0, 1), None));
    }
}
