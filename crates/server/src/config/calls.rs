//! `[calls]`

use std::time::Duration;

use farhand_domain::policy::Policy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Times of a call, in seconds, and its size.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallConfig {
    /// How long a pop-up rings.
    pub popup_ring_seconds: u64,
    /// How long somebody is waited for who was called by mail or SMS.
    pub message_ring_seconds: u64,
    /// How long the creator is rung once the first invitee has joined.
    pub creator_ring_seconds: u64,
    /// How long a lost connection keeps its seat. Others read "reconnecting" meanwhile.
    pub seat_seconds: u64,
    /// How long a session can be resumed after its connection was lost, with everything it has missed.
    pub grace_seconds: u64,
    /// How long somebody may stay alone in a call after the others have gone.
    pub alone_seconds: u64,
    /// How long a call nobody came to stays open.
    pub open_seconds: u64,
    /// People in a call at the same time.
    pub max_participants: usize,
    /// How long the personal link of a guest is good, in hours. That of a planned call is good as long as the call stays open, too. Longer suits
    /// people who read their mail late; a link that got into the wrong hands is good for as long.
    pub guest_link_hours: u32,
    /// How many minutes before a planned call those who were invited by mail or SMS are reminded of it; 0 for not at all. There is no reminder of a
    /// call that is planned less than twice as long ahead.
    pub reminder_minutes: u32,
}

impl Default for CallConfig {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            popup_ring_seconds: policy.popup_ring.as_secs(),
            message_ring_seconds: policy.message_ring.as_secs(),
            creator_ring_seconds: policy.creator_ring.as_secs(),
            seat_seconds: policy.seat.as_secs(),
            grace_seconds: policy.grace.as_secs(),
            alone_seconds: policy.alone.as_secs(),
            open_seconds: policy.open.as_secs(),
            max_participants: policy.max_participants,
            guest_link_hours: 72,
            reminder_minutes: 15,
        }
    }
}

impl CallConfig {
    pub fn guest_link_life(&self) -> Duration {
        Duration::from_hours(self.guest_link_hours.into())
    }

    /// None: nobody is reminded.
    pub fn reminder(&self) -> Option<Duration> {
        (self.reminder_minutes > 0).then(|| Duration::from_mins(self.reminder_minutes.into()))
    }

    pub fn policy(&self) -> Policy {
        Policy {
            popup_ring: Duration::from_secs(self.popup_ring_seconds),
            message_ring: Duration::from_secs(self.message_ring_seconds),
            creator_ring: Duration::from_secs(self.creator_ring_seconds),
            seat: Duration::from_secs(self.seat_seconds),
            grace: Duration::from_secs(self.grace_seconds),
            alone: Duration::from_secs(self.alone_seconds),
            open: Duration::from_secs(self.open_seconds),
            max_participants: self.max_participants,
        }
    }
}
