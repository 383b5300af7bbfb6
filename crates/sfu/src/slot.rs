//! A line on which a participant is sent to. What is shown there changes without a new offer.

use str0m::{
    format::{Codec, CodecSpec},
    media::{Mid, Pt},
    rtp::Vp8Descriptor,
};

use crate::{
    engine::Engine,
    ids::{PeerId, Source},
    keyframe,
    receive::Packet,
    red::History,
    rewrite::{Incoming, Rewriter},
    send::Line,
    temporal::{self, Frame, Gate, Temporal},
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
    gate: Gate,
    rewriter: Rewriter,
    /// The sender's payload types and ours; `None` where this end does not know the codec.
    payload_types: Vec<(u8, Option<Pt>)>,
    /// Where the engine has it, once it can send.
    line: Option<Line>,
}

/// A packet and what is known of it.
pub(crate) struct Forward<'a> {
    pub(crate) layer: usize,
    pub(crate) packet: &'a Packet,
    pub(crate) spec: CodecSpec,
    pub(crate) starts_keyframe: bool,
    pub(crate) vp8: Option<Vp8Descriptor>,
    pub(crate) temporal: Option<Temporal>,
    /// Sounds that came before it.
    pub(crate) earlier: &'a History,
    /// Much of what comes from its sender has to be sent again, which takes time.
    pub(crate) waits: bool,
}

impl<'a> Forward<'a> {
    pub(crate) fn new(layer: usize, packet: &'a Packet, spec: CodecSpec, earlier: &'a History, waits: bool) -> Self {
        let vp8 = (spec.codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&packet.payload).ok()).flatten();
        let starts_keyframe = match &vp8 {
            Some(descriptor) => descriptor.starts_keyframe(&packet.payload),
            None => keyframe::starts_keyframe(spec.codec, &packet.payload),
        };
        let temporal = vp8.and_then(|_| temporal::vp8(&packet.payload));
        Self { layer, packet, spec, starts_keyframe, vp8, temporal, earlier, waits }
    }

    /// The frame this belongs to, if one can do without it.
    fn frame(&self) -> Option<Frame> {
        let picture = self.vp8.as_ref()?.picture_id()?;
        Some(Frame { picture, temporal: self.temporal?, starts_keyframe: self.starts_keyframe })
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
            gate: Gate::default(),
            rewriter: Rewriter::default(),
            payload_types: Vec::new(),
            line: None,
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

    /// The layer to be sent, and the highest temporal layer of it.
    pub(crate) fn aim(&mut self, target: Option<(usize, u8)>) {
        self.target = target.map(|(layer, _)| layer);
        self.gate.wanted = target.map_or(temporal::ALL, |(_, pace)| pace);
    }

    /// What it was aimed at.
    pub(crate) fn aimed(&self) -> Option<(usize, u8)> {
        Some((self.target?, self.gate.wanted))
    }

    /// The layer that waits for a key frame.
    pub(crate) fn awaited(&self) -> Option<usize> {
        self.target.filter(|target| self.video && self.current != Some(*target))
    }

    /// Passes a packet on if it is of the layer that is shown here. True if something was written. `repeats`: much of it will be lost, so
    /// sound goes with what came before it.
    pub(crate) fn forward(&mut self, engine: &mut Engine, forward: &Forward<'_>, repeats: bool) -> bool {
        if self.target.is_none() {
            self.current = None;
            return false;
        }
        if self.current != Some(forward.layer) && !self.switches_to(forward) {
            return false;
        }
        let Some(pt) = self.payload_type(engine, forward) else { return false };
        let incoming = Incoming {
            ssrc: forward.packet.ssrc,
            seq: forward.packet.seq,
            time: forward.packet.time,
            clock: forward.spec.clock_rate.get(),
            at: forward.packet.at,
        };
        if !self.rewriter.continues(incoming) {
            // The sender has started anew, with numbers that have nothing to do with those before.
            self.current = None;
            if !self.switches_to(forward) {
                return false;
            }
        }
        if let Some(frame) = forward.frame()
            && !self.gate.lets_through(frame)
        {
            self.rewriter.leave_out(incoming, frame.picture);
            return false;
        }
        let Some(outgoing) = self.rewriter.rewrite(incoming, forward.vp8.as_ref()) else { return false };
        self.line = self.line.or_else(|| engine.line(self.mid));
        let Some(line) = self.line else { return false };
        let repeats = !self.video && (repeats || forward.earlier.closes_gap(forward.packet));
        let redundant = engine.redundant(pt).filter(|_| repeats);
        let wrapped = redundant.map(|_| forward.earlier.wrap(forward.packet, *pt));
        engine.write(line, redundant.unwrap_or(pt), outgoing, forward, wrapped);
        true
    }

    fn switches_to(&mut self, forward: &Forward<'_>) -> bool {
        let wanted = self.target == Some(forward.layer) && (forward.starts_keyframe || !self.video);
        if wanted {
            self.current = Some(forward.layer);
            self.rewriter.switch();
            self.gate.switch();
        }
        wanted
    }

    fn payload_type(&mut self, engine: &Engine, forward: &Forward<'_>) -> Option<Pt> {
        let theirs = forward.packet.payload_type;
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
