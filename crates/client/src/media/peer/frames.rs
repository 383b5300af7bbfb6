//! Frames out and in, and the asking for key frames.

use std::{sync::Arc, time::Instant};

use str0m::{
    format::Codec,
    media::{Frequency, KeyframeRequestKind, MediaData, MediaTime, Mid, Rid},
};

use super::{Effect, Other, Peer, engine};
use crate::media::{FrameKind, MediaError, ReceivedFrame, player::Line};

impl Peer {
    /// Sends a frame, if the other end wants that kind.
    pub(in crate::media) fn write(
        &mut self,
        line: Line,
        data: Arc<[u8]>,
        ticks: u64,
        now: Instant,
    ) -> Result<(), MediaError> {
        let (mid, codec, clock) = match line.kind() {
            FrameKind::Video => (self.video, Codec::Vp8, Frequency::NINETY_KHZ),
            FrameKind::Audio => (self.audio, Codec::Opus, Frequency::FORTY_EIGHT_KHZ),
        };
        let Some(mid) = mid.filter(|mid| self.rtc.media(*mid).is_some_and(|media| media.direction().is_sending()))
        else {
            return Ok(());
        };
        let Some(mut writer) = self.rtc.writer(mid) else { return Ok(()) };
        if let Some(rid) = line.rid() {
            writer = writer.rid(Rid::from(rid));
        }
        let Some(params) = writer.payload_params().find(|params| params.spec().codec == codec) else { return Ok(()) };
        let pt = params.pt();
        writer.write(pt, now, MediaTime::new(ticks, clock), data).map_err(engine)?;
        self.drain()?;
        // Packets leave with the next time-out, not before.
        self.advance(now)
    }

    /// Asks for a key frame of every picture that comes.
    pub(in crate::media) fn request_keyframes(&mut self) -> Result<(), MediaError> {
        let lines: Vec<Mid> = match &self.other {
            Other::Peer(_) => self.video.into_iter().collect(),
            Other::Sfu(slots) => slots.keys().copied().collect(),
        };
        lines.into_iter().try_for_each(|mid| self.request_keyframe(mid))
    }

    pub(in crate::media) fn request_keyframe(&mut self, mid: Mid) -> Result<(), MediaError> {
        if let Some(mut writer) = self.rtc.writer(mid) {
            // Refused as long as nothing has been received; then the first frame is a key frame anyway.
            let _ = writer.request_keyframe(None, KeyframeRequestKind::Pli);
        }
        self.drain()
    }

    pub(super) fn received(&mut self, data: MediaData) {
        let kind = if data.params.spec().codec.is_video() { FrameKind::Video } else { FrameKind::Audio };
        let from = match &self.other {
            Other::Peer(contact) => Some(*contact),
            // What comes before it is said whose it is belongs to nobody.
            Other::Sfu(slots) => slots.get(&data.mid).copied(),
        };
        let Some(from) = from else { return };
        let frame =
            ReceivedFrame { from, kind, ticks: data.time.numer(), contiguous: data.contiguous, data: data.data };
        self.effects.push_back(Effect::Frame(data.mid, frame));
    }
}
