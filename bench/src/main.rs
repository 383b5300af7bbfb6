//! Measures a real server from outside: each figure beside its floor, which is what the machine does without us, in the
//! same run. `cargo xtask bench` builds everything and starts this program once for each figure.
//!
//! The server is the release binary in a process of its own, on a data directory of its own on a disk. This process
//! generates the load. Nothing leaves the loopback interface.

mod claim;
mod create;
mod echo;
mod floors;
mod http;
mod impair;
mod mails;
mod memory;
mod pace;
mod place;
mod postgres;
mod proc;
mod report;
mod ring;
mod seed;
mod server;
mod sfu;
mod silence;
mod start;
mod stats;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

/// Whatever went wrong ends the bench; nothing here is worth handling apart.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(about = "Measures Farhand; `cargo xtask bench` builds what it needs and calls it")]
struct Cli {
    #[command(subcommand)]
    figure: Figure,
}

#[derive(Subcommand)]
enum Figure {
    /// From createCall to the ring on the callee's WebSocket.
    Ring(ring::Plan),
    /// From an answer to the silence of that person's other devices.
    Silence(silence::Plan),
    /// Letters that are lost or sent twice, where the server is killed again and again.
    Mails(mails::Plan),
    /// Claiming a service request while very many wait.
    Claim(claim::Plan),
    /// Durable createCall per second.
    Create(create::Plan),
    /// Memory per idle connected user.
    Memory(memory::Plan),
    /// Start-up to ready.
    Start(start::Plan),
    /// Forwarding of media, beside Janus, mediasoup and a floor.
    Sfu(sfu::Plan),
    /// No figure: a bad network in front of a server, by hand.
    Impair(impair::Plan),
    /// The floor of `sfu`: forwards and does nothing else.
    #[command(hide = true)]
    SfuFloor {
        #[arg(long)]
        listen: std::net::SocketAddr,
    },
    /// The floor of `ring`: commits what it is sent and sends it back.
    #[command(hide = true)]
    Echo {
        #[arg(long)]
        data: PathBuf,
    },
}

/// What every figure takes.
#[derive(Args)]
struct Common {
    /// The release binary of the server.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// Where to append the row of the summary table.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Cli::parse().figure) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(figure: Figure) -> Outcome {
    allow_many_files()?;
    match figure {
        Figure::Ring(plan) => generator()?.block_on(ring::run(&plan)),
        Figure::Silence(plan) => generator()?.block_on(silence::run(&plan)),
        Figure::Mails(plan) => generator()?.block_on(mails::run(&plan)),
        Figure::Claim(plan) => generator()?.block_on(claim::run(&plan)),
        Figure::Create(plan) => generator()?.block_on(create::run(&plan)),
        Figure::Memory(plan) => generator()?.block_on(memory::run(&plan)),
        Figure::Start(plan) => generator()?.block_on(start::run(&plan)),
        Figure::Sfu(plan) => sfu::run(&plan, generator),
        Figure::Impair(plan) => generator()?.block_on(impair::run(&plan)),
        Figure::SfuFloor { listen } => sfu::serve_floor(listen),
        Figure::Echo { data } => Builder::new_multi_thread().enable_all().build()?.block_on(echo::serve(&data)),
    }
}

/// One thread: the generator shares the machine with what it measures, and should not fill both cores.
fn generator() -> Outcome<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// A connection is an open file, here and in the server, which takes over this limit.
fn allow_many_files() -> Outcome {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}
