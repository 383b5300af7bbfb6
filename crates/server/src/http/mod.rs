//! The HTTP side: one small handler per operation, gathered in `routes.rs`.

mod admin;
mod calls;
mod check;
mod contacts;
pub mod cookies;
mod events;
mod extract;
mod guests;
mod health;
mod lobby;
mod login;
mod notify;
mod openapi;
mod planned;
mod problem;
mod push;
mod reach;
mod request_links;
mod requests;
mod routes;
mod stills;

pub use contacts::user_body;
pub use extract::From;
pub use openapi::{frames_document, openapi_document};
pub use problem::{Fail, Outcome};
pub use routes::router;
