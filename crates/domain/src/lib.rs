//! The rules of calls as plain values: who is rung when and for how long, who may join, when a call ends.
//!
//! Deliberately absent: async, clocks, randomness, sockets, SQL, serde. Time and ids are arguments; what has to happen
//! in the world comes back as values.

pub mod access;
pub mod call;
pub mod delivery;
pub mod hours;
pub mod ids;
pub mod plan;
pub mod policy;
pub mod queue;
pub mod reach;
pub mod team;
pub mod time;
