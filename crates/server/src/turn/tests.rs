//! The protocol with a client that is not always honest.

mod world;

use std::sync::atomic::Ordering;

use turn_types::{
    AddressFamily,
    attribute::{
        ChannelNumber, Data, DontFragment, Lifetime, RequestedAddressFamily, RequestedTransport, XorRelayedAddress,
    },
    message::{ALLOCATE, CHANNEL_BIND, CONNECT, CREATE_PERMISSION, DATA, REFRESH, SEND},
    stun::{
        attribute::XorMappedAddress,
        message::{BINDING, Message, MessageClass, Method},
        prelude::*,
    },
};

use self::world::{HOLDER, SFU, Stopped, World, address, message, udp, verdict};
use super::{
    client::{Client, Outcome},
    peers::Reach,
    *,
};
use crate::world::Clock;

#[test]
fn somebody_with_credentials_gets_an_address_and_reaches_the_sfu_and_is_reached() {
    let mut world = World::new();
    let request = world.signed(ALLOCATE, &[&udp()]);
    let Outcome::Answer(answer) = world.receive(&request) else { panic!() };
    let answer = Message::from_bytes(&answer).unwrap();
    let id = answer.transaction_id();
    assert_eq!(answer.attribute::<XorMappedAddress>().unwrap().addr(id), address(1));
    assert_eq!(
        answer.attribute::<XorRelayedAddress>().unwrap().addr(id).ip(),
        "203.0.113.7".parse::<IpAddr>().unwrap()
    );
    assert_eq!(answer.attribute::<Lifetime>().unwrap().seconds(), 600);

    assert_eq!(world.send_to(SFU, b"hello"), Outcome::Nothing, "not without a permission");
    let sfu = SFU.parse().unwrap();
    assert_eq!(world.client.peer_sent(world.now, sfu, b"hello"), None, "and nothing comes either");
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[SFU], &[]), Ok(()));
    let Outcome::Relay { to, reach: Reach::Sfu, contents } = world.send_to(SFU, b"hello") else { panic!() };
    assert_eq!((to, contents.len()), (sfu, 5));
    let told = world.client.peer_sent(world.now, sfu, b"hello").unwrap();
    let told = Message::from_bytes(&told).unwrap();
    assert_eq!((told.method(), told.attribute::<Data<'_>>().unwrap().data()), (DATA, &b"hello"[..]));

    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(0x4001)]), Ok(()));
    let relay = Outcome::Relay { to: sfu, reach: Reach::Sfu, contents: 4..9 };
    assert_eq!(world.receive(&[0x40, 0x01, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]), relay);
    let told = world.client.peer_sent(world.now, sfu, &[1, 2, 3, 4, 5]).unwrap();
    assert_eq!(told, [0x40, 0x01, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0], "filled up on a stream");
    let elsewhere = "203.0.113.8:443".parse().unwrap();
    assert_eq!(world.client.peer_sent(world.now, elsewhere, b"x"), None);
}

#[test]
fn over_udp_channel_data_are_not_filled_up() {
    let mut world = World::with(Transport::Datagrams, &[]);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(0x4001)]), Ok(()));
    let told = world.client.peer_sent(world.now, SFU.parse().unwrap(), &[1]).unwrap();
    assert_eq!(told, [0x40, 0x01, 0, 1, 1]);
}

#[test]
fn nobody_is_let_in_without_the_right_credentials_of_a_call_that_runs() {
    let mut world = World::new();
    let (username, password) = (world.username.clone(), world.password.clone());
    "wrong".clone_into(&mut world.password);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(401));
    world.password.clone_from(&password);
    world.username = username.replace(":42", ":43");
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(401), "somebody else's name");
    let old = world.ground.credentials.issue(Stopped.now() - Duration::from_hours(25), HOLDER);
    (world.username, world.password) = (old.username, old.password);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(401), "credentials that have run out");
    world.password.clone_from(&password);
    "bob".clone_into(&mut world.username);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(401));
    world.username.clone_from(&username);
    world.seated.store(false, Ordering::Relaxed);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(401), "whoever has left the call");
    world.seated.store(true, Ordering::Relaxed);
    assert!(world.client.allocation().is_none());
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
}

#[test]
fn a_nonce_that_is_old_or_anothers_is_answered_with_a_new_one() {
    let mut world = World::allocated();
    world.now += Duration::from_mins(21);
    assert_eq!(world.ask(REFRESH, &[]), Err(438));
    let nonce = world.challenged(ALLOCATE);
    let stolen = world.signed(ALLOCATE, &[&udp()]);
    world.client = Client::new(address(2), Transport::Stream);
    assert_eq!(verdict(&world.receive(&stolen)), Err(438), "from another address");
    world.nonce = nonce;
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(438));
    world.nonce = world.challenged(ALLOCATE);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
}

#[test]
fn everything_but_the_sfu_is_forbidden_however_it_is_written() {
    let mut world = World::allocated();
    let others = [
        "0.0.0.0:443",
        "127.0.0.1:443",
        "10.0.0.1:443",
        "100.64.0.1:443",
        "169.254.169.254:80",
        "172.16.0.1:443",
        "192.0.0.1:443",
        "192.168.0.1:443",
        "198.18.0.1:443",
        "203.0.113.8:443",
        "224.0.0.1:443",
        "240.0.0.0:9",
        "255.255.255.255:443",
        "8.8.8.8:53",
        "[::]:443",
        "[::1]:443",
        "[::ffff:127.0.0.1]:443",
        "[::ffff:203.0.113.7]:443",
        "[::7f00:1]:443",
        "[64:ff9b::7f00:1]:443",
        "[2002:7f00:1::]:443",
        "[2001:0:7f00:1::]:443",
        "[fe80::1]:443",
        "[fc00::1]:443",
        "[ff02::1]:443",
        "[2001:db8::1]:443",
    ];
    for (number, other) in (0x4000..).zip(others) {
        assert_eq!(world.ask_about(CREATE_PERMISSION, &[other], &[]), Err(403), "{other}");
        assert_eq!(world.ask_about(CREATE_PERMISSION, &[SFU, other], &[]), Err(403), "with a good one: {other}");
        assert_eq!(world.ask_about(CHANNEL_BIND, &[other], &[&ChannelNumber::new(number)]), Err(403), "{other}");
        assert_eq!(world.ask_about(CONNECT, &[other], &[]), Err(403), "{other}");
        assert_eq!(world.send_to(other, b"x"), Outcome::Nothing, "{other}");
    }
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[SFU], &[]), Ok(()));
    for port in [1, 22, 444] {
        let other = format!("203.0.113.7:{port}");
        assert_eq!(world.ask_about(CHANNEL_BIND, &[&other], &[&ChannelNumber::new(0x4100)]), Err(403), "{other}");
        assert_eq!(world.send_to(&other, b"x"), Outcome::Nothing, "another port of this server: {other}");
    }
    assert_eq!(world.ask_about(CONNECT, &[SFU], &[]), Err(400), "there are no relays over TCP");
}

#[test]
fn networks_an_administrator_has_named_are_reached_by_a_socket_of_the_allocations_own() {
    let mut world = World::with(Transport::Stream, &["10.1.0.0/16"]);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
    let socket = world.client.allocation_mut().unwrap().socket.take().unwrap();
    assert_eq!(world.client.allocation().unwrap().relayed.port(), socket.local_addr().unwrap().port());
    assert_eq!(world.ask_about(CREATE_PERMISSION, &["10.1.2.3:9", SFU], &[]), Ok(()));
    assert!(matches!(world.send_to("10.1.2.3:9", b"x"), Outcome::Relay { reach: Reach::Network, .. }));
    assert!(matches!(world.send_to(SFU, b"x"), Outcome::Relay { reach: Reach::Sfu, .. }));
    assert_eq!(world.ask_about(CREATE_PERMISSION, &["10.2.0.1:9"], &[]), Err(403));
}

#[test]
fn channels_have_their_numbers_and_one_peer_each() {
    let mut world = World::with(Transport::Stream, &["10.1.0.0/16"]);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
    for number in [0, 0x3fff, 0x5000, 0x7fff, 0xffff] {
        assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(number)]), Err(400), "{number:x}");
    }
    let first = ChannelNumber::new(0x4000);
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[]), Err(400));
    assert_eq!(world.ask_about(CHANNEL_BIND, &[], &[&first]), Err(400));
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&first]), Ok(()));
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&first]), Ok(()), "again, to keep it");
    assert_eq!(world.ask_about(CHANNEL_BIND, &["10.1.0.1:9"], &[&first]), Err(400));
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(0x4001)]), Err(400));
    assert_eq!(world.receive(&[0x40, 0x02, 0, 1, 7]), Outcome::Nothing, "a channel nobody has bound");
}

#[test]
fn permissions_channels_and_allocations_run_out() {
    let mut world = World::allocated();
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(0x4000)]), Ok(()));
    let data = [0x40, 0x00, 0, 1, 7, 0, 0, 0];
    assert!(matches!(world.receive(&data), Outcome::Relay { .. }));
    world.now += Duration::from_secs(301);
    assert_eq!(world.receive(&data), Outcome::Nothing, "the permission has run out");
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[SFU], &[]), Ok(()));
    assert!(matches!(world.receive(&data), Outcome::Relay { .. }));
    world.now += Duration::from_mins(5);
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[SFU], &[]), Err(437), "and now all of it");
    assert_eq!(world.receive(&data), Outcome::Nothing);
    assert_eq!(world.ask(REFRESH, &[]), Err(437));
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()), "the client can begin again");
}

#[test]
fn an_allocation_lives_as_long_as_it_is_refreshed_and_ends_at_once_when_that_is_wanted() {
    let mut world = World::allocated();
    for _ in 0..3 {
        world.now += Duration::from_secs(599);
        world.nonce = world.challenged(ALLOCATE);
        assert_eq!(world.ask(REFRESH, &[&Lifetime::new(1)]), Ok(()), "ten minutes at least");
    }
    assert_eq!(world.ask(REFRESH, &[&Lifetime::new(u32::MAX)]), Ok(()));
    world.now += Duration::from_mins(61);
    world.nonce = world.challenged(ALLOCATE);
    assert_eq!(world.ask(REFRESH, &[]), Err(437), "an hour at most");
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
    assert_eq!(world.ask(REFRESH, &[&Lifetime::new(0)]), Ok(()));
    assert!(world.client.allocation().is_none());
}

#[test]
fn a_request_that_comes_again_is_answered_again_and_another_is_refused() {
    let mut world = World::new();
    let request = world.signed(ALLOCATE, &[&udp()]);
    let first = world.receive(&request);
    assert_eq!(verdict(&first), Ok(()));
    assert_eq!(world.receive(&request), first);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(437));
    world.username = world.username.replace(":42", ":43");
    assert_eq!(world.ask(REFRESH, &[]), Err(441), "an allocation is its maker's");
}

#[test]
fn what_is_asked_wrongly_is_refused_with_its_code() {
    let mut world = World::new();
    assert_eq!(world.ask(ALLOCATE, &[]), Err(400));
    assert_eq!(world.ask(ALLOCATE, &[&RequestedTransport::new(RequestedTransport::TCP)]), Err(442));
    assert_eq!(world.ask(ALLOCATE, &[&udp(), &RequestedAddressFamily::new(AddressFamily::IPV6)]), Err(440));
    assert_eq!(world.ask(ALLOCATE, &[&udp(), &DontFragment::new()]), Err(420));
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[SFU], &[]), Err(437));
    assert_eq!(world.ask(Method::new(0x0abc), &[]), Err(400));
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[], &[]), Err(400));
    let binding = message(MessageClass::Request, BINDING, &[]).finish();
    assert_eq!(verdict(&world.receive(&binding)), Ok(()));
}

#[test]
fn one_participant_gets_eight_allocations_and_they_come_back() {
    let mut world = World::new();
    let mut others = Vec::new();
    for _ in 0..8 {
        assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
        others.push(std::mem::replace(&mut world.client, Client::new(address(1), Transport::Stream)));
    }
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Err(486));
    others.pop();
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
}

#[test]
fn permissions_of_one_allocation_are_counted() {
    let mut world = World::with(Transport::Stream, &["10.1.0.0/16"]);
    assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
    let peers: Vec<_> = (0..16).map(|n| format!("10.1.0.{n}:9")).collect();
    for peer in &peers {
        assert_eq!(world.ask_about(CREATE_PERMISSION, &[peer], &[]), Ok(()));
    }
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[SFU], &[]), Err(508));
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(0x4000)]), Err(508));
    assert_eq!(world.ask_about(CREATE_PERMISSION, &[&peers[3]], &[]), Ok(()), "those there are can be renewed");
}

#[test]
fn more_than_a_link_takes_is_lost() {
    let mut world = World::allocated();
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(0x4000)]), Ok(()));
    let data = [&[0x40, 0x00, 0x04, 0x00][..], &[7; 1024]].concat();
    let gone = (0..10_000).filter(|_| world.receive(&data) != Outcome::Nothing).count();
    assert_eq!(gone, 4 * 1024 * 1024 / (1024 + 64), "four megabytes at once, with what is around each");
    let sfu = SFU.parse().unwrap();
    let come = (0..10_000).filter(|_| world.client.peer_sent(world.now, sfu, &[7; 1024]).is_some()).count();
    assert_eq!(come, gone);
}

/// Each is handled, however little is in it.
#[test]
fn datagrams_without_contents_are_not_for_free() {
    let mut world = World::allocated();
    assert_eq!(world.ask_about(CHANNEL_BIND, &[SFU], &[&ChannelNumber::new(0x4001)]), Ok(()));
    let relayed = (0..200_000).filter(|_| world.receive(&[0x40, 0x01, 0, 0]) != Outcome::Nothing).count();
    assert_eq!(relayed, 4 * 1024 * 1024 / 64);
}

#[test]
fn whatever_else_comes_is_borne() {
    let mut world = World::allocated();
    let good = [
        world.signed(ALLOCATE, &[&udp()]),
        world.signed(REFRESH, &[&Lifetime::new(600)]),
        world.signed(CHANNEL_BIND, &[&ChannelNumber::new(0x4000)]),
        super::answer::indication(SEND, SFU.parse().unwrap(), &[7; 40]).unwrap(),
        message(MessageClass::Request, ALLOCATE, &[&udp()]).finish(),
        vec![0x40, 0x00, 0x00, 0x04, 1, 2, 3, 4],
    ];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut chance = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for round in 0..60_000 {
        let mut datagram = good[round % good.len()].clone();
        for _ in 0..=chance(4) {
            let at = chance(datagram.len());
            datagram[at] = u8::try_from(chance(256)).unwrap();
        }
        datagram.truncate(datagram.len() - chance(datagram.len()) * chance(2));
        let sent_before = datagram.clone();
        if let Outcome::Relay { contents, .. } = world.receive(&datagram) {
            assert!(contents.end <= sent_before.len());
        }
    }
}
