//! RFC 3339 times in UTC with milliseconds, as every body and frame writes them.

use farhand_domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{PartialSchema, ToSchema, openapi};

/// A point in time. Written in UTC with milliseconds; read with any offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireTime(pub Timestamp);

impl From<Timestamp> for WireTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl std::fmt::Display for WireTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0.as_millis()).map_err(|_| std::fmt::Error)?;
        write!(f, "{at:.3}")
    }
}

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WireTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at: jiff::Timestamp = text.parse().map_err(|_| {
            de::Error::custom("expected an RFC 3339 date-time with an offset, such as 2026-11-22T14:00:00Z")
        })?;
        Ok(Self(Timestamp::from_millis(at.as_millisecond())))
    }
}

impl PartialSchema for WireTime {
    fn schema() -> openapi::RefOr<openapi::schema::Schema> {
        openapi::ObjectBuilder::new()
            .schema_type(openapi::schema::Type::String)
            .format(Some(openapi::SchemaFormat::KnownFormat(openapi::KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for WireTime {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds_and_read_with_any_offset() {
        let at: WireTime = serde_json::from_str("\"2026-11-22T15:00:00.5+01:00\"").unwrap();
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-11-22T14:00:00.500Z\"");
    }

    #[test]
    fn a_time_without_an_offset_is_refused() {
        let refused = serde_json::from_str::<WireTime>("\"2026-11-22T15:00:00\"").unwrap_err();
        assert!(refused.to_string().contains("RFC 3339"));
    }
}
