//! A call's media as its task sees them: its room in the SFU, which follows from who sits where, and what people say of their
//! microphones and cameras. None of it is saved; after a restart everybody connects anew.

mod offers;
mod said;
mod slots;

use std::{collections::HashMap, sync::Arc};

use farhand_domain::{
    call::{Call, Path},
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::frame::{MediaState, MediaView, ServerFrame, Shortage};
use farhand_sfu::{Member, Notice, PeerId, RoomId};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    budgets::Budgets,
    pace::Pace,
    steady::Steady,
    stills::{self, Stills},
};
use crate::media::{Room, Workers};

/// The epoch of a connection that is made while the call rings. Seats count from 1.
pub const PREPARED: u64 = 0;

/// Somebody's connection to the SFU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    peer: PeerId,
    pub contact: ContactId,
    pub device: DeviceId,
    pub epoch: u64,
    offers: Pace,
    /// Made while the call rang.
    prepared: bool,
    /// Nothing comes on it.
    silent: bool,
}

impl Connection {
    fn new(now: Timestamp, peer: PeerId, contact: ContactId, device: DeviceId) -> Self {
        Self { peer, contact, device, epoch: PREPARED, offers: Pace::new(now), prepared: false, silent: false }
    }

    fn is_live(&self) -> bool {
        self.epoch != PREPARED
    }
}

pub struct CallMedia {
    call_id: Uuid,
    workers: Arc<Workers>,
    room: Option<Room>,
    notices: Option<mpsc::Receiver<Notice>>,
    connections: Vec<Connection>,
    /// Whether the worker knows of these connections.
    told: bool,
    /// What each is shown, as it was told last.
    slots: HashMap<PeerId, ServerFrame>,
    states: HashMap<ContactId, MediaState>,
    /// What the SFU cannot send to somebody who would see it.
    receives: HashMap<PeerId, Shortage>,
    pub budgets: Budgets,
    pub stills: Stills,
    said_states: Steady<ContactId, MediaState>,
    said_views: Steady<(ContactId, DeviceId), Vec<MediaView>>,
}

impl CallMedia {
    pub fn new(call_id: Uuid, workers: Arc<Workers>, room: stills::Room) -> Self {
        Self {
            call_id,
            workers,
            room: None,
            notices: None,
            connections: Vec::new(),
            told: true,
            slots: HashMap::new(),
            states: HashMap::new(),
            receives: HashMap::new(),
            budgets: Budgets::default(),
            stills: Stills::new(room),
            said_states: Steady::default(),
            said_views: Steady::default(),
        }
    }

    /// Makes the room what the call says. To be called after anything.
    pub fn follow(&mut self, now: Timestamp, call: &Call) {
        self.states.retain(|contact, _| call.is_seated(*contact));
        self.said_states.retain(|contact| call.is_seated(contact));
        self.said_views.retain(|(contact, device)| call.seat_on(contact, device).is_some());
        let before = self.connections.clone();
        let rings: Vec<ContactId> = call.rings().into_iter().map(|ring| ring.contact).collect();
        let live = wanted(call).into_iter().map(|(contact, device, epoch)| self.seated(now, contact, device, epoch));
        let mut connections: Vec<Connection> = live.collect();
        // What was prepared waits as long as the call rings there.
        connections.extend(self.connections.iter().filter(|c| !c.is_live() && rings.contains(&c.contact)));
        self.connections = connections;
        if self.connections != before || !self.told {
            self.tell_members();
        }
    }

    /// The connection of a seat: the one it has, the one its device has prepared, or a new one.
    fn seated(&self, now: Timestamp, contact: ContactId, device: DeviceId, epoch: u64) -> Connection {
        let of_device = |c: &&Connection| (c.contact, c.device) == (contact, device);
        let mut known = self.connections.iter().filter(of_device);
        if let Some(same) = known.clone().find(|c| c.epoch == epoch) {
            return *same;
        }
        match known.find(|c| !c.is_live()) {
            Some(prepared) => Connection { epoch, prepared: true, ..*prepared },
            None => Connection { epoch, ..Connection::new(now, self.workers.new_peer(), contact, device) },
        }
    }

    fn tell_members(&mut self) {
        if self.connections.is_empty() {
            (self.room, self.notices, self.told) = (None, None, true);
            self.slots.clear();
            self.receives.clear();
            return;
        }
        if self.room.is_none() {
            let (room, notices) = self.workers.open(RoomId(self.call_id.as_u128()));
            (self.room, self.notices) = (Some(room), Some(notices));
        }
        let Some(room) = &self.room else { return };
        let member = |c: &Connection| {
            let sharing = self.states.get(&c.contact).is_some_and(|state| state.screen);
            let limits = self.budgets.limits(c.contact);
            Member { peer: c.peer, name: c.contact.0, live: c.is_live(), sharing, limits }
        };
        self.told = room.set_members(self.connections.iter().map(member).collect());
        let connections = &self.connections;
        let is_here = |peer: &PeerId| connections.iter().any(|connection| connection.peer == *peer);
        self.slots.retain(|peer, _| is_here(peer));
        self.receives.retain(|peer, _| is_here(peer));
    }

    /// The next thing the SFU has to say; never, while there is no room. Can be dropped and called again.
    pub async fn next(&mut self) -> Notice {
        if let Some(notices) = &mut self.notices
            && let Some(notice) = notices.recv().await
        {
            return notice;
        }
        std::future::pending().await
    }

    /// Whether the SFU knows who is here.
    pub fn is_told(&self) -> bool {
        self.told
    }

    fn connection(&self, contact: ContactId, device: DeviceId) -> Option<&Connection> {
        let here = |c: &&Connection| c.is_live() && (c.contact, c.device) == (contact, device);
        self.connections.iter().find(here)
    }

    fn by_peer(&self, peer: PeerId) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.peer == peer)
    }

    /// The SFU has it no more. One that was prepared is of no use then; the one of a seat is made anew by who sits there.
    pub fn lost(&mut self, peer: PeerId) {
        let before = self.connections.len();
        self.connections.retain(|c| c.is_live() || c.peer != peer);
        self.told &= self.connections.len() == before;
    }

    /// Whose path it is, if that is news.
    pub fn set_silent(&mut self, peer: PeerId, silent: bool) -> Option<Connection> {
        let connection = self.connections.iter_mut().find(|c| c.peer == peer && c.silent != silent)?;
        connection.silent = silent;
        Some(*connection)
    }

    /// Whether nothing comes from this participant to the SFU.
    pub fn is_silent(&self, contact: ContactId) -> bool {
        self.connections.iter().any(|c| c.is_live() && c.contact == contact && c.silent)
    }

    /// Somebody's budget has changed: `follow` tells the worker, if there is anything to tell.
    pub fn limits_changed(&mut self) {
        self.told &= self.connections.is_empty();
    }

    /// Whose it is, if that is news.
    pub fn set_receives(&mut self, peer: PeerId, shortage: Option<Shortage>) -> Option<ContactId> {
        let contact = self.contact_of(peer)?;
        let before = match shortage {
            Some(shortage) => self.receives.insert(peer, shortage),
            None => self.receives.remove(&peer),
        };
        (before != shortage).then_some(contact)
    }

    /// Why somebody sees less than the others send.
    pub fn shortage(&self, contact: ContactId) -> Option<Shortage> {
        let of_connection = || {
            let live = self.connections.iter().find(|c| c.is_live() && c.contact == contact)?;
            self.receives.get(&live.peer).copied()
        };
        self.budgets.shortage(contact).or_else(of_connection)
    }

    pub fn contact_of(&self, peer: PeerId) -> Option<ContactId> {
        self.by_peer(peer).map(|connection| connection.contact)
    }
}

fn wanted(call: &Call) -> Vec<(ContactId, DeviceId, u64)> {
    let seat = |(contact, seat): (ContactId, farhand_domain::call::Seat)| {
        let plan = call.media_plan(contact).filter(|plan| plan.path == Path::Sfu)?;
        Some((contact, seat.device, plan.epoch))
    };
    call.seated().into_iter().filter_map(seat).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Candidates, Ports};

    #[test]
    fn a_prepared_connection_that_is_lost_is_nobodys_and_that_of_a_seat_stays_his() {
        let ports = Ports::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let candidates = Candidates { udp: Vec::new(), tcp: Vec::new() };
        let workers = Workers::start(ports, &candidates, &crate::turn::door().0).unwrap();
        let mut media = CallMedia::new(Uuid::from_u128(1), Arc::new(workers), stills::Room::default());
        let connection = |peer, epoch| {
            let fresh = Connection::new(Timestamp::from_millis(0), PeerId(peer), ContactId(1), DeviceId(1));
            Connection { epoch, ..fresh }
        };
        media.connections = vec![connection(1, 4), connection(2, PREPARED)];
        media.lost(PeerId(1));
        assert!(media.told && media.connections.len() == 2, "its page makes a new one");
        media.lost(PeerId(2));
        assert_eq!((media.told, media.connections.len()), (false, 1), "the worker is to be told");
    }
}
