//! Service requests: how one stands, what waits for a team, and what is asked about them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    WireTime,
    call::{CallLogContact, TeamRef},
    request_link::RequestDetails,
};

/// How a service request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRequest {
    pub state: RequestState,
    /// The teams whose members may claim it.
    pub teams: Vec<TeamRef>,
    /// Where it stands in the queue in which it is furthest ahead. Absent where it waits in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<QueuePlace>,
    /// When it is given up, if nobody claims it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_date_time: Option<WireTime>,
    /// When the technician was promised to be called back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back_date_time: Option<WireTime>,
    /// Contact id of whoever has claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<i64>,
    /// There if it was asked for by a public link. Guests are not told.
    // Boxed: few requests have it, and every view of a call has room for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<RequestDetails>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RequestState {
    /// Can be claimed.
    Waiting,
    /// Can be claimed; the technician expects to be called back at a time.
    Promised,
    Claimed,
}

/// A place in a team's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuePlace {
    /// 1 is next.
    pub position: u32,
    /// How many wait there.
    pub waiting: u32,
    /// From the claims of the last hour; absent where there were too few to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_wait_seconds: Option<u32>,
}

/// A request that waits for a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingRequest {
    pub call_id: Uuid,
    pub call_title: String,
    /// Who needs help.
    pub from: CallLogContact,
    pub since_date_time: WireTime,
    /// False: list it, no pop-up.
    pub popup: bool,
    /// When the technician was promised to be called back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back_date_time: Option<WireTime>,
    /// An expert talks to the technician already, and hands the call over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hand_over: bool,
    /// What the request wants of whoever takes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// There if it was asked for by a public link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<RequestDetails>,
}

/// What waits for one of the receiver's teams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamRequests {
    pub team: TeamRef,
    /// How many wait, without those who will be called back.
    pub waiting: u32,
    /// The first 50, then the first 50 promises by their time.
    pub requests: Vec<WaitingRequest>,
}

/// What waits for the caller's teams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRequests {
    pub teams: Vec<TeamRequests>,
}

/// Turns a waiting service request into the promise to call back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromiseCallBackRequest {
    pub call_id: Uuid,
    /// Within two weeks.
    pub call_back_date_time: WireTime,
    /// For whoever keeps the promise; stands in the history.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
}

/// Gives a running call to somebody else: `contact` or `team`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandOverRequest {
    pub call_id: Uuid,
    /// Who is rung.
    #[serde(default)]
    pub contact: Option<CallLogContact>,
    /// In whose queue it waits.
    #[serde(default)]
    pub team: Option<TeamRef>,
    /// For the successor; stands in the history.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
}

/// What becomes of service requests that wait for a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamQueueSettings {
    /// Database id of another team, whose members may claim them as well after `escalateSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<i64>,
    /// 10 seconds to a week.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10, maximum = 604_800)]
    pub escalate_seconds: Option<u32>,
    /// When they are given up, a minute to 30 days; as usual where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 60, maximum = 2_592_000)]
    pub expire_seconds: Option<u32>,
}
