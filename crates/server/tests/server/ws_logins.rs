//! What becomes of open connections when a login ends.

use std::time::{Duration, Instant};

use farhand_client::socket::SocketError;
use farhand_protocol::{
    ErrorCode,
    frame::{ClientFrame, PersonState},
};
use farhand_store::model::UserChange;
use farhand_testkit::{Device, Server, json};

/// What the security checks demand.
const FIVE_SECONDS: Duration = Duration::from_secs(5);
/// For a busy machine.
const LEEWAY: Duration = Duration::from_secs(3);

async fn closed(device: &mut Device) -> Option<u16> {
    let since = Instant::now();
    let code = device.closed().await;
    assert!(since.elapsed() < FIVE_SECONDS + LEEWAY, "closed after {:?}", since.elapsed());
    code
}

#[tokio::test]
async fn logging_out_closes_the_logins_connections_and_no_others() {
    let server = Server::start().await;
    let (first, second) = (server.login("tester").await, server.login("tester").await);
    let (mut one, mut two, mut other) = (first.device().await, first.device().await, second.device().await);
    first.rest.logout().await.unwrap();
    assert_eq!((closed(&mut one).await, closed(&mut two).await), (Some(4401), Some(4401)));
    other.catch_up().await;
}

#[tokio::test]
async fn a_user_who_is_disabled_is_out_of_every_connection() {
    let server = Server::start().await;
    let (admin, victim, other) =
        (server.login("admin").await, server.login("expert1").await, server.login("expert2").await);
    let (mut one, mut two, mut bystander) = (victim.device().await, victim.device().await, other.device().await);
    let path = format!("/admin/users/{}", victim.id());
    let answer = admin.send(reqwest::Method::PATCH, &path, json!({"disabled": true})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((closed(&mut one).await, closed(&mut two).await), (Some(4401), Some(4401)));
    bystander.catch_up().await;
}

#[tokio::test]
async fn a_user_disabled_by_another_process_is_out_within_five_seconds_and_the_seat_is_held() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut here, mut there) = (caller.device().await, callee.device().await);
    let call_id = here.create_call(json!({"invitedContacts": [callee.invited()]})).await.call_id;
    let contact = there.join(call_id).await.you.unwrap();
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    server.store().await.change_user(callee.id(), &change).await.unwrap();
    assert_eq!(closed(&mut there).await, Some(4401));
    here.person(call_id, contact, PersonState::Reconnecting).await;
}

#[tokio::test]
async fn a_login_ended_by_another_process_is_out_within_five_seconds() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let mut device = account.device().await;
    server.store().await.revoke_sessions_of_user(account.id()).await.unwrap();
    assert_eq!(closed(&mut device).await, Some(4401));
}

#[tokio::test]
async fn a_refresh_token_used_twice_closes_the_connections_of_its_login() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let mut device = account.device().await;
    server.rest().refresh(&account.refresh_token).await.unwrap();
    device.catch_up().await;
    assert!(server.rest().refresh(&account.refresh_token).await.is_err());
    assert_eq!(closed(&mut device).await, Some(4401));
}

#[tokio::test]
async fn a_refreshed_login_keeps_its_connections() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let mut device = account.device().await;
    server.rest().refresh(&account.refresh_token).await.unwrap();
    device.create_call(json!({})).await;
}

#[tokio::test]
async fn a_role_that_was_taken_away_counts_at_once_on_an_open_connection() {
    let server = Server::start().await;
    let connector = server.login("connector1").await;
    let mut device = connector.device().await;
    let change = UserChange { roles: Some(vec!["technician".to_owned()]), ..UserChange::default() };
    server.store().await.change_user(connector.id(), &change).await.unwrap();
    let refused = async {
        loop {
            let call = json!({"creatorUser": 12, "invitedContacts": [{"userDbId": 8}]});
            let call = farhand_protocol::read::from_value(call).unwrap();
            match device.socket().request(|id| ClientFrame::CreateCall { id, call }).await {
                // What a connector is told here; anybody else does not get that far.
                Err(SocketError::Refused(refusal)) if refusal.code == ErrorCode::BrokerHasNoSeat => {
                    tokio::task::yield_now().await;
                }
                Err(SocketError::Refused(refusal)) => break refusal.code,
                Ok(_) => panic!("a broker has no seat"),
                Err(error) => panic!("{error}"),
            }
        }
    };
    let code = tokio::time::timeout(FIVE_SECONDS + LEEWAY, refused).await.expect("the role is taken away");
    assert_eq!(code, ErrorCode::ConnectorRoleRequired);
}
