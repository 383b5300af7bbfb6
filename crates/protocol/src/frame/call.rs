//! Calls and the people in them, as one session sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MediaPlan, MediaState, SendLimit, Shortage};
use crate::{
    WireTime,
    call::{CallLogContact, CallReason, CallStatus, CallType},
    lobby::InLobby,
    notify::Notification,
    reach::Quiet,
    request::ServiceRequest,
};

/// A call as one session sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    pub call_id: Uuid,
    pub id: i64,
    pub call_title: String,
    pub call_reason: CallReason,
    pub call_type: CallType,
    pub call_status: CallStatus,
    pub planned_date_time: Option<WireTime>,
    /// The IANA time zone it was planned in, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_time_zone: Option<String>,
    pub started_date_time: Option<WireTime>,
    /// The receiver's own contact id in this call, where it has one.
    pub you: Option<i64>,
    pub seat: Seat,
    pub creator: i64,
    pub people: Vec<Person>,
    /// Who is rung next, of each team whose people are rung one after another. For whoever called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<i64>,
    /// The team that is asked if these do not answer. For whoever called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_team: Option<String>,
    /// The receiver may end the call for all, and let people in from the lobby.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host: bool,
    /// Whoever has the link to the whole call may ask to be let in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous_join_allow: bool,
    /// Who waits to be let in, for a host. The version does not rise for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lobby: Vec<InLobby>,
    /// There while this session has the seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_plan: Option<MediaPlan>,
    /// There while this session has the seat and a data budget limits what it may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_limit: Option<SendLimit>,
    /// How a service request stands, while it waits and once it is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_request: Option<ServiceRequest>,
    /// There once the call has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// Rises with every change; drop a frame with a smaller one.
    pub version: u64,
}

/// Where the receiver's seat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Seat {
    None,
    /// With this session.
    Here,
    /// With another device of the same person.
    Elsewhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    HungUp,
    /// Ended for all by the creator, an expert or an administrator.
    EndedForAll,
    Missed,
    Declined,
    /// Everybody's connection was lost for good.
    ConnectionLost,
    /// Somebody sat alone in the call for too long.
    Alone,
    /// A planned call nobody came to.
    NobodyCame,
    /// Called off before anybody had joined.
    Cancelled,
    /// A service request nobody claimed in time.
    Expired,
}

/// Somebody in the call or invited to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub contact: CallLogContact,
    pub state: PersonState,
    /// Has no account, and came or comes by a personal link.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
    /// Whether a device of this person is connected.
    pub online: bool,
    /// What the microphone and camera do, once the person has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaState>,
    /// Why this person sees less than the others send; absent if that is not so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receives: Option<Shortage>,
    /// Why this person is not disturbed by the ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// In another call now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub busy: bool,
    /// Messages to this person, for whoever called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PersonState {
    /// Not rung yet.
    Waiting,
    Ringing,
    Joined,
    /// Connection lost, seat held; or nothing comes to the SFU.
    Reconnecting,
    Declined,
    Missed,
    /// Somebody else took the call; may still join.
    Silenced,
    Left,
    /// The broker: sees the call, has no seat.
    Broker,
}
