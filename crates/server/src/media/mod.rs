//! What media needs beside the calls: the SFU's workers, each with a socket that answers STUN as well, and the ICE servers clients are told.
//! Relaying (TURN) is to stand here, too.

mod candidates;
mod framing;
mod ice;
mod port;
mod stun;
mod tcp;
mod traffic;
mod worker;
mod workers;

pub use candidates::{Candidates, candidates};
pub use ice::IceServers;
pub use workers::{Ports, Room, Workers};
