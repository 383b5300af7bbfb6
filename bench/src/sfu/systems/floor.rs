use std::{net::SocketAddr, process::Stdio};

use super::{ADDRESS, Before, Process, Running, pinned, wait};
use crate::{
    Outcome,
    sfu::{
        floor::BareWire,
        generator::{Generator, Participant},
        media::Kind,
        shape::Shape,
        wire::Line,
    },
};

const PORT: u16 = 5_000;

pub(super) async fn join(shape: &Shape, generator: &Generator) -> Outcome<Running> {
    let server = SocketAddr::from((ADDRESS, PORT));
    let mut command = pinned(&std::env::current_exe()?);
    command.args(["sfu-floor", "--listen", &server.to_string()]).stdout(Stdio::piped());
    let mut process = Process::start(&mut command)?;
    process.first_line().await?;
    let mut before = Before::new(process.id());
    for (call, person) in shape.everybody() {
        let socket = generator.socket()?;
        let local = socket.local_addr()?;
        let wire = Box::new(BareWire::new(server, local, call, shape.watches(person), shape.shown)?);
        let line = |kind| Line { mid: "0".into(), rid: None, kind };
        let sound = shape.sends(person).then_some(line(Kind::Sound));
        let pictures = shape.layers_of(person).iter().map(|layer| line(Kind::Picture(*layer)));
        let lines = sound.into_iter().chain(pictures).collect();
        wait(generator.add(Participant { socket, wire, lines })?).await?;
        before.connected()?;
    }
    Ok(Running { pid: process.id(), before: before.bytes, guard: Box::new(process) })
}
