//! From the moment a createCall is due to the ring on the callee's WebSocket. The floor is one synced commit and one
//! message there and back, at the same rate, among as many connections.

use std::time::{Duration, Instant};

use clap::Args;
use farhand_client::{
    Token,
    rest::Rest,
    socket::{self, Hello, Socket},
};
use farhand_protocol::{
    call::{CallLogContact, CallType, CreateCallRequest},
    frame::ServerFrame,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{interval, sleep},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::{
    Common, Outcome,
    echo::Echo,
    pace::{self, Heard, Pace},
    place,
    report::Row,
    seed::{self, Domains, Person},
    server::Server,
    stats::{Latencies, millis},
};

/// People who know each other, and are told of each other's presence.
const DOMAIN: usize = 100;
/// Longer than the bench: rings that time out would be work that no call of the measured moment made.
const RING_SECONDS: &str = "3600";
/// A ring's frame has about as many bytes.
const MESSAGE: usize = 400;
/// Calls before the first measured one: connections are made, statements prepared.
const WARM_UP: u32 = 200;
/// How long the last ring of a round is waited for before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far the floor may be exceeded.
const AIM_MEDIAN: Duration = Duration::from_millis(1);
const AIM_99: Duration = Duration::from_millis(5);

#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    common: Common,
    /// Connected users.
    #[arg(long, default_value_t = 1000)]
    users: usize,
    /// Calls per second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Rounds of floor and server in turns.
    #[arg(long, default_value_t = 4)]
    rounds: u32,
    /// Length of a round.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
}

/// One side of the comparison.
pub(crate) struct Side {
    pub(crate) latencies: Latencies,
    heard: UnboundedReceiver<Heard>,
    pub(crate) lost: u32,
    next: u32,
}

impl Side {
    pub(crate) fn new(heard: UnboundedReceiver<Heard>) -> Self {
        Self { latencies: Latencies::default(), heard, lost: 0, next: 0 }
    }

    pub(crate) async fn round(&mut self, pace: Pace, fire: impl FnMut(u32)) -> pace::Round {
        let round = pace::round(pace, self.next, &mut self.heard, fire).await;
        self.next += pace.count;
        round
    }

    pub(crate) async fn measure(&mut self, pace: Pace, fire: impl FnMut(u32)) {
        let round = self.round(pace, fire).await;
        self.lost += round.lost;
        self.latencies.extend(round.latencies);
    }

    pub(crate) fn words(&self) -> String {
        let (median, most) = (millis(self.latencies.median()), millis(self.latencies.percentile(99)));
        format!("p50 {median:.1} ms, p99 {most:.1} ms")
    }
}

pub(crate) async fn run(plan: &Plan) -> Outcome {
    let scratch = place::scratch()?;
    let data = scratch.path().join("data");
    let size = seed::Size { domains: plan.users.div_ceil(DOMAIN), people: DOMAIN.min(plan.users) };
    let domains = seed::data_dir(&data, size).await?;
    let server = Server::start(&plan.common.server, &data, &[("FARHAND_CALLS__POPUP_RING_SECONDS", RING_SECONDS)])?;
    let echo = Echo::start(scratch.path()).await?;
    println!("connecting {} users to the server, and as many sockets to its floor", plan.users);
    let (tell, heard) = unbounded_channel();
    listen_all(&server.url(), &domains, &tell).await?;
    let mut system = Side::new(heard);
    let (tell, heard) = unbounded_channel();
    let sockets = echo_all(&echo.url, plan.users, &tell).await?;
    let mut floor = Side::new(heard);

    let caller = Caller::new(&server.url(), &domains)?;
    let say = |number: u32| self::tell(&sockets, number);
    let warm_up = Pace { per_second: plan.rate, count: WARM_UP, patience: PATIENCE };
    let lost = floor.round(warm_up, say).await.lost + system.round(warm_up, |number| caller.call(number)).await.lost;
    println!("warmed up, {lost} lost");
    let pace = Pace { count: plan.rate * plan.seconds, ..warm_up };
    for round in 1..=plan.rounds {
        floor.measure(pace, say).await;
        system.measure(pace, |number| caller.call(number)).await;
        println!("after round {round}: floor {}; server {}", floor.words(), system.words());
    }
    row(plan, &floor, &system).tell(plan.common.report.as_deref())?;
    server.stop()
}

fn row(plan: &Plan, floor: &Side, system: &Side) -> Row {
    let aim = (floor.latencies.median() + AIM_MEDIAN, floor.latencies.percentile(99) + AIM_99);
    let within = system.latencies.median() <= aim.0 && system.latencies.percentile(99) <= aim.1;
    let measured = system.latencies.len() > 0 && floor.latencies.len() > 0;
    Row {
        figure: format!("createCall due → ring received, {}/s, {} connected", plan.rate, plan.users),
        measured: format!("{} ({} rings, {} lost)", system.words(), system.latencies.len(), system.lost),
        floor: format!("{} ({} lost)", floor.words(), floor.lost),
        aim: format!("p50 ≤ {:.1} ms, p99 ≤ {:.1} ms", millis(aim.0), millis(aim.1)),
        met: measured && within && system.lost == 0,
    }
}

/// Connects everybody, spread over a ping's interval, so that pings come evenly as well.
async fn listen_all(url: &str, domains: &Domains, tell: &UnboundedSender<Heard>) -> Outcome {
    let people: Vec<_> = domains.iter().flatten().collect();
    let first = people.first().ok_or("nobody to connect")?;
    let mut socket = connect(url, first).await?;
    let mut ticks = interval(socket.welcome().ping / u32::try_from(people.len())?);
    for person in people.iter().skip(1) {
        tokio::spawn(listen(socket, tell.clone()));
        ticks.tick().await;
        socket = connect(url, person).await?;
    }
    tokio::spawn(listen(socket, tell.clone()));
    // The last change of presence is told.
    sleep(Duration::from_secs(1)).await;
    Ok(())
}

pub(crate) async fn connect(url: &str, person: &Person) -> Outcome<Socket> {
    Ok(Socket::connect(url, Hello::new(Token::new(&person.key))).await?)
}

/// A call's title is its number.
async fn listen(mut socket: Socket, tell: UnboundedSender<Heard>) {
    loop {
        match socket.next().await {
            Ok(ServerFrame::Ring { ring }) => {
                let at = Instant::now();
                if let Ok(number) = ring.call_title.parse() {
                    // Nobody hears it any more: the bench is over.
                    let _ = tell.send((number, at));
                }
            }
            Ok(_) => {}
            Err(error) => return eprintln!("a connection was lost: {error}"),
        }
    }
}

/// Calls over REST, each time another person, on behalf of a colleague.
struct Caller {
    pairs: Vec<(Rest, i64)>,
}

impl Caller {
    fn new(url: &str, domains: &Domains) -> Outcome<Self> {
        let rest = Rest::new(url)?;
        let of_domain = |people: &Vec<Person>| {
            let callers = people.iter().cycle().skip(1).take(people.len());
            let pairs = callers.zip(people).map(|(by, to)| (rest.with_token(Token::new(&by.key)), to.user));
            pairs.collect::<Vec<_>>()
        };
        // Calls that follow each other go to different domains.
        let by_domain: Vec<_> = domains.iter().map(of_domain).collect();
        let longest = by_domain.iter().map(Vec::len).max().unwrap_or_default();
        let pairs = (0..longest).flat_map(|index| by_domain.iter().filter_map(move |pairs| pairs.get(index).cloned()));
        Ok(Self { pairs: pairs.collect() })
    }

    fn call(&self, number: u32) {
        let Some((rest, callee)) = pick(&self.pairs, number).cloned() else { return };
        let request = CreateCallRequest {
            call_title: Some(number.to_string()),
            call_type: CallType::Mesh,
            invited_contacts: vec![CallLogContact { user_db_id: Some(callee), ..CallLogContact::default() }],
            ..CreateCallRequest::default()
        };
        tokio::spawn(async move {
            if let Err(error) = rest.create_call(&request).await {
                eprintln!("call {number}: {error}");
            }
        });
    }
}

/// Each its turn. Its task ends only with the connection; then the number is counted as lost.
pub(crate) fn tell(sockets: &[UnboundedSender<u32>], number: u32) {
    if let Some(socket) = pick(sockets, number) {
        let _ = socket.send(number);
    }
}

fn pick<T>(all: &[T], number: u32) -> Option<&T> {
    let index = usize::try_from(number).ok()?.checked_rem(all.len())?;
    all.get(index)
}

/// Sockets to the echo server; each takes numbers to send.
pub(crate) async fn echo_all(
    url: &str,
    count: usize,
    tell: &UnboundedSender<Heard>,
) -> Outcome<Vec<UnboundedSender<u32>>> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = socket::open(url, None).await?;
        let (send, to_send) = unbounded_channel();
        tokio::spawn(exchange(stream, to_send, tell.clone()));
        sockets.push(send);
    }
    Ok(sockets)
}

async fn exchange(
    mut stream: WebSocketStream<TcpStream>,
    mut numbers: UnboundedReceiver<u32>,
    tell: UnboundedSender<Heard>,
) {
    loop {
        tokio::select! {
            number = numbers.recv() => {
                let Some(number) = number else { return };
                if let Err(error) = stream.send(Message::text(format!("{number:<MESSAGE$}"))).await {
                    return eprintln!("the echo server is gone: {error}");
                }
            }
            answer = stream.next() => {
                let at = Instant::now();
                let Some(Ok(Message::Text(text))) = answer else { return eprintln!("the echo server is gone") };
                if let Ok(number) = text.trim().parse() {
                    let _ = tell.send((number, at));
                }
            }
        }
    }
}
