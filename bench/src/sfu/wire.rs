//! One end of a connection to an SFU: real ICE, DTLS and SRTP, by the engine the client has.

use std::{net::SocketAddr, time::Instant};

use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpOffer},
    config::DtlsVersion,
    format::Codec,
    media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpWrite},
};

use super::{
    media::{Kind, Layer, Packet},
    tally::Tally,
};
use crate::Outcome;

/// Far from both ends, so that an SFU that starts where it began has no trouble.
const FIRST_SEQ: u64 = 5_000;

/// A line to send on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) mid: Mid,
    pub(crate) rid: Option<Rid>,
    pub(crate) kind: Kind,
}

/// What happened at a wire, beside packets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Connected,
    /// For the lines with this name.
    KeyframeWanted(Mid, Option<Rid>),
    Send(SocketAddr, Vec<u8>),
}

/// Whose packets are counted, and when the generator started.
pub(crate) struct Counting<'a> {
    pub(crate) receiver: usize,
    pub(crate) start: Instant,
    pub(crate) tally: &'a mut Tally,
}

impl Counting<'_> {
    pub(crate) fn packet(&mut self, now: Instant, ssrc: u32, number: u64, payload: &[u8]) {
        let stamp = super::media::read_stamp(payload);
        let delay = stamp.map(|stamp| now.saturating_duration_since(self.start).saturating_sub(stamp));
        self.tally.received((self.receiver, ssrc), number, payload.len(), delay);
    }
}

/// What the generator runs.
pub(crate) trait Wire: Send {
    fn send(&mut self, now: Instant, line: Line, packet: &Packet) -> Outcome;
    fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], counting: &mut Counting<'_>) -> Outcome;
    /// Does what time wants done.
    fn advance(&mut self, now: Instant, counting: &mut Counting<'_>) -> Outcome;
    fn wake(&self) -> Option<Instant>;
    fn said(&mut self) -> Vec<Said>;
}

pub(crate) struct RtcWire {
    /// Large, and moved about.
    pub(crate) rtc: Box<Rtc>,
    local: SocketAddr,
    wake: Instant,
    said: Vec<Said>,
}

/// What a participant sends, each line with its layers.
pub(crate) type Sends<'a> = &'a [Layer];

pub(crate) fn config() -> RtcConfig {
    Rtc::builder()
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .set_rtp_mode(true)
        .set_dtls_version(DtlsVersion::Auto)
}

impl RtcWire {
    pub(crate) fn new(config: RtcConfig, local: SocketAddr) -> Outcome<Self> {
        let now = Instant::now();
        let mut rtc = Box::new(config.build(now));
        rtc.add_local_candidate(Candidate::host(local, Protocol::Udp)?);
        Ok(Self { rtc, local, wake: now, said: Vec::new() })
    }

    /// An offer with a line for sound and one for pictures, if there are layers, and slots to receive on. `exchange` gets it answered.
    pub(crate) async fn offer(
        &mut self,
        layers: Sends<'_>,
        slots: usize,
        exchange: impl AsyncFnOnce(String, &[Line]) -> Outcome<String>,
    ) -> Outcome<Vec<Line>> {
        let mut change = self.rtc.sdp_api();
        let mut lines = Vec::new();
        if !layers.is_empty() {
            let mid = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
            lines.push(Line { mid, rid: None, kind: Kind::Sound });
            let mid = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast(layers));
            lines.extend(layers.iter().map(|layer| Line {
                mid,
                rid: layer.rid.map(Rid::from),
                kind: Kind::Picture(*layer),
            }));
        }
        for _ in 0..slots {
            change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
            change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = change.apply().ok_or("an offer of nothing")?;
        let answer = exchange(offer.to_sdp_string(), &lines).await?;
        let answer = SdpAnswer::from_sdp_string(&answer).map_err(|error| format!("{error}: {answer}"))?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        Ok(lines)
    }

    pub(crate) fn answer(&mut self, offer: &str) -> Outcome<String> {
        let offer = SdpOffer::from_sdp_string(offer)?;
        Ok(self.rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
    }

    fn drain(&mut self, now: Instant, counting: &mut Counting<'_>) -> Outcome {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.wake = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    self.said.push(Said::Send(transmit.destination, transmit.contents.to_vec()));
                }
                Output::Event(event) => self.event(now, event, counting),
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum of twenty events, most of them statistics")]
    fn event(&mut self, now: Instant, event: Event, counting: &mut Counting<'_>) {
        match event {
            Event::RtpPacket(packet) => counting.packet(now, *packet.header.ssrc, *packet.seq_no, &packet.payload),
            Event::Connected => self.said.push(Said::Connected),
            Event::KeyframeRequest(request) => self.said.push(Said::KeyframeWanted(request.mid, request.rid)),
            _ => {}
        }
    }
}

impl Wire for RtcWire {
    fn send(&mut self, now: Instant, line: Line, packet: &Packet) -> Outcome {
        let codec = if line.kind == Kind::Sound { Codec::Opus } else { Codec::Vp8 };
        let params = self.rtc.codec_config().params();
        let pt =
            params.iter().find(|params| params.spec().codec == codec).ok_or("a codec that was not agreed on")?.pt();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(line.mid, line.rid).ok_or("a line that does not send")?;
        let mut write = RtpWrite::new(pt, (FIRST_SEQ + packet.number).into(), packet.time, now, packet.payload.clone())
            .marker(packet.marker)
            .nackable(line.kind != Kind::Sound && stream.rtx().is_some());
        if line.kind == Kind::Sound {
            let ext_vals =
                ExtensionValues { audio_level: Some(-30), voice_activity: Some(true), ..ExtensionValues::default() };
            write = write.ext_vals(ext_vals);
        }
        stream.write_rtp(write);
        Ok(())
    }

    fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], counting: &mut Counting<'_>) -> Outcome {
        let Ok(read) = Receive::new(Protocol::Udp, from, self.local, datagram) else { return Ok(()) };
        self.rtc.handle_input(Input::Receive(now, read))?;
        self.drain(now, counting)
    }

    fn advance(&mut self, now: Instant, counting: &mut Counting<'_>) -> Outcome {
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain(now, counting)
    }

    fn wake(&self) -> Option<Instant> {
        Some(self.wake)
    }

    fn said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }
}

fn simulcast(layers: &[Layer]) -> Option<Simulcast> {
    let mut simulcast = Simulcast::new();
    for rid in layers.iter().filter_map(|layer| layer.rid) {
        simulcast.add_send_layer(SimulcastLayer::new(rid));
    }
    (layers.len() > 1).then_some(simulcast)
}
