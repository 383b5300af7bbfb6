use std::net::IpAddr;

use farhand_client::{
    Token,
    socket::{Hello, Socket},
};
use farhand_protocol::{
    call::{CallLogContact, CallType, CreateCallRequest},
    frame::{CallView, ClientFrame, MediaTrack, MediaView, ServerFrame, Source},
};
use tokio::task::JoinSet;

use super::{ADDRESS, Before, Running, SFU_CORE, Setup, connect};
use crate::{
    Outcome,
    seed::{self, Person},
    server::Server,
    sfu::{
        generator::Generator,
        media::Kind,
        shape::Shape,
        wire::{self, Line, RtcWire},
    },
};

/// The shapes have calls of more people than a server allows by default.
const MAX_PARTICIPANTS: &str = "100";

pub(super) async fn join(setup: &Setup, shape: &Shape, generator: &Generator) -> Outcome<Running> {
    let scratch = tempfile::tempdir_in(&setup.scratch)?;
    let data = scratch.path().join("data");
    let size = seed::Size { domains: usize::from(shape.calls), people: usize::from(shape.people) };
    let domains = seed::data_dir(&data, size).await?;
    let settings = [("FARHAND_CALLS__MAX_PARTICIPANTS", MAX_PARTICIPANTS)];
    let server = Server::start_on(&setup.farhand, SFU_CORE, IpAddr::V4(ADDRESS), &data, &settings)?;
    let mut before = Before::new(server.pid());
    let mut sessions = JoinSet::new();
    for people in &domains {
        for session in call(&server.url(), people, shape, generator, &mut before).await? {
            sessions.spawn(stay(session));
        }
    }
    Ok(Running { pid: server.pid(), before: before.bytes, guard: Box::new((sessions, server, scratch)) })
}

/// The first calls the others, and everybody joins.
async fn call(
    url: &str,
    people: &[Person],
    shape: &Shape,
    generator: &Generator,
    before: &mut Before,
) -> Outcome<Vec<Socket>> {
    let mut sessions = Vec::new();
    let mut call_id = None;
    let mut told = Vec::new();
    for (number, person) in (0..).zip(people) {
        let mut socket = Socket::connect(url, Hello::new(Token::new(&person.key))).await?;
        let call = match call_id {
            None => socket.create_call(request(people)).await?,
            Some(call_id) => socket.join(call_id).await?,
        };
        let call = call.ok_or("joining was answered without the call")?;
        call_id = Some(call.call_id);
        enter(&mut socket, &call, number, shape, generator).await?;
        before.connected()?;
        told.extend(call.you.filter(|_| shape.sends(number)));
        sessions.push(socket);
    }
    let call_id = call_id.ok_or("a call of nobody")?;
    for session in &mut sessions {
        let view = |contact: &i64| MediaView { contact: *contact, source: Source::Camera, height: shape.height() };
        session.send(&ClientFrame::MediaViews { call_id, views: told.iter().map(view).collect() }).await?;
    }
    Ok(sessions)
}

fn request(people: &[Person]) -> CreateCallRequest {
    let contact = |person: &Person| CallLogContact { user_db_id: Some(person.user), ..CallLogContact::default() };
    CreateCallRequest {
        call_type: CallType::Sfu,
        invited_contacts: people.iter().skip(1).map(contact).collect(),
        ..CreateCallRequest::default()
    }
}

/// One exchange, as the web client has it.
async fn enter(socket: &mut Socket, call: &CallView, number: u16, shape: &Shape, generator: &Generator) -> Outcome {
    let epoch = call.media_plan.as_ref().ok_or("a seat without a media plan")?.epoch;
    let udp = generator.socket()?;
    let mut wire = RtcWire::new(wire::config(), udp.local_addr()?)?;
    let exchange = async |sdp: String, lines: &[Line]| {
        let id = socket.next_id();
        let tracks = tracks(lines);
        socket.send(&ClientFrame::MediaOffer { id, call_id: call.call_id, epoch, sdp, tracks }).await?;
        answer(socket, id).await
    };
    let slots = usize::from(shape.watched_by(number));
    let lines = wire.offer(shape.layers_of(number), slots, exchange).await?;
    connect(generator, udp, wire, lines).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "frames of other types do not matter here")]
async fn answer(socket: &mut Socket, wanted: u32) -> Outcome<String> {
    loop {
        match socket.next().await? {
            ServerFrame::Ok { id, sdp, .. } if id == wanted => return Ok(sdp.ok_or("an offer answered without SDP")?),
            ServerFrame::Error { id: Some(id), detail, .. } if id == wanted => return Err(detail.into()),
            _ => {}
        }
    }
}

/// One for sound, and one for pictures whatever its layers.
fn tracks(lines: &[Line]) -> Vec<MediaTrack> {
    let source = |line: &Line| if line.kind == Kind::Sound { Source::Microphone } else { Source::Camera };
    let mut tracks: Vec<_> =
        lines.iter().map(|line| MediaTrack { mid: line.mid.to_string(), source: source(line) }).collect();
    tracks.dedup();
    tracks
}

/// Reads, and pings when it is time to.
async fn stay(mut socket: Socket) {
    while socket.next().await.is_ok() {}
}
