//! Who is shown where, and in which layer.

use super::{
    Instant, Output, Outputs, Room, Showing,
    assign::{assign, slots_notice},
};
use crate::layers::Offered;

impl Room {
    pub(super) fn choose_layers(&mut self, now: Instant, index: usize, out: &mut Outputs) {
        let offered = self.all_tracks(now);
        self.choose_layers_of(now, index, &offered, out);
    }

    pub(super) fn choose_layers_of(
        &mut self,
        now: Instant,
        index: usize,
        offered: &[(Showing, Vec<Offered>)],
        out: &mut Outputs,
    ) {
        let news = self.peers[index].choose_layers(now, |showing| layers_of(offered, showing));
        out.extend(news.map(|notice| Output::Notice(self.id, notice)));
        self.peers[index].unsent = true;
        if !self.peers[index].is_reached() {
            // It could not be shown the key frame, and would wait for the next.
            return;
        }
        let awaited: Vec<(Showing, usize)> =
            self.peers[index].slots.iter().filter_map(|slot| Some((slot.showing?, slot.awaited()?))).collect();
        for (showing, layer) in awaited {
            self.want_keyframe(now, showing, layer);
        }
    }

    pub(super) fn all_tracks(&self, now: Instant) -> Vec<(Showing, Vec<Offered>)> {
        let live = self.peers.iter().filter(|peer| peer.live);
        let tracks = live.flat_map(|peer| peer.shown_tracks().map(move |track| (peer.id, track)));
        tracks.map(|(peer, track)| (Showing { peer, source: track.source }, track.offered(now))).collect()
    }

    /// Who is shown where follows from who is here, what they send and who speaks.
    pub(super) fn reconcile(&mut self, now: Instant, out: &mut Outputs) {
        let offered = self.all_tracks(now);
        let there: Vec<(Showing, bool)> =
            offered.iter().map(|(showing, layers)| (*showing, layers.iter().any(|layer| layer.flows))).collect();
        self.flowing = flowing(&offered);
        for peer in &mut self.peers {
            let others = if peer.live { there.as_slice() } else { &[] };
            let missing = assign(peer, others, self.speaker);
            let shows_nothing = missing == 0 && peer.slots.iter().all(|slot| slot.showing.is_none());
            let notice = Some(slots_notice(peer, missing));
            if peer.told != notice && (peer.told.is_some() || !shows_nothing) {
                peer.told.clone_from(&notice);
                out.extend(notice.map(|notice| Output::Notice(self.id, notice)));
            }
        }
        self.link_viewers();
        self.link_channels();
        for index in 0..self.peers.len() {
            self.choose_layers_of(now, index, &offered, out);
        }
    }

    fn link_viewers(&mut self) {
        let mut links = Vec::new();
        for (viewer, peer) in self.peers.iter().enumerate() {
            let showing = peer.slots.iter().enumerate().filter_map(|(slot, s)| Some((slot, s.showing?)));
            links.extend(showing.map(|(slot, showing)| (showing, viewer, slot)));
        }
        for peer in &mut self.peers {
            for track in &mut peer.tracks {
                let here = Showing { peer: peer.id, source: track.source };
                let viewers = links.iter().filter(|(showing, _, _)| *showing == here);
                track.viewers = viewers.map(|(_, viewer, slot)| (*viewer, *slot)).collect();
            }
        }
    }
}

pub(super) fn layers_of(offered: &[(Showing, Vec<Offered>)], showing: Showing) -> Vec<Offered> {
    offered.iter().find(|(known, _)| *known == showing).map(|(_, layers)| layers.clone()).unwrap_or_default()
}

/// What is sent now.
pub(super) fn flowing(offered: &[(Showing, Vec<Offered>)]) -> Vec<Showing> {
    let flows = |layers: &[Offered]| layers.iter().any(|layer| layer.flows);
    offered.iter().filter(|(_, layers)| flows(layers)).map(|(showing, _)| *showing).collect()
}
