//! How people are reached beside the ring on their open pages, and when they are not to be disturbed.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::WireTime;

/// By what a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RungChannel {
    /// To the browsers a person has allowed it in, closed or not.
    Push,
    Sms,
    Email,
    /// No message: another team is invited, each of its people as it rings them.
    Team,
}

/// Which address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RungAddress {
    /// The one that came with the invitation.
    Request,
    /// The one of the person's account.
    Stored,
}

/// A message to somebody who is rung and has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rung {
    pub channel: RungChannel,
    /// For `sms` and `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<RungAddress>,
    /// For `team`: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<i64>,
    /// How long after the ring has begun, up to 600.
    #[serde(default)]
    #[schema(maximum = 600)]
    pub after_seconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];
}

/// Hours of some days of every week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeekSpan {
    pub days: Vec<Weekday>,
    /// Such as `22:00`.
    pub from: String,
    /// Such as `06:00`; on the next day where it is not after `from`.
    pub to: String,
}

/// Hours on the clocks of one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeekHours {
    /// An IANA time zone, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Up to 21.
    pub spans: Vec<WeekSpan>,
}

/// How somebody is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReachSettings {
    /// Instead of the domain's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rungs: Option<Vec<Rung>>,
    /// No pop-up, push or SMS until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_not_disturb_until: Option<WireTime>,
    /// No pop-up, push or SMS then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<WeekHours>,
    /// Of letters and text messages: `en` or `de`. Instead of the domain's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// What is left out stays as it is; `null` clears it.
#[expect(clippy::option_option, reason = "left out, cleared and given are three things")]
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReachChange {
    /// `null`: as the domain has it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Rung>>)]
    pub rungs: Option<Option<Vec<Rung>>>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WireTime>)]
    pub do_not_disturb_until: Option<Option<WireTime>>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WeekHours>)]
    pub quiet_hours: Option<Option<WeekHours>>,
    /// `null`: as the domain has it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub language: Option<Option<String>>,
}

/// A member that is there, be it `null`.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether the addresses of people's accounts are used where a request names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StoredAddresses {
    Never,
    /// For calls made in this server's own client.
    #[default]
    OwnClient,
    Always,
}

/// How a domain's people are reached, unless they have settings of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DomainReach {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rungs: Option<Vec<Rung>>,
    pub stored_addresses: StoredAddresses,
    /// Of letters and text messages, guests' as well: `en` (if left out) or `de`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// How the caller is reached, and by what at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    pub own: ReachSettings,
    /// The domain's rungs, which count where there are none of one's own.
    pub domain_rungs: Vec<Rung>,
    pub stored_addresses: StoredAddresses,
    /// What this server has something to send by.
    pub channels: Vec<RungChannel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Whether there is to be quiet now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
}

/// Why somebody is not to be disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Quiet {
    DoNotDisturb,
    QuietHours,
}
