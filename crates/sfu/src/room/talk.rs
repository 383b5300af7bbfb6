//! What participants say on data channels, and whether anything is heard of them at all.

use std::sync::Arc;

use str0m::channel::ChannelId;

use super::{Instant, Room};
use crate::{channels::Spoken, peer::Phase};

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
}
