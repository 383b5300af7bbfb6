//! Calls over a network that is bad on purpose.

use std::net::{Ipv4Addr, SocketAddr};

use farhand_protocol::frame::{CallView, PersonState, ServerFrame};
use farhand_testkit::{
    Server,
    network::{Profile, Relay, Weather},
};

use crate::sfu_calls::{Person, all_see_all, all_see_all_again, call_of};

/// A server whose media all go through a relay.
async fn behind_a_relay(link: &str) -> (Server, Relay) {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let media = std::net::UdpSocket::bind(any_port).unwrap().local_addr().unwrap();
    let profile: Profile = link.parse().unwrap();
    let weather = Weather { up: profile.clone(), down: profile, seed: 7 };
    let relay = Relay::start(any_port, media, weather).await.unwrap();
    let server = Server::with(|config| {
        config.media.listen = Some(media);
        config.media.public = vec![relay.address().to_string()];
    });
    (server.await, relay)
}

fn reads(call: &CallView, contact: i64, state: PersonState) -> bool {
    call.people.iter().any(|person| person.contact.id == Some(contact) && person.state == state)
}

#[tokio::test]
async fn whoever_falls_silent_is_shown_as_reconnecting_told_so_and_joined_again_once_heard() {
    let (server, relay) = behind_a_relay("rtt=20ms").await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = Vec::new();
    for user in ["callertest1", "callertest2"] {
        people.push(Person::join(&server, user, call_id).await);
    }
    all_see_all(&mut people).await;
    let other = people[1].contact;
    relay.cut(true);
    people[0].call("reconnecting", |call| reads(call, other, PersonState::Reconnecting)).await;
    let told = |frame| matches!(frame, ServerFrame::PathLost { call_id: of, .. } if of == call_id).then_some(());
    people[1].frame("the lost path", told).await;
    relay.cut(false);
    people[0].call("joined again", |call| reads(call, other, PersonState::Joined)).await;
    all_see_all_again(&mut people).await;
    assert_eq!(people[0].account.events(call_id).await, ["Created", "Join", "Join"], "nobody has left");
}

#[tokio::test]
async fn a_call_goes_on_over_a_link_that_loses_a_tenth() {
    let (server, _relay) = behind_a_relay("rtt=40ms loss=10% burst=2").await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = Vec::new();
    for user in ["callertest1", "callertest2", "expert1"] {
        people.push(Person::join(&server, user, call_id).await);
    }
    all_see_all(&mut people).await;
}
