//! Many writes in one transaction, and many transactions at once: each write is refused or saved on its own.

use std::{collections::HashSet, sync::Arc};

use farhand_store::model::{CallUpdate, CallWrite, Refused};

use crate::support::{Db, as_saved, create, ended, event, history, invite, new_call, new_event, next, with_key};

/// More than the largest statement holds, and not a multiple of it.
const MANY: usize = 150;

async fn every_call_of_a_large_batch_keeps_its_own_rows(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let mut calls = Vec::new();
    for number in 0..MANY {
        let mut new = new_call(if number % 2 == 0 { &ada } else { &ben }, &[&ada, &ben][..number % 3]);
        new.record.title = format!("call {number}");
        new.record.events = (1..=1 + i64::try_from(number % 4).unwrap()).map(|seq| event(seq, &ada)).collect();
        new.record.history = (1..=i64::try_from(number % 3).unwrap()).map(|seq| history(seq, Some(&ben))).collect();
        calls.push(with_key(new, 1, &format!("key {number}")));
    }

    let outcomes = db.store.save_calls(&calls.iter().map(create).collect::<Vec<_>>()).await.unwrap();

    assert_eq!(outcomes.len(), MANY);
    for (new, outcome) in calls.iter().zip(&outcomes) {
        let record = as_saved(new, outcome.as_ref().unwrap());
        assert!(db.read(&record).await == record, "{}", record.title);
        assert!(record.events.is_sorted_by_key(|event| event.id), "{}", record.title);
    }
    let ids: HashSet<_> = outcomes.iter().flatten().flat_map(|saved| saved.event_ids.clone()).collect();
    assert_eq!(ids.len(), outcomes.iter().flatten().map(|saved| saved.event_ids.len()).sum::<usize>());
}

async fn a_batch_of_updates_reaches_each_its_own_call(db: &Db) {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let mut records = Vec::new();
    for _ in 0..MANY {
        records.push(db.save(new_call(&ada, &[&ada])).await);
    }
    // In another order than that of the ids, with a new call between every two.
    records.reverse();
    let mut writes = Vec::new();
    for record in &records {
        writes.push(create(&new_call(&ada, &[])));
        writes.push(CallWrite::Update(Box::new(CallUpdate {
            title: format!("title {}", record.id),
            new_events: vec![new_event(3, &ada), new_event(4, &ada)],
            new_invited: vec![invite(&ada)],
            ..next(record, 1)
        })));
    }

    let outcomes = db.store.save_calls(&writes).await.unwrap();

    for (record, outcome) in records.iter().zip(outcomes.iter().skip(1).step_by(2)) {
        let read = db.read(record).await;
        let saved = outcome.as_ref().unwrap();
        assert_eq!((saved.id, read.title.clone()), (record.id, format!("title {}", record.id)));
        assert_eq!(read.events[2..].iter().map(|event| event.id).collect::<Vec<_>>(), saved.event_ids);
        assert_eq!(read.invited.len(), 2);
    }
}

async fn refused_writes_do_not_keep_their_batch_from_being_saved(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let (one, two) = (db.save(new_call(&ada, &[])).await, db.save(new_call(&ada, &[])).await);
    db.save(with_key(new_call(&ada, &[]), 1, "used")).await;
    let update = |record, version, title: &str| {
        CallWrite::Update(Box::new(CallUpdate { title: title.to_owned(), ..next(record, version) }))
    };
    let fresh = new_call(&ada, &[&ada]);

    let outcomes = db
        .store
        .save_calls(&[
            update(&one, 7, "conflict"),
            create(&with_key(new_call(&ada, &[]), 1, "used")),
            create(&fresh),
            update(&two, 1, "fine"),
        ])
        .await
        .unwrap();

    assert_eq!(outcomes[0], Err(Refused::Conflict));
    assert_eq!(outcomes[1], Err(Refused::KeyUsed));
    assert!(db.read(&fresh.record).await == as_saved(&fresh, outcomes[2].as_ref().unwrap()));
    assert_eq!((db.read(&one).await.title, db.read(&two).await.title), ("Pump 7".to_owned(), "fine".to_owned()));
    assert_eq!(db.count("calls").await, 4);
}

async fn a_row_nobody_foresaw_fails_only_its_own_write(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut nobody = ada.clone();
    nobody.id += 1000;
    let (before, call, after) = (new_call(&ada, &[]), db.save(new_call(&ada, &[])).await, new_call(&ada, &[]));
    let update = CallUpdate { title: "new".to_owned(), new_events: vec![new_event(3, &ada)], ..next(&call, 1) };

    let outcomes = db
        .store
        .save_calls(&[
            create(&with_key(before.clone(), 1, "a")),
            create(&with_key(new_call(&ada, &[&nobody]), 1, "b")),
            CallWrite::Update(Box::new(update)),
            CallWrite::Update(Box::new(CallUpdate { new_invited: vec![invite(&nobody)], ..next(&call, 2) })),
            create(&with_key(after.clone(), 1, "c")),
        ])
        .await
        .unwrap();

    assert!(matches!(outcomes[1], Err(Refused::Constraint(_))), "{:?}", outcomes[1]);
    assert!(matches!(outcomes[3], Err(Refused::Constraint(_))), "{:?}", outcomes[3]);
    assert!(db.read(&before.record).await == as_saved(&before, outcomes[0].as_ref().unwrap()));
    assert!(db.read(&after.record).await == as_saved(&after, outcomes[4].as_ref().unwrap()));
    assert_eq!(db.read(&call).await.title, "new");
    assert_eq!(db.store.idempotency(1, "b").await.unwrap(), None);
    db.update(next(&call, 2)).await.unwrap();
}

async fn a_character_one_database_cannot_store_fails_only_its_own_write(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let (mut odd, plain) = (new_call(&ada, &[]), new_call(&ada, &[]));
    "a\0b".clone_into(&mut odd.record.title);

    let outcomes = db.store.save_calls(&[create(&odd), create(&plain)]).await.unwrap();

    assert!(db.read(&plain.record).await == as_saved(&plain, outcomes[1].as_ref().unwrap()));
    match &outcomes[0] {
        Ok(saved) => assert!(db.read(&odd.record).await == as_saved(&odd, saved)),
        Err(refused) => assert!(matches!(refused, Refused::Constraint(_)), "{refused:?}"),
    }
}

async fn of_two_equal_keys_in_a_batch_the_first_wins(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let keyed = |key| with_key(new_call(&ada, &[]), 1, key);
    let calls = [keyed("z"), keyed("a"), keyed("z"), keyed("a"), keyed("m")];

    let outcomes = db.store.save_calls(&calls.iter().map(create).collect::<Vec<_>>()).await.unwrap();

    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, false, true]);
    assert_eq!(outcomes[2], Err(Refused::KeyUsed));
    assert_eq!(db.store.idempotency(1, "z").await.unwrap().unwrap().call_id, calls[0].record.call_id);
    assert_eq!(db.store.idempotency(1, "a").await.unwrap().unwrap().call_id, calls[1].record.call_id);
}

async fn updates_of_one_call_in_a_batch_build_on_each_other(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let call = db.save(new_call(&ada, &[])).await;
    let write = |version: i64, title: &str| {
        CallWrite::Update(Box::new(CallUpdate {
            title: title.to_owned(),
            new_events: vec![new_event(version + 2, &ada)],
            new_invited: vec![invite(&ada)],
            ..next(&call, version)
        }))
    };

    let writes = [write(1, "first"), write(2, "second"), write(2, "late"), write(3, "third")];
    let outcomes = db.store.save_calls(&writes).await.unwrap();

    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true]);
    let read = db.read(&call).await;
    assert_eq!((read.title.as_str(), read.invited.len()), ("third", 3));
    assert_eq!(read.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    db.update(ended(&call, 4)).await.unwrap();
}

async fn no_writes_are_no_work(db: &Db) {
    assert!(db.store.save_calls(&[]).await.unwrap().is_empty());
}

async fn batches_at_the_same_time_are_all_saved(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut tasks = Vec::new();
    for _ in 0..12 {
        let store = Arc::clone(&db.store);
        let calls: Vec<_> = (0..20).map(|_| new_call(&ada, &[&ada])).collect();
        tasks.push(tokio::spawn(async move {
            let outcomes = store.save_calls(&calls.iter().map(create).collect::<Vec<_>>()).await.unwrap();
            calls.iter().zip(outcomes).map(|(new, outcome)| as_saved(new, &outcome.unwrap())).collect::<Vec<_>>()
        }));
    }
    let mut ids = HashSet::new();
    for task in tasks {
        for record in task.await.unwrap() {
            assert!(db.read(&record).await == record);
            ids.insert(record.id);
        }
    }
    assert_eq!(ids.len(), 240);
}

async fn of_many_callers_at_once_one_gets_each_key(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut tasks = Vec::new();
    for task in 0..10 {
        let store = Arc::clone(&db.store);
        // In opposite orders, which is how two transactions come to wait for each other.
        let mut calls: Vec<_> =
            (0..10).map(|key| create(&with_key(new_call(&ada, &[]), 1, &format!("key {key}")))).collect();
        if task % 2 == 0 {
            calls.reverse();
        }
        tasks.push(tokio::spawn(async move { store.save_calls(&calls).await.unwrap() }));
    }
    let mut saved = 0;
    for task in tasks {
        saved += task.await.unwrap().iter().filter(|outcome| outcome.is_ok()).count();
    }
    assert_eq!((saved, db.count("calls").await, db.count("idempotency_keys").await), (10, 10, 10));
}

async fn of_many_updates_at_once_one_gets_each_version(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let mut records = Vec::new();
    for _ in 0..10 {
        records.push(db.save(new_call(&ada, &[])).await);
    }
    let mut tasks = Vec::new();
    for task in 0..10 {
        let store = Arc::clone(&db.store);
        let update = |record| CallWrite::Update(Box::new(CallUpdate { title: task.to_string(), ..next(record, 1) }));
        let mut updates: Vec<_> = records.iter().map(update).collect();
        if task % 2 == 0 {
            updates.reverse();
        }
        tasks.push(tokio::spawn(async move { store.save_calls(&updates).await.unwrap() }));
    }
    let mut saved = 0;
    for task in tasks {
        saved += task.await.unwrap().iter().filter(|outcome| outcome.is_ok()).count();
    }
    assert_eq!(saved, 10);
}

contract!(
    every_call_of_a_large_batch_keeps_its_own_rows,
    a_batch_of_updates_reaches_each_its_own_call,
    refused_writes_do_not_keep_their_batch_from_being_saved,
    a_row_nobody_foresaw_fails_only_its_own_write,
    a_character_one_database_cannot_store_fails_only_its_own_write,
    of_two_equal_keys_in_a_batch_the_first_wins,
    updates_of_one_call_in_a_batch_build_on_each_other,
    no_writes_are_no_work,
    batches_at_the_same_time_are_all_saved,
    of_many_callers_at_once_one_gets_each_key,
    of_many_updates_at_once_one_gets_each_version,
);
