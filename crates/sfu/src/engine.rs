//! The only module that knows the media engine, str0m, by more than its value types. Keeps its rule: mutate once, drain to
//! its time-out. A panic in it breaks this connection and no other.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, IceConnectionState, IceCreds, Input, Output, Rtc,
    bwe::{Bitrate, BweKind},
    change::SdpOffer,
    channel::{ChannelConfig, ChannelId},
    config::{DtlsCert, DtlsVersion},
    format::{CodecSpec, PayloadParams},
    media::{KeyframeRequestKind, MediaTime, Mid, Pt, Rid},
    net::{Protocol, Receive, TcpType, Transmit},
    rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite, SeqNo, Ssrc, Vp8Patch},
};

use crate::{channels::Manner, rewrite::Outgoing, slot::Forward};

/// Before anything is known of a link. Enough for a first small picture; probing finds the rest within seconds.
pub(crate) const FIRST_ESTIMATE: u64 = 600_000;
/// Packets kept for asking again: a second of 4 Mbit/s.
const RESEND_PACKETS: usize = 512;
/// Older than this, a picture has moved on.
const RESEND_AGE: Duration = Duration::from_secs(2);
/// The engine gives out one packet of media at a time and asks to be woken a microsecond later. Waking it at once lets all that is due
/// leave together.
const AT_ONCE: Duration = Duration::from_micros(20);
/// A key frame and the sounds of a large call. More waits for the next turn, so that nobody keeps all others waiting.
const MAX_STEPS: usize = 64;
/// A number that none of the engine's own extensions has. Offers name their own.
const PLAYOUT_DELAY: u8 = 5;
/// How long receivers hold back pictures of a sender who has to send much again. They see only their own way, and would show each as soon as it
/// is there: now and then one late, and others in haste. Long enough for two more tries over 50 ms, and shorter than what is noticed as slow.
const WAIT: Duration = Duration::from_millis(200);
/// No more than browsers do by themselves.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often it is looked at how much is lost.
const LOSS_INTERVAL: Duration = Duration::from_secs(1);
/// How much of what is sent may be sent again. A receiver that asks for everything a hundred times gets no more.
const RESEND_SHARE: f32 = 0.4;

/// What all connections have in common.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) certificate: Option<DtlsCert>,
    /// How clients reach this server, best first. All lead to the same socket.
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) tcp: Vec<SocketAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("{0}")]
    Broken(String),
    #[error("the media engine panicked: {0}")]
    Panicked(String),
}

/// What comes out.
#[derive(Debug)]
pub(crate) enum Happening {
    Send(Transmit),
    Packet(Box<RtpPacket>),
    Connected,
    PathLost,
    KeyframeWanted {
        mid: Mid,
    },
    Estimate(u64),
    /// How much of what was sent in the last second did not arrive, from 0 to 1.
    Loss(f32),
    ChannelOpened {
        id: ChannelId,
        label: String,
    },
    Said {
        id: ChannelId,
        binary: bool,
        data: Vec<u8>,
    },
    ChannelClosed {
        id: ChannelId,
    },
    Closed,
}

pub(crate) struct Engine {
    rtc: Rtc,
    /// The address the engine believes to be at, per protocol. Clients are told others, which lead here.
    local_udp: SocketAddr,
    local_tcp: SocketAddr,
    credentials: IceCreds,
    wake: Instant,
}

pub(crate) struct Datagram<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) source: SocketAddr,
    pub(crate) contents: &'a [u8],
}

impl Engine {
    pub(crate) fn new(now: Instant, common: &Common, credentials: IceCreds) -> Result<Self, EngineError> {
        let mut config = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_vp9(true)
            .enable_h264(true)
            .enable_av1(true)
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_dtls_version(DtlsVersion::Auto)
            .set_extension(PLAYOUT_DELAY, Extension::PlayoutDelay)
            .set_stats_interval(Some(LOSS_INTERVAL))
            .set_local_ice_credentials(credentials.clone())
            .enable_bwe(Some(Bitrate::from(FIRST_ESTIMATE)));
        if let Some(certificate) = &common.certificate {
            config = config.set_dtls_cert(certificate.clone());
        }
        let any = SocketAddr::from(([127, 0, 0, 1], 9));
        let local_udp = common.udp.first().copied().unwrap_or(any);
        let local_tcp = common.tcp.first().copied().unwrap_or(any);
        guarded(|| {
            let mut rtc = config.build(now);
            rtc.add_local_candidate(Candidate::host(local_udp, Protocol::Udp).map_err(|e| broken(&e))?);
            if !common.tcp.is_empty() {
                let tcp = Candidate::builder().tcp().host(local_tcp).tcptype(TcpType::Passive).build();
                rtc.add_local_candidate(tcp.map_err(|e| broken(&e))?);
            }
            Ok(Self { rtc, local_udp, local_tcp, credentials, wake: now })
        })
    }

    /// The answer still names the engine's own addresses; see [`crate::answer`]. `fresh` are credentials for the case that the offer restarts ICE.
    pub(crate) fn answer(&mut self, offer: &str, fresh: IceCreds) -> Result<String, EngineError> {
        guarded(|| {
            let offer = SdpOffer::from_sdp_string(offer).map_err(|e| broken(&e))?;
            let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|e| broken(&e))?;
            let mut answer = answer.to_sdp_string();
            let now = self.rtc.direct_api().local_ice_credentials();
            if now != self.credentials {
                // The engine has made up credentials that would not say where they belong.
                answer = answer.replace(&now.ufrag, &fresh.ufrag).replace(&now.pass, &fresh.pass);
                self.rtc.direct_api().set_local_ice_credentials(fresh.clone());
                self.credentials = fresh;
            }
            Ok(answer)
        })
    }

    pub(crate) fn wake(&self) -> Instant {
        self.wake
    }

    /// Whether the datagram proves that it comes from the other end: the message integrity of a STUN request.
    pub(crate) fn is_authentic(&self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let accepts = || Ok(self.read(datagram).is_ok_and(|read| self.rtc.accepts(&Input::Receive(now, read))));
        guarded(accepts).unwrap_or(false)
    }

    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Vec<Happening>,
    ) -> Result<(), EngineError> {
        guarded(|| {
            // Not for us, or not understood: as if it had been lost.
            let Ok(read) = self.read(datagram) else { return Ok(()) };
            self.rtc.handle_input(Input::Receive(now, read)).map_err(|e| broken(&e))?;
            self.drain(out).map(drop)
        })
    }

    /// Sends what was written, and does what time wants done.
    pub(crate) fn advance(&mut self, now: Instant, out: &mut Vec<Happening>) -> Result<(), EngineError> {
        guarded(|| {
            for _ in 0..MAX_STEPS {
                self.rtc.handle_input(Input::Timeout(now)).map_err(|e| broken(&e))?;
                let sent = self.drain(out)?;
                if sent == 0 || self.wake > now + AT_ONCE {
                    break;
                }
            }
            Ok(())
        })
    }

    fn read<'a>(&self, datagram: &Datagram<'a>) -> Result<Receive<'a>, str0m::error::NetError> {
        let local = if datagram.protocol == Protocol::Udp { self.local_udp } else { self.local_tcp };
        Receive::new(datagram.protocol, datagram.source, local, datagram.contents)
    }

    /// Returns how many datagrams there were to send.
    fn drain(&mut self, out: &mut Vec<Happening>) -> Result<usize, EngineError> {
        let mut sent = 0;
        loop {
            match self.rtc.poll_output().map_err(|e| broken(&e))? {
                Output::Timeout(at) => {
                    self.wake = at;
                    return Ok(sent);
                }
                Output::Transmit(transmit) => {
                    sent += 1;
                    out.push(Happening::Send(transmit));
                }
                Output::Event(event) => out.extend(happening(event)),
            }
        }
    }

    /// Which line and layer an incoming stream belongs to.
    pub(crate) fn stream(&mut self, ssrc: Ssrc) -> Option<(Mid, Option<Rid>)> {
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&ssrc)?;
        Some((stream.mid(), stream.rid()))
    }

    pub(crate) fn ask_for_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    pub(crate) fn codec(&self, pt: Pt) -> Option<CodecSpec> {
        self.params(pt).map(PayloadParams::spec)
    }

    fn params(&self, pt: Pt) -> Option<&PayloadParams> {
        self.rtc.codec_config().params().iter().find(|params| params.pt() == pt)
    }

    /// The payload type this end has agreed on for a codec on one of its lines.
    pub(crate) fn payload_type(&self, mid: Mid, spec: CodecSpec) -> Option<Pt> {
        let agreed = self.rtc.media(mid)?.remote_pts();
        let params = self.rtc.codec_config().params().iter();
        params
            .filter(|params| agreed.contains(&params.pt()))
            .find(|params| params.spec() == spec)
            .map(PayloadParams::pt)
    }

    /// What a payload type of sound is called by when it comes with redundancy (RFC 2198), if the other end takes that.
    pub(crate) fn redundant(&self, pt: Pt) -> Option<Pt> {
        self.params(pt)?.red()
    }

    /// Whether packets of this type carry redundant sound.
    pub(crate) fn is_redundant(&self, pt: Pt) -> bool {
        self.rtc.codec_config().params().iter().any(|params| params.red() == Some(pt))
    }

    /// Sound that got lost is asked for again, like pictures; the engine alone would do that only where it comes again on a stream of its own.
    pub(crate) fn ask_for_lost(&mut self, ssrc: Ssrc) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc) {
            stream.suppress_nack(false);
        }
    }

    /// Hands over a packet. It leaves with the next [`Engine::advance`]. False while the line cannot send. `wrapped`: instead of the packet's
    /// own payload.
    #[expect(clippy::too_many_arguments, reason = "what makes up a packet")]
    pub(crate) fn write(
        &mut self,
        ssrc: Ssrc,
        pt: Pt,
        video: bool,
        outgoing: Outgoing,
        patch: Option<Vp8Patch>,
        Forward { packet, waits, .. }: &Forward<'_>,
        wrapped: Option<Arc<[u8]>>,
    ) -> bool {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx(&ssrc) else { return false };
        // A fresh set: ids and names of the sender's own lines mean nothing to the receiver.
        let told = &packet.header.ext_vals;
        let wait = |wait| (video && *waits).then(|| MediaTime::from(wait));
        let values = ExtensionValues {
            play_delay_min: wait(WAIT),
            play_delay_max: wait(LONGEST_WAIT),
            audio_level: told.audio_level,
            voice_activity: told.voice_activity,
            video_orientation: told.video_orientation,
            ..ExtensionValues::default()
        };
        // The engine panics over a NACK for a stream that has nothing to resend on.
        let nackable = video && stream.rtx().is_some();
        let seq: SeqNo = outgoing.seq.into();
        let payload = wrapped.unwrap_or_else(|| Arc::clone(&packet.payload));
        let mut write = RtpWrite::new(pt, seq, outgoing.time, packet.timestamp, payload)
            .marker(packet.header.marker)
            .ext_vals(values)
            .nackable(nackable);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
        true
    }

    /// The stream that is sent on a line, once the line can send. What is kept for resending is bounded.
    pub(crate) fn outgoing_stream(&mut self, mid: Mid) -> Option<Ssrc> {
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None)?;
        stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, Some(RESEND_SHARE));
        Some(stream.ssrc())
    }

    /// What would be sent if the link carried it: the engine finds out by probing.
    pub(crate) fn aim(&mut self, minimum: u64, desired: u64) {
        self.rtc.bwe().set_bitrate(Bitrate::from(minimum), Bitrate::from(desired));
    }

    /// How the other end opened a channel.
    pub(crate) fn channel_manner(&mut self, id: ChannelId) -> Option<Manner> {
        let channel = self.rtc.channel(id)?;
        let config = channel.config()?;
        Some(Manner { label: config.label.clone(), ordered: config.ordered, reliability: config.reliability })
    }

    /// It is open once [`Happening::ChannelOpened`] says so.
    pub(crate) fn open_channel(&mut self, manner: &Manner, protocol: String) -> ChannelId {
        let Manner { label, ordered, reliability } = manner.clone();
        self.rtc.direct_api().create_data_channel(ChannelConfig {
            label,
            ordered,
            reliability,
            negotiated: None,
            protocol,
        })
    }

    pub(crate) fn close_channel(&mut self, id: ChannelId) {
        self.rtc.direct_api().close_data_channel(id);
    }

    /// An empty message is left out: the engine would count it without sending it, and the channel wait for it for ever (sctp-proto 0.10).
    /// False if it does not fit into what waits to be sent, or the channel is not open.
    pub(crate) fn say(&mut self, id: ChannelId, binary: bool, data: &[u8]) -> bool {
        if data.is_empty() {
            return true;
        }
        let write = || Ok(self.rtc.channel(id).is_some_and(|mut channel| channel.write(binary, data).unwrap_or(false)));
        guarded(write).unwrap_or(false)
    }

    pub(crate) fn close(&mut self, out: &mut Vec<Happening>) -> Result<(), EngineError> {
        guarded(|| {
            self.rtc.close().map_err(|e| broken(&e))?;
            self.drain(out).map(drop)
        })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum of twenty events, most of them statistics")]
fn happening(event: Event) -> Option<Happening> {
    match event {
        Event::RtpPacket(packet) => Some(Happening::Packet(Box::new(packet))),
        Event::Connected => Some(Happening::Connected),
        Event::IceConnectionStateChange(IceConnectionState::Disconnected) => Some(Happening::PathLost),
        Event::KeyframeRequest(request) => Some(Happening::KeyframeWanted { mid: request.mid }),
        Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => Some(Happening::Estimate(estimate.as_u64())),
        Event::PeerStats(stats) => stats.egress_loss_fraction.map(Happening::Loss),
        Event::ChannelOpen(id, label) => Some(Happening::ChannelOpened { id, label }),
        Event::ChannelData(said) => Some(Happening::Said { id: said.id, binary: said.binary, data: said.data }),
        Event::ChannelClose(id) => Some(Happening::ChannelClosed { id }),
        Event::Closed => Some(Happening::Closed),
        _ => None,
    }
}

fn broken(error: &impl std::fmt::Display) -> EngineError {
    EngineError::Broken(error.to_string())
}

/// After a panic the engine must not be used again.
fn guarded<T>(run: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(EngineError::Panicked(text.unwrap_or_default()))
    })
}
