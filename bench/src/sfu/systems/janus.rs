//! Janus speaks JSON over a WebSocket (subprotocol `janus-protocol`): a session, a handle for each connection, messages to the `VideoRoom` plug-in.
//! Whoever publishes and watches has two connections.

use std::{path::Path, process::Stdio, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use super::{ADDRESS, Before, Process, Running, Setup, connect, pinned};
use crate::{
    Outcome,
    sfu::{
        generator::Generator,
        shape::Shape,
        wire::{self, Line, RtcWire},
    },
};

const JANUS: &str = "/usr/bin/janus";
const FILES: [&str; 3] = ["janus.jcfg", "janus.plugin.videoroom.jcfg", "janus.transport.websockets.jcfg"];
/// Stands in `bench/peers/janus.transport.websockets.jcfg`, and the address as well.
const PORT: u16 = 8_188;
const TRIES: u32 = 100;
const NO_SUCH_FEED: &str = "\"error_code\":428";
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn join(setup: &Setup, shape: &Shape, generator: &Generator) -> Outcome<Running> {
    let config = tempfile::tempdir_in(&setup.scratch)?;
    write_config(&setup.peers, config.path())?;
    let mut command = pinned(Path::new(JANUS));
    command.arg("-C").arg(config.path().join(FILES[0])).arg("-F").arg(config.path()).arg("-o");
    let process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let mut session = Session::open().await?;
    let mut before = Before::new(process.id());
    for call in 0..shape.calls {
        let room = u64::from(call) + 1;
        let handle = session.attach().await?;
        let create = json!({"request": "create", "room": room, "publishers": 100, "bitrate": 0, "audiocodec": "opus", "videocodec": "vp8"});
        session.ask(handle, create, None).await?;
        for person in shape.publishers() {
            publish(&mut session, room, person, shape, generator).await?;
            before.connected()?;
        }
        for person in (0..shape.people).filter(|person| shape.watches(*person)) {
            subscribe(&mut session, room, person, shape, generator).await?;
        }
    }
    // Rounds are shorter than the time after which Janus gives up a silent session.
    Ok(Running { pid: process.id(), before: before.bytes, guard: Box::new((session, process, config)) })
}

fn write_config(from: &Path, to: &Path) -> Outcome {
    for file in FILES {
        let text = std::fs::read_to_string(from.join(file))?;
        std::fs::write(to.join(file), text.replace("CONF_DIR", &to.display().to_string()))?;
    }
    Ok(())
}

fn feed(person: u16) -> u64 {
    u64::from(person) + 1
}

async fn publish(session: &mut Session, room: u64, person: u16, shape: &Shape, generator: &Generator) -> Outcome {
    let handle = session.attach().await?;
    session
        .ask(handle, json!({"request": "join", "ptype": "publisher", "room": room, "id": feed(person)}), None)
        .await?;
    let udp = generator.socket()?;
    let mut wire = RtcWire::new(wire::config(), udp.local_addr()?)?;
    let exchange = async |sdp: String, _: &[Line]| {
        let jsep = json!({"type": "offer", "sdp": sdp});
        sdp_of(&session.ask(handle, json!({"request": "publish"}), Some(jsep)).await?)
    };
    let lines = wire.offer(shape.layers_of(person), 0, exchange).await?;
    connect(generator, udp, wire, lines).await
}

/// One connection for all that somebody watches.
async fn subscribe(session: &mut Session, room: u64, person: u16, shape: &Shape, generator: &Generator) -> Outcome {
    let handle = session.attach().await?;
    let feeds = shape.publishers().filter(|publisher| *publisher != person);
    let streams: Vec<_> = feeds.map(|publisher| json!({"feed": feed(publisher)})).collect();
    let body = json!({"request": "join", "ptype": "subscriber", "room": room, "streams": streams});
    let offer = session.ask_until_there(handle, &body).await?;
    let udp = generator.socket()?;
    let mut wire = RtcWire::new(wire::config(), udp.local_addr()?)?;
    let answer = wire.answer(&sdp_of(&offer)?)?;
    session.ask(handle, json!({"request": "start"}), Some(json!({"type": "answer", "sdp": answer}))).await?;
    connect(generator, udp, wire, Vec::new()).await?;
    if shape.layers.len() > 1 {
        let all = offer.pointer("/plugindata/data/streams").and_then(Value::as_array).cloned().unwrap_or_default();
        let pictures = all.iter().filter(|stream| stream.get("type") == Some(&json!("video")));
        // Janus takes the first named layer for the highest.
        let substream = shape.layers.len() - 1 - usize::from(shape.shown);
        let streams: Vec<_> =
            pictures.map(|stream| json!({"mid": stream.get("mid"), "substream": substream})).collect();
        session.ask(handle, json!({"request": "configure", "streams": streams}), None).await?;
    }
    Ok(())
}

fn sdp_of(answer: &Value) -> Outcome<String> {
    let sdp = answer.pointer("/jsep/sdp").and_then(Value::as_str);
    Ok(sdp.ok_or_else(|| format!("Janus sent no SDP: {answer}"))?.to_owned())
}

struct Session {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: Value,
    transactions: u64,
}

impl Session {
    async fn open() -> Outcome<Self> {
        let mut request = format!("ws://{ADDRESS}:{PORT}").into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("janus-protocol"));
        let mut tries = 0;
        let stream = loop {
            match connect_async(request.clone()).await {
                Ok((stream, _)) => break stream,
                Err(error) if tries == TRIES => return Err(error.into()),
                Err(_) => tries += 1,
            }
            sleep(Duration::from_millis(100)).await;
        };
        let mut session = Self { stream, id: Value::Null, transactions: 0 };
        session.id = session.created(json!({"janus": "create"})).await?;
        Ok(session)
    }

    async fn attach(&mut self) -> Outcome<u64> {
        let attach = json!({"janus": "attach", "plugin": "janus.plugin.videoroom", "session_id": self.id});
        Ok(self.created(attach).await?.as_u64().ok_or("a handle that is no number")?)
    }

    /// The id of what was made.
    async fn created(&mut self, request: Value) -> Outcome<Value> {
        let answer = self.exchange(request).await?;
        Ok(answer.pointer("/data/id").cloned().ok_or_else(|| format!("Janus made nothing: {answer}"))?)
    }

    async fn ask(&mut self, handle: u64, body: Value, jsep: Option<Value>) -> Outcome<Value> {
        let mut request = json!({"janus": "message", "session_id": self.id, "handle_id": handle, "body": body});
        if let (Some(jsep), Some(request)) = (jsep, request.as_object_mut()) {
            request.insert("jsep".to_owned(), jsep);
        }
        self.exchange(request).await
    }

    /// A feed is there a moment after its connection stands: until then Janus knows of no such feed.
    async fn ask_until_there(&mut self, handle: u64, body: &Value) -> Outcome<Value> {
        let mut tries = 0;
        loop {
            match self.ask(handle, body.clone(), None).await {
                Err(error) if tries == TRIES || !error.to_string().contains(NO_SUCH_FEED) => return Err(error),
                Err(_) => tries += 1,
                Ok(answer) => return Ok(answer),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends a request and waits for what answers it, beyond the acknowledgement.
    async fn exchange(&mut self, mut request: Value) -> Outcome<Value> {
        self.transactions += 1;
        let transaction = json!(self.transactions.to_string());
        if let Some(request) = request.as_object_mut() {
            request.insert("transaction".to_owned(), transaction.clone());
        }
        self.stream.send(Message::text(request.to_string())).await?;
        let answer = timeout(ANSWER_WITHIN, self.answer(&transaction)).await.map_err(|_| "Janus does not answer")??;
        let refused =
            answer.get("janus") == Some(&json!("error")) || answer.pointer("/plugindata/data/error").is_some();
        if refused { Err(format!("Janus refuses {request}: {answer}").into()) } else { Ok(answer) }
    }

    async fn answer(&mut self, transaction: &Value) -> Outcome<Value> {
        while let Some(message) = self.stream.next().await {
            if let Message::Text(text) = message? {
                let answer: Value = serde_json::from_str(&text)?;
                let acknowledged = answer.get("janus") == Some(&json!("ack"));
                if answer.get("transaction") == Some(transaction) && !acknowledged {
                    return Ok(answer);
                }
            }
        }
        Err("Janus has closed the connection".into())
    }
}
