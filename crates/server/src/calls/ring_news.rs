//! What became of the ring on somebody's open pages: it stands in the history, and is shown like a message.

use farhand_domain::{delivery::State, ids::ContactId, time::Timestamp};
use farhand_protocol::{WireTime, notify::Notification};
use farhand_store::model::{CallRecord, HistoryRow};
use uuid::Uuid;

use super::{actor::CallActor, change::Extra, rows};
use crate::{http::Outcome, notify::Kind};
use farhand_domain::call::Event;

/// How it is told by what a message goes.
const CHANNEL: &str = "webSocket";
const STARTED: &str = "RingStarted";
const ENDED: &str = "RingEnded";

/// What a device says of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RingNews {
    Delivered,
    Seen,
}

impl RingNews {
    fn name(self) -> &'static str {
        match self {
            Self::Delivered => "RingDelivered",
            Self::Seen => "RingSeen",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Delivered, Self::Seen].into_iter().find(|news| news.name() == name)
    }

    pub(super) fn row(self, written: usize, now: Timestamp, contact: ContactId) -> HistoryRow {
        HistoryRow {
            seq: rows::next_seq(written),
            kind: self.name().to_owned(),
            contact_id: Some(contact.0),
            channel: None,
            state: None,
            reason: None,
            at: now,
        }
    }
}

/// The last ring of somebody, as the history has it.
struct LastRing<'a> {
    began: &'a HistoryRow,
    news: Option<(RingNews, Timestamp)>,
    ended: Option<&'a HistoryRow>,
}

fn last_ring(record: &CallRecord, contact: i64) -> Option<LastRing<'_>> {
    let own = || record.history.iter().filter(|row| row.contact_id == Some(contact));
    let began = own().rfind(|row| row.kind == STARTED)?;
    let since = || own().filter(|row| row.seq > began.seq);
    let news = since().filter_map(|row| Some((RingNews::named(&row.kind)?, row.at))).max();
    Some(LastRing { began, news, ended: since().find(|row| row.kind == ENDED) })
}

/// The last ring of somebody, like a message.
pub(super) fn notification(record: &CallRecord, contact: i64) -> Option<Notification> {
    let LastRing { began, news, ended } = last_ring(record, contact)?;
    let answered = ended.filter(|row| row.reason.as_deref() == Some("joined"));
    let (state, at) = match (answered, news, ended) {
        (Some(row), _, _) => (State::Answered, row.at),
        (None, Some((RingNews::Seen, at)), _) => (State::Seen, at),
        (None, Some((RingNews::Delivered, at)), _) => (State::Delivered, at),
        (None, None, Some(row)) => (State::Expired, row.at),
        (None, None, None) => (State::Queued, began.at),
    };
    Some(Notification {
        id: id(record.call_id, contact, began.seq),
        kind: Kind::Ring.name().to_owned(),
        channel: CHANNEL.to_owned(),
        state: state.name().to_owned(),
        reason: None,
        tries: 1,
        date_time: WireTime(at),
    })
}

/// The same whenever it is looked at; no row of its own has it.
fn id(call_id: Uuid, contact: i64, seq: i64) -> Uuid {
    let own = u128::from(contact.unsigned_abs()) << 64 | u128::from(seq.unsigned_abs());
    Uuid::from_u128(call_id.as_u128() ^ own)
}

impl CallActor {
    /// A device says that it rings. Every device of a person says it, and after every reload: the first counts.
    pub(super) async fn ring_shown(&mut self, contact: ContactId, news: RingNews) -> Outcome<()> {
        let known = last_ring(&self.record, contact.0).filter(|ring| ring.ended.is_none());
        let new = known.is_some_and(|ring| ring.news.is_none_or(|(known, _)| known < news));
        if new {
            self.step(Event::Tick, Extra { ring_shown: Some((contact, news)), ..Extra::default() }).await?;
        }
        Ok(())
    }
}
