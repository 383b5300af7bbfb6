//! A server, its clock, and somebody with credentials of it.

use std::sync::atomic::{AtomicBool, Ordering};

use farhand_domain::{ids::ContactId, time::Timestamp};
use turn_types::{
    attribute::{RequestedTransport, XorPeerAddress},
    message::{ALLOCATE, SEND},
    stun::{
        attribute::{ErrorCode, Nonce, Realm, Username},
        message::{IntegrityAlgorithm, LongTermCredentials, Message, MessageClass, MessageWriteVec, Method},
        prelude::*,
    },
};
use uuid::Uuid;

use super::super::{
    client::{Client, Outcome},
    *,
};
use crate::world::Clock;

pub const SFU: &str = "203.0.113.7:443";
pub const HOLDER: Holder = Holder { call_id: Uuid::from_u128(7), contact: ContactId(42) };

pub struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }
}

/// A server, its clock, and somebody with credentials of it.
pub struct World {
    pub ground: Ground,
    pub seated: Arc<AtomicBool>,
    pub now: Instant,
    pub client: Client,
    pub username: String,
    pub password: String,
    pub nonce: String,
    _directory: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::with(Transport::Stream, &[])
    }

    pub fn with(transport: Transport, networks: &[&str]) -> Self {
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
            scope: Box::new(move |_| sits.load(Ordering::Relaxed).then_some(Scope::Networks)),
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
    pub fn allocated() -> Self {
        let mut world = Self::new();
        assert_eq!(world.ask(ALLOCATE, &[&udp()]), Ok(()));
        world
    }

    pub fn receive(&mut self, datagram: &[u8]) -> Outcome {
        self.client.receive(&self.ground, self.now, datagram)
    }

    /// The nonce a stranger is told.
    pub fn challenged(&mut self, method: Method) -> String {
        let question = message(MessageClass::Request, method, &[&udp()]).finish();
        let Outcome::Refusal(answer) = self.receive(&question) else { panic!("no answer") };
        assert!(answer.len() <= 3 * question.len(), "{} bytes for {}", answer.len(), question.len());
        let answer = Message::from_bytes(&answer).unwrap();
        let error = answer.attribute::<ErrorCode>().unwrap();
        assert_eq!((error.code(), error.reason()), (401, ""));
        answer.attribute::<Nonce>().unwrap().nonce().to_owned()
    }

    pub fn signed(&self, method: Method, attributes: &[&dyn AttributeWrite]) -> Vec<u8> {
        let mut request = message(MessageClass::Request, method, attributes);
        request.add_attribute(&Username::new(&self.username).unwrap()).unwrap();
        request.add_attribute(&Realm::new("farhand").unwrap()).unwrap();
        request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        let credentials = LongTermCredentials::new(self.username.clone(), self.password.clone());
        let key = credentials.to_key("farhand".to_owned()).make_key(IntegrityAlgorithm::Sha1);
        request.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
        request.finish()
    }

    pub fn ask(&mut self, method: Method, attributes: &[&dyn AttributeWrite]) -> Result<(), u16> {
        let request = self.signed(method, attributes);
        verdict(&self.receive(&request))
    }

    /// Peers are written into a message with its transaction's number, so it has to be there first.
    pub fn ask_about(&mut self, method: Method, peers: &[&str], others: &[&dyn AttributeWrite]) -> Result<(), u16> {
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

    pub fn send_to(&mut self, peer: &str, contents: &[u8]) -> Outcome {
        let Some(datagram) = super::answer::indication(SEND, peer.parse().unwrap(), contents) else { panic!() };
        self.receive(&datagram)
    }
}

pub fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 5000))
}

pub fn udp() -> RequestedTransport {
    RequestedTransport::new(RequestedTransport::UDP)
}

pub fn message(class: MessageClass, method: Method, attributes: &[&dyn AttributeWrite]) -> MessageWriteVec {
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
pub fn verdict(outcome: &Outcome) -> Result<(), u16> {
    let (Outcome::Answer(answer) | Outcome::Refusal(answer)) = outcome else { panic!("no answer: {outcome:?}") };
    let answer = Message::from_bytes(answer).unwrap();
    answer.attribute::<ErrorCode>().map_or(Ok(()), |error| Err(error.code()))
}
