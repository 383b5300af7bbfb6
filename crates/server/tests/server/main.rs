//! The whole server through its public API: REST and WebSocket, on a database of its own for each test.
#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

mod admin_domains;
mod admin_teams;
mod admin_users;
mod auth_api_keys;
mod auth_cookies;
mod auth_login;
mod auth_tokens;
mod calls_access;
mod calls_broker;
mod calls_contacts;
mod calls_list;
mod calls_planned;
mod calls_reading;
mod calls_recover;
mod calls_retries;
mod calls_story;
mod ops_health;
mod rest_http;
mod rest_openapi;
mod rest_shapes;
mod sfu_attacks;
mod sfu_calls;
mod testkit;
mod tls;
mod ws_brokered;
mod ws_hello;
mod ws_limits;
mod ws_logins;
mod ws_origin;
mod ws_presence;
mod ws_raw;
mod ws_resume;
mod ws_rings;
mod ws_seats;
mod ws_signals;
