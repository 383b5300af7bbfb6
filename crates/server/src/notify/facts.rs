//! What a message is about, as it is kept beside it. No link and no token: those are made when it is sent.

use farhand_domain::time::Timestamp;
use farhand_store::model::Delivery;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub title: String,
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// There if it is to be told when the call begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanFacts>,
    /// For whoever has no account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<GuestFacts>,
    /// In which language to say it; in any if that is not spoken here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How the ring came to its end, for browsers that show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// What calendars have of it. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFacts {
    pub from: i64,
    pub until: i64,
    /// On the clocks of which place its time was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub sequence: i64,
}

/// Of which link to make the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFacts {
    pub generation: i64,
    /// In milliseconds since 1970.
    pub until: i64,
}

impl Facts {
    /// Nothing if another version of this program has written them.
    pub fn of(delivery: &Delivery) -> Result<Self, String> {
        serde_json::from_str(&delivery.facts).map_err(|error| format!("written by another version: {error}"))
    }
}

impl From<super::Planned<'_>> for PlanFacts {
    fn from(plan: super::Planned<'_>) -> Self {
        let super::Planned { at, open, zone, sequence } = plan;
        let (from, until) = (at.as_millis(), (at + open).as_millis());
        Self { from, until, zone: zone.map(str::to_owned), sequence }
    }
}

impl PlanFacts {
    pub fn starts(&self) -> Timestamp {
        Timestamp::from_millis(self.from)
    }

    pub fn ends(&self) -> Timestamp {
        Timestamp::from_millis(self.until)
    }
}
