//! Which pages may open a WebSocket.

use farhand_protocol::ErrorCode;
use farhand_testkit::{Account, Server, json};

use crate::ws_raw::{Raw, hello};

const PORTAL: &str = "https://portal.example.com";
const PUBLIC: &str = "https://calls.example.com";

async fn server() -> Server {
    Server::with(|config| {
        config.allowed_origins = vec![PORTAL.to_owned()];
        config.public_url = Some(format!("{PUBLIC}/"));
    })
    .await
}

fn cookie(account: &Account) -> String {
    format!("theme=dark; __Host-farhand_session={}", account.token)
}

#[tokio::test]
async fn a_page_of_ours_opens_a_session_with_its_cookie_alone() {
    let server = server().await;
    let account = server.login("tester").await;
    let own = server.url().to_owned();
    for origin in [own.as_str(), PORTAL, PUBLIC] {
        let headers = [("origin", origin), ("cookie", &cookie(&account))];
        let mut raw = Raw::upgrade(&server, "/rtc/ws", &headers).await.unwrap();
        raw.say(json!({"type": "hello", "protocol": 1, "deviceId": account.hello().device_id})).await;
        assert_eq!(raw.frame("welcome").await["user"]["userId"], "tester");
    }
}

#[tokio::test]
async fn a_page_of_anybody_elses_is_refused_with_a_cookie_and_without() {
    let server = server().await;
    let account = server.login("tester").await;
    let port = server.address().port();
    let foreign = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        "*".to_owned(),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://127.0.0.1:{port}@evil.example"),
        format!("http://evil.example/127.0.0.1:{port}"),
        "https://evil.portal.example.com".to_owned(),
        "https://portal.example.com.evil.example".to_owned(),
        "http://portal.example.com".to_owned(),
        "https://portal.example.com:8443".to_owned(),
    ];
    for origin in foreign {
        for cookie in [cookie(&account), "theme=dark".to_owned()] {
            let headers = [("origin", origin.as_str()), ("cookie", &cookie)];
            let refused = Raw::upgrade(&server, "/rtc/ws", &headers).await.err();
            let refused = refused.unwrap_or_else(|| panic!("{origin:?} is let in"));
            assert_eq!(refused.code, ErrorCode::CrossSiteRefused, "{origin:?}");
        }
    }
}

#[tokio::test]
async fn a_cookie_needs_an_origin_and_a_token_does_not() {
    let server = server().await;
    let account = server.login("tester").await;
    let refused = Raw::upgrade(&server, "/rtc/ws", &[("cookie", &cookie(&account))]).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::CrossSiteRefused);
    let (mut raw, welcome) = Raw::welcomed(&server, &account).await;
    assert_eq!(welcome["user"]["userId"], "tester");
    raw.lives().await;
}

#[tokio::test]
async fn a_token_in_hello_counts_more_than_the_cookie() {
    let server = server().await;
    let (tester, glasses) = (server.login("tester").await, server.login("glasses1").await);
    let headers = [("origin", PORTAL), ("cookie", &cookie(&tester))];
    let mut raw = Raw::upgrade(&server, "/rtc/ws", &headers).await.unwrap();
    raw.say(hello(&glasses)).await;
    assert_eq!(raw.frame("welcome").await["user"]["userId"], "glasses1");
}
