//! The real process, as an administrator meets it: its command line and configuration, how it stops and what it takes up
//! again, its disk and its database.
#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]
#![expect(clippy::doc_markdown, reason = "SQLite and PostgreSQL are names, not code")]

mod people;
mod process;
mod wait;

mod accounts;
mod configuration;
mod demo;
mod durability;
mod full_disk;
mod manual;
mod one_server;
mod open_files;
mod outbox;
mod postgres;
mod restart;
mod stopping;
mod webhooks;
