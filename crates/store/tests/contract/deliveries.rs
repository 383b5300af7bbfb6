//! Messages to people: taken up once, changed by what is heard of them, and known after a stop.

use std::collections::HashSet;

use farhand_domain::delivery::{Channel, Fact, State};
use farhand_store::model::{
    CallRecord, CallUpdate, Claimant, Contact, DeadLetter, Delivery, DeliveryStep, Heard, Whose,
};

use crate::support::{Db, at, ended, fresh_uuid, new_call, next};

const BY: Claimant<'static> = Claimant { node: "node", epoch: 1 };

fn new_delivery(record: &CallRecord, to: &Contact, due: i64) -> Delivery {
    Delivery {
        id: fresh_uuid(),
        call_id: record.call_id,
        domain_id: to.domain_id,
        contact_id: to.id,
        channel: Channel::Email,
        kind: "ring".to_owned(),
        address: "somebody@example.org".to_owned(),
        facts: "{}".to_owned(),
        state: State::Queued,
        reason: None,
        tries: 0,
        next_at: at(due),
        not_after: at(due + 60_000),
        gateway_id: None,
        steps: vec![DeliveryStep { state: State::Queued, reason: None, at: at(0) }],
    }
}

fn heard(delivery: &Delivery, fact: Fact) -> Heard {
    Heard { whose: Whose::Id(delivery.id), fact, reason: None, gateway_id: None, again_at: None, at: at(500) }
}

/// A call with messages that are due at these times.
async fn call_with(db: &Db, due: &[i64]) -> CallRecord {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let mut new = new_call(&ada, &[&ada]);
    new.record.deliveries = due.iter().map(|due| new_delivery(&new.record, &ada, *due)).collect();
    db.save(new).await
}

async fn claim(db: &Db, now: i64, most: u64) -> Vec<Delivery> {
    let claimed = db.store.claim_deliveries(Channel::Email, at(now), BY, most, &[]).await.unwrap();
    claimed.into_iter().map(|claimed| claimed.delivery).collect()
}

async fn messages_are_born_with_their_call_and_with_its_steps(db: &Db) {
    let mut record = call_with(db, &[0, 0]).await;
    let later = new_delivery(&record, &record.creator, 5);
    let update = CallUpdate { new_deliveries: vec![later.clone()], ..next(&record, 1) };
    db.update(update).await.unwrap();
    record.deliveries.push(later);
    assert!(db.read(&record).await == record);
    assert_eq!(db.read(&record).await.deliveries, record.deliveries, "in order");
}

async fn a_refused_step_leaves_no_message(db: &Db) {
    let record = call_with(db, &[]).await;
    let update = CallUpdate { new_deliveries: vec![new_delivery(&record, &record.creator, 0)], ..next(&record, 7) };
    assert!(db.update(update).await.is_err());
    assert_eq!(db.count("deliveries").await, 0);
}

async fn what_was_not_sent_is_listed_for_its_domain_the_latest_first(db: &Db) {
    let record = call_with(db, &[10, 30, 20, 40, 50, 60]).await;
    let [failed, expired, uncertain, sent, ..] = &record.deliveries[..] else { panic!() };
    claim(db, 45, 9).await;
    let facts = [(failed, Fact::Refused), (expired, Fact::TooLate), (uncertain, Fact::Refused), (sent, Fact::Accepted)];
    let said: Vec<_> = facts.map(|(delivery, fact)| heard(delivery, fact)).to_vec();
    db.store.hear_of_deliveries(&said).await.unwrap();

    let ids = |listed: Vec<DeadLetter>| listed.into_iter().map(|dead| dead.delivery.id).collect::<Vec<_>>();
    let listed = |most| db.store.dead_letters(record.domain_id, "again", most);
    assert_eq!(ids(listed(9).await.unwrap()), [expired.id, uncertain.id, failed.id]);
    assert_eq!(listed(1).await.unwrap()[0].delivery.state, State::Expired);
    assert!(db.store.dead_letters(record.domain_id + 1, "again", 9).await.unwrap().is_empty());
}

async fn what_was_not_sent_says_of_which_call_for_whom_and_whether_it_went_out_again(db: &Db) {
    let record = call_with(db, &[10, 20]).await;
    claim(db, 45, 9).await;
    let refused: Vec<_> = record.deliveries.iter().map(|delivery| heard(delivery, Fact::Refused)).collect();
    db.store.hear_of_deliveries(&refused).await.unwrap();
    let again = |address: &str, kind: &str| Delivery {
        kind: kind.to_owned(),
        address: address.to_owned(),
        ..new_delivery(&record, &record.creator, 99)
    };
    let others = vec![again("other@example.org", "again"), again("somebody@example.org", "moved")];
    db.update(CallUpdate { new_deliveries: others, ..next(&record, 1) }).await.unwrap();
    let listed = async || db.store.dead_letters(record.domain_id, "again", 9).await.unwrap();
    for dead in listed().await {
        assert_eq!((dead.call_title.as_str(), dead.call_ended), (record.title.as_str(), false));
        assert_eq!((dead.display_name.as_str(), dead.sent_again), (record.creator.display_name.as_str(), false));
    }
    let record = db.read(&record).await;
    let fresh = vec![again("somebody@example.org", "again")];
    db.update(CallUpdate { new_deliveries: fresh, ..next(&record, 2) }).await.unwrap();
    assert_eq!(listed().await.iter().map(|dead| dead.sent_again).collect::<Vec<_>>(), [true, true]);
    let record = db.read(&record).await;
    let sent = record.deliveries.last().unwrap();
    claim(db, 100, 9).await;
    db.store.hear_of_deliveries(&[heard(sent, Fact::Refused)]).await.unwrap();
    assert_eq!(listed().await.iter().map(|dead| dead.sent_again).collect::<Vec<_>>(), [false, true, true]);
}

async fn what_is_due_is_taken_up_once_the_longest_due_first(db: &Db) {
    let record = call_with(db, &[30, 10, 20, 99]).await;
    assert_eq!(db.store.next_delivery(Channel::Email).await.unwrap(), Some(at(10)));
    assert_eq!(db.store.next_delivery(Channel::Sms).await.unwrap(), None);
    assert_eq!(db.store.claim_deliveries(Channel::Sms, at(50), BY, 9, &[]).await.unwrap(), []);
    let first = claim(db, 50, 2).await;
    assert_eq!(first, [&record.deliveries[1], &record.deliveries[2]].map(Clone::clone));
    assert_eq!(claim(db, 50, 9).await, [record.deliveries[0].clone()]);
    assert_eq!(claim(db, 50, 9).await, []);
    assert_eq!(db.store.next_delivery(Channel::Email).await.unwrap(), Some(at(99)));
}

async fn what_is_due_of_domains_that_are_passed_over_waits(db: &Db) {
    let busy = call_with(db, &[10, 20]).await;
    let mut free = Vec::new();
    for name in ["other", "third"] {
        let eve = db.person(&db.domain(name).await, "eve").await;
        let mut new = new_call(&eve, &[&eve]);
        new.record.deliveries = vec![new_delivery(&new.record, &eve, 30)];
        free.push(db.save(new).await);
    }
    let claim = async |passed_over: &[i64]| {
        let claimed = db.store.claim_deliveries(Channel::Email, at(50), BY, 1, passed_over).await.unwrap();
        claimed.into_iter().map(|claimed| claimed.delivery.domain_id).collect::<Vec<_>>()
    };
    let third = free[1].domain_id;
    assert_eq!(claim(&[busy.domain_id, third]).await, [free[0].domain_id]);
    assert_eq!(claim(&[busy.domain_id, third]).await, [0; 0]);
    assert_eq!(claim(&[busy.domain_id]).await, [third]);
    assert_eq!(claim(&[]).await, [busy.domain_id]);
}

async fn of_many_who_take_up_at_once_each_gets_others(db: &Db) {
    call_with(db, &[0; 60]).await;
    let stores = [db.open_again().await, db.open_again().await, db.open_again().await];
    let claims = |index: usize| {
        let store = &stores[index];
        async move {
            let mut mine = Vec::new();
            for _ in 0..10 {
                mine.extend(store.claim_deliveries(Channel::Email, at(1), BY, 3, &[]).await.unwrap());
            }
            mine
        }
    };
    let (one, two, three) = tokio::join!(claims(0), claims(1), claims(2));
    let claimed: Vec<_> = [one, two, three].into_iter().flatten().map(|claimed| claimed.delivery.id).collect();
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), claimed.len(), "none twice");
    assert_eq!(claimed.len() + claim(db, 1, 99).await.len(), 60);
    for store in stores {
        store.close().await;
    }
}

async fn what_is_heard_of_a_message_is_kept_with_its_time_and_words(db: &Db) {
    let record = call_with(db, &[0, 0, 0]).await;
    claim(db, 1, 9).await;
    let [a, b, c] = [0, 1, 2].map(|index| &record.deliveries[index]);
    let later = Heard { reason: Some("450 busy".to_owned()), again_at: Some(at(900)), ..heard(a, Fact::TryLater) };
    let taken = Heard { gateway_id: Some("g-7".to_owned()), ..heard(b, Fact::Accepted) };
    let changed = db.store.hear_of_deliveries(&[later, taken, heard(c, Fact::Claimed)]).await.unwrap();
    let of = |delivery: &Delivery| changed.iter().find(|changed| changed.id == delivery.id).cloned();
    let step = |state, reason: Option<&str>| DeliveryStep { state, reason: reason.map(str::to_owned), at: at(500) };
    let a = of(a).unwrap();
    assert_eq!((a.state, a.reason.as_deref(), a.next_at, a.tries), (State::Queued, Some("450 busy"), at(900), 1));
    assert_eq!(a.steps.last(), Some(&step(State::Queued, Some("450 busy"))));
    assert_eq!(of(b).unwrap().gateway_id.as_deref(), Some("g-7"));
    assert_eq!(of(c), None, "it has not changed");

    let report = Heard { whose: Whose::Gateway(Channel::Email, "g-7".to_owned()), ..heard(b, Fact::ReportedDelivered) };
    let twice = [report.clone(), Heard { whose: Whose::Gateway(Channel::Sms, "g-7".to_owned()), ..report }];
    let changed = db.store.hear_of_deliveries(&twice).await.unwrap();
    assert_eq!(changed.iter().map(|d| (d.id, d.state)).collect::<Vec<_>>(), [(b.id, State::Delivered)]);
    assert_eq!(
        changed[0].steps.iter().map(|s| s.state).collect::<Vec<_>>(),
        [State::Queued, State::Sent, State::Delivered]
    );
    let read = db.read(&record).await;
    assert_eq!(read.deliveries[1], changed[0]);
    assert_eq!(claim(db, 899, 9).await, []);
    assert_eq!(claim(db, 900, 9).await, [a], "again");
}

async fn several_facts_of_one_message_are_heard_in_order(db: &Db) {
    let record = call_with(db, &[0]).await;
    let only = &record.deliveries[0];
    let facts = [Fact::Claimed, Fact::Accepted, Fact::Opened, Fact::ReportedFailed];
    let changed = db.store.hear_of_deliveries(&facts.map(|fact| heard(only, fact))).await.unwrap();
    assert_eq!(changed.iter().map(|d| (d.state, d.steps.len())).collect::<Vec<_>>(), [(State::Seen, 4)]);
    let unknown = Heard { whose: Whose::Id(fresh_uuid()), ..heard(only, Fact::Joined) };
    assert_eq!(db.store.hear_of_deliveries(&[unknown]).await.unwrap(), []);
}

async fn what_a_step_means_for_messages_is_saved_with_it(db: &Db) {
    let record = call_with(db, &[0, 0]).await;
    let [a, b] = [0, 1].map(|index| &record.deliveries[index]);
    let refused = CallUpdate { heard: vec![heard(a, Fact::NotNeeded)], ..next(&record, 7) };
    assert!(db.update(refused).await.is_err());
    assert_eq!(db.read(&record).await.deliveries[0].state, State::Queued);
    let update = CallUpdate { heard: vec![heard(b, Fact::NotNeeded), heard(b, Fact::TooLate)], ..next(&record, 1) };
    let saved = db.update(update).await.unwrap();
    assert_eq!(saved.deliveries.iter().map(|d| (d.id, d.state)).collect::<Vec<_>>(), [(b.id, State::Cancelled)]);
    let states: Vec<_> = db.read(&record).await.deliveries.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [State::Queued, State::Cancelled]);
}

async fn whoever_takes_one_up_learns_whether_its_call_is_over(db: &Db) {
    let record = call_with(db, &[0, 99]).await;
    let over = async |now| {
        let claimed = db.store.claim_deliveries(Channel::Email, at(now), BY, 9, &[]).await.unwrap();
        claimed.iter().map(|claimed| claimed.call_ended).collect::<Vec<_>>()
    };
    assert_eq!(over(1).await, [false]);
    db.update(ended(&record, 1)).await.unwrap();
    assert_eq!(over(99).await, [true]);
}

async fn what_was_in_flight_at_a_stop_is_known_to_the_next_start(db: &Db) {
    let record = call_with(db, &[0, 0, 0]).await;
    let flying = claim(db, 1, 2).await;
    db.store.hear_of_deliveries(&[heard(&flying[0], Fact::Accepted)]).await.unwrap();
    let interrupted = async |by| db.store.interrupted_deliveries(Channel::Email, by).await.unwrap();
    assert!(interrupted(BY).await.is_empty(), "this one still sends it");
    assert!(interrupted(Claimant { node: "other", epoch: 9 }).await.is_empty());
    assert_eq!(interrupted(Claimant { epoch: 2, ..BY }).await, [flying[1].id]);
    assert!(record.deliveries.iter().any(|delivery| delivery.id == flying[1].id));
}

async fn there_may_be_more_messages_than_a_statement_has_parameters(db: &Db) {
    // SQLite takes 32,766 of them.
    let record = call_with(db, &vec![0; 33_000]).await;
    assert_eq!(db.read(&record).await.deliveries.len(), 33_000);
    let some = record.deliveries.iter().take(1_500);
    let over: Vec<_> = some.map(|delivery| heard(delivery, Fact::NotNeeded)).collect();
    assert_eq!(db.store.hear_of_deliveries(&over).await.unwrap().len(), 1_500);
}

contract!(
    there_may_be_more_messages_than_a_statement_has_parameters,
    messages_are_born_with_their_call_and_with_its_steps,
    a_refused_step_leaves_no_message,
    what_was_not_sent_is_listed_for_its_domain_the_latest_first,
    what_was_not_sent_says_of_which_call_for_whom_and_whether_it_went_out_again,
    what_is_due_is_taken_up_once_the_longest_due_first,
    what_is_due_of_domains_that_are_passed_over_waits,
    of_many_who_take_up_at_once_each_gets_others,
    what_is_heard_of_a_message_is_kept_with_its_time_and_words,
    several_facts_of_one_message_are_heard_in_order,
    what_a_step_means_for_messages_is_saved_with_it,
    whoever_takes_one_up_learns_whether_its_call_is_over,
    what_was_in_flight_at_a_stop_is_known_to_the_next_start,
);
