//! The log: which calls a list holds.

use farhand_store::model::{CallFilter, CallRecord, CallUpdate, Contact, UserChange};

use crate::support::{Db, at, ended, fresh_uuid, invite, new_call, next};

async fn ids(db: &Db, filter: &CallFilter) -> Vec<i64> {
    db.store.calls(filter).await.unwrap().iter().map(|record| record.id).collect()
}

fn of(contact: &Contact) -> CallFilter {
    CallFilter { domain_id: contact.domain_id, limit: 100, ..CallFilter::default() }
}

fn by_member(contact: &Contact) -> CallFilter {
    CallFilter { member: contact.user_id, ..of(contact) }
}

async fn a_list_holds_whole_calls_newest_first(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let guest = db.guest(&domain, "guest").await;
    let mut saved: Vec<CallRecord> = Vec::new();
    for invited in [&[][..], &[&guest, &ben], &[&ben]] {
        saved.push(db.save(new_call(&ada, invited)).await);
    }
    saved.reverse();

    assert!(db.store.calls(&of(&ada)).await.unwrap() == saved);
}

async fn an_unknown_call_is_none(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    assert!(db.store.call(fresh_uuid()).await.unwrap().is_none());
    assert!(db.store.calls(&of(&ada)).await.unwrap().is_empty());
}

async fn another_domains_calls_never_come_back(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (ada, eve) = (db.person(&acme, "ada").await, db.person(&other, "eve").await);
    let here = db.save(new_call(&ada, &[])).await;
    // Even a member of another domain's call does not see it in a list of its own domain.
    let there = db.save(new_call(&eve, &[&ada])).await;

    assert_eq!(ids(db, &of(&ada)).await, [here.id]);
    assert_eq!(ids(db, &of(&eve)).await, [there.id]);
    assert_eq!(ids(db, &by_member(&ada)).await, [here.id]);
    assert_eq!(ids(db, &CallFilter { domain_id: eve.domain_id, ..by_member(&ada) }).await, [there.id]);
    assert!(ids(db, &CallFilter { domain_id: other.id + 1, ..of(&ada) }).await.is_empty());
}

async fn a_member_sees_what_it_created_made_or_was_invited_to(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben, eve) =
        (db.person(&domain, "ada").await, db.person(&domain, "ben").await, db.person(&domain, "eve").await);
    let created = db.save(new_call(&ada, &[&ben])).await;
    let mut by_broker = new_call(&ben, &[]);
    by_broker.record.maker = ada.clone();
    let made = db.save(by_broker).await;
    let invited = db.save(new_call(&ben, &[&ben, &ada])).await;
    let later = db.save(new_call(&ben, &[])).await;
    let never = db.save(new_call(&ben, &[&eve])).await;
    // Invited twice is still one call in the list.
    let update = CallUpdate { new_invited: vec![invite(&ada), invite(&ben)], ..next(&later, 1) };
    db.update(update).await.unwrap();

    assert_eq!(ids(db, &by_member(&ada)).await, [later.id, invited.id, made.id, created.id]);
    assert_eq!(ids(db, &by_member(&ben)).await, [never.id, later.id, invited.id, made.id, created.id]);
    assert_eq!(ids(db, &by_member(&eve)).await, [never.id]);
    assert!(ids(db, &CallFilter { member: Some(eve.user_id.unwrap() + 1), ..of(&ada) }).await.is_empty());
}

async fn a_list_can_be_narrowed_and_turned_page_by_page(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut records = Vec::new();
    for number in 0..6 {
        let mut new = new_call(&ada, &[]);
        new.record.planned_at = (number % 2 == 0).then(|| at(number));
        records.push(db.save(new).await);
    }
    let id: Vec<i64> = records.iter().map(|record| record.id).collect();
    db.update(ended(&records[1], 1)).await.unwrap();
    db.update(ended(&records[4], 1)).await.unwrap();
    let status = |status: &str| Some(status.to_owned());

    for (filter, expected) in [
        (CallFilter { status: status("Ended"), ..of(&ada) }, vec![id[4], id[1]]),
        (CallFilter { status: status("Started"), ..of(&ada) }, vec![]),
        (CallFilter { planned: Some(true), ..of(&ada) }, vec![id[4], id[2], id[0]]),
        (CallFilter { planned: Some(false), ..of(&ada) }, vec![id[5], id[3], id[1]]),
        (CallFilter { planned: Some(true), status: status("Ended"), ..by_member(&ada) }, vec![id[4]]),
        (CallFilter { limit: 2, ..of(&ada) }, vec![id[5], id[4]]),
        (CallFilter { limit: 2, before: Some(id[4]), ..of(&ada) }, vec![id[3], id[2]]),
        (CallFilter { limit: 2, before: Some(id[2]), ..by_member(&ada) }, vec![id[1], id[0]]),
        (CallFilter { before: Some(id[0]), ..of(&ada) }, vec![]),
        (CallFilter { limit: 0, ..of(&ada) }, vec![]),
    ] {
        assert_eq!(ids(db, &filter).await, expected, "{filter:?}");
    }
}

async fn a_call_shows_its_people_as_they_are_called_now(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let call = db.save(new_call(&ada, &[&ada])).await;
    let change = UserChange { display_name: Some("Countess".to_owned()), ..UserChange::default() };
    db.store.change_user(ada.user_id.unwrap(), &change).await.unwrap();

    let read = db.read(&call).await;

    assert_eq!((read.creator.display_name.as_str(), read.creator.login.as_deref()), ("Countess", Some("ada")));
    assert_eq!(read.invited[0].contact.display_name, "Countess");
    assert_eq!(read.invited[0].display_name, call.invited[0].display_name, "as written in the request");
}

async fn a_list_can_begin_at_a_planned_time(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut id = Vec::new();
    for planned_at in [None, Some(at(10)), Some(at(20))] {
        let mut new = new_call(&ada, &[]);
        new.record.planned_at = planned_at;
        id.push(db.save(new).await.id);
    }

    for (from, expected) in [(0, vec![id[2], id[1]]), (20, vec![id[2]]), (21, vec![])] {
        let filter = CallFilter { planned_from: Some(at(from)), ..of(&ada) };
        assert_eq!(ids(db, &filter).await, expected, "{from}");
    }
}

async fn whether_a_call_may_use_stored_addresses_is_kept(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut new = new_call(&ada, &[]);
    new.record.stored_addresses = true;
    let (call, other) = (db.save(new).await, db.save(new_call(&ada, &[])).await);

    assert!(db.read(&call).await.stored_addresses && !db.read(&other).await.stored_addresses);
    let running = db.store.take_over_running("node", 1).await.unwrap().running;
    let kept = running.iter().find(|running| running.record.id == call.id).unwrap();
    assert!(kept.record.stored_addresses);
}

async fn the_zone_a_call_was_planned_in_and_its_place_in_calendars_are_kept(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut new = new_call(&ada, &[]);
    new.record.planned_zone = Some("Europe/Berlin".to_owned());
    let call = db.save(new).await;
    let other = db.save(new_call(&ada, &[])).await;
    let read = db.read(&call).await;
    assert_eq!((read.planned_zone.as_deref(), read.calendar_sequence), (Some("Europe/Berlin"), 0));

    let moved = CallUpdate { planned_zone: Some("Asia/Kolkata".to_owned()), calendar_sequence: 1, ..next(&call, 1) };
    db.update(moved).await.unwrap();

    let read = db.read(&call).await;
    assert_eq!((read.planned_zone.as_deref(), read.calendar_sequence), (Some("Asia/Kolkata"), 1));
    assert_eq!((db.read(&other).await.planned_zone, other.calendar_sequence), (None, 0));
}

contract!(
    a_list_can_begin_at_a_planned_time,
    whether_a_call_may_use_stored_addresses_is_kept,
    the_zone_a_call_was_planned_in_and_its_place_in_calendars_are_kept,
    a_list_holds_whole_calls_newest_first,
    an_unknown_call_is_none,
    another_domains_calls_never_come_back,
    a_member_sees_what_it_created_made_or_was_invited_to,
    a_list_can_be_narrowed_and_turned_page_by_page,
    a_call_shows_its_people_as_they_are_called_now,
);
