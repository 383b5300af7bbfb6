//! mediasoup is a library: `bench/peers/mediasoup.mjs` is the smallest server around it. It knows no SDP but the parameters themselves, over a
//! WebSocket with one answer for each request. Whoever publishes and watches has two connections.

use std::{net::SocketAddr, path::Path, process::Stdio};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use str0m::{
    Candidate, IceCreds, Rtc, RtcConfig,
    media::{MediaKind, Mid, Rid},
    net::Protocol,
    rtp::{Extension, Ssrc},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::{ADDRESS, Before, Process, Running, Setup, connect, pinned};
use crate::{
    Outcome,
    sfu::{
        generator::Generator,
        media::Kind,
        shape::Shape,
        wire::{self, Line, RtcWire},
    },
};

const PORT: u16 = 4_443;
const MEDIA_PORT: u16 = 44_444;

pub(super) async fn join(setup: &Setup, shape: &Shape, generator: &Generator) -> Outcome<Running> {
    // Node.js looks for packages beside the script.
    let script = setup.mediasoup.join("mediasoup.mjs");
    std::fs::copy(setup.peers.join("mediasoup.mjs"), &script)?;
    let mut command = pinned(Path::new("node"));
    command.arg(script).args([ADDRESS.to_string(), PORT.to_string(), MEDIA_PORT.to_string()]);
    command.env("MEDIASOUP_WORKER_BIN", setup.mediasoup.join("w/out/mediasoup-worker")).stdout(Stdio::piped());
    let mut process = Process::start(&mut command)?;
    process.first_line().await?;
    let mut before = Before::new(process.id());
    let (mut server, _) = connect_async(format!("ws://{ADDRESS}:{PORT}")).await?;
    for call in 0..shape.calls {
        for person in shape.publishers() {
            publish(&mut server, call, person, shape, generator).await?;
            before.connected()?;
        }
        for person in (0..shape.people).filter(|person| shape.watches(*person)) {
            subscribe(&mut server, call, person, shape, generator).await?;
        }
    }
    Ok(Running { pid: process.id(), before: before.bytes, guard: Box::new((server, process)) })
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn ask(server: &mut Stream, request: &Value) -> Outcome<Value> {
    server.send(Message::text(request.to_string())).await?;
    while let Some(message) = server.next().await {
        if let Message::Text(text) = message? {
            let answer: Value = serde_json::from_str(&text)?;
            return match answer.get("error") {
                Some(error) => Err(format!("mediasoup refuses {request}: {error}").into()),
                None => Ok(answer),
            };
        }
    }
    Err("mediasoup has closed the connection".into())
}

/// The ids mediasoup gives to header extensions.
fn config() -> RtcConfig {
    wire::config()
        .clear_extension_map()
        .set_extension(1, Extension::RtpMid)
        .set_extension(4, Extension::AbsoluteSendTime)
        .set_extension(5, Extension::TransportSequenceNumber)
        .set_extension(10, Extension::AudioLevel)
}

async fn publish(server: &mut Stream, call: u16, person: u16, shape: &Shape, generator: &Generator) -> Outcome {
    let udp = generator.socket()?;
    let mut wire = RtcWire::new(config(), udp.local_addr()?)?;
    let mut lines = Vec::new();
    let mut streams =
        vec![json!({"kind": "audio", "encodings": [{"ssrc": declare(&mut wire.rtc, Kind::Sound, None, &mut lines)}]})];
    let layers = shape.layers_of(person).iter();
    let encodings: Vec<_> = layers
        .map(|layer| {
            let ssrc = declare(&mut wire.rtc, Kind::Picture(*layer), layer.rid, &mut lines);
            json!({"ssrc": ssrc, "rtx": {"ssrc": ssrc + 1}})
        })
        .collect();
    streams.push(json!({"kind": "video", "encodings": encodings}));
    let request = json!({"op": "publish", "room": call, "person": person, "fingerprint": fingerprint(&mut wire.rtc), "streams": streams});
    let answer = ask(server, &request).await?;
    start(&mut wire.rtc, &answer)?;
    connect(generator, udp, wire, lines).await
}

/// A line of our own; returns its SSRC. The one after it is for resending.
fn declare(rtc: &mut Rtc, kind: Kind, rid: Option<&str>, lines: &mut Vec<Line>) -> u32 {
    let (mid, media) =
        if kind == Kind::Sound { (Mid::from("a"), MediaKind::Audio) } else { (Mid::from("v"), MediaKind::Video) };
    let mut api = rtc.direct_api();
    if !lines.iter().any(|line: &Line| line.mid == mid) {
        api.declare_media(mid, media);
    }
    let (ssrc, rid) = (*api.new_ssrc() & !1, rid.map(Rid::from));
    let rtx = (media == MediaKind::Video).then(|| Ssrc::from(ssrc + 1));
    api.declare_stream_tx(ssrc.into(), rtx, mid, rid);
    lines.push(Line { mid, rid, kind });
    ssrc
}

async fn subscribe(server: &mut Stream, call: u16, person: u16, shape: &Shape, generator: &Generator) -> Outcome {
    let udp = generator.socket()?;
    let mut wire = RtcWire::new(config(), udp.local_addr()?)?;
    let request = json!({"op": "subscribe", "room": call, "person": person, "fingerprint": fingerprint(&mut wire.rtc), "layer": shape.shown});
    let answer = ask(server, &request).await?;
    let streams = answer.get("streams").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut api = wire.rtc.direct_api();
    for (number, stream) in streams.iter().enumerate() {
        let kind = if stream.get("kind") == Some(&json!("audio")) { MediaKind::Audio } else { MediaKind::Video };
        let mid = Mid::from(number.to_string().as_str());
        let number = |name: &str| stream.get(name).and_then(Value::as_u64).and_then(|ssrc| u32::try_from(ssrc).ok());
        let ssrc = number("ssrc").ok_or("a consumer without SSRC")?;
        api.declare_media(mid, kind);
        api.expect_stream_rx(ssrc.into(), number("rtx").map(Ssrc::from), mid, None);
    }
    api.enable_twcc_feedback();
    start(&mut wire.rtc, &answer)?;
    connect(generator, udp, wire, Vec::new()).await?;
    // Consumers wait until their connection stands, as those of mediasoup's own client do.
    ask(server, &json!({"op": "resume", "room": call, "person": person})).await.map(drop)
}

fn fingerprint(rtc: &mut Rtc) -> String {
    let text = rtc.direct_api().local_dtls_fingerprint().to_string();
    text.rsplit(' ').next().unwrap_or_default().to_owned()
}

/// With what mediasoup says about its end.
fn start(rtc: &mut Rtc, answer: &Value) -> Outcome {
    let text = |pointer: &str| -> Outcome<String> {
        let text = answer.pointer(pointer).and_then(Value::as_str);
        Ok(text.ok_or_else(|| format!("no {pointer} in {answer}"))?.to_owned())
    };
    let fingerprint = format!("sha-256 {}", text("/fingerprint")?).parse().map_err(|_| "a strange fingerprint")?;
    let remote = Candidate::host(SocketAddr::from((ADDRESS, MEDIA_PORT)), Protocol::Udp)?;
    let mut api = rtc.direct_api();
    api.set_ice_controlling(true);
    api.set_remote_ice_credentials(IceCreds { ufrag: text("/ice/usernameFragment")?, pass: text("/ice/password")? });
    api.set_remote_fingerprint(fingerprint);
    api.start_dtls(true)?;
    rtc.add_remote_candidate(remote);
    Ok(())
}
