//! Public links by which anybody may ask a team for help, and what came by them.

use std::fmt;

use farhand_domain::time::Timestamp;

/// Stands on a machine, as an address or a QR code. The link itself is stored nowhere: it can be made again from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLink {
    pub id: i64,
    pub domain_id: i64,
    pub name: String,
    pub title: Option<String>,
    /// Which teams are asked, and what is told of the machine: texts that are not looked into here.
    pub teams: String,
    pub fields: String,
    pub enabled: bool,
    /// From 1; links of earlier generations are revoked.
    pub generation: i64,
    pub expires_at: Option<Timestamp>,
    /// Requests at a time and new ones in an hour; none: as the server is set.
    pub most_open: Option<i64>,
    pub most_hourly: Option<i64>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct NewRequestLink {
    pub domain_id: i64,
    pub name: String,
    pub title: Option<String>,
    pub teams: String,
    pub fields: String,
    pub enabled: bool,
    pub expires_at: Option<Timestamp>,
    pub most_open: Option<i64>,
    pub most_hourly: Option<i64>,
    pub created_at: Timestamp,
}

/// `None` leaves a column as it is.
#[expect(clippy::option_option, reason = "outside: whether to change it; inside: the new value, which may be none")]
#[derive(Debug, Clone, Default)]
pub struct RequestLinkChange {
    pub name: Option<String>,
    pub title: Option<Option<String>>,
    pub teams: Option<String>,
    pub fields: Option<String>,
    pub enabled: Option<bool>,
    pub expires_at: Option<Option<Timestamp>>,
    pub most_open: Option<Option<i64>>,
    pub most_hourly: Option<Option<i64>>,
    /// Raises the generation.
    pub revoke: bool,
}

/// How a call came into being that was asked for by a public link.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestOrigin {
    /// The link, which may be deleted by now.
    pub link: i64,
    /// What it was called then.
    pub name: String,
    /// What was told of the machine and by whoever asks, as a text that is not looked into here.
    pub details: String,
    /// Keyed hashes of where it came from, and of what the page names its request by.
    pub network: String,
    pub attempt: String,
}

impl fmt::Debug for RequestOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestOrigin(by link {})", self.link)
    }
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy)]
pub enum MadeBy<'a> {
    Link(i64),
    Network(&'a str),
    Domain(i64),
}

/// How many requests came by public links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestsMade {
    /// Calls that have not ended.
    pub open: u64,
    /// When the last ones were made, the newest first.
    pub lately: Vec<Timestamp>,
}

/// A team's service request was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TeamClaim {
    pub team: i64,
    pub domain_id: i64,
    pub at: Timestamp,
}
