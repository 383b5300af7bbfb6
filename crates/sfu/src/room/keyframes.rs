//! Who wants key frames, and whom they are asked of.

use super::{Instant, Mid, Room, Showing};

impl Room {
    pub(super) fn keyframe_wanted(&mut self, now: Instant, viewer: usize, mid: Mid) {
        let slot = self.peers[viewer].slots.iter().find(|slot| slot.mid == mid && slot.video);
        let wanted = slot.and_then(|slot| Some((slot.showing?, slot.awaited().or(slot.current)?)));
        if let Some((showing, layer)) = wanted {
            self.want_keyframe(now, showing, layer);
        }
    }

    pub(super) fn want_keyframe(&mut self, now: Instant, showing: Showing, layer: usize) {
        let Some(sender) = self.position(showing.peer) else { return };
        let tracks = &mut self.peers[sender].tracks;
        let track = tracks.iter_mut().find(|track| track.source == showing.source);
        // One that sends nothing is asked once it starts; one that has been asked is asked again when it is time to.
        let flows = track.filter(|track| layer < track.layers.len() && track.flows(layer, now));
        if let Some(layer) = flows.map(|track| &mut track.layers[layer]).filter(|layer| !layer.keyframe.is_open()) {
            layer.keyframe.open();
            self.ask_for_keyframes(now);
        }
    }

    pub(super) fn ask_for_keyframes(&mut self, now: Instant) {
        for peer in &mut self.peers {
            for track in &mut peer.tracks {
                for index in 0..track.layers.len() {
                    let flows = track.flows(index, now);
                    let layer = &mut track.layers[index];
                    if !flows {
                        layer.keyframe.fulfilled();
                    } else if layer.keyframe.is_due(now) {
                        peer.engine.ask_for_keyframe(track.mid, layer.rid);
                        peer.unsent = true;
                    }
                }
            }
        }
    }
}
