//! Users of a domain, managed by its administrators.

use farhand_protocol::{ErrorCode, admin::UserRecord, auth::Role};
use farhand_testkit::{Account, Answer, OTHER_DOMAIN, Server, UBIMAX, json};
use reqwest::Method;
use serde_json::Value;

const GOOD_PASSWORD: &str = "correct horse battery";

async fn change(admin: &Account, user: i64, change: Value) -> Answer {
    admin.send(Method::PATCH, &format!("/admin/users/{user}"), change).await
}

#[tokio::test]
async fn a_user_is_created_shown_listed_and_logs_in() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let new = json!({
        "userId": "anna", "displayName": "Anna", "password": GOOD_PASSWORD, "roles": ["technician", "expert", "expert"],
        "email": "anna@example.org", "phoneNumber": "+49 2",
    });
    let user: UserRecord = admin.post("/admin/users", new).await.ok();
    assert_eq!((user.user_id.as_str(), user.display_name.as_str(), user.domain.as_str()), ("anna", "Anna", UBIMAX));
    assert_eq!((user.roles.as_slice(), user.disabled), ([Role::Expert, Role::Technician].as_slice(), false));
    assert_eq!((user.email.as_deref(), user.phone_number.as_deref()), (Some("anna@example.org"), Some("+49 2")));
    assert_eq!(admin.get(&format!("/admin/users/{}", user.user_db_id)).await.ok::<UserRecord>(), user);
    let listed: Vec<UserRecord> = admin.get("/admin/users").await.ok();
    assert!(listed.contains(&user) && listed.iter().all(|user| user.domain == UBIMAX));
    let login = server.rest().login(UBIMAX, "anna", GOOD_PASSWORD).await.unwrap();
    assert_eq!(login.user.user_db_id, user.user_db_id);
    server.login("callertest1").await.create_call(json!({"invitedContacts": [{"userId": "anna"}]})).await;
}

#[tokio::test]
async fn only_what_an_administrator_may_decide_is_bound() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let new = json!({
        "userId": "eve", "password": GOOD_PASSWORD, "roles": ["expert"], "operator": true, "userDbId": 8, "domain": OTHER_DOMAIN,
        "domainId": 2, "disabled": true, "passwordHash": "x",
    });
    let user: UserRecord = admin.post("/admin/users", new).await.ok();
    assert!(user.user_db_id != 8 && user.domain == UBIMAX && !user.disabled);
    let changed =
        change(&admin, user.user_db_id, json!({"operator": true, "domain": OTHER_DOMAIN, "userId": "admin"})).await;
    assert_eq!(changed.ok::<UserRecord>(), user);
    assert!(!server.rest().login(UBIMAX, "eve", GOOD_PASSWORD).await.unwrap().user.operator);
}

#[tokio::test]
async fn null_clears_an_address_and_what_is_left_out_stays() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let both = json!({"email": "anna@example.org", "phoneNumber": "+49 2"});
    let user: UserRecord = change(&admin, 8, both).await.ok();
    let untouched: UserRecord = change(&admin, 8, json!({"displayName": null, "email": "", "roles": null})).await.ok();
    assert_eq!(untouched, user);
    let cleared: UserRecord = change(&admin, 8, json!({"email": null})).await.ok();
    assert_eq!((cleared.email.as_deref(), cleared.phone_number.as_deref()), (None, Some("+49 2")));
    let cleared: UserRecord = change(&admin, 8, json!({"phoneNumber": null, "displayName": "Tess"})).await.ok();
    assert_eq!((cleared.display_name.as_str(), cleared.phone_number.as_deref()), ("Tess", None));
    assert_eq!(admin.get("/admin/users/8").await.ok::<UserRecord>(), cleared);
    change(&admin, 8, json!({"email": 7})).await.refused_at(ErrorCode::InvalidField, "/email");
}

#[tokio::test]
async fn a_login_name_is_taken_once_per_domain() {
    let server = Server::start().await;
    let (admin, other) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let new = json!({"userId": "tester", "roles": ["expert"]});
    let taken = admin.post("/admin/users", new.clone()).await;
    assert_eq!(taken.status, 409);
    taken.refused(ErrorCode::AlreadyExists);
    assert_eq!(other.post("/admin/users", new).await.json()["domain"], OTHER_DOMAIN);
}

#[tokio::test]
async fn a_user_that_makes_no_sense_is_refused_at_the_field() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let wrong = [
        (json!({"userId": "a b", "roles": []}), "/userId"),
        (json!({"userId": "a/b", "roles": []}), "/userId"),
        (json!({"userId": "a\u{0}b", "roles": []}), "/userId"),
        (json!({"userId": "x".repeat(101), "roles": []}), "/userId"),
        (json!({"userId": "short", "roles": [], "password": "123456789"}), "/password"),
        (json!({"userId": "long", "roles": [], "password": "x".repeat(1001)}), "/password"),
        (json!({"userId": "king", "roles": ["king"]}), "/roles/0"),
        (json!({"userId": "operator", "roles": ["expert", "operator"]}), "/roles/1"),
        (json!({"userId": 7, "roles": []}), "/userId"),
    ];
    for (new, pointer) in wrong {
        admin.post("/admin/users", new).await.refused_at(ErrorCode::InvalidField, pointer);
    }
    admin.post("/admin/users", json!({"roles": []})).await.refused(ErrorCode::InvalidField);
    admin.post("/admin/users", json!({"userId": "noroles"})).await.refused(ErrorCode::InvalidField);
    admin.post_raw("/admin/users", "{").await.refused(ErrorCode::MalformedJson);
    assert_eq!(admin.get("/admin/users").await.json().as_array().unwrap().len(), 8, "nobody was made");
}

#[tokio::test]
async fn what_is_left_out_of_a_change_stays_and_roles_count_at_once() {
    let server = Server::start().await;
    let (admin, tester) = (server.login("admin").await, server.login("tester").await);
    let before: UserRecord = admin.get("/admin/users/8").await.ok();
    let renamed: UserRecord = change(&admin, 8, json!({"displayName": "Tess"})).await.ok();
    assert_eq!(renamed, UserRecord { display_name: "Tess".to_owned(), ..before });
    assert_eq!(tester.get("/auth/me").await.json()["displayName"], "Tess");
    tester.get("/admin/users").await.refused(ErrorCode::Forbidden);
    change(&admin, 8, json!({"roles": ["expert", "admin"]})).await.json();
    assert_eq!(tester.get("/admin/users").await.status, 200);
    change(&admin, 8, json!({"roles": ["expert"]})).await.json();
    tester.get("/admin/users").await.refused(ErrorCode::Forbidden);
}

#[tokio::test]
async fn disabling_a_user_ends_tokens_and_websockets_at_once() {
    let server = Server::start().await;
    let (admin, user) = (server.login("admin").await, server.login("tester").await);
    let (mut desk, mut phone) = (user.device().await, user.device().await);
    change(&admin, 8, json!({"disabled": true})).await.json();
    user.get("/auth/me").await.refused(ErrorCode::Unauthenticated);
    assert_eq!(user.rest.refresh(&user.refresh_token).await.unwrap_err().problem().unwrap().status, 401);
    assert_eq!((desk.closed_at_once().await, phone.closed_at_once().await), (Some(4401), Some(4401)));
    change(&admin, 8, json!({"disabled": false})).await.json();
    user.get("/auth/me").await.refused(ErrorCode::Unauthenticated);
    server.login("tester").await.device().await;
}

#[tokio::test]
async fn an_administrator_does_not_become_operator_by_an_operators_password_or_key() {
    let server = Server::start().await;
    let operator = server.login("admin").await;
    let new = json!({"userId": "second", "password": GOOD_PASSWORD, "roles": ["admin"]});
    operator.post("/admin/users", new).await.ok::<UserRecord>();
    let login = server.rest().login(UBIMAX, "second", GOOD_PASSWORD).await.unwrap();
    let second = Account::new(server.rest(), login);
    change(&second, operator.id(), json!({"password": "stolen password"})).await.refused(ErrorCode::Forbidden);
    let key = json!({"name": "stolen", "userDbId": operator.id()});
    second.post("/admin/api-keys", key).await.refused(ErrorCode::Forbidden);
    change(&operator, operator.id(), json!({"displayName": "Boss"})).await.ok::<UserRecord>();
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    for change_ in [json!({"disabled": true}), json!({"roles": ["expert"]}), json!({"roles": []})] {
        let refused = change(&admin, admin.id(), change_).await;
        assert_eq!(refused.status, 422);
        refused.refused(ErrorCode::LastAdministrator);
    }
    assert_eq!(admin.get("/admin/users").await.status, 200);
    change(&admin, 8, json!({"roles": ["admin"], "disabled": true})).await.json();
    change(&admin, admin.id(), json!({"roles": []})).await.refused(ErrorCode::LastAdministrator);
    change(&admin, 8, json!({"disabled": false})).await.json();
    change(&admin, admin.id(), json!({"roles": ["expert"]})).await.json();
    server.login("tester").await.get("/admin/users").await.json();
}

#[tokio::test]
async fn users_of_another_domain_are_unknown_and_unchanged() {
    let server = Server::start().await;
    let (admin, other) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let unknown = other.get("/admin/users/999999").await;
    unknown.refused(ErrorCode::NotFound);
    assert_eq!(other.get("/admin/users/8").await.body, unknown.body);
    let before = admin.get("/admin/users/8").await.json();
    let body = json!({"password": GOOD_PASSWORD, "roles": ["admin"], "disabled": true});
    let foreign = change(&other, 8, body.clone()).await;
    assert_eq!((foreign.status, &foreign.body), (404, &unknown.body));
    change(&other, 999_999, body).await.refused(ErrorCode::NotFound);
    change(&admin, other.id(), json!({"disabled": true})).await.refused(ErrorCode::NotFound);
    assert_eq!(admin.get("/admin/users/8").await.json(), before);
    let theirs: Vec<UserRecord> = other.get("/admin/users").await.ok();
    assert!(theirs.len() == 3 && theirs.iter().all(|user| user.domain == OTHER_DOMAIN));
    for id in ["eight", "8.0", "99999999999999999999"] {
        admin.get(&format!("/admin/users/{id}")).await.refused(ErrorCode::InvalidField);
    }
}

#[tokio::test]
async fn everybody_else_is_refused() {
    let server = Server::start().await;
    for role in ["tester", "glasses1", "connector1"] {
        let user = server.login(role).await;
        user.get("/admin/users").await.refused(ErrorCode::Forbidden);
        user.get("/admin/users/8").await.refused(ErrorCode::Forbidden);
        user.post("/admin/users", json!({"userId": "x", "roles": ["admin"]})).await.refused(ErrorCode::Forbidden);
        change(&user, user.id(), json!({"roles": ["admin"]})).await.refused(ErrorCode::Forbidden);
    }
}
