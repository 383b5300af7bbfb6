//! Public links for service requests, what came by them, and the claims after which people can be told how long they wait.

use std::time::Duration;

use farhand_store::model::{
    CallRecord, CallUpdate, Contact, Domain, GuestLink, MadeBy, NewRequestLink, RequestLink, RequestLinkChange,
    RequestOrigin, RequestsMade, TeamClaim,
};

use crate::support::{Db, assert_constraint, at, ended, event, history, new_call, new_event, next, team};

fn press(domain: &Domain) -> NewRequestLink {
    NewRequestLink {
        domain_id: domain.id,
        name: "Press 4".to_owned(),
        title: Some("Press 4 stands".to_owned()),
        teams: "[{\"id\":3}]".to_owned(),
        fields: "[]".to_owned(),
        enabled: true,
        expires_at: Some(at(90)),
        most_open: Some(2),
        most_hourly: None,
        created_at: at(1),
    }
}

async fn link(db: &Db, domain: &Domain) -> RequestLink {
    db.store.create_request_link(&press(domain)).await.unwrap()
}

fn origin(link: i64, network: &str, attempt: &str) -> RequestOrigin {
    RequestOrigin {
        link,
        name: "Press 4".to_owned(),
        details: "{}".to_owned(),
        network: network.to_owned(),
        attempt: attempt.to_owned(),
    }
}

/// A guest's request that came by a link at this moment.
async fn asked(db: &Db, guest: &Contact, origin: Option<RequestOrigin>, millis: i64) -> CallRecord {
    let mut new = new_call(guest, &[]);
    new.record.origin = origin;
    new.record.created_at = at(millis);
    db.save(new).await
}

async fn a_link_is_read_as_it_was_made_in_its_domain_alone(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let made = link(db, &acme).await;
    let expected = RequestLink {
        id: made.id,
        domain_id: acme.id,
        name: "Press 4".to_owned(),
        title: Some("Press 4 stands".to_owned()),
        teams: "[{\"id\":3}]".to_owned(),
        fields: "[]".to_owned(),
        enabled: true,
        generation: 1,
        expires_at: Some(at(90)),
        most_open: Some(2),
        most_hourly: None,
        created_at: at(1),
    };
    assert_eq!(made, expected);
    let another = link(db, &acme).await;
    assert_eq!(db.store.request_links(acme.id).await.unwrap(), [made.clone(), another]);
    assert_eq!(db.store.request_links(other.id).await.unwrap(), []);
    assert_eq!(db.store.request_link(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(db.store.request_link(made.id + 1_000).await.unwrap(), None);
    assert_constraint(
        db.store.create_request_link(&NewRequestLink { domain_id: other.id + 1_000, ..press(&acme) }).await,
    );
}

async fn a_change_changes_what_it_names_and_revoking_raises_the_generation(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let made = link(db, &acme).await;
    let change = async |domain: &Domain, change: RequestLinkChange| {
        db.store.change_request_link(domain.id, made.id, &change).await.unwrap()
    };
    assert_eq!(change(&acme, RequestLinkChange::default()).await, Some(made.clone()));
    let renamed = RequestLinkChange {
        name: Some("Press 5".to_owned()),
        title: Some(None),
        enabled: Some(false),
        expires_at: Some(None),
        most_hourly: Some(Some(9)),
        ..RequestLinkChange::default()
    };
    assert_eq!(change(&other, renamed.clone()).await, None);
    let expected = RequestLink {
        name: "Press 5".to_owned(),
        title: None,
        enabled: false,
        expires_at: None,
        most_hourly: Some(9),
        ..made.clone()
    };
    assert_eq!(change(&acme, renamed).await, Some(expected.clone()));
    let revoke = RequestLinkChange { revoke: true, ..RequestLinkChange::default() };
    let revoked = RequestLink { generation: 2, ..expected };
    assert_eq!(change(&acme, revoke).await, Some(revoked.clone()));
    assert_eq!(db.store.request_link(made.id).await.unwrap(), Some(revoked));
}

async fn a_link_that_is_deleted_is_gone_and_what_came_by_it_stays(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let made = link(db, &acme).await;
    let guest = db.guest(&acme, "Gil").await;
    let record = asked(db, &guest, Some(origin(made.id, "a", "1")), 5).await;
    assert!(!db.store.delete_request_link(other.id, made.id).await.unwrap());
    assert!(db.store.delete_request_link(acme.id, made.id).await.unwrap());
    assert!(!db.store.delete_request_link(acme.id, made.id).await.unwrap());
    assert_eq!(db.store.request_link(made.id).await.unwrap(), None);
    assert_eq!(db.read(&record).await.origin, record.origin);
}

async fn requests_are_counted_by_link_network_and_domain(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (gil, gus) = (db.guest(&acme, "Gil").await, db.guest(&other, "Gus").await);
    let first = asked(db, &gil, Some(origin(1, "a", "1")), 10).await;
    asked(db, &gil, Some(origin(1, "b", "2")), 20).await;
    asked(db, &gil, Some(origin(2, "a", "3")), 30).await;
    asked(db, &gus, Some(origin(3, "a", "4")), 40).await;
    asked(db, &gil, None, 50).await;
    db.update(ended(&first, 1)).await.unwrap();
    let made = async |by, since, most| db.store.requests_made(by, at(since), most).await.unwrap();
    let expected =
        |open, lately: &[i64]| RequestsMade { open, lately: lately.iter().map(|millis| at(*millis)).collect() };
    assert_eq!(made(MadeBy::Link(1), 0, 9).await, expected(1, &[20, 10]));
    assert_eq!(made(MadeBy::Link(1), 10, 9).await, expected(1, &[20]), "after, not at");
    assert_eq!(made(MadeBy::Network("a"), 0, 2).await, expected(2, &[40, 30]), "the newest");
    assert_eq!(made(MadeBy::Domain(acme.id), 0, 9).await, expected(2, &[30, 20, 10]));
    assert_eq!(made(MadeBy::Domain(acme.id), 99, 9).await, expected(2, &[]), "open ones, however old");
}

async fn an_attempt_leads_to_its_call_and_whose_creator_is_a_guest_is_found_by_the_link(db: &Db) {
    let acme = db.domain("acme").await;
    let guest = db.guest(&acme, "Gil").await;
    let mut new = new_call(&guest, &[]);
    new.record.origin = Some(origin(1, "a", "1"));
    let link = GuestLink { contact_id: guest.id, generation: 1, expires_at: at(9), accepted: None, knock: None };
    new.record.guest_links = vec![link];
    let record = db.save(new).await;
    assert_eq!(db.store.request_of_attempt("1").await.unwrap(), Some((record.call_id, guest.id)));
    assert_eq!(db.store.request_of_attempt("2").await.unwrap(), None);
    let found = db.store.guest_invitation(guest.id).await.unwrap().unwrap();
    assert_eq!((found.display_name.as_str(), found.made_it, found.call_id), ("Gil", true, record.call_id));
    let mut twice = new_call(&guest, &[]);
    twice.record.origin = Some(origin(2, "b", "1"));
    let outcome = db.store.save_calls(&[crate::support::create(&twice)]).await.unwrap();
    assert!(outcome[0].is_err(), "one call for each attempt");
}

async fn claims_are_told_by_team_the_earliest_first_and_promises_left_out(db: &Db) {
    let acme = db.domain("acme").await;
    let ada = db.person(&acme, "ada").await;
    let claimed = async |teams: &[i64], millis: i64, promised: Option<i64>| {
        let mut new = new_call(&ada, &[]);
        new.record.events = vec![event(1, &ada)];
        new.record.teams = teams.iter().map(|id| team(*id, "team", &[])).collect();
        let record = db.save(new).await;
        let mut claim = new_event(2, &ada);
        (claim.kind, claim.at) = ("Claimed", at(millis));
        let promise = promised.map(|promised| {
            let mut row = history(2, Some(&ada));
            "CallBackPromised".clone_into(&mut row.kind);
            row.at = at(promised);
            row
        });
        let update =
            CallUpdate { new_events: vec![claim], new_history: promise.into_iter().collect(), ..next(&record, 1) };
        db.update(update).await.unwrap();
    };
    claimed(&[4], 30, None).await;
    claimed(&[4, 5], 20, None).await;
    claimed(&[4], 25, Some(22)).await;
    claimed(&[5], 10, None).await;
    let claim = |team, millis| TeamClaim { team, domain_id: acme.id, at: at(millis) };
    assert_eq!(db.store.claims_since(at(10)).await.unwrap(), [claim(4, 20), claim(5, 20), claim(4, 30)]);
    assert_eq!(db.store.claims_since(at(30) + Duration::from_secs(1)).await.unwrap(), []);
}

contract!(
    a_link_is_read_as_it_was_made_in_its_domain_alone,
    a_change_changes_what_it_names_and_revoking_raises_the_generation,
    a_link_that_is_deleted_is_gone_and_what_came_by_it_stays,
    requests_are_counted_by_link_network_and_domain,
    an_attempt_leads_to_its_call_and_whose_creator_is_a_guest_is_found_by_the_link,
    claims_are_told_by_team_the_earliest_first_and_promises_left_out,
);
