//! Which browsers may be let ring, by whom, and until when.

use farhand_protocol::{ErrorCode, push::PushSubscription};
use farhand_testkit::{Account, Server, json};
use serde_json::Value;

use crate::{
    guests::{gil, invited_to},
    push_service::{PushService, inside, subscribe, subscription},
};

async fn listed(account: &Account) -> Vec<PushSubscription> {
    let listed = account.get("/rtc/getPushSubscriptions").await.json();
    serde_json::from_value(listed["subscriptions"].clone()).unwrap()
}

async fn ready() -> (Server, PushService, Account) {
    let (server, service) = (Server::with(inside).await, PushService::start().await);
    let tester = server.login("tester").await;
    (server, service, tester)
}

#[tokio::test]
async fn a_browser_is_listed_without_what_makes_it_ring_and_can_be_removed() {
    let (server, service, tester) = ready().await;
    let kept: PushSubscription = subscribe(&tester, &service.endpoint("desk")).await.ok();
    assert_eq!((kept.label.as_deref(), kept.service.as_str()), (Some("Desk"), "127.0.0.1"));
    assert_eq!(listed(&tester).await, std::slice::from_ref(&kept));
    let again: PushSubscription = subscribe(&tester, &service.endpoint("desk")).await.ok();
    assert_eq!((again.id, listed(&tester).await.len()), (kept.id.clone(), 1));
    let text = tester.get("/rtc/getPushSubscriptions").await.json().to_string();
    assert!(!text.contains(&service.endpoint("desk")) && !text.contains("BTBZ"), "{text}");
    let id = json!({"id": kept.id});
    let other = server.login("expert1").await;
    assert!(listed(&other).await.is_empty());
    other.post("/rtc/unsubscribeFromPush", id.clone()).await.refused(ErrorCode::NotFound);
    assert_eq!(tester.post("/rtc/unsubscribeFromPush", id.clone()).await.status, 204);
    tester.post("/rtc/unsubscribeFromPush", id).await.refused(ErrorCode::NotFound);
    assert!(listed(&tester).await.is_empty());
}

#[tokio::test]
async fn addresses_inside_the_servers_network_are_refused() {
    let server = Server::start().await;
    let tester = server.login("tester").await;
    let wrong = [
        "http://8.8.8.8/",
        "https://127.0.0.1:9/",
        "http://127.0.0.1:9/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://user:password@8.8.8.8/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "push",
    ];
    for endpoint in wrong {
        subscribe(&tester, endpoint).await.refused_at(ErrorCode::InvalidField, "/endpoint");
    }
    let long = format!("https://8.8.8.8/{}", "x".repeat(2_000));
    subscribe(&tester, &long).await.refused_at(ErrorCode::InvalidField, "/endpoint");
    assert_eq!(subscribe(&tester, "https://8.8.8.8/send/x").await.status, 200);
}

#[tokio::test]
async fn the_administrator_says_which_push_services_are_used() {
    let server = Server::with(|config| config.push.hosts = vec!["8.8.8.8".to_owned()]).await;
    let tester = server.login("tester").await;
    assert_eq!(subscribe(&tester, "https://8.8.8.8/x").await.status, 200);
    subscribe(&tester, "https://8.8.4.4/x").await.refused_at(ErrorCode::InvalidField, "/endpoint");
}

#[tokio::test]
async fn keys_that_nothing_can_be_sealed_with_are_refused() {
    let (_server, service, tester) = ready().await;
    let good = subscription(&service.endpoint("desk"));
    let wrong = |keys: Value| {
        let mut body = good.clone();
        body["keys"] = keys;
        tester.post("/rtc/subscribeToPush", body)
    };
    let (point, auth) = (&good["keys"]["p256dh"], &good["keys"]["auth"]);
    for keys in [
        json!({"p256dh": "BAAA", "auth": auth}),
        json!({"p256dh": "not base64!", "auth": auth}),
        json!({"p256dh": point, "auth": "AAAA"}),
        json!({"p256dh": auth, "auth": auth}),
    ] {
        wrong(keys).await.refused_at(ErrorCode::InvalidField, "/keys");
    }
    let padded = format!("{}==", auth.as_str().unwrap());
    assert_eq!(wrong(json!({"p256dh": point, "auth": padded})).await.status, 200);
}

#[tokio::test]
async fn ten_browsers_ring_and_no_more() {
    let (_server, service, tester) = ready().await;
    for number in 0..10 {
        assert_eq!(subscribe(&tester, &service.endpoint(&number.to_string())).await.status, 200);
    }
    subscribe(&tester, &service.endpoint("more")).await.refused(ErrorCode::TooManyBrowsers);
    assert_eq!(subscribe(&tester, &service.endpoint("3")).await.status, 200, "one of them, again");
    assert_eq!(listed(&tester).await.len(), 10);
}

#[tokio::test]
async fn a_browser_belongs_to_its_last_user() {
    let (server, service, tester) = ready().await;
    let other = server.login("expert1").await;
    subscribe(&tester, &service.endpoint("desk")).await;
    subscribe(&other, &service.endpoint("desk")).await;
    assert_eq!((listed(&tester).await.len(), listed(&other).await.len()), (0, 1));
}

#[tokio::test]
async fn a_browser_ends_with_its_login_or_its_user() {
    let (server, service, tester) = ready().await;
    let second = server.login("tester").await;
    subscribe(&tester, &service.endpoint("desk")).await;
    subscribe(&second, &service.endpoint("phone")).await;
    assert_eq!(tester.post("/auth/logout", json!({})).await.status, 204);
    let left = listed(&second).await;
    assert_eq!(left.len(), 1);
    let admin = server.login("admin").await;
    let path = format!("/admin/users/{}", second.id());
    admin.send(reqwest::Method::PATCH, &path, json!({"disabled": true})).await.ok::<Value>();
    assert_eq!(server.execute("DELETE FROM push_subscriptions").await, 0, "nothing is left");
}

#[tokio::test]
async fn neither_guests_nor_keys_of_programs_have_browsers() {
    let (server, service, tester) = ready().await;
    let admin = server.login("admin").await;
    let key = admin.post("/admin/api-keys", json!({"userDbId": admin.id(), "name": "x"})).await.json();
    let program = Account::of_api_key(server.rest(), key["key"].as_str().unwrap()).await;
    subscribe(&program, &service.endpoint("desk")).await.refused(ErrorCode::Forbidden);
    let (_, guest) = invited_to(&server, &tester, json!({"invitedContacts": [gil()]})).await;
    guest
        .post("/rtc/subscribeToPush", subscription(&service.endpoint("desk")))
        .await
        .refused(ErrorCode::GuestForbidden);
    server.post("/rtc/subscribeToPush", "{}").await.refused(ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn push_can_be_turned_off() {
    let server = Server::with(|config| config.push.enabled = false).await;
    let tester = server.login("tester").await;
    tester.get("/rtc/getPushKey").await.refused(ErrorCode::NotFound);
    subscribe(&tester, "https://8.8.8.8/x").await.refused(ErrorCode::NotFound);
    assert_eq!(tester.get("/rtc/getReachSettings").await.json()["channels"], json!([]));
    assert!(!server.data_dir().join("push.key").exists());
    let on = Server::start().await;
    assert_eq!(on.login("tester").await.get("/rtc/getReachSettings").await.json()["channels"], json!(["push"]));
}

#[tokio::test]
async fn the_worker_is_never_kept() {
    let server = Server::start().await;
    let (page, worker) = (server.get("/").await, server.get("/sw.js").await);
    assert_eq!((page.status, worker.status), (200, 200));
    assert_eq!(worker.header("cache-control"), "no-cache");
}
