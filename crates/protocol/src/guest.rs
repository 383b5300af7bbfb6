//! Guests: people without an account, who come by a personal link.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{WireTime, call::CallStatus};

/// What a guest's link leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuestInvitation {
    pub call_id: Uuid,
    pub call_title: String,
    pub call_status: CallStatus,
    /// Who invites.
    pub from: String,
    /// What the guest is called in the call.
    pub display_name: String,
    pub planned_date_time: Option<WireTime>,
    pub planned_time_zone: Option<String>,
    /// The guest asked for the call, by the public link of a machine; `from` is the domain then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
    /// There while they have to be accepted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<GuestTerms>,
}

/// A page of terms that a domain wants guests to accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuestTerms {
    /// Plain text.
    pub text: String,
    /// SHA-256 of the text: names what is accepted.
    pub version: String,
}

/// Accepts the terms with this `version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptTermsRequest {
    pub version: String,
}

/// Names somebody who is invited to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitedRequest {
    pub call_id: Uuid,
    /// The contact's own `id`.
    pub contact_id: i64,
}

/// A guest's personal link. Whoever has it comes in as this guest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuestLink {
    pub link: String,
    /// It ends with the call in any case.
    pub expires_date_time: WireTime,
}

impl std::fmt::Debug for GuestLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuestLink(…)")
    }
}

/// Who is connected by a guest's link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Guest {
    pub contact_id: i64,
    pub display_name: String,
    /// The only call there is for this guest.
    pub call_id: Uuid,
}
