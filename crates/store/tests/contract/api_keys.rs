//! Keys of programs.

use farhand_store::model::{ApiKey, NewApiKey, User};

use crate::support::{Db, assert_constraint, at};

fn new_key(user: &User, number: u8) -> NewApiKey {
    NewApiKey {
        user_id: user.id,
        name: format!("key {number}"),
        prefix: "fh_1234".to_owned(),
        hash: [number; 32],
        created_at: at(i64::from(number)),
    }
}

async fn a_key_is_found_by_its_hash(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;

    let key = db.store.create_api_key(&new_key(&user, 1)).await.unwrap();

    let expected = ApiKey {
        id: key.id,
        user_id: user.id,
        name: "key 1".to_owned(),
        prefix: "fh_1234".to_owned(),
        created_at: at(1),
        revoked: false,
    };
    assert_eq!(key, expected);
    assert_eq!(db.store.api_key_by_hash(&[1; 32]).await.unwrap(), Some(expected));
    assert_eq!(db.store.api_key_by_hash(&[2; 32]).await.unwrap(), None);
}

async fn a_key_needs_a_user_and_its_own_hash(db: &Db) {
    let mut user = db.user(&db.domain("acme").await, "ada").await;
    db.store.create_api_key(&new_key(&user, 1)).await.unwrap();
    assert_constraint(db.store.create_api_key(&new_key(&user, 1)).await);
    user.id += 1;
    assert_constraint(db.store.create_api_key(&new_key(&user, 2)).await);
}

async fn keys_are_listed_and_revoked_within_their_domain(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (ada, eve) = (db.user(&acme, "ada").await, db.user(&other, "eve").await);
    let first = db.store.create_api_key(&new_key(&ada, 1)).await.unwrap();
    let there = db.store.create_api_key(&new_key(&eve, 2)).await.unwrap();
    let second = db.store.create_api_key(&new_key(&ada, 3)).await.unwrap();

    assert!(!db.store.revoke_api_key(acme.id, there.id).await.unwrap(), "another domain's");
    assert!(!db.store.revoke_api_key(acme.id, second.id + 1).await.unwrap(), "nobody's");
    assert!(db.store.revoke_api_key(acme.id, first.id).await.unwrap());

    let revoked = ApiKey { revoked: true, ..first };
    assert_eq!(db.store.api_key_by_hash(&[1; 32]).await.unwrap(), Some(revoked.clone()));
    assert_eq!(db.store.api_keys(acme.id).await.unwrap(), [revoked, second]);
    assert_eq!(db.store.api_keys(other.id).await.unwrap(), [there]);
}

async fn of_many_keys_those_that_were_revoked_are_told(db: &Db) {
    let domain = db.domain("acme").await;
    let user = db.user(&domain, "ada").await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(db.store.create_api_key(&new_key(&user, number)).await.unwrap().id);
    }
    assert!(db.store.revoked_api_keys(&ids).await.unwrap().is_empty());
    db.store.revoke_api_key(domain.id, ids[1]).await.unwrap();
    db.store.revoke_api_key(domain.id, ids[2]).await.unwrap();
    let asked: Vec<_> = ids[..2].iter().copied().chain(1_000..2_000).collect();
    assert_eq!(db.store.revoked_api_keys(&asked).await.unwrap(), [ids[1]]);
    assert!(db.store.revoked_api_keys(&[]).await.unwrap().is_empty());
}

contract!(
    a_key_is_found_by_its_hash,
    a_key_needs_a_user_and_its_own_hash,
    keys_are_listed_and_revoked_within_their_domain,
    of_many_keys_those_that_were_revoked_are_told,
);
