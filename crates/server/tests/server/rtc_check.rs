//! What the page that tests a network may ask for without a login.

use farhand_protocol::ErrorCode;
use farhand_testkit::{Answer, Server, json};
use serde_json::Value;

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
    for _ in 0..10 {
        check(&server, "udp", OFFER).await.ok::<Value>();
    }
    check(&server, "udp", OFFER).await.refused(ErrorCode::TooManyAttempts);
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
