//! E-mail to invited people, through a real mail server: what arrives, and what the caller is told of it.

use std::time::Duration;

use farhand_protocol::{ErrorCode, call::CallLog};
use farhand_testkit::{
    Account, Server, json,
    smtp::{Message, Options, Security, Sink},
};
use serde_json::Value;

use crate::notify::{notification, story, until};

async fn with_mail(sink: &Sink) -> Server {
    let url = format!("smtp://{}?starttls=never", sink.address());
    Server::with(|config| {
        config.mail_url = Some(url);
        config.public_url = Some("https://calls.example.com".to_owned());
    })
    .await
}

async fn call_to(caller: &Account, email: &str) -> CallLog {
    let contact = json!({"userDbId": 8, "email": email});
    caller.create_call(json!({"callTitle": "Pump 7", "invitedContacts": [contact]})).await
}

fn header<'a>(message: &'a Message, name: &str) -> &'a str {
    let head = message.text().split("\r\n\r\n").next().unwrap();
    let prefix = format!("{name}: ");
    head.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_else(|| panic!("no {name}: {head}"))
}

#[tokio::test]
async fn whoever_is_invited_with_an_address_gets_a_letter_and_the_caller_sees_that_it_was_sent() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let call = call_to(&caller, "tester@example.org").await;
    let message = sink.wait_for(1).await.remove(0);
    let sent = until(&caller, call.call_id, "sent", 1).await;
    assert_eq!(
        (message.from.as_str(), &message.to[..]),
        ("farhand@calls.example.com", &["tester@example.org".to_owned()][..])
    );
    assert_eq!(header(&message, "Message-ID"), format!("<{}@calls.example.com>", sent.id));
    assert_eq!(header(&message, "Auto-Submitted"), "auto-generated");
    assert!(header(&message, "Subject").ends_with("is calling you: Pump 7"), "{}", header(&message, "Subject"));
    let link = format!("https://calls.example.com/call/{}", call.call_id);
    assert!(message.text().contains(&link), "{}", message.text());
    let log = caller.call_log(call.call_id).await;
    assert_eq!(notification(&log), sent);
    assert_eq!(story(&log), ["queued", "sent"]);
    assert!(log.call_history.is_sorted_by_key(|item| item.date_time.0));
}

#[tokio::test]
async fn a_ring_with_a_letter_lasts_until_it_can_be_read() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let mut device = tester.device().await;
    let call = call_to(&caller, "tester@example.org").await;
    let ring = device.ring(call.call_id).await;
    assert_eq!(ring.until.0, call.created_date_time.0 + Duration::from_mins(10));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_mail_servers_words() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    for address in ["reject550@example.org", "rejectdata@example.org"] {
        let call = call_to(&caller, address).await;
        let failed = until(&caller, call.call_id, "failed", 1).await;
        let words = failed.reason.unwrap();
        assert!(words.contains("55"), "{words}");
    }
}

#[tokio::test]
async fn a_server_that_wants_it_later_gets_it_later() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let call = call_to(&caller, "grey451@example.org").await;
    sink.asked_for("grey451@example.org", 1).await;
    let waits = until(&caller, call.call_id, "queued", 1).await;
    assert!(sink.messages().await.is_empty());
    server.clock().move_ahead(Duration::from_secs(6));
    let sent = until(&caller, call.call_id, "sent", 2).await;
    assert_eq!(sent.id, waits.id);
    assert_eq!(sink.messages().await.len(), 1);
}

#[tokio::test]
async fn when_the_connection_breaks_the_same_letter_is_sent_again_and_nothing_is_said_to_be_sent_before() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    // Of the first the server has kept what came before the break, of the second nothing.
    let (kept, dropped) = (call_to(&caller, "lost@example.org").await, call_to(&caller, "drop@example.org").await);
    for call in [&kept, &dropped] {
        let waits = until(&caller, call.call_id, "queued", 1).await;
        assert!(waits.reason.is_some_and(|why| !why.is_empty()), "it says why");
    }
    server.clock().move_ahead(Duration::from_secs(6));
    until(&caller, kept.call_id, "sent", 2).await;
    until(&caller, dropped.call_id, "queued", 2).await;
    let messages = sink.messages().await;
    let ids: Vec<_> = messages.iter().map(|message| header(message, "Message-ID")).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    assert!(messages.iter().all(|message| message.to == ["lost@example.org"]));
}

#[tokio::test]
async fn one_who_hangs_holds_nobody_else_up() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    for number in 0..7 {
        call_to(&caller, &format!("hang@{number}.example.org")).await;
    }
    let call = call_to(&caller, "tester@example.org").await;
    until(&caller, call.call_id, "sent", 1).await;
}

#[tokio::test]
async fn whoever_joins_has_answered_and_what_was_not_sent_by_then_is_not_sent_any_more() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let sent = call_to(&caller, "tester@example.org").await;
    until(&caller, sent.call_id, "sent", 1).await;
    let waiting = call_to(&caller, "grey451@example.org").await;
    sink.asked_for("grey451@example.org", 1).await;
    let mut device = tester.device().await;
    for call in [&sent, &waiting] {
        device.join(call.call_id).await;
    }
    until(&caller, sent.call_id, "answered", 1).await;
    server.clock().move_ahead(Duration::from_mins(1));
    let other = call_to(&caller, "other@example.org").await;
    until(&caller, other.call_id, "sent", 1).await;
    assert_eq!(sink.messages().await.len(), 2, "and nothing to whoever had joined");
    // In flight, it was answered, too.
    let state = notification(&caller.call_log(waiting.call_id).await).state;
    assert!(["cancelled", "answered"].contains(&state.as_str()), "{state}");
}

#[tokio::test]
async fn nothing_is_sent_of_a_call_that_is_over() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let call = call_to(&caller, "grey451@example.org").await;
    sink.asked_for("grey451@example.org", 1).await;
    caller.call_operation("endCall", call.call_id).await.ok::<CallLog>();
    server.clock().move_ahead(Duration::from_mins(1));
    let other = call_to(&caller, "other@example.org").await;
    until(&caller, other.call_id, "sent", 1).await;
    let state = notification(&caller.call_log(call.call_id).await).state;
    assert!(["cancelled", "expired", "sending"].contains(&state.as_str()), "{state}");
    assert_eq!(sink.messages().await.len(), 1);
}

#[tokio::test]
async fn an_invitation_that_could_not_be_sent_before_the_call_is_not_sent_after() {
    let sink = Sink::start(Options::default()).await;
    let address = sink.address();
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    sink.stop().await;
    let contact = json!({"userDbId": 8, "email": "tester@example.org"});
    let planned = server.clock().in_seconds(1_800);
    let call = caller.create_call(json!({"plannedDateTime": planned, "invitedContacts": [contact]})).await;
    let waits = until(&caller, call.call_id, "queued", 1).await;
    assert!(waits.reason.is_some(), "it says why");
    let sink = Sink::start(Options { port: address.port(), ..Options::default() }).await;
    server.clock().move_ahead(Duration::from_mins(31));
    let caller = server.login("callertest1").await;
    until(&caller, call.call_id, "expired", 2).await;
    assert!(sink.messages().await.is_empty());
}

#[tokio::test]
async fn a_login_goes_within_tls_that_an_authority_vouches_for() {
    let login = Some(("me", "s3cret"));
    let sink = Sink::start(Options { security: Security::StartTls, login, ..Options::default() }).await;
    let root = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(root.path(), sink.root_pem()).unwrap();
    let url = format!("smtp://me:s3cret@localhost:{}", sink.address().port());
    let server = Server::with(|config| {
        config.mail_url = Some(url);
        config.mail.root = Some(root.path().to_owned());
        config.mail.from = Some("desk@example.com".to_owned());
    })
    .await;
    let caller = server.login("callertest1").await;
    call_to(&caller, "tester@example.org").await;
    let message = sink.wait_for(1).await.remove(0);
    assert_eq!((message.tls, message.login.as_deref(), message.from.as_str()), (true, Some("me"), "desk@example.com"));
}

#[tokio::test]
async fn nothing_of_a_name_or_a_title_becomes_a_header() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink).await;
    let caller = server.login("callertest1").await;
    let evil = "Pump\r\nBcc: victim@example.org\u{2028}X-Evil: 1\n\n.\r\nMAIL FROM:<a@b>";
    let contact = json!({"userDbId": 8, "email": "tester@example.org", "displayName": evil});
    caller.create_call(json!({"callTitle": evil, "invitedContacts": [contact]})).await;
    let message = sink.wait_for(1).await.remove(0);
    assert_eq!(message.to, ["tester@example.org"]);
    let head = message.text().split("\r\n\r\n").next().unwrap();
    let names: Vec<_> =
        head.lines().filter(|l| !l.starts_with([' ', '\t'])).map(|l| l.split(':').next().unwrap()).collect();
    let ours = [
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Date",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    ];
    assert!(names.iter().all(|name| ours.contains(name)), "{head}");
    assert_eq!(sink.messages().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_an_address_is_refused_where_it_stands() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let long = format!("{}@example.org", "a".repeat(65));
    for wrong in [
        "tester",
        "a@b@c",
        "a b@example.org",
        "a@example.org\r\nBcc: b@c",
        "a@",
        "@b",
        "<a@b.c>",
        "a@b..c",
        long.as_str(),
    ] {
        refused(&caller, json!({"userDbId": 8, "email": wrong}), "/invitedContacts/0/email").await;
    }
    for wrong in ["call me", "12", "123456789012345678901", "+49 123\r\n", "+49;123"] {
        refused(&caller, json!({"userDbId": 8, "phoneNumber": wrong}), "/invitedContacts/0/phoneNumber").await;
    }
    assert_eq!(caller.get("/rtc/getCallLogs").await.json()["calls"], json!([]));
}

async fn refused(caller: &Account, contact: Value, at: &str) {
    caller.try_create_call(json!({"invitedContacts": [contact]})).await.refused_at(ErrorCode::InvalidField, at);
}
