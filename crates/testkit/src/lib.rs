//! Whole servers for tests: the real one, in this process, on a port of its own, with the demo's people and a second
//! domain beside them, on a fresh SQLite file or PostgreSQL database. And people who act on it: an [`Account`] over REST, a
//! [`Device`] over the WebSocket. Everything waits for what it expects, with a deadline; nothing sleeps.
//!
//! ```no_run
//! # async fn story() {
//! use farhand_testkit::{Server, json};
//!
//! let server = Server::start().await;
//! let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
//! let mut phone = expert.device().await;
//! let call = caller.create_call(json!({"callType": "MESH", "invitedContacts": [{"userDbId": expert.id()}]})).await;
//! phone.ring(call.call_id).await;
//! phone.join(call.call_id).await;
//! # }
//! ```
//!
//! The clock is the machine's, and can be moved ahead ([`TestClock`]); rings and grace times are made short by
//! [`Server::with`].
#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

mod account;
mod answer;
mod clock;
mod database;
mod device;
mod guest;
pub mod kannel;
pub mod network;
mod people;
pub mod ports;
pub mod postgres;
mod server;
pub mod smtp;

pub use account::Account;
pub use answer::Answer;
pub use clock::TestClock;
pub use device::{Device, WAIT};
pub use guest::Guest;
pub use people::{OTHER_DOMAIN, PASSWORD, UBIMAX};
pub use serde_json::json;
pub use server::{Server, ServerBuilder};
