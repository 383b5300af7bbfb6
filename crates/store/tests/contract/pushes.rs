//! Browsers that ring while their pages are closed: kept for a user and a login, and gone with either.

use std::time::Duration;

use farhand_store::model::{NewLoginSession, PushSubscription, TokenPair, User};
use uuid::Uuid;

use crate::support::{Db, assert_constraint, at, fresh_uuid};

const MOST: u64 = 3;

fn pair(number: u8) -> TokenPair {
    TokenPair {
        access_hash: [number; 32],
        access_expires: at(1_000),
        refresh_hash: [number ^ 0xff; 32],
        refresh_expires: at(10_000),
    }
}

async fn login(db: &Db, user: &User, number: u8) -> Uuid {
    let family = fresh_uuid();
    let session = NewLoginSession { family, user_id: user.id, pair: pair(number), created_at: at(0) };
    db.store.create_session(&session).await.unwrap();
    family
}

fn browser(name: &str, user: &User, family: Uuid) -> PushSubscription {
    PushSubscription {
        name: format!("push.example.org/{name}/{}", user.id),
        user_id: user.id,
        family,
        endpoint: format!("https://push.example.org/{name}"),
        public_key: vec![4; 65],
        auth: vec![7; 16],
        label: Some("Desk".to_owned()),
        created_at: at(5),
    }
}

async fn keep(db: &Db, browser: &PushSubscription) -> bool {
    db.store.keep_push(browser, MOST).await.unwrap()
}

async fn names(db: &Db, users: &[&User], now: i64) -> Vec<String> {
    let users: Vec<_> = users.iter().map(|user| user.id).collect();
    let found = db.store.pushes_of_users(&users, at(now)).await.unwrap();
    found.into_iter().map(|browser| browser.endpoint.rsplit('/').next().unwrap().to_owned()).collect()
}

async fn people(db: &Db) -> (User, User) {
    let domain = db.domain("acme").await;
    (db.user(&domain, "ada").await, db.user(&domain, "ben").await)
}

async fn a_browser_is_found_by_its_user_and_by_its_name(db: &Db) {
    let (ada, ben) = people(db).await;
    let desk = browser("desk", &ada, login(db, &ada, 1).await);
    assert!(keep(db, &desk).await);
    assert!(db.store.pushes_of_users(&[ada.id], at(6)).await.unwrap() == [desk.clone()]);
    assert!(db.store.push(&desk.name, at(6)).await.unwrap() == Some(desk.clone()));
    assert!(db.store.push("other", at(6)).await.unwrap().is_none());
    assert!(names(db, &[&ben], 6).await.is_empty() && names(db, &[], 6).await.is_empty());
    let phone = PushSubscription { created_at: at(4), ..browser("phone", &ben, login(db, &ben, 2).await) };
    keep(db, &phone).await;
    assert_eq!(names(db, &[&ada, &ben], 6).await, ["phone", "desk"], "the oldest first");
    let nobodys = PushSubscription { user_id: ben.id + 100, ..browser("x", &ben, fresh_uuid()) };
    assert_constraint(db.store.keep_push(&nobodys, MOST).await);
}

async fn what_is_kept_again_is_renewed_and_counts_once(db: &Db) {
    let (ada, _) = people(db).await;
    let (first, second) = (login(db, &ada, 1).await, login(db, &ada, 2).await);
    for name in ["a", "b", "c"] {
        assert!(keep(db, &browser(name, &ada, first)).await);
    }
    assert!(!keep(db, &browser("d", &ada, first)).await, "no more than that");
    let renewed = PushSubscription { label: None, auth: vec![8; 16], created_at: at(9), ..browser("b", &ada, second) };
    assert!(keep(db, &renewed).await);
    assert_eq!(names(db, &[&ada], 9).await, ["a", "b", "c"]);
    let found = db.store.push(&renewed.name, at(9)).await.unwrap().unwrap();
    assert!(found == PushSubscription { created_at: at(5), ..renewed }, "since it was set up first");
}

async fn a_browser_rings_for_one_user_only(db: &Db) {
    let (ada, ben) = people(db).await;
    let (of_ada, of_ben) = (login(db, &ada, 1).await, login(db, &ben, 2).await);
    keep(db, &browser("desk", &ada, of_ada)).await;
    keep(db, &browser("phone", &ada, of_ada)).await;
    keep(db, &browser("desk", &ben, of_ben)).await;
    assert_eq!((names(db, &[&ada], 6).await, names(db, &[&ben], 6).await), (vec!["phone".into()], vec!["desk".into()]));
    assert!(db.store.push(&browser("desk", &ada, of_ada).name, at(6)).await.unwrap().is_none());
}

async fn a_browser_ends_with_its_login(db: &Db) {
    let (ada, ben) = people(db).await;
    let (first, second, of_ben) = (login(db, &ada, 1).await, login(db, &ada, 2).await, login(db, &ben, 3).await);
    keep(db, &browser("a", &ada, first)).await;
    keep(db, &browser("b", &ada, second)).await;
    keep(db, &browser("c", &ben, of_ben)).await;
    assert_eq!(names(db, &[&ada, &ben], 9_999).await, ["a", "b", "c"]);
    assert!(names(db, &[&ada, &ben], 10_000).await.is_empty(), "the logins have run out");

    db.store.rotate_session(&pair(1).refresh_hash, &pair(11), at(6)).await.unwrap();
    assert_eq!(names(db, &[&ada], 6).await, ["a", "b"], "a renewed login is the same");
    db.store.revoke_family(first).await.unwrap();
    assert_eq!(names(db, &[&ada], 6).await, ["b"]);
    assert_eq!(db.count("push_subscriptions").await, 2, "gone, and not only hidden");
    db.store.revoke_sessions_of_user(ada.id).await.unwrap();
    assert_eq!(names(db, &[&ada, &ben], 6).await, ["c"]);
    assert_eq!(db.count("push_subscriptions").await, 1);

    db.store.rotate_session(&pair(3).refresh_hash, &pair(13), at(6)).await.unwrap();
    db.store.rotate_session(&pair(3).refresh_hash, &pair(14), at(7)).await.unwrap();
    assert_eq!(db.count("push_subscriptions").await, 0, "a token used twice is theft");
}

async fn whoever_has_a_browser_can_end_it_and_nobody_else(db: &Db) {
    let (ada, ben) = people(db).await;
    let desk = browser("desk", &ada, login(db, &ada, 1).await);
    keep(db, &desk).await;
    assert!(!db.store.end_push(Some(ben.id), &desk.name).await.unwrap());
    assert!(db.store.end_push(Some(ada.id), &desk.name).await.unwrap());
    assert!(!db.store.end_push(None, &desk.name).await.unwrap());
    keep(db, &desk).await;
    assert!(db.store.end_push(None, &desk.name).await.unwrap(), "the push service has given it up");
}

async fn a_browser_whose_login_is_forgotten_is_forgotten(db: &Db) {
    let (ada, ben) = people(db).await;
    keep(db, &browser("old", &ada, login(db, &ada, 1).await)).await;
    let family = fresh_uuid();
    let later = TokenPair { refresh_expires: at(90_000), ..pair(2) };
    let session = NewLoginSession { family, user_id: ben.id, pair: later, created_at: at(0) };
    db.store.create_session(&session).await.unwrap();
    keep(db, &browser("new", &ben, family)).await;
    db.store.purge(at(20_000), Duration::from_secs(5)).await.unwrap();
    assert_eq!(db.count("push_subscriptions").await, 1);
    assert_eq!(names(db, &[&ada, &ben], 20_000).await, ["new"]);
}

contract!(
    a_browser_is_found_by_its_user_and_by_its_name,
    what_is_kept_again_is_renewed_and_counts_once,
    a_browser_rings_for_one_user_only,
    a_browser_ends_with_its_login,
    whoever_has_a_browser_can_end_it_and_nobody_else,
    a_browser_whose_login_is_forgotten_is_forgotten,
);
