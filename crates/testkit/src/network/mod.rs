//! A bad network on purpose. The kernel of a test machine may have no traffic control, so datagrams go through a [`Relay`] of ours: what
//! happens to each is decided by a [`Path`], which is pure and seeded. The same seed loses the same packets, whatever runs over it.

mod path;
mod profile;
mod relay;

pub use path::Path;
pub use profile::{Conditions, Profile, ProfileError};
pub use relay::{Relay, Weather};
