//! Administration on the command line, while the server runs.

use std::time::Duration;

use farhand_client::{
    rest::Rest,
    socket::{Hello, Socket, SocketError},
};
use farhand_protocol::ErrorCode;

use crate::{
    people::{DOMAIN, PASSWORD, People, Person, code},
    process::{Data, Server, farhand, run},
    wait::{until_within, within},
};

/// "Within seconds", on a busy machine.
const SECONDS: Duration = Duration::from_secs(15);
const OTHER_PASSWORD: &str = "another password";

async fn can_log_in(url: &str, domain: &str, user: &str, password: &str) -> bool {
    match Rest::new(url).unwrap().login(domain, user, password).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(code(&error), ErrorCode::InvalidCredentials);
            false
        }
    }
}

async fn add(data: &Data, user: &str, password: &str) {
    let mut command = data.command(&["user", "add", "--domain", DOMAIN, "--user", user, "--role", "expert"]);
    command.env("FARHAND_PASSWORD", password);
    run(command).await.succeeded();
}

async fn works(person: &Person, url: &str) -> bool {
    match person.rest(url).me().await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(code(&error), ErrorCode::Unauthenticated);
            false
        }
    }
}

/// Reads until the server closes.
async fn closed_with(mut socket: Socket) -> Option<u16> {
    let closed = async {
        loop {
            match socket.next().await {
                Ok(_) => {}
                Err(SocketError::Closed { code, .. }) => return code,
                Err(error) => panic!("{error}"),
            }
        }
    };
    within(SECONDS, "the server to close the WebSocket", closed).await
}

#[tokio::test]
async fn the_first_start_says_how_to_make_the_first_administrator_and_that_works() {
    let data = Data::new();
    let server = Server::start(data.serve()).await;
    let line = server.out.says("farhand user add").await;
    let mut command = farhand(line.split_whitespace().skip(1));
    command.env("FARHAND_PASSWORD", PASSWORD);
    run(command).await.succeeded();
    let login = Rest::new(&server.url).unwrap().login("example", "admin", PASSWORD).await.unwrap();
    assert!(login.user.operator, "the first administrator cannot make domains: {:?}", login.user);
    drop(server);

    let again = Server::start(data.serve()).await;
    again.err.says("ready").await;
    assert!(!again.out.all().contains("user add"), "{}", again.out.all());
}

#[tokio::test]
async fn a_user_added_beside_the_running_server_can_log_in_and_a_password_that_is_made_is_told() {
    let data = Data::new();
    let server = Server::start(data.serve()).await;
    let added = run(data.command(&["user", "add", "--domain", DOMAIN, "--user", "erin", "--role", "expert"])).await;
    let added = added.succeeded().out;
    let password = added.lines().find_map(|line| line.strip_prefix("Password: ")).expect("a password");
    assert!(can_log_in(&server.url, DOMAIN, "erin", password).await);
    assert!(!can_log_in(&server.url, DOMAIN, "erin", "not that").await);
}

#[tokio::test]
async fn a_changed_password_ends_the_logins_and_connections_made_with_the_old_one() {
    let data = Data::new();
    let server = Server::start(data.serve()).await;
    add(&data, "erin", PASSWORD).await;
    let rest = Rest::new(&server.url).unwrap();
    let login = rest.login(DOMAIN, "erin", PASSWORD).await.unwrap();
    let token = farhand_client::Token::new(&login.access_token);
    let socket = Socket::connect(&server.url, Hello::new(token.clone())).await.unwrap();

    let mut command = data.command(&["user", "password", "--domain", DOMAIN, "--user", "erin"]);
    command.env("FARHAND_PASSWORD", OTHER_PASSWORD);
    run(command).await.succeeded();

    assert!(!can_log_in(&server.url, DOMAIN, "erin", PASSWORD).await);
    assert!(can_log_in(&server.url, DOMAIN, "erin", OTHER_PASSWORD).await);
    assert_eq!(code(&rest.refresh(&login.refresh_token).await.unwrap_err()), ErrorCode::Unauthenticated);
    until_within(SECONDS, "the old token to stop working", async || {
        rest.with_token(token.clone()).me().await.is_err().then_some(())
    })
    .await;
    assert_eq!(closed_with(socket).await, Some(4401));
}

#[tokio::test]
async fn a_user_disabled_beside_the_running_server_is_out_within_seconds_and_back_when_enabled() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(data.serve()).await;
    let socket = people.expert.connect(&server.url).await;
    let bystander = people.glasses.connect(&server.url).await;

    run(data.command(&["user", "disable", "--domain", DOMAIN, "--user", people.expert.login])).await.succeeded();
    assert_eq!(closed_with(socket).await, Some(4401));
    assert!(!works(&people.expert, &server.url).await);

    run(data.command(&["user", "enable", "--domain", DOMAIN, "--user", people.expert.login])).await.succeeded();
    until_within(SECONDS, "the key to work again", async || works(&people.expert, &server.url).await.then_some(()))
        .await;
    let mut bystander = bystander;
    bystander.round_trip().await.expect("somebody else's connection was closed");
}

#[tokio::test]
async fn an_api_key_revoked_beside_the_running_server_stops_working_and_its_connections_close() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(data.serve()).await;
    let socket = people.connector.connect(&server.url).await;
    assert!(works(&people.connector, &server.url).await);

    let id = people.connector.key_id.to_string();
    run(data.command(&["api-key", "revoke", "--domain", DOMAIN, &id])).await.succeeded();
    let ended = async || (!works(&people.connector, &server.url).await).then_some(());
    until_within(SECONDS, "the key to stop working", ended).await;
    assert_eq!(closed_with(socket).await, Some(4401));
    let listed = run(data.command(&["api-key", "list", "--domain", DOMAIN])).await.succeeded().out;
    assert!(listed.lines().any(|line| line.trim().starts_with(&id) && line.contains("revoked")), "{listed}");
}

#[tokio::test]
async fn an_api_key_created_beside_the_running_server_acts_as_its_user() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(data.serve()).await;
    let user = people.connector.login;
    let made = data.command(&["api-key", "create", "--domain", DOMAIN, "--user", user, "--name", "tickets"]);
    // Nothing but the key on standard output, so that a script can take it.
    let key = run(made).await.succeeded().out;
    let rest = Rest::new(&server.url).unwrap().with_token(farhand_client::Token::new(key.trim_end()));
    assert_eq!(rest.me().await.unwrap().user_id, user);
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_told_and_change_nothing() {
    let data = Data::new();
    add(&data, "erin", PASSWORD).await;
    let list = || data.command(&["user", "list", "--domain", DOMAIN]);
    let before = run(list()).await.succeeded().out;
    let user = |arguments: &[&str], password: &str| {
        let mut command = data.command(&[&["user"], arguments].concat());
        command.env("FARHAND_PASSWORD", password);
        run(command)
    };
    let role = ["--role", "expert"];
    let twice = [&["add", "--domain", DOMAIN, "--user", "erin"], &role[..]].concat();
    user(&twice, PASSWORD).await.complains_about(&["erin", "exists already"]);
    let weak = [&["add", "--domain", DOMAIN, "--user", "ed"], &role[..]].concat();
    user(&weak, "short").await.complains_about(&["password", "10"]);
    let odd = [&["add", "--domain", DOMAIN, "--user", "e d"], &role[..]].concat();
    user(&odd, PASSWORD).await.complains_about(&["Login names"]);
    user(&["disable", "--domain", DOMAIN, "--user", "nobody"], "").await.complains_about(&["nobody", DOMAIN]);
    user(&["list", "--domain", "elsewhere"], "").await.complains_about(&["elsewhere"]);
    run(data.command(&["api-key", "revoke", "--domain", DOMAIN, "77"])).await.complains_about(&["77"]);
    let team = ["team", "set", "--domain", DOMAIN, "--name", "pumps", "--member", "nobody"];
    run(data.command(&team)).await.complains_about(&["nobody"]);
    assert_eq!(run(list()).await.succeeded().out, before);
    assert!(run(data.command(&["team", "list", "--domain", DOMAIN])).await.succeeded().out.is_empty());
}

#[tokio::test]
async fn how_a_team_is_rung_is_set_and_stays_when_its_members_are() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let set = |more: &[&str]| run(data.command(&[&["team", "set", "--domain", DOMAIN, "--name"], more].concat()));
    set(&["night"]).await.succeeded();
    set(&["pumps", "--strategy", "longest-idle", "--seconds", "30", "--next", "night"]).await.succeeded();
    set(&["pumps", "--member", people.expert.login]).await.succeeded();
    let list = run(data.command(&["team", "list", "--domain", DOMAIN])).await.succeeded().out;
    assert!(list.contains("longest-idle, 30 s each, then night"), "{list}");
    set(&["night", "--next", "pumps"]).await.complains_about(&["circle"]);
    set(&["night", "--seconds", "1"]).await.complains_about(&["120"]);
    set(&["night", "--next", "nobody"]).await.complains_about(&["nobody"]);
}

#[tokio::test]
async fn a_team_set_beside_the_running_server_can_be_called() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let server = Server::start(data.serve()).await;
    let glasses = people.glasses.rest(&server.url);
    assert!(glasses.contacts().await.unwrap().teams.is_empty());
    let team = ["team", "set", "--domain", DOMAIN, "--name", "pumps", "--member", people.expert.login];
    run(data.command(&team)).await.succeeded();
    let seen =
        async || glasses.contacts().await.unwrap().teams.into_iter().find(|t| t.name.as_deref() == Some("pumps"));
    let team = until_within(SECONDS, "the team to be seen", seen).await;
    let mut call = people.direct();
    call.invited_contacts.clear();
    call.invited_teams.push(team);
    let log = glasses.create_call(&call).await.unwrap();
    assert_eq!(log.invited_contacts.iter().map(|c| c.user_db_id).collect::<Vec<_>>(), [Some(people.expert.id)]);
}

#[tokio::test]
async fn data_budgets_are_set_listed_and_cleared_on_the_command_line() {
    let data = Data::new();
    add(&data, "expert", PASSWORD).await;
    let user = ["user", "budget", "--domain", DOMAIN, "--user", "expert"];
    let domain = ["domain", "budget", DOMAIN];
    run(data.command(&[&user[..], &["--kbit", "300"]].concat())).await.succeeded();
    run(data.command(&[&domain[..], &["--kbit", "500", "--megabytes", "50"]].concat())).await.succeeded();
    let users = run(data.command(&["user", "list", "--domain", DOMAIN])).await.succeeded().out;
    assert!(users.trim_end().ends_with(" 300 kbit/s"), "{users}");
    let domains = run(data.command(&["domain", "list"])).await.succeeded().out;
    assert!(domains.trim_end().ends_with(" 500 kbit/s, 50 MB a call"), "{domains}");

    run(data.command(&[&user[..], &["--kbit", "15"]].concat())).await.complains_about(&["16 kbit/s"]);
    run(data.command(&[&domain[..], &["--megabytes", "0"]].concat())).await.complains_about(&["one megabyte"]);
    run(data.command(&user)).await.succeeded();
    let users = run(data.command(&["user", "list", "--domain", DOMAIN])).await.succeeded().out;
    assert!(!users.contains("kbit"), "{users}");
}

#[tokio::test]
async fn terms_for_guests_are_set_listed_and_cleared_on_the_command_line() {
    let data = Data::new();
    add(&data, "expert", PASSWORD).await;
    let terms = ["domain", "terms", DOMAIN];
    let listed = async || run(data.command(&["domain", "list"])).await.succeeded().out;
    let text = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(text.path(), "Be kind.\n").unwrap();
    let file = text.path().to_str().unwrap();
    run(data.command(&[&terms[..], &["--file", file]].concat())).await.succeeded();
    assert!(listed().await.contains("guests allowed on terms"));
    std::fs::write(text.path(), "x".repeat(20_001)).unwrap();
    run(data.command(&[&terms[..], &["--file", file]].concat())).await.complains_about(&["20000"]);
    run(data.command(&[&terms[..], &["--file", "/no/such/file"]].concat())).await.complains_about(&["/no/such/file"]);
    run(data.command(&terms)).await.succeeded();
    assert!(!listed().await.contains("on terms"));
}
