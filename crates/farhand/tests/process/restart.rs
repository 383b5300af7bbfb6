//! What a server that was killed takes up again: calls, rings and deadlines.

use std::collections::HashSet;

use farhand_protocol::{
    call::{CallLogQuery, CallStatus},
    frame::{CallView, PersonState, Seat, ServerFrame, Signal},
};
use tokio::{process::Command, task::JoinSet};

use crate::{
    people::{People, call_when, events, ring_of},
    process::{Data, Server},
    wait::{soon, until},
};

fn with_times(mut command: Command, popup: &str, grace: &str) -> Command {
    command
        .env("FARHAND_CALLS__POPUP_RING_SECONDS", popup)
        .env("FARHAND_CALLS__GRACE_SECONDS", grace)
        .env("FARHAND_CALLS__SEAT_SECONDS", grace);
    command
}

/// Kills the server and starts it again at the same address, as a supervisor does.
async fn killed_and_started_again(server: Server, data: &Data, popup: &str, grace: &str) -> Server {
    let address = server.address().to_owned();
    server.kill().await;
    Server::start(with_times(data.serve_on(&address), popup, grace)).await
}

fn states(call: &CallView) -> Vec<PersonState> {
    call.people.iter().map(|person| person.state).collect()
}

#[tokio::test]
async fn a_ringing_callee_is_rung_again_after_a_kill_and_gets_more_time() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let (popup, grace) = ("5", "60");
    let server = Server::start(with_times(data.serve(), popup, grace)).await;
    let mut expert = people.expert.connect(&server.url).await;
    let log = people.glasses.rest(&server.url).create_call(&people.direct()).await.unwrap();
    let first = ring_of(&mut expert, log.call_id).await;

    let server = killed_and_started_again(server, &data, popup, grace).await;
    let mut expert = people.expert.connect(&server.url).await;
    let again = ring_of(&mut expert, log.call_id).await;
    let more = again.until.0.as_millis() - first.until.0.as_millis();
    assert!((50_000..=120_000).contains(&more), "{more} ms more");
    assert_eq!(farhand_protocol::frame::Ring { until: first.until, ..again }, first);
    expert.join(log.call_id).await.unwrap();
    let log = people.glasses.rest(&server.url).call_log(log.call_id).await.unwrap();
    assert_eq!(events(&log), ["Created", "Join"]);
}

#[tokio::test]
async fn a_ring_whose_deadline_passed_while_the_server_was_down_is_not_missed() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(with_times(data.serve(), "1", "60")).await;
    let mut expert = people.expert.connect(&server.url).await;
    let log = people.glasses.rest(&server.url).create_call(&people.direct()).await.unwrap();
    let ring = ring_of(&mut expert, log.call_id).await;
    let address = server.address().to_owned();
    server.kill().await;
    let clock = farhand_server::world::SystemClock;
    until("the ring's deadline", async || (farhand_server::world::Clock::now(&clock) > ring.until.0).then_some(()))
        .await;
    let server = Server::start(with_times(data.serve_on(&address), "1", "60")).await;
    let mut expert = people.expert.connect(&server.url).await;
    ring_of(&mut expert, log.call_id).await;
}

#[tokio::test]
async fn a_call_goes_on_after_a_kill_in_its_middle_with_the_same_media_and_an_untouched_log() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let (popup, grace) = ("45", "60");
    let server = Server::start(with_times(data.serve(), popup, grace)).await;
    let mut expert = people.expert.connect(&server.url).await;
    let mut glasses = people.glasses.connect(&server.url).await;
    let call_id = people.connector.rest(&server.url).create_call(&people.brokered()).await.unwrap().call_id;
    ring_of(&mut expert, call_id).await;
    expert.join(call_id).await.unwrap();
    ring_of(&mut glasses, call_id).await;
    let view = glasses.join(call_id).await.unwrap().unwrap();
    let plan = view.media_plan.clone().unwrap();
    let before = people.connector.rest(&server.url).call_log(call_id).await.unwrap();
    let resume = expert.resume();

    let server = killed_and_started_again(server, &data, popup, grace).await;
    // The server knows no session any more, so the client drops its view and rejoins.
    let mut expert = farhand_client::socket::Socket::connect(&server.url, resume).await.unwrap();
    assert!(!expert.welcome().resumed);
    let seen = call_when(&mut expert, "the call", |call| call.call_id == call_id).await;
    assert_eq!(seen.seat, Seat::Here);
    assert_eq!(states(&view), [PersonState::Joined; 2]);
    assert_eq!(states(&seen), [PersonState::Reconnecting; 2]);
    let mut glasses = people.glasses.connect(&server.url).await;
    for socket in [&mut expert, &mut glasses] {
        let again = socket.rejoin(call_id, plan.epoch).await.unwrap().unwrap();
        assert_eq!(again.media_plan.unwrap().epoch, plan.epoch, "media is torn down");
    }
    let back = call_when(&mut expert, "both back", |call| !states(call).contains(&PersonState::Reconnecting)).await;
    assert_eq!(states(&back), states(&view));

    let state = Signal::Restart {};
    glasses.signal(call_id, plan.epoch, plan.peer.unwrap(), state.clone()).await.unwrap();
    let passed = async {
        loop {
            if let ServerFrame::Signal { signal, epoch, .. } = expert.next().await.unwrap() {
                return (signal, epoch);
            }
        }
    };
    assert_eq!(soon("a signal", passed).await, (state, plan.epoch));

    let after = people.connector.rest(&server.url).call_log(call_id).await.unwrap();
    assert_eq!(after.call_events, before.call_events);
    assert_eq!(events(&after), ["Created", "Join", "Join"]);
    let reconnected = after.call_history.iter().filter(|item| item.kind == "Reconnected").count();
    assert_eq!(reconnected, 2, "{:?}", after.call_history);
    expert.leave(call_id).await.unwrap();
    let end = people.connector.rest(&server.url).call_log(call_id).await.unwrap();
    assert_eq!(events(&end), ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
}

#[tokio::test]
async fn a_call_nobody_comes_back_to_ends_after_the_grace_time() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(with_times(data.serve(), "45", "60")).await;
    let mut expert = people.expert.connect(&server.url).await;
    let mut glasses = people.glasses.connect(&server.url).await;
    let call_id = glasses.create_call(people.direct()).await.unwrap().unwrap().call_id;
    expert.join(call_id).await.unwrap();

    let server = killed_and_started_again(server, &data, "45", "2").await;
    let rest = people.glasses.rest(&server.url);
    assert_eq!(events(&rest.call_log(call_id).await.unwrap()), ["Created", "Join", "Join"]);
    let ended = async || rest.call_log(call_id).await.ok().filter(|log| log.call_status == CallStatus::Ended);
    let log = until("the call to end", ended).await;
    assert_eq!(events(&log), ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
    let contacts: HashSet<_> = log.call_events[3..5].iter().map(|event| event.contact.user_db_id).collect();
    assert_eq!(contacts, HashSet::from([Some(people.expert.id), Some(people.glasses.id)]));
}

#[tokio::test]
async fn who_comes_back_alone_is_told_that_the_other_has_left() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(with_times(data.serve(), "45", "60")).await;
    let mut expert = people.expert.connect(&server.url).await;
    let mut glasses = people.glasses.connect(&server.url).await;
    let view = glasses.create_call(people.direct()).await.unwrap().unwrap();
    let joined = expert.join(view.call_id).await.unwrap().unwrap();
    let epoch = joined.media_plan.unwrap().epoch;

    let server = killed_and_started_again(server, &data, "45", "5").await;
    let mut glasses = people.glasses.connect(&server.url).await;
    glasses.rejoin(view.call_id, epoch).await.unwrap();
    let alone = call_when(&mut glasses, "the expert's seat given up", |c| states(c).contains(&PersonState::Left)).await;
    assert_eq!(alone.seat, Seat::Here);
    assert_eq!(alone.media_plan.unwrap().peer, None);
    let log = people.glasses.rest(&server.url).call_log(view.call_id).await.unwrap();
    assert_eq!(events(&log), ["Created", "Join", "Join", "Leave"]);
    assert_eq!(log.call_events[3].contact.user_db_id, Some(people.expert.id));
}

#[tokio::test]
async fn every_call_that_was_answered_survives_a_kill_and_a_retry_makes_no_second() {
    const CLIENTS: usize = 8;
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(data.serve()).await;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (rest, call) = (people.glasses.rest(&server.url), people.direct());
        clients.spawn(async move {
            let mut answered = Vec::new();
            for number in 0.. {
                let key = format!("{client}-{number}");
                match rest.create_call_once(&key, &call).await {
                    Ok(log) => answered.push((key, log.id, log.call_id)),
                    Err(_) => break,
                }
            }
            answered
        });
    }
    let rest = people.glasses.rest(&server.url);
    let enough = async || {
        let page = rest.call_logs(&CallLogQuery { limit: Some(1), ..CallLogQuery::default() }).await.ok()?;
        page.calls.first().filter(|log| log.id > 50).map(|_| ())
    };
    until("fifty calls", enough).await;
    server.kill().await;
    let answered: Vec<_> = clients.join_all().await.into_iter().flatten().collect();

    let server = Server::start(data.serve()).await;
    let rest = people.glasses.rest(&server.url);
    assert!(answered.len() >= 40, "only {} calls", answered.len());
    for (key, id, call_id) in answered {
        assert_eq!(rest.call_log(call_id).await.unwrap().id, id);
        assert_eq!(rest.create_call_once(&key, &people.direct()).await.unwrap().call_id, call_id);
    }
}
