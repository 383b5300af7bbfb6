//! Logging in with a password, and being kept from guessing one.

use farhand_protocol::{
    ErrorCode,
    auth::{LoginResponse, Role, User},
};
use farhand_testkit::{Answer, OTHER_DOMAIN, PASSWORD, Server, UBIMAX, json};
use reqwest::Method;
use serde_json::Value;

async fn log_in(server: &Server, domain: &str, user_id: &str, password: &str) -> Answer {
    let body = json!({"domain": domain, "userId": user_id, "password": password});
    server.post("/auth/login", body.to_string()).await
}

#[tokio::test]
async fn the_right_password_opens_a_login_that_says_who_one_is() {
    let server = Server::start().await;
    let answer = log_in(&server, UBIMAX, "tester", PASSWORD).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let login: LoginResponse = answer.ok();
    assert_eq!((login.token_type.as_str(), login.expires_in), ("Bearer", 900));
    assert!(
        login.access_token.len() > 40 && login.refresh_token.len() > 40 && login.access_token != login.refresh_token
    );
    let user = User {
        user_db_id: 8,
        user_id: "tester".to_owned(),
        display_name: "Tester".to_owned(),
        domain: UBIMAX.to_owned(),
        roles: vec![Role::Expert],
        email: Some("tester@ubimax.example".to_owned()),
        phone_number: None,
        operator: false,
    };
    assert_eq!(login.user, user);
    let me = server.request(Method::GET, "/auth/me").bearer_auth(&login.access_token);
    assert_eq!(Answer::to(me).await.ok::<User>(), user);
}

#[tokio::test]
async fn a_wrong_password_an_unknown_user_and_an_unknown_domain_get_the_same_answer() {
    let server = Server::start().await;
    let wrong = log_in(&server, UBIMAX, "tester", "demo ").await;
    wrong.refused(ErrorCode::InvalidCredentials);
    for (domain, user) in [(UBIMAX, "nobody"), ("nowhere", "tester"), (OTHER_DOMAIN, "tester"), (UBIMAX, "TESTER")] {
        let unknown = log_in(&server, domain, user, PASSWORD).await;
        assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body), "{domain}/{user}");
        assert!(unknown.all("set-cookie").is_empty());
    }
}

#[tokio::test]
async fn the_same_login_name_in_another_domain_is_another_user() {
    let server = Server::start().await;
    let (here, there) = (server.login("expert1").await, server.login_at(OTHER_DOMAIN, "expert1").await);
    assert_ne!(here.id(), there.id());
    assert_eq!(there.user.domain, OTHER_DOMAIN);
}

#[tokio::test]
async fn a_disabled_user_is_answered_like_an_unknown_one() {
    let server = Server::start().await;
    let (admin, user) = (server.login("admin").await, server.login("expert2").await);
    admin.send(Method::PATCH, &format!("/admin/users/{}", user.id()), json!({"disabled": true})).await.json();
    let disabled = log_in(&server, UBIMAX, "expert2", PASSWORD).await;
    assert_eq!(disabled.body, log_in(&server, UBIMAX, "nobody", PASSWORD).await.body);
    disabled.refused(ErrorCode::InvalidCredentials);
}

#[tokio::test]
async fn a_login_body_that_is_incomplete_or_of_wrong_types_is_refused() {
    let server = Server::start().await;
    for body in ["", "{", "null", "[]", "\"demo\""] {
        let refused = server.post("/auth/login", body).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text());
        refused.problem();
    }
    let full = json!({"domain": UBIMAX, "userId": "tester", "password": PASSWORD});
    for field in ["domain", "userId", "password"] {
        for wrong in [Value::Null, json!(""), json!(7), json!(["demo"]), json!({"$ne": ""})] {
            let mut body = full.clone();
            body[field] = wrong;
            server.post("/auth/login", body.to_string()).await.refused(ErrorCode::InvalidField);
        }
    }
}

#[tokio::test]
async fn a_thousand_wrong_passwords_lock_that_account_only_and_the_server_lives() {
    let server = Server::start().await;
    for attempt in 0..1000 {
        let answer = log_in(&server, UBIMAX, "tester", &format!("guess {attempt}")).await;
        if attempt < 10 {
            answer.refused(ErrorCode::InvalidCredentials);
        } else {
            let problem = answer.refused(ErrorCode::TooManyAttempts);
            let wait = problem.retry_after.unwrap();
            assert!((1..=300).contains(&wait), "{wait}");
            assert_eq!(answer.header("retry-after"), wait.to_string());
        }
    }
    log_in(&server, UBIMAX, "tester", PASSWORD).await.refused(ErrorCode::TooManyAttempts);
    server.login("expert1").await;
    server.clock().move_ahead(std::time::Duration::from_mins(5));
    server.login("tester").await;
}

#[tokio::test]
async fn an_address_that_tries_very_many_accounts_has_to_wait_for_all_of_them() {
    let server = Server::with(|config| config.login.max_failures = 2).await;
    for account in 0..20 {
        log_in(&server, UBIMAX, &format!("nobody{account}"), "x").await.refused(ErrorCode::InvalidCredentials);
    }
    log_in(&server, UBIMAX, "tester", PASSWORD).await.refused(ErrorCode::TooManyAttempts);
}

#[tokio::test]
async fn a_made_up_forwarded_address_does_not_escape_the_lock() {
    let server = Server::with(|config| config.login.max_failures = 3).await;
    let attempt = async |address: u8| {
        let body = json!({"domain": UBIMAX, "userId": "tester", "password": "wrong"}).to_string();
        let request = server.request(Method::POST, "/auth/login").body(body);
        Answer::to(request.header("x-forwarded-for", format!("203.0.113.{address}"))).await
    };
    for address in 0..3 {
        attempt(address).await.refused(ErrorCode::InvalidCredentials);
    }
    attempt(4).await.refused(ErrorCode::TooManyAttempts);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_forwarded_address_is_counted_for_itself() {
    let server = Server::with(|config| {
        config.login.max_failures = 1;
        config.trusted_proxies = vec![[127, 0, 0, 1].into()];
    })
    .await;
    let attempt = async |address: &str, password: &str| {
        let body = json!({"domain": UBIMAX, "userId": "tester", "password": password}).to_string();
        Answer::to(server.request(Method::POST, "/auth/login").body(body).header("x-forwarded-for", address)).await
    };
    attempt("203.0.113.1", "wrong").await.refused(ErrorCode::InvalidCredentials);
    attempt("203.0.113.1", PASSWORD).await.refused(ErrorCode::TooManyAttempts);
    attempt("203.0.113.2", PASSWORD).await.json();
}
