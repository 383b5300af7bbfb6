//! A participant who does what no client does: real ICE, DTLS and SRTP, and then whatever a test wants.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use farhand_protocol::frame::{ClientFrame, MediaTrack, ServerFrame, Source};
use farhand_testkit::{Device, Server, WAIT};
use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::SdpAnswer,
    config::DtlsVersion,
    media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
};
use tokio::{
    net::UdpSocket,
    sync::watch,
    task::JoinHandle,
    time::{sleep_until, timeout},
};
use uuid::Uuid;

/// How often it misbehaves.
const TICK: Duration = Duration::from_millis(1);
/// Datagrams that leave together.
const MOST_AT_ONCE: usize = 64;

/// The lines it has agreed upon.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    pub camera: Mid,
    /// Where it is sent a picture.
    pub slots: [Mid; 2],
}

/// What it does at each tick once it is connected; answers how much of it.
pub type Attack = Box<dyn FnMut(&mut Wire<'_>, Lines) -> u64 + Send>;

/// Its engine, and what leaves it.
pub struct Wire<'a> {
    pub rtc: &'a mut Rtc,
    pub now: Instant,
    out: &'a mut Vec<(SocketAddr, Vec<u8>)>,
}

impl Wire<'_> {
    /// How much feedback (RTCP) waits to leave.
    pub fn feedback(&self) -> u64 {
        let is_feedback = |datagram: &&(SocketAddr, Vec<u8>)| matches!(datagram.1[..], [0x80..=0xbf, 192..=223, ..]);
        self.out.iter().filter(is_feedback).count() as u64
    }

    /// How many packets of media wait to leave.
    pub fn media(&self) -> u64 {
        let is_media = |datagram: &[u8]| matches!(datagram, [0x80..=0xbf, kind, ..] if !(192..=223).contains(kind));
        self.out.iter().filter(|(_, datagram)| is_media(datagram)).count() as u64
    }

    /// Makes what was asked for leave.
    pub fn flush(&mut self) {
        // One packet of media at a time.
        for _ in 0..MOST_AT_ONCE {
            let before = self.out.len();
            self.rtc.handle_input(Input::Timeout(self.now)).unwrap();
            drain(self.rtc, self.out);
            if self.out.len() == before {
                return;
            }
        }
    }
}

pub struct Rogue {
    pub contact: i64,
    /// How much it has done.
    pub done: Arc<AtomicU64>,
    connected: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

/// Two names of lines or layers.
pub type Names = fn(Lines) -> [String; 2];

pub struct Manner {
    pub config: RtcConfig,
    /// Of so many packets of media one reaches it.
    pub hears_one_of: u64,
    pub attack: Attack,
    /// What it tells the server the other way round.
    pub swapped: Option<Names>,
}

impl Rogue {
    pub async fn join(server: &Server, user: &str, call_id: Uuid, manner: Manner) -> Self {
        let mut device = server.login(user).await.device().await;
        let joined = device.join(call_id).await;
        let epoch = joined.media_plan.unwrap().epoch;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let config = manner.config.clear_codecs().enable_opus(true, false).enable_vp8(true);
        let mut rtc = config.set_rtp_mode(true).set_dtls_version(DtlsVersion::Auto).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), Protocol::Udp).unwrap());
        let lines = offer(&mut rtc, &mut device, call_id, epoch, manner.swapped).await;
        let (tell, connected) = watch::channel(false);
        let done = Arc::new(AtomicU64::new(0));
        let task =
            tokio::spawn(run(rtc, socket, device, lines, manner.hears_one_of, manner.attack, tell, done.clone()));
        let mut rogue = Self { contact: joined.you.unwrap(), done, connected, task };
        timeout(WAIT, rogue.connected.wait_for(|it| *it))
            .await
            .unwrap_or_else(|_| panic!("it is not connected"))
            .unwrap();
        rogue
    }

    pub fn has_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Whether it still runs: nobody has thrown it out.
    pub fn goes_on(&self) -> bool {
        !self.task.is_finished()
    }

    /// Until it has done so much.
    pub async fn until(&self, much: u64) {
        let enough = async {
            while self.has_done() < much {
                tokio::task::yield_now().await;
            }
        };
        timeout(WAIT, enough).await.unwrap_or_else(|_| panic!("only {} of {much}", self.has_done()));
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn offer(rtc: &mut Rtc, device: &mut Device, call_id: Uuid, epoch: u64, names: Option<Names>) -> Lines {
    let mut simulcast = Simulcast::new();
    for rid in ["q", "h", "f"] {
        simulcast.add_send_layer(SimulcastLayer::new(rid));
    }
    let mut change = rtc.sdp_api();
    let microphone = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let camera = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, Some(simulcast));
    let slots = [(); 2].map(|()| {
        change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None)
    });
    change.add_channel("drawing".to_owned());
    let (offer, pending) = change.apply().unwrap();
    let lines = Lines { camera, slots };
    let names = names.map(|names| names(lines));
    let told = |text: &str| names.as_ref().map_or_else(|| text.to_owned(), |names| swapped(text, names));
    let track = |mid: Mid, source| MediaTrack { mid: told(&mid), source };
    let tracks = vec![track(microphone, Source::Microphone), track(camera, Source::Camera)];
    let frame = ClientFrame::MediaOffer {
        id: 1_000_000,
        call_id,
        epoch,
        sdp: told_in(&offer.to_sdp_string(), names.as_ref()),
        tracks,
    };
    device.socket().send(&frame).await.unwrap();
    #[expect(clippy::wildcard_enum_match_arm, reason = "other frames are passed over")]
    let pick = |frame: &ServerFrame| match frame {
        ServerFrame::Ok { id: 1_000_000, sdp, .. } => sdp.clone(),
        _ => None,
    };
    let answer = device.wait_for("the SFU's answer", pick).await;
    rtc.sdp_api()
        .accept_answer(pending, SdpAnswer::from_sdp_string(&told_in(&answer, names.as_ref())).unwrap())
        .unwrap();
    lines
}

/// Each of the two where the other was.
fn swapped(name: &str, [one, other]: &[String; 2]) -> String {
    if name == one {
        other.clone()
    } else if name == other {
        one.clone()
    } else {
        name.to_owned()
    }
}

/// The same in the lines of a description that name lines and layers.
fn told_in(sdp: &str, names: Option<&[String; 2]>) -> String {
    const ENDS: [char; 4] = [' ', ':', ';', '\r'];
    let Some(names) = names else { return sdp.to_owned() };
    let word = |word: &str| {
        let name = word.trim_end_matches(ENDS);
        swapped(name, names) + &word[name.len()..]
    };
    let line = |line: &str| {
        let has_names = ["a=mid:", "a=group:", "a=rid:", "a=simulcast:"].iter().any(|start| line.starts_with(start));
        if has_names { line.split_inclusive(ENDS).map(word).collect() } else { line.to_owned() }
    };
    sdp.split_inclusive('\n').map(line).collect()
}

/// Until when there is nothing to do; and whether it is connected now.
fn drain(rtc: &mut Rtc, out: &mut Vec<(SocketAddr, Vec<u8>)>) -> (Instant, bool) {
    let mut connected = false;
    loop {
        match rtc.poll_output().unwrap() {
            Output::Timeout(at) => return (at, connected),
            Output::Transmit(transmit) => out.push((transmit.destination, transmit.contents.to_vec())),
            Output::Event(Event::Connected) => connected = true,
            Output::Event(_) => {}
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "all that the task owns")]
async fn run(
    mut rtc: Rtc,
    socket: UdpSocket,
    mut device: Device,
    lines: Lines,
    hears_one_of: u64,
    mut attack: Attack,
    tell: watch::Sender<bool>,
    done: Arc<AtomicU64>,
) {
    let own = socket.local_addr().unwrap();
    let (mut buffer, mut out, mut heard) = (vec![0; 2_048], Vec::new(), 0_u64);
    let (mut at, _) = drain(&mut rtc, &mut out);
    loop {
        for (to, contents) in out.drain(..) {
            // The kernel's buffer may be full.
            let _ = socket.try_send_to(&contents, to);
        }
        let tick = Instant::now() + TICK;
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                let (length, from) = received.unwrap();
                let media = matches!(buffer[0], 0x80..=0xbf) && !(192..=223).contains(&buffer[1]);
                heard += u64::from(media);
                if media && heard % hears_one_of != 0 {
                    continue;
                }
                let Ok(receive) = Receive::new(Protocol::Udp, from, own, &buffer[..length]) else { continue };
                rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
            }
            () = sleep_until(at.min(tick).into()) => {
                rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
            }
            frame = device.socket().next() => drop(frame.unwrap()),
        }
        let connected;
        (at, connected) = drain(&mut rtc, &mut out);
        if connected {
            tell.send_replace(true);
        }
        if *tell.borrow() {
            let mut wire = Wire { rtc: &mut rtc, now: Instant::now(), out: &mut out };
            done.fetch_add(attack(&mut wire, lines), Ordering::Relaxed);
        }
    }
}
