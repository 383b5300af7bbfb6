//! Events as they are told. Their names follow from those of the log and the history, so that whatever is new there is told as well.

use farhand_protocol::{
    WireTime,
    events::{CallBrief, CallEvent, CallEventData},
};
use farhand_store::model::{FeedCall, FeedEvent};

use crate::calls::log;

/// What all names of events of calls begin with.
pub const PREFIX: &str = "call.";

/// The event that a row of this kind is.
pub fn type_of(kind: &str) -> String {
    let name = match kind {
        "Join" => "joined",
        "Leave" => "left",
        _ => return lower_first(kind),
    };
    format!("{PREFIX}{name}")
}

fn lower_first(kind: &str) -> String {
    let mut letters = kind.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    PREFIX.chars().chain(first).chain(letters).collect()
}

pub fn event(event: FeedEvent) -> CallEvent {
    let (notification_id, notification_kind) = event.message.unzip();
    CallEvent {
        kind: type_of(&event.kind),
        timestamp: WireTime(event.at),
        data: CallEventData {
            call_id: event.call.call_id,
            sequence: event.sequence,
            contact: event.contact.as_ref().map(log::contact),
            channel: event.channel,
            state: event.state,
            reason: event.reason,
            notification_id,
            notification_kind,
            call: brief(event.call),
        },
    }
}

fn brief(call: FeedCall) -> CallBrief {
    CallBrief {
        call_title: call.title,
        call_reason: log::reason_named(&call.reason),
        call_type: log::type_named(&call.call_type),
        call_status: log::status_named(&call.status),
        planned_date_time: call.planned_at.map(WireTime),
        started_date_time: call.started_at.map(WireTime),
        ended_date_time: call.ended_at.map(WireTime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_after_what_happened() {
        let names =
            ["Created", "Join", "Leave", "TypeChanged", "RingStarted", "Notification", "Ended", ""].map(type_of);
        let expected = [
            "call.created",
            "call.joined",
            "call.left",
            "call.typeChanged",
            "call.ringStarted",
            "call.notification",
            "call.ended",
            "call.",
        ];
        assert_eq!(names, expected);
    }
}
