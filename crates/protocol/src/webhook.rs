//! Administration of webhooks: where a domain's events are sent to.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{WireTime, reach::given};

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewWebhook {
    /// `https://…`, without user and password.
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The types of events to send, such as `call.ended`; left out, all.
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// True if left out.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// What is left out stays as it is.
#[expect(clippy::option_option, reason = "left out, cleared and given are three things")]
#[derive(Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookChange {
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// `null`: all.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub types: Option<Option<Vec<String>>>,
    /// False gives up what waits to be sent; true begins with what happens from then on.
    #[serde(default)]
    pub enabled: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookRecord {
    pub id: Uuid,
    pub url: String,
    pub description: String,
    /// Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
    pub enabled: bool,
    /// Why it was disabled, if it was not by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub created: WireTime,
    /// Until then messages are signed with the secret before the newest one as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<WireTime>,
    /// Nothing was accepted since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<WireTime>,
    /// Nothing is sent before then, because the other end has asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<WireTime>,
}

/// The only time the secret is shown.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSecret {
    /// `whsec_…`, for Standard Webhooks libraries.
    pub secret: String,
    pub record: WebhookRecord,
}

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTest {
    pub accepted: bool,
    /// The HTTP status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An event on its way to a webhook, or done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    pub id: i64,
    /// The header `webhook-id`.
    pub webhook_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub call_id: Uuid,
    pub sequence: i64,
    /// `queued`, `waiting` (for an earlier one of the same call), `accepted`, `givenUp`; expect more.
    pub state: String,
    pub tries: u32,
    /// The HTTP status of the last answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the last try was in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is so.
    pub date_time: WireTime,
    /// While it is `queued`: when it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_date_time: Option<WireTime>,
}

#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub struct WebhookDeliveryQuery {
    /// Only those in this state, such as `givenUp`.
    pub state: Option<String>,
    /// Only those with a smaller id: for the next page.
    pub before: Option<i64>,
    /// 1 to 500, 100 by default.
    pub limit: Option<u32>,
}
