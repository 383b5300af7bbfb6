//! Who is there.

use farhand_protocol::{
    call::{ContactList, Presence},
    frame::{ServerFrame, UserPresence},
};
use farhand_testkit::{Account, Device, Server, json};

use crate::ws_raw::close;

fn users_of(frame: &ServerFrame) -> &[UserPresence] {
    if let ServerFrame::Presence { users, .. } = frame { users } else { &[] }
}

async fn hears(device: &mut Device, account: &Account, presence: Presence) {
    let wanted = UserPresence { user_db_id: account.id(), presence };
    let is_it = |frame: &ServerFrame| users_of(frame).contains(&wanted).then_some(());
    device.wait_for(&format!("{wanted:?}"), is_it).await;
}

fn listed(list: &ContactList, account: &Account) -> Presence {
    list.users.iter().find(|user| user.user_db_id == account.id()).unwrap().presence
}

#[tokio::test]
async fn everybody_of_the_domain_hears_who_comes_calls_and_goes() {
    let server = Server::start().await;
    let (watcher, other) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut eyes = watcher.device().await;
    let mut device = other.device().await;
    hears(&mut eyes, &other, Presence::Online).await;
    let call_id = device.create_call(json!({})).await.call_id;
    hears(&mut eyes, &other, Presence::InCall).await;
    assert_eq!(listed(&watcher.rest.contacts().await.unwrap(), &other), Presence::InCall);
    device.leave(call_id).await;
    hears(&mut eyes, &other, Presence::Online).await;
    assert_eq!(listed(&watcher.rest.contacts().await.unwrap(), &other), Presence::Online);
    close(device, 1001).await;
    hears(&mut eyes, &other, Presence::Offline).await;
    assert_eq!(listed(&watcher.rest.contacts().await.unwrap(), &other), Presence::Offline);
}

#[tokio::test]
async fn who_comes_is_told_who_is_there_already() {
    let server = Server::start().await;
    let (one, two) = (server.login("expert1").await, server.login("expert2").await);
    let (mut first, _second) = (one.device().await, two.device().await);
    first.create_call(json!({})).await;
    let mut late = server.login("tester").await.device().await;
    let everybody = |frame: &ServerFrame| Some(users_of(frame).to_vec()).filter(|users| !users.is_empty());
    let mut users = late.wait_for("presence", everybody).await;
    users.sort_by_key(|user| user.user_db_id);
    let mut expected = [(8, Presence::Online), (one.id(), Presence::InCall), (two.id(), Presence::Online)];
    expected.sort_by_key(|(id, _)| *id);
    let expected = expected.map(|(user_db_id, presence)| UserPresence { user_db_id, presence });
    assert_eq!(users, expected);
}

#[tokio::test]
async fn other_domains_do_not_hear_of_each_other() {
    let server = Server::start().await;
    let mut here = server.login("tester").await.device().await;
    let there = server.login_at("other", "expert1").await;
    let mut there_device = there.device().await;
    there_device.create_call(json!({})).await;
    // Whoever comes next is told in the same batch or a later one.
    let next = server.login("expert2").await;
    let _next_device = next.device().await;
    hears(&mut here, &next, Presence::Online).await;
    let foreign = |frame: &ServerFrame| users_of(frame).iter().any(|user| user.user_db_id == there.id());
    assert!(!here.has(foreign).await);
    let seen = there_device.has(|frame| users_of(frame).iter().any(|user| user.user_db_id == 8));
    assert!(!seen.await);
}

#[tokio::test]
async fn a_user_with_two_devices_is_there_until_the_last_is_gone() {
    let server = Server::start().await;
    let (watcher, other) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut eyes = watcher.device().await;
    let (one, two) = (other.device().await, other.device().await);
    hears(&mut eyes, &other, Presence::Online).await;
    close(one, 1001).await;
    // The next batch is out once somebody else's coming has been heard.
    let third = server.login("expert1").await;
    let _third = third.device().await;
    hears(&mut eyes, &third, Presence::Online).await;
    let gone = UserPresence { user_db_id: other.id(), presence: Presence::Offline };
    assert!(!eyes.has(|frame| users_of(frame).contains(&gone)).await);
    assert_eq!(listed(&watcher.rest.contacts().await.unwrap(), &other), Presence::Online);
    close(two, 1001).await;
    hears(&mut eyes, &other, Presence::Offline).await;
}

#[tokio::test]
async fn a_lost_connection_is_offline_only_after_the_grace_time() {
    let server = Server::with(|config| config.calls.grace_seconds = 1).await;
    let (watcher, other) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut eyes = watcher.device().await;
    let device = other.device().await;
    hears(&mut eyes, &other, Presence::Online).await;
    let resume = device.into_socket().resume();
    let again = farhand_client::socket::Socket::connect(server.url(), resume).await.unwrap();
    assert!(again.welcome().resumed);
    let gone = UserPresence { user_db_id: other.id(), presence: Presence::Offline };
    assert!(!eyes.has(|frame| users_of(frame).contains(&gone)).await);
    again.drop_abruptly();
    hears(&mut eyes, &other, Presence::Offline).await;
}
