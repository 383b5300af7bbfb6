//! One call at a time: what is saved, and what is refused.

use farhand_store::model::{Budget, CallUpdate, CallWrite, Invitation, Refused, RequestOrigin};

use crate::support::{
    Db, as_saved, assert_corrupt, at, create, ended, event, history, invite, new_call, new_event, next, statistics,
    team, with_key,
};

async fn a_saved_call_reads_back_exactly_as_it_was_written(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let guest = db.guest(&domain, "Gül from Köln 🛠").await;
    let mut new = new_call(&ada, &[&guest, &ben]);
    new.record.maker = ben.clone();
    new.record.creator_user = ada.user_id;
    new.record.budget = Budget { kbit: Some(250), megabytes: None };
    new.record.join_anonymous = true;
    new.record.inform_directly = false;
    "it's \"quoted\"; DROP TABLE calls; --".clone_into(&mut new.record.title);
    new.record.planned_at = Some(at(5));
    new.record.started_at = Some(at(6));
    new.record.ended_at = Some(at(7));
    new.record.invited[1].email = None;
    new.record.invited[1].phone = Some("+49 1".to_owned());
    new.record.teams = vec![team(9, "night", &["de", "welding"]), team(4, "day", &[])];
    new.record.origin = Some(RequestOrigin {
        link: 7,
        name: "Press 4".to_owned(),
        details: "{\"said\":\"it's loud\"}".to_owned(),
        network: "hash".to_owned(),
        attempt: "other hash".to_owned(),
    });
    new.record.history = vec![history(1, Some(&guest)), history(2, None)];
    new.record.statistics = vec![statistics(1, &guest), statistics(2, &ada)];

    let record = db.save(new).await;

    assert!(record.id > 0);
    assert!(db.read(&record).await == record);
}

async fn event_ids_rise_with_seq_even_if_rows_come_out_of_order(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut new = new_call(&ada, &[]);
    new.record.events = vec![event(3, &ada), event(1, &ada), event(2, &ada)];

    let saved = db.save_one(create(&new)).await.unwrap();

    let [third, first, second] = saved.event_ids[..] else { panic!("{saved:?}") };
    assert!(first < second && second < third, "{saved:?}");
    let read = db.read(&new.record).await;
    assert_eq!(
        read.events.iter().map(|event| (event.seq, event.id)).collect::<Vec<_>>(),
        [(1, first), (2, second), (3, third)]
    );
    let later = CallUpdate { new_events: vec![new_event(4, &ada)], ..next(&read, 1) };
    assert!(db.update(later).await.unwrap().event_ids[0] > third);
}

async fn an_update_changes_the_call_and_adds_to_what_hangs_on_it(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let guest = db.guest(&domain, "guest").await;
    let call = db.save(new_call(&ada, &[&ben])).await;

    let update = CallUpdate {
        title: "Pump 8".to_owned(),
        call_type: "MESH".to_owned(),
        status: "Started".to_owned(),
        planned_at: Some(at(1)),
        started_at: Some(at(2)),
        new_events: vec![new_event(3, &ben), new_event(4, &guest)],
        new_history: vec![history(2, None), history(3, Some(&ben))],
        new_statistics: vec![statistics(1, &ben), statistics(2, &guest)],
        // Whoever is invited again gets a second row.
        new_invited: vec![invite(&guest), invite(&ben)],
        new_teams: vec![team(7, "seven", &["pumps"])],
        ..next(&call, 1)
    };
    let saved = db.update(update).await.unwrap();

    let read = db.read(&call).await;
    assert_eq!((read.title.as_str(), read.call_type.as_str(), read.status.as_str()), ("Pump 8", "MESH", "Started"));
    assert_eq!((read.planned_at, read.started_at, read.ended_at), (Some(at(1)), Some(at(2)), None));
    assert_eq!(read.invited.iter().map(|i| i.contact.id).collect::<Vec<_>>(), [ben.id, guest.id, ben.id]);
    assert_eq!(read.teams, [team(7, "seven", &["pumps"])]);
    assert_eq!(read.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(read.events[2..].iter().map(|event| event.id).collect::<Vec<_>>(), saved.event_ids);
    assert_eq!(read.history, [history(1, Some(&ada)), history(2, None), history(3, Some(&ben))]);
    assert_eq!(read.statistics, [statistics(1, &ben), statistics(2, &guest)]);
    let later = CallUpdate { new_statistics: vec![statistics(3, &ada)], ..next(&read, 2) };
    db.update(later).await.unwrap();
    assert_eq!(db.read(&call).await.statistics, [statistics(1, &ben), statistics(2, &guest), statistics(3, &ada)]);
    assert_eq!(saved.id, call.id);
}

async fn every_update_needs_the_version_before_it(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let call = db.save(new_call(&ada, &[])).await;

    for (expected, outcome) in [(0, false), (2, false), (1, true), (1, false), (2, true), (4, false), (3, true)] {
        let update = CallUpdate { title: format!("after {expected}"), ..next(&call, expected) };
        assert_eq!(db.update(update).await.is_ok(), outcome, "version {expected}");
    }

    assert_eq!(db.read(&call).await.title, "after 3");
}

async fn another_owner_is_refused_and_changes_nothing(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let call = db.save(new_call(&ada, &[])).await;
    let attempt = || CallUpdate {
        title: "stolen".to_owned(),
        new_events: vec![new_event(3, &ada)],
        new_history: vec![history(2, None)],
        new_invited: vec![invite(&ada)],
        ..ended(&call, 1)
    };

    let other_node = CallUpdate { owner_node: "other".to_owned(), ..attempt() };
    let older_epoch = CallUpdate { owner_epoch: 0, ..attempt() };
    let newer_epoch = CallUpdate { owner_epoch: 2, ..attempt() };
    let older_version = CallUpdate { expected_version: 0, ..attempt() };
    let unknown_call = CallUpdate { id: call.id + 1, ..attempt() };
    for update in [other_node, older_epoch, newer_epoch, older_version, unknown_call] {
        assert_eq!(db.update(update).await, Err(Refused::Conflict));
    }

    assert!(db.read(&call).await == call);
}

async fn a_used_key_is_refused_and_leads_to_the_first_call(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let first = db.save(with_key(new_call(&ada, &[]), 1, "key")).await;
    let second = with_key(new_call(&ada, &[]), 1, "key");

    assert_eq!(db.save_one(create(&second)).await, Err(Refused::KeyUsed));

    assert!(db.store.call(second.record.call_id).await.unwrap().is_none());
    let known = db.store.idempotency(1, "key").await.unwrap().unwrap();
    assert_eq!((known.call_id, known.body_hash, known.created_at), (first.call_id, [1; 32], at(0)));
    assert_eq!(db.store.idempotency(1, "other").await.unwrap(), None);
    assert_eq!(db.count("calls").await, 1);
}

async fn two_callers_may_use_the_same_key(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let first = db.save(with_key(new_call(&ada, &[]), 1, "key")).await;
    let second = db.save(with_key(new_call(&ada, &[]), 2, "key")).await;

    assert_eq!(db.store.idempotency(1, "key").await.unwrap().unwrap().call_id, first.call_id);
    let known = db.store.idempotency(2, "key").await.unwrap().unwrap();
    assert_eq!((known.call_id, known.body_hash), (second.call_id, [2; 32]));
    assert_eq!(db.store.idempotency(3, "key").await.unwrap(), None);
}

async fn a_call_that_refers_to_nobody_leaves_no_row_behind(db: &Db) {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let mut nobody = ada.clone();
    nobody.id += 1000;
    // Each breaks at a later table than the one before.
    let creator = new_call(&nobody, &[]);
    let invited = new_call(&ada, &[&ada, &nobody]);
    let mut logged = new_call(&ada, &[&ada]);
    logged.record.events.push(event(3, &nobody));
    let mut doubled = new_call(&ada, &[&ada]);
    doubled.record.events.push(event(2, &ada));

    for new in [creator, invited, logged, doubled] {
        let outcome = db.save_one(create(&with_key(new, 1, "key"))).await;
        assert!(matches!(outcome, Err(Refused::Constraint(_))), "{outcome:?}");
    }

    for table in ["calls", "call_members", "call_invitations", "call_events", "call_history", "idempotency_keys"] {
        assert_eq!(db.count(table).await, 0, "{table}");
    }
}

async fn a_call_id_can_be_used_once(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let call = db.save(new_call(&ada, &[])).await;
    let mut again = new_call(&ada, &[]);
    again.record.call_id = call.call_id;

    let outcome = db.save_one(create(&again)).await;

    assert!(matches!(outcome, Err(Refused::Constraint(_))), "{outcome:?}");
    assert!(db.read(&call).await == call);
}

async fn a_node_that_has_started_again_creates_nothing_as_its_former_self(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let now = db.store.next_owner_epoch("node").await.unwrap();
    let later = db.store.next_owner_epoch("node").await.unwrap();
    let mut new = new_call(&ada, &[]);

    new.owner_epoch = now;
    assert_eq!(db.save_one(create(&new)).await, Err(Refused::Conflict));
    new.owner_epoch = later;
    let saved = db.save_one(create(&new)).await.unwrap();

    assert!(db.read(&new.record).await == as_saved(&new, &saved));
}

async fn a_call_with_an_unreadable_id_is_corrupt_not_missing(db: &Db) {
    let domain = db.domain("acme").await;
    let call = db.save(new_call(&db.person(&domain, "ada").await, &[])).await;
    let raw = db.raw().await;
    sea_orm::ConnectionTrait::execute_unprepared(&raw, "UPDATE calls SET call_id = 'what'").await.unwrap();

    let filter = farhand_store::model::CallFilter { domain_id: domain.id, limit: 5, ..Default::default() };
    assert_corrupt(db.store.calls(&filter).await);
    assert!(db.store.call(call.call_id).await.unwrap().is_none());
}

async fn whoever_is_invited_already_can_be_reached_in_another_way_from_then_on(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let (call, other) = (db.save(new_call(&ada, &[&ada, &ben])).await, db.save(new_call(&ada, &[&ben])).await);
    let to = |email: &str| Invitation {
        display_name: "Ben".to_owned(),
        email: Some(email.to_owned()),
        phone: Some("+49 1".to_owned()),
        language: None,
        contact: ben.clone(),
    };
    let change = |email, version| {
        CallWrite::Update(Box::new(CallUpdate { changed_invited: vec![to(email)], ..next(&call, version) }))
    };
    let saved = db.store.save_calls(&[change("first@example.org", 1), change("second@example.org", 2)]).await.unwrap();
    assert!(saved.iter().all(Result::is_ok), "{saved:?}");

    assert!(db.read(&call).await.invited == [invite(&ada), to("second@example.org")]);
    assert!(db.read(&other).await.invited == [invite(&ben)], "of this call only");
}

contract!(
    whoever_is_invited_already_can_be_reached_in_another_way_from_then_on,
    a_saved_call_reads_back_exactly_as_it_was_written,
    event_ids_rise_with_seq_even_if_rows_come_out_of_order,
    an_update_changes_the_call_and_adds_to_what_hangs_on_it,
    every_update_needs_the_version_before_it,
    another_owner_is_refused_and_changes_nothing,
    a_used_key_is_refused_and_leads_to_the_first_call,
    two_callers_may_use_the_same_key,
    a_call_that_refers_to_nobody_leaves_no_row_behind,
    a_call_id_can_be_used_once,
    a_node_that_has_started_again_creates_nothing_as_its_former_self,
    a_call_with_an_unreadable_id_is_corrupt_not_missing,
);
