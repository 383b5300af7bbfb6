//! The only module that knows the media engine, str0m, by more than its value types. Keeps its rule: mutate once, drain to
//! its time-out. A panic in it breaks this connection and no other.

mod first_check;
mod happening;
mod negotiate;

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, IceCreds, Input, Output, Rtc,
    channel::{ChannelConfig, ChannelId},
    config::{DtlsCert, DtlsVersion},
    format::{CodecSpec, PayloadParams},
    media::{Mid, Pt, Rid},
    net::{Protocol, Receive, TcpType},
    rtp::Extension,
};

pub(crate) use self::happening::Happening;
use self::happening::{happened, happening};
use crate::{
    channels::Manner,
    receive::Receiver,
    rewrite::Outgoing,
    send::{self, Line, Packet, Patch, Sender, Told},
    slot::Forward,
    ufrag::nominates,
};

/// Before anything is known of a link. Enough for a first small picture; probing finds the rest within seconds.
pub(crate) const FIRST_ESTIMATE: u64 = 600_000;
/// A number that none of the engine's own extensions has. Offers name their own.
const PLAYOUT_DELAY: u8 = 5;

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

pub(crate) struct Engine {
    rtc: Rtc,
    /// The address the engine believes to be at, per protocol. Clients are told others, which lead here.
    local_udp: SocketAddr,
    local_tcp: SocketAddr,
    credentials: IceCreds,
    wake: Instant,
    /// Something was asked of it that it has not looked at.
    touched: bool,
    /// It has been told of a path.
    reached: bool,
    sender: Sender,
    receiver: Receiver,
    /// Reused for packets that leave.
    leaving: Vec<Vec<u8>>,
    told: Vec<Told>,
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
            .set_local_ice_credentials(credentials.clone())
            .set_crypto_provider(Arc::clone(send::provider()));
        if let Some(certificate) = &common.certificate {
            config = config.set_dtls_cert(certificate.clone());
        }
        let any = SocketAddr::from(([127, 0, 0, 1], 9));
        let local_udp = common.udp.first().copied().unwrap_or(any);
        let local_tcp = common.tcp.first().copied().unwrap_or(any);
        guarded(|| {
            let (mut rtc, keys) = send::listen(|| config.build(now));
            rtc.add_local_candidate(Candidate::host(local_udp, Protocol::Udp).map_err(|e| broken(&e))?);
            if !common.tcp.is_empty() {
                let tcp = Candidate::builder().tcp().host(local_tcp).tcptype(TcpType::Passive).build();
                rtc.add_local_candidate(tcp.map_err(|e| broken(&e))?);
            }
            let receiver = Receiver::new(now, Arc::clone(&keys));
            let sender = Sender::new(now, keys, FIRST_ESTIMATE);
            let (wake, leaving, told) = (now, Vec::new(), Vec::new());
            let (touched, reached) = (true, false);
            Ok(Self { rtc, local_udp, local_tcp, credentials, wake, touched, reached, sender, receiver, leaving, told })
        })
    }

    pub(crate) fn wake(&self) -> Instant {
        [self.sender.wake(), self.receiver.wake()].into_iter().flatten().fold(self.wake, Instant::min)
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
            match datagram.contents {
                // RTCP among RTP (RFC 5761, section 4).
                [0x80..=0xbf, 192..=223, ..] => self.hear(now, datagram.contents, out),
                [0x80..=0xbf, ..] => {
                    out.extend(self.receiver.receive(now, datagram.contents).map(Happening::Packet));
                }
                _ => return self.pass_to_engine(now, datagram, out),
            }
            Ok(())
        })
    }

    fn pass_to_engine(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Vec<Happening>,
    ) -> Result<(), EngineError> {
        let first = self.first_check(datagram);
        let contents = first.as_deref().unwrap_or(datagram.contents);
        // Not for us, or not understood: as if it had been lost.
        let Ok(read) = self.read(&Datagram { contents, ..*datagram }) else { return Ok(()) };
        self.rtc.handle_input(Input::Receive(now, read)).map_err(|e| broken(&e))?;
        self.drain(out)
    }

    /// The engine says nothing before it has been told which path to use, which takes browsers another 50 ms: until then it answers where
    /// it was asked first (on a valid pair, RFC 8445, section 12.1.1). [`crate::route::Route`] follows what is asked for later.
    fn first_check(&mut self, datagram: &Datagram<'_>) -> Option<Vec<u8>> {
        if self.reached {
            return None;
        }
        let first = first_check::nominating(datagram.contents, &self.credentials.pass);
        self.reached = first.is_some() || nominates(datagram.contents);
        first
    }

    /// Sends what was written, and does what time wants done.
    pub(crate) fn advance(&mut self, now: Instant, out: &mut Vec<Happening>) -> Result<(), EngineError> {
        guarded(|| {
            let told = self.sender.advance(now, &mut self.leaving);
            let reports = self.receiver.advance(now, self.sender.round_trip());
            self.leaving.extend(reports.iter().filter_map(|report| self.sender.protect(report)));
            out.extend(self.leaving.drain(..).map(Happening::Media));
            out.extend(told.as_ref().and_then(happened));
            if self.touched || self.wake <= now {
                self.rtc.handle_input(Input::Timeout(now)).map_err(|e| broken(&e))?;
                self.drain(out)?;
            }
            Ok(())
        })
    }

    /// A report, about what is sent or what comes in.
    fn hear(&mut self, now: Instant, report: &[u8], out: &mut Vec<Happening>) {
        self.sender.hear(now, report, &mut self.told);
        for told in self.told.drain(..) {
            if let Told::Time { ssrc, middle } = told {
                self.receiver.told(now, ssrc, middle);
            }
            out.extend(happened(&told));
        }
    }

    fn read<'a>(&self, datagram: &Datagram<'a>) -> Result<Receive<'a>, str0m::error::NetError> {
        let local = if datagram.protocol == Protocol::Udp { self.local_udp } else { self.local_tcp };
        Receive::new(datagram.protocol, datagram.source, local, datagram.contents)
    }

    fn drain(&mut self, out: &mut Vec<Happening>) -> Result<(), EngineError> {
        loop {
            match self.rtc.poll_output().map_err(|e| broken(&e))? {
                Output::Timeout(at) => {
                    (self.wake, self.touched) = (at, false);
                    return Ok(());
                }
                Output::Transmit(transmit) => out.push(Happening::Send(transmit)),
                Output::Event(event) => out.extend(happening(event)),
            }
        }
    }

    pub(crate) fn ask_for_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        self.receiver.ask_for_keyframe(mid, rid);
    }

    /// The codec of what comes in by a payload type.
    pub(crate) fn codec(&self, payload_type: u8) -> Option<CodecSpec> {
        self.receiver.codec(payload_type)
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

    /// Where packets for a line are written, once it can send.
    pub(crate) fn line(&self, mid: Mid) -> Option<Line> {
        self.sender.line(mid)
    }

    /// What a payload type of sound is called by when it comes with redundancy (RFC 2198), if the other end takes that.
    pub(crate) fn redundant(&self, pt: Pt) -> Option<Pt> {
        self.params(pt)?.red()
    }

    /// Whether what comes in by a payload type is redundant sound.
    pub(crate) fn is_redundant(&self, payload_type: u8) -> bool {
        self.receiver.is_redundant(payload_type)
    }

    /// Hands over a packet. It leaves with the next [`Engine::advance`] that its turn comes in. `wrapped`: instead of the packet's own payload.
    pub(crate) fn write(
        &mut self,
        line: Line,
        pt: Pt,
        outgoing: Outgoing,
        Forward { packet, vp8, waits, .. }: &Forward<'_>,
        wrapped: Option<Arc<[u8]>>,
    ) {
        let patch = vp8.map(|_| Patch::new(&packet.payload, outgoing.picture, outgoing.tl0));
        let packet = Packet {
            seq: outgoing.seq,
            time: outgoing.time,
            payload_type: *pt,
            marker: packet.marker,
            level: packet.level,
            orientation: packet.orientation,
            waits: *waits,
            payload: wrapped.unwrap_or_else(|| Arc::clone(&packet.payload)),
            patch: patch.unwrap_or_default(),
            at: packet.at,
        };
        self.sender.write(line, packet);
    }

    /// The link may be another one now.
    pub(crate) fn find_out_anew(&mut self, now: Instant) {
        self.sender.find_out_anew(now, FIRST_ESTIMATE);
        self.receiver.find_out_anew();
    }

    /// What was sent in the last `gap` has not arrived.
    pub(crate) fn send_lost(&mut self, now: Instant, gap: Duration) {
        self.sender.send_lost(now, gap);
    }

    /// What has not arrived, either way, is worth less than what comes now.
    pub(crate) fn forget_lost(&mut self) {
        self.sender.forget_lost();
        self.receiver.forget_lost();
    }

    /// What would be sent if the link carried it: probing finds out.
    pub(crate) fn aim(&mut self, desired: u64) {
        self.sender.aim(desired);
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
        self.touched = true;
        self.rtc.direct_api().create_data_channel(ChannelConfig {
            label,
            ordered,
            reliability,
            negotiated: None,
            protocol,
        })
    }

    pub(crate) fn close_channel(&mut self, id: ChannelId) {
        self.touched = true;
        self.rtc.direct_api().close_data_channel(id);
    }

    /// An empty message is left out: the engine would count it without sending it, and the channel wait for it for ever (sctp-proto 0.10).
    /// False if it does not fit into what waits to be sent, or the channel is not open.
    pub(crate) fn say(&mut self, id: ChannelId, binary: bool, data: &[u8]) -> bool {
        if data.is_empty() {
            return true;
        }
        self.touched = true;
        let write = || Ok(self.rtc.channel(id).is_some_and(|mut channel| channel.write(binary, data).unwrap_or(false)));
        guarded(write).unwrap_or(false)
    }

    pub(crate) fn close(&mut self, out: &mut Vec<Happening>) -> Result<(), EngineError> {
        guarded(|| {
            self.rtc.close().map_err(|e| broken(&e))?;
            self.drain(out)
        })
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
