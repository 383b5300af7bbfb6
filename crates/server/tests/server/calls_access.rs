//! Who may read, join, end, change and invite; and that a call one may not read does not exist.

use std::collections::BTreeMap;

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
};
use farhand_testkit::{Account, Answer, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

const NO_SUCH_CALL: Uuid = Uuid::from_u128(0x1234_5678_9abc_4def_8000_0000_0000_0001);

/// Everything that can be asked of a call, with a body that is right.
fn operations(call_id: Uuid) -> Vec<(Method, String, Value)> {
    let by_id = json!({"callId": call_id});
    let mut all: Vec<_> = ["joinCall", "declineCall", "leaveCall", "endCall", "startCall"]
        .map(|operation| (Method::POST, format!("/rtc/{operation}"), by_id.clone()))
        .into();
    all.push((Method::POST, "/rtc/updateCall".to_owned(), json!({"callId": call_id, "callTitle": "Mine now"})));
    let invite = json!({"callId": call_id, "invitedContacts": [{"userDbId": 12}]});
    all.push((Method::POST, "/rtc/inviteToCall".to_owned(), invite));
    all.push((Method::GET, format!("/rtc/getCallLogById?callId={call_id}"), Value::Null));
    all
}

async fn ask(who: &Account, (method, path, body): (Method, String, Value)) -> Answer {
    let request = who.request(method, &path);
    Answer::to(if body.is_null() { request } else { request.json(&body) }).await
}

#[tokio::test]
async fn for_strangers_and_other_domains_a_call_is_exactly_as_one_that_does_not_exist() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let strangers = [
        server.login("expert2").await,
        server.login("connector1").await,
        server.login_at(OTHER_DOMAIN, "expert1").await,
        server.login_at(OTHER_DOMAIN, "connector1").await,
        server.login_at(OTHER_DOMAIN, "admin").await,
    ];
    let running = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    let ended = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    caller.rest.end_call(ended.call_id).await.unwrap();
    let before = [caller.call_log(running.call_id).await, caller.call_log(ended.call_id).await];
    for stranger in &strangers {
        let _device = stranger.device().await;
        for (real, fake) in [running.call_id, ended.call_id].map(|id| (operations(id), operations(NO_SUCH_CALL))) {
            // Whoever tries to join a call of the own domain is told that it takes an invitation (tested below).
            let own_domain = stranger.user.domain == caller.user.domain;
            let pairs = real.into_iter().zip(fake).filter(|(real, _)| !(own_domain && real.1.ends_with("/joinCall")));
            for (real, fake) in pairs {
                let what = format!("{} of {}/{}", real.1, stranger.user.domain, stranger.user.user_id);
                let (answer, unknown) = (ask(stranger, real).await, ask(stranger, fake).await);
                assert_eq!(unknown.status, 404, "{what}");
                unknown.refused(ErrorCode::CallNotFound);
                assert_eq!((answer.status, &answer.body), (404, &unknown.body), "{what}");
            }
        }
    }
    let after = [caller.call_log(running.call_id).await, caller.call_log(ended.call_id).await];
    assert_eq!(before, after, "nothing has changed");
}

#[tokio::test]
async fn a_malformed_or_missing_call_id_is_a_wrong_field_and_not_a_missing_call() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let malformed = ["", "7", "not-a-uuid", "00000000-0000-0000-0000", "../../etc/passwd", "%00"];
    for id in malformed {
        let read = caller.get(&format!("/rtc/getCallLogById?callId={id}")).await;
        assert_eq!(read.status, 400, "{id:?}");
        read.refused(ErrorCode::InvalidField);
        for operation in ["joinCall", "declineCall", "leaveCall", "endCall", "startCall", "updateCall", "inviteToCall"]
        {
            let refused = caller.post(&format!("/rtc/{operation}"), json!({"callId": id})).await;
            assert_eq!(refused.status, 400, "{operation} {id:?}");
            refused.refused(ErrorCode::InvalidField);
        }
    }
    caller.get("/rtc/getCallLogById").await.refused(ErrorCode::InvalidField);
    for operation in ["joinCall", "declineCall", "leaveCall", "endCall", "startCall", "updateCall", "inviteToCall"] {
        caller.post(&format!("/rtc/{operation}"), json!({})).await.refused(ErrorCode::InvalidField);
        caller
            .post(&format!("/rtc/{operation}"), json!({"callId": 7}))
            .await
            .refused_at(ErrorCode::InvalidField, "/callId");
        caller.post_raw(&format!("/rtc/{operation}"), "{").await.refused(ErrorCode::MalformedJson);
    }
}

#[tokio::test]
async fn creator_maker_invitees_and_administrators_read_a_running_and_an_ended_call() {
    let server = Server::start().await;
    let connector = server.login("connector1").await;
    let call = connector.create_call(json!({"creatorUser": 12, "invitedContacts": [{"userDbId": 8}]})).await;
    for ended in [false, true] {
        if ended {
            connector.rest.end_call(call.call_id).await.unwrap();
        }
        for reader in ["connector1", "glasses1", "tester", "admin"] {
            let log = server.login(reader).await.call_log(call.call_id).await;
            assert_eq!((log.id, log.call_status == CallStatus::Ended), (call.id, ended), "{reader}");
        }
    }
}

#[tokio::test]
async fn joining_is_for_creator_and_invitees_while_an_administrator_only_reads() {
    let server = Server::start().await;
    let (caller, invitee) = (server.login("callertest1").await, server.login("expert1").await);
    let admin = server.login("admin").await;
    let call = caller.create_call(json!({"invitedContacts": [invitee.invited()]})).await;
    for who in [&caller, &invitee] {
        who.call_operation("joinCall", call.call_id).await.refused(ErrorCode::SessionRequired);
    }
    for outsider in [&admin, &server.login("expert2").await] {
        let refused = outsider.call_operation("joinCall", call.call_id).await;
        assert_eq!(refused.status, 403);
        refused.refused(ErrorCode::NotInvited);
    }
    let (_a, _b, _c) = (caller.device().await, invitee.device().await, admin.device().await);
    let refused = admin.call_operation("joinCall", call.call_id).await;
    assert_eq!(refused.status, 403);
    refused.refused(ErrorCode::NotInvited);
    assert_eq!(invitee.call_operation("joinCall", call.call_id).await.json()["callStatus"], "Started");
    caller.call_operation("joinCall", call.call_id).await.json();
    assert_eq!(caller.events(call.call_id).await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn join_call_takes_the_named_session_and_only_ones_own() {
    let server = Server::start().await;
    let (caller, invitee) = (server.login("callertest1").await, server.login("expert1").await);
    let call = caller.create_call(json!({"invitedContacts": [invitee.invited()]})).await;
    let (mut first, second) = (invitee.device().await, invitee.device().await);
    let foreign = caller.device().await;
    let join = async |session: Value| {
        invitee.post("/rtc/joinCall", json!({"callId": call.call_id, "sessionId": session})).await
    };
    join(Value::Null).await.refused(ErrorCode::SessionRequired);
    join(json!(foreign.session_id())).await.refused(ErrorCode::SessionRequired);
    join(json!(Uuid::nil())).await.refused(ErrorCode::SessionRequired);
    join(json!("here")).await.refused_at(ErrorCode::InvalidField, "/sessionId");
    join(json!(first.session_id())).await.json();
    first.call(call.call_id, "its own seat", |view| view.seat == farhand_protocol::frame::Seat::Here).await;
    join(json!(second.session_id())).await.json();
    let moved = |frame: &farhand_protocol::frame::ServerFrame| {
        matches!(frame, farhand_protocol::frame::ServerFrame::Moved { .. }).then_some(())
    };
    first.wait_for("the news that the seat has moved", moved).await;
    assert_eq!(invitee.events(call.call_id).await, ["Created", "Join"], "one contact, one seat");
}

/// Who may do what in a running call: its creator and maker, a joined expert, a joined technician, an expert who is only
/// invited, an administrator.
#[tokio::test]
async fn ending_inviting_and_changing_are_for_those_the_contract_names() {
    let may: BTreeMap<&str, [(&str, bool); 5]> = [
        ("endCall", [("glasses1", true), ("connector1", true), ("tester", true), ("expert1", false), ("admin", true)]),
        (
            "inviteToCall",
            [("glasses1", true), ("connector1", true), ("tester", true), ("expert1", false), ("admin", true)],
        ),
        (
            "updateCall",
            [("glasses1", true), ("connector1", true), ("tester", false), ("expert1", false), ("admin", true)],
        ),
    ]
    .into();
    let server = Server::start().await;
    let connector = server.login("connector1").await;
    let (mut desk, expert1) = (server.login("tester").await.device().await, server.login("expert1").await);
    for (operation, people) in may {
        for (name, allowed) in people {
            let invited = json!([{"userDbId": 8}, expert1.invited()]);
            let call = json!({"callType": "SFU", "creatorUser": 12, "invitedContacts": invited});
            let call = connector.create_call(call).await;
            desk.join(call.call_id).await;
            let body = json!({"callId": call.call_id, "callTitle": "New", "invitedContacts": [expert1.invited()]});
            let answer = server.login(name).await.post(&format!("/rtc/{operation}"), body).await;
            if allowed {
                // The creator's ring keeps the last place of a call for two.
                let full = operation == "inviteToCall" && answer.status == 409;
                assert!(full || answer.status == 200, "{operation} by {name}: {}", answer.text());
            } else {
                assert_eq!(answer.status, 403, "{operation} by {name}");
                answer.refused(ErrorCode::Forbidden);
            }
            connector.rest.end_call(call.call_id).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_technician_in_the_call_does_not_end_it_for_all_but_its_creator_does() {
    let server = Server::start().await;
    let (caller, technician) = (server.login("callertest1").await, server.login("glasses1").await);
    let mut head = technician.device().await;
    let call = caller.create_call(json!({"invitedContacts": [technician.invited()]})).await;
    head.join(call.call_id).await;
    technician.call_operation("endCall", call.call_id).await.refused(ErrorCode::Forbidden);
    let log: CallLog = caller.call_operation("endCall", call.call_id).await.ok();
    assert_eq!(log.call_status, CallStatus::Ended);
    let kinds: Vec<_> = log.call_events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["Created", "Join", "Leave", "Ended"]);
    assert_eq!(head.ended(call.call_id).await.end_reason, Some(farhand_protocol::frame::EndReason::EndedForAll));
}

#[tokio::test]
async fn whoever_is_invited_later_reads_joins_and_is_shown_with_the_others() {
    let server = Server::start().await;
    let (caller, late) = (server.login("callertest1").await, server.login("expert2").await);
    let mut phone = late.device().await;
    let call = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    assert_eq!(late.get(&format!("/rtc/getCallLogById?callId={}", call.call_id)).await.status, 404);
    let invite = json!({"callId": call.call_id, "invitedContacts": [late.invited()]});
    let log: CallLog = caller.post("/rtc/inviteToCall", invite).await.ok();
    assert_eq!(log.invited_contacts.len(), 2);
    phone.ring(call.call_id).await;
    assert_eq!(late.call_log(call.call_id).await, log);
    phone.join(call.call_id).await;
}

#[tokio::test]
async fn inviting_names_somebody_and_only_people_who_exist() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let call = caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    let invite = async |contacts: Value| {
        caller.post("/rtc/inviteToCall", json!({"callId": call.call_id, "invitedContacts": contacts})).await
    };
    invite(json!([])).await.refused_at(ErrorCode::InvalidField, "/invitedContacts");
    invite(json!([{"userDbId": 12}, {"userDbId": 77_777}]))
        .await
        .refused_at(ErrorCode::UnknownContact, "/invitedContacts/1");
    invite(json!([{"displayName": "x"}])).await.refused_at(ErrorCode::ContactUnreachable, "/invitedContacts/0");
    let guests: Vec<_> = (0..501).map(|i| json!({"email": format!("{i}@example.org")})).collect();
    invite(json!(guests)).await.refused(ErrorCode::TooManyInvited);
    let team = json!({"callId": call.call_id, "invitedTeams": [{"name": "Nothing"}]});
    caller.post("/rtc/inviteToCall", team).await.refused_at(ErrorCode::UnknownTeam, "/invitedTeams/0");
    assert_eq!(caller.call_log(call.call_id).await, call, "nothing has changed");
}

#[tokio::test]
async fn an_ended_call_never_changes() {
    let server = Server::start().await;
    let (caller, invitee) = (server.login("callertest1").await, server.login("expert1").await);
    let (_a, _b) = (caller.device().await, invitee.device().await);
    let call = caller.create_call(json!({"invitedContacts": [invitee.invited()]})).await;
    let ended: CallLog = caller.call_operation("endCall", call.call_id).await.ok();
    for operation in ["joinCall", "startCall"] {
        caller.call_operation(operation, call.call_id).await.refused(ErrorCode::CallEnded);
    }
    let body = json!({"callId": call.call_id, "callTitle": "Late", "invitedContacts": [{"userDbId": 8}]});
    caller.post("/rtc/updateCall", body.clone()).await.refused(ErrorCode::CallEnded);
    caller.post("/rtc/inviteToCall", body).await.refused(ErrorCode::CallEnded);
    for operation in ["endCall", "leaveCall", "declineCall"] {
        let log: CallLog = invitee.call_operation(operation, call.call_id).await.ok();
        assert_eq!(log, ended, "{operation}: clients cannot know in time");
    }
    assert_eq!(caller.call_log(call.call_id).await, ended);
}
