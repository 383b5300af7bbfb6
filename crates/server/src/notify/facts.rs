//! What a message is about, as it is kept beside it. No link and no token: those are made when it is sent.

use farhand_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub title: String,
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "millis")]
    pub planned_at: Option<Timestamp>,
    /// For whoever has no account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<GuestFacts>,
}

/// Of which link to make the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFacts {
    pub generation: i64,
    /// In milliseconds since 1970.
    pub until: i64,
}

mod millis {
    use farhand_domain::time::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde asks for it so")]
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_millis).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp::from_millis))
    }
}
