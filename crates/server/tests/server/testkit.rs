//! That the ground the other tests stand on is firm.

use farhand_protocol::call::CallStatus;
use farhand_testkit::{Server, json};

#[tokio::test]
async fn a_server_starts_rings_and_is_told_the_story() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let call = caller.create_call(json!({"callType": "MESH", "invitedContacts": [expert.invited()]})).await;
    assert_eq!(phone.ring(call.call_id).await.call_id, call.call_id);
    phone.join(call.call_id).await;
    assert_eq!(caller.events(call.call_id).await, ["Created", "Join"]);
}

#[tokio::test]
async fn a_server_takes_up_its_data_again_at_the_same_address_after_a_stop_and_after_a_kill() {
    let mut server = Server::start().await;
    let caller = server.login("callertest1").await;
    let call = caller.create_call(json!({})).await;
    let address = server.address();
    server.restart().await;
    assert_eq!(caller.call_log(call.call_id).await.call_status, CallStatus::Planned);
    server.kill();
    server.start_again().await;
    assert_eq!(caller.call_log(call.call_id).await.id, call.id);
    assert_eq!(server.address(), address);
}

#[tokio::test]
async fn a_server_runs_on_postgresql() {
    let mut server = Server::build().on_postgres().start().await;
    let caller = server.login("callertest1").await;
    let call = caller.create_call(json!({})).await;
    server.restart().await;
    assert_eq!(caller.call_log(call.call_id).await, call);
}
