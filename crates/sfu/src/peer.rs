//! One connection of one participant: what it sends, what it is sent, and the engine in between.

use std::time::{Duration, Instant};

use str0m::media::Mid;

use crate::{
    Notice, Transmit, answer,
    budget::Usage,
    channels::Channels,
    engine::{self, Common, Datagram, Engine, EngineError, Happening},
    fit::LayerRate,
    ids::{PeerId, Source},
    ladder::{Ladder, Limits},
    offer::{self, Direction, Line, OfferError, TrackName},
    receive::Packet,
    route::Route,
    slot::{Forward, Showing, Slot, View},
    track::Track,
    ufrag::Place,
};

/// For a picture nobody has said the size of: a tile on a desk.
const USUAL_HEIGHT: u32 = 360;
/// An estimate that has fallen this far is acted upon at once; and so is one that has risen by a layer's step.
const FALL_PERCENT: u64 = 90;
const RISE_PERCENT: u64 = 125;

/// From such a loss on sound goes with redundancy. Below it, what the codec has of its own does better for its bits.
const LOSSY: f32 = 0.03;
/// And for so long after: losses come and go.
const LOSSY_FOR: Duration = Duration::from_secs(10);

/// Participants let hear from them twice a second. Looked at twice a second, this is noticed within two.
const SILENCE: Duration = Duration::from_millis(1_500);

/// What is known of the way from the participant to here.
pub(crate) struct Path {
    /// When the last datagram came.
    pub(crate) heard: Instant,
    /// Nothing comes any more, and that has been said.
    pub(crate) silent: bool,
}

/// What of the packets to the participant gets lost.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Until when that counts as much.
    lossy_until: Option<Instant>,
    /// Sound goes with redundancy: there is room for it as well.
    pub(crate) repeats: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The other end has not proved who it is.
    Connecting,
    Connected,
    /// The other end has said goodbye.
    Closed,
}

pub(crate) struct Peer {
    pub(crate) id: PeerId,
    /// Whether its media are let through. False while it only rings.
    pub(crate) live: bool,
    /// Whether its screen is.
    pub(crate) sharing: bool,
    pub(crate) phase: Phase,
    pub(crate) engine: Engine,
    pub(crate) tracks: Vec<Track>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) views: Vec<View>,
    /// When its layers were last chosen because of them.
    pub(crate) viewed: Option<Instant>,
    pub(crate) channels: Channels,
    /// What it was told of its slots last.
    pub(crate) told: Option<Notice>,
    pub(crate) route: Route,
    pub(crate) path: Path,
    /// Something was written that has not left.
    pub(crate) unsent: bool,
    /// What its link carries, in bit/s.
    pub(crate) estimate: u64,
    pub(crate) losses: Losses,
    /// The estimate the layers were chosen by.
    pub(crate) chosen_by: u64,
    /// What there was for all pictures then.
    pub(crate) room: u64,
    pub(crate) limits: Limits,
    pub(crate) ladder: Ladder,
    pub(crate) usage: Usage,
    /// Where incoming streams belong: track and layer.
    places: Vec<(u32, usize, usize)>,
    generation: u32,
}

impl Peer {
    pub(crate) fn new(now: Instant, common: &Common, place: Place, password: String) -> Result<Self, EngineError> {
        let credentials = str0m::IceCreds { ufrag: place.ufrag(0), pass: password };
        Ok(Self {
            id: place.peer,
            live: false,
            sharing: false,
            phase: Phase::Connecting,
            engine: Engine::new(now, common, credentials)?,
            tracks: Vec::new(),
            slots: Vec::new(),
            views: Vec::new(),
            viewed: None,
            channels: Channels::new(now),
            told: None,
            route: Route::new(now),
            path: Path { heard: now, silent: false },
            unsent: false,
            estimate: engine::FIRST_ESTIMATE,
            losses: Losses::default(),
            chosen_by: 0,
            room: 0,
            limits: Limits::default(),
            ladder: Ladder::default(),
            usage: Usage::default(),
            places: Vec::new(),
            generation: 0,
        })
    }

    /// What others can be shown.
    pub(crate) fn shown_tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| match track.source {
            Source::Screen | Source::ScreenAudio => self.sharing,
            Source::Microphone | Source::Camera => true,
        })
    }

    /// The answer to an offer: the first, one that adds lines, or one that restarts ICE.
    pub(crate) fn answer(
        &mut self,
        common: &Common,
        place: Place,
        sdp: &str,
        names: &[TrackName],
        password: String,
    ) -> Result<String, OfferError> {
        let lines = offer::read(sdp, names)?;
        self.generation += 1;
        let fresh = str0m::IceCreds { ufrag: place.ufrag(self.generation), pass: password };
        let credentials = fresh.ufrag.clone();
        let answer = self.engine.answer(sdp, fresh, &lines).map_err(|error| match error {
            EngineError::Broken(reason) => OfferError::Engine(reason),
            EngineError::Panicked(_) => OfferError::Over,
        })?;
        if self.engine.ufrag() == credentials {
            self.route.restart();
        }
        if offer::has_channels(sdp) {
            self.channels.agree();
        }
        self.take_tracks(&lines, names);
        self.take_slots(&lines);
        // Lines may have moved to other streams.
        self.places.clear();
        let answer = answer::with_resent_sound(&answer);
        Ok(answer::with_candidates(&answer, &common.udp, &common.tcp))
    }

    fn take_tracks(&mut self, lines: &[Line], names: &[TrackName]) {
        let line = |name: &TrackName| lines.iter().find(|line| line.mid == name.mid);
        let old = std::mem::take(&mut self.tracks);
        let mut old: Vec<Track> = old.into_iter().collect();
        for (name, line) in names.iter().filter_map(|name| Some((name, line(name)?))) {
            let mid = Mid::from(line.mid.as_str());
            let known = old.iter().position(|track| track.mid == mid && track.source == name.source);
            let track = known.map_or_else(|| Track::new(mid, name.source, &line.rids), |index| old.swap_remove(index));
            self.tracks.push(track);
        }
    }

    fn take_slots(&mut self, lines: &[Line]) {
        for line in lines.iter().filter(|line| line.direction == Direction::Receive) {
            let mid = Mid::from(line.mid.as_str());
            if !self.slots.iter().any(|slot| slot.mid == mid) {
                self.slots.push(Slot::new(mid, line.video));
            }
        }
        let still_there = |slot: &Slot| {
            lines.iter().any(|line| line.direction == Direction::Receive && Mid::from(line.mid.as_str()) == slot.mid)
        };
        self.slots.retain(still_there);
        self.slots.iter_mut().for_each(Slot::agreed);
    }

    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Vec<Happening>,
    ) -> Result<(), EngineError> {
        let done = self.engine.receive(now, datagram, out);
        self.unsent |= self.engine.wake() <= now;
        done
    }

    pub(crate) fn advance(&mut self, now: Instant, out: &mut Vec<Happening>) -> Result<(), EngineError> {
        self.unsent = false;
        self.engine.advance(now, out)
    }

    /// The track and layer a packet belongs to.
    pub(crate) fn place_of(&mut self, packet: &Packet) -> Option<(usize, usize)> {
        if let Some((_, track, layer)) = self.places.iter().find(|(known, _, _)| *known == packet.ssrc) {
            return Some((*track, *layer));
        }
        let track = self.tracks.iter().position(|track| track.mid == packet.mid)?;
        let layer = self.tracks[track].layer_of(packet.rid)?;
        self.places.push((packet.ssrc, track, layer));
        Some((track, layer))
    }

    /// Somebody is there again, perhaps in another network: what was found out about the old one says nothing.
    pub(crate) fn find_out_anew(&mut self, now: Instant) {
        self.engine.find_out_anew(now);
        self.estimate = engine::FIRST_ESTIMATE;
        self.ladder.start_anew();
        self.tracks.iter_mut().flat_map(|track| &mut track.layers).for_each(|layer| layer.keyframe.start_anew());
    }

    /// What has got lost, either way, is neither asked for nor sent again.
    pub(crate) fn forget_lost(&mut self) {
        self.engine.forget_lost();
        self.slots.iter_mut().for_each(Slot::pause);
    }

    /// Where a datagram for the other end is to go. Answers to checks go where the checks came from; media go nowhere while nobody is
    /// there (RFC 7675).
    pub(crate) fn led(&mut self, now: Instant, transmit: Transmit) -> Option<Transmit> {
        match transmit.contents.first()? {
            0..=3 => return Some(transmit),
            0x80..=0xbf if self.path.silent => return None,
            _ => {}
        }
        let (protocol, destination) = self.route.lead(now, (transmit.protocol, transmit.destination));
        Some(Transmit { protocol, destination, ..transmit })
    }

    /// A packet of media on its way.
    pub(crate) fn addressed(&self, now: Instant, contents: Vec<u8>) -> Option<Transmit> {
        let (protocol, destination) = self.route.current(now).filter(|_| !self.path.silent)?;
        Some(Transmit { protocol, destination, contents })
    }

    /// Whether what is sent to it comes to somebody.
    pub(crate) fn is_reached(&self) -> bool {
        self.phase == Phase::Connected && !self.path.silent
    }

    /// Writes a packet to a slot, if it is what is shown there. True if it is from this packet on.
    pub(crate) fn forward(&mut self, slot: usize, forward: &Forward<'_>) -> bool {
        if !self.is_reached() {
            return false;
        }
        let slot = &mut self.slots[slot];
        let before = slot.current;
        self.unsent |= slot.forward(&mut self.engine, forward, self.losses.repeats);
        before != slot.current && slot.current == Some(forward.layer)
    }

    /// So much of what was sent to it in the last second got lost by chance.
    pub(crate) fn lost(&mut self, now: Instant, share: f32) {
        if share >= LOSSY {
            self.losses.lossy_until = Some(now + LOSSY_FOR);
        } else if self.losses.lossy_until.is_some_and(|until| until <= now) {
            self.losses.lossy_until = None;
        }
    }

    /// Whether sound is to go with redundancy.
    pub(crate) fn loses_much(&self) -> bool {
        self.losses.lossy_until.is_some()
    }

    /// Whether nothing has come for too long from somebody who sends regularly.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.channels.says_alive() && now.saturating_duration_since(self.path.heard) >= SILENCE
    }

    /// True if the layers should be chosen anew.
    pub(crate) fn estimated(&mut self, bits: u64) -> bool {
        self.estimate = bits;
        bits < self.chosen_by * FALL_PERCENT / 100 || bits > self.chosen_by * RISE_PERCENT / 100
    }

    /// What its camera's layers should take.
    pub(crate) fn rates(&self) -> Vec<LayerRate> {
        let cameras = self.tracks.iter().filter(|track| track.source == Source::Camera);
        let layers = cameras.flat_map(|track| track.layers.iter().zip(track.fit.told()));
        layers.filter_map(|(layer, bits)| Some(LayerRate { rid: layer.rid?.to_string(), bits: bits? })).collect()
    }

    pub(crate) fn shows(&self, showing: Showing) -> bool {
        self.slots.iter().any(|slot| slot.showing == Some(showing))
    }

    pub(crate) fn height_of(&self, showing: Showing) -> u32 {
        let view = self.views.iter().find(|view| view.peer == showing.peer && view.source == showing.source);
        view.map_or(USUAL_HEIGHT, |view| view.height)
    }
}
