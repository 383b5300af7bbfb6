//! `farhand demo`

use std::path::{Path, PathBuf};

use farhand_client::rest::Rest;
use farhand_protocol::call::{CallLog, CreateCallRequest};
use tokio::process::Command;

use crate::{
    process::{Data, Server, farhand, run},
    wait::{soon, until},
};

const FREE_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

fn demo(arguments: &[&str]) -> Command {
    let mut command = farhand(["demo"]);
    command.args(FREE_PORT).args(arguments);
    command
}

async fn log_in(url: &str, user: &str) -> Rest {
    let rest = Rest::new(url).unwrap();
    let login = rest.login("ubimax", user, "demo").await.unwrap();
    rest.with_token(farhand_client::Token::new(&login.access_token))
}

#[tokio::test]
async fn the_demo_refuses_to_listen_where_others_can_reach_it() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        run(farhand(["demo", "--listen", address])).await.complains_about(&["farhand serve", address]);
        let mut in_environment = farhand(["demo"]);
        in_environment.env("FARHAND_LISTEN", address);
        run(in_environment).await.complains_about(&["farhand serve", address]);
    }
}

#[tokio::test]
async fn the_demo_prints_accounts_that_can_log_in_with_the_ids_integrations_use() {
    let server = Server::start(demo(&[])).await;
    server.out.says("Stop:").await;
    let told = server.out.all();
    for (user, role, id) in
        [("tester", "expert", Some(8)), ("glasses1", "technician", Some(12)), ("admin", "admin", None)]
    {
        let line =
            told.lines().find(|line| line.trim().starts_with(&format!("{user} "))).unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains(role), "{line}");
        let me = log_in(&server.url, user).await.me().await.unwrap();
        if let Some(id) = id {
            assert!(line.contains(&format!("database id {id}")), "{line}");
            assert_eq!(me.user_db_id, id);
        }
    }
}

#[tokio::test]
async fn the_printed_curl_line_creates_a_call_as_it_stands() {
    let server = Server::start(demo(&[])).await;
    let line = server.out.says("curl").await;
    let output = soon("curl", Command::new("sh").args(["-c", line.trim()]).output()).await.unwrap();
    let log: CallLog = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!((log.creator_user, log.call_title.as_str()), (Some(12), "Pump 7"));
}

#[tokio::test]
async fn a_demo_with_tls_says_so_in_all_it_prints() {
    let mut command = demo(&[]);
    command.env("FARHAND_TLS__SELF_SIGNED", "true");
    let server = Server::start(command).await;
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let line = server.out.says("curl").await;
    server.out.says("Stop:").await;
    assert!(!server.out.all().contains("http://"), "{}", server.out.all());
    let output = soon("curl", Command::new("sh").args(["-c", line.trim()]).output()).await.unwrap();
    let log: CallLog = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(log.call_title, "Pump 7");
}

/// The throw-away directories of a process.
fn open_directories(pid: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    let of_demo = |path: &Path| path.to_string_lossy().contains("farhand-demo-");
    targets.filter(|path| of_demo(path)).filter_map(|path| path.parent().map(Path::to_owned)).collect()
}

#[tokio::test]
async fn nothing_is_left_of_a_demo_without_a_data_directory() {
    let mut server = Server::start(demo(&[])).await;
    server.out.says("Stop:").await;
    let directories = open_directories(&server.pid());
    assert!(!directories.is_empty() && directories[0].exists());
    server.signal("TERM").await;
    assert!(server.ended().await.success());
    assert!(!directories[0].exists(), "{directories:?} is still there");
}

#[tokio::test]
async fn a_demo_with_a_data_directory_is_taken_up_again() {
    let data = Data::new();
    let mut first = Server::start(demo(&["--data", data.arg()])).await;
    let call = log_in(&first.url, "tester").await.create_call(&CreateCallRequest::default()).await.unwrap();
    first.signal("INT").await;
    assert!(first.ended().await.success());

    let second = Server::start(demo(&["--data", data.arg()])).await;
    let log = log_in(&second.url, "tester").await.call_log(call.call_id).await.unwrap();
    assert_eq!(log, call);
    let people = log_in(&second.url, "admin").await.contacts().await.unwrap().users;
    assert_eq!(people.len(), 8, "the second start made people again: {people:?}");
}

/// Whoever has a real server's settings in the environment must not find public passwords in its database.
#[tokio::test]
async fn the_demo_keeps_its_hands_off_a_configured_database() {
    let real = Data::new();
    let database = real.path().join("real.sqlite");
    let file = real.path().join("farhand.toml");
    let url = format!("sqlite://{}", database.display());
    std::fs::write(&file, format!("data_dir = {:?}\ndatabase_url = {url:?}\n", real.path())).unwrap();
    let mut command = demo(&["--config", file.to_str().unwrap()]);
    command.env("FARHAND_DATABASE_URL", &url).env("FARHAND_DATA_DIR", real.path());
    let server = Server::start(command).await;
    server.out.says("Stop:").await;
    let files: Vec<_> = std::fs::read_dir(real.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["farhand.toml"]);
}

#[tokio::test]
async fn the_self_test_passes_and_prints_each_step_and_the_log() {
    let ran = run(farhand(["demo", "--self-test"])).await;
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    for words in
        ["connector1 created MESH call", "tester joined", "glasses1 joined", "every byte as sent", "Self-test passed"]
    {
        assert!(ran.out.contains(words), "{words:?} is missing: {}", ran.out);
    }
    for words in [
        "everybody sends its picture in three sizes: q (180 lines), h (360 lines), f (720 lines)",
        "slots of callertest1: callertest2 on lines ",
        "callertest1 shows the others with 720 lines and gets f of both, every byte as sent",
        "callertest2 shows the others with 360 lines and gets h of both, every byte as sent",
        "expert1 shows the others with 180 lines and gets q of both, every byte as sent",
        "everybody shows the others in another size now",
        "callertest1 shows the others with 180 lines and gets q of both, every byte as sent",
        "callertest2 shows the others with 720 lines and gets f of both, every byte as sent",
        "expert1 shows the others with 360 lines and gets h of both, every byte as sent",
    ] {
        assert!(ran.out.contains(words), "{words:?} is missing: {}", ran.out);
    }
    let steps = ran.out.lines().filter(|line| line.starts_with('[') && line.contains(" s] ")).count();
    assert!(steps >= 10, "{}", ran.out);
    assert!(ran.out.contains("\"callStatus\": \"Ended\""), "{}", ran.out);
}

#[tokio::test]
async fn the_self_test_fails_when_one_side_lies_about_its_certificate() {
    let ran = run(farhand(["demo", "--self-test", "--tamper-fingerprint"])).await;
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.err.contains("Self-test FAILED") && !ran.out.contains("Self-test passed"), "{ran:?}");
}

#[tokio::test]
async fn two_demos_run_side_by_side() {
    let (one, two) = (Server::start(demo(&[])).await, Server::start(demo(&[])).await);
    let call = log_in(&one.url, "tester").await.create_call(&CreateCallRequest::default()).await.unwrap();
    let other = log_in(&two.url, "tester").await;
    until("the other demo", async || other.me().await.ok()).await;
    assert!(other.call_log(call.call_id).await.is_err());
}
