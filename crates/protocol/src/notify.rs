//! Messages to people: what became of each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::WireTime;

/// A message to somebody who was invited, or a ring on the pages of that person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    pub id: Uuid,
    /// What it is about: `ring`, `planned` (an invitation to a planned call), `moved`, `cancelled`, `reminder`, `again` (an invitation that was
    /// sent once more); expect more.
    #[serde(default)]
    pub kind: String,
    /// `webSocket` (a ring on open pages), `email`, `sms`, `push`; expect more.
    pub channel: String,
    /// `queued`, `sending`, `sent`, `delivered`, `seen`, `answered`, `failed`, `uncertain` (it may have been sent), `expired`, `cancelled`,
    /// `notConfigured`, `heldBack`; expect more.
    pub state: String,
    /// Why, in the words of the mail server or gateway where it has said something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often it was tried.
    pub tries: u32,
    /// Since when it is so.
    pub date_time: WireTime,
}
