//! Requests to other servers: gateways that the administrator names, and addresses that users and domains may choose, which must not
//! lead into the network this server stands in.

mod guard;
mod http;
mod later;
mod roots;

pub use self::{
    guard::Guard,
    http::{Answer, Client, Failure, Request},
    later::retry_after,
    roots::roots,
};
