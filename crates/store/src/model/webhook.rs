//! Where events are sent to, and the messages on their way.

use farhand_domain::time::Timestamp;
use uuid::Uuid;

/// Where a domain's events are sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: Uuid,
    pub domain_id: i64,
    pub url: String,
    pub description: String,
    /// None: all.
    pub types: Option<Vec<String>>,
    pub enabled: bool,
    /// Why it was disabled, if nobody did it.
    pub reason: Option<String>,
    /// Of its secret, from 1.
    pub generation: i64,
    /// When that became the newest one.
    pub rotated_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// The number up to which messages have been made, or a smaller one after which none was due.
    pub position: i64,
    /// Since the first failure after the last success.
    pub failing_since: Option<Timestamp>,
    /// It has asked to be left alone until then.
    pub paused_until: Option<Timestamp>,
}

/// Addresses may hold what opens them.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.id)
    }
}

#[derive(Clone)]
pub struct NewWebhook {
    pub id: Uuid,
    pub domain_id: i64,
    pub url: String,
    pub description: String,
    pub types: Option<Vec<String>>,
    pub enabled: bool,
    pub created_at: Timestamp,
}

/// `None` leaves a column as it is.
#[expect(clippy::option_option, reason = "outside: whether to change it; inside: the new value, which may be none")]
#[derive(Clone, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub types: Option<Option<Vec<String>>>,
    /// Disabling gives up what waits; enabling begins with what happens from then on.
    pub enabled: Option<bool>,
    /// Makes a new secret, at this time.
    pub rotated_at: Option<Timestamp>,
}

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageState {
    /// For an earlier one of the same call.
    Waiting,
    /// To be sent when its time has come.
    Queued,
    Accepted,
    GivenUp,
}

impl MessageState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Queued, Self::Accepted, Self::GivenUp];

    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Accepted => "accepted",
            Self::GivenUp => "givenUp",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// An event that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    pub number: i64,
    pub call_id: Uuid,
    pub sequence: i64,
    pub kind: String,
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookMessage {
    pub id: i64,
    pub webhook: Uuid,
    pub event: NewMessage,
    pub state: MessageState,
    /// That have come to an end.
    pub tries: u32,
    pub next_at: Timestamp,
    /// The last answer's.
    pub status: Option<u16>,
    pub reason: Option<String>,
    /// Since when it stands so.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    pub state: Option<MessageState>,
    /// Only smaller ids.
    pub before: Option<i64>,
    pub limit: u64,
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookOutcome {
    pub message: i64,
    pub webhook: Uuid,
    pub status: Option<u16>,
    pub reason: Option<String>,
    pub at: Timestamp,
    pub then: Then,
    /// Asked for by the other end.
    pub pause_until: Option<Timestamp>,
    /// Why the webhook is disabled by it.
    pub disable: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Accepted,
    Again { at: Timestamp },
    GivenUp,
}
