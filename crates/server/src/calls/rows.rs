//! The rows that a step adds to a call's log and history.

use std::borrow::Cow;

use farhand_domain::{call::Effect, ids::ContactId, time::Timestamp};
use farhand_store::model::{HistoryRow, NewEvent};

use super::log;

pub(super) const JOIN: &str = "Join";
pub(super) const CLAIMED: &str = "Claimed";

/// The log's new rows.
pub(super) fn events_of(written: usize, now: Timestamp, effects: &[Effect]) -> Vec<NewEvent> {
    let logged = effects.iter().filter_map(|effect| match *effect {
        Effect::Log { kind, contact } => Some((kind, contact)),
        Effect::Note { .. } | Effect::SeatMoved { .. } => None,
    });
    let event = |(seq, (kind, contact)): (i64, (_, ContactId))| NewEvent {
        seq,
        kind: log::event_name(kind),
        contact_id: contact.0,
        at: now,
    };
    (next_seq(written)..).zip(logged).map(event).collect()
}

/// The history's new rows.
pub(super) fn history_of(written: usize, now: Timestamp, effects: &[Effect]) -> Vec<HistoryRow> {
    let noted = effects.iter().filter_map(|effect| match *effect {
        Effect::Note { note, contact } => Some((note, contact)),
        Effect::Log { .. } | Effect::SeatMoved { .. } => None,
    });
    let item = |(seq, (note, contact)): (i64, (_, ContactId))| {
        let (kind, reason) = log::note_names(note);
        HistoryRow {
            seq,
            kind: kind.to_owned(),
            contact_id: Some(contact.0),
            channel: None,
            state: None,
            reason: reason.map(Cow::into_owned),
            at: now,
        }
    };
    (next_seq(written)..).zip(noted).map(item).collect()
}

pub(super) fn budget_note(written: usize, now: Timestamp, (contact, megabytes): (ContactId, u64)) -> HistoryRow {
    HistoryRow {
        seq: next_seq(written),
        kind: super::budgets::USED_UP.to_owned(),
        contact_id: Some(contact.0),
        channel: None,
        state: None,
        reason: Some(super::budgets::size_name(megabytes)),
        at: now,
    }
}

pub(super) fn note(written: usize, now: Timestamp, (kind, contact): (&str, ContactId)) -> HistoryRow {
    HistoryRow {
        seq: next_seq(written),
        kind: kind.to_owned(),
        contact_id: Some(contact.0),
        channel: None,
        state: None,
        reason: None,
        at: now,
    }
}

/// What somebody said, or something said of the call.
pub(super) fn text(written: usize, now: Timestamp, (kind, contact, text): (&str, ContactId, String)) -> HistoryRow {
    HistoryRow { reason: Some(text), ..note(written, now, (kind, contact)) }
}

pub(super) fn next_seq(written: usize) -> i64 {
    i64::try_from(written).unwrap_or(i64::MAX).saturating_add(1)
}
