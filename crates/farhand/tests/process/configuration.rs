//! Where settings come from, and what is said about those that cannot be used.

use std::{fs, time::Duration};

use tokio::process::Command;

use crate::{
    people::People,
    process::{Data, Server, farhand, run},
};

fn with_file(data: &Data, text: &str) -> Command {
    let file = data.path().join("farhand.toml");
    fs::write(&file, text).unwrap();
    let mut command = data.serve();
    command.arg("--config").arg(file);
    command
}

#[tokio::test]
async fn a_taken_port_is_told_at_once_and_leaves_nothing_behind() {
    let (first, second) = (Data::new(), Data::new());
    let server = Server::start(first.serve()).await;
    let place = second.path().join("data");
    let command = farhand(["serve", "--data", place.to_str().unwrap(), "--listen", server.address()]);
    run(command).await.complains_about(&["cannot listen on", server.address(), "in use"]);
    assert!(!place.exists());
}

#[tokio::test]
async fn a_setting_that_does_not_exist_or_cannot_be_read_is_named() {
    let data = Data::new();
    let cases = [
        ("grace = 3", &["grace"][..]),
        ("[calls]\ngrace = 3", &["grace"]),
        ("[calls]\ngrace_seconds = \"soon\"", &["calls.grace_seconds", "soon"]),
        ("[calls]\ngrace_seconds = -1", &["calls.grace_seconds", "-1"]),
        ("[calls]\ngrace_seconds = 0", &["calls.grace_seconds", "0"]),
        ("listen = \"here\"", &["listen"]),
        ("public_url = \"calls.example.com\"", &["public_url", "https://"]),
        ("allowed_origins = [\"every\\nbody\"]", &["allowed_origins"]),
        ("allowed_origins = [\"https://portal.example.com/\"]", &["allowed_origins", "without a path"]),
        ("allowed_origins = [\"*\"]", &["allowed_origins"]),
        ("database_url = \"mysql://root:secret@db/farhand\"", &["sqlite://", "postgres://"]),
        ("calls = \n", &["farhand.toml"]),
    ];
    for (text, words) in cases {
        let ran = run(with_file(&data, text)).await.complains_about(words);
        assert!(!format!("{ran:?}").contains("secret"), "a password is shown: {ran:?}");
    }
    assert!(!data.path().join("farhand.sqlite").exists());
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let data = Data::new();
    let mut command = data.serve();
    command.args(["--config", "/nowhere/farhand.toml"]);
    run(command).await.complains_about(&["/nowhere/farhand.toml"]);
}

#[tokio::test]
async fn a_setting_in_the_environment_that_does_not_exist_or_cannot_be_read_is_named() {
    let data = Data::new();
    let mut unknown = data.serve();
    unknown.env("FARHAND_CALLS__GRACE", "3");
    run(unknown).await.complains_about(&["grace"]);
    let mut wrong = data.serve();
    wrong.env("FARHAND_CALLS__GRACE_SECONDS", "soon");
    run(wrong).await.complains_about(&["calls.grace_seconds", "soon"]);
}

#[tokio::test]
async fn the_environment_overrides_the_file_and_flags_override_both() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let nowhere = data.path().join("nowhere");
    let text = format!(
        "listen = \"192.0.2.1:1\"\ndata_dir = {nowhere:?}\n[calls]\ngrace_seconds = 11\n[websocket]\nping_seconds = 12\n"
    );
    let mut command = with_file(&data, &text);
    command.env("FARHAND_CALLS__GRACE_SECONDS", "13").env("FARHAND_LISTEN", "192.0.2.2:1");
    command.env("FARHAND_DATA_DIR", &nowhere);
    let server = Server::start(command).await;
    let socket = people.expert.connect(&server.url).await;
    assert_eq!(socket.welcome().grace, Duration::from_secs(13));
    assert_eq!(socket.welcome().ping, Duration::from_secs(12));
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn the_file_can_be_named_in_the_environment_and_lists_are_separated_by_commas() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let mut command = with_file(&data, "[calls]\ngrace_seconds = 11\n");
    command = {
        let file = data.path().join("farhand.toml");
        let mut in_environment = data.serve();
        drop(command);
        in_environment.env("FARHAND_CONFIG", file);
        in_environment.env("FARHAND_ALLOWED_ORIGINS", "https://one.example,https://two.example");
        in_environment
    };
    let server = Server::start(command).await;
    assert_eq!(people.expert.connect(&server.url).await.welcome().grace, Duration::from_secs(11));
    for origin in ["https://one.example", "https://two.example"] {
        let request =
            people.expert.rest(&server.url).request(reqwest::Method::GET, "/auth/me").header("origin", origin);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    }
}

#[tokio::test]
async fn without_any_setting_the_data_lies_below_the_current_directory_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let data = Data::new();
    let mut command = farhand(["serve", "--listen", "127.0.0.1:0"]);
    command.current_dir(data.path());
    let server = Server::start(command).await;
    server.err.says("ready").await;
    let dir = data.path().join("farhand-data");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{path:?} can be read by others");
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let data = Data::new();
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("data");
    let command = farhand(["serve", "--listen", "127.0.0.1:0", "--data", below.to_str().unwrap()]);
    run(command).await.complains_about(&["data directory", below.to_str().unwrap()]);
}
