//! API keys: made by administrators, used by connectors.

use farhand_protocol::{
    ErrorCode,
    admin::{ApiKeyRecord, CreatedApiKey},
};
use farhand_testkit::{Account, Answer, OTHER_DOMAIN, Server, json};
use reqwest::Method;

async fn create_key(admin: &Account, user: i64) -> CreatedApiKey {
    admin.post("/admin/api-keys", json!({"name": "the CRM", "userDbId": user})).await.ok()
}

#[tokio::test]
async fn a_key_acts_as_its_user_with_that_users_roles() {
    let server = Server::start().await;
    let (admin, connector) = (server.login("admin").await, server.login("connector1").await);
    let created = create_key(&admin, connector.id()).await;
    let key = Account::of_api_key(server.rest(), &created.key).await;
    assert_eq!(key.user, connector.user);
    let call = key.create_call(json!({"creatorUser": 12, "invitedContacts": [{"userDbId": 8}]})).await;
    assert_eq!(call.maker_contact.user_db_id, Some(connector.id()));
    key.get("/admin/users").await.refused(ErrorCode::Forbidden);
    key.device().await;
}

#[tokio::test]
async fn the_key_is_shown_once_and_its_record_only_tells_it_apart() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let created = create_key(&admin, 8).await;
    assert!(created.key.starts_with("fhk_") && created.key.len() > 40);
    assert!(created.key.starts_with(&created.record.prefix) && created.record.prefix.len() == 8);
    assert_eq!(
        (created.record.name.as_str(), created.record.user_db_id, created.record.revoked),
        ("the CRM", 8, false)
    );
    let list = admin.get("/admin/api-keys").await;
    assert_eq!(list.ok::<Vec<ApiKeyRecord>>(), [created.record]);
    assert!(!list.text().contains(&created.key));
}

#[tokio::test]
async fn a_revoked_key_and_its_websockets_end_at_once() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let created = create_key(&admin, 8).await;
    let key = Account::of_api_key(server.rest(), &created.key).await;
    let (mut device, mut by_password) = (key.device().await, server.login("tester").await.device().await);
    assert_eq!(admin.delete(&format!("/admin/api-keys/{}", created.record.id)).await.status, 204);
    key.get("/auth/me").await.refused(ErrorCode::Unauthenticated);
    assert_eq!(device.closed_at_once().await, Some(4401));
    by_password.catch_up().await;
    let listed: Vec<ApiKeyRecord> = admin.get("/admin/api-keys").await.ok();
    assert!(listed[0].revoked, "it stays in the list, as revoked");
    admin.delete(&format!("/admin/api-keys/{}", created.record.id + 1)).await.refused(ErrorCode::NotFound);
    admin.delete("/admin/api-keys/one").await.refused(ErrorCode::InvalidField);
}

#[tokio::test]
async fn a_key_of_a_disabled_user_is_unknown() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let key = Account::of_api_key(server.rest(), &create_key(&admin, 8).await.key).await;
    admin.send(Method::PATCH, "/admin/users/8", json!({"disabled": true})).await.json();
    key.get("/auth/me").await.refused(ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_key_neither_expires_nor_is_ended_by_logging_out() {
    let server = Server::start().await;
    let key = create_key(&server.login("admin").await, 8).await.key;
    let key = Account::of_api_key(server.rest(), &key).await;
    assert_eq!(key.post_raw("/auth/logout", "").await.status, 204);
    server.clock().move_ahead(std::time::Duration::from_hours(24 * 365));
    assert_eq!(key.get("/auth/me").await.status, 200);
}

#[tokio::test]
async fn keys_are_made_and_seen_by_administrators_of_the_users_domain_only() {
    let server = Server::start().await;
    let (admin, other_admin) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let created = create_key(&admin, 8).await;
    let new = json!({"name": "stolen", "userDbId": 8});
    other_admin.post("/admin/api-keys", new.clone()).await.refused(ErrorCode::NotFound);
    other_admin.delete(&format!("/admin/api-keys/{}", created.record.id)).await.refused(ErrorCode::NotFound);
    assert_eq!(other_admin.get("/admin/api-keys").await.json(), json!([]));
    for user in ["connector1", "expert1", "glasses1"] {
        let user = server.login(user).await;
        user.post("/admin/api-keys", new.clone()).await.refused(ErrorCode::Forbidden);
        user.get("/admin/api-keys").await.refused(ErrorCode::Forbidden);
        let path = format!("/admin/api-keys/{}", created.record.id);
        user.delete(&path).await.refused(ErrorCode::Forbidden);
    }
    Account::of_api_key(server.rest(), &created.key).await;
}

#[tokio::test]
async fn a_key_without_a_name_or_a_user_is_refused() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let post = async |body| -> Answer { admin.post("/admin/api-keys", body).await };
    post(json!({"userDbId": 8})).await.refused(ErrorCode::InvalidField);
    post(json!({"name": "x"})).await.refused(ErrorCode::InvalidField);
    post(json!({"name": "x".repeat(101), "userDbId": 8})).await.refused_at(ErrorCode::InvalidField, "/name");
    post(json!({"name": "x", "userDbId": "8"})).await.refused_at(ErrorCode::InvalidField, "/userDbId");
    post(json!({"name": "x", "userDbId": 9_999_999})).await.refused(ErrorCode::NotFound);
    assert_eq!(admin.get("/admin/api-keys").await.json(), json!([]));
}
