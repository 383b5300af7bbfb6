//! PostgreSQL as the database.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::CallStatus,
    frame::{PersonState, ServerFrame, Signal},
};
use farhand_testkit::{ports, postgres::Postgres};
use tokio::{process::Command, task::spawn_blocking};

use crate::{
    people::{People, call_when, code, events, ring_of},
    process::{Data, Server, farhand, run},
    wait::{until, within},
};

async fn start_postgres() -> Postgres {
    spawn_blocking(|| Postgres::start().unwrap()).await.unwrap()
}

fn serve(data: &Data, database: &str) -> Command {
    let mut command = data.serve();
    command.env("FARHAND_DATABASE_URL", database);
    command
}

#[tokio::test]
async fn a_whole_brokered_call_is_made_and_told_on_postgresql() {
    let database = start_postgres().await;
    let url = database.url("postgres");
    let people = People::settle_in(&url).await;
    let data = Data::new();
    let server = Server::start(serve(&data, &url)).await;
    let mut expert = people.expert.connect(&server.url).await;
    let mut glasses = people.glasses.connect(&server.url).await;
    let connector = people.connector.rest(&server.url);
    let call_id = connector.create_call(&people.brokered()).await.unwrap().call_id;
    ring_of(&mut expert, call_id).await;
    glasses.round_trip().await.unwrap();
    assert!(!glasses.holds(|frame| matches!(frame, ServerFrame::Ring { .. })), "rung before an expert joined");
    expert.join(call_id).await.unwrap();
    ring_of(&mut glasses, call_id).await;
    glasses.join(call_id).await.unwrap();
    let running = connector.call_log(call_id).await.unwrap();
    assert_eq!(
        (events(&running).as_slice(), running.call_status),
        (&["Created", "Join", "Join"][..], CallStatus::Started)
    );
    expert.leave(call_id).await.unwrap();
    let told = call_when(&mut glasses, "the end", |call| call.end_reason.is_some()).await;
    assert_eq!(told.call_id, call_id);
    let log = connector.call_log(call_id).await.unwrap();
    assert_eq!(events(&log), ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
    assert!(!data.path().join("farhand.sqlite").exists(), "there is an SQLite file beside PostgreSQL");

    server.kill().await;
    let again = Server::start(serve(&data, &url)).await;
    assert_eq!(people.connector.rest(&again.url).call_log(call_id).await.unwrap(), log);
}

#[tokio::test]
async fn a_call_survives_a_database_that_goes_away_and_comes_back() {
    let database = start_postgres().await;
    let url = database.url("postgres");
    let people = People::settle_in(&url).await;
    let data = Data::new();
    let mut server = Server::start(serve(&data, &url)).await;
    let mut expert = people.expert.connect(&server.url).await;
    let mut glasses = people.glasses.connect(&server.url).await;
    let call_id = glasses.create_call(people.direct()).await.unwrap().unwrap().call_id;
    ring_of(&mut expert, call_id).await;
    let plan = expert.join(call_id).await.unwrap().unwrap().media_plan.unwrap();
    let rest = people.expert.rest(&server.url);

    let database = spawn_blocking(|| database.stop().map(|()| database).unwrap()).await.unwrap();
    let refused = within(Duration::from_secs(20), "a refusal", rest.create_call(&people.direct())).await;
    assert_eq!(code(&refused.unwrap_err()), ErrorCode::StorageUnavailable);
    let refused = expert.leave(call_id).await.unwrap_err().to_string();
    assert!(refused.contains("storage_unavailable"), "{refused}");
    let ready = rest.request(reqwest::Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let healthy = rest.request(reqwest::Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(healthy.status(), 200);
    // Media needs no database, and neither does what two ends say to each other.
    expert.signal(call_id, plan.epoch, plan.peer.unwrap(), Signal::Restart {}).await.unwrap();
    expert.round_trip().await.unwrap();
    glasses.round_trip().await.unwrap();
    assert!(glasses.holds(|frame| matches!(frame, ServerFrame::Signal { .. })));

    let database = spawn_blocking(|| database.resume().map(|()| database).unwrap()).await.unwrap();
    until("a call to be made again", async || rest.create_call(&people.direct()).await.ok()).await;
    assert!(server.runs());
    assert_eq!(events(&rest.call_log(call_id).await.unwrap()), ["Created", "Join", "Join"]);
    glasses.leave(call_id).await.unwrap();
    let told = call_when(&mut expert, "the end", |call| call.end_reason.is_some()).await;
    assert!(told.people.iter().all(|person| person.state == PersonState::Left));
    assert_eq!(events(&rest.call_log(call_id).await.unwrap()), ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
    drop(database);
}

#[tokio::test]
async fn what_time_does_to_a_call_is_made_up_for_when_the_database_is_back() {
    let database = start_postgres().await;
    let url = database.url("postgres");
    let people = People::settle_in(&url).await;
    let data = Data::new();
    let mut command = serve(&data, &url);
    command.env("FARHAND_CALLS__POPUP_RING_SECONDS", "3");
    let server = Server::start(command).await;
    let rest = people.glasses.rest(&server.url);
    let call_id = rest.create_call(&people.direct()).await.unwrap().call_id;
    let database = spawn_blocking(|| database.stop().map(|()| database).unwrap()).await.unwrap();
    server.err.says("calls could not be saved").await;
    let database = spawn_blocking(|| database.resume().map(|()| database).unwrap()).await.unwrap();
    let ended = async || rest.call_log(call_id).await.ok().filter(|log| log.call_status == CallStatus::Ended);
    let log = until("the call to be missed", ended).await;
    assert_eq!(events(&log), ["Created", "Missed", "Ended"]);
    drop(database);
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_told_without_its_password() {
    let data = Data::new();
    let free = ports::free();
    let url = format!("postgres://farhand:secret-password@{free}/farhand");
    let ran = run(serve(&data, &url)).await.complains_about(&["database"]);
    assert!(!format!("{ran:?}").contains("secret-password"), "{ran:?}");
    let mut add = farhand(["user", "list", "--domain", "plant", "--data", data.arg()]);
    add.env("FARHAND_DATABASE_URL", &url);
    let ran = run(add).await.complains_about(&["database"]);
    assert!(!format!("{ran:?}").contains("secret-password"), "{ran:?}");
}
