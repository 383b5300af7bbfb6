//! What participants send who are let in and mean no good: floods of requests, names of others' lines, broken data channels.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use farhand_testkit::Server;
use str0m::{
    RtcConfig,
    bwe::Bitrate,
    crypto::{
        CryptoError, CryptoProvider,
        dtls::{DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion},
        from_feature_flags,
    },
    format::Codec,
    media::{KeyframeRequestKind, MediaKind, Mid, Rid},
    rtp::{RtpWrite, Ssrc},
};
use uuid::Uuid;

use crate::{
    rogue::{Attack, Lines, Manner, Rogue, Wire},
    sfu_calls::{Person, all_see_all, all_see_all_again, call_of},
};

fn manner(attack: Attack) -> Manner {
    Manner { config: RtcConfig::new(), hears_one_of: 1, attack }
}

async fn two_in_a_call(server: &Server) -> (Uuid, Vec<Person>) {
    let call_id = call_of(server, "SFU").await;
    let mut people =
        vec![Person::join(server, "callertest1", call_id).await, Person::join(server, "callertest2", call_id).await];
    all_see_all(&mut people).await;
    (call_id, people)
}

/// For a key frame, and for less of everything.
fn ask_for_everything(wire: &mut Wire<'_>, lines: Lines) -> u64 {
    let mut asked = 0;
    for _ in 0..20 {
        for slot in lines.slots {
            let mut api = wire.rtc.direct_api();
            let Some(stream) = api.stream_rx_by_mid(slot, None) else { continue };
            stream.request_keyframe(KeyframeRequestKind::Pli);
            stream.request_remb(Bitrate::kbps(30));
            asked += 2;
        }
        wire.flush();
    }
    asked
}

#[tokio::test]
async fn a_participant_who_asks_for_key_frames_and_less_all_the_time_disturbs_nobody() {
    let server = Server::start().await;
    let (call_id, mut people) = two_in_a_call(&server).await;
    let rogue = Rogue::join(&server, "expert1", call_id, manner(Box::new(ask_for_everything))).await;
    rogue.until(10_000).await;
    all_see_all_again(&mut people).await;
    rogue.until(20_000).await;
    assert!(rogue.goes_on());
}

#[tokio::test]
async fn a_participant_who_asks_for_nearly_everything_again_disturbs_nobody() {
    let server = Server::start().await;
    let (call_id, mut people) = two_in_a_call(&server).await;
    // Each packet that does not reach it is asked for, again and again (NACK).
    let rogue = Manner { hears_one_of: 8, ..manner(Box::new(|wire, _| wire.feedback())) };
    let rogue = Rogue::join(&server, "expert1", call_id, rogue).await;
    rogue.until(100).await;
    all_see_all_again(&mut people).await;
    assert!(rogue.goes_on());
}

const SPOOFED: u32 = 0x5b00_0000;

/// Packets under names that are not theirs: lines this participant is sent to on, lines that are nobody's, layers that were never announced,
/// and the sound's line with a picture.
fn spoof(sequence: &mut u64, wire: &mut Wire<'_>, lines: Lines) -> u64 {
    let (nobodys, foreign) = (Mid::from("zz"), Rid::from("zz"));
    let names = [
        (lines.slots[0], None),
        (lines.slots[1], Some(Rid::from("q"))),
        (nobodys, None),
        (lines.camera, Some(foreign)),
        (lines.camera, None),
        (lines.microphone, None),
        (lines.microphone, Some(Rid::from("f"))),
    ];
    let now = wire.now;
    let pt = wire.rtc.codec_config().find(|params| params.spec().codec == Codec::Vp8).unwrap().pt();
    if *sequence == 0 {
        wire.rtc.direct_api().declare_media(nobodys, MediaKind::Video);
        for (ssrc, (mid, rid)) in (SPOOFED..).zip(names) {
            wire.rtc.direct_api().declare_stream_tx(Ssrc::from(ssrc), None, mid, rid);
        }
    }
    *sequence += 1;
    // A key frame of VP8, as far as a server can tell.
    let payload: Arc<[u8]> = [&[0x90, 0xe0, 0x80, 0x01, 1, 0, 0x00][..], &[0x5b; 400]].concat().into();
    for ssrc in SPOOFED..SPOOFED + 7 {
        let mut api = wire.rtc.direct_api();
        let Some(stream) = api.stream_tx(&Ssrc::from(ssrc)) else { continue };
        let time = u32::try_from(*sequence % 1_000_000).unwrap() * 3_000;
        stream.write_rtp(RtpWrite::new(pt, (*sequence).into(), time, now, payload.clone()).marker(true));
    }
    wire.flush();
    wire.media_of(SPOOFED)
}

#[tokio::test]
async fn packets_under_the_names_of_other_lines_and_layers_reach_nobody() {
    let server = Server::start().await;
    let (call_id, mut people) = two_in_a_call(&server).await;
    let mut sequence = 0;
    let attack: Attack = Box::new(move |wire, lines| spoof(&mut sequence, wire, lines));
    let rogue = Rogue::join(&server, "expert1", call_id, manner(attack)).await;
    rogue.until(2_000).await;
    all_see_all_again(&mut people).await;
    for person in &people {
        let seen = person.seen.borrow();
        assert!(!seen.contains_key(&rogue.contact), "{:?}", seen.get(&rogue.contact));
    }
}

/// A DTLS of which SCTP's packets come out broken, once that is wanted.
#[derive(Debug)]
struct Spoiling {
    real: &'static dyn DtlsProvider,
    wanted: Arc<AtomicBool>,
    spoiled: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Spoiled {
    real: Box<dyn DtlsInstance>,
    wanted: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    seed: u64,
}

impl DtlsProvider for Spoiling {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.real.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let real = self.real.new_dtls(cert, now, version, mtu)?;
        let (wanted, count) = (self.wanted.clone(), self.spoiled.clone());
        Ok(Box::new(Spoiled { real, wanted, count, seed: 0x9e37_79b9_7f4a_7c15 }))
    }
}

impl Spoiled {
    fn chance(&mut self, below: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        usize::try_from(self.seed % below as u64).unwrap()
    }

    /// Cut, changed, or something else altogether; with a checksum that is right every other time, so that it is looked into.
    fn made_of(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut made = packet.to_vec();
        for _ in 0..=self.chance(6) {
            let at = self.chance(made.len());
            made[at] = u8::try_from(self.chance(256)).unwrap();
        }
        made.truncate(made.len() - self.chance(made.len()) * self.chance(2));
        if self.chance(8) == 0 {
            made.resize(self.chance(1_000) + 1, 0xff);
        }
        if made.len() >= 12 && self.chance(2) == 0 {
            made[8..12].fill(0);
            let sum = crc32c(&made);
            made[8..12].copy_from_slice(&sum.to_le_bytes());
        }
        made
    }
}

/// The checksum of SCTP (RFC 9260, appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 })
    })
}

impl DtlsInstance for Spoiled {
    fn set_active(&mut self, active: bool) {
        self.real.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.real.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        self.real.poll_output(buf)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.real.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        if self.wanted.load(Ordering::Relaxed) && !data.is_empty() {
            for _ in 0..20 {
                let made = self.made_of(data);
                self.count.fetch_add(u64::from(self.real.send_application_data(&made).is_ok()), Ordering::Relaxed);
            }
        }
        self.real.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.real.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.real.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.real.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.real.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.real.close()
    }
}

#[tokio::test]
async fn broken_packets_of_data_channels_within_dtls_disturb_nobody() {
    let server = Server::start().await;
    let (call_id, mut people) = two_in_a_call(&server).await;
    let (wanted, spoiled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let provider = from_feature_flags();
    let spoiling = Spoiling { real: provider.dtls_provider, wanted: wanted.clone(), spoiled: spoiled.clone() };
    let provider = CryptoProvider { dtls_provider: Box::leak(Box::new(spoiling)), ..provider };
    let mut channels = Vec::new();
    let attack: Attack = Box::new(move |wire, _| {
        wanted.store(true, Ordering::Relaxed);
        // Something to be spoiled: channels that come and go, and what is said on them.
        if channels.len() < 50 {
            channels.push(wire.rtc.direct_api().create_data_channel(str0m::channel::ChannelConfig::default()));
        }
        for id in &channels {
            if let Some(mut channel) = wire.rtc.channel(*id) {
                let _ = channel.write(true, &[7; 100]);
            }
        }
        wire.flush();
        spoiled.load(Ordering::Relaxed)
    });
    let config = RtcConfig::new().set_crypto_provider(Arc::new(provider));
    let rogue = Rogue::join(&server, "expert1", call_id, Manner { config, ..manner(attack) }).await;
    rogue.until(2_000).await;
    all_see_all_again(&mut people).await;
}

#[test]
fn the_checksum_is_that_of_sctp() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
