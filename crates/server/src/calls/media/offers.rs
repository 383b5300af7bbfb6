//! Connections are made by offers: of those who sit in the call, and of devices it rings on.

use std::time::Duration;

use farhand_domain::{
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::{ErrorCode, frame::MediaTrack};
use farhand_sfu::{OfferError, PeerId, TrackName};

use super::{CallMedia, Connection, slots::source};
use crate::{
    http::{Fail, Outcome},
    world::secret_text,
};

/// Characters of an ICE password; RFC 8839 asks for 22 at least.
const PASSWORD: usize = 24;
/// An offer takes some milliseconds of a worker. A client makes one to join, and more only after changes of its network or for more slots.
const OFFER_INTERVAL: Duration = Duration::from_secs(1);
const OFFER_BURST: u32 = 10;
/// Connections prepared at once; a call that rings five hundred people is answered by few of them.
const MAX_PREPARED: usize = 50;
/// Devices of one person that may prepare one at once.
const MAX_PREPARED_EACH: usize = 5;

impl CallMedia {
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

    /// The device does not have it any more, or never had.
    pub fn give_up_prepared(&mut self, contact: ContactId, device: DeviceId) {
        let before = self.connections.len();
        self.connections.retain(|c| c.is_live() || (c.contact, c.device) != (contact, device));
        // `follow` tells the worker.
        self.told &= self.connections.len() == before;
    }

    /// Whether the connection of this seat was made while the call rang there.
    pub fn is_prepared(&self, contact: ContactId, device: DeviceId) -> bool {
        self.connection(contact, device).is_some_and(|connection| connection.prepared)
    }
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
