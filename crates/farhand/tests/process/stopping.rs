//! How a server starts and stops.

use std::time::{Duration, Instant};

use farhand_client::{
    rest::Rest,
    socket::{Socket, SocketError, open},
};
use farhand_protocol::{
    ErrorCode,
    call::CallLogQuery,
    frame::{CallView, PersonState},
};
use futures_util::StreamExt;

use crate::{
    people::{People, call_when, events, ring_of},
    process::{Data, Server},
    wait::{soon, until},
};

/// A supervisor's patience is 10 s and more; 5 s are allowed for good-byes.
const CLEANLY: Duration = Duration::from_secs(9);

async fn good_bye(socket: &mut Socket) -> SocketError {
    let closed = async {
        loop {
            match socket.next().await {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    soon("the connection to end", closed).await
}

fn says_that_it_stops(error: &SocketError) -> bool {
    matches!(error, SocketError::Closed { code: Some(1001), refusal: Some(refusal), .. }
        if refusal.code == ErrorCode::ShuttingDown)
}

#[tokio::test]
async fn sigterm_and_sigint_say_good_bye_to_every_websocket_and_end_with_success() {
    for signal in ["TERM", "INT"] {
        let data = Data::new();
        let people = People::settle(data.path()).await;
        let mut server = Server::start(data.serve()).await;
        let mut sockets = [people.expert.connect(&server.url).await, people.glasses.connect(&server.url).await];
        // Neither a connection that has not said hello nor one that does not speak at all may hold it up.
        let mut silent = open(&server.url, None).await.unwrap();
        let idle = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let asked = Instant::now();
        server.signal(signal).await;
        for socket in &mut sockets {
            let error = good_bye(socket).await;
            assert!(says_that_it_stops(&error), "{error:?}");
        }
        assert!(server.ended().await.success());
        assert!(asked.elapsed() < CLEANLY, "{signal} took {:?}", asked.elapsed());
        soon("the silent one's end", async { while let Some(Ok(_)) = silent.next().await {} }).await;
        drop(idle);
        assert!(server.err.all().contains("stopped"), "{}", server.err.all());
    }
}

#[tokio::test]
async fn a_clean_stop_keeps_a_running_call_for_the_next_start() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let mut server = Server::start(data.serve()).await;
    let (mut glasses, mut expert) =
        (people.glasses.connect(&server.url).await, people.expert.connect(&server.url).await);
    let call_id = glasses.create_call(people.direct()).await.unwrap().unwrap().call_id;
    ring_of(&mut expert, call_id).await;
    let joined = expert.join(call_id).await.unwrap().unwrap();
    let epoch = joined.media_plan.unwrap().epoch;
    let address = server.address().to_owned();
    server.signal("TERM").await;
    assert!(server.ended().await.success());

    let server = Server::start(data.serve_on(&address)).await;
    let mut expert = people.expert.connect(&server.url).await;
    let mut glasses = people.glasses.connect(&server.url).await;
    for socket in [&mut expert, &mut glasses] {
        let view = socket.rejoin(call_id, epoch).await.unwrap().unwrap();
        assert_eq!(view.media_plan.unwrap().epoch, epoch);
    }
    let both = |call: &CallView| call.people.iter().all(|p| p.state == PersonState::Joined);
    call_when(&mut expert, "both in the call", both).await;
    let log = people.expert.rest(&server.url).call_log(call_id).await.unwrap();
    assert_eq!(events(&log), ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn requests_while_it_stops_are_answered_or_refused_but_never_lost() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let mut server = Server::start(data.serve()).await;
    let rest = people.glasses.rest(&server.url);
    let call = people.direct();
    let creating = tokio::spawn(async move {
        let mut made = Vec::new();
        while let Ok(log) = rest.create_call(&call).await {
            made.push(log.call_id);
        }
        made
    });
    server.err.says("ready").await;
    let rest = people.glasses.rest(&server.url);
    let calls = async || rest.call_logs(&CallLogQuery::default()).await.ok().filter(|page| !page.calls.is_empty());
    until("a call", calls).await;
    server.signal("TERM").await;
    assert!(server.ended().await.success());
    let made = creating.await.unwrap();
    assert!(!made.is_empty());

    let server = Server::start(data.serve()).await;
    let rest = people.glasses.rest(&server.url);
    for call_id in made {
        rest.call_log(call_id).await.unwrap();
    }
}

#[tokio::test]
async fn a_start_is_ready_soon_and_says_so() {
    let data = Data::new();
    let started = Instant::now();
    let server = Server::start(data.serve()).await;
    let rest = Rest::new(&server.url).unwrap();
    let ready =
        async || rest.request(reqwest::Method::GET, "/readyz").send().await.ok().filter(|a| a.status().is_success());
    until("the server to be ready", ready).await;
    server.err.says("ready").await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn nothing_secret_is_written_to_the_log() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let mut command = data.serve();
    command.env("FARHAND_LOG", "trace,hyper=debug,tungstenite=debug");
    let mut server = Server::start(command).await;
    let url = server.url.clone();
    let rest = people.glasses.rest(&url);
    let mut expert = people.expert.connect(&url).await;
    let call_id = rest.create_call(&people.direct()).await.unwrap().call_id;
    ring_of(&mut expert, call_id).await;
    let query = format!("/rtc/getCallLogById?callId={call_id}&token=very-secret");
    rest.request(reqwest::Method::GET, &query).send().await.unwrap();
    let login = Rest::new(&url).unwrap().login("plant", "erin", "secret-password").await;
    assert!(login.is_err());
    server.signal("TERM").await;
    server.ended().await;
    let log = server.err.says("stopped").await + &server.err.all() + &server.out.all();
    assert!(log.contains("request"), "{log}");
    for secret in [people.expert.secret.as_str(), &people.glasses.secret, "very-secret", "secret-password"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
