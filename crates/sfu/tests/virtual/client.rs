//! A participant: real ICE, DTLS and SRTP by the same engine a browser would have, RTP made up here.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use farhand_sfu::{PeerId, Source, TrackName};
use str0m::{
    Candidate, Event, IceConnectionState, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    channel::{ChannelConfig, ChannelId},
    config::DtlsVersion,
    format::Codec,
    media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
    rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite},
};

pub const LAYERS: [&str; 3] = ["q", "h", "f"];
/// Bytes of a frame of each layer. At 25 frames a second: 60, 200 and 600 kbit/s, sent in packets of 1,000 bytes.
const FRAME_BYTES: [usize; 3] = [300, 1_000, 3_000];
const PACKET: usize = 1_000;
const KEYFRAME_FACTOR: usize = 3;
/// Every 40 ms.
const SOUND_TICKS: u16 = 1_920;
const FIRST_SEQ: u64 = 5_000;

/// What a slot received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub sender: u64,
    pub layer: u8,
    pub number: u32,
    pub keyframe: bool,
    pub at: Instant,
}

#[derive(Debug, Default)]
pub struct Received {
    pub frames: Vec<Frame>,
    pub sounds: Vec<u64>,
    /// Times of sounds that came, alone or repeated with a later one, and how many came so.
    pub heard: BTreeSet<u64>,
    pub repeated: usize,
    /// The newest picture is to be held back.
    pub waits: bool,
    /// Sizes of what was neither.
    pub others: Vec<usize>,
    /// Extended sequence numbers as they came.
    pub seqs: Vec<u64>,
    pub picture_ids: Vec<u16>,
    pub times: Vec<u64>,
}

/// Of one stream.
#[derive(Debug, Default)]
struct Sent {
    packets: u64,
    frames: u32,
}

#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct Client {
    pub id: PeerId,
    pub address: SocketAddr,
    /// Where others see it: a network in between may change that at any time.
    pub seen_at: SocketAddr,
    /// What its camera line carries.
    pub source: Source,
    pub rtc: Rtc,
    pub wake: Instant,
    pub connected: bool,
    pub ice: Option<IceConnectionState>,
    pub closed: bool,
    pub pending: Option<SdpPendingOffer>,
    /// By slot.
    pub received: HashMap<Mid, Received>,
    pub microphone: Mid,
    pub camera: Mid,
    pub keyframe_requests: [u32; 3],
    /// How often sound was asked for again.
    pub sound_requests: u64,
    /// Each sound comes with the one before it.
    pub repeats_sound: bool,
    /// So many bytes make a sound; its first eight say whose it is.
    pub sound_bytes: usize,
    /// The first packet of a key frame comes last, as if it had got lost the first time.
    pub keyframes_start_late: bool,
    /// Which layers it sends, and how many bytes a frame of each has.
    pub sends: [bool; 3],
    pub frame_bytes: [usize; 3],
    pub muted: bool,
    pub sends_media: bool,
    /// Its frames are of three temporal layers.
    pub temporal: bool,
    keyframe_due: [bool; 3],
    next_frame: [u32; 3],
    sent: HashMap<(Mid, Option<Rid>), Sent>,
    outbox: Vec<(SocketAddr, Vec<u8>)>,
    /// The newest STUN request it has sent.
    pub last_check: Option<Vec<u8>>,
    pub bytes_received: usize,
    /// Its own data channels and those of others, with what came on each.
    pub channels: Vec<Channel>,
    /// Says every so often on its channel `alive` that it is there.
    pub alive: Option<ChannelId>,
    next_alive: Instant,
}

#[derive(Debug)]
pub struct Channel {
    pub id: ChannelId,
    pub config: ChannelConfig,
    pub said: Vec<String>,
    pub open: bool,
}

const ALIVE_INTERVAL: Duration = Duration::from_millis(500);

impl Client {
    /// A client and its offer.
    pub fn new(now: Instant, id: PeerId, address: SocketAddr, slots: usize) -> (Self, String) {
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .set_dtls_version(DtlsVersion::Dtls13)
            .set_stats_interval(Some(Duration::from_secs(1)))
            .set_extension(6, Extension::PlayoutDelay)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        let mut simulcast = Simulcast::new();
        for rid in LAYERS {
            simulcast.add_send_layer(SimulcastLayer::new(rid));
        }
        let mut change = rtc.sdp_api();
        let microphone = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let camera = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, Some(simulcast));
        for _ in 0..slots {
            change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
            change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        change.add_channel("room".to_owned());
        let (offer, pending) = change.apply().unwrap();
        let client = Self {
            id,
            address,
            seen_at: address,
            source: Source::Camera,
            rtc,
            wake: now,
            connected: false,
            ice: None,
            closed: false,
            pending: Some(pending),
            received: HashMap::new(),
            microphone,
            camera,
            keyframe_requests: [0; 3],
            sound_requests: 0,
            repeats_sound: false,
            sound_bytes: 8,
            keyframes_start_late: false,
            sends: [true; 3],
            frame_bytes: FRAME_BYTES,
            muted: false,
            sends_media: true,
            temporal: false,
            keyframe_due: [true; 3],
            next_frame: [0; 3],
            sent: HashMap::new(),
            outbox: Vec::new(),
            last_check: None,
            bytes_received: 0,
            channels: Vec::new(),
            alive: None,
            next_alive: now,
        };
        (client, offer.to_sdp_string())
    }

    pub fn tracks(&self) -> Vec<TrackName> {
        let name = |mid: Mid, source| TrackName { mid: mid.to_string(), source };
        vec![name(self.microphone, Source::Microphone), name(self.camera, self.source)]
    }

    pub fn answered(&mut self, sdp: &str) {
        let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
        self.drain();
    }

    pub fn restart_ice(&mut self) -> String {
        let mut change = self.rtc.sdp_api();
        change.ice_restart(true);
        let (offer, pending) = change.apply().unwrap();
        self.pending = Some(pending);
        self.drain();
        offer.to_sdp_string()
    }

    pub fn receive(&mut self, now: Instant, from: SocketAddr, contents: &[u8]) {
        self.bytes_received += contents.len();
        if let Ok(read) = Receive::new(Protocol::Udp, from, self.address, contents) {
            self.rtc.handle_input(Input::Receive(now, read)).unwrap();
            self.drain();
        }
    }

    /// Opens a data channel.
    pub fn open(&mut self, now: Instant, config: ChannelConfig) -> ChannelId {
        let id = self.rtc.direct_api().create_data_channel(config);
        self.advance(now);
        id
    }

    pub fn say(&mut self, now: Instant, id: ChannelId, text: &str) -> bool {
        let said = self.rtc.channel(id).is_some_and(|mut channel| channel.write(false, text.as_bytes()).unwrap());
        self.advance(now);
        said
    }

    /// What was heard on the open channel of this label from whoever has this number.
    pub fn heard(&self, label: &str, from: PeerId) -> Option<&Channel> {
        let protocol = format!("from:{}", from.0);
        self.channels.iter().find(|c| c.open && c.config.label == label && c.config.protocol == protocol)
    }

    pub fn advance(&mut self, now: Instant) {
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain();
    }

    pub fn outbox(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.outbox)
    }

    /// One frame of each layer and some sound, every 40 ms.
    pub fn send_media(&mut self, now: Instant) {
        if !self.connected {
            return;
        }
        if let Some(alive) = self.alive.filter(|_| self.next_alive <= now) {
            self.next_alive = now + ALIVE_INTERVAL;
            self.say(now, alive, "alive");
        }
        if !self.sends_media {
            return self.advance(now);
        }
        let mut sound = self.id.0.to_be_bytes().to_vec();
        sound.resize(self.sound_bytes, 0);
        let params = self.rtc.codec_config().find(|params| params.spec().codec == Codec::Opus).unwrap();
        let opus = *params.pt();
        let older = u32::from(SOUND_TICKS) << 10 | 8;
        let [_, high, middle, low] = older.to_be_bytes();
        let header = [0x80 | opus, high, middle, low, opus];
        let repeated = [&header[..], &sound, &sound].concat();
        let payload = if self.repeats_sound { repeated } else { sound };
        self.write(now, self.microphone, None, &[payload.into()]);
        for (layer, rid) in LAYERS.into_iter().enumerate() {
            if self.sends[layer] {
                let packets = self.frame(layer);
                self.write(now, self.camera, Some(Rid::from(rid)), &packets);
            }
        }
        self.advance(now);
    }

    pub fn say_goodbye(&mut self, now: Instant) {
        self.rtc.close().unwrap();
        self.sends_media = false;
        self.alive = None;
        self.drain();
        self.advance(now);
    }

    /// A single packet of sound of so many bytes.
    pub fn send_sound(&mut self, now: Instant, bytes: usize) {
        self.write(now, self.microphone, None, &[vec![0x55; bytes].into()]);
        self.advance(now);
    }

    /// VP8 descriptor (picture id of 15 bits, TL0PICIDX), the frame header's key bit, then who, which layer, which frame.
    fn frame(&mut self, layer: usize) -> Vec<Arc<[u8]>> {
        let keyframe = std::mem::take(&mut self.keyframe_due[layer]);
        let number = self.next_frame[layer];
        self.next_frame[layer] += 1;
        let bytes = self.frame_bytes[layer] * if keyframe { KEYFRAME_FACTOR } else { 1 };
        let count = bytes.div_ceil(PACKET);
        let packets = (0..count).map(|index| {
            let start = if index == 0 { 0x90 } else { 0x80 };
            let [high, low] = (u16::try_from(number & 0x7fff).unwrap() | 0x8000).to_be_bytes();
            let (tl0, place) = if self.temporal { place_of(number, keyframe) } else { (number, 0) };
            let mut payload =
                vec![start, 0xe0, high, low, u8::try_from(tl0 & 0xff).unwrap(), place, u8::from(!keyframe)];
            payload.extend(self.id.0.to_be_bytes());
            payload.push(u8::try_from(layer).unwrap());
            payload.extend(number.to_be_bytes());
            payload.resize(bytes / count, 0xaa);
            payload.into()
        });
        packets.collect()
    }

    fn write(&mut self, now: Instant, mid: Mid, rid: Option<Rid>, packets: &[Arc<[u8]>]) {
        let video = mid == self.camera;
        let (codec, clock) = if video { (Codec::Vp8, 90_000) } else { (Codec::Opus, 48_000) };
        let params = self.rtc.codec_config().find(|params| params.spec().codec == codec).unwrap();
        let pt = if !video && self.repeats_sound { params.red().unwrap() } else { params.pt() };
        let level = if self.muted { -127 } else { -20 };
        let sent = self.sent.entry((mid, rid)).or_default();
        sent.frames += 1;
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, rid) else { return };
        let nackable = stream.rtx().is_some();
        let first = FIRST_SEQ + sent.packets + 1;
        sent.packets += packets.len() as u64;
        let starts_keyframe = video && packets[0][6] == 0;
        let late = usize::from(self.keyframes_start_late && starts_keyframe);
        for index in (late..packets.len()).chain(0..late) {
            let (seq, payload) = (first + index as u64, &packets[index]);
            let mut write = RtpWrite::new(pt, seq.into(), sent.frames * (clock / 25), now, Arc::clone(payload))
                .marker(index + 1 == packets.len())
                .nackable(nackable);
            if !video {
                let (audio_level, voice_activity) = (Some(level), Some(!self.muted));
                write = write.ext_vals(ExtensionValues { audio_level, voice_activity, ..ExtensionValues::default() });
            }
            stream.write_rtp(write);
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    self.wake = at;
                    return;
                }
                Output::Transmit(transmit) => {
                    let contents = transmit.contents.to_vec();
                    if farhand_sfu::is_binding_request(&contents) {
                        self.last_check = Some(contents.clone());
                    }
                    self.outbox.push((transmit.destination, contents));
                }
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::IceConnectionStateChange(state) => self.ice = Some(state),
            Event::Closed => self.closed = true,
            Event::KeyframeRequest(request) => {
                let layer = request.rid.and_then(|rid| LAYERS.iter().position(|known| Rid::from(*known) == rid));
                let layer = layer.expect("a layer of ours");
                self.keyframe_requests[layer] += 1;
                self.keyframe_due[layer] = true;
            }
            Event::RtpPacket(packet) => self.packet(&packet),
            Event::MediaEgressStats(stats) if stats.mid == self.microphone => self.sound_requests = stats.nacks,
            Event::ChannelOpen(id, _) => {
                let config = self.rtc.channel(id).unwrap().config().unwrap().clone();
                self.channels.push(Channel { id, config, said: Vec::new(), open: true });
            }
            Event::ChannelData(data) => {
                let channel = self.channels.iter_mut().find(|channel| channel.id == data.id).unwrap();
                channel.said.push(String::from_utf8(data.data).unwrap());
            }
            Event::ChannelClose(id) => {
                self.channels.iter_mut().filter(|channel| channel.id == id).for_each(|channel| channel.open = false);
            }
            _ => {}
        }
    }

    fn packet(&mut self, packet: &RtpPacket) {
        let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
        let received = self.received.entry(mid).or_default();
        received.seqs.push(*packet.seq_no);
        received.times.push(packet.time.numer());
        let payload = &packet.payload;
        let params = self.rtc.codec_config().params();
        if params.iter().any(|params| params.red() == Some(packet.header.payload_type)) {
            received.repeated += 1;
            let times = repeated(payload, self.sound_bytes as u64);
            received.heard.extend(times.iter().map(|older| packet.time.numer() - older));
            return;
        }
        if payload.len() == self.sound_bytes && payload[0] == 0 {
            received.heard.insert(packet.time.numer());
            received.sounds.push(u64::from_be_bytes(payload[..8].try_into().unwrap()));
            return;
        }
        if payload[0] == 0x55 {
            received.others.push(payload.len());
            return;
        }
        received.waits = packet.header.ext_vals.play_delay_min.is_some_and(|least| least.numer() > 0);
        received.picture_ids.push(u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff);
        if payload[0] == 0x90 {
            received.frames.push(Frame {
                sender: u64::from_be_bytes(payload[7..15].try_into().unwrap()),
                layer: payload[15],
                number: u32::from_be_bytes(payload[16..20].try_into().unwrap()),
                keyframe: payload[6] == 0,
                at: packet.timestamp,
            });
        }
    }

    /// Frames from somebody, in whatever slot.
    pub fn frames_of(&self, sender: PeerId) -> Vec<Frame> {
        let all = self.received.values().flat_map(|received| &received.frames);
        all.filter(|frame| frame.sender == sender.0).cloned().collect()
    }

    pub fn sounds_of(&self, sender: PeerId) -> usize {
        self.received.values().flat_map(|received| &received.sounds).filter(|sound| **sound == sender.0).count()
    }

    pub fn forget_received(&mut self) {
        self.received.clear();
        self.bytes_received = 0;
    }
}

/// How much older than the packet each of its blocks of sound is (RFC 2198, section 3).
fn repeated(mut payload: &[u8], newest: u64) -> Vec<u64> {
    let (mut older, mut bytes) = (Vec::new(), 0);
    while let [first, high, middle, low, rest @ ..] = payload
        && first & 0x80 != 0
    {
        let field = u64::from(u32::from_be_bytes([0, *high, *middle, *low]));
        older.push(field >> 10);
        bytes += field & 0x3ff;
        payload = rest;
    }
    assert_eq!(payload.len() as u64, 1 + bytes + newest, "the last header and all blocks, the newest as long as any");
    older.push(0);
    older
}

pub const FRAME_INTERVAL: Duration = Duration::from_millis(40);

/// TL0PICIDX and the octet of the temporal layer: 0 2 1 2, of which the first of each higher layer refers to the lowest only.
fn place_of(number: u32, keyframe: bool) -> (u32, u8) {
    let place = [0x00, 0xa0, 0x60, 0x80][number as usize % 4];
    (number / 4, if keyframe { 0 } else { place })
}
