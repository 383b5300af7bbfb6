//! What media needs beside the calls: ICE servers. Relaying (TURN) and forwarding (SFU) are to stand here as well.

mod ice;
mod stun;

pub use ice::IceServers;
pub use stun::{Stun, serve as serve_stun};
