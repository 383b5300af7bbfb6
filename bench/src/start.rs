//! From starting the program to its being ready: the first time, and with the data of an earlier run.

use std::time::Duration;

use clap::Args;

use crate::{
    Common, Outcome,
    http::{Connection, post},
    place,
    report::Row,
    seed,
    server::Server,
    stats::{Latencies, millis},
};

/// What an existing data directory holds: users, and calls that were running when the server stopped.
const PEOPLE: seed::Size = seed::Size { domains: 10, people: 100 };
const CALLS: usize = 100;
const AIM: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// Starts of each kind.
    #[arg(long, default_value_t = 11)]
    rounds: u32,
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    let binary = &plan.common.server;
    let scratch = place::scratch()?;
    let existing = scratch.path().join("existing");
    let people = seed::data_dir(&existing, PEOPLE).await?;
    let server = Server::start(binary, &existing, &[])?;
    let mut connection = Connection::open(server.address()).await?;
    for person in people.iter().flatten().take(CALLS) {
        let body = format!(r#"{{"callType":"MESH","invitedContacts":[{{"userDbId":{}}}]}}"#, person.user);
        let caller = people.iter().find(|domain| domain.iter().any(|other| other.user == person.user));
        let caller = caller.and_then(|domain| domain.iter().find(|other| other.user != person.user));
        let request = post(server.address(), "/rtc/createCall", &caller.ok_or("nobody to call")?.key, &body);
        let status = connection.exchange(&request).await?;
        if status != 200 {
            return Err(format!("createCall was answered {status}").into());
        }
    }
    drop(connection);
    server.stop()?;

    let (mut first, mut again) = (Latencies::default(), Latencies::default());
    for round in 0..plan.rounds {
        let fresh = Server::start(binary, &scratch.path().join(format!("fresh{round}")), &[])?;
        first.extend([fresh.ready_after()]);
        fresh.stop()?;
        let server = Server::start(binary, &existing, &[])?;
        again.extend([server.ready_after()]);
        server.stop()?;
    }
    let figures = [
        ("start-up to ready, fresh data directory".to_owned(), first),
        (format!("start-up to ready, 1,000 users and {CALLS} running calls"), again),
    ];
    for (figure, times) in figures {
        let (median, most) = (times.median(), times.percentile(100));
        let measured = format!("median {:.0} ms, longest {:.0} ms of {}", millis(median), millis(most), times.len());
        let aim = format!("median ≤ {} ms", AIM.as_millis());
        let row = Row { figure, measured, floor: "–".to_owned(), aim, met: median <= AIM };
        row.tell(plan.common.report.as_deref())?;
    }
    Ok(())
}
