//! Public links for service requests: made by administrators for machines, opened by anybody who stands in front of one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{WireTime, call::TeamRef, guest::GuestTerms, reach::given};

/// Something that experts are told with a request, such as the number of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestField {
    #[schema(max_length = 40)]
    pub name: String,
    /// Of a link: as it is told with each request; left out, whoever asks is to fill it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub value: Option<String>,
}

/// What came with a request that was asked for by a public link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestDetails {
    /// The name of the link.
    pub link: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<RequestField>,
    /// What is wrong, in the words of whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where this person wants to be called back, such as a telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<String>,
}

/// Makes a link by which anybody may ask for help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewRequestLink {
    /// What it is for, such as the machine it stands on.
    #[schema(max_length = 60)]
    pub name: String,
    /// Of the calls; the name if left out.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub call_title: Option<String>,
    /// Who is asked: the teams by `id` or `name`, with the tags that are wanted.
    #[schema(max_items = 5)]
    pub teams: Vec<TeamRef>,
    #[serde(default)]
    #[schema(max_items = 12)]
    pub fields: Vec<RequestField>,
    /// True if left out.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// When it ends; left out, never.
    #[serde(default)]
    pub expires_date_time: Option<WireTime>,
    /// Requests at a time; left out, as the server is set.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000)]
    pub most_open: Option<u32>,
    /// New ones in an hour; left out, as the server is set.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000)]
    pub most_hourly: Option<u32>,
}

/// What is left out stays as it is; `null` clears what may be left out of a new one.
#[expect(clippy::option_option, reason = "left out, cleared and given are three things")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestLinkChange {
    pub name: Option<String>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub call_title: Option<Option<String>>,
    pub teams: Option<Vec<TeamRef>>,
    pub fields: Option<Vec<RequestField>>,
    pub enabled: Option<bool>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WireTime>)]
    pub expires_date_time: Option<Option<WireTime>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub most_open: Option<Option<u32>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub most_hourly: Option<Option<u32>>,
}

/// A link by which anybody may ask for help.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestLinkRecord {
    pub id: i64,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_title: Option<String>,
    /// Those of the teams that there still are.
    pub teams: Vec<TeamRef>,
    pub fields: Vec<RequestField>,
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_date_time: Option<WireTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_open: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_hourly: Option<u32>,
    pub created: WireTime,
    /// The page on this server that it leads to: what a QR code shows, behind the server's address.
    pub path: String,
    /// The same as a whole address.
    pub link: String,
}

impl std::fmt::Debug for RequestLinkRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RequestLinkRecord({}, …)", self.id)
    }
}

/// What a public link leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestForm {
    /// What the link is for.
    pub name: String,
    /// Whose it is.
    pub domain: String,
    /// Those without a value are to be filled in.
    pub fields: Vec<RequestField>,
    /// There if the domain wants them accepted: name their `version` when asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<GuestTerms>,
}

/// Asks for help by a public link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskForHelpRequest {
    /// Random, made by the client: asked again with it, the answer is the same request.
    pub request_id: Uuid,
    #[schema(max_length = 60)]
    pub display_name: String,
    /// What is wrong.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub text: Option<String>,
    /// Where to be called back, if it comes to that.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub reach: Option<String>,
    /// Values for those that have none.
    #[serde(default)]
    pub fields: Vec<RequestField>,
    /// Of the terms that were accepted, if there are any.
    #[serde(default)]
    pub terms_version: Option<String>,
}

/// The request that was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskedForHelp {
    pub call_id: Uuid,
    /// The personal link of the guest that whoever asked is now.
    pub link: String,
}

impl std::fmt::Debug for AskForHelpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AskForHelpRequest(…)")
    }
}

impl std::fmt::Debug for AskedForHelp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AskedForHelp({}, …)", self.call_id)
    }
}
