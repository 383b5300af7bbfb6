//! Six digits that lead into a call.

use farhand_protocol::{
    ErrorCode,
    call::CallLog,
    lobby::{CodeAnswer, JoinCode, KnockState},
};
use farhand_testkit::{Account, Answer, Guest, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    guests::{contact, gil, invited},
    lobby::Visitor,
};

async fn code(host: &Account, call_id: Uuid, guest: Option<i64>) -> JoinCode {
    host.post("/rtc/createJoinCode", json!({"callId": call_id, "contactId": guest})).await.ok()
}

async fn typed(server: &Server, code: &str) -> Answer {
    server.post("/guest/code", json!({"code": code}).to_string()).await
}

fn another(code: &str, by: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + by) % 1_000_000)
}

async fn call(host: &Account, call: Value) -> Uuid {
    host.create_call(call).await.call_id
}

#[tokio::test]
async fn a_code_leads_to_the_lobby_of_an_open_call() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let call_id = call(&host, json!({"joinAnonymousAllowed": true})).await;
    let shown = code(&host, call_id, None).await;
    assert!(shown.address.ends_with("/join") && shown.code.len() == 6, "{}", shown.address);
    for spoken in [shown.code.clone(), format!("{} {}", &shown.code[..3], &shown.code[3..])] {
        let answer: CodeAnswer = typed(&server, &spoken).await.ok();
        assert_eq!(answer.call_id, None);
        let visitor = Visitor::with(&server, &answer.link.unwrap());
        assert_eq!(visitor.knock().await.state, KnockState::Waiting);
    }
    let fresh = code(&host, call_id, None).await;
    if fresh.code != shown.code {
        typed(&server, &shown.code).await.refused(ErrorCode::CodeUnknown);
    }
    host.call_operation("endCall", call_id).await.ok::<CallLog>();
    typed(&server, &fresh.code).await.refused(ErrorCode::CodeUnknown);
    host.post("/rtc/createJoinCode", json!({"callId": call_id})).await.refused(ErrorCode::CallEnded);
}

#[tokio::test]
async fn whoever_is_invited_and_logged_in_is_led_to_the_call_itself() {
    let server = Server::start().await;
    let [host, glasses, stranger] =
        [server.login("callertest1").await, server.login("glasses1").await, server.login("expert2").await];
    let foreign = server.login_at(OTHER_DOMAIN, "expert1").await;
    let call_id = call(&host, json!({"invitedContacts": [glasses.invited()]})).await;
    let shown = code(&host, call_id, None).await;
    let by = async |who: &Account| who.post("/guest/code", json!({"code": shown.code})).await;
    let answer: CodeAnswer = by(&glasses).await.ok();
    assert_eq!((answer.call_id, answer.link), (Some(call_id), None));
    for nobody in [&stranger, &foreign] {
        by(nobody).await.refused(ErrorCode::CodeUnknown);
    }
    typed(&server, &shown.code).await.refused(ErrorCode::CodeUnknown);
    host.post("/rtc/updateCall", json!({"callId": call_id, "joinAnonymousAllowed": true})).await.ok::<CallLog>();
    for anybody in [&stranger, &foreign] {
        let answer: CodeAnswer = by(anybody).await.ok();
        assert!(answer.call_id.is_none() && answer.link.unwrap().contains("/join#fhc_"), "through the lobby");
    }
}

#[tokio::test]
async fn a_code_of_a_guest_is_good_once_and_leads_past_the_lobby() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (log, guest) = invited(&server, &host).await;
    let shown = code(&host, log.call_id, Some(contact(&log))).await;
    let answer: CodeAnswer = typed(&server, &shown.code).await.ok();
    let led = Guest::with(&server, &answer.link.unwrap());
    assert_eq!(led.token, guest.token);
    led.device().await.join(log.call_id).await;
    typed(&server, &shown.code).await.refused(ErrorCode::CodeUnknown);
}

#[tokio::test]
async fn whoever_guesses_has_to_wait_also_with_the_right_one() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let call_id = call(&host, json!({"joinAnonymousAllowed": true})).await;
    let shown = code(&host, call_id, None).await;
    for typed_wrong in ["12345", "abcdef", "1234567"] {
        typed(&server, typed_wrong).await.refused_at(ErrorCode::InvalidField, "/code");
    }
    let wrong = typed(&server, &another(&shown.code, 1)).await.refused(ErrorCode::CodeUnknown);
    for by in 2..=5 {
        let other = typed(&server, &another(&shown.code, by)).await.refused(ErrorCode::CodeUnknown);
        assert_eq!(other.detail, wrong.detail);
    }
    let waits = typed(&server, &shown.code).await.refused(ErrorCode::TooManyAttempts);
    assert!(waits.retry_after.is_some_and(|seconds| (500..=600).contains(&seconds)), "{waits:?}");
    server.clock().move_ahead(std::time::Duration::from_mins(11));
    typed(&server, &shown.code).await.refused(ErrorCode::CodeUnknown);
    let fresh = code(&server.login("callertest1").await, call_id, None).await;
    typed(&server, &fresh.code).await.ok::<CodeAnswer>();
}

#[tokio::test]
async fn only_hosts_show_codes_of_a_call_and_only_whoever_may_invite_those_of_guests() {
    let server = Server::start().await;
    let [host, technician, stranger] =
        [server.login("callertest1").await, server.login("glasses1").await, server.login("expert2").await];
    let log = host.create_call(json!({"invitedContacts": [gil(), technician.invited()]})).await;
    let ask = |guest: Option<i64>| json!({"callId": log.call_id, "contactId": guest});
    let gil = contact(&log);
    technician.post("/rtc/createJoinCode", ask(Some(gil))).await.refused(ErrorCode::Forbidden);
    host.device().await.join(log.call_id).await;
    let mut device = technician.device().await;
    device.join(log.call_id).await;
    technician.post("/rtc/createJoinCode", ask(None)).await.refused(ErrorCode::Forbidden);
    technician.post("/rtc/createJoinCode", ask(Some(gil))).await.ok::<JoinCode>();
    stranger.post("/rtc/createJoinCode", ask(None)).await.refused(ErrorCode::CallNotFound);
    host.post("/rtc/createJoinCode", ask(Some(gil + 999))).await.refused(ErrorCode::UnknownContact);
    let guest = Guest::with(&server, &host.guest_link(log.call_id, gil).await);
    let answer = Answer::to(guest.request(Method::POST, "/rtc/createJoinCode").json(&ask(None))).await;
    answer.refused(ErrorCode::GuestForbidden);
}
