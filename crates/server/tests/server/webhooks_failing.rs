//! Receivers as they are: slow, broken, gone, moved. What waits for them waits in order, and holds up nobody else.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use farhand_protocol::{ErrorCode, webhook::WebhookSecret};
use farhand_testkit::{Account, OTHER_DOMAIN, Server, WAIT, json};
use reqwest::Method;
use tokio::time::timeout;
use uuid::Uuid;

use crate::webhooks_receiver::{Received, Receiver, Reply, deliveries, look, record, server, set_up, until};

async fn call_and_end(caller: &Account) -> Uuid {
    let call_id = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await.call_id;
    caller.call_operation("endCall", call_id).await.json();
    call_id
}

async fn only(admin: &Account, url: &str, types: &[&str]) -> WebhookSecret {
    admin.post("/admin/webhooks", json!({"url": url, "types": types})).await.ok()
}

#[tokio::test]
async fn a_call_whose_event_is_refused_waits_for_it_and_others_go_on() {
    let server = server().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let mut receiver = Receiver::willing().await;
    let webhook = set_up(&admin, &receiver.url()).await.record.id;
    let mut refused = None;
    receiver.decide_anew(move |message| {
        let of = *refused.get_or_insert(message.call());
        Reply::Status(if of == message.call() { 500 } else { 200 })
    });
    let first = call_and_end(&caller).await;
    let failed = receiver.next().await;
    assert_eq!((failed.call(), failed.sequence()), (first, 1));
    let second = call_and_end(&caller).await;
    let mut message = receiver.next().await;
    while message.kind() != "call.ended" {
        assert_eq!(message.call(), second, "the first one waits");
        message = receiver.next().await;
    }
    let found = until(&admin, webhook, |all| all.iter().any(|one| one.call_id == first && one.tries == 1)).await;
    let of_first: Vec<_> = found.iter().rev().filter(|one| one.call_id == first).collect();
    assert_eq!((of_first[0].state.as_str(), of_first[0].reason.as_deref()), ("queued", Some("it answered 500")));
    assert!(of_first[1..].iter().all(|one| one.state == "waiting" && one.tries == 0) && of_first.len() > 2);

    receiver.decide_anew(|_| Reply::Status(200));
    server.clock().move_ahead(Duration::from_secs(10));
    look(&admin, webhook).await;
    let rest = receiver.take(of_first.len()).await;
    assert_eq!(rest[0].id(), failed.id());
    assert_eq!(rest.iter().map(Received::sequence).collect::<Vec<_>>(), (1..).take(rest.len()).collect::<Vec<_>>());
    assert!(rest.iter().all(|message| message.call() == first));
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_is_given_it() {
    let server = server().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let mut receiver = Receiver::first([Reply::With(429, "retry-after", "3000".to_owned())]).await;
    let webhook = only(&admin, &receiver.url(), &["call.created"]).await.record.id;
    call_and_end(&caller).await;
    receiver.next().await;
    let pausing = until(&admin, webhook, |all| all.first().is_some_and(|one| one.status == Some(429))).await;
    assert_eq!(pausing[0].state, "queued");
    assert!(record(&admin, webhook).await.paused_until.is_some());
    // A message that is due all the same waits, too.
    call_and_end(&caller).await;
    until(&admin, webhook, |all| all.len() == 2).await;
    server.clock().move_ahead(Duration::from_mins(14));
    look(&admin, webhook).await;
    assert!(receiver.is_quiet());
    server.clock().move_ahead(Duration::from_mins(40));
    let admin = server.login("admin").await;
    look(&admin, webhook).await;
    receiver.take(2).await;
    until(&admin, webhook, |all| all.iter().all(|one| one.state == "accepted")).await;
    assert_eq!(record(&admin, webhook).await.failing_since, None);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_asked_no_more_and_the_administrator_reads_why() {
    let server = server().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let mut receiver = Receiver::first([Reply::Status(410)]).await;
    let webhook = only(&admin, &receiver.url(), &["call.created"]).await.record.id;
    call_and_end(&caller).await;
    receiver.next().await;
    let given_up = until(&admin, webhook, |all| all.iter().all(|one| one.state == "givenUp")).await;
    let known = record(&admin, webhook).await;
    assert_eq!((known.enabled, known.reason.as_deref()), (false, Some("it answered 410: gone")));
    let resend = format!("/admin/webhooks/{webhook}/deliveries/{}/resend", given_up[0].id);
    admin.post(&resend, json!({})).await.refused(ErrorCode::WebhookDisabled);
    let missed = call_and_end(&caller).await;

    let path = format!("/admin/webhooks/{webhook}");
    let enabled = admin.send(Method::PATCH, &path, json!({"enabled": true})).await.json();
    assert_eq!((&enabled["enabled"], enabled.get("reason")), (&json!(true), None));
    let next = call_and_end(&caller).await;
    let message = receiver.next().await;
    assert_eq!(message.call(), next, "and not {missed}, which happened meanwhile");
    assert_eq!(admin.post(&resend, json!({})).await.status, 204);
    assert_eq!(receiver.next().await.id(), given_up[0].webhook_id, "by hand");
    until(&admin, webhook, |all| all.iter().all(|one| one.state == "accepted")).await;
    assert!(deliveries(&admin, webhook, "?state=givenUp").await.is_empty());
}

#[tokio::test]
async fn one_that_has_failed_for_days_is_disabled() {
    let server = server().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let receiver = Receiver::start(|_| Reply::Status(503)).await;
    let webhook = only(&admin, &receiver.url(), &["call.created"]).await.record.id;
    call_and_end(&caller).await;
    until(&admin, webhook, |all| all.first().is_some_and(|one| one.tries == 1)).await;
    let failing = record(&admin, webhook).await.failing_since.unwrap();
    server.clock().move_ahead(Duration::from_hours(71));
    let admin = server.login("admin").await;
    look(&admin, webhook).await;
    until(&admin, webhook, |all| all.first().is_some_and(|one| one.tries == 2)).await;
    assert_eq!(record(&admin, webhook).await.failing_since, Some(failing));
    server.clock().move_ahead(Duration::from_hours(2));
    let admin = server.login("admin").await;
    look(&admin, webhook).await;
    until(&admin, webhook, |all| all.first().is_some_and(|one| one.state == "givenUp")).await;
    let known = record(&admin, webhook).await;
    assert!(!known.enabled && known.reason.is_some_and(|why| why.contains("three days") && why.contains("503")));
}

#[tokio::test]
async fn a_redirect_is_not_followed_wherever_it_leads() {
    let server = server().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let mut inside = Receiver::willing().await;
    let location = inside.url();
    let mut receiver = Receiver::start(move |_| Reply::With(307, "location", location.clone())).await;
    let webhook = only(&admin, &receiver.url(), &["call.created"]).await.record.id;
    call_and_end(&caller).await;
    receiver.next().await;
    let found = until(&admin, webhook, |all| all.first().is_some_and(|one| one.tries == 1)).await;
    assert_eq!(found[0].reason.as_deref(), Some("it answered 307, and redirects are not followed"));
    assert!(inside.is_quiet());
}

#[tokio::test]
async fn what_stands_for_an_address_inside_is_refused_after_it_was_looked_up() {
    let server = Server::start().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let mut receiver = Receiver::willing().await;
    for inside in ["http://127.0.0.1:9/", "http://[::1]/", "http://169.254.169.254/latest/meta-data", "http://0x7f.1/"]
    {
        let refused = admin.post("/admin/webhooks", json!({"url": inside})).await;
        refused.refused_at(ErrorCode::InvalidField, "/url");
    }
    let named = format!("http://localhost:{}/", receiver.port);
    let webhook = only(&admin, &named, &["call.created"]).await.record.id;
    call_and_end(&caller).await;
    let found = until(&admin, webhook, |all| all.iter().any(|one| one.tries == 1)).await;
    // Nor is it said which address it is.
    let why = "localhost does not lead to the internet";
    assert_eq!(found[0].reason.as_deref(), Some(why));
    let tested = admin.post(&format!("/admin/webhooks/{webhook}/test"), json!({})).await.json();
    assert_eq!(tested, json!({"accepted": false, "reason": why}));
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_nobody_else() {
    let server = server().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let (mut slow, mut quick) = (Receiver::start(|_| Reply::Never).await, Receiver::willing().await);
    only(&admin, &slow.url(), &["call.created"]).await;
    only(&admin, &quick.url(), &["call.created"]).await;
    let mut calls = Vec::new();
    for _ in 0..20 {
        calls.push(call_and_end(&caller).await);
    }
    let mut arrived: Vec<_> = quick.take(20).await.iter().map(Received::call).collect();
    arrived.sort_unstable();
    calls.sort_unstable();
    assert_eq!(arrived, calls);
    slow.take(8).await;
    assert!(slow.is_quiet(), "eight at a time");
}

#[tokio::test]
async fn what_is_wrong_with_one_domains_events_is_nothing_to_the_others() {
    let server = server().await;
    let (foreign, admin) = (server.login_at(OTHER_DOMAIN, "admin").await, server.login("admin").await);
    let (theirs, caller) = (server.login_at(OTHER_DOMAIN, "expert1").await, server.login("callertest1").await);
    let (mut stuck, mut own) = (Receiver::willing().await, Receiver::willing().await);
    set_up(&foreign, &stuck.url()).await;
    only(&admin, &own.url(), &["call.created"]).await;
    let contact = json!({"userId": "connector1", "domain": OTHER_DOMAIN});
    theirs.create_call(json!({"invitedContacts": [contact]})).await;
    let told = stuck.next().await.call();
    // The next event of that call is of none that anybody could read.
    server.execute(&format!("UPDATE calls SET call_id = 'torn' WHERE call_id = '{told}'")).await;
    theirs.call_operation("endCall", told).await;
    let call_id = call_and_end(&caller).await;
    assert_eq!(own.next().await.call(), call_id);
}

/// One answer in so many is good.
const GOOD: usize = 100;

#[tokio::test]
async fn of_a_receiver_that_seldom_answers_well_it_is_known_what_it_took_and_what_was_given_up() {
    let server = server().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let mut receiver = Receiver::start(move |_| {
        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
        Reply::Status(if number.is_multiple_of(GOOD) { 200 } else { 500 })
    })
    .await;
    let webhook = only(&admin, &receiver.url(), &["call.created", "call.ended"]).await.record.id;
    for _ in 0..10 {
        call_and_end(&caller).await;
    }
    // Each message is tried eleven times at most, the second of a call after the first.
    let tried = async {
        let mut admin = admin;
        loop {
            let found = deliveries(&admin, webhook, "").await;
            if found.len() == 20 && found.iter().all(|one| ["accepted", "givenUp"].contains(&one.state.as_str())) {
                return (admin, found);
            }
            server.clock().move_ahead(Duration::from_mins(30));
            admin = server.login("admin").await;
            look(&admin, webhook).await;
        }
    };
    let (admin, found) = timeout(4 * WAIT, tried).await.unwrap();
    let asked = asked.load(Ordering::SeqCst);
    assert_eq!(found.iter().filter(|one| one.state == "accepted").count(), asked / GOOD);
    assert_eq!(found.iter().map(|one| one.tries as usize).sum::<usize>(), asked);
    assert!(asked >= GOOD, "{asked}");
    assert!(found.iter().filter(|one| one.state == "givenUp").all(|one| one.tries == 11), "{found:?}");
    let mut last = HashMap::new();
    for message in receiver.take(asked).await {
        let before = last.insert(message.call(), message.sequence());
        assert!(before.is_none_or(|before| before <= message.sequence()), "never back to an earlier one");
    }
    assert!(record(&admin, webhook).await.enabled);
}
