//! A call that is taken up again: after a start of the server, or because nobody knows whether the last write arrived.

use std::sync::Arc;

use farhand_domain::call::{Call, Event};
use farhand_protocol::ErrorCode;
use farhand_store::model::{Refused, RunningCall};

use super::{actor::CallActor, change::Extra, snapshot};
use crate::http::{Fail, Outcome};

impl CallActor {
    /// After a start: nobody is connected, and every deadline gets some time.
    pub(super) async fn recover(&mut self) -> Outcome<()> {
        self.step(Event::Recovered, Extra::default()).await
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
        self.perform(&before, &[]);
        Fail::new(
            ErrorCode::StorageUnavailable,
            "The database was away for a moment. Look at the call, then try again.",
        )
    }
}
