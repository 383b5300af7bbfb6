//! Events sent to another server: each once accepted, in the order of its call, signed so that others' libraries believe it.

use std::time::Duration;

use farhand_protocol::webhook::WebhookSecret;
use farhand_testkit::{Account, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    judge::ask_of_webhooks,
    webhooks_receiver::{Received, Receiver, Reply, deliveries, look, record, server, set_up, until},
};

/// Which of these secrets a message is signed with, as a library of others finds out.
const SIGNED_WITH: &str = r#"
import datetime, json, sys
from standardwebhooks.webhooks import Webhook

said = json.load(sys.stdin)
headers = said["headers"]

def believes(secret):
    at = datetime.datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=datetime.timezone.utc)
    signature = Webhook(secret).sign(headers["webhook-id"], at, said["body"])
    return signature in headers["webhook-signature"].split(" ")

def accepts(secret):
    try:
        return Webhook(secret).verify(said["body"], headers) == json.loads(said["body"])
    except Exception:
        return False

check = accepts if said["now"] else believes
json.dump([check(secret) for secret in said["secrets"]], sys.stdout)
"#;

const SIGNED: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// `now`: by the machine's clock, too.
async fn signed_with(message: &Received, secrets: &[&str], now: bool) -> Vec<bool> {
    let headers: serde_json::Map<_, _> =
        SIGNED.iter().map(|name| ((*name).to_owned(), Value::from(message.header(name)))).collect();
    let said = json!({"headers": headers, "body": message.body, "secrets": secrets, "now": now});
    serde_json::from_value(ask_of_webhooks(SIGNED_WITH, &said.to_string()).await).unwrap()
}

async fn call(caller: &Account) -> Uuid {
    caller.create_call(json!({"callTitle": "Pump 7", "invitedContacts": [{"userDbId": 8}]})).await.call_id
}

async fn call_and_end(caller: &Account) -> Uuid {
    let call_id = call(caller).await;
    caller.call_operation("endCall", call_id).await.json();
    call_id
}

async fn only(admin: &Account, url: &str, types: &[&str]) -> WebhookSecret {
    admin.post("/admin/webhooks", json!({"url": url, "types": types})).await.ok()
}

#[tokio::test]
async fn what_happens_arrives_in_order_and_signed_so_that_others_believe_it() {
    let server = server().await;
    let mut receiver = Receiver::willing().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    call(&caller).await;
    let made = set_up(&admin, &receiver.url()).await;
    let call_id = call_and_end(&caller).await;
    let path = format!("/rtc/getCallEvents?callId={call_id}");
    let told = caller.get(&path).await.json()["events"].as_array().unwrap().clone();
    let arrived = receiver.take(told.len()).await;
    assert_eq!(arrived.iter().map(Received::sequence).collect::<Vec<_>>(), (1..).take(told.len()).collect::<Vec<_>>());
    for (message, told) in arrived.iter().zip(&told) {
        assert_eq!((message.path.as_str(), message.call()), ("/hook", call_id), "nothing of the call before");
        let body = message.json();
        assert_eq!((&body["type"], &body["timestamp"]), (&told["type"], &told["timestamp"]));
        assert_eq!(
            (&body["data"]["contact"], &body["data"]["reason"]),
            (&told["data"]["contact"], &told["data"]["reason"])
        );
        assert_eq!(message.header("content-type"), "application/json");
    }
    assert!(made.secret.starts_with("whsec_"));
    let other = set_up(&admin, &receiver.url()).await.secret;
    let [first, ..] = &arrived[..] else { panic!() };
    assert_eq!(signed_with(first, &[&made.secret, &other], true).await, [true, false]);
    let forged = Received { body: first.body.replace("Pump 7", "Pump 8"), ..first.clone() };
    assert_eq!(signed_with(&forged, &[&made.secret], true).await, [false]);
    let found = until(&admin, made.record.id, |all| all.iter().all(|one| one.state == "accepted")).await;
    assert_eq!(found.iter().map(|one| (one.tries, one.status)).collect::<Vec<_>>(), vec![(1, Some(204)); told.len()]);
    assert_eq!(found.last().unwrap().webhook_id, first.id());
}

#[tokio::test]
async fn only_the_types_that_are_wanted_and_only_the_own_domains_events_are_sent() {
    let server = server().await;
    let mut receiver = Receiver::willing().await;
    let (admin, foreign) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    only(&admin, &receiver.url(), &["call.ended"]).await;
    let theirs = server.login_at(OTHER_DOMAIN, "expert1").await;
    let contact = json!({"userId": "connector1", "domain": OTHER_DOMAIN});
    let of_others = theirs.create_call(json!({"invitedContacts": [contact]})).await.call_id;
    foreign.call_operation("endCall", of_others).await.json();
    let caller = server.login("callertest1").await;
    let (first, second) = (call_and_end(&caller).await, call_and_end(&caller).await);
    let arrived = receiver.take(2).await;
    assert!(arrived.iter().all(|message| message.kind() == "call.ended"));
    let mut calls: Vec<_> = arrived.iter().map(Received::call).collect();
    calls.sort_unstable();
    let mut expected = [first, second];
    expected.sort_unstable();
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn while_the_secret_is_changed_messages_carry_both_signatures_for_a_day() {
    let server = server().await;
    let mut receiver = Receiver::willing().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let old = only(&admin, &receiver.url(), &["call.created"]).await;
    let rotated = admin.post(&format!("/admin/webhooks/{}/rotate", old.record.id), json!({})).await;
    assert_eq!(rotated.header("cache-control"), "no-store");
    let new: WebhookSecret = rotated.ok();
    assert_ne!(new.secret, old.secret);
    let secrets = [new.secret.as_str(), old.secret.as_str()];
    call(&caller).await;
    let message = receiver.next().await;
    assert_eq!(message.header("webhook-signature").split(' ').count(), 2);
    assert_eq!(signed_with(&message, &secrets, true).await, [true, true]);
    assert!(record(&admin, old.record.id).await.old_secret_until.is_some());

    server.clock().move_ahead(Duration::from_hours(24));
    // The login has expired by now.
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    call(&caller).await;
    let message = receiver.next().await;
    assert_eq!(signed_with(&message, &secrets, false).await, [true, false]);
    assert_eq!(record(&admin, old.record.id).await.old_secret_until, None);
}

#[tokio::test]
async fn after_a_kill_nothing_is_lost_and_what_was_in_flight_comes_again_as_the_same_message() {
    let mut server = server().await;
    let mut receiver = Receiver::start(|_| Reply::Never).await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let webhook = set_up(&admin, &receiver.url()).await.record.id;
    let calls = [call_and_end(&caller).await, call_and_end(&caller).await];
    let in_flight = receiver.take(2).await;
    server.kill();
    receiver.decide_anew(|_| Reply::Status(200));
    server.start_again().await;
    let mut stories: Vec<Vec<Received>> = vec![Vec::new(), Vec::new()];
    while stories.iter().any(|story| story.last().is_none_or(|last| last.kind() != "call.ended")) {
        let message = receiver.next().await;
        let call = calls.iter().position(|call_id| *call_id == message.call()).unwrap();
        stories[call].push(message);
    }
    for story in &stories {
        let sequences: Vec<_> = story.iter().map(Received::sequence).collect();
        assert_eq!(sequences, (1..).take(story.len()).collect::<Vec<_>>());
        let before = in_flight.iter().find(|message| message.call() == story[0].call()).unwrap();
        assert_eq!((before.id(), &before.body), (story[0].id(), &story[0].body));
    }
    assert!(receiver.is_quiet());
    let count: usize = stories.iter().map(Vec::len).sum();
    until(&admin, webhook, |all| all.len() == count && all.iter().all(|one| one.state == "accepted")).await;
}

#[tokio::test]
async fn what_happens_while_the_server_is_down_to_it_is_sent_once_it_is_back() {
    let mut server = server().await;
    let mut receiver = Receiver::first([Reply::Status(500)]).await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let webhook = only(&admin, &receiver.url(), &["call.created"]).await.record.id;
    let call_id = call(&caller).await;
    let refused = receiver.next().await;
    until(&admin, webhook, |all| all.first().is_some_and(|one| one.tries == 1)).await;
    server.restart().await;
    server.clock().move_ahead(Duration::from_mins(1));
    look(&admin, webhook).await;
    let again = receiver.next().await;
    assert_eq!((again.id(), &again.body, again.call()), (refused.id(), &refused.body, call_id));
    assert!(again.header("webhook-timestamp") > refused.header("webhook-timestamp"), "signed anew");
    until(&admin, webhook, |all| all.first().is_some_and(|one| one.state == "accepted")).await;
}

#[tokio::test]
async fn a_test_is_sent_at_once_and_tells_what_came_of_it() {
    let server = Server::with(|config| config.outward.allow = vec!["127.0.0.0/8".to_owned()]).await;
    let mut receiver = Receiver::first([Reply::Status(204), Reply::Status(500)]).await;
    let admin = server.login("admin").await;
    let made = set_up(&admin, &receiver.url()).await;
    let path = format!("/admin/webhooks/{}", made.record.id);
    admin.send(Method::PATCH, &path, json!({"enabled": false})).await.json();
    let test = async || admin.post(&format!("{path}/test"), json!({})).await.json();
    assert_eq!(test().await, json!({"accepted": true, "status": 204}));
    let message = receiver.next().await;
    assert_eq!(message.kind(), "webhook.test");
    assert_eq!(signed_with(&message, &[&made.secret], true).await, [true]);
    assert_eq!(test().await, json!({"accepted": false, "status": 500, "reason": "it answered 500"}));
    assert!(deliveries(&admin, made.record.id, "").await.is_empty());
}
