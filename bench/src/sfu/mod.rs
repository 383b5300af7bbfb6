//! What forwarding media costs: the same load through Farhand, Janus, mediasoup and a floor that does nothing but forward. Each system is a process
//! of its own on one core, the generator on another; they take turns.
//!
//! All of it runs in a network namespace of its own, with an address that is not loopback, because the peers offer no other. It is
//! gone with the processes in it.

mod flood;
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
    flood::{Flood, Flooded},
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
    /// Instead of all that: so many forged packets a second from a participant's own address, while calls go on.
    #[arg(long, value_name = "PER_SECOND")]
    flood: Option<u32>,
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
    if let Some(per_second) = plan.flood {
        return measure_flooded(&setup, plan, per_second).await;
    }
    let mut all = Vec::new();
    for shape in chosen(&plan.shapes)? {
        let mut results = Results::new(shape);
        for round in 1..=plan.rounds {
            for name in &plan.systems {
                let measured = measure(*name, &setup, shape, plan, None).await?.0;
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

/// The shape whose people are all busy.
const FLOODED: &str = "calls";

async fn measure_flooded(setup: &Setup, plan: &Plan, per_second: u32) -> Outcome {
    let shape = SHAPES.iter().find(|shape| shape.name == FLOODED).ok_or("no shape to flood")?;
    let mut flooded = Flooded::default();
    for round in 1..=plan.rounds {
        let (without, _) = measure(Name::Farhand, setup, shape, plan, None).await?;
        println!("round {round}, without: {without}");
        let (with, rate) = measure(Name::Farhand, setup, shape, plan, Some(per_second)).await?;
        println!("round {round}, with: {with}");
        flooded.rates.extend(rate);
        flooded.without.push(without);
        flooded.with.push(with);
    }
    flooded.row(shape.about, per_second).tell(plan.common.report.as_deref())
}

/// The flood, if there is to be one, comes while packets are counted; its rate is returned as well.
async fn measure(
    name: Name,
    setup: &Setup,
    shape: &Shape,
    plan: &Plan,
    flood: Option<u32>,
) -> Outcome<(Round, Option<f64>)> {
    let generator = Generator::start(ADDRESS.into())?;
    let running =
        systems::join(name, setup, shape, &generator).await.map_err(|error| format!("{}: {error}", name.text()))?;
    if result::tells_idle(shape) {
        sleep(Duration::from_secs(plan.settle)).await;
    }
    let idle = proc::resident_with_children(running.pid)?;
    generator.begin()?;
    sleep(Duration::from_secs(plan.warm_up)).await;
    let flood = match flood {
        Some(per_second) => Some(Flood::start(generator.overhear().await?, per_second)?),
        None => None,
    };
    let before = proc::cpu_with_children(running.pid)?;
    generator.take().await?;
    sleep(Duration::from_secs(plan.seconds)).await;
    let tally = generator.take().await?;
    let cpu = proc::cpu_with_children(running.pid)?.saturating_sub(before);
    let sending = proc::resident_with_children(running.pid)?;
    let each = |memory: u64| memory.saturating_sub(running.before) / (shape.participants() - 1);
    let rate = flood.map(Flood::stop).transpose()?;
    drop(running.guard);
    Ok((Round { cpu, tally, silent_of: shape.streams(), idle: each(idle), sending: each(sending) }, rate))
}
