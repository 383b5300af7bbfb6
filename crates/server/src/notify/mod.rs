//! Messages to people whom the calls' own connections do not reach.

pub mod attempt;
#[cfg_attr(not(test), expect(dead_code, reason = "the outbox has no messages of this kind yet"))]
mod sms;
