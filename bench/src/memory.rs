//! What a connected user who does nothing costs the server in memory.

use std::time::Duration;

use clap::Args;
use farhand_client::Token;
use farhand_client::socket::{Hello, Socket};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::sleep;

use crate::{
    Common, Outcome, place, proc,
    report::Row,
    seed::{self, Person},
    server::Server,
};

const DOMAIN: usize = 100;
/// Connections being made at the same time.
const AT_ONCE: usize = 32;
/// Long enough for every connection to have sent pings, which is all that idle ones do.
const SETTLE: Duration = Duration::from_secs(25);
const AIM: f64 = 20.0;
/// The bench's own sockets would fill the machine's memory with buffers of the kernel.
const RECEIVE_BUFFER: u32 = 16 * 1024;

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// Connected users.
    #[arg(long, default_value_t = 5000)]
    users: usize,
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    let scratch = place::scratch()?;
    let data = scratch.path().join("data");
    let size = seed::Size { domains: plan.users.div_ceil(DOMAIN), people: DOMAIN.min(plan.users) };
    println!("making {} users", plan.users);
    let people: Vec<_> = seed::data_dir(&data, size).await?.into_iter().flatten().collect();
    let server = Server::start(&plan.common.server, &data, &[])?;
    // What the first one needs, such as the code itself, is not what one more needs.
    connect(&server.url(), people.first().ok_or("nobody to connect")?).await?.close().await;
    let before = proc::resident(server.pid())?;
    let url = server.url();
    let sockets: Vec<Socket> =
        stream::iter(&people).map(|person| connect(&url, person)).buffer_unordered(AT_ONCE).try_collect().await?;
    let count = sockets.len();
    let at_once = proc::resident(server.pid())?;
    let idle: Vec<_> = sockets.into_iter().map(|socket| tokio::spawn(stay(socket))).collect();
    sleep(SETTLE).await;
    let after = proc::resident(server.pid())?;
    let lost = idle.iter().filter(|task| task.is_finished()).count();
    let each =
        |bytes: u64| kibibytes(bytes.saturating_sub(before)) / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    println!(
        "{:.0} KiB before, {:.1} KiB more for each when all had connected, {:.1} KiB after {} s",
        kibibytes(before),
        each(at_once),
        each(after),
        SETTLE.as_secs()
    );
    let row = Row {
        figure: format!("memory per idle connected user, {count} connected"),
        measured: format!("{:.1} KiB ({lost} connections lost)", each(after)),
        floor: "–".to_owned(),
        aim: format!("≤ {AIM} KiB"),
        met: each(after) <= AIM && lost == 0,
    };
    row.tell(plan.common.report.as_deref())?;
    server.stop()
}

async fn connect(url: &str, person: &Person) -> Outcome<Socket> {
    let hello = Hello { receive_buffer: Some(RECEIVE_BUFFER), ..Hello::new(Token::new(&person.key)) };
    Ok(Socket::connect(url, hello).await?)
}

/// Reads, and pings when it is time to.
async fn stay(mut socket: Socket) {
    while socket.next().await.is_ok() {}
}

fn kibibytes(bytes: u64) -> f64 {
    // Exact as far as a machine's memory goes.
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX))
}
