//! How many calls a second `save_calls` makes durable, by batch size, with this process's own CPU per call.
//!
//! `cargo run --release -p farhand-store --example save_calls -- sqlite:///var/tmp/bench.db [seconds]`
//! `cargo run --release -p farhand-store --example save_calls -- postgres://postgres@127.0.0.1:5432/bench [seconds]`

use std::{
    env, fs,
    time::{Duration, Instant},
};

use farhand_domain::time::Timestamp;
use farhand_store::{
    Store,
    model::{
        Budget, CallRecord, CallWrite, Contact, EventRow, HistoryRow, Invitation, NewCall, NewIdempotency, NewUser,
    },
    open,
};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().ok_or("which database?")?;
    let time = Duration::from_secs(arguments.next().map_or(Ok(3), |text| text.parse())?);
    let store = open(&url).await?;
    let mut ids = Ids::new()?;
    let people = people(&*store, &mut ids).await?;
    for size in [1, 16, 64, 256] {
        run(&*store, &people, &mut ids, size, time / 10).await?;
        let (calls, wall, cpu) = run(&*store, &people, &mut ids, size, time).await?;
        println!(
            "batches of {size:>3}: {:>6.0} calls/s, {:>5.1} us wall and {:>5.1} us of this process's CPU per call",
            calls / wall.as_secs_f64(),
            wall.as_secs_f64() * 1e6 / calls,
            cpu.as_secs_f64() * 1e6 / calls,
        );
    }
    store.close().await;
    Ok(())
}

/// A fresh domain, so that the same database can be measured twice.
async fn people(store: &dyn Store, ids: &mut Ids) -> Result<Vec<Contact>, Box<dyn std::error::Error>> {
    let domain = store.create_domain(&ids.next().to_string()).await?;
    let mut users = Vec::new();
    for number in 0..20 {
        let user = NewUser {
            id: None,
            domain_id: domain.id,
            login: format!("user{number}"),
            display_name: format!("User {number}"),
            email: None,
            phone: None,
            password_hash: None,
            roles: Vec::new(),
            operator: false,
        };
        users.push(store.create_user(&user).await?.id);
    }
    Ok(store.contacts_of_users(&users).await?)
}

async fn run(
    store: &dyn Store,
    people: &[Contact],
    ids: &mut Ids,
    size: usize,
    time: Duration,
) -> Result<(f64, Duration, Duration), Box<dyn std::error::Error>> {
    let (started, cpu) = (Instant::now(), cpu_time()?);
    let mut calls = 0;
    while started.elapsed() < time {
        let writes: Vec<_> = (0..size).map(|number| call(people, ids, calls + number)).collect();
        for outcome in store.save_calls(&writes).await? {
            outcome.map_err(|refused| format!("{refused:?}"))?;
        }
        calls += size;
    }
    Ok((f64::from(u32::try_from(calls)?), started.elapsed(), cpu_time()?.saturating_sub(cpu)))
}

/// Two events, two members, one invitation, two rows of history, an idempotency key and 600 bytes of state.
fn call(people: &[Contact], ids: &mut Ids, number: usize) -> CallWrite {
    let at = Timestamp::from_millis(1_700_000_000_000);
    let creator = people[number % people.len()].clone();
    let invited = people[(number + 1) % people.len()].clone();
    let event = |seq, kind: &str, contact_id| EventRow { id: 0, seq, kind: kind.to_owned(), contact_id, at };
    let history = |seq, kind: &str| HistoryRow {
        seq,
        kind: kind.to_owned(),
        contact_id: Some(invited.id),
        channel: Some("WEBSOCKET".to_owned()),
        state: Some("RINGING".to_owned()),
        reason: None,
        at,
    };
    let record = CallRecord {
        id: 0,
        call_id: ids.next(),
        domain_id: creator.domain_id,
        title: "Pump 7 makes a noise".to_owned(),
        reason: "STANDARD".to_owned(),
        call_type: "SFU".to_owned(),
        status: "Planned".to_owned(),
        join_anonymous: false,
        inform_directly: true,
        creator_user: None,
        budget: Budget::default(),
        events: vec![event(1, "CALL_CREATED", creator.id), event(2, "CONTACT_INVITED", invited.id)],
        history: vec![history(1, "created"), history(2, "ringing")],
        statistics: Vec::new(),
        deliveries: Vec::new(),
        guest_links: Vec::new(),
        link: None,
        origin: None,
        invited: vec![Invitation {
            display_name: invited.display_name.clone(),
            email: Some("somebody@example.org".to_owned()),
            phone: None,
            language: None,
            contact: invited,
        }],
        maker: creator.clone(),
        creator,
        teams: Vec::new(),
        planned_at: None,
        planned_zone: None,
        calendar_sequence: 0,
        stored_addresses: false,
        created_at: at,
        started_at: None,
        ended_at: None,
    };
    let key = ids.next().to_string();
    let idempotency = Some(NewIdempotency { caller: 1, key, body_hash: [7; 32] });
    let state = "x".repeat(600);
    CallWrite::Create(Box::new(NewCall {
        record,
        state,
        owner_node: "bench".to_owned(),
        owner_epoch: 1,
        sleeps_until: None,
        idempotency,
    }))
}

/// Ids spread like random ones, which is what the indexes feel, from another start in every run.
struct Ids(u128);

impl Ids {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let start = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        Ok(Self(Uuid::parse_str(start.trim())?.as_u128()))
    }

    fn next(&mut self) -> Uuid {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Uuid::from_u128(self.0)
    }
}

/// User and system time of this process so far, in the kernel's ticks of 10 ms.
fn cpu_time() -> Result<Duration, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
