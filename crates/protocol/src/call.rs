//! Calls over REST. Names marked "fixed" in `docs/protocol.md` are spelled as existing integrations expect them, even
//! where they look odd (`joinAnonymousAllowed` in the request, `anonymousJoinAllow` in the answer).

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{WireTime, notify::Notification, request::ServiceRequest, statistics::CallStatistics};

/// Reads an enum's wire name in any case.
fn any_case<'de, D: Deserializer<'de>, T: Copy>(deserializer: D, names: &[(&'static str, T)]) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    names.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        de::Error::custom(format!("unknown value {text:?}, expected one of {}", known.join(", ")))
    })
}

/// The call technology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub enum CallType {
    /// Peer to peer, for 1:1 calls.
    #[serde(rename = "MESH")]
    Mesh,
    /// Through the server, for multi-party calls.
    #[default]
    #[serde(rename = "SFU")]
    Sfu,
}

impl<'de> Deserialize<'de> for CallType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any_case(deserializer, &[("MESH", Self::Mesh), ("SFU", Self::Sfu)])
    }
}

/// An ordinary call, or a request for service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub enum CallReason {
    #[default]
    #[serde(rename = "STANDARD")]
    Standard,
    #[serde(rename = "SERVICE_REQUEST")]
    ServiceRequest,
}

impl<'de> Deserialize<'de> for CallReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any_case(deserializer, &[("STANDARD", Self::Standard), ("SERVICE_REQUEST", Self::ServiceRequest)])
    }
}

/// `Planned`: nobody has joined yet. `Started`: from the first join. `Ended` is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum CallStatus {
    Planned,
    Started,
    Ended,
}

impl<'de> Deserialize<'de> for CallStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any_case(deserializer, &[("Planned", Self::Planned), ("Started", Self::Started), ("Ended", Self::Ended)])
    }
}

/// A person in a call. In a request `userDbId` or `userId` and `domain` name a user; a contact with neither is a guest
/// and needs `email` or `phoneNumber`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CallLogContact {
    /// The contact's own id, apart from `userDbId`. Ignored in requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    pub display_name: Option<String>,
    /// The tenant.
    pub domain: Option<String>,
    pub email: Option<String>,
    pub phone_number: Option<String>,
    /// Database id of the user the contact is linked to.
    pub user_db_id: Option<i64>,
    /// That user's login name.
    pub user_id: Option<String>,
    /// In which language to write to an invited person who has set none, as a tag (BCP 47).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub language: Option<String>,
    /// Messages to this person. Ignored in requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
}

/// A team; `id` or `name` suffices in a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamRef {
    pub id: Option<i64>,
    pub name: Option<String>,
    pub domain: Option<String>,
    /// In a request: only members who carry all of these skills and languages are rung; of a service request they are shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub tags: Vec<String>,
}

/// What `createCall` takes. Everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateCallRequest {
    /// Up to 200 characters; "Call from …" by default.
    #[schema(max_length = 200)]
    pub call_title: Option<String>,
    pub call_reason: CallReason,
    pub call_type: CallType,
    /// Up to 500 people.
    pub invited_contacts: Vec<CallLogContact>,
    pub invited_teams: Vec<TeamRef>,
    pub join_anonymous_allowed: bool,
    /// False: no pop-up and no push; the call is listed in the invited people's clients.
    pub inform_others_directly: bool,
    /// Database id of the user the call is made for. Another user than the caller makes the caller a broker.
    pub creator_user: Option<i64>,
    pub planned_date_time: Option<WireTime>,
    /// Instead of `plannedDateTime`: the time on the clocks of `plannedTimeZone`, such as `2027-03-29T09:30`; with an offset
    /// (`2027-10-31T02:30+01:00`) where it comes twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_local_time: Option<String>,
    /// An IANA time zone, such as `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_time_zone: Option<String>,
    /// What each person in the call may use.
    pub data_budget: Option<DataBudget>,
    /// Messages may go to the addresses of people's accounts, if the domain allows that for calls of its own client.
    pub use_stored_addresses: bool,
}

/// What somebody's media may take in a call. Of several budgets the smallest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DataBudget {
    /// In each direction, 16 at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16)]
    pub kbit_per_second: Option<u32>,
    /// Both directions together (1 MB is 1,000,000 bytes). Once they are used up there is sound only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub megabytes: Option<u32>,
}

impl Default for CreateCallRequest {
    fn default() -> Self {
        Self {
            call_title: None,
            call_reason: CallReason::default(),
            call_type: CallType::default(),
            invited_contacts: Vec::new(),
            invited_teams: Vec::new(),
            join_anonymous_allowed: false,
            inform_others_directly: true,
            creator_user: None,
            planned_date_time: None,
            planned_local_time: None,
            planned_time_zone: None,
            data_budget: None,
            use_stored_addresses: false,
        }
    }
}

/// What happened in a call, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallLogEvent {
    pub id: i64,
    /// `Created`, `Join`, `Leave`, `Declined`, `Missed`, `TypeChanged`, `Claimed`, `Ended`; expect more.
    #[serde(rename = "type")]
    pub kind: String,
    pub contact: CallLogContact,
    pub date_time: WireTime,
}

/// What is not an event: rings, deliveries, reconnects. `type` is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallHistoryItem {
    /// `RingStarted`, `RingEnded`, `Notification`, `ConnectionLost`, `Reconnected`, `SeatMoved`, `Invited`, `Updated`,
    /// `BudgetUsedUp`, `LinkRevoked`, `InvitationResent`, `TermsAccepted`, `NextInTeam`, `FallbackTeam`, `NobodyInTeam`, `Escalated`,
    /// `ClaimLapsed`, `CallBackPromised`, `CallBackDue`, `HandOver`, `HandedOver`, `HandOverFailed`, `RequestedByLink`, `Note`, `Ended`; expect more.
    #[serde(rename = "type")]
    pub kind: String,
    pub date_time: WireTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<i64>,
    /// For a notification: `email`, `sms`, `push`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// For a notification: as in the contact's `notifications`. For `NobodyInTeam`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why a ring or the call ended, or a notification is as it is; how large a budget was that is used up, such as `2 MB`; which
    /// team it is about; the text of a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A call and its story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallLog {
    pub id: i64,
    pub call_id: Uuid,
    pub call_title: String,
    pub call_reason: CallReason,
    pub call_type: CallType,
    pub call_status: CallStatus,
    pub anonymous_join_allow: bool,
    pub join_anonymous_allowed: bool,
    pub inform_others_directly: bool,
    /// Set where the call was made on behalf of another user.
    pub creator_user: Option<i64>,
    pub creator_contact: CallLogContact,
    /// Who asked for the call: the creator, or the broker.
    pub maker_contact: CallLogContact,
    pub invited_contacts: Vec<CallLogContact>,
    pub invited_teams: Vec<TeamRef>,
    pub planned_date_time: Option<WireTime>,
    /// The IANA time zone it was planned in, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_time_zone: Option<String>,
    /// The call's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_budget: Option<DataBudget>,
    pub created_date_time: WireTime,
    pub started_date_time: Option<WireTime>,
    pub ended_date_time: Option<WireTime>,
    pub call_events: Vec<CallLogEvent>,
    pub call_history: Vec<CallHistoryItem>,
    /// One for each time somebody was in the call, in the order of leaving.
    #[serde(default)]
    pub call_statistics: Vec<CallStatistics>,
    /// How a service request stands, while it waits and once it is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_request: Option<ServiceRequest>,
}

/// A page of calls, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallLogPage {
    pub calls: Vec<CallLog>,
    /// Pass as `before` to read on; absent on the last page.
    pub next: Option<i64>,
}

/// Which calls to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub struct CallLogQuery {
    /// Only calls with this status: `Planned`, `Started` or `Ended`.
    pub status: Option<CallStatus>,
    /// True: only calls planned for a time.
    pub planned: Option<bool>,
    /// Only calls with a smaller `id`.
    pub before: Option<i64>,
    /// 1 to 100, 20 by default.
    pub limit: Option<u32>,
}

/// Names a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct CallIdBody {
    pub call_id: Uuid,
}

/// Joins a call on an open WebSocket session of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinCallRequest {
    pub call_id: Uuid,
    /// `sessionId` from `welcome`; may be left out where the caller has just one open session.
    #[serde(default)]
    pub session_id: Option<Uuid>,
}

/// Invites more people, or rings people again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteRequest {
    pub call_id: Uuid,
    #[serde(default)]
    pub invited_contacts: Vec<CallLogContact>,
    #[serde(default)]
    pub invited_teams: Vec<TeamRef>,
}

/// Changes a call's title, or a planned call's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCallRequest {
    pub call_id: Uuid,
    #[serde(default)]
    #[schema(max_length = 200)]
    pub call_title: Option<String>,
    #[serde(default)]
    pub planned_date_time: Option<WireTime>,
    /// Instead of `plannedDateTime`, with `plannedTimeZone`, as in `createCall`.
    #[serde(default)]
    pub planned_local_time: Option<String>,
    #[serde(default)]
    pub planned_time_zone: Option<String>,
    /// Whether anonymous people may ask to be let in from now on.
    #[serde(default)]
    pub join_anonymous_allowed: Option<bool>,
}

/// Where a piece of a still picture belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct StillPiece {
    /// Where it begins.
    pub offset: u32,
    /// Bytes of the whole picture, up to 512 KiB.
    pub size: u32,
}

/// How much of a still picture has come; the next piece begins there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StillReceived {
    pub received: u32,
}

/// The calendar of one's own planned calls, for calendar programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CalendarLink {
    /// Where it is on this server. Whoever knows it can read the calendar, without a login.
    pub path: String,
}

/// ICE servers in the shape `RTCPeerConnection` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IceServers {
    pub ice_servers: Vec<IceServer>,
    /// Seconds after which to ask again.
    pub ttl_seconds: u32,
}

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// A user of the caller's domain, as the contact list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryEntry {
    pub user_db_id: i64,
    pub user_id: String,
    pub display_name: String,
    pub domain: String,
    pub roles: Vec<crate::auth::Role>,
    pub presence: Presence,
}

/// Whether a user can be rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// At least one device is connected.
    Online,
    /// Connected, and in a call.
    InCall,
    Offline,
}

/// The domain's people and teams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactList {
    pub users: Vec<DirectoryEntry>,
    pub teams: Vec<TeamRef>,
}
