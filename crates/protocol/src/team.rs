//! Teams: how they are rung, and who of them is there.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    call::Presence,
    reach::{Quiet, WeekHours},
};

/// In which order a team's people are rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TeamStrategy {
    /// At once.
    #[default]
    All,
    /// In the order of the members, each for `seconds`.
    OneAfterAnother,
    /// Whoever has not been in a call for the longest time first, each for `seconds`.
    LongestIdle,
}

/// How a team is rung.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamRinging {
    pub strategy: TeamStrategy,
    /// How long each is rung before the next, if not all are at once; 20 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 120)]
    pub seconds: Option<u32>,
    /// Leaves out whoever is not on shift.
    pub only_on_shift: bool,
    /// When the team works; if left out, always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<WeekHours>,
    /// Days on which nobody works, on the clocks of `hours`, such as `2026-12-25`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 400)]
    pub days_off: Vec<String>,
}

/// What a member of a team can do, and works when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberProfile {
    pub user_db_id: i64,
    /// Skills and languages, such as `hydraulics` or `de`. They are compared in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub tags: Vec<String>,
    /// Instead of the team's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<WeekHours>,
}

/// A team as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamEntry {
    pub id: i64,
    pub name: String,
    pub domain: String,
    pub strategy: TeamStrategy,
    /// Leaves out whoever is not on shift.
    pub only_on_shift: bool,
    /// How many members are there: connected, not quiet, and on shift where only those are rung.
    pub there: u32,
    pub members: Vec<TeamMember>,
    /// Which team is asked when nobody of this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_team: Option<i64>,
}

/// A member as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamMember {
    pub user_db_id: i64,
    pub display_name: String,
    pub presence: Presence,
    /// Why this person is not to be disturbed now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// Whether the person works now.
    pub on_shift: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
