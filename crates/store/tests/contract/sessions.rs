//! Logins: pairs of tokens, their rotation, and theft.

use std::{sync::Arc, time::Duration};

use farhand_store::model::{LoginSession, NewLoginSession, Rotation, TokenPair, User};
use uuid::Uuid;

use crate::support::{Db, assert_constraint, at, create, fresh_uuid, new_call, with_key};

fn pair(number: u8) -> TokenPair {
    TokenPair {
        access_hash: [number; 32],
        access_expires: at(1_000),
        refresh_hash: [number ^ 0xff; 32],
        refresh_expires: at(10_000),
    }
}

fn refresh(number: u8) -> [u8; 32] {
    pair(number).refresh_hash
}

async fn login(db: &Db, user: &User, number: u8) -> Uuid {
    let family = fresh_uuid();
    let session = NewLoginSession { family, user_id: user.id, pair: pair(number), created_at: at(0) };
    db.store.create_session(&session).await.unwrap();
    family
}

async fn session(db: &Db, number: u8) -> Option<LoginSession> {
    db.store.session_by_access(&[number; 32]).await.unwrap()
}

async fn is_good(db: &Db, number: u8) -> bool {
    session(db, number).await.is_some_and(|session| !session.revoked)
}

async fn a_session_is_found_by_its_access_token(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;
    let family = login(db, &user, 1).await;

    let expected = LoginSession {
        family,
        user_id: user.id,
        access_expires: at(1_000),
        refresh_expires: at(10_000),
        revoked: false,
    };
    assert_eq!(session(db, 1).await, Some(expected));
    assert_eq!(session(db, 2).await, None);
    assert_eq!(db.store.session_by_access(&refresh(1)).await.unwrap(), None, "a refresh token is no access token");
}

async fn a_session_needs_a_user_and_its_own_tokens(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;
    login(db, &user, 1).await;
    let new =
        |user_id, number| NewLoginSession { family: fresh_uuid(), user_id, pair: pair(number), created_at: at(0) };
    assert_constraint(db.store.create_session(&new(user.id + 1, 2)).await);
    assert_constraint(db.store.create_session(&new(user.id, 1)).await);
}

async fn rotation_replaces_the_pair(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;
    let family = login(db, &user, 1).await;
    let fresh = TokenPair { access_expires: at(2_000), refresh_expires: at(20_000), ..pair(2) };

    let rotated = db.store.rotate_session(&refresh(1), &fresh, at(500)).await.unwrap();

    let expected = LoginSession {
        family,
        user_id: user.id,
        access_expires: at(2_000),
        refresh_expires: at(20_000),
        revoked: false,
    };
    assert_eq!(rotated, Rotation::Rotated(expected.clone()));
    assert_eq!(session(db, 2).await, Some(expected));
    assert_eq!(session(db, 1).await, None);
    let third = db.store.rotate_session(&refresh(2), &pair(3), at(600)).await.unwrap();
    assert!(matches!(third, Rotation::Rotated(session) if session.family == family));
}

async fn a_token_used_again_revokes_its_family_and_no_other(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;
    let family = login(db, &user, 1).await;
    login(db, &user, 9).await;
    db.store.rotate_session(&refresh(1), &pair(2), at(1)).await.unwrap();
    db.store.rotate_session(&refresh(2), &pair(3), at(2)).await.unwrap();

    let reused = Rotation::Reused { family, user_id: user.id };
    assert_eq!(db.store.rotate_session(&refresh(1), &pair(4), at(3)).await.unwrap(), reused);

    assert!(session(db, 3).await.unwrap().revoked);
    assert_eq!(session(db, 4).await, None);
    assert_eq!(db.store.rotate_session(&refresh(3), &pair(5), at(4)).await.unwrap(), Rotation::Unknown);
    assert_eq!(db.store.rotate_session(&refresh(2), &pair(5), at(4)).await.unwrap(), reused, "and still known");
    assert!(is_good(db, 9).await);
}

async fn an_expired_or_unknown_token_rotates_nothing(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;
    login(db, &user, 1).await;

    assert_eq!(db.store.rotate_session(&refresh(7), &pair(2), at(1)).await.unwrap(), Rotation::Unknown);
    assert_eq!(db.store.rotate_session(&[1; 32], &pair(2), at(1)).await.unwrap(), Rotation::Unknown, "access");
    assert_eq!(db.store.rotate_session(&refresh(1), &pair(2), at(10_000)).await.unwrap(), Rotation::Expired);

    assert_eq!(session(db, 2).await, None);
    let rotated = db.store.rotate_session(&refresh(1), &pair(2), at(9_999)).await.unwrap();
    assert!(matches!(rotated, Rotation::Rotated(_)), "one millisecond earlier: {rotated:?}");
}

async fn of_many_uses_at_once_one_rotates(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;
    let family = login(db, &user, 1).await;
    let mut tasks = Vec::new();
    for number in 10..18 {
        let store = Arc::clone(&db.store);
        tasks.push(tokio::spawn(async move { store.rotate_session(&refresh(1), &pair(number), at(1)).await.unwrap() }));
    }
    let mut rotated = 0;
    for task in tasks {
        let rotation = task.await.unwrap();
        if matches!(rotation, Rotation::Rotated(_)) {
            rotated += 1;
        } else {
            assert_eq!(rotation, Rotation::Reused { family, user_id: user.id });
        }
    }
    assert_eq!(rotated, 1);
    for number in 10..18 {
        assert!(!is_good(db, number).await, "whoever won, the family is revoked");
    }
}

async fn logging_out_ends_a_family_and_a_users_end_all(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.user(&domain, "ada").await, db.user(&domain, "ben").await);
    let family = login(db, &ada, 1).await;
    login(db, &ada, 2).await;
    login(db, &ada, 3).await;
    login(db, &ben, 4).await;

    db.store.revoke_family(family).await.unwrap();
    assert!(!is_good(db, 1).await && is_good(db, 2).await && is_good(db, 3).await);
    assert_eq!(db.store.rotate_session(&refresh(1), &pair(5), at(1)).await.unwrap(), Rotation::Unknown);

    db.store.revoke_sessions_of_user(ada.id).await.unwrap();
    assert!(!is_good(db, 2).await && !is_good(db, 3).await && is_good(db, 4).await);
    db.store.revoke_family(fresh_uuid()).await.unwrap();
    assert!(is_good(db, 4).await);
}

async fn of_many_families_those_that_were_revoked_are_told(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.user(&domain, "ada").await, db.user(&domain, "ben").await);
    let (first, second, third) = (login(db, &ada, 1).await, login(db, &ada, 2).await, login(db, &ben, 3).await);
    db.store.rotate_session(&refresh(1), &pair(4), at(1)).await.unwrap();
    let asked: Vec<_> = [first, second, third].into_iter().chain((0..1_000).map(|_| fresh_uuid())).collect();
    assert!(db.store.revoked_families(&asked).await.unwrap().is_empty(), "a replaced pair is not revoked");
    db.store.revoke_family(first).await.unwrap();
    db.store.revoke_sessions_of_user(ben.id).await.unwrap();
    let mut revoked = db.store.revoked_families(&asked).await.unwrap();
    revoked.sort_unstable();
    let mut expected = [first, third];
    expected.sort_unstable();
    assert_eq!(revoked, expected);
    assert!(db.store.revoked_families(&[second]).await.unwrap().is_empty());
}

async fn purging_forgets_what_ended_long_ago_and_nothing_else(db: &Db) {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let user = db.store.user(ada.user_id.unwrap()).await.unwrap().unwrap();
    let mut old = with_key(new_call(&ada, &[]), 1, "old");
    old.record.created_at = at(9_999);
    let mut young = with_key(new_call(&ada, &[]), 1, "young");
    young.record.created_at = at(10_000);
    db.store.save_calls(&[create(&old), create(&young)]).await.unwrap();
    login(db, &user, 1).await;
    let later = NewLoginSession {
        family: fresh_uuid(),
        user_id: user.id,
        pair: TokenPair { refresh_expires: at(9_999), ..pair(2) },
        created_at: at(0),
    };
    db.store.create_session(&later).await.unwrap();

    let forgotten = db.store.purge(at(15_000), Duration::from_secs(5)).await.unwrap();

    assert_eq!(forgotten, 2);
    assert_eq!(db.store.idempotency(1, "old").await.unwrap(), None);
    assert!(db.store.idempotency(1, "young").await.unwrap().is_some());
    assert!(is_good(db, 1).await && !is_good(db, 2).await);
    assert!(db.store.call(old.record.call_id).await.unwrap().is_some(), "the call itself stays");
    assert_eq!(db.store.purge(at(15_000), Duration::from_secs(5)).await.unwrap(), 0);
}

contract!(
    a_session_is_found_by_its_access_token,
    a_session_needs_a_user_and_its_own_tokens,
    rotation_replaces_the_pair,
    a_token_used_again_revokes_its_family_and_no_other,
    an_expired_or_unknown_token_rotates_nothing,
    of_many_uses_at_once_one_rotates,
    logging_out_ends_a_family_and_a_users_end_all,
    of_many_families_those_that_were_revoked_are_told,
    purging_forgets_what_ended_long_ago_and_nothing_else,
);
