//! Whoever can be in a call.

use std::{collections::HashMap, sync::Arc};

use farhand_store::model::{Contact, EventRow, NewGuest, UserChange};

use crate::support::{Db, assert_constraint, at, event, new_call};

async fn a_users_contact_is_made_once_and_shows_who_it_is(db: &Db) {
    let domain = db.domain("acme").await;
    let user = db.user(&domain, "ada").await;

    let first = db.store.contacts_of_users(&[user.id]).await.unwrap();
    let again = db.store.contacts_of_users(&[user.id]).await.unwrap();

    assert!(first == again);
    let expected = Contact {
        id: first[0].id,
        domain_id: domain.id,
        domain: "acme".to_owned(),
        user_id: Some(user.id),
        login: Some("ada".to_owned()),
        display_name: user.display_name,
    };
    assert!(first == [expected]);
    assert_eq!(db.count("contacts").await, 1);
}

async fn contacts_come_in_the_order_asked_and_as_often(db: &Db) {
    let domain = db.domain("acme").await;
    let mut users = Vec::new();
    for number in 0..5 {
        users.push(db.user(&domain, &format!("user {number}")).await.id);
    }
    db.store.contacts_of_users(&users[2..3]).await.unwrap();

    let asked = [users[4], users[0], users[2], users[0], users[3]];
    let contacts = db.store.contacts_of_users(&asked).await.unwrap();

    assert_eq!(contacts.iter().filter_map(|contact| contact.user_id).collect::<Vec<_>>(), asked);
    assert_eq!(contacts[1].id, contacts[3].id);
    assert_eq!(db.count("contacts").await, 4);
    assert!(db.store.contacts_of_users(&[]).await.unwrap().is_empty());
}

async fn an_unknown_user_has_no_contact_and_the_others_get_none_either(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;

    assert_constraint(db.store.contacts_of_users(&[user.id, user.id + 1]).await);

    assert_eq!(db.count("contacts").await, 0);
}

async fn callers_at_the_same_time_get_the_same_contacts(db: &Db) {
    let domain = db.domain("acme").await;
    let mut users = Vec::new();
    for number in 0..20 {
        users.push(db.user(&domain, &format!("user {number}")).await.id);
    }
    let mut tasks = Vec::new();
    for task in 0..10 {
        let (store, mut users) = (Arc::clone(&db.store), users.clone());
        if task % 2 == 0 {
            users.reverse();
        }
        tasks.push(tokio::spawn(async move {
            let mut contacts = store.contacts_of_users(&users).await.unwrap();
            contacts.sort_by_key(|contact| contact.id);
            contacts
        }));
    }
    let mut seen = Vec::new();
    for task in tasks {
        seen.push(task.await.unwrap());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(db.count("contacts").await, 20);
}

async fn every_guest_is_somebody_new_and_comes_in_order(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let guests: Vec<_> = (0..70)
        .map(|number| NewGuest {
            domain_id: if number % 2 == 0 { acme.id } else { other.id },
            display_name: format!("guest {}", number / 3),
        })
        .collect();

    let contacts = db.store.create_guests(&guests).await.unwrap();

    assert_eq!(contacts.len(), guests.len());
    for (guest, contact) in guests.iter().zip(&contacts) {
        let domain = if guest.domain_id == acme.id { "acme" } else { "other" };
        assert_eq!((&contact.display_name, contact.domain_id), (&guest.display_name, guest.domain_id));
        assert_eq!((contact.domain.as_str(), contact.user_id, &contact.login), (domain, None, &None));
    }
    let again = db.store.create_guests(&guests[..1]).await.unwrap();
    assert!(contacts.iter().all(|contact| contact.id != again[0].id));
    assert!(db.store.create_guests(&[]).await.unwrap().is_empty());
}

async fn a_guest_needs_a_domain_and_one_without_spoils_all(db: &Db) {
    let domain = db.domain("acme").await;
    let guest = |domain_id| NewGuest { domain_id, display_name: "guest".to_owned() };

    assert_constraint(db.store.create_guests(&[guest(domain.id), guest(domain.id + 1)]).await);

    assert_eq!(db.count("contacts").await, 0);
}

async fn a_renamed_user_has_a_renamed_contact(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let change = UserChange { display_name: Some("Countess".to_owned()), ..UserChange::default() };
    db.store.change_user(ada.user_id.unwrap(), &change).await.unwrap();

    let contact = db.store.contacts_of_users(&[ada.user_id.unwrap()]).await.unwrap().remove(0);

    assert_eq!((contact.id, contact.display_name.as_str()), (ada.id, "Countess"));
}

async fn somebody_was_last_in_a_call_when_sitting_down_or_leaving(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben, cleo) =
        (db.person(&domain, "ada").await, db.person(&domain, "ben").await, db.person(&domain, "cleo").await);
    let of_kind = |seq, kind: &str, contact: &Contact| EventRow { kind: kind.to_owned(), ..event(seq, contact) };
    let mut first = new_call(&ada, &[]);
    first.record.events = vec![of_kind(1, "Created", &ada), of_kind(2, "Join", &ada), of_kind(3, "Join", &ben)];
    db.save(first).await;
    let mut second = new_call(&ben, &[]);
    second.record.events = vec![of_kind(4, "Join", &ben), of_kind(7, "Leave", &ben), of_kind(9, "Missed", &cleo)];
    db.save(second).await;
    let last = db.store.last_calls(&[cleo.id, ben.id, ada.id, ada.id + 99]).await.unwrap();
    assert_eq!(last, HashMap::from([(ada.id, at(2)), (ben.id, at(7))]));
    assert!(db.store.last_calls(&[]).await.unwrap().is_empty());
}

contract!(
    somebody_was_last_in_a_call_when_sitting_down_or_leaving,
    a_users_contact_is_made_once_and_shows_who_it_is,
    contacts_come_in_the_order_asked_and_as_often,
    an_unknown_user_has_no_contact_and_the_others_get_none_either,
    callers_at_the_same_time_get_the_same_contacts,
    every_guest_is_somebody_new_and_comes_in_order,
    a_guest_needs_a_domain_and_one_without_spoils_all,
    a_renamed_user_has_a_renamed_contact,
);
