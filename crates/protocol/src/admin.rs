//! Administration bodies: users, teams, domains, API keys.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    WireTime,
    auth::Role,
    call::DataBudget,
    notify::Notification,
    reach::{DomainReach, ReachSettings, given},
    team::{MemberProfile, TeamRinging},
};

/// A message that was not sent, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    pub call_id: Uuid,
    pub call_title: String,
    /// Then nothing of it is sent any more.
    pub call_ended: bool,
    pub contact_id: i64,
    pub display_name: String,
    /// Where it was to go.
    pub address: String,
    /// Whether an invitation has gone to this address again since then.
    pub sent_again: bool,
    #[serde(flatten)]
    pub message: Notification,
}

/// Which messages to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub struct DeadLetterQuery {
    /// 1 to 500, 100 by default.
    pub limit: Option<u32>,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewUser {
    /// Login name, unique in the domain.
    pub user_id: String,
    #[serde(default)]
    pub display_name: Option<String>,
    /// At least 10 characters; left out for a user who only uses API keys.
    #[serde(default)]
    pub password: Option<String>,
    pub roles: Vec<Role>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub phone_number: Option<String>,
}

/// What is left out stays as it is. `null` clears an address; of anything else it changes nothing.
#[expect(clippy::option_option, reason = "left out, cleared and given are three things")]
#[derive(Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserChange {
    // A default of the whole type would be `null` for each member in the OpenAPI document, and generated clients write it.
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
    #[serde(default)]
    pub roles: Option<Vec<Role>>,
    /// `null` clears it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    /// `null` clears it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub phone_number: Option<Option<String>>,
    /// What this user may use in each call; `null` clears it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DataBudget>)]
    pub data_budget: Option<Option<DataBudget>>,
    /// How this user is reached; `null`: as the domain has it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReachSettings>)]
    pub reach: Option<Option<ReachSettings>>,
    /// A disabled user's tokens, keys and connections stop at once.
    #[serde(default)]
    pub disabled: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserRecord {
    pub user_db_id: i64,
    pub user_id: String,
    pub display_name: String,
    pub domain: String,
    pub roles: Vec<Role>,
    pub email: Option<String>,
    pub phone_number: Option<String>,
    pub disabled: bool,
    /// What this user may use in each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_budget: Option<DataBudget>,
    /// How this user is reached, where it is not as the domain has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<ReachSettings>,
}

/// Creates a team, or replaces all that is known of it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamBody {
    pub name: String,
    /// Database ids of users of the domain, in the order in which they are rung.
    #[serde(default)]
    pub members: Vec<i64>,
    #[serde(default)]
    pub ringing: TeamRinging,
    /// Of members who have one.
    #[serde(default)]
    pub profiles: Vec<MemberProfile>,
    /// The team that is asked when nobody of this one answers.
    #[serde(default)]
    pub next_team: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamRecord {
    pub id: i64,
    pub name: String,
    pub domain: String,
    /// In the order in which they are rung.
    pub members: Vec<i64>,
    #[serde(default)]
    pub ringing: TeamRinging,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<MemberProfile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_team: Option<i64>,
}

#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewDomain {
    pub name: String,
}

#[expect(clippy::option_option, reason = "left out, cleared and given are three things")]
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainChange {
    /// Whether people without an account may be invited.
    #[serde(default)]
    pub guests_allowed: Option<bool>,
    /// What each of the domain's people may use in each call; `null` clears it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DataBudget>)]
    pub data_budget: Option<Option<DataBudget>>,
    /// How the domain's people are reached; `null`: as usual.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DomainReach>)]
    pub reach: Option<Option<DomainReach>>,
    /// What guests have to accept before they come in, as plain text; `null` clears it. A new text is asked about again.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 20_000)]
    pub guest_terms: Option<Option<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainRecord {
    pub id: i64,
    pub name: String,
    pub guests_allowed: bool,
    /// What each of the domain's people may use in each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_budget: Option<DataBudget>,
    /// How the domain's people are reached, where it is not as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<DomainReach>,
    /// What guests have to accept before they come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_terms: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewApiKey {
    /// What the key is for.
    pub name: String,
    /// The user the key acts as.
    pub user_db_id: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyRecord {
    pub id: i64,
    pub name: String,
    pub user_db_id: i64,
    /// The key's first characters, to tell keys apart.
    pub prefix: String,
    pub created: WireTime,
    pub revoked: bool,
}

/// The only time the key itself is shown.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiKey {
    pub key: String,
    pub record: ApiKeyRecord,
}
