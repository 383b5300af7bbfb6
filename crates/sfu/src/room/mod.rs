//! The people of one call. Whatever changes, [`Room::reconcile`] works out from the facts who is shown where.

mod assign;
mod keyframes;
mod talk;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use str0m::{media::Mid, rtp::RtpPacket};

use self::assign::{assign, slots_notice};
use crate::{
    Gone, Notice, Output, Shown,
    engine::{Common, Datagram, EngineError, Happening},
    ids::{PeerId, RoomId, Source},
    offer::{OfferError, TrackName},
    peer::Peer,
    slot::{Forward, Showing, View},
    speaker::Speakers,
    ufrag::Place,
};

/// How often layers are chosen and the speaker looked at, whatever else happens.
const ROUND: Duration = Duration::from_millis(500);

/// Somebody who belongs to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub peer: PeerId,
    /// What the other participants know it by.
    pub name: i64,
    /// False: connected to save time later; nothing passes to or from it.
    pub live: bool,
    /// Shows a screen. Its lines are agreed upon from the start, and take nobody's slots before.
    pub sharing: bool,
}

/// What a member offers.
pub(crate) struct Offer<'a> {
    pub(crate) peer: PeerId,
    pub(crate) sdp: &'a str,
    pub(crate) tracks: &'a [TrackName],
    /// For the ICE credentials of the answer.
    pub(crate) password: String,
}

pub(crate) struct Room {
    id: RoomId,
    worker: u8,
    members: Vec<Member>,
    peers: Vec<Peer>,
    speakers: Speakers,
    speaker: Option<PeerId>,
    next_round: Instant,
    wake: Instant,
    /// Reused for what engines say.
    scratch: Vec<Happening>,
}

type Outputs = VecDeque<Output>;

impl Room {
    pub(crate) fn new(now: Instant, id: RoomId, worker: u8) -> Self {
        Self {
            id,
            worker,
            members: Vec::new(),
            peers: Vec::new(),
            speakers: Speakers::default(),
            speaker: None,
            next_round: now + ROUND,
            wake: now,
            scratch: Vec::new(),
        }
    }

    pub(crate) fn wake(&self) -> Instant {
        self.wake
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Who belongs here now. Returns those that were here and do not.
    pub(crate) fn set_members(&mut self, now: Instant, members: Vec<Member>, out: &mut Outputs) -> Vec<PeerId> {
        let leaving = |peer: &Peer| !members.iter().any(|member| member.peer == peer.id);
        let gone: Vec<PeerId> = self.peers.iter().filter(|peer| leaving(peer)).map(|peer| peer.id).collect();
        self.members = members;
        for peer in &gone {
            self.remove(*peer, out);
        }
        for peer in &mut self.peers {
            let member = self.members.iter().find(|member| member.peer == peer.id);
            peer.live = member.is_some_and(|member| member.live);
            peer.sharing = member.is_some_and(|member| member.sharing);
        }
        self.reconcile(now, out);
        self.flush(now, out);
        gone
    }

    fn remove(&mut self, id: PeerId, out: &mut Outputs) {
        let Some(index) = self.peers.iter().position(|peer| peer.id == id) else { return };
        let mut peer = self.peers.remove(index);
        let mut last = Vec::new();
        // It says goodbye if it still can.
        if peer.engine.close(&mut last).is_ok() {
            let sends = last.into_iter().filter_map(|happening| match happening {
                Happening::Send(transmit) => Some(Output::Transmit(transmit.into())),
                Happening::Packet(_)
                | Happening::Connected
                | Happening::PathLost
                | Happening::KeyframeWanted { .. }
                | Happening::Estimate(_)
                | Happening::ChannelOpened { .. }
                | Happening::Said { .. }
                | Happening::ChannelClosed { .. }
                | Happening::Closed => None,
            });
            out.extend(sends);
        }
        self.speakers.forget(id);
    }

    pub(crate) fn offer(
        &mut self,
        now: Instant,
        common: &Common,
        offer: Offer<'_>,
        out: &mut Outputs,
    ) -> Result<String, OfferError> {
        let Offer { peer: id, sdp, tracks, password } = offer;
        let place = Place { worker: self.worker, room: self.id, peer: id };
        let answer = if let Some(index) = self.position(id) {
            self.peers[index].answer(common, place, sdp, tracks, password)?
        } else {
            let refused = |error: EngineError| OfferError::Engine(error.to_string());
            let mut peer = Peer::new(now, common, place, password.clone()).map_err(refused)?;
            let answer = peer.answer(common, place, sdp, tracks, password)?;
            let member = self.members.iter().find(|member| member.peer == id);
            peer.live = member.is_some_and(|member| member.live);
            peer.sharing = member.is_some_and(|member| member.sharing);
            self.peers.push(peer);
            answer
        };
        self.reconcile(now, out);
        self.flush(now, out);
        Ok(answer)
    }

    pub(crate) fn views(&mut self, now: Instant, id: PeerId, views: Vec<View>, out: &mut Outputs) {
        if let Some(index) = self.position(id) {
            self.peers[index].views = views;
            self.choose_layers(now, index);
            self.flush(now, out);
        }
    }

    fn position(&self, id: PeerId) -> Option<usize> {
        self.peers.iter().position(|peer| peer.id == id)
    }

    pub(crate) fn is_authentic(&self, now: Instant, id: PeerId, datagram: &Datagram<'_>) -> bool {
        self.position(id).is_some_and(|index| self.peers[index].engine.is_authentic(now, datagram))
    }

    pub(crate) fn receive(&mut self, now: Instant, id: PeerId, datagram: &Datagram<'_>, out: &mut Outputs) {
        let Some(index) = self.position(id) else { return };
        self.heard(now, index, out);
        let mut happenings = std::mem::take(&mut self.scratch);
        let done = self.peers[index].receive(now, datagram, &mut happenings);
        self.perform(now, index, &mut happenings, out);
        self.scratch = happenings;
        self.check(now, index, done, out);
    }

    /// Sends what has been written since the last time.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outputs) {
        for index in (0..self.peers.len()).rev() {
            if self.peers[index].unsent {
                self.advance_peer(now, index, out);
            }
        }
        self.set_wake();
    }

    /// Does what time wants done.
    pub(crate) fn advance(&mut self, now: Instant, out: &mut Outputs) {
        for index in (0..self.peers.len()).rev() {
            if self.peers[index].engine.wake() <= now {
                self.advance_peer(now, index, out);
            }
        }
        if self.next_round <= now {
            self.next_round = now + ROUND;
            self.round(now, out);
        }
        self.ask_for_keyframes(now);
        self.flush(now, out);
    }

    fn advance_peer(&mut self, now: Instant, index: usize, out: &mut Outputs) {
        let mut happenings = std::mem::take(&mut self.scratch);
        let done = self.peers[index].advance(now, &mut happenings);
        self.perform(now, index, &mut happenings, out);
        self.scratch = happenings;
        self.check(now, index, done, out);
    }

    fn round(&mut self, now: Instant, out: &mut Outputs) {
        self.listen(now, out);
        let speaker = self.speakers.decide(now);
        if speaker == self.speaker {
            for index in 0..self.peers.len() {
                self.choose_layers(now, index);
            }
        } else {
            self.speaker = speaker;
            out.push_back(Output::Notice(self.id, Notice::Speaker { peer: speaker }));
            self.reconcile(now, out);
        }
    }

    fn set_wake(&mut self) {
        let engines = self.peers.iter().map(|peer| peer.engine.wake());
        let layers = self.peers.iter().flat_map(|peer| &peer.tracks).flat_map(|track| &track.layers);
        let keyframes = layers.filter_map(|layer| layer.keyframe.next_wake(self.wake));
        self.wake = engines.chain(keyframes).fold(self.next_round, Instant::min);
    }

    /// A connection whose engine is broken is gone.
    fn check(&mut self, now: Instant, index: usize, done: Result<(), EngineError>, out: &mut Outputs) {
        if let Err(error) = done {
            let peer = self.peers.remove(index);
            self.speakers.forget(peer.id);
            out.push_back(Output::Notice(
                self.id,
                Notice::Gone { peer: peer.id, why: Gone::Broken(error.to_string()) },
            ));
            self.reconcile(now, out);
        }
    }

    fn perform(&mut self, now: Instant, index: usize, happenings: &mut Vec<Happening>, out: &mut Outputs) {
        let peer = self.peers[index].id;
        for happening in happenings.drain(..) {
            match happening {
                Happening::Send(transmit) => out.push_back(Output::Transmit(transmit.into())),
                Happening::Packet(packet) => self.pass_on(now, index, &packet),
                Happening::Connected => {
                    self.peers[index].connected = true;
                    out.push_back(Output::Notice(self.id, Notice::Connected { peer }));
                    // Others can be heard, and their pictures asked for, only now.
                    self.link_channels();
                    self.choose_layers(now, index);
                }
                Happening::PathLost => self.silent(index, out),
                Happening::KeyframeWanted { mid } => self.keyframe_wanted(now, index, mid),
                Happening::Estimate(bits) => {
                    if self.peers[index].estimated(bits) {
                        self.choose_layers(now, index);
                    }
                }
                Happening::ChannelOpened { id, label } => self.channel_opened(index, id, &label),
                Happening::Said { id, binary, data } => self.said(now, index, id, binary, data),
                Happening::ChannelClosed { id } => self.channel_closed(index, id),
                Happening::Closed => out.push_back(Output::Notice(self.id, Notice::Gone { peer, why: Gone::Closed })),
            }
        }
    }

    fn pass_on(&mut self, now: Instant, index: usize, packet: &RtpPacket) {
        let sender = &mut self.peers[index];
        let Some((track, layer)) = sender.place_of(packet) else { return };
        let Some(spec) = sender.engine.codec(packet.header.payload_type) else { return };
        sender.tracks[track].received(layer, now, packet.payload.len());
        if !sender.live {
            return;
        }
        if let (Source::Microphone, Some(level)) = (sender.tracks[track].source, packet.header.ext_vals.audio_level) {
            self.speakers.heard(now, sender.id, level.unsigned_abs());
        }
        let forward = Forward::new(layer, packet, spec);
        if forward.starts_keyframe {
            sender.tracks[track].layers[layer].keyframe.fulfilled();
        }
        let viewers = std::mem::take(&mut self.peers[index].tracks[track].viewers);
        for (viewer, slot) in &viewers {
            self.peers[*viewer].forward(*slot, &forward);
        }
        self.peers[index].tracks[track].viewers = viewers;
    }

    fn choose_layers(&mut self, now: Instant, index: usize) {
        let offered: Vec<_> = self.all_tracks(now);
        let find = |showing: Showing| {
            offered.iter().find(|(known, _)| *known == showing).map(|(_, layers)| layers.clone()).unwrap_or_default()
        };
        self.peers[index].choose_layers(find);
        self.peers[index].unsent = true;
        if !self.peers[index].connected {
            // It could not be shown the key frame, and would wait for the next.
            return;
        }
        let awaited: Vec<(Showing, usize)> =
            self.peers[index].slots.iter().filter_map(|slot| Some((slot.showing?, slot.awaited()?))).collect();
        for (showing, layer) in awaited {
            self.want_keyframe(now, showing, layer);
        }
    }

    fn all_tracks(&self, now: Instant) -> Vec<(Showing, Vec<crate::layers::Offered>)> {
        let live = self.peers.iter().filter(|peer| peer.live);
        let tracks = live.flat_map(|peer| peer.shown_tracks().map(move |track| (peer.id, track)));
        tracks.map(|(peer, track)| (Showing { peer, source: track.source }, track.offered(now))).collect()
    }

    /// Who is shown where follows from who is here, what they send and who speaks.
    fn reconcile(&mut self, now: Instant, out: &mut Outputs) {
        let there: Vec<(Showing, bool)> = self
            .all_tracks(now)
            .into_iter()
            .map(|(showing, layers)| (showing, layers.iter().any(|l| l.flows)))
            .collect();
        for peer in &mut self.peers {
            let others = if peer.live { there.as_slice() } else { &[] };
            let before: Vec<_> = peer.slots.iter().map(|slot| slot.showing).collect();
            let missing = assign(peer, others, self.speaker);
            let after: Vec<_> = peer.slots.iter().map(|slot| slot.showing).collect();
            if before != after || missing > 0 {
                out.push_back(Output::Notice(self.id, slots_notice(peer, missing)));
            }
        }
        self.link_viewers();
        self.link_channels();
        for index in 0..self.peers.len() {
            self.choose_layers(now, index);
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
