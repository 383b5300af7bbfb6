//! From the moment one device of a person is to answer until the last of that person's other devices is silent. The floor is one synced commit
//! and one message there and back, at the same rate, among as many connections.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use clap::Args;
use farhand_client::{Token, rest::Rest, socket::Socket};
use farhand_protocol::{
    call::{CallLogContact, CallType, CreateCallRequest},
    frame::{ClientFrame, RingEndReason, ServerFrame},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    Common, Outcome,
    echo::Echo,
    pace::{Heard, Pace},
    place,
    report::Row,
    ring::{self, Side},
    seed::{self, Domains},
    server::Server,
    stats::millis,
};

/// Longer than the bench: what falls silent does so because of an answer.
const RING_SECONDS: &str = "3600";
/// How long the last of a round is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// People who are told of each other's presence. The first of them calls the others.
const DOMAIN: usize = 41;
const AIM_99: Duration = Duration::from_millis(50);

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// People who are called in each round.
    #[arg(long, default_value_t = 200)]
    people: usize,
    /// Devices of each.
    #[arg(long, default_value_t = 5)]
    devices: usize,
    /// Answers per second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Rounds of floor and server in turns.
    #[arg(long, default_value_t = 4)]
    rounds: u32,
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    let scratch = place::scratch()?;
    let data = scratch.path().join("data");
    let size = seed::Size { domains: plan.people.div_ceil(DOMAIN - 1), people: DOMAIN };
    let domains = seed::data_dir(&data, size).await?;
    let server = Server::start(&plan.common.server, &data, &[("FARHAND_CALLS__POPUP_RING_SECONDS", RING_SECONDS)])?;
    let echo = Echo::start(scratch.path()).await?;
    println!("connecting {} devices to the server, and as many sockets to its floor", plan.people * plan.devices);
    let (tell, heard) = unbounded_channel();
    let mut called = Called::connect(&server.url(), &domains, plan, &tell).await?;
    let mut system = Side::new(heard);
    let (tell, heard) = unbounded_channel();
    let sockets = ring::echo_all(&echo.url, plan.people * plan.devices, &tell).await?;
    let mut floor = Side::new(heard);

    let say = |number: u32| ring::tell(&sockets, number);
    let count = u32::try_from(plan.people)?;
    let pace = Pace { per_second: plan.rate, count, patience: PATIENCE };
    called.ring_all().await?;
    let lost = floor.round(pace, say).await.lost + system.round(pace, |number| called.answer(number)).await.lost;
    println!("warmed up, {lost} lost");
    for round in 1..=plan.rounds {
        called.ring_all().await?;
        floor.measure(pace, say).await;
        system.measure(pace, |number| called.answer(number)).await;
        println!("after round {round}: floor {}; server {}", floor.words(), system.words());
    }
    row(plan, &floor, &system).tell(plan.common.report.as_deref())?;
    server.stop()
}

fn row(plan: &Plan, floor: &Side, system: &Side) -> Row {
    let measured = system.latencies.len() > 0 && system.lost == 0;
    Row {
        figure: format!(
            "answered on one device → the other {} silent, {}/s, {} connected",
            plan.devices - 1,
            plan.rate,
            plan.people * plan.devices
        ),
        measured: format!("{} ({} answers, {} lost)", system.words(), system.latencies.len(), system.lost),
        floor: format!("{} ({} lost)", floor.words(), floor.lost),
        aim: format!("p99 ≤ {:.0} ms", millis(AIM_99)),
        met: measured && system.latencies.percentile(99) <= AIM_99,
    }
}

/// The people who are called, all their devices connected.
struct Called {
    /// The devices that answer, one of each person: they take the number of the call.
    answering: Vec<UnboundedSender<u32>>,
    /// Who calls each, and whom.
    pairs: Vec<(Rest, i64)>,
    /// The number of the next call.
    next: u32,
    running: Vec<(Rest, Uuid)>,
    rings: UnboundedReceiver<()>,
    devices: usize,
}

impl Called {
    async fn connect(url: &str, domains: &Domains, plan: &Plan, tell: &UnboundedSender<Heard>) -> Outcome<Self> {
        let rest = Rest::new(url)?;
        let (silent, fell_silent) = unbounded_channel();
        tokio::spawn(count(fell_silent, plan.devices - 1, tell.clone()));
        let (rang, rings) = unbounded_channel();
        let (mut answering, mut pairs) = (Vec::new(), Vec::new());
        for domain in domains {
            let Some((caller, others)) = domain.split_first() else { continue };
            for person in others.iter().take(plan.people - pairs.len()) {
                pairs.push((rest.with_token(Token::new(&caller.key)), person.user));
                let (answer, answers) = unbounded_channel();
                answering.push(answer);
                let device = Device { socket: ring::connect(url, person).await?, rang: rang.clone(), silent: None };
                tokio::spawn(device.run(answers));
                for _ in 1..plan.devices {
                    let socket = ring::connect(url, person).await?;
                    let device = Device { socket, rang: rang.clone(), silent: Some(silent.clone()) };
                    tokio::spawn(device.run(unbounded_channel().1));
                }
            }
        }
        Ok(Self { answering, pairs, next: 0, running: Vec::new(), rings, devices: plan.devices })
    }

    /// Ends the calls of the round before, calls everybody, and waits until every device rings.
    async fn ring_all(&mut self) -> Outcome {
        for (rest, call_id) in self.running.drain(..) {
            rest.end_call(call_id).await?;
        }
        for (rest, callee) in &self.pairs {
            let request = CreateCallRequest {
                call_title: Some(self.next.to_string()),
                call_type: CallType::Sfu,
                invited_contacts: vec![CallLogContact { user_db_id: Some(*callee), ..CallLogContact::default() }],
                ..CreateCallRequest::default()
            };
            self.running.push((rest.clone(), rest.create_call(&request).await?.call_id));
            self.next += 1;
        }
        for _ in 0..self.pairs.len() * self.devices {
            let rang = timeout(PATIENCE, self.rings.recv()).await;
            rang.map_err(|_| "not all devices rang")?.ok_or("the connections were lost")?;
        }
        Ok(())
    }

    fn answer(&self, number: u32) {
        ring::tell(&self.answering, number);
    }
}

struct Device {
    socket: Socket,
    rang: UnboundedSender<()>,
    /// Where the silence of the others is told.
    silent: Option<UnboundedSender<Heard>>,
}

impl Device {
    async fn run(mut self, mut answers: UnboundedReceiver<u32>) {
        let mut ringing = HashMap::new();
        loop {
            let frame = tokio::select! {
                frame = self.socket.next() => frame,
                Some(number) = answers.recv() => {
                    if let Err(error) = self.answer(&ringing, number).await {
                        return eprintln!("call {number}: {error}");
                    }
                    continue;
                }
            };
            match frame {
                Ok(ServerFrame::Ring { ring }) => {
                    if let Ok(number) = ring.call_title.parse() {
                        ringing.insert(number, ring.call_id);
                        // Nobody hears it any more: the bench is over. So below.
                        let _ = self.rang.send(());
                    }
                }
                Ok(ServerFrame::RingEnd { call_id, reason: RingEndReason::Joined }) => {
                    let at = Instant::now();
                    let number = ringing.iter().find_map(|(number, id)| (*id == call_id).then_some(*number));
                    if let Some((silent, number)) = self.silent.as_ref().zip(number) {
                        let _ = silent.send((number, at));
                    }
                }
                Ok(_) => {}
                Err(error) => return eprintln!("a connection was lost: {error}"),
            }
        }
    }

    async fn answer(&mut self, ringing: &HashMap<u32, Uuid>, number: u32) -> Outcome {
        let call_id = *ringing.get(&number).ok_or("it does not ring")?;
        let id = self.socket.next_id();
        let join = ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None };
        Ok(self.socket.send(&join).await?)
    }
}

/// A call is silent once all the others are.
async fn count(mut silent: UnboundedReceiver<Heard>, others: usize, tell: UnboundedSender<Heard>) {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    while let Some((number, at)) = silent.recv().await {
        let count = counts.entry(number).or_default();
        *count += 1;
        if *count == others && tell.send((number, at)).is_err() {
            return;
        }
    }
}
