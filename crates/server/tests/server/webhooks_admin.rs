//! Setting up webhooks: for administrators of the domain, and with what can be used.

use farhand_protocol::{
    ErrorCode,
    webhook::{WebhookRecord, WebhookSecret},
};
use farhand_testkit::{OTHER_DOMAIN, Server, json};
use reqwest::Method;

use crate::webhooks_receiver::{record, set_up};

const URL: &str = "https://example.org/hook";

#[tokio::test]
async fn a_webhook_is_made_listed_changed_and_deleted_and_its_secret_is_shown_once() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let new = json!({"url": URL, "description": "the CRM", "types": ["call.ended"], "enabled": false});
    let answer = admin.post("/admin/webhooks", new).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let WebhookSecret { secret, record: made } = answer.ok();
    assert_eq!((made.url.as_str(), made.description.as_str(), made.enabled), (URL, "the CRM", false));
    assert_eq!(made.types.as_deref(), Some(&["call.ended".to_owned()][..]));
    let list = admin.get("/admin/webhooks").await;
    assert_eq!(list.ok::<Vec<WebhookRecord>>(), std::slice::from_ref(&made));
    assert!(!list.text().contains(&secret[6..]));

    let path = format!("/admin/webhooks/{}", made.id);
    let change = json!({"url": "https://example.org/b", "types": null, "enabled": true});
    let changed: WebhookRecord = admin.send(Method::PATCH, &path, change).await.ok();
    let expected =
        WebhookRecord { url: "https://example.org/b".to_owned(), types: None, enabled: true, ..made.clone() };
    assert_eq!(changed, expected);
    assert_eq!(record(&admin, made.id).await, expected);
    assert_eq!(admin.delete(&path).await.status, 204);
    admin.delete(&path).await.refused(ErrorCode::NotFound);
    admin.get(&path).await.refused(ErrorCode::NotFound);
    assert_eq!(admin.get("/admin/webhooks").await.json(), json!([]));
}

#[tokio::test]
async fn nobody_but_administrators_of_the_domain_sees_or_changes_it() {
    let server = Server::start().await;
    let (admin, foreign) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let made = set_up(&admin, URL).await.record;
    let path = format!("/admin/webhooks/{}", made.id);
    assert_eq!(foreign.get("/admin/webhooks").await.json(), json!([]));
    let connector = server.login("connector1").await;
    for (who, code) in [(&foreign, ErrorCode::NotFound), (&connector, ErrorCode::Forbidden)] {
        who.get(&path).await.refused(code);
        who.send(Method::PATCH, &path, json!({"enabled": false})).await.refused(code);
        who.delete(&path).await.refused(code);
        who.get(&format!("{path}/deliveries")).await.refused(code);
        for operation in ["rotate", "test", "deliveries/1/resend"] {
            who.post(&format!("{path}/{operation}"), json!({})).await.refused(code);
        }
    }
    connector.post("/admin/webhooks", json!({"url": URL})).await.refused(ErrorCode::Forbidden);
    assert_eq!(record(&admin, made.id).await, made);
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_where_it_stands() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let long = format!("https://example.org/{}", "x".repeat(2_000));
    let wrong = [
        (json!({"url": "example.org"}), "/url"),
        (json!({"url": "ftp://example.org/"}), "/url"),
        (json!({"url": "https://me:secret@example.org/"}), "/url"),
        (json!({"url": "http://10.0.0.1/"}), "/url"),
        (json!({"url": long}), "/url"),
        (json!({"url": URL, "types": []}), "/types"),
        (json!({"url": URL, "types": ["call.ended", "call,ended"]}), "/types/1"),
        (json!({"url": URL, "description": "x".repeat(201)}), "/description"),
        (json!({"url": URL, "enabled": "yes"}), "/enabled"),
    ];
    for (body, pointer) in wrong {
        admin.post("/admin/webhooks", body).await.refused_at(ErrorCode::InvalidField, pointer);
    }
    let made = set_up(&admin, URL).await.record;
    let path = format!("/admin/webhooks/{}", made.id);
    admin.send(Method::PATCH, &path, json!({"url": "http://[::1]/"})).await.refused_at(ErrorCode::InvalidField, "/url");
    admin.get(&format!("{path}/deliveries?state=lost")).await.refused(ErrorCode::InvalidField);
    admin.post(&format!("{path}/deliveries/4711/resend"), json!({})).await.refused(ErrorCode::NotFound);
    for _ in 1..20 {
        set_up(&admin, URL).await;
    }
    admin.post("/admin/webhooks", json!({"url": URL})).await.refused(ErrorCode::TooManyWebhooks);
}
