//! Plays a clip by its timestamps.

use std::{sync::Arc, time::Instant};

use super::FrameKind;
use crate::clip::{Clip, Playback, Track};

/// What a frame is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Audio,
    /// A picture; of a simulcast layer, with its name.
    Video(Option<&'static str>),
}

impl Line {
    pub(super) fn kind(self) -> FrameKind {
        match self {
            Self::Audio => FrameKind::Audio,
            Self::Video(_) => FrameKind::Video,
        }
    }

    pub(super) fn rid(self) -> Option<&'static str> {
        match self {
            Self::Audio => None,
            Self::Video(rid) => rid,
        }
    }

    fn track(self, clip: &Clip) -> &Track {
        let layer = self.rid().and_then(|rid| clip.layers.iter().find(|layer| layer.rid == rid));
        layer.map_or_else(|| clip.track(self.kind()), |layer| &layer.track)
    }
}

/// All tracks of the clip, in time.
pub(super) struct Player {
    clip: Arc<Clip>,
    start: Instant,
    lines: Vec<(Line, Playback)>,
}

/// A frame to send now.
pub(super) struct Due {
    pub(super) line: Line,
    pub(super) data: Arc<[u8]>,
    pub(super) ticks: u64,
}

impl Player {
    /// `layers`: whether the other end takes simulcast.
    pub(super) fn new(clip: Arc<Clip>, layers: bool, start: Instant) -> Self {
        let mut lines: Vec<_> =
            clip.layers.iter().filter(|_| layers).map(|layer| Line::Video(Some(layer.rid))).collect();
        if lines.is_empty() {
            lines.push(Line::Video(None));
        }
        lines.push(Line::Audio);
        let lines = lines.into_iter().map(|line| (line, Playback::default())).collect();
        Self { clip, start, lines }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.lines.iter().map(|(line, playback)| self.start + playback.due(line.track(&self.clip))).min()
    }

    /// What is due by now; of several, the earliest.
    pub(super) fn next(&mut self, now: Instant) -> Option<Due> {
        let (clip, start) = (&self.clip, self.start);
        let (line, playback) = self.lines.iter_mut().min_by_key(|(line, playback)| playback.due(line.track(clip)))?;
        let track = line.track(clip);
        if now < start + playback.due(track) {
            return None;
        }
        let (frame, ticks) = playback.next(track);
        Some(Due { line: *line, data: Arc::clone(&frame.data), ticks })
    }

    /// A key frame is wanted of one layer, or of all there are.
    pub(super) fn restart_video(&mut self, rid: Option<&str>) {
        let meant = |line: &Line| line.kind() == FrameKind::Video && (rid.is_none() || line.rid() == rid);
        self.lines.iter_mut().filter(|(line, _)| meant(line)).for_each(|(_, playback)| playback.restart());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What is sent in the first `millis` milliseconds.
    fn played(player: &mut Player, millis: u64) -> Vec<Due> {
        let end = player.start + Duration::from_millis(millis);
        std::iter::from_fn(|| player.next(end)).collect()
    }

    fn lines(layers: bool) -> Vec<Line> {
        let clip = Arc::new(Clip::with_simulcast().unwrap());
        played(&mut Player::new(clip, layers, Instant::now()), 0).into_iter().map(|due| due.line).collect()
    }

    #[test]
    fn layers_go_where_simulcast_is_taken_and_one_picture_elsewhere() {
        assert_eq!(lines(true), [Line::Video(Some("q")), Line::Video(Some("h")), Line::Video(Some("f")), Line::Audio]);
        assert_eq!(lines(false), [Line::Video(None), Line::Audio]);
    }

    #[test]
    fn only_the_layer_that_is_asked_for_begins_anew() {
        let clip = Arc::new(Clip::with_simulcast().unwrap());
        let mut player = Player::new(Arc::clone(&clip), true, Instant::now());
        let mut key_frames_after = |rid: Option<&str>, millis| {
            played(&mut player, millis - 100);
            player.restart_video(rid);
            let sent = played(&mut player, millis);
            let key = |due: &&Due| due.line.track(&clip).frames()[0].data == due.data;
            sent.iter().filter(|due| due.line != Line::Audio).filter(key).map(|due| due.line.rid()).collect::<Vec<_>>()
        };
        assert_eq!(key_frames_after(Some("h"), 500), [Some("h")]);
        assert_eq!(key_frames_after(None, 1_000), [Some("q"), Some("h"), Some("f")]);
        assert!(key_frames_after(Some("unknown"), 1_500).is_empty());
    }
}
