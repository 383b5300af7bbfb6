//! What media needs beside the calls: the SFU's workers, each with a socket that answers STUN as well, and the ICE servers clients are told.

mod candidates;
mod check;
mod framing;
mod ice;
mod link;
mod port;
mod stun;
mod tcp;
mod traffic;
mod worker;
mod workers;

pub use candidates::{Candidates, candidates};
pub use check::{Checks, LIFE as CHECK_LIFE, Tests};
pub use ice::IceServers;
pub use link::Link;
pub use port::PortSender;
pub use workers::{Ports, Room, Workers};
