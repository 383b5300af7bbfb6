//! Durable state behind one seam: [`Store`], implemented once on SeaORM for SQLite and PostgreSQL, proven by one contract
//! suite run on both. What a call means is not known here: its live state is an opaque text, its events are rows.

mod api_keys;
mod bulk;
mod calls_read;
mod calls_rows;
mod calls_take_over;
mod calls_write;
mod connect;
mod contacts;
mod dead_letters;
mod deliveries;
mod domains;
#[expect(unreachable_pub, reason = "SeaORM's derives make public types; the module itself is private")]
mod entity;
mod error;
mod event_store;
mod feed;
mod guests;
mod migration;
pub mod model;
mod pushes;
mod request_links;
mod request_store;
mod sessions;
mod sql_store;
mod team_queues;
mod teams;
mod users;
mod webhook_messages;
mod webhooks;

pub use connect::open;
pub use event_store::EventStore;
pub use request_store::RequestStore;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use farhand_domain::{delivery::Channel, time::Timestamp};
use uuid::Uuid;

use model::{
    ApiKey, CallFilter, CallRecord, CallWrite, Claimant, Claimed, Contact, DeadLetter, Delivery, Domain, DomainChange,
    GuestInvitation, Heard, IdempotencyRecord, LoginSession, NewApiKey, NewGuest, NewLoginSession, NewTeam, NewUser,
    PushSubscription, Refused, Rotation, RunningCall, Saved, SleepingCall, Team, TeamQueue, User, UserChange,
};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or read-only: nothing was written, try again later.
    #[error("the database cannot be used: {0}")]
    Unavailable(String),
    /// A unique name is taken, or a row that is referred to is missing.
    #[error("the database refused a row: {0}")]
    Constraint(String),
    /// What stands in the database cannot be read by this version.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
}

pub type StoreResult<T> = Result<T, StoreError>;

/// All durable state. A method that returns has its effects on disk.
#[async_trait]
pub trait Store: EventStore + RequestStore + Send + Sync + 'static {
    // --- calls -------------------------------------------------------------------------------------------------------

    /// Writes many calls in one transaction with one sync. Each is refused or saved on its own; an error means that
    /// nothing was saved. Every row of a write goes in or none.
    async fn save_calls(&self, writes: &[CallWrite]) -> StoreResult<Vec<Result<Saved, Refused>>>;
    /// Raises and returns the epoch that fences off whoever owned the running calls before.
    async fn next_owner_epoch(&self, node: &str) -> StoreResult<i64>;
    /// Makes `node` at `epoch` the owner of all calls that have not ended.
    async fn take_over(&self, node: &str, epoch: i64) -> StoreResult<()>;
    /// Those of its calls that have not ended and do not sleep, from the one after `after` on: `most` at a time, for there may be very many.
    async fn running_calls(&self, node: &str, epoch: i64, after: i64, most: u64) -> StoreResult<Vec<RunningCall>>;
    /// Those that sleep, in outline.
    async fn sleeping_calls(&self, node: &str, epoch: i64) -> StoreResult<Vec<SleepingCall>>;
    /// A call as it stands in the database, if `node` at `epoch` owns it: for an owner that does not know whether its last
    /// write arrived.
    async fn owned_call(&self, id: i64, node: &str, epoch: i64) -> StoreResult<Option<RunningCall>> {
        Ok(self.owned_calls(&[id], node, epoch).await?.pop())
    }
    /// The same of many; those of others are missing.
    async fn owned_calls(&self, ids: &[i64], node: &str, epoch: i64) -> StoreResult<Vec<RunningCall>>;
    async fn call(&self, call_id: Uuid) -> StoreResult<Option<CallRecord>>;
    /// Newest first.
    async fn calls(&self, filter: &CallFilter) -> StoreResult<Vec<CallRecord>>;
    async fn idempotency(&self, caller: i64, key: &str) -> StoreResult<Option<IdempotencyRecord>>;

    // --- messages to people; born in `save_calls` --------------------------------------------------------------------------

    /// Takes up at most `most` of what is due, the longest due first, and nothing of the domains that are passed over.
    async fn claim_deliveries(
        &self,
        channel: Channel,
        now: Timestamp,
        by: Claimant<'_>,
        most: u64,
        passed_over: &[i64],
    ) -> StoreResult<Vec<Claimed>>;
    /// When the next one is due.
    async fn next_delivery(&self, channel: Channel) -> StoreResult<Option<Timestamp>>;
    /// What this server was sending when it stopped.
    async fn interrupted_deliveries(&self, channel: Channel, by: Claimant<'_>) -> StoreResult<Vec<Uuid>>;
    /// What was not sent in a domain, or may not have been, the latest first. `again`: the kind of messages that say it once more.
    async fn dead_letters(&self, domain: i64, again: &str, most: u64) -> StoreResult<Vec<DeadLetter>>;
    /// Notes what was heard, in order. Returns those that have changed by it, each once.
    async fn hear_of_deliveries(&self, heard: &[Heard]) -> StoreResult<Vec<Delivery>>;

    // --- contacts ----------------------------------------------------------------------------------------------------

    /// The contact of each user, made where it is missing; in the order asked.
    async fn contacts_of_users(&self, users: &[i64]) -> StoreResult<Vec<Contact>>;
    /// A fresh contact for each guest.
    async fn create_guests(&self, guests: &[NewGuest]) -> StoreResult<Vec<Contact>>;
    /// When each of these contacts last sat down in a call or left one; who never did is missing.
    async fn last_calls(&self, contacts: &[i64]) -> StoreResult<HashMap<i64, Timestamp>>;
    /// What the guest with this contact is invited to.
    async fn guest_invitation(&self, contact: i64) -> StoreResult<Option<GuestInvitation>>;

    // --- domains, users, teams: every write raises `directory_version` -------------------------------------------------

    async fn directory_version(&self) -> StoreResult<i64>;
    async fn create_domain(&self, name: &str) -> StoreResult<Domain>;
    async fn domains(&self) -> StoreResult<Vec<Domain>>;
    async fn domain_by_name(&self, name: &str) -> StoreResult<Option<Domain>>;
    async fn change_domain(&self, id: i64, change: DomainChange) -> StoreResult<Option<Domain>>;

    async fn create_user(&self, user: &NewUser) -> StoreResult<User>;
    async fn change_user(&self, id: i64, change: &UserChange) -> StoreResult<Option<User>>;
    async fn user(&self, id: i64) -> StoreResult<Option<User>>;
    async fn user_by_login(&self, domain: &str, login: &str) -> StoreResult<Option<User>>;
    async fn users(&self, domain: i64) -> StoreResult<Vec<User>>;

    async fn create_team(&self, domain: i64, team: &NewTeam) -> StoreResult<Team>;
    async fn replace_team(&self, id: i64, team: &NewTeam) -> StoreResult<Option<Team>>;
    /// False if there was none.
    async fn delete_team(&self, id: i64) -> StoreResult<bool>;
    async fn teams(&self, domain: i64) -> StoreResult<Vec<Team>>;
    /// How service requests wait for the domain's teams; a team that is not among them has nothing set.
    async fn team_queues(&self, domain: i64) -> StoreResult<Vec<TeamQueue>>;
    async fn set_team_queue(&self, queue: &TeamQueue) -> StoreResult<()>;

    // --- login sessions and API keys; tokens are stored as SHA-256 only ------------------------------------------------

    async fn create_session(&self, session: &NewLoginSession) -> StoreResult<()>;
    async fn session_by_access(&self, access_hash: &[u8; 32]) -> StoreResult<Option<LoginSession>>;
    /// Replaces the pair that `refresh_hash` belongs to. A pair replaced before means theft: its family is revoked.
    async fn rotate_session(
        &self,
        refresh_hash: &[u8; 32],
        fresh: &model::TokenPair,
        now: Timestamp,
    ) -> StoreResult<Rotation>;
    async fn revoke_family(&self, family: Uuid) -> StoreResult<()>;
    async fn revoke_sessions_of_user(&self, user: i64) -> StoreResult<()>;
    /// Those of these families that have been revoked.
    async fn revoked_families(&self, families: &[Uuid]) -> StoreResult<Vec<Uuid>>;

    async fn create_api_key(&self, key: &NewApiKey) -> StoreResult<ApiKey>;
    async fn api_key_by_hash(&self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>>;
    async fn api_keys(&self, domain: i64) -> StoreResult<Vec<ApiKey>>;
    /// False if the domain has no such key.
    async fn revoke_api_key(&self, domain: i64, id: i64) -> StoreResult<bool>;
    /// Those of these keys that have been revoked.
    async fn revoked_api_keys(&self, ids: &[i64]) -> StoreResult<Vec<i64>>;

    // --- browsers that ring while their pages are closed; each ends with its login ---------------------------------------

    /// Keeps it, whoever had this browser before. False if the user has `most` others already.
    async fn keep_push(&self, push: &PushSubscription, most: u64) -> StoreResult<bool>;
    /// Those of these users whose login is good, the oldest first.
    async fn pushes_of_users(&self, users: &[i64], now: Timestamp) -> StoreResult<Vec<PushSubscription>>;
    async fn push(&self, name: &str, now: Timestamp) -> StoreResult<Option<PushSubscription>>;
    /// False if there was none; `user`: only if it is this user's.
    async fn end_push(&self, user: Option<i64>, name: &str) -> StoreResult<bool>;

    // --- upkeep ------------------------------------------------------------------------------------------------------

    /// Forgets idempotency keys and sessions that ended more than `age` before `now`.
    async fn purge(&self, now: Timestamp, age: Duration) -> StoreResult<u64>;
    /// Copies what has been committed out of SQLite's log, beside the writer: otherwise the commit that finds the log full does, and all
    /// others wait for it. To be called all the time.
    async fn copy_log(&self) -> StoreResult<()>;
    /// Fails while the database cannot be reached.
    async fn ping(&self) -> StoreResult<()>;
    async fn close(&self);
}
