//! The WebSocket: `connection.rs` moves frames, `session.rs` numbers and keeps them, `hub.rs` knows who is there,
//! `commands.rs` carries out what clients ask, `socket.rs` is the library's WebSocket. `docs/protocol.md` tells the same from the client's side.

mod commands;
mod connection;
mod hub;
mod session;
mod socket;
mod upgrade;

pub use connection::Sessions;
pub use hub::{GATHER_PRESENCE, Hub};
pub use session::{Close, Session};
pub use upgrade::upgrade;
