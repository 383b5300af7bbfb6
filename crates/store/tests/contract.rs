//! What [`farhand_store::Store`] promises, on SQLite and on PostgreSQL. Every test runs on both, each time on a fresh
//! database. PostgreSQL is the server that `FARHAND_TEST_POSTGRES` names (an administrator's address, such as
//! `postgres://postgres@127.0.0.1:5432/postgres`); without it the tests start their own.
#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

#[path = "../../testkit/src/postgres.rs"]
mod postgres;

#[path = "contract/support.rs"]
#[macro_use]
mod support;

#[path = "contract/api_keys.rs"]
mod api_keys;
#[path = "contract/contacts.rs"]
mod contacts;
#[path = "contract/deliveries.rs"]
mod deliveries;
#[path = "contract/directory.rs"]
mod directory;
#[path = "contract/events.rs"]
mod events;
#[path = "contract/failures.rs"]
mod failures;
#[path = "contract/guests.rs"]
mod guests;
#[path = "contract/opening.rs"]
mod opening;
#[path = "contract/owners.rs"]
mod owners;
#[path = "contract/pushes.rs"]
mod pushes;
#[path = "contract/reading.rs"]
mod reading;
#[path = "contract/request_links.rs"]
mod request_links;
#[path = "contract/requests.rs"]
mod requests;
#[path = "contract/saving.rs"]
mod saving;
#[path = "contract/saving_many.rs"]
mod saving_many;
#[path = "contract/sessions.rs"]
mod sessions;
#[path = "contract/webhooks.rs"]
mod webhooks;
