//! What happened in calls, in the order of its commits.

use farhand_domain::time::Timestamp;
use uuid::Uuid;

use super::Contact;

/// Whose events, and from where on.
#[derive(Debug, Clone)]
pub struct FeedFilter {
    pub domain_id: i64,
    /// Only of calls that this user made, created or was invited to; none: of the whole domain's.
    pub member: Option<i64>,
    /// Only greater numbers.
    pub after: i64,
    pub limit: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    pub events: Vec<FeedEvent>,
    /// Up to here nothing was left out.
    pub next: i64,
    /// The last number there was.
    pub end: i64,
}

/// A row of a call's log or history, or a step of one of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// Rises with every commit, over all calls.
    pub number: i64,
    /// Counts within the call, from 1.
    pub sequence: i64,
    pub kind: String,
    pub contact: Option<Contact>,
    pub channel: Option<String>,
    pub state: Option<String>,
    pub reason: Option<String>,
    pub at: Timestamp,
    /// The message it is about, and what that one is about.
    pub message: Option<(Uuid, String)>,
    pub call: FeedCall,
}

/// A call as it is now.
#[derive(Clone, PartialEq, Eq)]
pub struct FeedCall {
    pub call_id: Uuid,
    pub title: String,
    pub status: String,
    pub call_type: String,
    pub reason: String,
    pub planned_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// Titles are not for logs.
impl std::fmt::Debug for FeedCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FeedCall({})", self.call_id)
    }
}
