//! A call that is taken up again: after a start of the server, or because nobody knows whether the last write arrived.

use std::sync::Arc;

use farhand_domain::{
    call::{Call, Effect, Event, Handled, Seat},
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::ErrorCode;
use farhand_store::model::{Refused, RunningCall};

use super::{actor::CallActor, change::Extra, snapshot};
use crate::http::{Fail, Outcome};

/// What became of a device's connection, while it could not be saved. Clients that are refused something try again; of this
/// nobody would tell again, and a seat would be held for ever or given up under somebody who is there.
#[derive(Clone, Copy)]
pub struct Owed {
    pub contact: ContactId,
    pub device: DeviceId,
    pub back: bool,
}

impl CallActor {
    /// The call was taken up: every deadline gets some time, and of the seats those count as lost that nobody is connected
    /// for. Part of the next step, so that neither an overdue deadline nor a join comes before it.
    pub(super) fn recover(&self, call: &mut Call, now: Timestamp) -> Handled {
        let policy = &self.shared.policy;
        let mut effects = call.handle(policy, now, Event::Recovered)?;
        for (contact, Seat { device, .. }) in call.seated() {
            if self.shared.hub.is_device_connected(contact, device) {
                effects.extend(call.handle(policy, now, Event::ConnectionBack { contact, device })?);
            }
        }
        Ok(effects)
    }

    /// A connection was lost or came back.
    pub(super) async fn note_connection(&mut self, owed: Owed) -> Outcome<()> {
        let Owed { contact, device, back } = owed;
        let event =
            if back { Event::ConnectionBack { contact, device } } else { Event::ConnectionLost { contact, device } };
        let noted = self.step(event, Extra::default()).await;
        // Only the last word counts.
        self.owed.retain(|earlier| (earlier.contact, earlier.device) != (contact, device));
        if noted.is_err() {
            self.owed.push(owed);
        }
        noted
    }

    /// Tries again what could not be saved, unless it is no longer so.
    pub(super) async fn pay_owed(&mut self) -> Outcome<()> {
        while let Some(owed) = self.owed.pop() {
            if self.shared.hub.is_device_connected(owed.contact, owed.device) == owed.back {
                self.note_connection(owed).await?;
            }
        }
        Ok(())
    }

    /// The database has another version of the call than we do. Either another server owns it, and this one must let it
    /// go; or an earlier write did arrive although its answer was lost, and the database is right.
    pub(super) async fn not_saved(&mut self, refused: Refused) -> Fail {
        let call_id = self.record.call_id;
        if refused != Refused::Conflict {
            return Fail::internal(format!("a change of call {call_id} was refused: {refused:?}"));
        }
        let shared = self.shared.clone();
        match shared.store.owned_call(self.record.id, &shared.node, shared.owner_epoch).await {
            Ok(Some(running)) => self.catch_up(running),
            Ok(None) => {
                tracing::error!(%call_id, "another server has taken over this call");
                shared.fence(call_id);
                Fail::new(ErrorCode::StorageUnavailable, "Another server has taken over this call.")
            }
            Err(error) => error.into(),
        }
    }

    fn catch_up(&mut self, running: RunningCall) -> Fail {
        let call_id = self.record.call_id;
        let state = match snapshot::read(&running.state) {
            Ok(state) => state,
            Err(error) => return Fail::internal(format!("call {call_id}: {error}")),
        };
        tracing::warn!(%call_id, from = self.version, to = running.version, "a write had arrived after all");
        let before = std::mem::replace(&mut self.call, Call::restore(state));
        self.record = Arc::new(running.record);
        self.version = running.version;
        self.shared.concern(call_id, self.concerned());
        self.perform(&before, &moved_seats(&before, &self.call));
        Fail::new(
            ErrorCode::StorageUnavailable,
            "The database was away for a moment. Look at the call, then try again.",
        )
    }
}

/// What the write that arrived must have said of seats.
fn moved_seats(before: &Call, now: &Call) -> Vec<Effect> {
    let moved = before.seated().into_iter().filter(|(contact, seat)| {
        let now = now.seat(*contact);
        now.is_some_and(|now| now.device != seat.device)
    });
    moved.map(|(contact, seat)| Effect::SeatMoved { contact, from: seat.device }).collect()
}
