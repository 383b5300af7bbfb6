//! The way of a packet through the room.

use str0m::format::Codec;

use super::{Forward, Instant, MAX_PAYLOAD, Packet, Room, Showing, Source};
use crate::temporal;

/// Of the header extension, below whether it is a voice (RFC 6464).
const LOUDNESS: u8 = 0x7f;

impl Room {
    pub(super) fn pass_on(&mut self, now: Instant, index: usize, mut packet: Packet) {
        let sender = &mut self.peers[index];
        let Some((track, layer)) = sender.place_of(&packet) else { return };
        let sound = sender.tracks[track].is_sound();
        let repeats = sound && sender.engine.is_redundant(packet.payload_type);
        if repeats && !sender.tracks[track].sounds.unwrap(&mut packet) {
            return;
        }
        let Some(spec) = sender.engine.codec(packet.payload_type) else { return };
        let temporal = (spec.codec == Codec::Vp8).then(|| temporal::vp8(&packet.payload)).flatten();
        if sender.tracks[track].received(layer, now, packet.payload.len(), temporal) {
            // It may want a slot.
            self.next_round = now;
        }
        if !sender.live || packet.payload.len() > MAX_PAYLOAD {
            return;
        }
        if let (Source::Microphone, Some(level)) = (sender.tracks[track].source, packet.level) {
            self.speakers.heard(now, sender.id, level & LOUDNESS);
        }
        let sending = &mut sender.tracks[track];
        if sound {
            sending.sounds.keep(&packet);
        } else {
            sending.layers[layer].gaps.received(now, packet.ssrc, packet.seq);
        }
        let (sounds, viewers) = (std::mem::take(&mut sending.sounds), std::mem::take(&mut sending.viewers));
        let state = &mut sending.layers[layer];
        let waits = state.gaps.are_many();
        let forward = Forward::new(layer, &packet, spec, &sounds, waits);
        let mut overtaken = Vec::new();
        if forward.starts_keyframe {
            state.keyframe.fulfilled();
            state.gaps.keyframe(packet.seq);
            overtaken = state.overtaken.after(&packet);
        }
        for (viewer, slot) in &viewers {
            let switched = self.peers[*viewer].forward(*slot, &forward);
            for late in overtaken.iter().filter(|_| switched) {
                self.peers[*viewer].forward(*slot, &Forward::new(layer, late, spec, &sounds, waits));
            }
        }
        let sending = &mut self.peers[index].tracks[track];
        (sending.sounds, sending.viewers) = (sounds, viewers);
        if !sound {
            self.mend(now, index, (track, layer), packet);
        }
    }

    /// Whoever is shown a picture with a gap that will not be closed needs a key frame.
    fn mend(&mut self, now: Instant, index: usize, (track, layer): (usize, usize), packet: Packet) {
        let sender = &mut self.peers[index];
        let showing = Showing { peer: sender.id, source: sender.tracks[track].source };
        let state = &mut sender.tracks[track].layers[layer];
        if state.keyframe.is_open() {
            state.overtaken.keep(packet);
        }
        if !state.gaps.are_hopeless(now) {
            return;
        }
        let is_shown = |(viewer, slot): &(usize, usize)| self.peers[*viewer].slots[*slot].current == Some(layer);
        if self.peers[index].tracks[track].viewers.iter().any(is_shown) {
            self.want_keyframe(now, showing, layer);
        }
    }
}
