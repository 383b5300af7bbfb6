//! Domains: operators manage them all, administrators see their own.

use farhand_protocol::{ErrorCode, admin::DomainRecord};
use farhand_testkit::{Account, Answer, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;

async fn domains(admin: &Account) -> Vec<DomainRecord> {
    admin.get("/admin/domains").await.ok()
}

async fn change(admin: &Account, id: i64, body: Value) -> Answer {
    admin.send(Method::PATCH, &format!("/admin/domains/{id}"), body).await
}

#[tokio::test]
async fn an_operator_lists_creates_and_changes_domains() {
    let server = Server::start().await;
    let operator = server.login("admin").await;
    let made: DomainRecord = operator.post("/admin/domains", json!({"name": "acme.example"})).await.ok();
    assert_eq!((made.name.as_str(), made.guests_allowed), ("acme.example", true));
    let names: Vec<_> = domains(&operator).await.into_iter().map(|domain| domain.name).collect();
    assert_eq!(names, ["ubimax", OTHER_DOMAIN, "acme.example"]);
    let changed: DomainRecord = change(&operator, made.id, json!({"guestsAllowed": false})).await.ok();
    assert_eq!(changed, DomainRecord { guests_allowed: false, ..made });
    assert_eq!(change(&operator, changed.id, json!({})).await.ok::<DomainRecord>(), changed, "nothing to change");
    change(&operator, 999_999, json!({"guestsAllowed": false})).await.refused(ErrorCode::NotFound);
    change(&operator, 999_999, json!({})).await.refused(ErrorCode::NotFound);
}

#[tokio::test]
async fn a_name_is_taken_once_and_keeps_to_the_alphabet() {
    let server = Server::start().await;
    let operator = server.login("admin").await;
    let taken = operator.post("/admin/domains", json!({"name": "ubimax"})).await;
    assert_eq!(taken.status, 409);
    taken.refused(ErrorCode::AlreadyExists);
    for name in ["a b", "a/b", "a\u{7}", &"x".repeat(101)] {
        operator.post("/admin/domains", json!({"name": name})).await.refused_at(ErrorCode::InvalidField, "/name");
    }
    operator.post("/admin/domains", json!({})).await.refused(ErrorCode::InvalidField);
    operator.post("/admin/domains", json!({"name": 7})).await.refused_at(ErrorCode::InvalidField, "/name");
    assert_eq!(domains(&operator).await.len(), 2);
}

#[tokio::test]
async fn an_administrator_who_is_no_operator_manages_the_own_domain_only() {
    let server = Server::start().await;
    let (operator, other) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let own = domains(&other).await;
    assert_eq!(own.iter().map(|domain| domain.name.as_str()).collect::<Vec<_>>(), [OTHER_DOMAIN]);
    let foreign = domains(&operator).await.into_iter().find(|domain| domain.name == "ubimax").unwrap();
    other.post("/admin/domains", json!({"name": "mine"})).await.refused(ErrorCode::Forbidden);
    let unknown = change(&other, 999_999, json!({"guestsAllowed": false})).await;
    assert_eq!(change(&other, foreign.id, json!({"guestsAllowed": false})).await.body, unknown.body);
    unknown.refused(ErrorCode::NotFound);
    let changed: DomainRecord = change(&other, own[0].id, json!({"guestsAllowed": false})).await.ok();
    assert!(!changed.guests_allowed);
    assert!(domains(&operator).await.contains(&foreign), "unchanged");
    change(&other, own[0].id, json!({"guestsAllowed": "no"}))
        .await
        .refused_at(ErrorCode::InvalidField, "/guestsAllowed");
    other.send(Method::PATCH, "/admin/domains/one", json!({})).await.refused(ErrorCode::InvalidField);
}

#[tokio::test]
async fn everybody_else_is_refused() {
    let server = Server::start().await;
    for role in ["tester", "glasses1", "connector1"] {
        let user = server.login(role).await;
        user.get("/admin/domains").await.refused(ErrorCode::Forbidden);
        user.post("/admin/domains", json!({"name": "mine"})).await.refused(ErrorCode::Forbidden);
        change(&user, 1, json!({"guestsAllowed": false})).await.refused(ErrorCode::Forbidden);
    }
}
