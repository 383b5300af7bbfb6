//! Taking over the running calls, and fencing off whoever had them.

use farhand_store::model::{CallRecord, CallUpdate, CallWrite, NewCall, Refused, SleepingCall};

use crate::support::{Db, as_saved, assert_constraint, at, create, ended, new_call, next};

async fn epochs_rise_for_each_node_apart(db: &Db) {
    let mut seen = Vec::new();
    for node in ["a", "a", "b", "a", "b"] {
        seen.push(db.store.next_owner_epoch(node).await.unwrap());
    }
    assert_eq!(seen, [1, 2, 1, 3, 2]);
}

async fn all_calls_that_have_not_ended_are_taken_over_complete(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let calls: Vec<_> = (0..40).map(|number| new_call(&ada, &[&ada, &ben][..number % 3])).collect();
    let outcomes = db.store.save_calls(&calls.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    let mut expected: Vec<_> =
        calls.iter().zip(outcomes).map(|(new, outcome)| as_saved(new, &outcome.unwrap())).collect();
    for gone in [17, 3] {
        db.update(ended(&expected.remove(gone), 1)).await.unwrap();
    }
    db.update(CallUpdate { state: "second".to_owned(), ..next(&expected[5], 1) }).await.unwrap();

    let epoch = db.store.next_owner_epoch("next").await.unwrap();
    let running = db.taken_over("next", epoch).await;

    assert_eq!(running.len(), 38);
    for (index, (call, record)) in running.iter().zip(&expected).enumerate() {
        assert!(call.record == *record, "{index}");
        let live = if index == 5 { (2, "second") } else { (1, "{\"phase\":\"ringing\"}") };
        assert_eq!((call.version, call.state.as_str()), live);
    }
}

async fn a_former_owner_can_change_nothing_after_a_take_over(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let first = db.store.next_owner_epoch("node").await.unwrap();
    let mut new = new_call(&ada, &[]);
    new.owner_epoch = first;
    let call = db.save(new).await;
    let second = db.store.next_owner_epoch("node").await.unwrap();
    let taken = db.taken_over("node", second).await;

    let as_epoch = |owner_epoch| CallUpdate { owner_epoch, ..next(&call, taken[0].version) };
    assert_eq!(db.update(as_epoch(first)).await, Err(Refused::Conflict));
    assert_constraint(db.store.take_over("node", first).await);
    db.update(as_epoch(second)).await.unwrap();

    let other = db.store.next_owner_epoch("other").await.unwrap();
    db.store.take_over("other", other).await.unwrap();
    let as_node = |node: &str, owner_epoch| CallUpdate {
        owner_node: node.to_owned(),
        owner_epoch,
        ..next(&call, taken[0].version + 1)
    };
    assert_eq!(db.update(as_node("node", second)).await, Err(Refused::Conflict));
    assert_eq!(db.update(as_node("node", other)).await, Err(Refused::Conflict));
    db.update(as_node("other", other)).await.unwrap();
}

async fn an_owner_reads_its_call_as_it_stands_and_nobody_elses(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let epoch = db.store.next_owner_epoch("node").await.unwrap();
    let mut new = new_call(&ada, &[]);
    new.owner_epoch = epoch;
    let call = db.save(new).await;
    db.update(CallUpdate { owner_epoch: epoch, state: "second".to_owned(), ..next(&call, 1) }).await.unwrap();

    let owned = db.store.owned_call(call.id, "node", epoch).await.unwrap().unwrap();

    assert_eq!((owned.version, owned.state.as_str(), owned.record.call_id), (2, "second", call.call_id));
    assert_eq!(owned.record.events, call.events);
    assert!(db.store.owned_call(call.id, "other", epoch).await.unwrap().is_none());
    assert!(db.store.owned_call(call.id, "node", epoch + 1).await.unwrap().is_none());
    assert!(db.store.owned_call(call.id + 1, "node", epoch).await.unwrap().is_none());
}

async fn an_ended_call_keeps_its_owner(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let call = db.save(new_call(&ada, &[])).await;
    db.update(ended(&call, 1)).await.unwrap();

    assert!(db.taken_over("next", 1).await.is_empty());

    db.update(ended(&call, 2)).await.unwrap();
}

async fn the_calls_of_another_owner_are_in_no_page(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let call = db.save(new_call(&ada, &[])).await;
    db.store.take_over("next", 3).await.unwrap();
    for (node, epoch) in [("node", 1), ("next", 2), ("node", 3)] {
        assert!(db.store.running_calls(node, epoch, 0, 9).await.unwrap().is_empty());
    }
    assert_eq!(db.store.running_calls("next", 3, 0, 9).await.unwrap().len(), 1);
    assert!(db.store.running_calls("next", 3, call.id, 9).await.unwrap().is_empty());
}

async fn thousands_of_running_calls_come_back_in_order(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    for _ in 0..3 {
        let writes: Vec<CallWrite> = (0..400).map(|_| create(&new_call(&ada, &[&ada]))).collect();
        db.store.save_calls(&writes).await.unwrap();
    }

    let running = db.taken_over("next", 1).await;

    assert_eq!(running.len(), 1200);
    assert!(running.is_sorted_by_key(|call| call.record.id));
    assert!(running.iter().all(|call| call.record.events.len() == 2 && call.record.invited.len() == 1));
}

async fn calls_that_sleep_are_taken_over_by_their_outline(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let until = |millis| NewCall { sleeps_until: Some(at(millis)), ..new_call(&ada, &[&ben, &ada]) };
    let (early, late, over, awake) = (
        db.save(until(7)).await,
        db.save(until(8)).await,
        db.save(until(9)).await,
        db.save(new_call(&ada, &[&ben])).await,
    );
    db.update(ended(&over, 1)).await.unwrap();
    db.update(CallUpdate { sleeps_until: Some(at(80)), ..next(&late, 1) }).await.unwrap();

    let epoch = db.store.next_owner_epoch("next").await.unwrap();
    let running = db.taken_over("next", epoch).await;

    assert_eq!(running.iter().map(|call| call.record.id).collect::<Vec<_>>(), [awake.id]);
    let outline = |call: &CallRecord, until| SleepingCall {
        id: call.id,
        call_id: call.call_id,
        until: at(until),
        creator: ada.id,
        maker: ada.id,
        invited: vec![ben.id, ada.id],
    };
    let mut sleeping = db.store.sleeping_calls("next", epoch).await.unwrap();
    for call in &mut sleeping {
        call.invited.sort_by_key(|contact| *contact == ada.id);
    }
    assert_eq!(sleeping, [outline(&early, 7), outline(&late, 80)]);
    let owned = db.store.owned_calls(&[late.id, early.id, over.id], "next", epoch).await.unwrap();
    let owned: Vec<_> = owned.iter().map(|call| (call.record.id, call.version)).collect();
    assert_eq!(owned, [(early.id, 1), (late.id, 2)], "what has ended keeps its owner");

    let woken = CallUpdate { owner_node: "next".to_owned(), owner_epoch: epoch, ..next(&late, 2) };
    db.update(woken).await.unwrap();
    let sleeping = db.store.sleeping_calls("next", epoch).await.unwrap();
    assert_eq!((db.taken_over("next", epoch).await.len(), sleeping.len()), (2, 1));
}

contract!(
    epochs_rise_for_each_node_apart,
    all_calls_that_have_not_ended_are_taken_over_complete,
    a_former_owner_can_change_nothing_after_a_take_over,
    an_owner_reads_its_call_as_it_stands_and_nobody_elses,
    an_ended_call_keeps_its_owner,
    the_calls_of_another_owner_are_in_no_page,
    calls_that_sleep_are_taken_over_by_their_outline,
    thousands_of_running_calls_come_back_in_order,
);
