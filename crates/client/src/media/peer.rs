//! One end of a connection, to a peer or to the SFU (see `sfu.rs` for what differs), as a state machine over str0m, without sockets and clocks. All knowledge of
//! str0m's ways is in here and in `sfu.rs`; its one rule is that every change is followed by draining its output.

mod candidates;
mod frames;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Instant,
};

use farhand_protocol::frame::{MediaTrack, Signal};
use str0m::{
    Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig, RtcError,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    channel::ChannelId,
    config::DtlsVersion,
    media::{Direction, Frequency, MediaKind, Mid, Rid},
    net::{Protocol, Receive, Transmit},
};

use self::candidates::Local;
use super::{
    MediaError, ReceivedFrame,
    measure::{self, Measured},
    sdp,
};

/// What the shell is to do.
pub(super) enum Effect {
    Send(Transmit),
    Signal(Signal),
    /// For the SFU.
    Offer {
        sdp: String,
        tracks: Vec<MediaTrack>,
    },
    Connected,
    ChannelOpen,
    /// Datagrams do not reach the other end any more.
    PathLost,
    PathFound,
    Frame(Mid, ReceivedFrame),
    /// Of this simulcast layer, if there are any.
    KeyframeWanted(Option<Rid>),
    /// There are new measurements.
    Measured,
    RemoteClosed,
}

pub(super) struct Peer {
    pub(super) rtc: Rtc,
    pub(super) other: Other,
    offerer: bool,
    pending: Option<SdpPendingOffer>,
    pub(super) audio: Option<Mid>,
    pub(super) video: Option<Mid>,
    /// What waits until this end has sent its description; nothing after that.
    unsent: Option<Vec<Local>>,
    /// What waits until the other end's description has come; nothing after that.
    waiting: Option<Vec<Candidate>>,
    pub(super) alive: Option<ChannelId>,
    wake: Instant,
    tamper_fingerprint: bool,
    pub(super) effects: VecDeque<Effect>,
    pub(super) measured: Measured,
}

/// Whose media come in.
pub(super) enum Other {
    Peer(i64),
    /// Whoever the SFU shows on which line.
    Sfu(HashMap<Mid, i64>),
}

impl Peer {
    /// The offerer makes its offer at once.
    pub(super) fn new(contact: i64, offerer: bool, tamper_fingerprint: bool, now: Instant) -> Result<Self, MediaError> {
        let mut peer = Self::bare(Other::Peer(contact), offerer, tamper_fingerprint, now)?;
        if offerer {
            peer.offer()?;
        }
        Ok(peer)
    }

    pub(super) fn bare(
        other: Other,
        offerer: bool,
        tamper_fingerprint: bool,
        now: Instant,
    ) -> Result<Self, MediaError> {
        let config = RtcConfig::new().clear_codecs().enable_opus(true, false).enable_vp8(true);
        let mut peer = Self {
            rtc: config.set_dtls_version(DtlsVersion::Auto).set_stats_interval(Some(measure::INTERVAL)).build(now),
            other,
            offerer,
            pending: None,
            audio: None,
            video: None,
            unsent: Some(Vec::new()),
            waiting: Some(Vec::new()),
            alive: None,
            wake: now,
            tamper_fingerprint,
            effects: VecDeque::new(),
            measured: Measured::nothing(now),
        };
        peer.advance(now)?;
        Ok(peer)
    }

    /// When [`Peer::advance`] is due.
    pub(super) fn next_wake(&self) -> Instant {
        self.wake
    }

    /// Both ends have described themselves: from now on a connection should come about.
    pub(super) fn negotiated(&self) -> bool {
        self.unsent.is_none() && self.waiting.is_none() && self.pending.is_none()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    pub(super) fn advance(&mut self, now: Instant) -> Result<(), MediaError> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(engine)?;
        self.drain()
    }

    pub(super) fn datagram(
        &mut self,
        now: Instant,
        proto: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), MediaError> {
        // What is no STUN, DTLS, RTP or RTCP is nobody's.
        let Ok(contents) = datagram.try_into() else { return Ok(()) };
        let receive = Receive { proto, source, destination, contents };
        self.rtc.handle_input(Input::Receive(now, receive)).map_err(engine)?;
        self.drain()
    }

    pub(super) fn signal(&mut self, signal: Signal) -> Result<(), MediaError> {
        match signal {
            Signal::Offer { sdp } => self.accept_offer(&sdp),
            Signal::Answer { sdp } => self.accept_answer(&sdp),
            Signal::Candidate { candidate, .. } => self.remote_candidate(&candidate),
            Signal::Restart {} => self.restart(),
        }
    }

    fn offer(&mut self) -> Result<(), MediaError> {
        let mut change = self.rtc.sdp_api();
        self.audio = Some(change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None));
        self.video = Some(change.add_media(MediaKind::Video, Direction::SendRecv, None, None, None));
        let offer = change.apply();
        self.send_offer(offer)
    }

    pub(super) fn send_offer(&mut self, offer: Option<(SdpOffer, SdpPendingOffer)>) -> Result<(), MediaError> {
        self.drain()?;
        if let Some((offer, pending)) = offer {
            self.pending = Some(pending);
            let sdp = self.outgoing(offer.to_sdp_string());
            let effect = match self.other {
                Other::Peer(_) => Effect::Signal(Signal::Offer { sdp }),
                Other::Sfu(_) => Effect::Offer { sdp, tracks: self.tracks() },
            };
            self.effects.push_back(effect);
        }
        self.now_described()
    }

    fn accept_offer(&mut self, sdp: &str) -> Result<(), MediaError> {
        if self.offerer {
            tracing::warn!("an offer from the end that should answer is ignored");
            return Ok(());
        }
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|e| MediaError::Refused("offer", e.to_string()))?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|e| MediaError::Refused("offer", e.to_string()))?;
        self.drain()?;
        let sdp = self.outgoing(answer.to_sdp_string());
        self.effects.push_back(Effect::Signal(Signal::Answer { sdp }));
        self.now_described()?;
        self.now_remote_described()
    }

    pub(super) fn accept_answer(&mut self, sdp: &str) -> Result<(), MediaError> {
        let Some(pending) = self.pending.take() else {
            tracing::warn!("an answer to no offer is ignored");
            return Ok(());
        };
        let refused = |e: String| MediaError::Refused("answer", e);
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(|e| refused(e.to_string()))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|e| refused(e.to_string()))?;
        self.drain()?;
        self.now_remote_described()
    }

    fn restart(&mut self) -> Result<(), MediaError> {
        // Before the first answer there is nothing to restart; a pending offer may be a restart already.
        if !self.offerer || self.pending.is_some() {
            return Ok(());
        }
        let mut change = self.rtc.sdp_api();
        change.ice_restart(true);
        let offer = change.apply();
        self.send_offer(offer)
    }

    fn outgoing(&self, sdp: String) -> String {
        if self.tamper_fingerprint { sdp::tamper_fingerprint(&sdp) } else { sdp }
    }

    pub(super) fn close(&mut self) -> Result<(), MediaError> {
        self.rtc.close().map_err(engine)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), MediaError> {
        loop {
            match self.rtc.poll_output().map_err(engine)? {
                Output::Timeout(at) => {
                    self.wake = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => self.effects.push_back(Effect::Send(transmit)),
                Output::Event(event) => self.event(event)?,
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum of twenty events, most of them statistics")]
    fn event(&mut self, event: Event) -> Result<(), MediaError> {
        match event {
            Event::Connected => self.effects.push_back(Effect::Connected),
            Event::ChannelOpen(..) => self.effects.push_back(Effect::ChannelOpen),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => return self.path_lost(),
            Event::IceConnectionStateChange(IceConnectionState::Connected | IceConnectionState::Completed) => {
                self.effects.push_back(Effect::PathFound);
            }
            Event::MediaAdded(added) => {
                let mid = if added.kind.is_video() { &mut self.video } else { &mut self.audio };
                mid.get_or_insert(added.mid);
            }
            Event::MediaData(data) => self.received(data),
            Event::KeyframeRequest(request) => self.effects.push_back(Effect::KeyframeWanted(request.rid)),
            Event::PeerStats(stats) => {
                self.measured.peer(&stats);
                self.effects.push_back(Effect::Measured);
            }
            Event::MediaIngressStats(stats) => {
                let video = self.rtc.media(stats.mid).is_some_and(|media| media.kind().is_video());
                let clock = if video { Frequency::NINETY_KHZ } else { Frequency::FORTY_EIGHT_KHZ };
                self.measured.incoming(&stats, clock.get());
            }
            Event::Closed => self.effects.push_back(Effect::RemoteClosed),
            _ => {}
        }
        Ok(())
    }

    /// The offerer tries a new path; the other end asks it to.
    pub(super) fn path_lost(&mut self) -> Result<(), MediaError> {
        self.effects.push_back(Effect::PathLost);
        if self.offerer {
            return self.restart();
        }
        self.effects.push_back(Effect::Signal(Signal::Restart {}));
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn engine(error: RtcError) -> MediaError {
    MediaError::Engine(error.to_string())
}

#[cfg(test)]
mod tests;
