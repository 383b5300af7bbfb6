//! How long and how many.

use std::time::Duration;

/// Configurable; the defaults are the contract's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A ring that shows on a screen.
    pub popup_ring: Duration,
    /// A ring that also went out by mail or SMS, which people read later.
    pub message_ring: Duration,
    /// The creator's ring once the first invitee has joined.
    pub creator_ring: Duration,
    /// How long a lost connection keeps its seat. Longer survives worse networks; shorter tells the other side sooner.
    pub seat: Duration,
    /// How much longer somebody rings after an outage of the server, so that nobody misses a ring because of it.
    pub grace: Duration,
    /// How long somebody may sit alone after company has gone, and an expert alone in a brokered call.
    pub alone: Duration,
    /// How long a call nobody came to stays open, counted from its planned time or its creation.
    pub open: Duration,
    /// People at the same time.
    pub max_participants: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            popup_ring: Duration::from_secs(45),
            message_ring: Duration::from_mins(10),
            creator_ring: Duration::from_mins(1),
            seat: Duration::from_mins(2),
            grace: Duration::from_secs(30),
            alone: Duration::from_mins(5),
            open: Duration::from_hours(1),
            max_participants: 25,
        }
    }
}
