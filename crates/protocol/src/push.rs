//! Browsers that ring while their pages are closed (web push).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::WireTime;

/// What browsers subscribe with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushKey {
    /// For `applicationServerKey`: a point on the curve P-256, uncompressed, in base64url.
    pub public_key: String,
}

/// As a browser's `PushSubscription.toJSON()` tells it. Whoever has it can make the browser ring: it cannot be printed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscribeToPushRequest {
    /// The address at the push service.
    pub endpoint: String,
    pub keys: PushKeys,
    /// What to call the browser in lists, up to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What messages are encrypted with, in base64url.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushKeys {
    /// The browser's public key: a point on the curve P-256, uncompressed.
    pub p256dh: String,
    /// 16 bytes.
    pub auth: String,
}

/// One of the caller's browsers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushSubscription {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The host of the push service.
    pub service: String,
    pub created_date_time: WireTime,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushSubscriptions {
    /// The oldest first.
    pub subscriptions: Vec<PushSubscription>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsubscribeFromPushRequest {
    pub id: String,
}

macro_rules! no_secrets_in_debug {
    ($($name:ident)+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
no_secrets_in_debug!(SubscribeToPushRequest PushKeys);
