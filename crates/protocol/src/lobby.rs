//! The way into a call for people nobody has invited: the link to the whole call, the lobby behind it, and codes of six digits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{WireTime, call::CallStatus, guest::GuestTerms};

/// What the link to a whole call leads to. Whoever has it learns no more before being admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenCall {
    pub call_title: String,
    pub call_status: CallStatus,
    /// Who invites.
    pub from: String,
    pub planned_date_time: Option<WireTime>,
    pub planned_time_zone: Option<String>,
    /// There if the domain wants them accepted: name their `version` when knocking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<GuestTerms>,
}

/// Asks to be let in, and goes on asking: whoever has not knocked for half a minute waits no more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnockRequest {
    /// Random, made by the client and told to nobody else: whoever knocks with it again is the same person.
    pub knock_id: Uuid,
    /// Up to 60 characters.
    #[schema(max_length = 60)]
    pub display_name: String,
    /// Of the terms that were accepted, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_version: Option<String>,
    /// How long the answer may wait for something to change, ten seconds at most.
    #[serde(default)]
    pub wait_seconds: u32,
    /// Of the last answer. One that says otherwise, or is the first, does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted: Option<bool>,
}

/// How a knock stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Knocked {
    pub state: KnockState,
    /// Whether somebody is there who could open.
    pub hosted: bool,
    /// Once admitted: the personal link of the guest that whoever knocked is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum KnockState {
    Waiting,
    Admitted,
    /// For some minutes nobody is asked again.
    Refused,
}

/// Waits no longer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaveLobbyRequest {
    pub knock_id: Uuid,
}

/// Names somebody who waits in the lobby of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LobbyRequest {
    pub call_id: Uuid,
    /// The `id` from the call's `lobby`.
    pub lobby_id: Uuid,
}

/// Somebody who waits in the lobby, as those see it who may open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InLobby {
    pub id: Uuid,
    /// As the person calls itself: nobody has looked whether it is true.
    pub display_name: String,
    pub since_date_time: WireTime,
}

/// Wants a code that leads into a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinCodeRequest {
    pub call_id: Uuid,
    /// For one guest of the call, by the contact's own `id`: then it is good once, and leads past the lobby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<i64>,
}

/// Six digits that lead into a call, for a while.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinCode {
    pub code: String,
    /// Of the page where it is typed.
    pub address: String,
    pub expires_date_time: WireTime,
}

/// Six digits as somebody typed them; blanks and hyphens do no harm.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeRequest {
    pub code: String,
}

/// Where a code leads: one of both.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeAnswer {
    /// The call, for somebody who is logged in and invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<Uuid>,
    /// A guest's personal link, or the link to the whole call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// They carry what lets people in.
macro_rules! unprinted {
    ($($name:ident)+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
unprinted!(KnockRequest Knocked LeaveLobbyRequest JoinCode CodeRequest CodeAnswer);
