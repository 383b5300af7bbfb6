//! How many calls a second are created and made durable for clients that each wait for their answer before asking
//! again. The floor is the same database without a server.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use tokio::time::sleep;

use crate::{
    Common, Outcome, floors,
    http::{Connection, post},
    place,
    postgres::Postgres,
    proc,
    report::Row,
    seed::{self, Domains},
    server::Server,
    stats::{Latencies, median, millis},
};

/// Before counting: connections are made, statements prepared, people remembered.
const WARM_UP: Duration = Duration::from_secs(1);
const AIM_SQLITE: f64 = 5000.0;
const AIM_POSTGRES: f64 = 6000.0;

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Backend {
    Sqlite,
    Postgres,
}

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// The store's example `save_calls`, which is SQLite's floor.
    #[arg(long, value_name = "FILE")]
    save_calls: PathBuf,
    /// Only this database.
    #[arg(long)]
    only: Option<Backend>,
    /// Clients that ask at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Rounds of floor and server in turns.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Length of a round.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
}

/// What a round came to.
struct Round {
    per_second: f64,
    failed: u32,
    latencies: Vec<Duration>,
    /// Microseconds of processor time for each call: server, generator, database.
    cpu: [f64; 3],
}

#[derive(Default)]
struct Side {
    floor: Vec<f64>,
    rates: Vec<f64>,
    latencies: Latencies,
    failed: u32,
    cpu: Vec<[f64; 3]>,
}

impl Side {
    fn take(&mut self, round: Round) {
        println!(
            "  server: {:.0} calls/s, {} failed; CPU per call: server {:.0} µs, generator {:.0} µs, database {:.0} µs",
            round.per_second, round.failed, round.cpu[0], round.cpu[1], round.cpu[2]
        );
        self.rates.push(round.per_second);
        self.failed += round.failed;
        self.latencies.extend(round.latencies);
        self.cpu.push(round.cpu);
    }

    fn cpu(&self, of: usize) -> f64 {
        median(self.cpu.iter().filter_map(|cpu| cpu.get(of).copied()))
    }
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    if plan.only != Some(Backend::Postgres) {
        sqlite(plan).await?;
    }
    if plan.only != Some(Backend::Sqlite) {
        postgres(plan).await?;
    }
    Ok(())
}

/// Two people for each client, so that nobody's calls pile up with one.
fn size(plan: &Plan) -> seed::Size {
    seed::Size { domains: 1, people: plan.clients * 2 }
}

async fn sqlite(plan: &Plan) -> Outcome {
    let mut side = Side::default();
    for _ in 0..plan.rounds {
        let scratch = place::scratch()?;
        side.floor.push(floors::save_calls(&plan.save_calls, &scratch.path().join("floor.sqlite"))?);
        let data = scratch.path().join("data");
        let people = seed::data_dir(&data, size(plan)).await?;
        let server = Server::start(&plan.common.server, &data, &[])?;
        side.take(round(plan, &server, &people, None).await?);
        server.stop()?;
    }
    let floor = format!("{:.0}/s saved in batches of 64 without a server", median(side.floor.iter().copied()));
    row(plan, "SQLite", &side, floor, AIM_SQLITE).tell(plan.common.report.as_deref())
}

async fn postgres(plan: &Plan) -> Outcome {
    let postgres = Postgres::start(&place::on_disk()?)?;
    let mut side = Side::default();
    for number in 0..plan.rounds {
        side.floor.push(floors::pgbench(&postgres, plan.seconds)?);
        let database = format!("bench{number}");
        postgres.create_database(&database)?;
        let url = postgres.url(&database);
        let people = seed::database(&url, size(plan)).await?;
        let scratch = place::scratch()?;
        let data = scratch.path().join("data");
        let server = Server::start(&plan.common.server, &data, &[("FARHAND_DATABASE_URL", &url)])?;
        side.take(round(plan, &server, &people, Some(postgres.pid()?)).await?);
        server.stop()?;
    }
    let floor = format!("{:.0}/s with pgbench, one row each", median(side.floor.iter().copied()));
    row(plan, "PostgreSQL", &side, floor, AIM_POSTGRES).tell(plan.common.report.as_deref())
}

fn row(plan: &Plan, database: &str, side: &Side, floor: String, aim: f64) -> Row {
    let rate = median(side.rates.iter().copied());
    let (half, most) = (millis(side.latencies.median()), millis(side.latencies.percentile(99)));
    let measured = format!(
        "{rate:.0}/s, answered after p50 {half:.1} ms, p99 {most:.1} ms ({} failed); CPU per call: server {:.0} µs, \
         generator {:.0} µs, database {:.0} µs",
        side.failed,
        side.cpu(0),
        side.cpu(1),
        side.cpu(2)
    );
    let figure = format!("durable createCall, {} clients, {database}", plan.clients);
    Row { figure, measured, floor, aim: format!("≥ {aim}/s"), met: rate >= aim && side.failed == 0 }
}

/// What the clients share.
#[derive(Default)]
struct Counters {
    counting: AtomicBool,
    over: AtomicBool,
    failed: AtomicU32,
}

async fn round(plan: &Plan, server: &Server, people: &Domains, database: Option<u32>) -> Outcome<Round> {
    let counters = Arc::new(Counters::default());
    let mut clients = Vec::new();
    let everybody: Vec<_> = people.iter().flatten().collect();
    for pair in everybody.chunks_exact(2) {
        let [caller, callee] = pair else { continue };
        let body = format!(
            r#"{{"callTitle":"Pump 7 makes a noise","callType":"MESH","invitedContacts":[{{"userDbId":{}}}]}}"#,
            callee.user
        );
        let request = post(server.address(), "/rtc/createCall", &caller.key, &body);
        let connection = Connection::open(server.address()).await?;
        clients.push(tokio::spawn(client(connection, request, counters.clone())));
    }
    let times = || -> Outcome<[Duration; 3]> {
        let database = database.map_or(Ok(Duration::ZERO), proc::cpu_with_children)?;
        Ok([proc::cpu(server.pid())?, proc::cpu(std::process::id())?, database])
    };
    sleep(WARM_UP).await;
    let (before, started) = (times()?, Instant::now());
    counters.counting.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(plan.seconds.into())).await;
    counters.counting.store(false, Ordering::Relaxed);
    let (after, took) = (times()?, started.elapsed());
    counters.over.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await?);
    }
    let calls = f64::from(u32::try_from(latencies.len())?);
    let cpu = [0, 1, 2].map(|of| (after[of].saturating_sub(before[of])).as_secs_f64() * 1e6 / calls.max(1.0));
    let failed = counters.failed.load(Ordering::Relaxed);
    Ok(Round { per_second: calls / took.as_secs_f64(), failed, latencies, cpu })
}

/// Asks again and again, and notes how long each answer took while it counts.
async fn client(mut connection: Connection, request: Vec<u8>, counters: Arc<Counters>) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while !counters.over.load(Ordering::Relaxed) {
        let sent = Instant::now();
        match connection.exchange(&request).await {
            Ok(200) if counters.counting.load(Ordering::Relaxed) => latencies.push(sent.elapsed()),
            Ok(200) => {}
            Ok(status) => {
                eprintln!("createCall was answered {status}");
                counters.failed.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                eprintln!("a client lost its connection: {error}");
                counters.failed.fetch_add(1, Ordering::Relaxed);
                return latencies;
            }
        }
    }
    latencies
}
