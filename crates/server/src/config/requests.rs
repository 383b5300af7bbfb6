//! `[requests]`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many service requests may come by public links, at a time and in an hour. Fewer stop sooner whoever plays with a link; more leave
/// room for a day on which a whole hall stands still.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestConfig {
    /// Requests that came by one public link and have not ended, unless the link says otherwise.
    pub open_per_link: u32,
    /// New ones by one link in an hour, unless the link says otherwise.
    pub hourly_per_link: u32,
    /// Those from one address (of IPv6: a network) that have not ended. A whole site may be behind one.
    pub open_per_address: u32,
    /// New ones from one address in an hour.
    pub hourly_per_address: u32,
    /// Those of a domain that have not ended: its experts are to see those of others among them.
    pub open_per_domain: u32,
    /// New ones in a domain in an hour.
    pub hourly_per_domain: u32,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self {
            open_per_link: 3,
            hourly_per_link: 10,
            open_per_address: 10,
            hourly_per_address: 30,
            open_per_domain: 100,
            hourly_per_domain: 300,
        }
    }
}
