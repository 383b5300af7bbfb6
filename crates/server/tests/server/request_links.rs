//! Public links of machines: who makes them, what they lead to, and that whoever asks by one waits like everybody else.
#![expect(clippy::wildcard_enum_match_arm, reason = "frames of other types are passed over")]

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::CallLog,
    frame::{ClientFrame, EndReason, ServerFrame},
    request::RequestState,
    request_link::{AskedForHelp, RequestDetails, RequestField, RequestForm, RequestLinkRecord},
};
use farhand_testkit::{Account, Answer, Guest, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    guests::noted,
    requests::{claim, queue, standing, team},
};

/// A link that asks a team with one member, and what it is asked with.
pub async fn link(admin: &Account, team: i64) -> RequestLinkRecord {
    let fields = json!([{"name": "Machine", "value": "4711"}, {"name": "Error code"}]);
    let new = json!({"name": "Press 4", "callTitle": "Press 4 stands", "fields": fields,
        "teams": [{"id": team, "tags": ["Hydraulics"]}]});
    admin.post("/admin/requestLinks", new).await.ok()
}

/// Whoever has opened a link.
pub fn visitor(server: &Server, path: &str) -> Guest {
    Guest::with_token(server, path.split_once('#').unwrap().1)
}

pub fn asking(number: u128) -> Value {
    json!({"requestId": Uuid::from_u128(number), "displayName": "Vera", "text": "It leaks", "reach": "+49 151 1"})
}

pub async fn ask(visitor: &Guest, number: u128) -> Answer {
    visitor.post("/guest/askForHelp", asking(number)).await
}

/// Somebody who has asked, with the personal link.
pub async fn asked(server: &Server, visitor: &Guest, number: u128) -> (Uuid, Guest) {
    let AskedForHelp { call_id, link } = ask(visitor, number).await.ok();
    (call_id, Guest::with(server, &link))
}

/// A server with a link on it.
pub async fn machine() -> (Server, Account, Account, RequestLinkRecord) {
    let server = Server::start().await;
    let (admin, expert) = (server.login("admin").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await;
    let link = link(&admin, pumps.id).await;
    (server, admin, expert, link)
}

fn field(name: &str, value: Option<&str>) -> RequestField {
    RequestField { name: name.to_owned(), value: value.map(str::to_owned) }
}

#[tokio::test]
async fn a_link_says_what_it_is_for_and_whoever_opens_it_begins_nothing() {
    let (server, admin, expert, link) = machine().await;
    assert!(link.path.starts_with("/request#fhs_") && link.link.ends_with(&link.path), "{link:?}");
    let vera = visitor(&server, &link.path);
    let form = RequestForm {
        name: "Press 4".to_owned(),
        domain: "ubimax".to_owned(),
        fields: vec![field("Machine", Some("4711")), field("Error code", None)],
        terms: None,
    };
    for _ in 0..3 {
        let answer = vera.post("/guest/openRequest", json!({})).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.ok::<RequestForm>(), form);
        let page = server.get("/request").await;
        assert!(page.status == 200 && !page.text().contains("Press 4"), "only the page");
    }
    assert_eq!(admin.get("/rtc/getCallLogs").await.json()["calls"], json!([]));
    assert!(!expert.device().await.has(|frame| matches!(frame, ServerFrame::Requests { .. })).await);
    for path in ["/guest/look", "/guest/openCall", "/rtc/getServiceRequests", "/rtc/getCallLogs"] {
        assert_eq!(vera.post(path, json!({})).await.status / 100, 4, "{path}");
    }
}

#[tokio::test]
async fn whoever_asks_waits_in_the_queue_is_claimed_and_rung_and_comes_in() {
    let (server, admin, expert, link) = machine().await;
    let vera = visitor(&server, &link.path);
    let mut desk = expert.device().await;
    let mut body = asking(1);
    body["fields"] = json!([{"name": "Error code", "value": "E 7"}]);
    let AskedForHelp { call_id, link: own } = vera.post("/guest/askForHelp", body).await.ok();
    let guest = Guest::with(&server, &own);

    let details = RequestDetails {
        link: "Press 4".to_owned(),
        fields: vec![field("Machine", Some("4711")), field("Error code", Some("E 7"))],
        text: Some("It leaks".to_owned()),
        reach: Some("+49 151 1".to_owned()),
    };
    let seen = queue(&mut desk, "the request", |queue| !queue.requests.is_empty()).await.requests.remove(0);
    assert_eq!((seen.call_id, seen.call_title.as_str()), (call_id, "Press 4 stands"));
    assert_eq!((seen.from.display_name.as_deref(), seen.from.user_db_id), (Some("Vera"), None));
    assert_eq!((seen.tags, seen.details.as_ref()), (vec!["hydraulics".to_owned()], Some(&details)));

    let mut phone = guest.device().await;
    let view = phone.call(call_id, "the request", |call| call.service_request.is_some()).await;
    let request = view.service_request.unwrap();
    assert_eq!((request.state, request.place.unwrap().position), (RequestState::Waiting, 1));
    assert_eq!((request.teams, request.details, view.host), (vec![], None, false), "not for guests to know");
    assert_eq!((view.you, view.creator), (Some(view.creator), view.creator));

    let log: CallLog = claim(&expert, call_id).await.ok();
    assert_eq!(standing(&log).details.as_deref(), Some(&details), "in the call, too");
    desk.ring(call_id).await;
    assert!(!phone.has_rung(call_id).await);
    desk.join(call_id).await;
    assert_eq!(phone.ring(call_id).await.from.display_name.as_deref(), Some("Expert 1"));
    phone.join(call_id).await;
    let log = admin.call_log(call_id).await;
    assert_eq!(admin.events(call_id).await, ["Created", "Claimed", "Join", "Join"]);
    let told = |kind: &str| log.call_history.iter().find(|item| item.kind == kind).and_then(|item| item.reason.clone());
    assert_eq!(told("RequestedByLink").as_deref(), Some("Press 4"));
    assert_eq!(told("Note").as_deref(), Some("It leaks"));
    let events = admin.get("/rtc/getEvents").await.json();
    let types: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    for kind in ["call.created", "call.requestedByLink", "call.claimed"] {
        assert!(types.contains(&json!(kind)), "{kind} among {types:?}");
    }
    let own: CallLog = guest.get(&format!("/rtc/getCallLogById?callId={call_id}")).await.ok();
    assert_eq!((noted(&own, "RequestedByLink"), own.invited_teams.len()), (0, 0));
}

#[tokio::test]
async fn the_place_in_the_queue_is_told_live_and_the_request_lasts_over_a_kill() {
    let (mut server, _admin, expert, link) = machine().await;
    let vera = visitor(&server, &link.path);
    let (first, _) = asked(&server, &vera, 1).await;
    let (second, guest) = asked(&server, &vera, 2).await;
    server.kill();
    server.start_again().await;
    let mut phone = guest.device().await;
    let view = phone.call(second, "the request", |call| call.service_request.is_some()).await;
    assert_eq!(view.service_request.unwrap().place.unwrap().position, 2);
    claim(&expert, first).await.json();
    let place = |frame: &ServerFrame| match frame {
        ServerFrame::RequestPlace { call_id, place } if *call_id == second => Some(place.position),
        _ => None,
    };
    while phone.wait_for("the next place", place).await != 1 {}
}

#[tokio::test]
async fn it_can_be_taken_back_and_then_the_personal_link_ends() {
    let (server, admin, expert, link) = machine().await;
    let (call_id, guest) = asked(&server, &visitor(&server, &link.path), 1).await;
    let mut phone = guest.device().await;
    guest.post("/rtc/cancelCall", json!({"callId": call_id})).await.json();
    assert_eq!(phone.ended(call_id).await.end_reason, Some(EndReason::Cancelled));
    assert_eq!(phone.closed().await, Some(4401));
    guest.look().await.refused(ErrorCode::CallEnded);
    claim(&expert, call_id).await.refused(ErrorCode::CallEnded);
    assert_eq!(admin.events(call_id).await, ["Created", "Ended"]);
}

#[tokio::test]
async fn a_promise_to_call_back_is_seen_and_the_personal_link_is_good_until_then() {
    let (server, _admin, expert, link) = machine().await;
    let (call_id, guest) = asked(&server, &visitor(&server, &link.path), 1).await;
    let mut phone = guest.device().await;
    let week = i64::from(7 * 24 * 3_600);
    let promise = json!({"callId": call_id, "callBackDateTime": server.clock().in_seconds(week)});
    expert.post("/rtc/promiseCallBack", promise).await.json();
    let promised = phone.call(call_id, "the promise", |call| {
        call.service_request.as_ref().is_some_and(|request| request.state == RequestState::Promised)
    });
    assert!(promised.await.service_request.unwrap().call_back_date_time.is_some());
    server.clock().move_ahead(Duration::from_hours(6 * 24));
    assert_eq!(guest.invitation().await.call_id, call_id, "longer than other guests' links");
}

#[tokio::test]
async fn a_guest_who_asked_decides_about_nothing_but_to_come_or_not() {
    let (server, admin, expert, link) = machine().await;
    let (call_id, guest) = asked(&server, &visitor(&server, &link.path), 1).await;
    let (other, _) = asked(&server, &visitor(&server, &link.path), 2).await;
    let mut phone = guest.device().await;
    let own = phone.call(call_id, "the request", |_| true).await.creator;
    let end = |id| ClientFrame::End { id, call_id };
    assert_eq!(phone.refused(end).await, ErrorCode::GuestForbidden);
    let body = json!({"callId": call_id, "callTitle": "Mine", "invitedContacts": [expert.invited()],
        "callBackDateTime": server.clock().in_seconds(600), "contactId": 1});
    for operation in
        ["updateCall", "inviteToCall", "endCall", "startCall", "promiseCallBack", "claimServiceRequest", "getCallLink"]
    {
        guest.post(&format!("/rtc/{operation}"), body.clone()).await.refused(ErrorCode::GuestForbidden);
    }
    guest.post("/rtc/cancelCall", json!({"callId": other})).await.refused(ErrorCode::CallNotFound);
    assert_eq!(standing(&admin.call_log(other).await).state, RequestState::Waiting);
    admin.post("/rtc/revokeGuestLink", json!({"callId": call_id, "contactId": own})).await.json();
    assert_eq!(phone.closed().await, Some(4401));
    guest.look().await.refused(ErrorCode::GuestLinkRevoked);
    ask(&visitor(&server, &link.path), 1).await.refused(ErrorCode::GuestLinkRevoked);
}

#[tokio::test]
async fn asked_again_with_the_same_name_it_is_the_same_request() {
    let (server, admin, _expert, link) = machine().await;
    let vera = visitor(&server, &link.path);
    let answers = tokio::join!(ask(&vera, 1), ask(&vera, 1), ask(&vera, 1));
    let made: Vec<AskedForHelp> = [answers.0, answers.1, answers.2].iter().map(Answer::ok).collect();
    assert!(made.iter().all(|asked| *asked == made[0]));
    assert_eq!(admin.get("/rtc/getCallLogs").await.json()["calls"].as_array().unwrap().len(), 1);
    let (other, _) = asked(&server, &vera, 2).await;
    assert_ne!(other, made[0].call_id);
    admin.post("/rtc/endCall", json!({"callId": made[0].call_id})).await.json();
    ask(&vera, 1).await.refused(ErrorCode::CallEnded);
}

#[tokio::test]
async fn links_that_lead_nowhere_are_not_told_apart_and_one_has_to_wait_after_too_many() {
    let server = Server::with(|config| config.login.max_failures = 5).await;
    let (admin, expert) = (server.login("admin").await, server.login("expert1").await);
    let pumps = team(&server, "Pumps", &[&expert]).await.id;
    let (revoked, expired, deleted) = (link(&admin, pumps).await, link(&admin, pumps).await, link(&admin, pumps).await);
    let path = |link: &RequestLinkRecord| format!("/admin/requestLinks/{}", link.id);
    let fresh: RequestLinkRecord = admin.post(&format!("{}/revoke", path(&revoked)), json!({})).await.ok();
    let end = json!({"expiresDateTime": server.clock().in_seconds(60)});
    admin.send(Method::PATCH, &path(&expired), end).await.json();
    ask(&visitor(&server, &expired.path), 1).await.json();
    assert_eq!(admin.delete(&path(&deleted)).await.status, 204);
    server.clock().move_ahead(Duration::from_secs(61));
    let mut told = Vec::new();
    for gone in [&revoked, &expired, &deleted] {
        told.push(ask(&visitor(&server, &gone.path), 2).await.refused(ErrorCode::RequestLinkUnknown));
    }
    let forged = fresh.path.replacen("fhs_1.", "fhs_2.", 1);
    for _ in 0..5 {
        told.push(ask(&visitor(&server, &forged), 3).await.refused(ErrorCode::RequestLinkUnknown));
    }
    assert!(told.iter().all(|problem| *problem == told[0]), "{told:?}");
    let wait = ask(&visitor(&server, &forged), 3).await.refused(ErrorCode::TooManyAttempts);
    assert!(wait.retry_after.is_some());
    ask(&visitor(&server, &fresh.path), 4).await.json();
}

#[tokio::test]
async fn a_link_that_takes_no_requests_says_so() {
    let (server, admin, _expert, link) = machine().await;
    let vera = visitor(&server, &link.path);
    let path = format!("/admin/requestLinks/{}", link.id);
    let set = async |enabled: bool| admin.send(Method::PATCH, &path, json!({"enabled": enabled})).await.json();
    set(false).await;
    vera.post("/guest/openRequest", json!({})).await.refused(ErrorCode::RequestLinkClosed);
    ask(&vera, 1).await.refused(ErrorCode::RequestLinkClosed);
    set(true).await;
    let team = link.teams[0].id.unwrap();
    let emptied = json!({"name": "Pumps", "members": []});
    admin.send(Method::PUT, &format!("/admin/teams/{team}"), emptied).await.json();
    ask(&vera, 1).await.refused(ErrorCode::RequestLinkClosed);
    admin.delete(&format!("/admin/teams/{team}")).await;
    ask(&vera, 1).await.refused(ErrorCode::RequestLinkClosed);
    assert_eq!(admin.get("/admin/requestLinks").await.json()[0]["teams"], json!([]));
    let list = admin.get("/admin/domains").await.json();
    let id = list.as_array().unwrap().iter().find(|domain| domain["name"] == "ubimax").unwrap()["id"].clone();
    admin.send(Method::PATCH, &format!("/admin/domains/{id}"), json!({"guestsAllowed": false})).await.json();
    ask(&vera, 1).await.refused(ErrorCode::GuestsNotAllowed);
}

#[tokio::test]
async fn terms_have_to_be_accepted_and_that_is_noted() {
    let (server, admin, _expert, link) = machine().await;
    let vera = visitor(&server, &link.path);
    let list = admin.get("/admin/domains").await.json();
    let id = list.as_array().unwrap().iter().find(|domain| domain["name"] == "ubimax").unwrap()["id"].clone();
    admin.send(Method::PATCH, &format!("/admin/domains/{id}"), json!({"guestTerms": "Be kind."})).await.json();
    ask(&vera, 1).await.refused(ErrorCode::TermsRequired);
    let form: RequestForm = vera.post("/guest/openRequest", json!({})).await.ok();
    let mut body = asking(1);
    body["termsVersion"] = json!(form.terms.unwrap().version);
    let AskedForHelp { call_id, link } = vera.post("/guest/askForHelp", body).await.ok();
    assert_eq!(Guest::with(&server, &link).invitation().await.terms, None, "not twice");
    assert_eq!(noted(&admin.call_log(call_id).await, "TermsAccepted"), 1);
}

#[tokio::test]
async fn what_is_written_is_bounded_and_seen() {
    let (server, admin, _expert, link) = machine().await;
    let vera = visitor(&server, &link.path);
    let long = |length: usize| "x".repeat(length);
    let wrong = [
        (json!({"displayName": " "}), "/displayName"),
        (json!({"displayName": long(61)}), "/displayName"),
        (json!({"displayName": "V\u{202e}era"}), "/displayName"),
        (json!({"text": long(2_001)}), "/text"),
        (json!({"text": "a\u{0}b"}), "/text"),
        (json!({"reach": long(101)}), "/reach"),
        (json!({"fields": [{"name": "Machine", "value": "another"}]}), "/fields/0/name"),
        (json!({"fields": [{"name": "Error code", "value": long(201)}]}), "/fields/0/value"),
    ];
    for (change, pointer) in wrong {
        let mut body = asking(1);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        vera.post("/guest/askForHelp", body).await.refused_at(ErrorCode::InvalidField, pointer);
    }
    let nobody = vera.post("/guest/askForHelp", json!({"displayName": "Vera"})).await;
    assert_eq!(nobody.status, 400);
    assert_eq!(admin.get("/rtc/getCallLogs").await.json()["calls"], json!([]), "nothing was made by what was refused");
}

#[tokio::test]
async fn links_are_made_listed_and_changed_by_administrators_of_the_domain_alone() {
    let (server, admin, expert, link) = machine().await;
    assert_eq!(link.teams[0].tags, ["hydraulics"]);
    assert_eq!(admin.get("/admin/requestLinks").await.ok::<Vec<RequestLinkRecord>>(), std::slice::from_ref(&link));
    let path = format!("/admin/requestLinks/{}", link.id);
    let change = json!({"name": "Press 5", "callTitle": null, "fields": [], "mostOpen": 2, "mostHourly": 7});
    let changed: RequestLinkRecord = admin.send(Method::PATCH, &path, change).await.ok();
    let expected = RequestLinkRecord {
        name: "Press 5".to_owned(),
        call_title: None,
        fields: vec![],
        most_open: Some(2),
        most_hourly: Some(7),
        ..link.clone()
    };
    assert_eq!(changed, expected, "what is printed stays good");
    let cleared: RequestLinkRecord = admin.send(Method::PATCH, &path, json!({"mostOpen": null})).await.ok();
    assert_eq!(cleared, RequestLinkRecord { most_open: None, ..expected });

    let foreign = server.login_at(OTHER_DOMAIN, "admin").await;
    assert_eq!(foreign.get("/admin/requestLinks").await.json(), json!([]));
    for (who, code) in [(&foreign, ErrorCode::NotFound), (&expert, ErrorCode::Forbidden)] {
        who.send(Method::PATCH, &path, json!({"enabled": false})).await.refused(code);
        who.delete(&path).await.refused(code);
        who.post(&format!("{path}/revoke"), json!({})).await.refused(code);
    }
    let new = json!({"name": "Press 6", "teams": [{"name": "Pumps"}]});
    foreign.post("/admin/requestLinks", new.clone()).await.refused_at(ErrorCode::UnknownTeam, "/teams/0");
    expert.post("/admin/requestLinks", new.clone()).await.refused(ErrorCode::Forbidden);
    let wrong = [
        (json!({"name": " "}), "/name"),
        (json!({"name": "x".repeat(61)}), "/name"),
        (json!({"callTitle": "x".repeat(201)}), "/callTitle"),
        (json!({"teams": []}), "/teams"),
        (json!({"teams": [{"name": "Pumps", "tags": ["x".repeat(51)]}]}), "/teams/0/tags/0"),
        (json!({"fields": [{"name": "a"}, {"name": "A"}]}), "/fields/1/name"),
        (json!({"fields": [{"name": "a", "value": "x".repeat(201)}]}), "/fields/0/value"),
        (json!({"fields": (0..13).map(|n| json!({"name": format!("{n}")})).collect::<Vec<_>>()}), "/fields"),
        (json!({"mostOpen": 0}), "/mostOpen"),
        (json!({"mostHourly": 1_001}), "/mostHourly"),
        (json!({"expiresDateTime": server.clock().in_seconds(-1)}), "/expiresDateTime"),
    ];
    for (change, pointer) in wrong {
        let mut body = new.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        admin.post("/admin/requestLinks", body).await.refused_at(ErrorCode::InvalidField, pointer);
    }
    assert_eq!(admin.get("/admin/requestLinks").await.json().as_array().unwrap().len(), 1);
}
