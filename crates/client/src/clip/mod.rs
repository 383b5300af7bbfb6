//! The three seconds of picture and sound that a headless client sends, and the check that they arrive unchanged.
//!
//! A frame is recognised by its SHA-256 hash, so a receiver knows not just that media flows but that every byte of it
//! came through. Deliberately absent: decoding.

mod checker;
mod ivf;
mod layers;
mod ogg;
mod playback;

use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use checker::{Checker, Count, Run, Tally};
pub use layers::Layer;
pub(crate) use playback::Playback;

use crate::media::FrameKind;

/// SHA-256 of a frame's bytes.
pub type FrameHash = [u8; 32];

/// Hashes a frame as the clip's own frames are hashed.
pub fn hash(data: &[u8]) -> FrameHash {
    Sha256::digest(data).into()
}

/// Why a clip cannot be read. The embedded clip can; a test reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClipError {
    #[error("the file ends in the middle of a frame")]
    CutShort,
    #[error("the file is not {0}")]
    NotA(&'static str),
    #[error("a track needs at least two frames, the first of them a key frame")]
    NoKeyFrameFirst,
    #[error("an Opus packet that is not one single frame")]
    UnexpectedOpusPacket,
}

/// One frame as it goes into RTP packets: a whole VP8 frame or one Opus packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// From the start of the track, in ticks of its clock.
    pub at: u64,
    pub key: bool,
    pub data: Arc<[u8]>,
    pub hash: FrameHash,
}

impl Frame {
    fn new(at: u64, key: bool, data: &[u8]) -> Self {
        Self { at, key, data: data.into(), hash: hash(data) }
    }
}

/// Frames in the order of their times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    frames: Vec<Frame>,
    /// Ticks in a second: 90,000 for video, 48,000 for audio.
    clock_rate: u32,
    /// Ticks until the track starts over.
    length: u64,
}

impl Track {
    /// The last frame lasts as long as the one before it.
    fn new(frames: Vec<Frame>, clock_rate: u32) -> Result<Self, ClipError> {
        let [first, .., before, last] = frames.as_slice() else { return Err(ClipError::NoKeyFrameFirst) };
        if !first.key {
            return Err(ClipError::NoKeyFrameFirst);
        }
        let length = last.at + last.at.saturating_sub(before.at).max(1);
        Ok(Self { frames, clock_rate, length })
    }

    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }
}

/// A video and an audio track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    pub video: Track,
    pub audio: Track,
    /// What goes to an SFU in place of `video`, the lowest first; none for a camera without simulcast.
    pub layers: Vec<Layer>,
}

impl Clip {
    /// The clip that is compiled in; see `assets/README.md`.
    pub fn embedded() -> Result<Self, ClipError> {
        Self::parse(include_bytes!("../../assets/clip.ivf"), include_bytes!("../../assets/clip.ogg"))
    }

    /// The same with simulcast layers.
    pub fn with_simulcast() -> Result<Self, ClipError> {
        Ok(Self { layers: layers::all()?, ..Self::embedded()? })
    }

    /// Reads VP8 from an IVF file and Opus from an Ogg file.
    pub fn parse(ivf: &[u8], ogg: &[u8]) -> Result<Self, ClipError> {
        Ok(Self { video: ivf::read_vp8(ivf)?, audio: ogg::read_opus(ogg)?, layers: Vec::new() })
    }

    pub fn track(&self, kind: FrameKind) -> &Track {
        match kind {
            FrameKind::Video => &self.video,
            FrameKind::Audio => &self.audio,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_embedded_clip_has_three_seconds_and_starts_with_a_key_frame() {
        let clip = Clip::embedded().unwrap();
        assert_eq!((clip.video.frames.len(), clip.video.length), (30, 3 * 90_000));
        assert_eq!(clip.audio.length, clip.audio.frames.len() as u64 * 960);
        assert!((148..=152).contains(&clip.audio.frames.len()));
        assert!(clip.video.frames[0].key && !clip.video.frames[1].key);
    }

    #[test]
    fn every_frame_of_the_embedded_clip_and_its_layers_has_its_own_hash() {
        let clip = Clip::with_simulcast().unwrap();
        let layers = clip.layers.iter().flat_map(|layer| &layer.track.frames);
        let frames = clip.video.frames.iter().chain(&clip.audio.frames).chain(layers);
        let hashes: HashSet<_> = frames.clone().map(|f| f.hash).collect();
        assert_eq!(hashes.len(), frames.count());
    }

    #[test]
    fn a_file_that_is_cut_short_is_refused_wherever_the_cut_is() {
        let ivf = include_bytes!("../../assets/clip.ivf");
        let ogg = include_bytes!("../../assets/clip.ogg");
        for cut in [0, 3, 31, 40, 50, 5_000] {
            assert!(Clip::parse(&ivf[..cut], ogg).is_err(), "IVF cut at {cut}");
        }
        for cut in [0, 3, 26, 30, 5_000] {
            assert!(Clip::parse(ivf, &ogg[..cut]).is_err(), "Ogg cut at {cut}");
        }
        assert!(Clip::parse(ogg, ivf).is_err());
    }

    #[test]
    fn a_track_that_does_not_start_with_a_key_frame_is_refused() {
        let frames = vec![Frame::new(0, false, b"a"), Frame::new(1, true, b"b"), Frame::new(2, true, b"c")];
        assert_eq!(Track::new(frames, 90_000), Err(ClipError::NoKeyFrameFirst));
    }
}
