//! Calls on behalf of others.

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
    frame::{EndReason, PersonState, RingEndReason},
};
use farhand_testkit::{Account, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;

const GLASSES: i64 = 12;

fn brokered(invited: &[&Account]) -> Value {
    let invited: Vec<_> = invited.iter().map(|account| account.invited()).collect();
    json!({"callType": "MESH", "creatorUser": GLASSES, "invitedContacts": invited})
}

#[tokio::test]
async fn the_glasses_ring_only_after_the_expert_has_joined_and_the_log_tells_it() {
    let server = Server::start().await;
    let (connector, expert) = (server.login("connector1").await, server.login("tester").await);
    let glasses = server.login("glasses1").await;
    let (mut desk, mut head, mut robot) = (expert.device().await, glasses.device().await, connector.device().await);
    let call = connector.create_call(brokered(&[&expert, &connector])).await;
    assert_eq!(call.creator_contact.user_db_id, Some(GLASSES));
    assert_eq!(call.maker_contact.user_db_id, Some(connector.id()));
    assert_eq!(call.call_events[0].contact, call.creator_contact);
    assert_eq!(call.invited_contacts.len(), 2, "the request is echoed, broker included");

    let ring = desk.ring(call.call_id).await;
    assert_eq!(ring.from, call.creator_contact);
    assert!(!head.has_rung(call.call_id).await, "nobody has taken the call yet");
    desk.join(call.call_id).await;
    let ring = head.ring(call.call_id).await;
    assert_eq!(ring.from.user_db_id, Some(expert.id()));
    head.join(call.call_id).await;
    assert_eq!(connector.events(call.call_id).await, ["Created", "Join", "Join"]);
    head.leave(call.call_id).await;
    let log = connector.call_log(call.call_id).await;
    assert_eq!(log.call_status, CallStatus::Ended);
    let kinds: Vec<_> = log.call_events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
    assert!(!robot.has_rung(call.call_id).await, "the broker counts as nobody");
}

#[tokio::test]
async fn only_connectors_and_administrators_may_call_on_behalf_of_others() {
    let server = Server::start().await;
    let expert = server.login("tester").await;
    for user in ["callertest1", "glasses1"] {
        let caller = server.login(user).await;
        let creator = if user == "glasses1" { 8 } else { GLASSES };
        let refused =
            caller.try_create_call(json!({"creatorUser": creator, "invitedContacts": [expert.invited()]})).await;
        refused.refused_at(ErrorCode::ConnectorRoleRequired, "/creatorUser");
    }
    for user in ["connector1", "admin"] {
        server.login(user).await.create_call(brokered(&[&expert])).await;
    }
    for call_type in ["MESH", "SFU"] {
        let refused = json!({"callType": call_type, "creatorUser": GLASSES, "invitedContacts": [{"userDbId": 8}]});
        let caller = server.login("callertest1").await;
        caller.try_create_call(refused).await.refused(ErrorCode::ConnectorRoleRequired);
    }
}

#[tokio::test]
async fn ones_own_id_is_an_ordinary_call_and_needs_no_right() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = caller.device().await;
    let call = caller.create_call(json!({"creatorUser": caller.id(), "invitedContacts": [expert.invited()]})).await;
    assert_eq!((call.creator_user, &call.maker_contact), (Some(caller.id()), &call.creator_contact));
    phone.join(call.call_id).await;
}

#[tokio::test]
async fn a_creator_who_is_unknown_foreign_or_disabled_is_refused_alike() {
    let server = Server::start().await;
    let (admin, connector) = (server.login("admin").await, server.login("connector1").await);
    let foreign = server.login_at(OTHER_DOMAIN, "expert1").await.id();
    admin.send(Method::PATCH, "/admin/users/12", json!({"disabled": true})).await.json();
    for creator in [999_999, -3, foreign, GLASSES] {
        let refused =
            connector.try_create_call(json!({"creatorUser": creator, "invitedContacts": [{"userDbId": 8}]})).await;
        refused.refused_at(ErrorCode::UnknownCreator, "/creatorUser");
    }
    assert_eq!(connector.get("/rtc/getCallLogs").await.json()["calls"], json!([]));
}

#[tokio::test]
async fn a_brokered_call_with_nobody_left_to_call_is_refused() {
    let server = Server::start().await;
    let (admin, connector) = (server.login("admin").await, server.login("connector1").await);
    let glasses = server.login("glasses1").await;
    let nobody = json!({"name": "Nobody", "members": [GLASSES, connector.id()]});
    admin.post("/admin/teams", nobody).await.json();
    admin.post("/admin/teams", json!({"name": "Empty"})).await.json();
    let user = json!({"userId": "connector2", "roles": ["connector", "expert"], "password": "connector two"});
    let second = admin.post("/admin/users", user).await.json();
    let calls = [
        json!({"creatorUser": GLASSES}),
        brokered(&[&connector]),
        brokered(&[&glasses]),
        brokered(&[&connector, &glasses]),
        json!({"creatorUser": GLASSES, "invitedTeams": [{"name": "Nobody"}, {"name": "Empty"}]}),
        json!({"creatorUser": GLASSES, "invitedContacts": [{"userDbId": second["userDbId"]}]}),
    ];
    for call in calls {
        connector.try_create_call(call).await.refused_at(ErrorCode::NobodyToCall, "/invitedContacts");
    }
    assert_eq!(connector.get("/rtc/getCallLogs").await.json()["calls"], json!([]));
    connector.create_call(json!({"creatorUser": GLASSES, "invitedContacts": [{"email": "guest@example.org"}]})).await;
}

#[tokio::test]
async fn brokers_and_the_creator_in_a_team_are_not_rung_and_do_not_hold_the_call_open() {
    let server = Server::start().await;
    let (admin, connector) = (server.login("admin").await, server.login("connector1").await);
    let (expert, glasses) = (server.login("tester").await, server.login("glasses1").await);
    let (mut head, mut robot, mut desk) = (glasses.device().await, connector.device().await, expert.device().await);
    let team = json!({"name": "All", "members": [GLASSES, connector.id(), expert.id()]});
    admin.post("/admin/teams", team).await.json();
    let call = connector.create_call(json!({"creatorUser": GLASSES, "invitedTeams": [{"name": "All"}]})).await;
    desk.ring(call.call_id).await;
    assert!(!head.has_rung(call.call_id).await && !robot.has_rung(call.call_id).await);
    desk.decline(call.call_id).await;
    let log = connector.call_log(call.call_id).await;
    let kinds: Vec<_> = log.call_events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["Created", "Declined", "Ended"], "the only one who counts has declined");
    assert!(!head.has_rung(call.call_id).await, "nor rings anybody after the end");
}

#[tokio::test]
async fn a_broker_reads_the_call_and_has_no_seat_in_it() {
    let server = Server::start().await;
    let (connector, expert) = (server.login("connector1").await, server.login("tester").await);
    let (mut robot, _desk) = (connector.device().await, expert.device().await);
    let call = connector.create_call(brokered(&[&expert, &connector])).await;
    let uninvited = connector.create_call(brokered(&[&expert])).await;
    for call in [&call, &uninvited] {
        assert_eq!(connector.call_log(call.call_id).await.id, call.id);
    }
    let refused = connector.call_operation("joinCall", call.call_id).await;
    assert_eq!(refused.status, 403);
    refused.refused(ErrorCode::BrokerHasNoSeat);
    let view = robot.call(call.call_id, "the call", |_| true).await;
    let own = view.people.iter().find(|person| person.contact.user_db_id == Some(connector.id())).unwrap();
    assert_eq!(own.state, PersonState::Broker);
    let refused = connector.call_operation("joinCall", uninvited.call_id).await;
    refused.refused(ErrorCode::BrokerHasNoSeat);
    let log: CallLog = connector.call_operation("endCall", call.call_id).await.ok();
    assert_eq!(log.call_status, CallStatus::Ended);
}

#[tokio::test]
async fn glasses_that_decline_leave_the_expert_in_the_call_who_may_ring_again() {
    let server = Server::start().await;
    let (connector, expert) = (server.login("connector1").await, server.login("tester").await);
    let (mut desk, mut head) = (expert.device().await, server.login("glasses1").await.device().await);
    let call = connector.create_call(brokered(&[&expert])).await;
    desk.join(call.call_id).await;
    head.ring(call.call_id).await;
    head.decline(call.call_id).await;
    assert_eq!(expert.events(call.call_id).await, ["Created", "Join", "Declined"]);
    let glasses = call.creator_contact.id.unwrap();
    desk.person(call.call_id, glasses, PersonState::Declined).await;
    desk.socket().ring_again(call.call_id, glasses).await.unwrap();
    head.ring(call.call_id).await;
    desk.leave(call.call_id).await;
    assert_eq!(expert.events(call.call_id).await, ["Created", "Join", "Declined", "Leave", "Ended"]);
}

#[tokio::test]
async fn an_offline_creator_is_shown_as_such_and_rings_when_a_device_comes() {
    let server = Server::start().await;
    let (connector, expert) = (server.login("connector1").await, server.login("tester").await);
    let mut desk = expert.device().await;
    let call = connector.create_call(brokered(&[&expert])).await;
    let view = desk.join(call.call_id).await;
    let glasses = view.people.iter().find(|person| person.contact.user_db_id == Some(GLASSES)).unwrap();
    assert_eq!((glasses.state, glasses.online), (PersonState::Ringing, false));
    let mut head = server.login("glasses1").await.device().await;
    head.ring(call.call_id).await;
    head.join(call.call_id).await;
}

#[tokio::test]
async fn glasses_that_nobody_wears_are_missed_and_an_expert_left_alone_ends_the_call_in_time() {
    let server = Server::with(|config| {
        config.calls.creator_ring_seconds = 1;
        config.calls.alone_seconds = 1;
    })
    .await;
    let (connector, expert) = (server.login("connector1").await, server.login("tester").await);
    let (mut desk, mut head) = (expert.device().await, server.login("glasses1").await.device().await);
    let call = connector.create_call(brokered(&[&expert])).await;
    desk.join(call.call_id).await;
    head.ring(call.call_id).await;
    assert_eq!(head.ring_end(call.call_id).await, RingEndReason::TimedOut);
    assert_eq!(desk.ended(call.call_id).await.end_reason, Some(EndReason::Alone));
    assert_eq!(connector.events(call.call_id).await, ["Created", "Join", "Missed", "Leave", "Ended"]);
}

#[tokio::test]
async fn an_expert_who_leaves_first_takes_the_ring_along() {
    let server = Server::start().await;
    let (connector, expert) = (server.login("connector1").await, server.login("tester").await);
    let (mut desk, mut head) = (expert.device().await, server.login("glasses1").await.device().await);
    let call = connector.create_call(brokered(&[&expert])).await;
    desk.join(call.call_id).await;
    head.ring(call.call_id).await;
    desk.leave(call.call_id).await;
    assert_eq!(head.ring_end(call.call_id).await, RingEndReason::CallEnded);
    assert_eq!(connector.events(call.call_id).await, ["Created", "Join", "Leave", "Ended"]);
}
