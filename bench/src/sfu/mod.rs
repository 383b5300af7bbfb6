//! What forwarding media costs: the same load through Farhand, Janus, mediasoup and a floor that does nothing but forward. Each system is a process
//! of its own on one core, the generator on another; they take turns.
//!
//! All of it runs in a network namespace of its own, with an address that is not loopback, because the peers offer no other. It is
//! gone with the processes in it.

mod floor;
mod generator;
mod media;
mod namespace;
mod result;
mod shape;
mod systems;
mod tally;
mod wire;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use tokio::{runtime::Runtime, time::sleep};

pub(crate) use self::floor::serve as serve_floor;
use self::{
    generator::Generator,
    result::{Results, Round},
    shape::{SHAPES, Shape},
    systems::{ADDRESS, Name, Setup},
};
use crate::{Common, Outcome, place, proc};

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// Where mediasoup is built.
    #[arg(long, value_name = "DIR")]
    mediasoup: PathBuf,
    /// The peers' configurations, `bench/peers`.
    #[arg(long, value_name = "DIR")]
    peers: PathBuf,
    /// Who sends to whom: broadcast, half, calls, meeting, hundreds. All of them by default.
    #[arg(long, value_delimiter = ',')]
    shapes: Vec<String>,
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Name::Floor, Name::Farhand, Name::Janus, Name::Mediasoup])]
    systems: Vec<Name>,
    /// Rounds of all systems in turns.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Length of a round.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Before the memory of connected participants is read, where it is told: long enough for everybody to have sent pings.
    #[arg(long, default_value_t = 12)]
    settle: u64,
    /// Before a round is counted: layers climb and key frames are asked for.
    #[arg(long, default_value_t = 6)]
    warm_up: u64,
    /// This process is in its namespace already.
    #[arg(long, hide = true)]
    inside: bool,
}

pub(crate) fn run(plan: &Plan, runtime: impl FnOnce() -> Outcome<Runtime>) -> Outcome {
    if plan.inside { runtime()?.block_on(measure_all(plan)) } else { namespace::enter() }
}

async fn measure_all(plan: &Plan) -> Outcome {
    namespace::prepare()?;
    let scratch = place::scratch()?;
    let setup = Setup {
        farhand: plan.common.server.clone(),
        mediasoup: plan.mediasoup.clone(),
        peers: plan.peers.clone(),
        scratch: scratch.path().to_owned(),
    };
    let mut all = Vec::new();
    for shape in chosen(&plan.shapes)? {
        let mut results = Results::new(shape);
        for round in 1..=plan.rounds {
            for name in &plan.systems {
                let measured = measure(*name, &setup, shape, plan).await?;
                println!("{}, round {round}: {measured}", name.text());
                results.add(*name, measured);
            }
        }
        print!("\n{}\n", results.table());
        all.push(results);
    }
    result::rows(&all).iter().try_for_each(|row| row.tell(plan.common.report.as_deref()))
}

fn chosen(names: &[String]) -> Outcome<Vec<&'static Shape>> {
    if names.is_empty() {
        return Ok(SHAPES.iter().collect());
    }
    let find = |name: &String| SHAPES.iter().find(|shape| shape.name == name);
    names.iter().map(|name| find(name).ok_or_else(|| format!("there is no shape \"{name}\"").into())).collect()
}

async fn measure(name: Name, setup: &Setup, shape: &Shape, plan: &Plan) -> Outcome<Round> {
    let generator = Generator::start(ADDRESS.into())?;
    let running =
        systems::join(name, setup, shape, &generator).await.map_err(|error| format!("{}: {error}", name.text()))?;
    if result::tells_idle(shape) {
        sleep(Duration::from_secs(plan.settle)).await;
    }
    let idle = proc::resident_with_children(running.pid)?;
    generator.begin()?;
    sleep(Duration::from_secs(plan.warm_up)).await;
    let before = proc::cpu_with_children(running.pid)?;
    generator.take().await?;
    sleep(Duration::from_secs(plan.seconds)).await;
    let tally = generator.take().await?;
    let cpu = proc::cpu_with_children(running.pid)?.saturating_sub(before);
    let sending = proc::resident_with_children(running.pid)?;
    let each = |memory: u64| memory.saturating_sub(running.before) / (shape.participants() - 1);
    drop(running.guard);
    Ok(Round { cpu, tally, silent_of: shape.streams(), idle: each(idle), sending: each(sending) })
}
