//! Messages to people whom the calls' own connections do not reach.

pub mod attempt;
