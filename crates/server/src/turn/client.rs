//! One client of the relay as a state machine: what it sends goes in, answers and what is to be relayed come out (RFC 8656). It has an
//! allocation or nothing; before that nothing is kept of it.
//!
//! The libraries there are keep a nonce for every stranger and relay to whom a client names, so only the wire format is a library's
//! (`turn-types`, `stun-types`). Absent on purpose: relaying over TCP (RFC 6062), reservations of a second port, two families at once.

use std::{
    net::{IpAddr, SocketAddr},
    ops::Range,
    time::{Duration, Instant},
};

use turn_types::{
    AddressFamily,
    attribute::{
        ChannelNumber, Data, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
        XorRelayedAddress,
    },
    channel::ChannelData,
    message::{ALLOCATE, CHANNEL_BIND, CONNECT, CREATE_PERMISSION, DATA, REFRESH, SEND},
    stun::{
        attribute::{
            AttributeType, ErrorCode, MessageIntegrity, MessageIntegritySha256, Nonce, Realm, Username,
            XorMappedAddress,
        },
        message::{BINDING, IntegrityAlgorithm, IntegrityKey, LongTermCredentials, Message, MessageClass},
        prelude::*,
    },
};

use super::{
    Ground, Scope, Transport,
    allocation::{Allocation, Owner, Refused},
    answer::{self, REALM},
    limits::Full,
    peers::Reach,
    relays::Wanted,
};

/// Channel numbers (RFC 8656, section 12). What begins with more is DTLS or RTP.
const CHANNELS: Range<u16> = 0x4000..0x5000;
const CHANNEL_HEADER: usize = 4;
/// The attributes a client may want us to understand.
const KNOWN: [AttributeType; 13] = [
    Username::TYPE,
    Realm::TYPE,
    Nonce::TYPE,
    MessageIntegrity::TYPE,
    MessageIntegritySha256::TYPE,
    RequestedTransport::TYPE,
    RequestedAddressFamily::TYPE,
    Lifetime::TYPE,
    EvenPort::TYPE,
    XorPeerAddress::TYPE,
    ChannelNumber::TYPE,
    Data::TYPE,
    // PRIORITY, which some ICE clients add to whatever they ask.
    AttributeType::new(0x0024),
];

/// Whether what comes first from somebody can be for the relay: STUN other than a Binding request, or a channel's data.
pub fn is_for_relay(datagram: &[u8]) -> bool {
    match datagram {
        [first, ..] if (0x40..0x50).contains(first) => true,
        [0x00, 0x01, ..] => false,
        [first, _, _, _, cookie @ ..] => *first < 0x40 && cookie.starts_with(&[0x21, 0x12, 0xa4, 0x42]),
        _ => false,
    }
}

/// What came of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Nothing,
    Answer(Vec<u8>),
    /// To somebody who has not shown who it is.
    Refusal(Vec<u8>),
    /// This part of the datagram goes to that peer.
    Relay {
        to: SocketAddr,
        reach: Reach,
        contents: Range<usize>,
    },
}

pub struct Client {
    address: SocketAddr,
    transport: Transport,
    allocation: Option<Allocation>,
}

/// An answer, or why there is none; both are said to the client.
type Answered = Result<Option<Vec<u8>>, Option<Vec<u8>>>;

impl Client {
    pub fn new(address: SocketAddr, transport: Transport) -> Self {
        Self { address, transport, allocation: None }
    }

    pub fn allocation(&self) -> Option<&Allocation> {
        self.allocation.as_ref()
    }

    pub fn allocation_mut(&mut self) -> Option<&mut Allocation> {
        self.allocation.as_mut()
    }

    pub fn receive(&mut self, ground: &Ground, now: Instant, datagram: &[u8]) -> Outcome {
        self.end_if_over(now);
        if datagram.first().is_some_and(|first| (0x40..0x50).contains(first)) {
            return self.channel_data(ground, now, datagram).unwrap_or(Outcome::Nothing);
        }
        let Ok(message) = Message::from_bytes(datagram) else { return Outcome::Nothing };
        match (message.class(), message.method()) {
            (MessageClass::Request, BINDING) => self.binding(&message),
            (MessageClass::Request, _) => self.request(ground, now, &message),
            (MessageClass::Indication, SEND) => self.send(ground, now, &message).unwrap_or(Outcome::Nothing),
            _ => Outcome::Nothing,
        }
    }

    /// What a peer has sent, as the client is told of it; nothing, if it does not want to hear of that peer.
    pub fn peer_sent(&mut self, now: Instant, peer: SocketAddr, contents: &[u8]) -> Option<Vec<u8>> {
        self.end_if_over(now);
        let allocation = self.allocation.as_mut()?;
        if !allocation.is_permitted(now, peer.ip()) || !allocation.may_receive(now, contents.len()) {
            return None;
        }
        let Some(number) = allocation.channel_of(now, peer) else { return answer::indication(DATA, peer, contents) };
        let length = u16::try_from(contents.len()).ok()?;
        let mut data = [&number.to_be_bytes()[..], &length.to_be_bytes(), contents].concat();
        if self.transport == Transport::Stream {
            data.resize(data.len().next_multiple_of(4), 0);
        }
        Some(data)
    }

    /// An allocation that was not refreshed.
    pub fn end_if_over(&mut self, now: Instant) {
        self.allocation.take_if(|allocation| allocation.until() <= now);
    }

    fn channel_data(&mut self, ground: &Ground, now: Instant, datagram: &[u8]) -> Option<Outcome> {
        let channel = ChannelData::parse(datagram).ok()?;
        let allocation = self.allocation.as_mut()?;
        let to = allocation.peer_of(now, channel.id())?;
        let reach = ground.peers.reach(allocation.scope, to)?;
        let length = channel.data().len();
        let contents = CHANNEL_HEADER..CHANNEL_HEADER + length;
        allocation.may_send(now, length).then_some(Outcome::Relay { to, reach, contents })
    }

    fn send(&mut self, ground: &Ground, now: Instant, message: &Message<'_>) -> Option<Outcome> {
        let to = message.attribute::<XorPeerAddress>().ok()?.addr(message.transaction_id());
        let (at, data) = message.attribute_and_offset::<Data<'_>>().ok()?;
        let (length, allocation) = (data.data().len(), self.allocation.as_mut()?);
        let reach = ground.peers.reach(allocation.scope, to)?;
        let reach = allocation.is_permitted(now, to.ip()).then_some(reach)?;
        let contents = at + CHANNEL_HEADER..at + CHANNEL_HEADER + length;
        allocation.may_send(now, length).then_some(Outcome::Relay { to, reach, contents })
    }

    fn binding(&self, message: &Message<'_>) -> Outcome {
        let seen = XorMappedAddress::new(self.seen(), message.transaction_id());
        answer::success(message, &[&seen], None).map_or(Outcome::Nothing, Outcome::Refusal)
    }

    /// IPv4 is IPv4, whatever socket it came in on.
    fn seen(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip().to_canonical(), self.address.port())
    }

    fn request(&mut self, ground: &Ground, now: Instant, message: &Message<'_>) -> Outcome {
        let owner = match self.authenticate(ground, now, message) {
            Ok(owner) => owner,
            Err(refusal) => return refusal.map_or(Outcome::Nothing, Outcome::Refusal),
        };
        let key = owner.key.clone();
        let unknown: Vec<_> = message.iter_attributes().map(|(_, attribute)| attribute.get_type()).collect();
        let unknown: Vec<_> =
            unknown.into_iter().filter(|kind| kind.comprehension_required() && !KNOWN.contains(kind)).collect();
        let answered = match message.method() {
            _ if !unknown.is_empty() => Err(answer::unknown(message, &unknown, &key)),
            ALLOCATE => self.allocate(ground, now, message, owner),
            REFRESH => self.refresh(now, message, &key),
            CREATE_PERMISSION => self.create_permission(ground, now, message, &key),
            CHANNEL_BIND => self.bind_channel(ground, now, message, &key),
            CONNECT => refuse(message, connect_refusal(ground, message), &key),
            _ => refuse(message, ErrorCode::BAD_REQUEST, &key),
        };
        answered.unwrap_or_else(|refusal| refusal).map_or(Outcome::Nothing, Outcome::Answer)
    }

    /// Who it is (RFC 8489, section 9.2.4), or what is said to somebody who has not shown it.
    fn authenticate(&self, ground: &Ground, now: Instant, message: &Message<'_>) -> Result<Owner, Option<Vec<u8>>> {
        let again = |code| answer::challenge(message, code, &ground.nonces.issue(now, self.transport, self.address));
        if !message.has_attribute(MessageIntegrity::TYPE) {
            return Err(again(ErrorCode::UNAUTHORIZED));
        }
        let (Ok(username), Ok(_), Ok(nonce)) =
            (message.attribute::<Username>(), message.attribute::<Realm>(), message.attribute::<Nonce>())
        else {
            return Err(answer::error(message, ErrorCode::BAD_REQUEST, None));
        };
        if !ground.nonces.holds(now, self.transport, self.address, nonce.nonce()) {
            return Err(again(ErrorCode::STALE_NONCE));
        }
        let username = username.username();
        let owner = match &self.allocation {
            // Whoever has an allocation keeps it with the name it was made with.
            Some(Allocation { owner, .. }) if owner.username == username => {
                Some(Owner { holder: owner.holder, username: username.to_owned(), key: owner.key.clone() })
            }
            Some(_) => return Err(answer::error(message, ErrorCode::WRONG_CREDENTIALS, None)),
            None => ground.credentials.read(ground.clock.now(), username).map(|(holder, password)| {
                let credentials = LongTermCredentials::new(username.to_owned(), password);
                let key = credentials.to_key(REALM.to_owned()).make_key(IntegrityAlgorithm::Sha1);
                Owner { holder, username: username.to_owned(), key }
            }),
        };
        let proved = owner.filter(|owner| message.validate_integrity_with_key(&owner.key).is_ok());
        // Asked last, so that only who knows the password learns whether the call is still there.
        let proved = proved.filter(|owner| (ground.scope)(owner.holder).is_some());
        proved.ok_or_else(|| again(ErrorCode::UNAUTHORIZED))
    }

    fn allocate(&mut self, ground: &Ground, now: Instant, message: &Message<'_>, owner: Owner) -> Answered {
        let key = owner.key.clone();
        if let Some(allocation) = &mut self.allocation {
            if allocation.made_by != message.transaction_id() {
                return refuse(message, ErrorCode::ALLOCATION_MISMATCH, &key);
            }
            // It is asked again because our answer was lost.
            let (life, relayed) = (allocation.refresh(now, wanted_life(message)), allocation.relayed);
            return Ok(self.allocated(message, relayed, life, &key));
        }
        match message.attribute::<RequestedTransport>().map(|transport| transport.protocol()) {
            Ok(RequestedTransport::UDP) => {}
            Ok(_) => return refuse(message, ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL, &key),
            Err(_) => return refuse(message, ErrorCode::BAD_REQUEST, &key),
        }
        let family = message.attribute::<RequestedAddressFamily>().map_or(AddressFamily::IPV4, |asked| asked.family());
        let ticket = match ground.quota.take(owner.holder) {
            Ok(ticket) => ticket,
            Err(Full::Holder) => return refuse(message, ErrorCode::ALLOCATION_QUOTA_REACHED, &key),
            Err(Full::Server) => return refuse(message, ErrorCode::INSUFFICIENT_CAPACITY, &key),
        };
        let scope = (ground.scope)(owner.holder).unwrap_or(Scope::Room);
        let even = message.attribute::<EvenPort>().ok();
        if even.as_ref().is_some_and(EvenPort::requested) {
            // With the next one reserved.
            return refuse(message, ErrorCode::INSUFFICIENT_CAPACITY, &key);
        }
        let wanted = Wanted { v4: family == AddressFamily::IPV4, even: even.is_some() };
        let Some(relayed) = ground.relays.take(&ground.peers, scope, wanted) else {
            return refuse(message, ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED, &key);
        };
        let address = relayed.address;
        let allocation =
            self.allocation.insert(Allocation::new(owner, scope, relayed, message.transaction_id(), now, ticket));
        let life = allocation.refresh(now, wanted_life(message));
        Ok(self.allocated(message, address, life, &key))
    }

    fn allocated(&self, message: &Message<'_>, relayed: SocketAddr, life: u32, key: &IntegrityKey) -> Option<Vec<u8>> {
        let transaction = message.transaction_id();
        let (relayed, seen) =
            (XorRelayedAddress::new(relayed, transaction), XorMappedAddress::new(self.seen(), transaction));
        answer::success(message, &[&relayed, &Lifetime::new(life), &seen], Some(key))
    }

    fn refresh(&mut self, now: Instant, message: &Message<'_>, key: &IntegrityKey) -> Answered {
        let Some(allocation) = &mut self.allocation else {
            return refuse(message, ErrorCode::ALLOCATION_MISMATCH, key);
        };
        let wanted = wanted_life(message);
        let life = if wanted == Some(Duration::ZERO) { 0 } else { allocation.refresh(now, wanted) };
        if life == 0 {
            self.allocation = None;
        }
        Ok(answer::success(message, &[&Lifetime::new(life)], Some(key)))
    }

    fn create_permission(
        &mut self,
        ground: &Ground,
        now: Instant,
        message: &Message<'_>,
        key: &IntegrityKey,
    ) -> Answered {
        let Some(allocation) = &mut self.allocation else {
            return refuse(message, ErrorCode::ALLOCATION_MISMATCH, key);
        };
        let named = message.iter_attributes().filter(|(_, raw)| raw.get_type() == XorPeerAddress::TYPE);
        let named = named.map(|(_, raw)| XorPeerAddress::from_raw(raw).map(|peer| peer.addr(message.transaction_id())));
        let Ok(peers) = named.collect::<Result<Vec<_>, _>>() else {
            return refuse(message, ErrorCode::BAD_REQUEST, key);
        };
        if peers.is_empty() {
            return refuse(message, ErrorCode::BAD_REQUEST, key);
        }
        let peers: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        if !peers.iter().all(|peer| ground.peers.permits(allocation.scope, *peer)) {
            return refuse(message, ErrorCode::FORBIDDEN, key);
        }
        if peers.iter().any(|peer| peer.is_ipv4() != allocation.relayed.is_ipv4()) {
            return refuse(message, ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH, key);
        }
        match allocation.permit(now, &peers) {
            Ok(()) => Ok(answer::success(message, &[], Some(key))),
            Err(refused) => refuse(message, code_of(refused), key),
        }
    }

    fn bind_channel(&mut self, ground: &Ground, now: Instant, message: &Message<'_>, key: &IntegrityKey) -> Answered {
        let Some(allocation) = &mut self.allocation else {
            return refuse(message, ErrorCode::ALLOCATION_MISMATCH, key);
        };
        let (Ok(peer), Ok(number)) = (message.attribute::<XorPeerAddress>(), message.attribute::<ChannelNumber>())
        else {
            return refuse(message, ErrorCode::BAD_REQUEST, key);
        };
        let (peer, number) = (peer.addr(message.transaction_id()), number.channel());
        if !CHANNELS.contains(&number) {
            return refuse(message, ErrorCode::BAD_REQUEST, key);
        }
        if ground.peers.reach(allocation.scope, peer).is_none() {
            return refuse(message, ErrorCode::FORBIDDEN, key);
        }
        if peer.is_ipv4() != allocation.relayed.is_ipv4() {
            return refuse(message, ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH, key);
        }
        match allocation.bind(now, number, peer) {
            Ok(()) => Ok(answer::success(message, &[], Some(key))),
            Err(refused) => refuse(message, code_of(refused), key),
        }
    }
}

fn refuse(message: &Message<'_>, code: u16, key: &IntegrityKey) -> Answered {
    Err(answer::error(message, code, Some(key)))
}

fn code_of(refused: Refused) -> u16 {
    match refused {
        Refused::Taken => ErrorCode::BAD_REQUEST,
        Refused::TooMany => ErrorCode::INSUFFICIENT_CAPACITY,
    }
}

/// There are no relays over TCP; where one is not allowed anyway, that is said.
fn connect_refusal(ground: &Ground, message: &Message<'_>) -> u16 {
    let peer = message.attribute::<XorPeerAddress>().map(|peer| peer.addr(message.transaction_id()));
    match peer {
        Ok(peer) if ground.peers.reach(Scope::Networks, peer).is_none() => ErrorCode::FORBIDDEN,
        Ok(_) | Err(_) => ErrorCode::BAD_REQUEST,
    }
}

fn wanted_life(message: &Message<'_>) -> Option<Duration> {
    message.attribute::<Lifetime>().ok().map(|life| Duration::from_secs(life.seconds().into()))
}
