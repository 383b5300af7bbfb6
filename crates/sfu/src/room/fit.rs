//! Senders are told what their layers should take.

use super::{Instant, Notice, Output, Outputs, Peer, Room, Showing, Source, assign::slots_notice, show::layers_of};
use crate::{fit::Share, layers::Offered};

impl Room {
    /// Right after layers have been chosen of what is offered.
    pub(super) fn fit_layers(&mut self, now: Instant, offered: &[(Showing, Vec<Offered>)], out: &mut Outputs) {
        let of_peer = |peer: &Peer| peer.shares(|showing| layers_of(offered, showing));
        let all: Vec<(Showing, Share)> = self.peers.iter().flat_map(of_peer).collect();
        for index in 0..self.peers.len() {
            let sender = self.peers[index].id;
            let here = Showing { peer: sender, source: Source::Camera };
            let shares = all.iter().filter(|(showing, _)| *showing == here);
            let shares: Vec<Share> = shares.map(|(_, share)| *share).collect();
            let mut cameras = self.peers[index].tracks.iter_mut().filter(|track| track.source == Source::Camera);
            let news = cameras.next().is_some_and(|track| track.fit.look(now, &track.offered(now), &shares));
            if news {
                self.tell_rates(index, out);
            }
        }
    }

    /// With what is shown, which stays as it is.
    fn tell_rates(&mut self, index: usize, out: &mut Outputs) {
        let peer = &mut self.peers[index];
        let missing = match &peer.told {
            Some(Notice::Slots { missing, .. }) => *missing,
            _ => 0,
        };
        let notice = slots_notice(peer, missing);
        peer.told = Some(notice.clone());
        out.push_back(Output::Notice(self.id, notice));
    }
}
