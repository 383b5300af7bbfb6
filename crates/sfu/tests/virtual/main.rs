//! The forwarder and whole clients in virtual time, over a network that loses what its seed says.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it needs by failing")]
#![expect(clippy::wildcard_enum_match_arm, reason = "foreign enums, and notices that are passed over")]

mod attacks;
mod broken;
mod client;
mod fit;
mod joining;
mod ladder;
mod layers;
mod losses;
mod paths;
mod silence;
mod slots;
mod start;
mod talking;
mod world;
