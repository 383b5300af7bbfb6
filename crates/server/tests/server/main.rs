//! The whole server through its public API: REST and WebSocket, on a database of its own for each test.
#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

mod auth_api_keys;
mod auth_cookies;
mod auth_login;
mod auth_tokens;
mod testkit;
