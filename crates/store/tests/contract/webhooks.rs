//! Webhooks and the messages on their way to them: of each call one after the other, and nothing made twice.

use farhand_domain::time::Timestamp;
use farhand_store::model::{
    MessageFilter, MessageState, NewMessage, NewWebhook, Then, Webhook, WebhookChange, WebhookMessage, WebhookOutcome,
};
use uuid::Uuid;

use crate::support::{Db, at, fresh_uuid, new_call};

async fn set_up(db: &Db) -> Webhook {
    let domain = db.domain("acme").await;
    create(db, domain.id).await
}

async fn create(db: &Db, domain_id: i64) -> Webhook {
    let new = NewWebhook {
        id: fresh_uuid(),
        domain_id,
        url: "https://example.org/hook".to_owned(),
        description: "the CRM".to_owned(),
        types: Some(vec!["call.created".to_owned(), "call.ended".to_owned()]),
        enabled: true,
        created_at: at(0),
    };
    db.store.create_webhook(&new).await.unwrap()
}

fn message(number: i64, call_id: Uuid) -> NewMessage {
    NewMessage {
        number,
        call_id,
        sequence: number,
        kind: "call.joined".to_owned(),
        body: format!("{{\"n\":{number}}}"),
    }
}

fn outcome(message: &WebhookMessage, then: Then, now: Timestamp) -> WebhookOutcome {
    WebhookOutcome {
        message: message.id,
        webhook: message.webhook,
        status: Some(200),
        reason: None,
        at: now,
        then,
        pause_until: None,
        disable: None,
    }
}

async fn due(db: &Db, webhook: &Webhook, now: i64) -> Vec<WebhookMessage> {
    db.store.due_messages(webhook.id, at(now), 99).await.unwrap()
}

fn numbers(messages: &[WebhookMessage]) -> Vec<i64> {
    messages.iter().map(|message| message.event.number).collect()
}

async fn states(db: &Db, webhook: &Webhook) -> Vec<(i64, MessageState)> {
    let all = db.store.messages(webhook.id, &MessageFilter { limit: 99, ..MessageFilter::default() }).await.unwrap();
    all.iter().rev().map(|message| (message.event.number, message.state)).collect()
}

async fn again(db: &Db, webhook: &Webhook) -> Webhook {
    db.store.webhook(webhook.domain_id, webhook.id).await.unwrap().unwrap()
}

async fn a_webhook_is_kept_changed_and_deleted_by_its_own_domain(db: &Db) {
    let webhook = set_up(db).await;
    let other = db.domain("other").await.id;
    assert_eq!((webhook.generation, webhook.enabled, webhook.position), (1, true, 0));
    assert_eq!(db.store.webhooks(webhook.domain_id).await.unwrap(), std::slice::from_ref(&webhook));
    assert_eq!(db.store.webhooks(other).await.unwrap(), []);
    assert_eq!(db.store.webhook(other, webhook.id).await.unwrap(), None);

    let change = WebhookChange {
        url: Some("https://example.org/b".to_owned()),
        types: Some(None),
        rotated_at: Some(at(7)),
        ..WebhookChange::default()
    };
    assert_eq!(db.store.change_webhook(other, webhook.id, &change, at(7)).await.unwrap(), None);
    let changed = db.store.change_webhook(webhook.domain_id, webhook.id, &change, at(7)).await.unwrap().unwrap();
    let expected = Webhook {
        url: "https://example.org/b".to_owned(),
        types: None,
        generation: 2,
        rotated_at: Some(at(7)),
        ..webhook.clone()
    };
    assert_eq!(changed, expected);
    let nothing = WebhookChange::default();
    let same = db.store.change_webhook(webhook.domain_id, webhook.id, &nothing, at(8)).await.unwrap();
    assert_eq!(same, Some(expected));

    db.store.queue_messages(webhook.id, 5, &[message(5, fresh_uuid())], at(1)).await.unwrap();
    assert!(!db.store.delete_webhook(other, webhook.id).await.unwrap());
    assert!(db.store.delete_webhook(webhook.domain_id, webhook.id).await.unwrap());
    assert!(!db.store.delete_webhook(webhook.domain_id, webhook.id).await.unwrap());
    assert_eq!(db.count("webhook_messages").await, 0);
}

async fn it_begins_with_what_happens_from_then_on(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    db.save(new_call(&ada, &[])).await;
    let webhook = create(db, ada.domain_id).await;
    assert_eq!(webhook.position, 3);
    let enable = |enabled| WebhookChange { enabled: Some(enabled), ..WebhookChange::default() };
    db.store.change_webhook(ada.domain_id, webhook.id, &enable(false), at(1)).await.unwrap();
    assert_eq!(db.store.enabled_webhooks().await.unwrap(), []);
    db.save(new_call(&ada, &[])).await;
    let enabled = db.store.change_webhook(ada.domain_id, webhook.id, &enable(true), at(2)).await.unwrap().unwrap();
    assert_eq!(enabled.position, 6, "what happened meanwhile is not sent");
    assert_eq!(db.store.enabled_webhooks().await.unwrap(), [enabled]);
}

async fn of_each_call_the_next_waits_until_the_one_before_is_accepted_or_given_up(db: &Db) {
    let webhook = set_up(db).await;
    let [a, b] = [fresh_uuid(), fresh_uuid()];
    let new = [message(1, a), message(2, b), message(3, a), message(4, a), message(5, b)];
    db.store.queue_messages(webhook.id, 5, &new, at(0)).await.unwrap();
    let first = due(db, &webhook, 1).await;
    assert_eq!(numbers(&first), [1, 2]);
    assert_eq!(first[0].event, new[0]);
    assert_eq!(due(db, &webhook, -1).await, [], "not before its time");

    let later = outcome(&first[0], Then::Again { at: at(50) }, at(2));
    db.store.save_outcomes(&[later, outcome(&first[1], Then::Accepted, at(2))]).await.unwrap();
    assert_eq!(numbers(&due(db, &webhook, 3).await), [5], "one call does not hold up another");
    db.store.queue_messages(webhook.id, 6, &[message(6, a)], at(4)).await.unwrap();
    let failing = due(db, &webhook, 50).await;
    assert_eq!(numbers(&failing), [5, 1]);
    assert_eq!((failing[1].tries, failing[1].status), (1, Some(200)));

    db.store.save_outcomes(&[outcome(&failing[1], Then::GivenUp, at(51))]).await.unwrap();
    assert_eq!(numbers(&due(db, &webhook, 51).await), [5, 3]);
    let expected = [
        (1, MessageState::GivenUp),
        (2, MessageState::Accepted),
        (3, MessageState::Queued),
        (4, MessageState::Waiting),
        (5, MessageState::Queued),
        (6, MessageState::Waiting),
    ];
    assert_eq!(states(db, &webhook).await, expected);
    assert_eq!(db.store.open_messages(webhook.id, 99).await.unwrap(), 4);
    assert_eq!(db.store.open_messages(webhook.id, 3).await.unwrap(), 3);
}

async fn what_was_made_is_made_no_second_time(db: &Db) {
    let webhook = set_up(db).await;
    let call = fresh_uuid();
    let new = [message(3, call), message(4, call)];
    for _ in 0..2 {
        db.store.queue_messages(webhook.id, 5, &new, at(0)).await.unwrap();
    }
    // From somebody who does not know how far it has come.
    db.store.queue_messages(webhook.id, 6, &[message(4, call), message(6, call)], at(0)).await.unwrap();
    let numbers: Vec<_> = states(db, &webhook).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [3, 4, 6]);
    assert_eq!(again(db, &webhook).await.position, 6);
}

async fn a_disabled_one_is_left_alone_and_says_why(db: &Db) {
    let webhook = set_up(db).await;
    let call = fresh_uuid();
    db.store.queue_messages(webhook.id, 2, &[message(1, call), message(2, call)], at(0)).await.unwrap();
    let head = due(db, &webhook, 1).await.remove(0);
    let gone = WebhookOutcome { disable: Some("gone".to_owned()), ..outcome(&head, Then::GivenUp, at(9)) };
    db.store.save_outcomes(&[gone]).await.unwrap();
    let known = again(db, &webhook).await;
    assert_eq!((known.enabled, known.reason.as_deref()), (false, Some("gone")));
    assert_eq!(states(db, &webhook).await, [(1, MessageState::GivenUp), (2, MessageState::GivenUp)]);
    assert!(db.store.webhooks_due(at(99)).await.unwrap().is_empty());
    db.store.queue_messages(webhook.id, 3, &[message(3, call)], at(10)).await.unwrap();
    assert_eq!(states(db, &webhook).await.len(), 2);
}

async fn failures_and_pauses_are_noted_until_something_is_accepted(db: &Db) {
    let webhook = set_up(db).await;
    db.store.queue_messages(webhook.id, 2, &[message(1, fresh_uuid()), message(2, fresh_uuid())], at(0)).await.unwrap();
    let both = due(db, &webhook, 1).await;
    let fail =
        |now| WebhookOutcome { pause_until: Some(at(70)), ..outcome(&both[0], Then::Again { at: at(30) }, at(now)) };
    db.store.save_outcomes(&[fail(5)]).await.unwrap();
    db.store.save_outcomes(&[fail(6)]).await.unwrap();
    let known = again(db, &webhook).await;
    assert_eq!((known.failing_since, known.paused_until), (Some(at(5)), Some(at(70))));
    assert!(db.store.webhooks_due(at(69)).await.unwrap().is_empty());
    assert_eq!(db.store.webhooks_due(at(70)).await.unwrap(), [webhook.id]);
    db.store.save_outcomes(&[outcome(&both[1], Then::Accepted, at(71))]).await.unwrap();
    assert_eq!(again(db, &webhook).await.failing_since, None);
}

async fn what_is_done_with_can_be_sent_again_without_holding_up_or_overtaking_others(db: &Db) {
    let webhook = set_up(db).await;
    let call = fresh_uuid();
    db.store.queue_messages(webhook.id, 3, &[1, 2, 3].map(|n| message(n, call)), at(0)).await.unwrap();
    let first = due(db, &webhook, 1).await.remove(0);
    assert!(!db.store.resend_message(webhook.id, first.id, at(1)).await.unwrap(), "it is on its way");
    db.store.save_outcomes(&[outcome(&first, Then::GivenUp, at(2))]).await.unwrap();
    assert!(!db.store.resend_message(fresh_uuid(), first.id, at(3)).await.unwrap(), "of another");
    assert!(db.store.resend_message(webhook.id, first.id, at(3)).await.unwrap());
    let both = due(db, &webhook, 4).await;
    assert_eq!(numbers(&both), [2, 1]);
    assert_eq!(both[1].tries, 0);
    db.store.save_outcomes(&[outcome(&both[1], Then::Accepted, at(5))]).await.unwrap();
    assert_eq!(numbers(&due(db, &webhook, 6).await), [2], "the third still waits for the second");
}

async fn old_ones_are_forgotten_and_those_on_their_way_never(db: &Db) {
    let webhook = set_up(db).await;
    let new = [1, 2, 3].map(|number| message(number, fresh_uuid()));
    db.store.queue_messages(webhook.id, 3, &new, at(0)).await.unwrap();
    let all = due(db, &webhook, 1).await;
    let done = [outcome(&all[0], Then::Accepted, at(10)), outcome(&all[1], Then::GivenUp, at(10))];
    db.store.save_outcomes(&done).await.unwrap();
    assert_eq!(db.store.purge_messages(at(10), at(10)).await.unwrap(), 0);
    assert_eq!(db.store.purge_messages(at(11), at(10)).await.unwrap(), 1);
    assert_eq!(db.store.purge_messages(at(11), at(11)).await.unwrap(), 1);
    assert_eq!(states(db, &webhook).await, [(3, MessageState::Queued)]);
}

async fn much_that_is_old_is_forgotten_a_little_at_a_time(db: &Db) {
    const MANY: i64 = 2_500;
    let webhook = set_up(db).await;
    let call = fresh_uuid();
    let new: Vec<_> = (1..=MANY).map(|number| message(number, call)).collect();
    db.store.queue_messages(webhook.id, MANY, &new, at(0)).await.unwrap();
    let disable = WebhookChange { enabled: Some(false), ..WebhookChange::default() };
    db.store.change_webhook(webhook.domain_id, webhook.id, &disable, at(1)).await.unwrap();
    let mut forgotten = Vec::new();
    loop {
        let some = db.store.purge_messages(at(9), at(9)).await.unwrap();
        if some == 0 {
            break;
        }
        forgotten.push(some);
    }
    assert_eq!(forgotten, [1_024, 1_024, 452]);
    assert_eq!(db.count("webhook_messages").await, 0);
}

async fn nothing_is_sent_again_to_a_disabled_one(db: &Db) {
    let webhook = set_up(db).await;
    db.store.queue_messages(webhook.id, 1, &[message(1, fresh_uuid())], at(0)).await.unwrap();
    let first = due(db, &webhook, 1).await.remove(0);
    let enable = |enabled| WebhookChange { enabled: Some(enabled), ..WebhookChange::default() };
    db.store.change_webhook(webhook.domain_id, webhook.id, &enable(false), at(2)).await.unwrap();
    assert!(!db.store.resend_message(webhook.id, first.id, at(3)).await.unwrap());
    assert_eq!(states(db, &webhook).await, [(1, MessageState::GivenUp)]);
    db.store.change_webhook(webhook.domain_id, webhook.id, &enable(true), at(4)).await.unwrap();
    assert!(db.store.resend_message(webhook.id, first.id, at(5)).await.unwrap());
}

contract!(
    a_webhook_is_kept_changed_and_deleted_by_its_own_domain,
    it_begins_with_what_happens_from_then_on,
    of_each_call_the_next_waits_until_the_one_before_is_accepted_or_given_up,
    what_was_made_is_made_no_second_time,
    a_disabled_one_is_left_alone_and_says_why,
    failures_and_pauses_are_noted_until_something_is_accepted,
    what_is_done_with_can_be_sent_again_without_holding_up_or_overtaking_others,
    old_ones_are_forgotten_and_those_on_their_way_never,
    much_that_is_old_is_forgotten_a_little_at_a_time,
    nothing_is_sent_again_to_a_disabled_one,
);
