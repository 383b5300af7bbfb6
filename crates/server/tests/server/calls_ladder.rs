//! Down the ladder: budgets, what everybody is told of weak links, and still pictures instead of video.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, StillReceived},
    frame::{CallView, ClientFrame, MediaState, Rung, SendLimit, ServerFrame, Shortage, ShortageReason},
    statistics::MediaReport,
};
use farhand_testkit::{Account, Answer, Device, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::sfu_calls::{Person, all_see_all};

fn receives(call: &CallView, contact: i64) -> Option<Shortage> {
    call.people.iter().find(|person| person.contact.id == Some(contact))?.receives
}

fn limit(kbit_per_second: u32) -> SendLimit {
    SendLimit { kbit_per_second: Some(kbit_per_second), pictures: true }
}

/// Two people in a direct call, the caller's device first.
async fn direct(server: &Server, mut call: Value) -> (Device, Device, Uuid) {
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut here, mut there) = (caller.device().await, callee.device().await);
    call["callType"] = "MESH".into();
    call["invitedContacts"] = json!([callee.invited()]);
    let call_id = here.create_call(call).await.call_id;
    there.join(call_id).await;
    (here, there, call_id)
}

async fn limited(device: &mut Device, call_id: Uuid, wanted: Option<SendLimit>) {
    device.call(call_id, "a limit", |call| call.send_limit == wanted).await;
}

#[tokio::test]
async fn a_small_budget_leaves_still_pictures_and_everybody_is_told() {
    let server = Server::start().await;
    let invited = [server.login("callertest2").await.invited()];
    let call = json!({"invitedContacts": invited, "dataBudget": {"kbitPerSecond": 62}});
    let log: CallLog = server.login("callertest1").await.create_call(call).await;
    assert_eq!(log.data_budget.and_then(|budget| budget.kbit_per_second), Some(62));
    let mut first = Person::join(&server, "callertest1", log.call_id).await;
    let mut second = Person::join(&server, "callertest2", log.call_id).await;
    let wanted = Some(Shortage { rung: Rung::Stills, reason: ShortageReason::Budget });
    let (one, other) = (first.contact, second.contact);
    first
        .call("the other's shortage", |call| receives(call, other) == wanted && call.send_limit == Some(limit(62)))
        .await;
    second.call("the other's shortage", |call| receives(call, one) == wanted).await;
}

#[tokio::test]
async fn of_the_budgets_of_call_user_and_domain_the_smallest_is_kept() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let (own, domain) = (server.login("callertest1").await.id(), 1);
    let set = async |path: String, budget: Value| admin.send(Method::PATCH, &path, json!({"dataBudget": budget})).await;
    let of_domain = set(format!("/admin/domains/{domain}"), json!({"kbitPerSecond": 800})).await.json();
    assert_eq!(of_domain["dataBudget"], json!({"kbitPerSecond": 800}));
    let (mut here, _there, call_id) = direct(&server, json!({})).await;
    limited(&mut here, call_id, Some(limit(800))).await;
    here.leave(call_id).await;
    let of_user = set(format!("/admin/users/{own}"), json!({"kbitPerSecond": 500, "megabytes": 50})).await.json();
    assert_eq!(of_user["dataBudget"], json!({"kbitPerSecond": 500, "megabytes": 50}));
    let (mut here, mut there, call_id) = direct(&server, json!({})).await;
    limited(&mut here, call_id, Some(limit(500))).await;
    limited(&mut there, call_id, Some(limit(500))).await;
    here.leave(call_id).await;
    let (mut here, _there, call_id) = direct(&server, json!({"dataBudget": {"kbitPerSecond": 300}})).await;
    limited(&mut here, call_id, Some(limit(300))).await;
    for path in [format!("/admin/users/{own}"), format!("/admin/domains/{domain}")] {
        let cleared = set(path, Value::Null).await.json();
        assert_eq!(cleared.get("dataBudget"), None, "cleared");
    }
}

#[tokio::test]
async fn a_budget_must_be_one() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let cases = [
        (json!({"kbitPerSecond": 15}), "/dataBudget/kbitPerSecond"),
        (json!({"megabytes": 0}), "/dataBudget/megabytes"),
    ];
    for (budget, pointer) in cases {
        let call = json!({"dataBudget": budget, "invitedContacts": [{"userDbId": admin.id()}]});
        admin.try_create_call(call).await.refused_at(ErrorCode::InvalidField, pointer);
        for path in ["/admin/domains/1".to_owned(), format!("/admin/users/{}", admin.id())] {
            let refused = admin.send(Method::PATCH, &path, json!({"dataBudget": budget})).await;
            refused.refused_at(ErrorCode::InvalidField, pointer);
        }
    }
}

async fn report(device: &mut Device, call_id: Uuid, kbit: f64) {
    let report = MediaReport { kbit_per_second_in: Some(kbit), ..MediaReport::default() };
    device.socket().send(&ClientFrame::MediaReport { call_id, report: Box::new(report) }).await.unwrap();
    device.socket().round_trip().await.unwrap();
}

#[tokio::test]
async fn when_the_megabytes_are_used_up_there_is_sound_only_and_nobody_is_cut_off() {
    let mut server = Server::start().await;
    let (mut here, mut there, call_id) = direct(&server, json!({"dataBudget": {"megabytes": 2}})).await;
    let you = there.call(call_id, "the call", |call| call.you.is_some()).await.you.unwrap();
    server.clock().move_ahead(Duration::from_secs(10));
    // 1.25 MB.
    report(&mut there, call_id, 1_000.0).await;
    server.clock().move_ahead(Duration::from_secs(10));
    report(&mut there, call_id, 1_000.0).await;
    let used_up = Some(Shortage { rung: Rung::Audio, reason: ShortageReason::Budget });
    let seen = here.call(call_id, "sound only", |call| receives(call, you) == used_up).await;
    let none = Some(SendLimit { kbit_per_second: None, pictures: false });
    assert_eq!(seen.send_limit, none, "what one sends the other would receive");
    limited(&mut there, call_id, none).await;
    let caller = server.login("callertest1").await;
    let noted =
        |log: CallLog| log.call_history.into_iter().filter(|item| item.kind == "BudgetUsedUp").collect::<Vec<_>>();
    let history = noted(caller.call_log(call_id).await);
    let told = history.iter().map(|item| (item.contact_id, item.reason.as_deref())).collect::<Vec<_>>();
    assert_eq!(told, [(Some(you), Some("2 MB"))]);
    server.restart().await;
    let again = server.login("callertest2").await;
    let mut there = again.device().await;
    there.join(call_id).await;
    limited(&mut there, call_id, none).await;
    assert_eq!(noted(caller.call_log(call_id).await).len(), 1, "a restart forgets nothing of it");
}

#[tokio::test]
async fn a_budget_that_is_changed_while_people_talk_holds_with_the_next_thing_that_happens() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let path = format!("/admin/users/{}", server.login("callertest1").await.id());
    let (mut here, _there, call_id) = direct(&server, json!({})).await;
    limited(&mut here, call_id, None).await;
    admin.send(Method::PATCH, &path, json!({"dataBudget": {"kbitPerSecond": 500}})).await.json();
    report(&mut here, call_id, 10.0).await;
    limited(&mut here, call_id, Some(limit(500))).await;
}

#[tokio::test]
async fn a_budget_that_was_raised_is_not_used_up_again_by_a_restart() {
    let mut server = Server::start().await;
    let admin = server.login("admin").await;
    let path = format!("/admin/users/{}", server.login("callertest2").await.id());
    let raise = async |megabytes: u64| {
        admin.send(Method::PATCH, &path, json!({"dataBudget": {"megabytes": megabytes}})).await.json();
    };
    raise(1).await;
    let (_here, mut there, call_id) = direct(&server, json!({})).await;
    let none = Some(SendLimit { kbit_per_second: None, pictures: false });
    for _ in 0..2 {
        server.clock().move_ahead(Duration::from_secs(10));
        report(&mut there, call_id, 1_000.0).await;
    }
    limited(&mut there, call_id, none).await;
    raise(50).await;
    report(&mut there, call_id, 0.0).await;
    limited(&mut there, call_id, None).await;
    server.restart().await;
    let mut there = server.login("callertest2").await.device().await;
    let seen = there.join(call_id).await;
    assert_eq!(seen.send_limit, None, "there is a rest");
}

#[tokio::test]
async fn what_somebody_sends_too_little_of_is_told_and_stands_in_the_statistics() {
    let server = Server::start().await;
    let (mut here, mut there, call_id) = direct(&server, json!({})).await;
    let sends = Some(Shortage { rung: Rung::Stills, reason: ShortageReason::Link });
    let state = MediaState { microphone: true, camera: true, screen: false, sends };
    here.socket().send(&ClientFrame::MediaState { call_id, state }).await.unwrap();
    let told =
        |call: &CallView| call.people.iter().any(|person| person.media.is_some_and(|media| media.sends == sends));
    there.call(call_id, "the weak link", told).await;
    server.clock().move_ahead(Duration::from_secs(5));
    report(&mut here, call_id, 50.0).await;
    here.leave(call_id).await;
    let log = server.login("callertest1").await.call_log(call_id).await;
    let figures = &log.call_statistics[0].figures;
    assert_eq!((figures.stills_seconds, figures.audio_seconds), (5, 0));
}

fn picture(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
    bytes[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
    bytes
}

async fn put(account: &Account, call_id: Uuid, id: Uuid, whole: &[u8], range: std::ops::Range<usize>) -> Answer {
    let path = format!("/rtc/stills/{call_id}/{id}?offset={}&size={}", range.start, whole.len());
    Answer::to(account.request(Method::PUT, &path).body(whole[range].to_vec())).await
}

async fn get(account: &Account, call_id: Uuid, of: i64, range: &str, tag: Option<&str>) -> Answer {
    let mut request = account.request(Method::GET, &format!("/rtc/stills/{call_id}/of/{of}")).header("range", range);
    if let Some(tag) = tag {
        request = request.header("if-match", tag);
    }
    Answer::to(request).await
}

#[tokio::test]
async fn a_still_picture_goes_from_one_to_the_other_in_pieces() {
    let server = Server::start().await;
    let (_here, mut there, call_id) = direct(&server, json!({})).await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (id, whole) = (Uuid::from_u128(7), picture(10_000));
    let received = |answer: Answer| answer.ok::<StillReceived>().received;
    assert_eq!(received(put(&caller, call_id, id, &whole, 0..4_000).await), 4_000);
    assert_eq!(received(put(&caller, call_id, id, &whole, 6_000..10_000).await), 4_000, "goes on where it stopped");
    assert_eq!(received(put(&caller, call_id, id, &whole, 4_000..10_000).await), 10_000);
    #[expect(clippy::wildcard_enum_match_arm, reason = "other frames are passed over")]
    let still = |frame: &ServerFrame| match frame {
        ServerFrame::Still { contact, still_id, bytes, .. } => Some((*contact, *still_id, *bytes)),
        _ => None,
    };
    let (contact, still_id, bytes) = there.wait_for("the picture", still).await;
    assert_eq!((still_id, bytes), (id, 10_000));

    let first = get(&callee, call_id, contact, "bytes=0-3999", None).await;
    assert_eq!((first.status, first.header("content-range")), (206, "bytes 0-3999/10000"));
    assert_eq!((first.header("content-type"), first.header("age")), ("image/jpeg", "0"));
    let tag = first.header("etag").to_owned();
    put(&caller, call_id, Uuid::from_u128(8), &picture(500), 0..500).await;
    let rest = get(&callee, call_id, contact, "bytes=4000-99999", Some(&tag)).await;
    assert_eq!([first.body, rest.body].concat(), whole, "although there is a newer one");
    get(&callee, call_id, contact, "bytes=4000-", Some(&tag)).await.refused(ErrorCode::StillReplaced);
    assert_eq!(callee.get(&format!("/rtc/stills/{call_id}/of/{contact}")).await.body, picture(500));
    get(&callee, call_id, contact, "lines=1-2", None).await.refused(ErrorCode::InvalidField);
    get(&callee, call_id, 999_999, "bytes=0-", None).await.refused(ErrorCode::NotFound);
}

#[tokio::test]
async fn still_pictures_are_for_those_in_the_call_only() {
    let server = Server::start().await;
    let (mut here, _there, call_id) = direct(&server, json!({})).await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let stranger = server.login("expert1").await;
    let (id, whole) = (Uuid::from_u128(7), picture(100));
    put(&caller, call_id, id, &whole, 0..100).await.ok::<StillReceived>();
    let contact = caller.call_log(call_id).await.creator_contact.id.unwrap();
    put(&stranger, call_id, id, &whole, 0..100).await.refused(ErrorCode::CallNotFound);
    get(&stranger, call_id, contact, "bytes=0-", None).await.refused(ErrorCode::CallNotFound);
    let admin = server.login("admin").await;
    get(&admin, call_id, contact, "bytes=0-", None).await.refused(ErrorCode::NotInCall);
    assert_eq!(get(&callee, call_id, contact, "bytes=0-", None).await.status, 206);
    here.leave(call_id).await;
    put(&caller, call_id, id, &whole, 0..100).await.refused(ErrorCode::CallEnded);
}

#[tokio::test]
async fn without_a_budget_nobody_hears_of_one() {
    let server = Server::start().await;
    let invited = [server.login("callertest2").await.invited()];
    let call_id = server.login("callertest1").await.create_call(json!({"invitedContacts": invited})).await.call_id;
    let mut people =
        vec![Person::join(&server, "callertest1", call_id).await, Person::join(&server, "callertest2", call_id).await];
    all_see_all(&mut people).await;
    let call = server.login("callertest1").await.call_log(call_id).await;
    assert_eq!(call.data_budget, None);
}
