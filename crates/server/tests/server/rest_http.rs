//! What holds for every address: errors, limits, methods, headers.

use farhand_protocol::{ErrorCode, call::IceServers};
use farhand_testkit::{Answer, Server, json};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Sends bytes that no proper client sends, and reads until the server closes.
async fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset after the answer has said what it has to say.
    let _ = tokio::time::timeout(farhand_testkit::WAIT, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_unknown_operation_is_a_problem_and_not_a_page() {
    let server = Server::start().await;
    for path in
        ["/rtc/nothing", "/rtc/createcall", "/rtc/createCall/x", "/auth/nothing", "/admin/nothing", "/admin/users/8/x"]
    {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = Answer::to(server.request(method, path)).await;
            assert_eq!(answer.status, 404, "{path}");
            answer.refused(ErrorCode::NotFound);
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_one() {
    let server = Server::start().await;
    let caller = server.login("admin").await;
    let wrong = [
        (Method::GET, "/rtc/createCall", "POST"),
        (Method::PUT, "/rtc/createCall", "POST"),
        (Method::POST, "/rtc/getCallLogById", "GET,HEAD"),
        (Method::GET, "/auth/login", "POST"),
        (Method::DELETE, "/auth/me", "GET,HEAD"),
        (Method::PATCH, "/rtc/joinCall", "POST"),
        (Method::DELETE, "/admin/users", "GET,HEAD,POST"),
    ];
    for (method, path, allowed) in wrong {
        let answer = Answer::to(caller.request(method.clone(), path)).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        answer.refused(ErrorCode::MethodNotAllowed);
        let mut named: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        named.sort_unstable();
        assert_eq!(named.join(","), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn ten_megabytes_are_too_large_and_the_server_lives() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let huge = format!(r#"{{"callTitle":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    for path in ["/rtc/createCall", "/rtc/updateCall", "/rtc/inviteToCall"] {
        let answer = caller.post_raw(path, huge.clone()).await;
        assert_eq!(answer.status, 413, "{path}");
        answer.refused(ErrorCode::BodyTooLarge);
    }
    server.post("/auth/login", huge.clone()).await.refused(ErrorCode::BodyTooLarge);
    server.post("/auth/refresh", huge).await.refused(ErrorCode::BodyTooLarge);
    let just_fits = format!(r#"{{"callTitle":"Small","x":"{}"}}"#, "x".repeat(512 * 1024 - 28));
    assert_eq!(just_fits.len(), 512 * 1024);
    assert_eq!(caller.post_raw("/rtc/createCall", just_fits.clone()).await.json()["callTitle"], "Small");
    caller.post_raw("/rtc/createCall", just_fits + " ").await.refused(ErrorCode::BodyTooLarge);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_limited_too() {
    let server = Server::start().await;
    let token = server.login("callertest1").await.token;
    let mut request = format!(
        "POST /rtc/createCall HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n"
    );
    for _ in 0..600 {
        request += "400\r\n";
        request += &"x".repeat(1024);
        request += "\r\n";
    }
    request += "0\r\n\r\n";
    let answer = raw(&server, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused_and_never_split() {
    let server = Server::start().await;
    let two_lengths = "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 30\r\n\r\n{}";
    assert!(raw(&server, two_lengths.as_bytes()).await.starts_with("HTTP/1.1 400"));
    let smuggled = "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 40\r\ntransfer-encoding: chunked\r\n\r\n\
                    0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = raw(&server, smuggled.as_bytes()).await;
    assert!(!answer.contains("\r\n\r\nok"), "the second request is none: {answer}");
    let spaced = "GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n";
    assert!(raw(&server, spaced.as_bytes()).await.starts_with("HTTP/1.1 400"));
    let endless = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(1024 * 1024));
    let answer = raw(&server, endless.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(server.get("/healthz").await.text(), "ok\n");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start().await;
    for path in ["/", "/healthz", "/rtc/getCallLogs", "/rtc/nothing", "/v3/api-docs", "/swagger-ui/", "/auth/login"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe-eval") && !policy.contains("script-src"), "{path}");
        assert_eq!(policy.contains("unsafe-inline"), path.starts_with("/swagger-ui"), "{path}");
        assert_eq!(answer.header("permissions-policy"), "camera=(self), microphone=(self), display-capture=(self)");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn the_process_tells_that_it_lives_and_is_ready() {
    let server = Server::start().await;
    let (lives, ready) = (server.get("/healthz").await, server.get("/readyz").await);
    assert_eq!((lives.status, lives.text()), (200, "ok\n"));
    assert_eq!((ready.status, ready.text()), (200, "ready\n"));
}

#[tokio::test]
async fn ice_servers_come_in_the_shape_browsers_take() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let answer = caller.get("/rtc/getIceServers").await;
    let ice: IceServers = answer.ok();
    assert_eq!((ice.ice_servers.len(), ice.ttl_seconds), (1, 3600));
    assert!(ice.ice_servers[0].urls[0].starts_with("stun:127.0.0.1:"), "{ice:?}");
    assert!(!answer.text().contains("credential"), "nothing is there that is not needed");
    let fixed = Server::with(|config| config.media.public = vec!["203.0.113.7:3478".to_owned()]).await;
    let ice = fixed.login("tester").await.rest.ice_servers().await.unwrap();
    assert_eq!(ice.ice_servers[0].urls, ["stun:203.0.113.7:3478"]);
}

#[tokio::test]
async fn contacts_are_the_domains_people_and_teams_with_presence() {
    let server = Server::start().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let team = admin.post("/admin/teams", json!({"name": "Pumps", "members": [8]})).await.json();
    let expert2 = server.login("expert2").await.id();
    admin.send(Method::PATCH, &format!("/admin/users/{expert2}"), json!({"disabled": true})).await.json();
    let mut phone = caller.device().await;
    let glasses = server.login("glasses1").await;
    let mut head = glasses.device().await;
    let call = phone.create_call(json!({"invitedContacts": [glasses.invited()]})).await;
    head.ring(call.call_id).await;
    let answer = caller.get("/rtc/getContacts").await;
    let list = answer.json();
    let presence = |user: &str| {
        let entry = list["users"].as_array().unwrap().iter().find(|entry| entry["userId"] == user);
        entry.map(|entry| entry["presence"].as_str().unwrap().to_owned())
    };
    assert_eq!(presence("callertest1").as_deref(), Some("inCall"));
    assert_eq!(presence("glasses1").as_deref(), Some("online"));
    assert_eq!(presence("tester").as_deref(), Some("offline"));
    assert_eq!(presence("expert2"), None, "disabled");
    assert!(list["users"].as_array().unwrap().iter().all(|entry| entry["domain"] == "ubimax"));
    assert_eq!(list["teams"], json!([{"id": team["id"], "name": "Pumps", "domain": "ubimax"}]));
    assert!(!answer.text().contains('@'), "addresses are not for everybody");
}

/// Until the server closes the connection.
async fn everything(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let read = timeout(farhand_testkit::WAIT, stream.read_to_end(&mut all))
        .await
        .unwrap_or_else(|_| panic!("the server does not hang up"));
    // A reset is an end as well.
    drop(read);
    all
}

#[tokio::test]
async fn whoever_does_not_say_what_he_wants_is_hung_up_on() {
    let server = Server::with(|config| config.http.patience_seconds = 1).await;
    let half_a_frame = [0x00, 0x6c, 0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3];
    let slow: [&[u8]; 5] = [b"", b"\x00", b"GET / HTTP/1.1\r\nhost:", &half_a_frame[..9], b"\x16\x03\x01"];
    for first in slow {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(first).await.unwrap();
        let answer = everything(&mut stream).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{first:?}");
    }
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let answer = everything(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "answered, and hung up on when nothing else came");
}

#[tokio::test]
async fn media_over_tcp_for_nobody_is_hung_up_on_at_once() {
    let server = Server::start().await;
    let mut request = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
    request.extend([5; 12]);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&u16::try_from(request.len()).unwrap().to_be_bytes()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    assert!(everything(&mut stream).await.is_empty());
}
