//! What participants say on data channels, and whether anything is heard of them at all.

use std::sync::Arc;

use str0m::channel::ChannelId;

use super::{Instant, Notice, Output, Outputs, Room};
use crate::{channels::Spoken, peer::Phase, slot::Slot};

impl Room {
    pub(super) fn channel_opened(&mut self, now: Instant, index: usize, id: ChannelId, label: &str) {
        let peer = &mut self.peers[index];
        peer.unsent = true;
        if peer.channels.opened(&mut peer.engine, now, id, label) {
            self.link_channels();
        }
    }

    pub(super) fn channel_closed(&mut self, index: usize, id: ChannelId) {
        if self.peers[index].channels.closed(id) {
            self.link_channels();
        }
    }

    pub(super) fn said(&mut self, now: Instant, index: usize, id: ChannelId, binary: bool, data: Vec<u8>) {
        let speaker = &mut self.peers[index];
        speaker.unsent = true;
        if !speaker.channels.may_say(&mut speaker.engine, now, id, binary, &data) || !speaker.live {
            return;
        }
        let (from, data) = (speaker.id, Arc::from(data));
        for peer in self.peers.iter_mut().filter(|peer| peer.id != from) {
            peer.unsent |= peer.channels.hear(&mut peer.engine, from, id, binary, &data);
        }
    }

    /// Who hears whom follows from who is here and which channels they speak on.
    pub(super) fn link_channels(&mut self) {
        let live = self.peers.iter().filter(|peer| peer.live);
        let spoken: Vec<Spoken> = live
            .flat_map(|peer| peer.channels.own().iter().map(move |own| (peer.id, own.clone())))
            .map(|(from, own)| Spoken { from, name: self.name_of(from), own })
            .collect();
        for peer in &mut self.peers {
            let here = peer.live && peer.phase == Phase::Connected && peer.channels.are_agreed();
            let of_others = spoken.iter().filter(|spoken| here && spoken.from != peer.id).cloned();
            peer.unsent |= peer.channels.follow(&mut peer.engine, &of_others.collect::<Vec<_>>());
        }
    }

    fn name_of(&self, peer: super::PeerId) -> i64 {
        self.members.iter().find(|member| member.peer == peer).map_or(0, |member| member.name)
    }

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

    pub(super) fn heard(&mut self, now: Instant, index: usize, out: &mut Outputs) {
        let peer = &mut self.peers[index];
        peer.path.heard = now;
        if peer.path.silent {
            peer.path.silent = false;
            out.push_back(Output::Notice(self.id, Notice::PathFound { peer: peer.id }));
            self.moved(now, index, out);
        }
    }

    /// Somebody's media go another way now. Sending again what got lost on the old one would take the first moments of the new one: a key
    /// frame is smaller, both ways.
    pub(super) fn moved(&mut self, now: Instant, index: usize, out: &mut Outputs) {
        self.peers[index].start_anew(now);
        self.choose_layers(now, index, out);
        let viewers: Vec<_> = self.peers[index].tracks.iter().flat_map(|track| track.viewers.clone()).collect();
        for (viewer, slot) in viewers {
            self.peers[viewer].slots[slot].pause();
            self.choose_layers(now, viewer, out);
        }
    }
}
