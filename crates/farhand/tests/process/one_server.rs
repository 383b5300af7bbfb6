//! One data directory has one server, and any number of command lines beside it.

use std::{fs::File, process::Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    people::{DOMAIN, PASSWORD, People, ring_of},
    process::{Data, Server, farhand, run},
    wait::soon,
};

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused_and_the_first_is_not_disturbed() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let mut server = Server::start(data.serve()).await;
    let mut expert = people.expert.connect(&server.url).await;
    let glasses = people.glasses.rest(&server.url);
    let before = glasses.create_call(&people.direct()).await.unwrap();

    run(data.serve()).await.complains_about(&[data.arg(), "another server", &server.pid()]);
    let demo = farhand(["demo", "--listen", "127.0.0.1:0", "--data", data.arg()]);
    run(demo).await.complains_about(&[data.arg(), "another server"]);

    assert!(server.runs());
    ring_of(&mut expert, before.call_id).await;
    expert.join(before.call_id).await.expect("the first server has lost its call");
    let after = glasses.create_call(&people.direct()).await.unwrap();
    assert!(after.id > before.id);
}

#[tokio::test]
async fn a_killed_server_does_not_keep_its_data_locked() {
    let data = Data::new();
    let server = Server::start(data.serve()).await;
    server.kill().await;
    let mut server = Server::start(data.serve()).await;
    server.signal("TERM").await;
    assert!(server.ended().await.success());
    Server::start(data.serve()).await;
}

#[tokio::test]
async fn the_command_line_works_beside_a_server_and_without_one() {
    let data = Data::new();
    let add = |user: &str| {
        let mut command = data.command(&["user", "add", "--domain", DOMAIN, "--user", user, "--role", "expert"]);
        command.env("FARHAND_PASSWORD", PASSWORD);
        run(command)
    };
    add("before").await.succeeded();
    let server = Server::start(data.serve()).await;
    add("beside").await.succeeded();
    drop(server);
    let listed = run(data.command(&["user", "list", "--domain", DOMAIN])).await.succeeded().out;
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[tokio::test]
async fn a_program_that_waits_for_its_turn_to_open_the_database_says_so() {
    let data = Data::new();
    let directory = File::open(data.path()).unwrap();
    directory.lock().unwrap();
    let mut command = data.command(&["domain", "add", "d"]);
    let mut waiting = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let said = soon("a word from whoever waits", lines.next_line()).await.unwrap();
    assert!(said.as_deref().is_some_and(|line| line.contains("waiting for another program")), "{said:?}");
    directory.unlock().unwrap();
    assert!(soon("the command to end", waiting.wait()).await.unwrap().success());
}
