//! What came of trying to send one message.

use std::time::Duration;

/// `words`: those of the other server, for whoever reads the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// By the next server or gateway, which calls it so.
    Taken { gateway_id: Option<String> },
    /// For good.
    Refused { words: String },
    /// Certainly not taken. `after`: as the other server wishes.
    Later { after: Option<Duration>, words: String },
    /// It may have been taken.
    Unknown { words: String },
}
