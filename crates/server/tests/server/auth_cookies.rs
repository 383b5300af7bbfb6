//! Browsers: cookies, cross-site requests, CORS.

use farhand_protocol::{ErrorCode, auth::LoginResponse};
use farhand_testkit::{Answer, PASSWORD, Server, UBIMAX, json};
use reqwest::{Method, RequestBuilder};

const PORTAL: &str = "https://portal.example.com";

async fn log_in(server: &Server) -> Answer {
    log_in_as(server, "tester").await
}

async fn log_in_as(server: &Server, user: &str) -> Answer {
    let body = json!({"domain": UBIMAX, "userId": user, "password": PASSWORD}).to_string();
    server.post("/auth/login", body).await
}

/// What a browser sends back of what it was given.
fn cookies(answer: &Answer) -> String {
    let pairs = answer.all("set-cookie").into_iter().map(|cookie| cookie.split(';').next().unwrap());
    pairs.collect::<Vec<_>>().join("; ")
}

fn create_call(server: &Server, cookies: &str) -> RequestBuilder {
    server.request(Method::POST, "/rtc/createCall").header("cookie", cookies).body("{}")
}

#[tokio::test]
async fn the_cookies_are_hidden_from_scripts_and_the_refresh_token_goes_to_auth_only() {
    let server = Server::start().await;
    let answer = log_in(&server).await;
    let login: LoginResponse = answer.ok();
    let access = format!("farhand_session={}; Path=/; Max-Age=900; HttpOnly; SameSite=Lax", login.access_token);
    let refresh =
        format!("farhand_refresh={}; Path=/auth; Max-Age=2592000; HttpOnly; SameSite=Lax", login.refresh_token);
    assert_eq!(answer.all("set-cookie"), [access, refresh]);
}

#[tokio::test]
async fn with_https_the_cookies_are_secure_and_bound_to_the_host() {
    let server = Server::with(|config| config.public_url = Some("https://calls.example.com".to_owned())).await;
    let answer = log_in(&server).await;
    let cookies = answer.all("set-cookie");
    assert!(cookies[0].starts_with("__Host-farhand_session=") && cookies[0].ends_with("; Secure"), "{cookies:?}");
    assert!(cookies[1].starts_with("__Secure-farhand_refresh=") && cookies[1].ends_with("; Secure"), "{cookies:?}");
}

#[tokio::test]
async fn a_cookie_authenticates_refreshes_and_logs_out() {
    let server = Server::start().await;
    let first = cookies(&log_in(&server).await);
    let send =
        async |method, path, cookies: &str| Answer::to(server.request(method, path).header("cookie", cookies)).await;
    assert_eq!(send(Method::GET, "/auth/me", &first).await.json()["userId"], "tester");
    assert_eq!(send(Method::GET, "/auth/me", &format!("theme=dark; {first}; x=y")).await.status, 200);
    let second = cookies(&send(Method::POST, "/auth/refresh", &first).await);
    assert_ne!(first, second);
    send(Method::GET, "/auth/me", &first).await.refused(ErrorCode::Unauthenticated);
    assert_eq!(send(Method::GET, "/auth/me", &second).await.status, 200);
    assert_eq!(send(Method::POST, "/auth/logout", &second).await.status, 204);
    send(Method::GET, "/auth/me", &second).await.refused(ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_cross_site_post_with_a_cookie_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let cookies = cookies(&log_in(&server).await);
    let attacks: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://sub.example.com")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ];
    for headers in attacks {
        let request = headers.iter().fold(create_call(&server, &cookies), |r, (name, value)| r.header(*name, *value));
        Answer::to(request).await.refused(ErrorCode::CrossSiteRefused);
        let logout = server.request(Method::POST, "/auth/logout").header("cookie", &cookies);
        let logout = headers.iter().fold(logout, |r, (name, value)| r.header(*name, *value));
        Answer::to(logout).await.refused(ErrorCode::CrossSiteRefused);
    }
    let mine = server.request(Method::GET, "/rtc/getCallLogs").header("cookie", &cookies);
    assert_eq!(Answer::to(mine).await.json()["calls"], json!([]));
}

#[tokio::test]
async fn an_administrators_page_administrates_and_no_other_site_by_its_cookie() {
    let server = Server::start().await;
    let (admin, expert) = (cookies(&log_in_as(&server, "admin").await), cookies(&log_in(&server).await));
    let send = async |method: Method, path: &str, cookies: &str, site: &str, body: &str| {
        let request = server.request(method, path).header("cookie", cookies).header("sec-fetch-site", site);
        Answer::to(request.body(body.to_owned())).await
    };
    let team = r#"{"name": "Pumps"}"#;
    send(Method::POST, "/admin/teams", &admin, "cross-site", team).await.refused(ErrorCode::CrossSiteRefused);
    send(Method::POST, "/admin/teams", &expert, "same-origin", team).await.refused(ErrorCode::Forbidden);
    let made = send(Method::POST, "/admin/teams", &admin, "same-origin", team).await.json();
    let path = format!("/admin/teams/{}", made["id"]);
    for method in [Method::PUT, Method::DELETE] {
        send(method, &path, &admin, "cross-site", team).await.refused(ErrorCode::CrossSiteRefused);
    }
    assert_eq!(send(Method::GET, "/admin/teams", &admin, "same-origin", "").await.json()[0]["name"], "Pumps");
    assert_eq!(send(Method::DELETE, &path, &admin, "same-origin", "").await.status, 204);
}

#[tokio::test]
async fn a_post_from_the_servers_own_page_passes_and_an_xsrf_header_does_no_harm() {
    let server = Server::start().await;
    let cookies = cookies(&log_in(&server).await);
    let own = server.url();
    let passes: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "same-origin"), ("origin", own)],
        &[("origin", own)],
        &[("x-xsrf-token", "anything")],
        &[("sec-fetch-site", "same-origin"), ("origin", own), ("x-xsrf-token", "anything")],
    ];
    for headers in passes {
        let request = headers.iter().fold(create_call(&server, &cookies), |r, (name, value)| r.header(*name, *value));
        assert_eq!(Answer::to(request).await.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn the_public_url_is_the_servers_own_origin_too() {
    let server = Server::with(|config| config.public_url = Some("https://calls.example.com/".to_owned())).await;
    let cookies = cookies(&log_in(&server).await);
    let request = create_call(&server, &cookies).header("origin", "https://calls.example.com");
    assert_eq!(Answer::to(request).await.status, 200);
}

#[tokio::test]
async fn a_configured_origin_may_use_the_api_with_credentials() {
    let server = Server::with(|config| config.allowed_origins = vec![PORTAL.to_owned()]).await;
    let preflight = server
        .request(Method::OPTIONS, "/rtc/createCall")
        .header("origin", PORTAL)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,idempotency-key,x-xsrf-token");
    let preflight = Answer::to(preflight).await;
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), PORTAL);
    assert_eq!(preflight.header("access-control-allow-credentials"), "true");
    for header in ["authorization", "content-type", "idempotency-key", "x-xsrf-token"] {
        assert!(preflight.header("access-control-allow-headers").contains(header), "{header}");
    }
    let cookies = cookies(&log_in(&server).await);
    let request = create_call(&server, &cookies).header("origin", PORTAL).header("sec-fetch-site", "cross-site");
    let answer = Answer::to(request).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, PORTAL));
    let anonymous = server.request(Method::GET, "/auth/me").header("origin", PORTAL);
    let refusal = Answer::to(anonymous).await;
    refusal.refused(ErrorCode::Unauthenticated);
    assert_eq!(refusal.header("access-control-allow-origin"), PORTAL, "a page can read why it was refused");
}

#[tokio::test]
async fn no_other_origin_is_allowed_however_similar() {
    let server = Server::with(|config| config.allowed_origins = vec![PORTAL.to_owned()]).await;
    let similar = [
        "https://portal.example.com.evil.example",
        "https://evilportal.example.com",
        "http://portal.example.com",
        "https://portal.example.com:8443",
        "null",
        "*",
    ];
    let login = server.login("tester").await;
    for origin in similar {
        let preflight = server
            .request(Method::OPTIONS, "/rtc/createCall")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        assert_eq!(Answer::to(preflight).await.header("access-control-allow-origin"), "", "{origin}");
        let answer = Answer::to(login.request(Method::GET, "/auth/me").header("origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        let post = login.request(Method::POST, "/rtc/createCall").body("{}").header("origin", origin);
        Answer::to(post).await.refused(ErrorCode::CrossSiteRefused);
    }
}

#[tokio::test]
async fn a_websocket_with_a_cookie_needs_an_origin_of_ours() {
    use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest, http::HeaderValue};
    let server = Server::start().await;
    let cookies = cookies(&log_in(&server).await);
    let connect = async |origin: Option<&str>| {
        let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let mut request = format!("ws://{}/rtc/ws", server.address()).into_client_request().unwrap();
        request.headers_mut().insert("cookie", HeaderValue::from_str(&cookies).unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
        }
        match tokio_tungstenite::client_async(request, stream).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(connect(Some(server.url())).await, 101);
    for origin in [None, Some("https://evil.example"), Some("null")] {
        assert_eq!(connect(origin).await, 403, "{origin:?}");
    }
}
