//! The systems that are compared, each started in a process of its own on a core of its own, and joined through its own protocol.

mod farhand;
mod floor;
mod janus;
mod mediasoup;

use std::{
    any::Any,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    sync::oneshot,
    time::timeout,
};

use super::{
    generator::{Generator, Participant},
    shape::Shape,
    wire::{Line, RtcWire},
};
use crate::{Outcome, proc};

/// Everything is at this address of the namespace. Not loopback: the peers do not offer that.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// The cores of the SFU and of the generator.
pub(crate) const SFU_CORE: &str = "0";
pub(crate) const GENERATOR_CORE: &str = "1";
/// ICE and DTLS of one participant.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    Floor,
    Farhand,
    Janus,
    Mediasoup,
}

impl Name {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Farhand => "Farhand",
            Self::Janus => "Janus 1.1.2",
            Self::Mediasoup => "mediasoup 3.15.8",
        }
    }
}

/// What the systems are started from.
pub(crate) struct Setup {
    pub(crate) farhand: PathBuf,
    /// Where mediasoup was built; see `bench/peers/mediasoup.sh`.
    pub(crate) mediasoup: PathBuf,
    /// The configurations of the peers.
    pub(crate) peers: PathBuf,
    pub(crate) scratch: PathBuf,
}

/// A system with everybody in it. Dropping it ends it.
pub(crate) struct Running {
    pub(crate) pid: u32,
    /// Resident memory with the first participant.
    pub(crate) before: u64,
    pub(crate) guard: Box<dyn Any>,
}

pub(crate) async fn join(name: Name, setup: &Setup, shape: &Shape, generator: &Generator) -> Outcome<Running> {
    match name {
        Name::Floor => floor::join(shape, generator).await,
        Name::Farhand => farhand::join(setup, shape, generator).await,
        Name::Janus => janus::join(setup, shape, generator).await,
        Name::Mediasoup => mediasoup::join(setup, shape, generator).await,
    }
}

/// What a system's memory is counted from. What the first one needs, such as the code itself, is not what one more needs.
struct Before {
    pid: u32,
    bytes: u64,
}

impl Before {
    fn new(pid: u32) -> Self {
        Self { pid, bytes: 0 }
    }

    /// Somebody is connected; only the first one counts.
    fn connected(&mut self) -> Outcome {
        if self.bytes == 0 {
            self.bytes = proc::resident_with_children(self.pid)?;
        }
        Ok(())
    }
}

/// A program on the SFU's core, ended when it is dropped.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Outcome<Self> {
        let name = format!("{command:?}");
        Ok(Self(command.stdin(Stdio::null()).spawn().map_err(|error| format!("{name}: {error}"))?))
    }

    fn id(&self) -> u32 {
        self.0.id()
    }

    /// The first line it says on its standard output.
    async fn first_line(&mut self) -> Outcome<String> {
        let output = self.0.stdout.take().ok_or("a process without output")?;
        let output = tokio::process::ChildStdout::from_std(output)?;
        let line = BufReader::new(output).lines().next_line().await?;
        Ok(line.ok_or("a process ended at once")?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `taskset` becomes the program: the process id is the program's.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SFU_CORE]).arg(program);
    command
}

/// Runs a participant, and waits until it is connected.
async fn connect(generator: &Generator, socket: mio::net::UdpSocket, wire: RtcWire, lines: Vec<Line>) -> Outcome {
    let connected = generator.add(Participant { socket, wire: Box::new(wire), lines })?;
    wait(connected).await
}

async fn wait(connected: oneshot::Receiver<()>) -> Outcome {
    Ok(timeout(CONNECT_WITHIN, connected).await.map_err(|_| "a participant was not connected in time")??)
}
