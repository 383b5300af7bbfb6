//! The life of a login's tokens: rotation, theft, expiry, forgery, logout.

use std::time::Duration;

use farhand_client::{
    Token,
    socket::{Hello, Socket, SocketError},
};
use farhand_protocol::{ErrorCode, auth::LoginResponse};
use farhand_testkit::{Account, Answer, PASSWORD, Server, UBIMAX, json};
use reqwest::Method;

async fn refresh(server: &Server, token: &str) -> Answer {
    server.post("/auth/refresh", json!({"refreshToken": token}).to_string()).await
}

async fn me(server: &Server, token: &str) -> Answer {
    Answer::to(server.request(Method::GET, "/auth/me").bearer_auth(token)).await
}

#[tokio::test]
async fn refreshing_rotates_both_tokens_and_the_old_access_token_stops_working() {
    let server = Server::start().await;
    let old = server.login("tester").await;
    let answer = refresh(&server, &old.refresh_token).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let new: LoginResponse = answer.ok();
    assert_ne!((&new.access_token, &new.refresh_token), (&old.token, &old.refresh_token));
    assert_eq!(new.user, old.user);
    assert_eq!(me(&server, &new.access_token).await.status, 200);
    me(&server, &old.token).await.refused(ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_whole_login_newest_tokens_included() {
    let server = Server::start().await;
    let (first, bystander) = (server.login("tester").await, server.login("tester").await);
    let second: LoginResponse = refresh(&server, &first.refresh_token).await.ok();
    let third: LoginResponse = refresh(&server, &second.refresh_token).await.ok();
    let socket = Hello::new(Token::new(&third.access_token));
    let mut device = farhand_testkit::Device::new(Socket::connect(server.url(), socket).await.unwrap());

    let reuse = refresh(&server, &first.refresh_token).await;
    reuse.refused(ErrorCode::RefreshReused);
    let cookies = reuse.all("set-cookie");
    assert!(cookies.len() == 2 && cookies.iter().all(|cookie| cookie.contains("Max-Age=0")), "{cookies:?}");
    me(&server, &third.access_token).await.refused(ErrorCode::Unauthenticated);
    assert_eq!(refresh(&server, &third.refresh_token).await.status, 401);
    assert_eq!(refresh(&server, &second.refresh_token).await.status, 401);
    assert_eq!(device.closed_at_once().await, Some(4401));
    assert_eq!(me(&server, &bystander.token).await.status, 200, "another login of the same user goes on");
}

#[tokio::test]
async fn of_two_refreshes_with_the_same_token_at_once_one_is_reuse() {
    let server = Server::start().await;
    let login = server.login("tester").await;
    let (a, b) = tokio::join!(refresh(&server, &login.refresh_token), refresh(&server, &login.refresh_token));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn an_access_token_expires_and_can_be_refreshed() {
    let server = Server::start().await;
    let login = server.login("tester").await;
    server.clock().move_ahead(Duration::from_secs(899));
    assert_eq!(me(&server, &login.token).await.status, 200);
    server.clock().move_ahead(Duration::from_secs(2));
    let expired = me(&server, &login.token).await;
    expired.refused(ErrorCode::TokenExpired);
    assert_eq!(expired.header("www-authenticate"), "Bearer");
    let new: LoginResponse = refresh(&server, &login.refresh_token).await.ok();
    assert_eq!(me(&server, &new.access_token).await.status, 200);
}

#[tokio::test]
async fn a_login_that_nobody_uses_for_a_month_is_over() {
    let server = Server::start().await;
    let login = server.login("tester").await;
    server.clock().move_ahead(Duration::from_hours(24 * 31));
    refresh(&server, &login.refresh_token).await.refused(ErrorCode::TokenExpired);
}

#[tokio::test]
async fn an_expired_token_opens_no_websocket() {
    let server = Server::start().await;
    let login = server.login("tester").await;
    server.clock().move_ahead(Duration::from_mins(16));
    match Socket::connect(server.url(), login.hello()).await {
        Err(SocketError::Closed { code: Some(4401), refusal: Some(refusal), .. }) => {
            assert_eq!(refusal.code, ErrorCode::TokenExpired);
        }
        other => panic!("{:?}", other.map(|_| "connected")),
    }
}

#[tokio::test]
async fn forged_foreign_and_malformed_tokens_are_all_unknown() {
    let server = Server::start().await;
    let (login, elsewhere) = (server.login("tester").await, Server::start().await.login("tester").await);
    let mut bent = login.token.clone();
    bent.replace_range(bent.len() - 1.., if bent.ends_with('A') { "B" } else { "A" });
    let unsigned_jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI4Iiwicm9sZXMiOlsiYWRtaW4iXX0.";
    let tokens = [
        bent.as_str(),
        elsewhere.token.as_str(),
        login.refresh_token.as_str(),
        unsigned_jwt,
        "fhk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "fha_",
        "' OR 1=1 --",
        &"x".repeat(10_000),
    ];
    for token in tokens {
        let refused = me(&server, token).await;
        refused.refused(ErrorCode::Unauthenticated);
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert!(!refused.text().contains(token), "an answer never repeats a token");
    }
    refresh(&server, &login.token).await.refused(ErrorCode::Unauthenticated);
    refresh(&server, "nonsense").await.refused(ErrorCode::Unauthenticated);
    server.post("/auth/refresh", "").await.refused(ErrorCode::Unauthenticated);
    server.post("/auth/refresh", "{}").await.refused(ErrorCode::Unauthenticated);
    server.post("/auth/refresh", "{").await.refused(ErrorCode::MalformedJson);
}

#[tokio::test]
async fn the_scheme_bearer_is_read_in_any_case_and_another_one_is_refused_even_beside_a_cookie() {
    let server = Server::start().await;
    let login = server.login("tester").await;
    let with = async |value: &str| {
        let request = server.request(Method::GET, "/auth/me").header("authorization", value);
        Answer::to(request.header("cookie", format!("farhand_session={}", login.token))).await
    };
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        assert_eq!(with(&format!("{scheme} {}", login.token)).await.status, 200, "{scheme}");
    }
    let basic = "Basic dGVzdGVyOmRlbW8=";
    for wrong in [basic, "Bearer", "Bearer ", login.token.as_str(), &format!("Token {}", login.token)] {
        with(wrong).await.refused(ErrorCode::Unauthenticated);
    }
}

#[tokio::test]
async fn logging_out_ends_the_login_its_websocket_and_its_cookies_and_no_other_login() {
    let server = Server::start().await;
    let (login, other) = (server.login("tester").await, server.login("tester").await);
    let (mut device, mut other_device) = (login.device().await, other.device().await);
    let answer = login.post_raw("/auth/logout", "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.all("set-cookie").len(), 2);
    assert!(answer.all("set-cookie").iter().all(|cookie| cookie.contains("=; ") && cookie.contains("Max-Age=0")));
    me(&server, &login.token).await.refused(ErrorCode::Unauthenticated);
    assert_eq!(refresh(&server, &login.refresh_token).await.status, 401);
    assert_eq!(device.closed_at_once().await, Some(4401));
    other_device.catch_up().await;
    assert_eq!(me(&server, &other.token).await.status, 200);
}

#[tokio::test]
async fn tokens_survive_a_restart_and_so_does_their_end() {
    let mut server = Server::start().await;
    let (kept, ended) = (server.login("tester").await, server.login("expert1").await);
    ended.rest.logout().await.unwrap();
    server.restart().await;
    assert_eq!(me(&server, &kept.token).await.status, 200);
    me(&server, &ended.token).await.refused(ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn no_token_and_no_password_stands_in_the_database() {
    let mut server = Server::start().await;
    let login = server.login("tester").await;
    let admin = server.login("admin").await;
    let created = admin.post("/admin/api-keys", json!({"name": "crm", "userDbId": login.id()})).await.json();
    let key = created["key"].as_str().unwrap().to_owned();
    let user = json!({"userId": "fresh", "password": "a long secret sentence", "roles": ["expert"]});
    admin.post("/admin/users", user).await.json();
    server.stop().await;
    let secrets = [&login.token, &login.refresh_token, &key, "a long secret sentence"];
    for file in std::fs::read_dir(server.data_dir()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

#[tokio::test]
async fn changing_a_password_ends_all_logins_of_that_user() {
    let server = Server::start().await;
    let (admin, user) = (server.login("admin").await, server.login("tester").await);
    let mut device = user.device().await;
    let path = format!("/admin/users/{}", user.id());
    admin.send(Method::PATCH, &path, json!({"password": "another good password"})).await.json();
    me(&server, &user.token).await.refused(ErrorCode::Unauthenticated);
    assert_eq!(device.closed_at_once().await, Some(4401));
    let old = server.rest().login(UBIMAX, "tester", PASSWORD).await.unwrap_err();
    assert_eq!(old.problem().unwrap().code, ErrorCode::InvalidCredentials);
    let new = server.rest().login(UBIMAX, "tester", "another good password").await.unwrap();
    Account::new(server.rest(), new).device().await;
}
