//! What time does to service requests: escalation, expiry, promises; and what a restart does not do to them.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    admin::TeamRecord,
    call::{CallLog, CallStatus},
    request::{RequestState, TeamQueueSettings},
};
use farhand_testkit::{Account, Answer, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::requests::{claim, queue, request_for, standing, team};

async fn set(admin: &Account, team: &TeamRecord, settings: Value) -> Answer {
    admin.send(Method::PUT, &format!("/admin/teams/{}/queue", team.id), settings).await
}

pub async fn promise(who: &Account, call_id: Uuid, at: &str) -> Answer {
    let body = json!({"callId": call_id, "callBackDateTime": at, "note": "bring the key"});
    who.post("/rtc/promiseCallBack", body).await
}

/// As soon as it reads as `like` wants it.
pub async fn read(who: &Account, call_id: Uuid, like: impl Fn(&CallLog) -> bool) -> CallLog {
    let deadline = tokio::time::Instant::now() + farhand_testkit::WAIT;
    loop {
        let log = who.call_log(call_id).await;
        if like(&log) {
            return log;
        }
        assert!(tokio::time::Instant::now() < deadline, "{log:?}");
        tokio::task::yield_now().await;
    }
}

pub fn history(log: &CallLog, kind: &str) -> Option<String> {
    log.call_history.iter().find(|item| item.kind == kind).map(|item| item.reason.clone().unwrap_or_default())
}

#[tokio::test]
async fn a_request_that_nobody_looks_at_escalates_at_its_time() {
    let server = Server::start().await;
    let (admin, technician) = (server.login("admin").await, server.login("glasses1").await);
    let (expert, other) = (server.login("expert1").await, server.login("expert2").await);
    let (pumps, motors) = (team(&server, "Pumps", &[&expert]).await, team(&server, "Motors", &[&other]).await);
    set(&admin, &pumps, json!({"escalateTo": motors.id, "escalateSeconds": 60})).await.json();
    let mut desk = other.device().await;
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    claim(&other, call_id).await.refused(ErrorCode::CallNotFound);

    server.clock().move_ahead(Duration::from_secs(61));
    let seen = queue(&mut desk, "the request", |queue| !queue.requests.is_empty()).await;
    assert_eq!(seen.team.id, Some(motors.id));
    let log = expert.call_log(call_id).await;
    assert_eq!(log.invited_teams.iter().map(|team| team.id).collect::<Vec<_>>(), [Some(pumps.id), Some(motors.id)]);
    assert_eq!(history(&log, "Escalated"), Some(motors.id.to_string()));
    claim(&other, call_id).await.json();
    claim(&expert, call_id).await.refused(ErrorCode::AlreadyClaimed);
}

#[tokio::test]
async fn a_request_expires_after_the_teams_limit_and_says_so() {
    let server = Server::start().await;
    let (admin, technician, expert) =
        (server.login("admin").await, server.login("glasses1").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    set(&admin, &pumps, json!({"expireSeconds": 120})).await.json();
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    server.clock().move_ahead(Duration::from_secs(100));
    claim_is_open(&technician, call_id).await;
    server.clock().move_ahead(Duration::from_secs(21));
    let log = read(&technician, call_id, |log| log.call_status == CallStatus::Ended).await;
    assert_eq!((history(&log, "Ended").as_deref(), log.service_request), (Some("expired"), None));
    claim(&expert, call_id).await.refused(ErrorCode::CallEnded);
}

async fn claim_is_open(technician: &Account, call_id: Uuid) {
    assert_eq!(standing(&technician.call_log(call_id).await).state, RequestState::Waiting);
}

#[tokio::test]
async fn requests_wait_on_over_a_kill_in_their_order_and_what_was_claimed_stays_claimed() {
    let mut server = Server::start().await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let pumps = team(&server, "Pumps", &[&expert, &other]).await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.push(technician.create_call(request_for(&pumps)).await.call_id);
    }
    claim(&expert, calls[1]).await.json();
    server.kill();
    server.start_again().await;

    let mut desk = other.device().await;
    let seen = queue(&mut desk, "what waits", |queue| queue.waiting == 3).await;
    let order: Vec<_> = seen.requests.iter().map(|request| request.call_id).collect();
    assert_eq!(order, [calls[0], calls[2], calls[3]]);
    assert_eq!(standing(&technician.call_log(calls[3]).await).place.unwrap().position, 3);
    claim(&other, calls[1]).await.refused(ErrorCode::AlreadyClaimed);
    claim(&other, calls[0]).await.json();
    desk.ring(calls[0]).await;
    assert_eq!(technician.events(calls[0]).await, ["Created", "Claimed"]);
}

#[tokio::test]
async fn how_long_it_takes_is_known_after_a_kill_from_what_was_claimed_before() {
    let mut server = Server::start().await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let (pumps, motors) = (team(&server, "Pumps", &[&expert]).await, team(&server, "Motors", &[&other]).await);
    for _ in 0..3 {
        server.clock().move_ahead(Duration::from_mins(4));
        let call_id = technician.create_call(request_for(&pumps)).await.call_id;
        claim(&expert, call_id).await.json();
    }
    let mut calls = Vec::new();
    for team in [&pumps, &pumps, &motors] {
        calls.push(technician.create_call(request_for(team)).await.call_id);
    }
    let waits = async |call_id| {
        standing(&technician.call_log(call_id).await).place.unwrap().expected_wait_seconds.map(|seconds| seconds / 60)
    };
    let before = (waits(calls[0]).await, waits(calls[1]).await, waits(calls[2]).await);
    assert_eq!(before, (Some(4), Some(8), None));
    server.kill();
    server.start_again().await;
    assert_eq!((waits(calls[0]).await, waits(calls[1]).await, waits(calls[2]).await), before);
}

#[tokio::test]
async fn a_request_that_sleeps_is_awake_for_whoever_asks_however_many_do_at_once() {
    let server = Server::start().await;
    let (technician, expert) = (server.login("glasses1").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    for _ in 0..30 {
        let call_id = technician.create_call(request_for(&pumps)).await.call_id;
        let rename = async |title: &str| {
            technician.post("/rtc/updateCall", json!({"callId": call_id, "callTitle": title})).await.json();
        };
        tokio::join!(rename("a"), rename("b"), rename("c"), async { claim(&expert, call_id).await.json() });
        assert_eq!(technician.events(call_id).await, ["Created", "Claimed"]);
    }
}

#[tokio::test]
async fn a_claimer_who_does_not_come_gives_it_back_to_the_queue() {
    let server = Server::with(|config| config.calls.popup_ring_seconds = 1).await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let pumps = team(&server, "Pumps", &[&expert, &other]).await;
    let mut desk = other.device().await;
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    claim(&expert, call_id).await.json();
    queue(&mut desk, "the empty queue", |queue| queue.requests.is_empty()).await;
    queue(&mut desk, "the request again", |queue| queue.waiting == 1).await;
    let log = technician.call_log(call_id).await;
    assert!(history(&log, "ClaimLapsed").is_some());
    assert_eq!(standing(&log).state, RequestState::Waiting);
    claim(&other, call_id).await.json();
}

#[tokio::test]
async fn a_promise_is_listed_with_its_time_reminds_and_is_kept_by_claiming_it() {
    let server = Server::start().await;
    let (technician, expert) = (server.login("glasses1").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let mut desk = expert.device().await;
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    let at = server.clock().in_seconds(1);
    let log: CallLog = promise(&expert, call_id, &at).await.ok();
    assert_eq!(standing(&log).state, RequestState::Promised);
    assert_eq!(standing(&log).call_back_date_time.unwrap().to_string(), at);
    assert_eq!((history(&log, "CallBackPromised"), history(&log, "Note")), (Some(at), Some("bring the key".into())));
    let seen = queue(&mut desk, "the promise", |queue| {
        queue.waiting == 0 && queue.requests.iter().any(|request| request.call_back_date_time.is_some())
    });
    assert_eq!(seen.await.requests[0].call_id, call_id);

    let mut head = technician.device().await;
    read(&technician, call_id, |log| history(log, "CallBackDue").is_some()).await;
    claim(&expert, call_id).await.json();
    desk.ring(call_id).await;
    desk.join(call_id).await;
    head.ring(call_id).await;
}

#[tokio::test]
async fn a_promise_needs_a_time_to_come_and_a_request_that_waits() {
    let server = Server::start().await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    let (past, soon, late) =
        (server.clock().in_seconds(-1), server.clock().in_seconds(60), server.clock().in_seconds(15 * 24 * 3_600));
    promise(&expert, call_id, &past).await.refused(ErrorCode::PlannedInPast);
    promise(&expert, call_id, &late).await.refused(ErrorCode::InvalidField);
    promise(&other, call_id, &soon).await.refused(ErrorCode::CallNotFound);
    promise(&technician, call_id, &soon).await.json();
    claim(&expert, call_id).await.json();
    promise(&technician, call_id, &soon).await.refused(ErrorCode::AlreadyClaimed);
    let long = json!({"callId": call_id, "callBackDateTime": soon, "note": "x".repeat(2_001)});
    technician.post("/rtc/promiseCallBack", long).await.refused_at(ErrorCode::InvalidField, "/note");
}

#[tokio::test]
async fn a_teams_queue_is_set_read_and_refused_where_it_cannot_be() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let (a, b, c) = (team(&server, "A", &[]).await, team(&server, "B", &[]).await, team(&server, "C", &[]).await);
    let path = format!("/admin/teams/{}/queue", a.id);
    assert_eq!(admin.get(&path).await.ok::<TeamQueueSettings>(), TeamQueueSettings::default());
    let settings = json!({"escalateTo": b.id, "escalateSeconds": 60, "expireSeconds": 3600});
    set(&admin, &a, settings.clone()).await.json();
    assert_eq!(admin.get(&path).await.json(), settings);
    set(&admin, &b, json!({"escalateTo": c.id, "escalateSeconds": 60})).await.json();
    for circle in [a.id, c.id] {
        let refused = set(&admin, &c, json!({"escalateTo": circle, "escalateSeconds": 60})).await;
        refused.refused_at(ErrorCode::EscalatesInCircles, "/escalateTo");
    }
    let nowhere = json!({"escalateTo": 999_999, "escalateSeconds": 60});
    set(&admin, &c, nowhere).await.refused_at(ErrorCode::UnknownTeam, "/escalateTo");
    set(&admin, &c, json!({"escalateTo": a.id})).await.refused_at(ErrorCode::InvalidField, "/escalateSeconds");
    for (field, seconds) in [("escalateSeconds", 9), ("escalateSeconds", 604_801), ("expireSeconds", 59)] {
        let mut body = json!({"escalateTo": a.id, "escalateSeconds": 60});
        body[field] = json!(seconds);
        set(&admin, &c, body).await.refused_at(ErrorCode::InvalidField, &format!("/{field}"));
    }
    assert_eq!(admin.get(&path).await.json(), settings, "nothing was changed by what was refused");
}
