//! Text messages to invited people, through a real gateway to its carrier: what arrives, and what the caller is told of it.

use axum::{Router, extract::Query, routing::get};
use farhand_protocol::call::CallLog;
use farhand_server::config::Config;
use farhand_testkit::{Account, Server, WAIT, json, kannel::Kannel};
use reqwest::StatusCode;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
    time::timeout,
};

use crate::notify::{notification, story, until};

async fn by_kannel(gateway: &Kannel, parameters: &str) -> Server {
    let url = format!("{}{parameters}&to={{to}}&text={{text}}", gateway.sendsms_url());
    Server::with(|config| config.sms_url = Some(url)).await
}

async fn call_to(caller: &Account, phone_number: &str) -> CallLog {
    let contact = json!({"displayName": "Kim", "phoneNumber": phone_number});
    caller.create_call(json!({"callTitle": "Pump 7", "invitedContacts": [contact]})).await
}

#[tokio::test]
async fn whoever_is_invited_with_a_number_gets_a_text_and_the_caller_sees_that_it_arrived() {
    let gateway = Kannel::start().await;
    let server = by_kannel(&gateway, "").await;
    let caller = server.login("callertest1").await;
    let call = call_to(&caller, "+49 (123) 45-6").await;
    let text = gateway.wait_for(1).await.remove(0);
    assert_eq!(text.to, "+49123456");
    assert!(text.text.contains("Pump 7"), "{}", text.text);
    let link = caller.guest_link(call.call_id, call.invited_contacts[0].id.unwrap()).await;
    assert!(text.text.ends_with(&link) && text.text.chars().count() <= 160, "{}", text.text);
    let delivered = until(&caller, call.call_id, "delivered", 1).await;
    let log = caller.call_log(call.call_id).await;
    assert_eq!((notification(&log), delivered.channel.as_str()), (delivered.clone(), "sms"));
    // The carrier reports sooner than the gateway answers, if it likes.
    let told = story(&log);
    assert!([&["queued", "sent", "delivered"][..], &["queued", "delivered"][..]].contains(&&told[..]), "{told:?}");
}

#[tokio::test]
async fn what_a_gateway_that_is_not_there_was_to_send_is_sent_once_it_is() {
    let mut gateway = Kannel::start().await;
    let server = by_kannel(&gateway, "").await;
    let caller = server.login("callertest1").await;
    gateway.stop().await;
    let call = call_to(&caller, "+49123456").await;
    let waits = until(&caller, call.call_id, "queued", 1).await;
    gateway.resume().await;
    gateway.attach().await;
    server.clock().move_ahead(std::time::Duration::from_secs(6));
    let sent = until(&caller, call.call_id, "delivered", 2).await;
    assert_eq!((sent.id, gateway.wait_for(1).await.len()), (waits.id, 1));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_gateways_words() {
    let gateway = Kannel::start().await;
    let url = format!("http://{}/cgi-bin/sendsms?username=u&password=p&to={{to}}&text={{text}}", gateway.address());
    let server = Server::with(|config| config.sms_url = Some(url)).await;
    let caller = server.login("callertest1").await;
    let call = call_to(&caller, "+49123456").await;
    let failed = until(&caller, call.call_id, "failed", 1).await;
    assert_eq!(failed.reason.as_deref(), Some("403: Authorization failed for sendsms"));
}

const TAKEN: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 24\r\n\r\n0: Accepted for delivery";

/// A gateway that answers like this, one request after the other and then none, and tells of each.
async fn gateway_that_answers(answers: &[&'static str]) -> (Server, mpsc::UnboundedReceiver<()>) {
    let (asked, tells) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cgi-bin/sendsms?to={{to}}&text={{text}}", listener.local_addr().unwrap());
    let answers = answers.to_vec();
    tokio::spawn(async move {
        for answer in answers {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 2 {
                line.clear();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            asked.send(()).unwrap();
        }
    });
    (Server::with(|config| config.sms_url = Some(url)).await, tells)
}

#[tokio::test]
async fn a_gateway_that_wants_to_be_left_alone_is_for_as_long_as_it_says() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n";
    let (server, _asked) = gateway_that_answers(&[busy, TAKEN, TAKEN]).await;
    let caller = server.login("callertest1").await;
    let call = call_to(&caller, "+49123456").await;
    let waits = until(&caller, call.call_id, "queued", 1).await;
    assert_eq!(waits.reason.as_deref(), Some("the gateway answers 429"));
    // Five seconds are usual.
    server.clock().move_ahead(std::time::Duration::from_secs(50));
    let other = call_to(&caller, "+49123457").await;
    until(&caller, other.call_id, "sent", 1).await;
    assert_eq!(notification(&caller.call_log(call.call_id).await).tries, 1);
    server.clock().move_ahead(std::time::Duration::from_secs(20));
    until(&caller, call.call_id, "sent", 2).await;
}

#[tokio::test]
async fn what_a_gateway_may_have_sent_is_uncertain_and_not_sent_again_whatever_it_answers() {
    let table = [
        ("HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nbroken", Some("500: broken")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>Welcome</html>", Some("200: <html>Welcome</html>")),
        ("220 mail.example\r\n", None),
        ("HTTP/1.1 202 Accepted\r\nContent-Length: 24\r\n\r\n0: Acc", None),
        ("", None),
    ];
    for (answer, words) in table {
        let (server, mut asked) = gateway_that_answers(&[answer, TAKEN, TAKEN]).await;
        let caller = server.login("callertest1").await;
        let call = call_to(&caller, "+49123456").await;
        let uncertain = until(&caller, call.call_id, "uncertain", 1).await;
        assert!(uncertain.reason.is_some(), "{answer:?}");
        assert!(words.is_none_or(|words| uncertain.reason.as_deref() == Some(words)), "{uncertain:?}");
        server.clock().move_ahead(std::time::Duration::from_mins(5));
        let other = call_to(&caller, "+49123457").await;
        until(&caller, other.call_id, "sent", 1).await;
        assert_eq!(notification(&caller.call_log(call.call_id).await), uncertain);
        assert!(asked.try_recv().is_ok() && asked.try_recv().is_ok() && asked.try_recv().is_err(), "{answer:?}");
    }
}

#[derive(Deserialize)]
struct Asked {
    report: String,
}

/// A gateway that takes every text, and where each is to be reported.
async fn gateway_without_reports() -> (String, mpsc::UnboundedReceiver<String>) {
    let (taken, reports) = mpsc::unbounded_channel();
    let send = move |Query(asked): Query<Asked>| async move { taken.send(asked.report).unwrap() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?to={{to}}&text={{text}}&report={{report}}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(send))).await.unwrap() });
    (url, reports)
}

fn with_reports(url: String) -> impl FnOnce(&mut Config) {
    |config| {
        config.sms_url = Some(url);
        config.sms.report_state = Some("status".to_owned());
        config.sms.delivered = vec!["DELIVRD".to_owned()];
        config.sms.failed = vec!["EXPIRED".to_owned()];
    }
}

async fn report(address: &str, status: &str) -> StatusCode {
    reqwest::get(format!("{address}?status={status}")).await.unwrap().status()
}

#[tokio::test]
async fn reports_count_only_at_the_address_of_their_own_message() {
    let (url, mut reports) = gateway_without_reports().await;
    let server = Server::with(with_reports(url)).await;
    let caller = server.login("callertest1").await;
    let (first, second) = (call_to(&caller, "+49123456").await, call_to(&caller, "+49123457").await);
    let mut addresses = Vec::new();
    for _ in 0..2 {
        addresses.push(timeout(WAIT, reports.recv()).await.unwrap().unwrap());
    }
    let ids = [until(&caller, first.call_id, "sent", 1).await.id, until(&caller, second.call_id, "sent", 1).await.id];
    let of = |id: uuid::Uuid| addresses.iter().find(|address| address.contains(&id.to_string())).unwrap();
    let (own, other) = (of(ids[0]), of(ids[1]));
    let proof = other.rsplit_once('/').unwrap().1;
    let forged = format!("{}/{proof}", own.rsplit_once('/').unwrap().0);
    assert_eq!(report(&forged, "DELIVRD").await, StatusCode::NOT_FOUND);
    assert_eq!(
        report(&format!("{}/notify/sms/{}/{proof}", server.url(), uuid::Uuid::nil()), "DELIVRD").await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(report(other, "ACCEPTD").await, StatusCode::NO_CONTENT);
    for (call, state) in [(&first, "sent"), (&second, "sent")] {
        assert_eq!(notification(&caller.call_log(call.call_id).await).state, state);
    }
    assert_eq!(report(own, "EXPIRED").await, StatusCode::NO_CONTENT);
    let failed = until(&caller, first.call_id, "failed", 1).await;
    assert_eq!(failed.reason.as_deref(), Some("the gateway reports EXPIRED"));
    assert_eq!(notification(&caller.call_log(second.call_id).await).state, "sent");
    // It did arrive after all, and says so twice.
    for _ in 0..2 {
        assert_eq!(report(own, "DELIVRD").await, StatusCode::NO_CONTENT);
    }
    until(&caller, first.call_id, "delivered", 1).await;
    assert_eq!(story(&caller.call_log(first.call_id).await), ["queued", "sent", "failed", "delivered"]);
}

#[tokio::test]
async fn who_was_invited_by_text_is_told_of_changes_the_end_and_reminded_by_text() {
    let gateway = Kannel::start().await;
    let server = by_kannel(&gateway, "").await;
    let caller = server.login("callertest1").await;
    let plan = json!({"callTitle": "Pump 7", "plannedDateTime": server.clock().in_seconds(3_600),
        "invitedContacts": [{"displayName": "Kim", "phoneNumber": "+49123456"}]});
    let call = caller.create_call(plan).await;
    gateway.wait_for(1).await;
    let renamed = json!({"callId": call.call_id, "callTitle": "Pump 8"});
    caller.post("/rtc/updateCall", renamed).await.ok::<CallLog>();
    server.clock().move_ahead(std::time::Duration::from_secs(31));
    gateway.wait_for(2).await;
    server.clock().move_ahead(std::time::Duration::from_mins(46));
    gateway.wait_for(3).await;
    let caller = server.login("callertest1").await;
    caller.call_operation("cancelCall", call.call_id).await.ok::<CallLog>();
    let texts = gateway.wait_for(4).await;
    let from = &caller.user.display_name;
    let begins = [
        format!("{from} invites you to a call: Pump 7, "),
        format!("{from} has changed a planned call: Pump 8, "),
        format!("Your call with {from} begins soon: Pump 8, "),
        format!("{from} has cancelled a planned call: Pump 8, "),
    ];
    for (text, begins) in texts.iter().zip(&begins) {
        assert!(text.text.starts_with(begins), "{}", text.text);
    }
    let leads: Vec<_> = texts.iter().map(|text| text.text.contains("/join#fhg_")).collect();
    assert_eq!(leads, [true, true, true, false]);
}
