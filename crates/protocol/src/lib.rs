//! What crosses the wire: REST bodies, WebSocket frames, error codes. Nothing here decides anything; domain types
//! never appear in JSON, and no wire type enters the domain. `docs/protocol.md` describes the same things in prose.

pub mod admin;
pub mod auth;
pub mod call;
pub mod check;
pub mod events;
pub mod frame;
pub mod guest;
pub mod lobby;
pub mod notify;
pub mod problem;
pub mod push;
pub mod reach;
pub mod read;
pub mod request;
pub mod request_link;
pub mod statistics;
pub mod team;
pub mod time;
pub mod webhook;

pub use problem::{ErrorCode, Problem};
pub use time::WireTime;

/// Version of the WebSocket protocol, sent in `hello` and `welcome`. Raised only when an old client could not go on.
pub const PROTOCOL_VERSION: u32 = 1;
