//! The protocol with a client that is not always honest.

use std::sync::atomic::{AtomicBool, Ordering};

use farhand_domain::{ids::ContactId, time::Timestamp};
use turn_types::{
    AddressFamily,
    attribute::{
        ChannelNumber, Data, DontFragment, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
        XorRelayedAddress,
    },
    message::{ALLOCATE, CHANNEL_BIND, CONNECT, CREATE_PERMISSION, DATA, REFRESH, SEND},
    stun::{
        attribute::{ErrorCode, Nonce, Realm, Username, XorMappedAddress},
        message::{BINDING, IntegrityAlgorithm, LongTermCredentials, Message, MessageClass, MessageWriteVec, Method},
        prelude::*,
    },
};
use uuid::Uuid;

use super::{
    client::{Client, Outcome},
    peers::Reach,
    *,
};
use crate::world::Clock;

const SFU: &str = "203.0.113.7:443";
const HOLDER: Holder = Holder { call_id: Uuid::from_u128(7), contact: ContactId(42) };

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }
}

/// A server, its clock, and somebody with credentials of it.
struct World {
    ground: Ground,
    seated: Arc<AtomicBool>,
    now: Instant,
    client: Client,
    username: String,
    password: String,
    nonce: String,
    _directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(Transport::Stream, &[])
    }

    fn with(transport: Transport, networks: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (seated, now) = (Arc::new(AtomicBool::new(true)), Instant::now());
        let sits = seated.clone();
        let networks: Vec<_> = networks.iter().map(|network| (*network).to_owned()).collect();
        let ground = Ground {
            credentials: Credentials::open(directory.path()).unwrap(),
            nonces: Nonces::new(now).unwrap(),
            peers: Peers::new(vec![SFU.parse().unwrap()], &networks).unwrap(),
            quota: Arc::default(),
            relays: Relays::new([127, 0, 0, 1].into()),
            is_seated: Box::new(move |_| sits.load(Ordering::Relaxed)),
            clock: Arc::new(Stopped),
        };
        let issued = ground.credentials.issue(Stopped.now(), HOLDER);
        let (client, nonce) = (Client::new(address(1), transport), String::new());
        let (username, password) = (issued.username, issued.password);
        let mut world = Self { ground, seated, now, client, username, password, nonce, _directory: directory };
        world.nonce = world.challenged(ALLOCATE);
        world
    }

    /// Somebody let in.
    fn allocated() -> Self {
        let mut world = Self::new();
        assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
        world
    }

    fn receive(&mut self, datagram: &[u8]) -> Outcome {
        self.client.receive(&self.ground, self.now, datagram)
    }

    /// The nonce a stranger is told.
    fn challenged(&mut self, method: Method) -> String {
        let question = message(MessageClass::Request, method, &[&udp()]).finish();
        let Outcome::Refusal(answer) = self.receive(&question) else { panic!("no answer") };
        assert!(answer.len() <= 3 * question.len(), "{} bytes for {}", answer.len(), question.len());
        let answer = Message::from_bytes(&answer).unwrap();
        let error = answer.attribute::<ErrorCode>().unwrap();
        assert_eq!((error.code(), error.reason()), (401, ""));
        answer.attribute::<Nonce>().unwrap().nonce().to_owned()
    }

    fn signed(&self, method: Method, attributes: &[&dyn AttributeWrite]) -> Vec<u8> {
        let mut request = message(MessageClass::Request, method, attributes);
        request.add_attribute(&Username::new(&self.username).unwrap()).unwrap();
        request.add_attribute(&Realm::new("farhand").unwrap()).unwrap();
        request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        let credentials = LongTermCredentials::new(self.username.clone(), self.password.clone());
        let key = credentials.to_key("farhand".to_owned()).make_key(IntegrityAlgorithm::Sha1);
        request.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
        request.finish()
    }

    fn ask(&mut self, method: Method, attributes: &[&dyn AttributeWrite]) -> Result<(), u16> {
        let request = self.signed(method, attributes);
        verdict(&self.receive(&request))
    }

    /// Peers are written into a message with its transaction's number, so it has to be there first.
    fn ask_about(&mut self, method: Method, peers: &[&str], others: &[&dyn AttributeWrite]) -> Result<(), u16> {
        let id = message(MessageClass::Request, method, &[]).finish();
        let id = Message::from_bytes(&id).unwrap().transaction_id();
        let peers: Vec<_> = peers.iter().map(|peer| XorPeerAddress::new(peer.parse().unwrap(), id)).collect();
        let mut request = Message::builder(
            turn_types::stun::message::MessageType::from_class_method(MessageClass::Request, method),
            id,
            MessageWriteVec::new(),
        );
        for peer in &peers {
            request.add_attribute(peer).unwrap();
        }
        for other in others {
            request.add_attribute(*other).unwrap();
        }
        request.add_attribute(&Username::new(&self.username).unwrap()).unwrap();
        request.add_attribute(&Realm::new("farhand").unwrap()).unwrap();
        request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        let credentials = LongTermCredentials::new(self.username.clone(), self.password.clone());
        let key = credentials.to_key("farhand".to_owned()).make_key(IntegrityAlgorithm::Sha1);
        request.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
        let request = request.finish();
        verdict(&self.receive(&request))
    }

    fn send_to(&mut self, peer: &str, contents: &[u8]) -> Outcome {
        let Some(datagram) = super::answer::indication(SEND, peer.parse().unwrap(), contents) else { panic!() };
        self.receive(&datagram)
    }
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 5000))
}

fn udp() -> RequestedTransport {
    RequestedTransport::new(RequestedTransport::UDP)
}

fn message(class: MessageClass, method: Method, attributes: &[&dyn AttributeWrite]) -> MessageWriteVec {
    let mut message = match class {
        MessageClass::Request => Message::builder_request(method, MessageWriteVec::new()),
        MessageClass::Indication | MessageClass::Success | MessageClass::Error => {
            Message::builder_indication(method, MessageWriteVec::new())
        }
    };
    for attribute in attributes {
        message.add_attribute(*attribute).unwrap();
    }
    message
}

/// Success, or the error's code.
fn verdict(outcome: &Outcome) -> Result<(), u16> {
    let (Outcome::Answer(answer) | Outcome::Refusal(answer)) = outcome else { panic!("no answer: {outcome:?}") };
    let answer = Message::from_bytes(answer).unwrap();
    answer.attribute::<ErrorCode>().map_or(Ok(()), |error| Err(error.code()))
}

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
    assert_eq!(gone, 4096, "four megabytes at once");
    let sfu = SFU.parse().unwrap();
    let come = (0..10_000).filter(|_| world.client.peer_sent(world.now, sfu, &[7; 1024]).is_some()).count();
    assert_eq!(come, 4096);
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
