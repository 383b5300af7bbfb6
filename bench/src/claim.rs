//! How long it takes to claim a service request while very many wait, and what each that waits costs in memory.

use std::time::{Duration, Instant};

use clap::Args;
use farhand_client::{Token, rest::Rest};
use farhand_protocol::call::{CallIdBody, CallLog, CallReason, CreateCallRequest, TeamRef};
use farhand_store::model::NewTeam;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::sleep,
};
use uuid::Uuid;

use crate::{
    Common, Outcome,
    pace::{self, Heard, Pace},
    place, proc,
    report::Row,
    seed::{self, Person},
    server::Server,
    stats::{Latencies, millis},
};

/// People of the domain: half ask for help, half are the team.
const PEOPLE: usize = 100;
/// Requests being made at the same time.
const AT_ONCE: usize = 64;
/// Longer than the bench: what is claimed must not come back to the queue while it is measured.
const LONG: &str = "86400";
/// Requests that were just made fall asleep, and the allocator settles.
const SETTLE: Duration = Duration::from_secs(5);
/// How long the last claim is waited for before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Claims before the first measured one.
const WARM_UP: u32 = 50;
/// From one claim to the next in the order of their making: all parts of the queue are claimed, and not in order.
const STRIDE: usize = 7_919;
const AIM_99: Duration = Duration::from_millis(10);

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// Requests that wait.
    #[arg(long, default_value_t = 100_000)]
    waiting: usize,
    /// Claims per second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// How long they go on.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    let scratch = place::scratch()?;
    let data = scratch.path().join("data");
    let people = seed::data_dir(&data, seed::Size { domains: 1, people: PEOPLE }).await?.pop().ok_or("nobody")?;
    let (technicians, experts) = people.split_at(PEOPLE / 2);
    let team = team(&format!("sqlite://{}", data.join("farhand.sqlite").display()), experts).await?;
    let settings = [("FARHAND_CALLS__POPUP_RING_SECONDS", LONG), ("FARHAND_CALLS__OPEN_SECONDS", LONG)];
    let server = Server::start(&plan.common.server, &data, &settings)?;
    let rest = Rest::new(&server.url())?;
    let as_person = |person: &Person| rest.with_token(Token::new(&person.key));
    let (asking, claiming): (Vec<_>, Vec<_>) =
        (technicians.iter().map(as_person).collect(), experts.iter().map(as_person).collect());
    // What the first one needs is not what one more needs.
    ask(&asking, team, AT_ONCE).await?;
    let before = proc::resident(server.pid())?;
    println!("making {} requests", plan.waiting);
    let began = Instant::now();
    let calls = ask(&asking, team, plan.waiting).await?;
    println!("made in {:.0} s", began.elapsed().as_secs_f64());
    sleep(SETTLE).await;
    let after = proc::resident(server.pid())?;
    let more = f64::from(u32::try_from(after.saturating_sub(before) / 1024)?);
    let each = more / f64::from(u32::try_from(calls.len())?);
    println!("{each:.2} KiB for each that waits");

    let (tell, mut heard) = unbounded_channel();
    let claim = |number: u32| claim(&claiming, &calls, number, &tell);
    let warm_up = Pace { per_second: plan.rate, count: WARM_UP, patience: PATIENCE };
    pace::round(warm_up, 0, &mut heard, claim).await;
    let pace = Pace { count: plan.rate * plan.seconds, ..warm_up };
    let round = pace::round(pace, WARM_UP, &mut heard, claim).await;
    let mut latencies = Latencies::default();
    latencies.extend(round.latencies);
    let (median, most) = (latencies.median(), latencies.percentile(99));
    let row = Row {
        figure: format!("claim due → claimed on disk, {}/s, {} waiting", plan.rate, plan.waiting),
        measured: format!(
            "p50 {:.1} ms, p99 {:.1} ms ({} claims, {} lost), {each:.1} KiB for each that waits",
            millis(median),
            millis(most),
            latencies.len(),
            round.lost
        ),
        floor: "–".to_owned(),
        aim: format!("p99 < {:.0} ms", millis(AIM_99)),
        met: latencies.len() > 0 && round.lost == 0 && most < AIM_99,
    };
    row.tell(plan.common.report.as_deref())?;
    server.stop()
}

async fn team(database: &str, experts: &[Person]) -> Outcome<i64> {
    let store = farhand_store::open(database).await?;
    let domain = store.domains().await?.into_iter().next().ok_or("no domain")?;
    let members: Vec<_> = experts.iter().map(|person| person.user).collect();
    let team =
        store.create_team(domain.id, &NewTeam { name: "Pumps".to_owned(), members, ..NewTeam::default() }).await?;
    store.close().await;
    Ok(team.id)
}

/// In the order in which they were asked for, more or less.
async fn ask(asking: &[Rest], team: i64, count: usize) -> Outcome<Vec<Uuid>> {
    let one = |number: usize| async move {
        let request = CreateCallRequest {
            call_title: Some(format!("Pump {number}")),
            call_reason: CallReason::ServiceRequest,
            invited_teams: vec![TeamRef { id: Some(team), ..TeamRef::default() }],
            ..CreateCallRequest::default()
        };
        let rest = asking.get(number % asking.len().max(1)).ok_or("nobody asks")?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(rest.create_call(&request).await?.call_id)
    };
    stream::iter(0..count).map(one).buffered(AT_ONCE).try_collect().await
}

fn claim(claiming: &[Rest], calls: &[Uuid], number: u32, tell: &UnboundedSender<Heard>) {
    let Ok(index) = usize::try_from(number) else { return };
    let rest = claiming.get(index % claiming.len().max(1)).cloned();
    let call_id = calls.get(index * STRIDE % calls.len().max(1)).copied();
    let (Some(rest), Some(call_id), tell) = (rest, call_id, tell.clone()) else { return };
    tokio::spawn(async move {
        match rest.post::<CallLog>("/rtc/claimServiceRequest", &CallIdBody { call_id }).await {
            Ok(_) => drop(tell.send((number, Instant::now()))),
            Err(error) => eprintln!("claim {number}: {error}"),
        }
    });
}
