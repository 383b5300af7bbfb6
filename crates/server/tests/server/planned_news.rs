//! Who hears what of a planned call: changes in quick succession, people who are invited again, and in which language.

use std::time::Duration;

use farhand_protocol::{ErrorCode, call::CallLog, events::CallEvents};
use farhand_server::config::Config;
use farhand_testkit::{
    Account, Server, json,
    smtp::{Message, Options, Sink},
};
use serde_json::Value;

const DAY: i64 = 86_400;
const LAST: &str = "last@example.org";

async fn with_mail(sink: &Sink) -> Server {
    let url = format!("smtp://{}?starttls=never", sink.address());
    let change = |config: &mut Config| {
        config.mail_url = Some(url);
        config.public_url = Some("https://calls.example.com".to_owned());
    };
    Server::with(change).await
}

async fn plan(server: &Server, caller: &Account, seconds: i64, contact: Value) -> CallLog {
    let at = server.clock().in_seconds(seconds);
    let plan = json!({"callTitle": "Pump 7", "plannedDateTime": at, "invitedContacts": [contact]});
    caller.create_call(plan).await
}

async fn update(caller: &Account, call: &CallLog, mut change: Value) -> CallLog {
    change["callId"] = json!(call.call_id);
    caller.post("/rtc/updateCall", change).await.ok()
}

async fn rename(caller: &Account, call: &CallLog, title: &str) {
    update(caller, call, json!({"callTitle": title})).await;
}

fn subject(message: &Message) -> String {
    let line = message.text().lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
    line.split(',').next().unwrap().to_owned()
}

fn subjects_to(messages: &[Message], address: &str) -> Vec<String> {
    messages.iter().filter(|message| message.to == [address]).map(subject).collect()
}

/// Sends something else and waits for it: what had been due before has gone out by then. Answers the subjects of what has come to an address.
async fn all_to(sink: &Sink, caller: &Account, address: &str) -> Vec<String> {
    let markers = |messages: &[Message]| subjects_to(messages, LAST).len();
    let before = markers(&sink.messages().await);
    let marker = json!({"displayName": "Last", "email": LAST});
    caller.create_call(json!({"callTitle": "marker", "invitedContacts": [marker]})).await;
    let mut messages = sink.messages().await;
    while markers(&messages) == before {
        messages = sink.wait_for(messages.len() + 1).await;
    }
    subjects_to(&messages, address)
}

#[tokio::test]
async fn of_changes_in_quick_succession_one_letter_tells_the_last_with_its_number() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let call = plan(&server, &caller, DAY, json!({"userDbId": 8, "email": "tester@example.org"})).await;
    sink.wait_for(1).await;
    for title in ["Pump 8", "Pump 9", "Pump 10"] {
        rename(&caller, &call, title).await;
        assert_eq!(all_to(&sink, &caller, "tester@example.org").await.len(), 1, "it waits for the next");
        server.clock().move_ahead(Duration::from_secs(10));
    }
    update(&caller, &call, json!({"plannedDateTime": server.clock().in_seconds(2 * DAY)})).await;
    server.clock().move_ahead(Duration::from_secs(31));
    let messages = sink.wait_for(5).await;
    assert_eq!(subjects_to(&messages, "tester@example.org"), ["Invitation: Pump 7", "Changed: Pump 10"]);
    assert!(messages[4].text().contains("SEQUENCE:4"), "{}", messages[4].text());
    rename(&caller, &call, "Pump 11").await;
    server.clock().move_ahead(Duration::from_secs(31));
    assert_eq!(subjects_to(&sink.wait_for(6).await, "tester@example.org")[2], "Changed: Pump 11");
}

#[tokio::test]
async fn what_is_changed_to_and_fro_is_nobodys_letter_but_the_reminder_still_comes() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let call = plan(&server, &caller, 7_200, json!({"userDbId": 8, "email": "tester@example.org"})).await;
    sink.wait_for(1).await;
    rename(&caller, &call, "Pump 8").await;
    rename(&caller, &call, "Pump 7").await;
    server.clock().move_ahead(Duration::from_secs(31));
    assert_eq!(all_to(&sink, &caller, "tester@example.org").await, ["Invitation: Pump 7"]);
    server.clock().move_ahead(Duration::from_mins(105));
    let messages = sink.wait_for(3).await;
    assert_eq!(subjects_to(&messages, "tester@example.org")[1], "Reminder: Pump 7");
}

#[tokio::test]
async fn what_is_urgent_waits_for_nothing() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let contact = || json!({"userDbId": 8, "email": "tester@example.org"});
    let told = |number: usize, subject: &'static str| {
        let sink = &sink;
        async move { assert_eq!(subjects_to(&sink.wait_for(number).await, "tester@example.org")[number - 1], subject) }
    };
    let to_soon = plan(&server, &caller, DAY, contact()).await;
    told(1, "Invitation: Pump 7").await;
    update(&caller, &to_soon, json!({"plannedDateTime": server.clock().in_seconds(600)})).await;
    told(2, "Changed: Pump 7").await;
    update(&caller, &to_soon, json!({"plannedDateTime": server.clock().in_seconds(DAY)})).await;
    told(3, "Changed: Pump 7").await;
    rename(&caller, &to_soon, "Pump 8").await;
    caller.call_operation("cancelCall", to_soon.call_id).await.json();
    told(4, "Cancelled: Pump 8").await;
    server.clock().move_ahead(Duration::from_secs(31));
    assert_eq!(all_to(&sink, &caller, "tester@example.org").await.len(), 4, "what was held off is not sent any more");
}

#[tokio::test]
async fn a_new_title_is_an_event_and_the_same_one_is_none() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let call = plan(&server, &caller, DAY, json!({"userDbId": 8})).await;
    rename(&caller, &call, "Pump 8").await;
    rename(&caller, &call, "Pump 8").await;
    update(&caller, &call, json!({"callTitle": "Pump 9", "plannedDateTime": server.clock().in_seconds(2 * DAY)})).await;
    let path = format!("/rtc/getCallEvents?callId={}", call.call_id);
    let events = caller.get(&path).await.ok::<CallEvents>().events;
    let told: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.data.reason.as_deref())).collect();
    let expected = [
        ("call.created", None),
        ("call.renamed", Some("Pump 8")),
        ("call.updated", Some("plannedDateTime")),
        ("call.renamed", Some("Pump 9")),
    ];
    assert_eq!(told, expected);
    let by = events[1].data.contact.as_ref().and_then(|contact| contact.user_db_id);
    assert_eq!(by, Some(caller.id()));
}

#[tokio::test]
async fn whoever_is_invited_again_by_another_address_hears_of_it_there_and_once() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let again = async |call: &CallLog, contact: Value| -> CallLog {
        let body = json!({"callId": call.call_id, "invitedContacts": [contact]});
        caller.post("/rtc/inviteToCall", body).await.ok()
    };
    let to = |address: &str| json!({"userDbId": 8, "email": address});
    let call = plan(&server, &caller, DAY, json!({"userDbId": 8})).await;
    for address in ["first@example.org", "second@example.org", "second@example.org", "first@example.org"] {
        again(&call, to(address)).await;
    }
    let log = again(&call, json!({"userDbId": 8})).await;
    assert_eq!(log.invited_contacts[0].email.as_deref(), Some("first@example.org"), "what is not said stays");
    let rung = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    for address in ["first@example.org", "second@example.org", "first@example.org", "second@example.org"] {
        again(&rung, to(address)).await;
    }
    let all = |address: &'static str| all_to(&sink, &caller, address);
    let (first, second) = (all("first@example.org").await, all("second@example.org").await);
    assert_eq!(first, second);
    assert_eq!((first.len(), first[0].as_str()), (2, "Invitation: Pump 7"), "and one of the ring: {first:?}");

    // Both know of it, so both hear of its end.
    caller.call_operation("cancelCall", call.call_id).await.json();
    assert_eq!(all("first@example.org").await[2], "Cancelled: Pump 7");
    assert_eq!(all("second@example.org").await[2], "Cancelled: Pump 7");
}

#[tokio::test]
async fn a_contact_is_written_to_in_the_language_of_the_request_unless_the_person_has_set_one() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let invite = async |contact: Value| plan(&server, &caller, DAY, contact).await;
    let gil = |language: Value| json!({"displayName": "Gil", "email": "gil@example.org", "language": language});
    let call = invite(gil(json!("de-AT"))).await;
    assert_eq!(call.invited_contacts[0].language.as_deref(), Some("de-AT"));
    rename(&caller, &call, "Pump 8").await;
    server.clock().move_ahead(Duration::from_secs(31));
    assert_eq!(
        all_to(&sink, &caller, "gil@example.org").await,
        ["Einladung: Pump 7", "=?utf-8?b?R2XDpG5kZXJ0Og==?= Pump 8"]
    );

    let admin = server.login("admin").await;
    let id = admin.get("/admin/domains").await.json()[0]["id"].as_i64().unwrap();
    let german = json!({"reach": {"language": "de"}});
    admin.send(reqwest::Method::PATCH, &format!("/admin/domains/{id}"), german).await.json();
    for (language, subject) in
        [(json!("en"), "Invitation: Pump 7"), (json!("pt-BR"), "Einladung: Pump 7"), (Value::Null, "Einladung: Pump 7")]
    {
        invite(gil(language.clone())).await;
        let all = all_to(&sink, &caller, "gil@example.org").await;
        assert_eq!(all.last().map(String::as_str), Some(subject), "{language}");
    }
    tester.post("/rtc/updateReachSettings", json!({"language": "en"})).await.json();
    invite(json!({"userDbId": 8, "email": "tester@example.org", "language": "de"})).await;
    assert_eq!(all_to(&sink, &caller, "tester@example.org").await, ["Invitation: Pump 7"], "the person's own");
    for wrong in ["", "d e", "de_AT", "x".repeat(36).as_str(), "deutschland"] {
        let body = json!({"invitedContacts": [{"userDbId": 8, "language": wrong}]});
        let answer = caller.try_create_call(body).await;
        if wrong.is_empty() {
            assert_eq!(answer.status, 200, "empty means absent");
        } else {
            answer.refused_at(ErrorCode::InvalidField, "/invitedContacts/0/language");
        }
    }
}
