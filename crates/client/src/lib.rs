//! A headless client: REST, WebSocket and real WebRTC. The self-test, the load tool and the tests of whole servers act
//! through it as a person's device or a connector would. It decides nothing about calls.
//!
//! Plain HTTP only: it stands beside the server, or talks to it through a proxy that ends TLS.

mod chance;
pub mod clip;
pub mod device;
pub mod media;
pub mod rest;
pub mod socket;
mod token;

pub use token::Token;
