//! A promise to call back that comes due: who is told, by what, and that nobody is told twice.
#![expect(clippy::wildcard_enum_match_arm, reason = "frames of other types are passed over")]

use std::time::Duration;

use farhand_protocol::{admin::TeamRecord, frame::ServerFrame};
use farhand_server::config::Config;
use farhand_testkit::{Account, Device, Server, json, smtp};
use reqwest::Method;
use uuid::Uuid;

use crate::{
    push_service::{PushService, inside, subscribe},
    requests::{claim, queue, request_for, team},
    requests_time::{promise, read},
};

/// A request of `glasses1` that `expert1` has promised to call back about in ten minutes.
struct Promised {
    server: Server,
    technician: Account,
    expert: Account,
    other: Account,
    call_id: Uuid,
}

async fn promised(change: impl FnOnce(&mut Config)) -> Promised {
    let server = Server::with(change).await;
    let (technician, expert, other) =
        (server.login("glasses1").await, server.login("expert1").await, server.login("expert2").await);
    let pumps: TeamRecord = team(&server, "Pumps", &[&expert, &other]).await;
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    promise(&expert, call_id, &server.clock().in_seconds(600)).await.json();
    Promised { server, technician, expert, other, call_id }
}

async fn told(device: &mut Device, call: Uuid) {
    let is_it = |frame: &ServerFrame| match frame {
        ServerFrame::CallBackDue { call_id, call_title, from, .. } if *call_id == call => {
            Some((call_title.clone(), from.user_id.clone()))
        }
        _ => None,
    };
    let (title, from) = device.wait_for("that it is due", is_it).await;
    assert_eq!((title.as_str(), from.as_deref()), ("Pump 7", Some("glasses1")));
}

async fn is_told(device: &mut Device) -> bool {
    device.has(|frame| matches!(frame, ServerFrame::CallBackDue { .. })).await
}

async fn until_due(promised: &Promised) {
    promised.server.clock().move_ahead(Duration::from_secs(601));
    read(&promised.technician, promised.call_id, |log| log.call_history.iter().any(|item| item.kind == "CallBackDue"))
        .await;
}

#[tokio::test]
async fn open_pages_of_the_team_and_of_whoever_promised_are_told_once_and_nobody_elses() {
    let promised = promised(|_| {}).await;
    let Promised { server, technician, expert, other, call_id } = &promised;
    let outsider = server.login("callertest1").await;
    let (mut own, mut colleague) = (expert.device().await, other.device().await);
    let (mut head, mut elsewhere) = (technician.device().await, outsider.device().await);
    until_due(&promised).await;
    told(&mut own, *call_id).await;
    told(&mut colleague, *call_id).await;
    own.forget().await;
    server.clock().move_ahead(Duration::from_mins(4));
    technician.post("/rtc/updateCall", json!({"callId": call_id, "callTitle": "Pump 8"})).await.json();
    queue(&mut own, "the new title", |queue| queue.requests.iter().any(|it| it.call_title == "Pump 8")).await;
    assert!(!is_told(&mut own).await, "once");
    assert!(!is_told(&mut head).await && !is_told(&mut elsewhere).await && !head.has_rung(*call_id).await);
}

#[tokio::test]
async fn a_closed_page_is_told_by_its_browser_which_rings_not_and_do_not_disturb_is_kept() {
    let mut service = PushService::start().await;
    let promised = promised(inside).await;
    subscribe(&promised.expert, &service.endpoint("desk")).await;
    subscribe(&promised.other, &service.endpoint("quiet")).await;
    let quiet = json!({"doNotDisturbUntil": promised.server.clock().in_seconds(3_600)});
    promised.other.post("/rtc/updateReachSettings", quiet).await.json();
    until_due(&promised).await;
    let message = service.next().await;
    assert_eq!(message.path, "/desk");
    let said = message.open().await.said;
    assert_eq!((&said["kind"], &said["from"]), (&json!("callBack"), &json!(promised.technician.user.display_name)));
    let log = promised.technician.call_log(promised.call_id).await;
    let states: Vec<_> = log.call_history.iter().filter(|item| item.kind == "Notification").collect();
    let held: Vec<_> = states.iter().filter(|item| item.state.as_deref() == Some("heldBack")).collect();
    assert_eq!(held.len(), 1, "{states:?}");
    assert_eq!(held[0].reason.as_deref(), Some("doNotDisturb"));
}

#[tokio::test]
async fn a_letter_goes_to_the_account_unless_somebody_has_claimed_it_before() {
    for taken in [false, true] {
        let sink = smtp::Sink::start(smtp::Options::default()).await;
        let url = format!("smtp://{}?starttls=never", sink.address());
        let promised = promised(|config| config.mail_url = Some(url)).await;
        let admin = promised.server.login("admin").await;
        let rungs = json!([{"channel": "email", "address": "stored", "afterSeconds": 30}]);
        for (who, address) in [(&promised.expert, "ada@example.org"), (&promised.other, "ben@example.org")] {
            let path = format!("/admin/users/{}", who.id());
            admin.send(Method::PATCH, &path, json!({"email": address, "reach": {"rungs": rungs}})).await.json();
        }
        until_due(&promised).await;
        if taken {
            claim(&promised.other, promised.call_id).await.json();
            let cancelled = read(&promised.technician, promised.call_id, |log| {
                let gone = |item: &&farhand_protocol::call::CallHistoryItem| item.state.as_deref() == Some("cancelled");
                log.call_history.iter().filter(gone).count() == 2
            });
            cancelled.await;
        } else {
            promised.server.clock().move_ahead(Duration::from_secs(31));
            let letters = sink.wait_for(2).await;
            let mut all: Vec<_> = letters.iter().map(|letter| letter.text().replace("=\r\n", "")).collect();
            all.sort_unstable();
            assert!(all.iter().all(|text| text.contains("Pump 7") && text.contains("back")), "{all:?}");
            assert!(all.iter().all(|text| text.contains(&format!("/call/{}", promised.call_id))), "{all:?}");
        }
    }
}

#[tokio::test]
async fn whoever_asked_to_be_called_back_later_is_not_told_to_call() {
    let server = Server::start().await;
    let (technician, expert) = (server.login("glasses1").await, server.login("expert1").await);
    let pumps: TeamRecord = team(&server, "Pumps", &[&expert, &technician]).await;
    let call_id = technician.create_call(request_for(&pumps)).await.call_id;
    promise(&technician, call_id, &server.clock().in_seconds(600)).await.json();
    let (mut desk, mut head) = (expert.device().await, technician.device().await);
    server.clock().move_ahead(Duration::from_secs(601));
    told(&mut desk, call_id).await;
    assert!(!is_told(&mut head).await);
}
