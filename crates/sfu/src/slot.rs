//! A line on which a participant is sent to. What is shown there changes without a new offer.

use str0m::{
    format::{Codec, CodecSpec},
    media::{Mid, Pt},
    rtp::{RtpPacket, Ssrc, Vp8Descriptor},
};

use crate::{
    engine::Engine,
    ids::{PeerId, Source},
    keyframe,
    red::History,
    rewrite::{Incoming, Rewriter},
};

/// What a slot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Showing {
    pub(crate) peer: PeerId,
    pub(crate) source: Source,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    pub(crate) video: bool,
    pub(crate) showing: Option<Showing>,
    /// The layer that is sent.
    pub(crate) current: Option<usize>,
    /// The layer that is to be sent, from its next key frame on.
    pub(crate) target: Option<usize>,
    rewriter: Rewriter,
    /// The sender's payload types and ours; `None` where this end does not know the codec.
    payload_types: Vec<(Pt, Option<Pt>)>,
    /// What is sent here, once that is known.
    ssrc: Option<Ssrc>,
}

/// A packet and what is known of it.
pub(crate) struct Forward<'a> {
    pub(crate) layer: usize,
    pub(crate) packet: &'a RtpPacket,
    pub(crate) spec: CodecSpec,
    pub(crate) starts_keyframe: bool,
    pub(crate) vp8: Option<Vp8Descriptor>,
    /// Sounds that came before it.
    pub(crate) earlier: &'a History,
    /// Much of what comes from its sender has to be sent again, which takes time.
    pub(crate) waits: bool,
}

impl<'a> Forward<'a> {
    pub(crate) fn new(layer: usize, packet: &'a RtpPacket, spec: CodecSpec, earlier: &'a History, waits: bool) -> Self {
        let vp8 = (spec.codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&packet.payload).ok()).flatten();
        let starts_keyframe = match &vp8 {
            Some(descriptor) => descriptor.starts_keyframe(&packet.payload),
            None => keyframe::starts_keyframe(spec.codec, &packet.payload),
        };
        Self { layer, packet, spec, starts_keyframe, vp8, earlier, waits }
    }
}

impl Slot {
    pub(crate) fn new(mid: Mid, video: bool) -> Self {
        Self {
            mid,
            video,
            showing: None,
            current: None,
            target: None,
            rewriter: Rewriter::default(),
            payload_types: Vec::new(),
            ssrc: None,
        }
    }

    /// Shows something else, or nothing.
    pub(crate) fn show(&mut self, showing: Option<Showing>) {
        if self.showing != showing {
            self.showing = showing;
            (self.current, self.target) = (None, None);
            // Sound starts at once; a picture when its layer has been chosen.
            if showing.is_some() && !self.video {
                self.target = Some(0);
            }
            self.payload_types.clear();
        }
    }

    /// Starts anew with what comes next, pictures with a key frame.
    pub(crate) fn pause(&mut self) {
        self.current = None;
    }

    /// The line has been agreed upon anew.
    pub(crate) fn agreed(&mut self) {
        self.payload_types.clear();
    }

    /// The layer that waits for a key frame.
    pub(crate) fn awaited(&self) -> Option<usize> {
        self.target.filter(|target| self.video && self.current != Some(*target))
    }

    /// Passes a packet on if it is of the layer that is shown here. True if something was written. `lossy`: much of it will be lost, so sound
    /// goes with what came before it.
    pub(crate) fn forward(&mut self, engine: &mut Engine, forward: &Forward<'_>, lossy: bool) -> bool {
        if self.target.is_none() {
            self.current = None;
            return false;
        }
        if self.current != Some(forward.layer) && !self.switches_to(forward) {
            return false;
        }
        let Some(pt) = self.payload_type(engine, forward) else { return false };
        let incoming = Incoming {
            ssrc: *forward.packet.header.ssrc,
            seq: *forward.packet.seq_no,
            time: forward.packet.time.numer(),
            clock: forward.spec.clock_rate.get(),
            at: forward.packet.timestamp,
        };
        if !self.rewriter.continues(incoming) {
            // The sender has started anew, with numbers that have nothing to do with those before.
            self.current = None;
            if !self.switches_to(forward) {
                return false;
            }
        }
        let Some((outgoing, patch)) = self.rewriter.rewrite(incoming, forward.vp8.as_ref()) else { return false };
        if self.ssrc.is_none() {
            self.ssrc = engine.outgoing_stream(self.mid);
        }
        let repeats = !self.video && (lossy || forward.earlier.closes_gap(forward.packet));
        let redundant = engine.redundant(pt).filter(|_| repeats);
        let wrapped = redundant.map(|_| forward.earlier.wrap(forward.packet, *pt));
        let pt = redundant.unwrap_or(pt);
        let write = |ssrc| engine.write(ssrc, pt, self.video, outgoing, patch, forward, wrapped);
        let written = self.ssrc.is_some_and(write);
        if !written {
            self.ssrc = None;
        }
        written
    }

    fn switches_to(&mut self, forward: &Forward<'_>) -> bool {
        let wanted = self.target == Some(forward.layer) && (forward.starts_keyframe || !self.video);
        if wanted {
            self.current = Some(forward.layer);
            self.rewriter.switch();
        }
        wanted
    }

    fn payload_type(&mut self, engine: &Engine, forward: &Forward<'_>) -> Option<Pt> {
        let theirs = forward.packet.header.payload_type;
        if let Some((_, ours)) = self.payload_types.iter().find(|(known, _)| *known == theirs) {
            return *ours;
        }
        let ours = engine.payload_type(self.mid, forward.spec);
        self.payload_types.push((theirs, ours));
        ours
    }
}

/// What a participant would like to see, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    pub peer: PeerId,
    pub source: Source,
    /// In pixels, as high as it is shown; 0 if it is not to be seen at all.
    pub height: u32,
}
