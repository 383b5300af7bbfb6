//! What happened in calls, for whoever follows along: in the order of the commits, nothing twice, nothing left out.

use std::sync::atomic::{AtomicBool, Ordering};

use farhand_domain::delivery::{Channel, Fact, State};
use farhand_store::{
    Store,
    model::{
        CallRecord, CallUpdate, CallWrite, Contact, Delivery, DeliveryStep, EventRow, FeedEvent, FeedFilter, FeedPage,
        Heard, NewEvent, Whose,
    },
};

use crate::support::{Db, at, create, ended, event, fresh_uuid, history, new_call, new_event, next};

fn of(domain_id: i64, after: i64, limit: u64) -> FeedFilter {
    FeedFilter { domain_id, member: None, after, limit }
}

async fn all(store: &dyn Store, domain: i64) -> Vec<FeedEvent> {
    store.feed(&of(domain, 0, 1_000)).await.unwrap().events
}

fn told(events: &[FeedEvent]) -> Vec<(i64, &str)> {
    events.iter().map(|event| (event.sequence, event.kind.as_str())).collect()
}

fn message(record: &CallRecord, to: &Contact) -> Delivery {
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
        next_at: at(0),
        not_after: at(60_000),
        gateway_id: None,
        steps: vec![DeliveryStep { state: State::Queued, reason: None, at: at(0) }],
    }
}

fn heard(delivery: &Delivery, fact: Fact) -> Heard {
    let reason = Some("250 taken".to_owned());
    Heard { whose: Whose::Id(delivery.id), fact, reason, gateway_id: None, again_at: None, at: at(500) }
}

async fn log_history_and_messages_are_told_in_one_order_each_call_with_its_own_count(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.person(&domain, "ada").await, db.person(&domain, "ben").await);
    let mut first = new_call(&ada, &[&ben]);
    first.record.deliveries = vec![message(&first.record, &ben)];
    let second = new_call(&ben, &[]);
    let saved = db.store.save_calls(&[create(&first), create(&second)]).await.unwrap();
    let [first, second] = [(&first, &saved[0]), (&second, &saved[1])]
        .map(|(new, saved)| crate::support::as_saved(new, saved.as_ref().unwrap()));

    let step = CallUpdate {
        new_events: vec![new_event(3, &ben)],
        new_history: vec![history(2, None)],
        heard: vec![heard(&first.deliveries[0], Fact::NotNeeded)],
        ..next(&first, 1)
    };
    // Two steps of one call in a batch, and one of the other between them.
    let between = CallUpdate { new_events: vec![new_event(3, &ada)], ..next(&second, 1) };
    let end =
        CallUpdate { new_events: vec![ended_event(4, &ben)], new_history: vec![ended_note(3)], ..ended(&first, 2) };
    let batch = [step, between, end].map(|update| CallWrite::Update(Box::new(update)));
    assert!(db.store.save_calls(&batch).await.unwrap().iter().all(Result::is_ok));

    let events = all(&*db.store, domain.id).await;
    let numbers: Vec<_> = events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>(), "without a gap");
    assert_eq!(db.store.feed_end().await.unwrap(), *numbers.last().unwrap());
    let of_call = |record: &CallRecord| {
        events.iter().filter(|event| event.call.call_id == record.call_id).cloned().collect::<Vec<_>>()
    };
    let of_first = of_call(&first);
    let expected = [
        (1, "KIND_1"),
        (2, "KIND_2"),
        (3, "kind 1"),
        (4, "Notification"),
        (5, "LATER"),
        (6, "kind 2"),
        (7, "Ended"),
        (8, "Notification"),
    ];
    assert_eq!(told(&of_first), expected, "the end is told once, as the history has it");
    assert_eq!(told(&of_call(&second)), [(1, "KIND_1"), (2, "KIND_2"), (3, "kind 1"), (4, "LATER")]);

    let [queued, over] = [&of_first[3], &of_first[6]];
    assert_eq!(queued.message, Some((first.deliveries[0].id, "ring".to_owned())));
    assert_eq!((queued.channel.as_deref(), queued.state.as_deref()), (Some("email"), Some("queued")));
    assert_eq!((over.reason.as_deref(), over.at, over.contact.as_ref()), (Some("hungUp"), at(7), None));
    assert_eq!((over.call.status.as_str(), over.call.ended_at), ("Ended", Some(at(99))), "the call as it is now");
    assert_eq!(of_first[0].contact.as_ref(), Some(&ada));
    assert_eq!(of_first[7].reason.as_deref(), Some("250 taken"));
}

fn ended_event(seq: i64, contact: &Contact) -> NewEvent {
    NewEvent { kind: "Ended", ..new_event(seq, contact) }
}

fn ended_note(seq: i64) -> farhand_store::model::HistoryRow {
    farhand_store::model::HistoryRow {
        kind: "Ended".to_owned(),
        reason: Some("hungUp".to_owned()),
        at: at(7),
        ..history(seq, None)
    }
}

async fn what_is_heard_of_a_message_is_told(db: &Db) {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let mut new = new_call(&ada, &[]);
    new.record.deliveries = vec![message(&new.record, &ada)];
    let record = db.save(new).await;
    let before = db.store.feed_end().await.unwrap();
    let mut news = db.store.news();
    news.borrow_and_update();
    db.store.hear_of_deliveries(&[heard(&record.deliveries[0], Fact::Accepted)]).await.unwrap();
    assert!(news.has_changed().unwrap());
    let page = db.store.feed(&of(domain.id, before, 9)).await.unwrap();
    assert_eq!(told(&page.events), [(5, "Notification")]);
    assert_eq!(page.events[0].state.as_deref(), Some("sent"));
    // Heard a second time, it is nothing new.
    db.store.hear_of_deliveries(&[heard(&record.deliveries[0], Fact::Accepted)]).await.unwrap();
    assert_eq!(db.store.feed_end().await.unwrap(), page.end);
}

async fn a_domain_and_a_member_are_told_of_their_calls_only(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (ada, ben, eve) =
        (db.person(&acme, "ada").await, db.person(&acme, "ben").await, db.person(&other, "eve").await);
    let theirs = db.save(new_call(&ada, &[&ben])).await;
    let adas = db.save(new_call(&ada, &[])).await;
    db.save(new_call(&eve, &[])).await;
    let calls = async |domain: i64, member| {
        let page = db.store.feed(&FeedFilter { member, ..of(domain, 0, 99) }).await.unwrap();
        assert_eq!((page.next, page.end), (9, 9), "whatever is seen of it");
        let mut calls: Vec<_> = page.events.iter().map(|event| event.call.call_id).collect();
        calls.dedup();
        calls
    };
    assert_eq!(calls(acme.id, None).await, [theirs.call_id, adas.call_id]);
    assert_eq!(calls(acme.id, ben.user_id).await, [theirs.call_id]);
    assert_eq!(calls(acme.id, ada.user_id).await, [theirs.call_id, adas.call_id]);
    assert!(calls(other.id, ada.user_id).await.is_empty());
    assert_eq!(calls(other.id, None).await.len(), 1);
}

async fn pages_join_without_a_gap_or_a_repetition(db: &Db) {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let record = db.save(new_call(&ada, &[])).await;
    let many = (3..30).map(|seq| new_event(seq, &ada)).collect();
    db.update(CallUpdate { new_events: many, ..next(&record, 1) }).await.unwrap();
    let whole = all(&*db.store, domain.id).await;
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let FeedPage { events, next, end } = db.store.feed(&of(domain.id, after, 7)).await.unwrap();
        pages.extend(events);
        after = next;
        if next == end {
            break;
        }
    }
    assert_eq!(pages, whole);
    let sequences = async |after| {
        let events = db.store.call_feed(record.id, after, 7).await.unwrap();
        assert!(events.iter().all(|event| whole.contains(event)), "the same by call");
        events.iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    assert_eq!(sequences(0).await, (1..=7).collect::<Vec<_>>());
    assert_eq!(sequences(26).await, [27, 28, 29, 30]);
    assert!(sequences(30).await.is_empty());
    assert_eq!(db.store.feed(&of(domain.id, 4711, 7)).await.unwrap().next, 30, "after a number that never was");
}

async fn who_finds_little_among_much_gets_short_pages_that_lead_there(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (ada, eve) = (db.person(&acme, "ada").await, db.person(&other, "eve").await);
    let busy = db.save(new_call(&eve, &[])).await;
    let many = (3..1_500).map(|seq| new_event(seq, &eve)).collect();
    db.update(CallUpdate { new_events: many, ..next(&busy, 1) }).await.unwrap();
    let own = db.save(new_call(&ada, &[])).await;
    let first = db.store.feed(&of(acme.id, 0, 9)).await.unwrap();
    assert!(first.events.is_empty() && first.next > 0 && first.next < first.end, "{first:?}");
    let rest = db.store.feed(&of(acme.id, first.next, 9)).await.unwrap();
    assert_eq!(rest.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(rest.events.iter().all(|event| event.call.call_id == own.call_id) && rest.next == rest.end);
}

async fn what_is_refused_takes_no_number(db: &Db) {
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let record = db.save(new_call(&ada, &[])).await;
    let stale = CallUpdate { new_events: vec![new_event(3, &ada)], ..next(&record, 7) };
    assert!(db.update(stale).await.is_err());
    let mut broken = new_call(&ada, &[]);
    broken.record.events.push(EventRow { contact_id: 4711, ..event(3, &ada) });
    let good = new_call(&ada, &[]);
    let outcomes = db.store.save_calls(&[create(&broken), create(&good)]).await.unwrap();
    assert!(outcomes[0].is_err() && outcomes[1].is_ok());
    let numbers: Vec<_> = all(&*db.store, domain.id).await.iter().map(|event| event.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

/// Several connections commit at the same time, as calls and what is heard of messages do.
async fn who_follows_while_many_write_sees_each_event_once_and_in_order(db: &Db) {
    const CALLS: usize = 40;
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let stores = [db.open_again().await, db.open_again().await, db.open_again().await];
    let writes = stores.clone().map(|store| {
        let ada = ada.clone();
        async move {
            for _ in 0..CALLS {
                let mut new = new_call(&ada, &[]);
                new.record.deliveries = vec![message(&new.record, &ada)];
                store.save_calls(&[create(&new)]).await.unwrap().remove(0).unwrap();
                store.hear_of_deliveries(&[heard(&new.record.deliveries[0], Fact::Accepted)]).await.unwrap();
            }
        }
    });
    let written = AtomicBool::new(false);
    let follow = async {
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let last = written.load(Ordering::SeqCst);
            let page = db.store.feed(&of(domain.id, after, 50)).await.unwrap();
            seen.extend(page.events.iter().map(|event| event.number));
            after = page.next;
            if last && page.next == page.end {
                return seen;
            }
        }
    };
    let [one, two, three] = writes;
    let write = async {
        tokio::join!(one, two, three);
        written.store(true, Ordering::SeqCst);
    };
    let (seen, ()) = tokio::join!(follow, write);
    let last = i64::try_from(3 * CALLS * 5).unwrap();
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    for store in stores {
        store.close().await;
    }
}

/// Steps of a call take numbers first and its messages then; what is heard of messages must not do it the other way round.
async fn a_call_and_what_is_heard_of_its_messages_never_wait_for_each_other(db: &Db) {
    const CALLS: usize = 60;
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let (steps, reports) = (db.open_again().await, db.open_again().await);
    for _ in 0..CALLS {
        let mut new = new_call(&ada, &[]);
        new.record.deliveries = (0..8).map(|_| message(&new.record, &ada)).collect();
        let record = db.save(new).await;
        let all = |fact| record.deliveries.iter().map(move |delivery| heard(delivery, fact)).collect::<Vec<_>>();
        let step = CallUpdate { new_events: vec![new_event(3, &ada)], heard: all(Fact::NotNeeded), ..next(&record, 1) };
        let (step, reported) = ([CallWrite::Update(Box::new(step))], all(Fact::Accepted));
        let (stepped, reported) = tokio::join!(steps.save_calls(&step), reports.hear_of_deliveries(&reported));
        assert!(stepped.unwrap().remove(0).is_ok());
        reported.unwrap();
    }
    steps.close().await;
    reports.close().await;
}

contract!(
    log_history_and_messages_are_told_in_one_order_each_call_with_its_own_count,
    what_is_heard_of_a_message_is_told,
    a_domain_and_a_member_are_told_of_their_calls_only,
    pages_join_without_a_gap_or_a_repetition,
    who_finds_little_among_much_gets_short_pages_that_lead_there,
    what_is_refused_takes_no_number,
    who_follows_while_many_write_sees_each_event_once_and_in_order,
    a_call_and_what_is_heard_of_its_messages_never_wait_for_each_other,
);
