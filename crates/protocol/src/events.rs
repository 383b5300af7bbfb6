//! What happens in calls, for programs that follow along: the same over REST, as Server-Sent Events and by webhook.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    WireTime,
    call::{CallLogContact, CallReason, CallStatus, CallType},
};

/// Something that has happened in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEvent {
    /// `call.created`, `call.joined`, `call.left`, `call.ended` …: docs/events.md lists them; expect more.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: WireTime,
    pub data: CallEventData,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEventData {
    pub call_id: Uuid,
    /// Counts the events of this call, from 1, without a gap.
    pub sequence: i64,
    /// Who did it, or to whom it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<CallLogContact>,
    /// As in `callHistory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The message that a `call.notification` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_kind: Option<String>,
    pub call: CallBrief,
}

/// The call as it stood when the event was read, which may be later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallBrief {
    pub call_title: String,
    pub call_reason: CallReason,
    pub call_type: CallType,
    pub call_status: CallStatus,
    pub planned_date_time: Option<WireTime>,
    pub started_date_time: Option<WireTime>,
    pub ended_date_time: Option<WireTime>,
}

/// Events of all calls that the caller may read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEventPage {
    /// There may be none although more are to come.
    pub events: Vec<CallEvent>,
    /// Where the next page begins.
    pub next: String,
    /// Whether there is more by now.
    pub more: bool,
}

#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The `next` of the page before; left out, it begins with the first event there is; `end` is after the last one.
    pub after: Option<String>,
    /// 1 to 500, 100 by default.
    pub limit: Option<u32>,
}

/// Events of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEvents {
    /// In the order of their sequence numbers; empty when there are no more by now.
    pub events: Vec<CallEvent>,
}

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct CallEventsQuery {
    pub call_id: Uuid,
    /// The last sequence number that is known; left out, all are told.
    #[serde(default)]
    pub after: Option<i64>,
    /// 1 to 500, 100 by default.
    #[serde(default)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// As in `getEvents`, where no header `Last-Event-ID` says it; left out, it begins with what happens from now on.
    pub after: Option<String>,
}
