//! A call's media as its task sees them: its room in the SFU, which follows from who sits where, and what people say of their
//! microphones and cameras. None of it is saved; after a restart everybody connects anew.

mod slots;

use std::{collections::HashMap, sync::Arc, time::Duration};

use farhand_domain::{
    call::{Call, Path},
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::{
    ErrorCode,
    frame::{MediaState, MediaTrack, MediaView, ServerFrame, Shortage},
};
use farhand_sfu::{Member, Notice, OfferError, PeerId, RoomId, TrackName, View};
use tokio::sync::mpsc;
use uuid::Uuid;

use self::slots::source;
use super::{
    budgets::Budgets,
    pace::Pace,
    steady::Steady,
    stills::{self, Stills},
};
use crate::{
    http::{Fail, Outcome},
    media::{Room, Workers},
    world::secret_text,
};

/// Characters of an ICE password; RFC 8839 asks for 22 at least.
const PASSWORD: usize = 24;
/// An offer takes some milliseconds of a worker. A client makes one to join, and more only after changes of its network or for more slots.
const OFFER_INTERVAL: Duration = Duration::from_secs(1);
const OFFER_BURST: u32 = 10;
/// Pictures somebody can want to see: more than there can be people and screens.
const MAX_VIEWS: usize = 64;

/// The epoch of a connection that is made while the call rings. Seats count from 1.
pub const PREPARED: u64 = 0;
/// Connections prepared at once; a call that rings five hundred people is answered by few of them.
const MAX_PREPARED: usize = 50;
/// Devices of one person that may prepare one at once.
const MAX_PREPARED_EACH: usize = 5;

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

    /// The answer to an offer of a device the call rings on. Asking again makes a new connection: the page may be another one.
    pub async fn prepare(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        device: DeviceId,
        sdp: String,
        tracks: &[MediaTrack],
    ) -> Outcome<String> {
        let is_old = |c: &Connection| !c.is_live() && (c.contact, c.device) == (contact, device);
        let old = self.connections.iter().find(|c| is_old(c)).copied();
        let others = || self.connections.iter().filter(|c| !c.is_live() && !is_old(c));
        let own = others().filter(|c| c.contact == contact).count();
        if others().count() >= MAX_PREPARED || own >= MAX_PREPARED_EACH {
            return Err(busy());
        }
        let mut connection = Connection::new(now, self.workers.new_peer(), contact, device);
        connection.offers = old.map_or(connection.offers, |old| old.offers);
        paced(&mut connection, now)?;
        self.connections.retain(|c| !is_old(c));
        self.connections.push(connection);
        self.tell_members();
        self.answer_of(connection.peer, sdp, tracks).await
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

    /// The SFU's answer to an offer.
    pub async fn offer(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        device: DeviceId,
        epoch: u64,
        sdp: String,
        tracks: &[MediaTrack],
    ) -> Outcome<String> {
        let mut connections = self.connections.iter_mut();
        let connection = connections
            .find(|connection| connection.is_live() && (connection.contact, connection.device) == (contact, device))
            .ok_or_else(|| Fail::new(ErrorCode::NoPeer, "This call's media do not go through the server."))?;
        if connection.epoch != epoch {
            let detail = format!("The media plan's epoch is {}, not {epoch}.", connection.epoch);
            return Err(Fail::new(ErrorCode::StaleEpoch, detail));
        }
        paced(connection, now)?;
        let peer = connection.peer;
        self.answer_of(peer, sdp, tracks).await
    }

    async fn answer_of(&self, peer: PeerId, sdp: String, tracks: &[MediaTrack]) -> Outcome<String> {
        let Some(room) = self.room.as_ref().filter(|_| self.told) else { return Err(busy()) };
        let tracks = tracks.iter().map(|track| TrackName { mid: track.mid.clone(), source: source(track.source) });
        let password = secret_text(PASSWORD).map_err(Fail::internal)?;
        let answer = room.offer(peer, sdp, tracks.collect(), password).await;
        answer.ok_or_else(busy)?.map_err(|error| refused(&error))
    }

    /// What somebody wants to see, and how large: now, or soon.
    pub fn views_said(&mut self, now: Timestamp, contact: ContactId, device: DeviceId, mut views: Vec<MediaView>) {
        views.truncate(MAX_VIEWS);
        if let Some(views) = self.said_views.said(now, (contact, device), views) {
            self.views(contact, device, &views);
        }
    }

    fn views(&self, contact: ContactId, device: DeviceId, views: &[MediaView]) {
        let (Some(connection), Some(room)) = (self.connection(contact, device), &self.room) else { return };
        let view = |view: &MediaView| {
            let shown = self.connections.iter().find(|c| c.is_live() && c.contact.0 == view.contact)?;
            Some(View { peer: shown.peer, source: source(view.source), height: view.height })
        };
        room.views(connection.peer, views.iter().filter_map(view).collect());
    }

    /// The device does not have it any more, or never had.
    pub fn give_up_prepared(&mut self, contact: ContactId, device: DeviceId) {
        let before = self.connections.len();
        self.connections.retain(|c| c.is_live() || (c.contact, c.device) != (contact, device));
        // `follow` tells the worker.
        self.told &= self.connections.len() == before;
    }

    /// The SFU has it no more. One that was prepared is of no use then; the one of a seat is made anew by who sits there.
    pub fn lost(&mut self, peer: PeerId) {
        let before = self.connections.len();
        self.connections.retain(|c| c.is_live() || c.peer != peer);
        self.told &= self.connections.len() == before;
    }

    /// Whether the connection of this seat was made while the call rang there.
    pub fn is_prepared(&self, contact: ContactId, device: DeviceId) -> bool {
        self.connection(contact, device).is_some_and(|connection| connection.prepared)
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

    /// True if that is news to be told now; otherwise it is told soon.
    pub fn state_said(&mut self, now: Timestamp, contact: ContactId, state: MediaState) -> bool {
        let state = self.said_states.said(now, contact, state);
        state.is_some_and(|state| self.set_state(contact, state))
    }

    /// When something that was said too fast is due.
    pub fn due(&self) -> Option<Timestamp> {
        self.said_states.due().into_iter().chain(self.said_views.due()).min()
    }

    /// Does what is due. True if there is news.
    pub fn catch_up(&mut self, now: Timestamp) -> bool {
        for ((contact, device), views) in self.said_views.take_due(now) {
            self.views(contact, device, &views);
        }
        let states = self.said_states.take_due(now).into_iter();
        states.fold(false, |news, (contact, state)| self.set_state(contact, state) | news)
    }

    fn set_state(&mut self, contact: ContactId, state: MediaState) -> bool {
        let before = self.states.insert(contact, state);
        if before.is_some_and(|before| before.screen) != state.screen {
            // `follow` tells the worker, if there is anything to tell.
            self.told &= self.connections.is_empty();
        }
        before != Some(state)
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

    pub fn state(&self, contact: ContactId) -> Option<MediaState> {
        self.states.get(&contact).copied()
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

fn paced(connection: &mut Connection, now: Timestamp) -> Outcome<()> {
    if connection.offers.allows(now, OFFER_INTERVAL, OFFER_BURST) {
        return Ok(());
    }
    Err(Fail::new(ErrorCode::TooManyAttempts, "Too many offers; wait a second."))
}

fn busy() -> Fail {
    Fail::new(ErrorCode::Overloaded, "The media server has too much to do; try again.")
}

fn refused(error: &OfferError) -> Fail {
    Fail::new(ErrorCode::SdpRefused, format!("The offer is refused: {error}."))
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
