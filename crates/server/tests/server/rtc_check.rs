//! What the page that tests a network may ask for without a login.

use std::sync::Arc;

use farhand_protocol::{ErrorCode, check::CheckAnswer};
use farhand_testkit::{Answer, Server, UBIMAX, json};
use serde_json::Value;
use tokio::net::{TcpStream, UdpSocket};
use turn_types::{attribute::ChannelNumber, message::CHANNEL_BIND};

use crate::{
    sfu_attacks::media_address_of,
    turn_calls::{secure, trust},
    turn_client::Relay,
};

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
    a=fingerprint:sha-256 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F:20\r\n\
    a=setup:actpass\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sctp-port:5000\r\n";

async fn check(server: &Server, path: &str, sdp: &str) -> Answer {
    let url = format!("{}/rtc/check", server.url());
    let body = json!({"path": path, "sdp": sdp}).to_string();
    Answer::to(reqwest::Client::new().post(url).body(body)).await
}

fn candidates(answer: &Value) -> Vec<String> {
    let sdp = answer["sdp"].as_str().unwrap();
    let lines = sdp.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
    lines.map(|candidate| candidate.split(' ').nth(2).unwrap().to_lowercase()).collect()
}

#[tokio::test]
async fn each_path_is_answered_with_candidates_of_its_own_only() {
    let server = Server::start().await;
    for path in ["udp", "tcp"] {
        let answer = check(&server, path, OFFER).await.ok::<Value>();
        let found = candidates(&answer);
        assert!(!found.is_empty() && found.iter().all(|transport| transport == path), "{path}: {found:?}");
    }
    check(&server, "pigeon", OFFER).await.refused(ErrorCode::InvalidField);
    check(&server, "udp", "v=0\r\n").await.refused(ErrorCode::SdpRefused);
}

#[tokio::test]
async fn one_address_gets_only_so_many_connections_at_once() {
    let server = Server::start().await;
    for _ in 0..20 {
        check(&server, "udp", OFFER).await.ok::<Value>();
    }
    check(&server, "udp", OFFER).await.refused(ErrorCode::TooManyAttempts);
}

/// The media engine has looked at them.
#[tokio::test]
async fn offers_that_are_refused_count_as_well() {
    let server = Server::start().await;
    let wrong = OFFER.replace("a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n", "");
    for _ in 0..20 {
        check(&server, "udp", &wrong).await.refused(ErrorCode::SdpRefused);
    }
    check(&server, "udp", &wrong).await.refused(ErrorCode::TooManyAttempts);
}

#[tokio::test]
async fn the_relay_within_tls_is_tested_by_somebody_who_is_logged_in_and_reaches_the_test_only() {
    let plain = Server::start().await;
    check(&plain, "tls", OFFER).await.refused(ErrorCode::Unauthenticated);
    let body = json!({"path": "tls", "sdp": OFFER});
    plain.login("tester").await.post("/rtc/check", body.clone()).await.refused(ErrorCode::NotFound);

    let server = Server::with(|config| {
        config.tls.self_signed = true;
        config.turn.peers = vec!["127.0.0.0/8".to_owned()];
    })
    .await;
    let trust = Arc::new(trust(&server).await);
    let ask = async |path: &str, token: &str, body: &Value| -> (u16, Value) {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            server.address(),
            body.to_string().len()
        );
        let text = crate::tls::answer(secure(server.address(), trust.clone()).await, &request).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    };
    let login = json!({"domain": UBIMAX, "userId": "tester", "password": "demo"});
    let (_, login) = ask("/auth/login", "x", &login).await;
    let token = login["accessToken"].as_str().unwrap();
    let (status, answer) = ask("/rtc/check", token, &body).await;
    assert_eq!(status, 200, "{answer}");
    let CheckAnswer { sdp, ice_servers } = serde_json::from_value(answer).unwrap();
    let [relay] = &ice_servers[..] else { panic!("{ice_servers:?}") };
    assert!(relay.urls.iter().all(|url| url.starts_with("turns:")), "{relay:?}");
    let sfu = media_address_of(&sdp);
    let mut client = Relay::on(secure(server.address(), trust.clone()).await, relay).await;
    assert_eq!(client.allocate().await, Ok(()));
    let (number, somebody) = (ChannelNumber::new(0x4000), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let elsewhere = client.ask(CHANNEL_BIND, somebody.local_addr().ok(), &[&number]).await;
    assert_eq!(elsewhere, Err(403), "a call is what that network was named for");
    assert_eq!(client.ask(CHANNEL_BIND, Some(sfu), &[&number]).await, Ok(()));
}

#[tokio::test]
async fn a_body_that_does_not_end_is_not_waited_for() {
    let server = Server::with(|config| config.http.patience_seconds = 1).await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{";
    let told = crate::tls::answer(stream, head).await;
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
}

#[tokio::test]
async fn bytes_come_and_go_and_there_is_an_end_of_them() {
    let server = Server::start().await;
    let url = |count: u64| format!("{}/rtc/check/bytes?count={count}", server.url());
    let client = reqwest::Client::new();
    for count in [0, 1, 70_000, 4 * 1024 * 1024] {
        let come = client.get(url(count)).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(u64::try_from(come.len()), Ok(count));
        assert_eq!(Answer::to(client.post(url(0)).body(come)).await.json(), json!({"bytes": count}));
    }
    Answer::to(client.get(url(4 * 1024 * 1024 + 1))).await.refused(ErrorCode::InvalidField);
    Answer::to(client.post(url(0)).body(vec![0; 4 * 1024 * 1024 + 1])).await.refused(ErrorCode::BodyTooLarge);
}
