//! Whether anything is heard of participants, and what becomes of their media when they are heard from elsewhere.

use std::time::Duration;

use super::{Instant, Notice, Output, Outputs, Room};
use crate::{demux::Address, slot::Slot};

/// What gets lost within so long is sent again sooner than a sender makes a key frame; after that the key frame is smaller.
const WORTH_RESENDING: Duration = Duration::from_millis(600);

impl Room {
    /// Says who has fallen silent.
    pub(super) fn listen(&mut self, now: Instant, out: &mut Outputs) {
        for index in 0..self.peers.len() {
            if self.peers[index].is_overdue(now) {
                self.silent(index, out);
            }
        }
    }

    pub(super) fn silent(&mut self, index: usize, out: &mut Outputs) {
        let peer = &mut self.peers[index];
        if !peer.path.silent {
            peer.path.silent = true;
            // Nothing is shown, or asked for, until somebody is there again.
            peer.slots.iter_mut().for_each(Slot::pause);
            out.push_back(Output::Notice(self.id, Notice::PathLost { peer: peer.id }));
        }
    }

    /// `nominates`: the other end asks for this path.
    pub(super) fn heard(&mut self, now: Instant, index: usize, from: Address, nominates: bool, out: &mut Outputs) {
        let peer = &mut self.peers[index];
        peer.path.heard = now;
        let gap = peer.route.heard(now, from, nominates);
        // While another path is looked for, what is sent would get lost on the one there was.
        if peer.path.silent && !peer.route.may_leave_for(from) {
            peer.path.silent = false;
            out.push_back(Output::Notice(self.id, Notice::PathFound { peer: peer.id }));
            self.start_anew(now, index, out);
        } else if let Some(gap) = gap {
            self.moved(now, index, gap, out);
        }
    }

    /// Somebody's media go another way now; for so long they have got lost.
    fn moved(&mut self, now: Instant, index: usize, gap: Duration, out: &mut Outputs) {
        if gap > WORTH_RESENDING {
            self.start_anew(now, index, out);
        } else {
            self.peers[index].find_out_anew(now);
            self.peers[index].engine.send_lost(now, gap);
            self.choose_layers(now, index, out);
        }
    }

    /// What has got lost, both ways, is not sent again: pictures go on with a key frame.
    fn start_anew(&mut self, now: Instant, index: usize, out: &mut Outputs) {
        self.peers[index].find_out_anew(now);
        self.peers[index].forget_lost();
        self.choose_layers(now, index, out);
        let viewers: Vec<_> = self.peers[index].tracks.iter().flat_map(|track| track.viewers.clone()).collect();
        for (viewer, slot) in viewers {
            self.peers[viewer].slots[slot].pause();
            self.choose_layers(now, viewer, out);
        }
    }
}
