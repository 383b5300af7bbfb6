//! Guests' links: born with the invitation, changed with the call, found by the contact.

use farhand_store::model::{
    AcceptedTerms, CallLink, CallRecord, CallUpdate, CallWrite, Contact, Domain, DomainChange, GuestInvitation,
    GuestLink, NewCall,
};

use sea_orm::ConnectionTrait as _;

use crate::support::{Db, at, ended, invite, new_call, next};

fn link(guest: &Contact, generation: i64) -> GuestLink {
    GuestLink { contact_id: guest.id, generation, expires_at: at(1_000), accepted: None, knock: None }
}

/// A call that invites two guests, and who they are.
async fn invited(db: &Db) -> (CallRecord, Contact, Contact) {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let (gil, gus) = (db.guest(&domain, "Gil").await, db.guest(&domain, "Gus").await);
    let mut new: NewCall = new_call(&ada, &[&gil, &gus]);
    new.record.guest_links = vec![link(&gil, 1), link(&gus, 1)];
    (db.save(new).await, gil, gus)
}

async fn found(db: &Db, guest: &Contact) -> GuestInvitation {
    db.store.guest_invitation(guest.id).await.unwrap().unwrap()
}

async fn a_guest_is_found_with_what_the_link_leads_to(db: &Db) {
    let (record, gil, _) = invited(db).await;

    let expected = GuestInvitation {
        link: link(&gil, 1),
        call_id: record.call_id,
        domain_id: gil.domain_id,
        display_name: "invited as Gil".to_owned(),
        made_it: false,
        planned_at: None,
        call_ended: false,
    };
    assert_eq!(found(db, &gil).await, expected);
    assert!(db.read(&record).await == record);
    assert_eq!(db.read(&record).await.guest_links, record.guest_links);
    let (ada, nobody) = (record.creator.id, gil.id + 1_000);
    for other in [ada, nobody] {
        assert_eq!(db.store.guest_invitation(other).await.unwrap(), None);
    }
}

async fn a_step_changes_the_links_it_names_and_no_others(db: &Db) {
    let (record, gil, gus) = invited(db).await;
    let accepted = Some(AcceptedTerms { text: "abc".to_owned(), at: at(7) });
    let renewed = GuestLink { generation: 2, expires_at: at(5_000), accepted, ..link(&gil, 1) };

    db.update(CallUpdate { guest_links: vec![renewed.clone()], ..next(&record, 1) }).await.unwrap();

    assert_eq!(db.read(&record).await.guest_links, [renewed.clone(), link(&gus, 1)]);
    assert_eq!(found(db, &gil).await.link, renewed);
    db.update(ended(&record, 2)).await.unwrap();
    assert!(found(db, &gil).await.call_ended && found(db, &gus).await.call_ended);
}

async fn of_two_steps_in_one_batch_the_later_counts(db: &Db) {
    let (record, gil, _) = invited(db).await;
    let step = |version, generation| {
        let update = CallUpdate { guest_links: vec![link(&gil, generation)], ..next(&record, version) };
        CallWrite::Update(Box::new(update))
    };

    let outcome = db.store.save_calls(&[step(1, 2), step(2, 3)]).await.unwrap();

    assert!(outcome.iter().all(Result::is_ok), "{outcome:?}");
    assert_eq!(found(db, &gil).await.link.generation, 3);
}

async fn a_refused_step_changes_no_link(db: &Db) {
    let (record, gil, _) = invited(db).await;
    let refused = CallUpdate { guest_links: vec![link(&gil, 2)], ..next(&record, 7) };
    assert!(db.update(refused).await.is_err());
    assert_eq!(found(db, &gil).await.link.generation, 1);
}

async fn whoever_is_invited_later_has_a_link_too(db: &Db) {
    let (record, gil, gus) = invited(db).await;
    let late = db.guest(&domain_of(db).await, "Late").await;
    let update = CallUpdate { new_invited: vec![invite(&late)], guest_links: vec![link(&late, 1)], ..next(&record, 1) };
    db.update(update).await.unwrap();
    assert_eq!(found(db, &late).await.display_name, "invited as Late");
    assert_eq!(db.read(&record).await.guest_links, [link(&gil, 1), link(&gus, 1), link(&late, 1)]);
}

async fn a_call_has_a_link_once_it_was_given_out_and_the_latest_counts(db: &Db) {
    let (record, ..) = invited(db).await;
    assert_eq!(db.read(&record).await.link, None);
    let link = |generation| Some(CallLink { generation, expires_at: at(generation * 1_000) });
    let given_out = |version| CallUpdate { link: link(version), ..next(&record, version) };

    db.update(given_out(1)).await.unwrap();
    assert_eq!(db.read(&record).await.link, link(1));
    let writes = [2, 3].map(|version| CallWrite::Update(Box::new(given_out(version))));
    assert!(db.store.save_calls(&writes).await.unwrap().iter().all(Result::is_ok));
    db.update(next(&record, 4)).await.unwrap();
    assert_eq!(db.read(&record).await.link, link(3), "a step that names none changes none");
}

async fn a_call_is_opened_to_anonymous_people_and_closed_again(db: &Db) {
    let (record, ..) = invited(db).await;
    for (version, join_anonymous) in [(1, true), (2, false)] {
        db.update(CallUpdate { join_anonymous, ..next(&record, version) }).await.unwrap();
        assert_eq!(db.read(&record).await.join_anonymous, join_anonymous);
    }
}

async fn who_came_through_the_lobby_is_known_by_what_was_knocked_with(db: &Db) {
    let (record, gil, gus) = invited(db).await;
    let knock = Some("abc".to_owned());
    let admitted = GuestLink { knock: knock.clone(), ..link(&gil, 1) };
    db.update(CallUpdate { guest_links: vec![admitted], ..next(&record, 1) }).await.unwrap();
    let knocks = [found(db, &gil).await.link.knock, found(db, &gus).await.link.knock];
    assert_eq!(knocks, [knock, None]);
}

async fn a_domain_has_terms_until_they_are_taken_back(db: &Db) {
    let domain = db.domain("acme").await;
    assert_eq!(domain.guest_terms, None);
    let set = DomainChange { guest_terms: Some(Some("Be kind.".to_owned())), ..DomainChange::default() };
    let changed = db.store.change_domain(domain.id, set).await.unwrap().unwrap();
    assert_eq!(changed.guest_terms.as_deref(), Some("Be kind."));
    let other = DomainChange { guests_allowed: Some(false), ..DomainChange::default() };
    let kept = db.store.change_domain(domain.id, other).await.unwrap().unwrap();
    assert_eq!(kept.guest_terms.as_deref(), Some("Be kind."), "not touched by other changes");
    let none = DomainChange { guest_terms: Some(None), ..DomainChange::default() };
    assert_eq!(db.store.change_domain(domain.id, none).await.unwrap().unwrap().guest_terms, None);
}

/// As an older version left it: the guests of calls that go on are not to be shut out.
async fn guests_of_running_calls_have_links_after_an_upgrade(db: &Db) {
    let (record, gil, gus) = invited(db).await;
    let over = db.save(new_call(&record.creator, &[&db.guest(&domain_of(db).await, "Late").await])).await;
    db.update(ended(&over, 1)).await.unwrap();
    let raw = db.raw().await;
    for sql in [
        "DROP TABLE guest_links",
        "DROP TABLE call_links",
        "ALTER TABLE domains DROP COLUMN guest_terms",
        "DELETE FROM seaql_migrations WHERE version LIKE '%000007%' OR version LIKE '%000014%'",
    ] {
        raw.execute_unprepared(sql).await.unwrap();
    }
    raw.close().await.unwrap();

    let upgraded = db.open_again().await;

    let expires_at = at(0) + std::time::Duration::from_hours(72);
    for guest in [gil, gus] {
        let invitation = upgraded.guest_invitation(guest.id).await.unwrap().unwrap();
        assert_eq!(invitation.link, GuestLink { expires_at, ..link(&guest, 1) });
    }
    assert_eq!(db.count("guest_links").await, 2, "none of the call that is over");
    upgraded.close().await;
}

async fn domain_of(db: &Db) -> Domain {
    db.store.domain_by_name("acme").await.unwrap().unwrap()
}

contract!(
    a_guest_is_found_with_what_the_link_leads_to,
    a_step_changes_the_links_it_names_and_no_others,
    of_two_steps_in_one_batch_the_later_counts,
    a_refused_step_changes_no_link,
    whoever_is_invited_later_has_a_link_too,
    a_call_has_a_link_once_it_was_given_out_and_the_latest_counts,
    a_call_is_opened_to_anonymous_people_and_closed_again,
    who_came_through_the_lobby_is_known_by_what_was_knocked_with,
    a_domain_has_terms_until_they_are_taken_back,
    guests_of_running_calls_have_links_after_an_upgrade,
);
