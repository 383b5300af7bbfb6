//! What a client has once it is let in: a relayed address, and whom it may talk to there for how long (RFC 8656, sections 6 to 12).

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use turn_types::stun::message::{IntegrityKey, TransactionId};

use super::{
    Scope,
    credentials::Holder,
    limits::{Allowance, DATAGRAM_COST, Ticket},
    relays::Relayed,
};

/// Of an allocation that is not refreshed.
const LIFE: Duration = Duration::from_mins(10);
const LONGEST_LIFE: Duration = Duration::from_hours(1);
const PERMISSION: Duration = Duration::from_mins(5);
const CHANNEL: Duration = Duration::from_mins(10);
/// Addresses an allocation may have permissions for, and peers with a channel. The SFU has six addresses at most.
const MOST: usize = 16;

/// Whom it is for, and how that is proved.
pub struct Owner {
    pub holder: Holder,
    pub username: String,
    pub key: IntegrityKey,
}

pub struct Allocation {
    pub owner: Owner,
    pub relayed: SocketAddr,
    pub scope: Scope,
    /// Taken by whoever carries the datagrams.
    pub socket: Option<UdpSocket>,
    /// Of the request that made it: it may come again over UDP.
    pub made_by: TransactionId,
    until: Instant,
    permissions: Vec<(IpAddr, Instant)>,
    channels: Vec<Channel>,
    sent: Allowance,
    received: Allowance,
    _counts: Ticket,
}

struct Channel {
    number: u16,
    peer: SocketAddr,
    until: Instant,
}

/// What cannot be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The channel is another peer's, or the peer has another channel.
    Taken,
    TooMany,
}

impl Allocation {
    pub fn new(
        owner: Owner,
        scope: Scope,
        relayed: Relayed,
        made_by: TransactionId,
        now: Instant,
        counts: Ticket,
    ) -> Self {
        Self {
            owner,
            relayed: relayed.address,
            scope,
            socket: relayed.socket,
            made_by,
            until: now,
            permissions: Vec::new(),
            channels: Vec::new(),
            sent: Allowance::new(now),
            received: Allowance::new(now),
            _counts: counts,
        }
    }

    /// Answers how long it lives from now on, in seconds.
    pub fn refresh(&mut self, now: Instant, wanted: Option<Duration>) -> u32 {
        let life = wanted.unwrap_or(LIFE).clamp(LIFE, LONGEST_LIFE);
        self.until = now + life;
        u32::try_from(life.as_secs()).unwrap_or(u32::MAX)
    }

    pub fn until(&self) -> Instant {
        self.until
    }

    /// All of them or none.
    pub fn permit(&mut self, now: Instant, peers: &[IpAddr]) -> Result<(), Refused> {
        self.permissions.retain(|(_, until)| *until > now);
        let fresh = peers.iter().filter(|peer| !self.is_permitted(now, **peer)).count();
        if self.permissions.len() + fresh > MOST {
            return Err(Refused::TooMany);
        }
        for peer in peers {
            match self.permissions.iter_mut().find(|(permitted, _)| permitted == peer) {
                Some((_, until)) => *until = now + PERMISSION,
                None => self.permissions.push((*peer, now + PERMISSION)),
            }
        }
        Ok(())
    }

    pub fn is_permitted(&self, now: Instant, peer: IpAddr) -> bool {
        self.permissions.iter().any(|(permitted, until)| *permitted == peer && *until > now)
    }

    /// Permits as well.
    pub fn bind(&mut self, now: Instant, number: u16, peer: SocketAddr) -> Result<(), Refused> {
        self.channels.retain(|channel| channel.until > now);
        let known = self.channels.iter().position(|channel| channel.number == number || channel.peer == peer);
        match known.map(|at| &self.channels[at]) {
            Some(channel) if channel.number != number || channel.peer != peer => return Err(Refused::Taken),
            None if self.channels.len() >= MOST => return Err(Refused::TooMany),
            Some(_) | None => {}
        }
        self.permit(now, &[peer.ip()])?;
        let until = now + CHANNEL;
        match known {
            Some(at) => self.channels[at].until = until,
            None => self.channels.push(Channel { number, peer, until }),
        }
        Ok(())
    }

    /// Whom what comes on a channel is for.
    pub fn peer_of(&self, now: Instant, number: u16) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|channel| channel.number == number && channel.until > now)?;
        self.is_permitted(now, channel.peer.ip()).then_some(channel.peer)
    }

    pub fn channel_of(&self, now: Instant, peer: SocketAddr) -> Option<u16> {
        self.channels.iter().find(|channel| channel.peer == peer && channel.until > now).map(|channel| channel.number)
    }

    pub fn may_send(&mut self, now: Instant, bytes: usize) -> bool {
        self.sent.takes(now, bytes + DATAGRAM_COST)
    }

    pub fn may_receive(&mut self, now: Instant, bytes: usize) -> bool {
        self.received.takes(now, bytes + DATAGRAM_COST)
    }
}
