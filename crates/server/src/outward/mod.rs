//! Requests to other servers: gateways that the administrator names, and addresses that users and domains may choose, which must not
//! lead into the network this server stands in.

mod guard;
mod http;

pub use self::{
    guard::Guard,
    http::{Answer, Client, Failure, Request},
};
