//! How many may ask for help by public links: of one link, from one address, in one domain; at a time and in an hour.

use std::{net::IpAddr, time::Duration};

use farhand_protocol::{ErrorCode, request_link::RequestLinkRecord};
use farhand_server::config::Config;
use farhand_testkit::{Account, Answer, Guest, Server, json};
use reqwest::Method;

use crate::{
    request_links::{asked, asking, link, visitor},
    requests::{claim, team},
};

/// From an address of its own.
async fn ask_from(visitor: &Guest, address: &str, number: u128) -> Answer {
    let request = visitor.request(Method::POST, "/guest/askForHelp").json(&asking(number));
    Answer::to(request.header("x-forwarded-for", address)).await
}

async fn server(change: impl FnOnce(&mut Config)) -> (Server, Account, RequestLinkRecord) {
    let server = Server::with(|config| {
        config.trusted_proxies = vec![IpAddr::from([127, 0, 0, 1])];
        change(config);
    })
    .await;
    let (admin, expert) = (server.login("admin").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let link = link(&admin, pumps.id).await;
    (server, expert, link)
}

fn must_wait(answer: &Answer) -> u64 {
    let seconds = answer.refused(ErrorCode::TooManyRequests).retry_after.unwrap();
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    seconds
}

#[tokio::test]
async fn of_one_link_so_many_are_open_and_one_that_ends_makes_room() {
    let (server, expert, link) = server(|config| config.requests.open_per_link = 2).await;
    let vera = visitor(&server, &link.path);
    let (first, _) = asked(&server, &vera, 1).await;
    asked(&server, &vera, 2).await;
    assert_eq!(must_wait(&ask_from(&vera, "192.0.2.9", 3).await), 60);
    ask_from(&vera, "192.0.2.9", 2).await.json();
    claim(&expert, first).await.json();
    must_wait(&ask_from(&vera, "192.0.2.9", 3).await);
    server.login("admin").await.post("/rtc/endCall", json!({"callId": first})).await.json();
    ask_from(&vera, "192.0.2.9", 3).await.json();
}

#[tokio::test]
async fn of_one_link_so_many_are_new_in_an_hour_over_a_restart() {
    let (mut server, _, link) = server(|config| {
        config.requests.hourly_per_link = 2;
        config.requests.open_per_link = 99;
    })
    .await;
    let vera = visitor(&server, &link.path);
    asked(&server, &vera, 1).await;
    server.clock().move_ahead(Duration::from_mins(40));
    asked(&server, &vera, 2).await;
    server.restart().await;
    let wait = must_wait(&ask_from(&vera, "192.0.2.9", 3).await);
    assert!((19 * 60..=20 * 60).contains(&wait), "{wait}");
    server.clock().move_ahead(Duration::from_secs(wait));
    ask_from(&vera, "192.0.2.9", 3).await.json();
}

#[tokio::test]
async fn a_link_has_limits_of_its_own() {
    let (server, _, link) = server(|_| {}).await;
    let admin = server.login("admin").await;
    let path = format!("/admin/requestLinks/{}", link.id);
    admin.send(Method::PATCH, &path, json!({"mostOpen": 1})).await.json();
    let vera = visitor(&server, &link.path);
    asked(&server, &vera, 1).await;
    must_wait(&ask_from(&vera, "192.0.2.9", 2).await);
    admin.send(Method::PATCH, &path, json!({"mostOpen": 9, "mostHourly": 1})).await.json();
    must_wait(&ask_from(&vera, "192.0.2.9", 2).await);
    admin.send(Method::PATCH, &path, json!({"mostHourly": 9})).await.json();
    ask_from(&vera, "192.0.2.9", 2).await.json();
}

#[tokio::test]
async fn one_address_asks_at_so_many_machines_and_others_go_on() {
    for (open, hourly) in [(2, 99), (99, 2)] {
        let (server, _, first) = server(|config| {
            config.requests.open_per_address = open;
            config.requests.hourly_per_address = hourly;
        })
        .await;
        let admin = server.login("admin").await;
        let second = link(&admin, first.teams[0].id.unwrap()).await;
        let (here, there) = (visitor(&server, &first.path), visitor(&server, &second.path));
        ask_from(&here, "2001:db8::1", 1).await.json();
        ask_from(&there, "2001:db8::2", 2).await.json();
        must_wait(&ask_from(&there, "2001:db8::3", 3).await);
        ask_from(&there, "2001:db8:0:1::3", 4).await.json();
        let known = server.execute("SELECT 1 FROM request_origins WHERE network LIKE '%2001%'").await;
        assert_eq!(known, 0, "no address is kept");
    }
}

#[tokio::test]
async fn a_domain_has_so_many_from_everywhere_and_many_at_once_find_no_more_room() {
    let (server, _, link) = server(|config| {
        config.requests.open_per_domain = 3;
        config.requests.open_per_link = 99;
    })
    .await;
    let vera = visitor(&server, &link.path);
    let asking = (0..12_u128).map(|number| {
        let (token, base) = (vera.token.clone(), server.rest().clone());
        tokio::spawn(async move {
            let by = base.with_token(farhand_client::Token::new(&token));
            let request = by.request(Method::POST, "/guest/askForHelp").json(&asking(number));
            Answer::to(request.header("x-forwarded-for", format!("192.0.2.{number}"))).await.status
        })
    });
    let mut made = 0;
    for answer in asking.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            200 => made += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(made, 3);
}
