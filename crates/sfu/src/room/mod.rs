//! The people of one call. Whatever changes, [`Room::reconcile`] works out from the facts who is shown where.

mod assign;
mod choose;
mod fit;
mod keyframes;
mod pass;
mod paths;
mod show;
mod talk;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use str0m::media::Mid;

use self::show::flowing;
use crate::{
    Gone, Notice, Output, Shown,
    engine::{Common, Datagram, EngineError, Happening},
    ids::{PeerId, RoomId, Source},
    ladder::Limits,
    offer::{OfferError, TrackName},
    peer::{Peer, Phase},
    receive::Packet,
    slot::{Forward, Showing, View},
    speaker::Speakers,
    ufrag::{Place, nominates},
};

/// More than fits into a packet of an MTU of 1,500. No path would carry it whole.
const MAX_PAYLOAD: usize = 1_460;
/// How often somebody's wishes are looked at, however often they change.
const VIEWS_INTERVAL: Duration = Duration::from_millis(100);
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
    /// What may be sent to it.
    pub limits: Limits,
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
    /// Members whose connection has ended: they need a new one, under a new name.
    over: Vec<PeerId>,
    /// Those of them nobody has been told of yet.
    ended: Vec<PeerId>,
    /// What was sent at the last look.
    flowing: Vec<Showing>,
    speakers: Speakers,
    speaker: Option<PeerId>,
    next_round: Instant,
    wake: Option<Instant>,
    /// The wake that whoever runs the room knows of.
    pub(crate) scheduled: Option<Instant>,
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
            over: Vec::new(),
            ended: Vec::new(),
            flowing: Vec::new(),
            speakers: Speakers::default(),
            speaker: None,
            next_round: now + ROUND,
            wake: None,
            scheduled: None,
            scratch: Vec::new(),
        }
    }

    /// None while nobody is connected.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.wake
    }

    /// Peers whose connections have ended since the last time.
    pub(crate) fn take_ended(&mut self) -> Vec<PeerId> {
        std::mem::take(&mut self.ended)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Who belongs here now.
    pub(crate) fn set_members(&mut self, now: Instant, members: Vec<Member>, out: &mut Outputs) {
        let leaving = |peer: &Peer| !members.iter().any(|member| member.peer == peer.id);
        let gone: Vec<PeerId> = self.peers.iter().filter(|peer| leaving(peer)).map(|peer| peer.id).collect();
        self.over.retain(|over| members.iter().any(|member| member.peer == *over));
        self.members = members;
        for peer in gone {
            self.remove(peer, out);
        }
        for peer in &mut self.peers {
            let member = self.members.iter().find(|member| member.peer == peer.id);
            peer.live = member.is_some_and(|member| member.live);
            peer.sharing = member.is_some_and(|member| member.sharing);
            peer.limits = member.map(|member| member.limits).unwrap_or_default();
        }
        self.reconcile(now, out);
        self.flush(now, out);
    }

    fn remove(&mut self, id: PeerId, out: &mut Outputs) {
        let Some(index) = self.peers.iter().position(|peer| peer.id == id) else { return };
        let mut peer = self.peers.remove(index);
        let mut last = Vec::new();
        // It says goodbye if it still can.
        if peer.engine.close(&mut last).is_ok() {
            let sends = last.into_iter().filter_map(|happening| match happening {
                Happening::Send(transmit) => Some(Output::Transmit(transmit.into())),
                Happening::Media(_)
                | Happening::Packet(_)
                | Happening::Connected
                | Happening::PathLost
                | Happening::KeyframeWanted { .. }
                | Happening::Loss(_)
                | Happening::Estimate(_)
                | Happening::ChannelOpened { .. }
                | Happening::Said { .. }
                | Happening::ChannelClosed { .. }
                | Happening::Closed => None,
            });
            out.extend(sends);
        }
        self.speakers.forget(id);
        self.ended.push(id);
    }

    pub(crate) fn offer(
        &mut self,
        now: Instant,
        common: &Common,
        offer: Offer<'_>,
        out: &mut Outputs,
    ) -> Result<String, OfferError> {
        let Offer { peer: id, sdp, tracks, password } = offer;
        if self.over.contains(&id) {
            return Err(OfferError::Over);
        }
        let place = Place { worker: self.worker, room: self.id, peer: id };
        let answer = if let Some(index) = self.position(id) {
            let answer = self.peers[index].answer(common, place, sdp, tracks, password);
            if answer == Err(OfferError::Over) {
                self.lose(now, index, Gone::Broken("an offer broke it".to_owned()), out);
            }
            answer?
        } else {
            let refused = |error: EngineError| OfferError::Engine(error.to_string());
            let mut peer = Peer::new(now, common, place, password.clone()).map_err(refused)?;
            let answer = peer.answer(common, place, sdp, tracks, password)?;
            let member = self.members.iter().find(|member| member.peer == id);
            peer.live = member.is_some_and(|member| member.live);
            peer.sharing = member.is_some_and(|member| member.sharing);
            peer.limits = member.map(|member| member.limits).unwrap_or_default();
            self.peers.push(peer);
            answer
        };
        self.reconcile(now, out);
        self.flush(now, out);
        Ok(answer)
    }

    pub(crate) fn views(&mut self, now: Instant, id: PeerId, views: Vec<View>, out: &mut Outputs) {
        if let Some(index) = self.position(id) {
            let peer = &mut self.peers[index];
            peer.views = views;
            if peer.viewed.is_some_and(|at| now.saturating_duration_since(at) < VIEWS_INTERVAL) {
                // Whoever changes its mind all the time gets the newest in the end.
                self.next_round = self.next_round.min(now + VIEWS_INTERVAL);
                return self.set_wake();
            }
            peer.viewed = Some(now);
            self.choose_layers(now, index, out);
            self.flush(now, out);
        }
    }

    #[cfg(test)]
    pub(crate) fn pretend_connected(&mut self, now: Instant, id: PeerId) {
        let common = Common { certificate: None, udp: Vec::new(), tcp: Vec::new() };
        let place = Place { worker: self.worker, room: self.id, peer: id };
        self.peers.push(Peer::new(now, &common, place, "a-password-of-22-characters".to_owned()).unwrap());
    }

    /// Something here has panicked: nothing of it can be relied upon any more.
    pub(crate) fn give_up(&mut self, out: &mut Outputs) {
        for peer in self.peers.drain(..) {
            self.over.push(peer.id);
            self.ended.push(peer.id);
            let why = Gone::Broken("the room has panicked".to_owned());
            out.push_back(Output::Notice(self.id, Notice::Gone { peer: peer.id, why }));
        }
        self.speakers = Speakers::default();
        self.set_wake();
    }

    fn position(&self, id: PeerId) -> Option<usize> {
        self.peers.iter().position(|peer| peer.id == id)
    }

    pub(crate) fn is_authentic(&self, now: Instant, id: PeerId, datagram: &Datagram<'_>) -> bool {
        self.position(id).is_some_and(|index| self.peers[index].engine.is_authentic(now, datagram))
    }

    pub(crate) fn receive(&mut self, now: Instant, id: PeerId, datagram: &Datagram<'_>, out: &mut Outputs) {
        let Some(index) = self.position(id) else { return };
        self.peers[index].usage.count(datagram.contents.len());
        let from = (datagram.protocol, datagram.source);
        self.heard(now, index, from, nominates(datagram.contents), out);
        let mut happenings = std::mem::take(&mut self.scratch);
        let done = self.peers[index].receive(now, datagram, &mut happenings);
        self.perform(now, index, &mut happenings, out);
        self.scratch = happenings;
        self.check(now, index, done, out);
    }

    /// Sends what has been written since the last time.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outputs) {
        // What one says may want something sent to another that had its turn.
        for _ in 0..2 {
            for index in (0..self.peers.len()).rev() {
                if self.peers[index].unsent {
                    self.advance_peer(now, index, out);
                }
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
        let speaks_on = speaker == self.speaker;
        if !speaks_on {
            self.speaker = speaker;
            out.push_back(Output::Notice(self.id, Notice::Speaker { peer: speaker }));
        }
        let offered = self.all_tracks(now);
        if speaks_on && flowing(&offered) == self.flowing {
            for index in 0..self.peers.len() {
                self.choose_layers_of(now, index, &offered, out);
            }
        } else {
            self.reconcile(now, out);
        }
        self.fit_layers(now, &offered, out);
        self.tell_usage(now, out);
    }

    fn tell_usage(&mut self, now: Instant, out: &mut Outputs) {
        for peer in self.peers.iter_mut().filter(|peer| peer.limits.counted) {
            let told = peer.usage.take(now).map(|bytes| Notice::Used { peer: peer.id, bytes });
            out.extend(told.map(|notice| Output::Notice(self.id, notice)));
        }
    }

    fn set_wake(&mut self) {
        let engines = self.peers.iter().map(|peer| peer.engine.wake());
        let layers = self.peers.iter().flat_map(|peer| &peer.tracks).flat_map(|track| &track.layers);
        let keyframes = layers.filter_map(|layer| layer.keyframe.next_wake(self.wake.unwrap_or(self.next_round)));
        let wake = engines.chain(keyframes).fold(self.next_round, Instant::min);
        self.wake = (!self.peers.is_empty()).then_some(wake);
    }

    /// A connection whose engine is broken is gone, and so is one whose other end has said goodbye: what was written to it would wait
    /// for ever.
    fn check(&mut self, now: Instant, index: usize, done: Result<(), EngineError>, out: &mut Outputs) {
        match done {
            Err(error) => self.lose(now, index, Gone::Broken(error.to_string()), out),
            Ok(()) if self.peers[index].phase == Phase::Closed => self.lose(now, index, Gone::Closed, out),
            Ok(()) => {}
        }
    }

    fn lose(&mut self, now: Instant, index: usize, why: Gone, out: &mut Outputs) {
        let peer = self.peers.remove(index).id;
        self.speakers.forget(peer);
        self.over.push(peer);
        self.ended.push(peer);
        out.push_back(Output::Notice(self.id, Notice::Gone { peer, why }));
        self.reconcile(now, out);
    }

    fn perform(&mut self, now: Instant, index: usize, happenings: &mut Vec<Happening>, out: &mut Outputs) {
        let peer = self.peers[index].id;
        for happening in happenings.drain(..) {
            match happening {
                Happening::Send(transmit) => {
                    let transmit = self.peers[index].led(now, transmit.into());
                    if let Some(transmit) = transmit {
                        self.peers[index].usage.count(transmit.contents.len());
                        out.push_back(Output::Transmit(transmit));
                    }
                }
                Happening::Media(contents) => {
                    if let Some(transmit) = self.peers[index].addressed(now, contents) {
                        self.peers[index].usage.count(transmit.contents.len());
                        out.push_back(Output::Transmit(transmit));
                    }
                }
                Happening::Packet(packet) => self.pass_on(now, index, packet),
                Happening::Connected => {
                    self.peers[index].phase = Phase::Connected;
                    out.push_back(Output::Notice(self.id, Notice::Connected { peer }));
                    // Others can be heard, and their pictures asked for, only now.
                    self.link_channels();
                    self.choose_layers(now, index, out);
                }
                Happening::PathLost => self.silent(index, out),
                Happening::KeyframeWanted { mid } => self.keyframe_wanted(now, index, mid),
                Happening::Estimate(bits) => {
                    if self.peers[index].estimated(bits) {
                        self.choose_layers(now, index, out);
                    }
                }
                Happening::Loss(share) => self.peers[index].lost(now, share),
                Happening::ChannelOpened { id, label } => self.channel_opened(now, index, id, &label),
                Happening::Said { id, binary, data } => self.said(now, index, id, binary, data),
                Happening::ChannelClosed { id } => self.channel_closed(index, id),
                Happening::Closed => self.peers[index].phase = Phase::Closed,
            }
        }
    }
}
