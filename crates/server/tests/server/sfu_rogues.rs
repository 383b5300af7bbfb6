//! What participants send who are let in and mean no good: floods of requests, names of others' lines, broken data channels.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use farhand_testkit::{Server, WAIT};
use str0m::{
    RtcConfig,
    bwe::Bitrate,
    crypto::{
        CryptoError, CryptoProvider,
        dtls::{DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion},
        from_feature_flags,
    },
    format::Codec,
    media::{KeyframeRequestKind, Rid},
    rtp::RtpWrite,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    rogue::{Attack, Lines, Manner, Names, Rogue, Wire},
    sfu_calls::{Person, all_see_all, all_see_all_again, call_of},
};

fn manner(attack: Attack) -> Manner {
    Manner { config: RtcConfig::new(), hears_one_of: 1, attack, swapped: None }
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

/// A picture's key frames, on this layer of the camera.
fn send_picture(rid: &str, sequence: &mut u64, wire: &mut Wire<'_>, lines: Lines) -> u64 {
    *sequence += 1;
    let now = wire.now;
    let pt = wire.rtc.codec_config().find(|params| params.spec().codec == Codec::Vp8).unwrap().pt();
    // A key frame of VP8, as far as a server can tell.
    let payload: Arc<[u8]> = [&[0x90, 0xe0, 0x80, 0x01, 1, 0, 0x00][..], &[0x5b; 400]].concat().into();
    let time = u32::try_from(*sequence % 1_000_000).unwrap() * 3_000;
    let packet = RtpWrite::new(pt, (*sequence).into(), time, now, payload).marker(true);
    let mut api = wire.rtc.direct_api();
    if let Some(stream) = api.stream_tx_by_mid(lines.camera, Some(Rid::from(rid))) {
        stream.write_rtp(packet);
    }
    wire.flush();
    wire.media()
}

#[tokio::test]
async fn packets_under_the_name_of_another_line_or_of_a_layer_that_was_never_announced_reach_nobody() {
    let server = Server::start().await;
    let (call_id, mut people) = two_in_a_call(&server).await;
    let another_line = |lines: Lines| [lines.camera.to_string(), lines.slots[0].to_string()];
    let another_layer = |_: Lines| ["f".to_owned(), "x".to_owned()];
    let lies: [(&str, Names); 2] = [("q", another_line), ("f", another_layer)];
    for (rid, names) in lies {
        let mut sequence = 0;
        let attack: Attack = Box::new(move |wire, lines| send_picture(rid, &mut sequence, wire, lines));
        let rogue = Manner { swapped: Some(names), ..manner(attack) };
        let rogue = Rogue::join(&server, "expert1", call_id, rogue).await;
        rogue.until(300).await;
        all_see_all_again(&mut people).await;
        for person in &people {
            let seen = person.seen.borrow();
            assert!(!seen.contains_key(&rogue.contact), "{rid}: {:?}", seen.get(&rogue.contact));
        }
    }
    // Under their own name they do.
    let mut sequence = 0;
    let attack: Attack = Box::new(move |wire, lines| send_picture("q", &mut sequence, wire, lines));
    let honest = Rogue::join(&server, "expert1", call_id, manner(attack)).await;
    let seen = people[0].seen.wait_for(|seen| seen.contains_key(&honest.contact));
    assert!(timeout(WAIT, seen).await.is_ok(), "packets as these are seen by nobody");
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
            for _ in 0..4 {
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
