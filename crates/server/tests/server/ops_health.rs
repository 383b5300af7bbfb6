//! What load balancers and supervisors ask.

use farhand_testkit::Server;

#[tokio::test]
async fn a_running_server_is_healthy_and_ready_and_says_so_to_everybody() {
    let server = Server::start().await;
    let (healthy, ready) = (server.get("/healthz").await, server.get("/readyz").await);
    assert_eq!((healthy.status, healthy.text()), (200, "ok\n"));
    assert_eq!((ready.status, ready.text()), (200, "ready\n"));
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_says_good_bye_and_starts_again_where_it_was() {
    let mut server = Server::start().await;
    let account = server.login("tester").await;
    let mut device = account.device().await;
    let call_id = account.create_call(farhand_testkit::json!({})).await.call_id;
    server.stop().await;
    assert_eq!(device.closed().await, Some(1001));
    server.start_again().await;
    assert_eq!(account.events(call_id).await, ["Created"]);
}
