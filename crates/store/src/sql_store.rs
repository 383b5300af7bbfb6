//! [`Store`] on SeaORM. Only the delegation stands here; each subject has its own file.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use farhand_domain::{delivery::Channel, time::Timestamp};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter,
    TransactionTrait, sea_query::ExprTrait,
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Store, StoreError, StoreResult,
    connect::{read_options, write_options},
    entity::{access::login_session, calls::idempotency, people::meta},
    model::{
        ApiKey, CallFilter, CallRecord, CallWrite, Claimant, Claimed, Contact, DeadLetter, Delivery, Domain,
        DomainChange, GuestInvitation, Heard, IdempotencyRecord, LoginSession, NewApiKey, NewGuest, NewLoginSession,
        NewTeam, NewUser, PushSubscription, Refused, Rotation, RunningCall, Saved, SleepingCall, Team, TeamQueue,
        TokenPair, User, UserChange,
    },
    pushes::{self, Owners},
};

/// A database that swallows a question (a cut cable, a frozen host) is as good as absent. Far above what the largest
/// batch takes; below what a client waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) struct SqlStore {
    /// SQLite: a single connection, so that writers queue here and not in the file's lock.
    pub(crate) writer: DatabaseConnection,
    /// PostgreSQL: the same pool.
    pub(crate) reader: DatabaseConnection,
    /// Changes with every commit that events may have come with.
    news: watch::Sender<()>,
    pub(crate) push_owners: Owners,
}

impl SqlStore {
    pub(crate) fn new(writer: DatabaseConnection, reader: DatabaseConnection) -> Self {
        Self { writer, reader, news: watch::Sender::default(), push_owners: Owners::default() }
    }

    pub(crate) fn tell(&self) {
        self.news.send_replace(());
    }

    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Dropping the transaction rolls it back.
    pub(crate) async fn begin_write(&self) -> StoreResult<DatabaseTransaction> {
        Ok(self.writer.begin_with_options(write_options(self.backend())).await?)
    }

    /// Like [`Self::begin_write`], for what a directory cache must notice. The raised row also makes such writers take
    /// turns.
    pub(crate) async fn begin_directory_write(&self) -> StoreResult<DatabaseTransaction> {
        let txn = self.begin_write().await?;
        meta::Entity::update_many()
            .col_expr(meta::Column::DirectoryVersion, meta::Column::DirectoryVersion.into_expr().add(1))
            .exec(&txn)
            .await?;
        Ok(txn)
    }

    pub(crate) async fn begin_read(&self) -> StoreResult<DatabaseTransaction> {
        Ok(self.reader.begin_with_options(read_options(self.backend())).await?)
    }

    /// Ends waiting for a server that does not answer; what it was asked to commit it may still have committed. A file
    /// always answers, so with SQLite every outcome is known.
    pub(crate) async fn answered<T>(&self, work: impl Future<Output = StoreResult<T>> + Send) -> StoreResult<T> {
        if self.backend() == DbBackend::Sqlite {
            return work.await;
        }
        match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Unavailable("the database does not answer".to_owned())),
        }
    }

    async fn read_directory_version(&self) -> StoreResult<i64> {
        let row = meta::Entity::find().one(&self.reader).await?;
        row.map(|row| row.directory_version).ok_or_else(|| StoreError::Corrupt("the table meta is empty".to_owned()))
    }

    async fn purge_before(&self, end: i64) -> StoreResult<u64> {
        let txn = self.begin_write().await?;
        let keys = idempotency::Entity::delete_many().filter(idempotency::Column::CreatedAt.lt(end)).exec(&txn).await?;
        // A revoked or replaced pair is kept as long: until then its use is still known to be theft.
        let sessions = login_session::Entity::delete_many()
            .filter(login_session::Column::RefreshExpires.lt(end))
            .exec(&txn)
            .await?;
        let browsers = pushes::end_of_nobody(&txn).await?;
        txn.commit().await?;
        Ok(keys.rows_affected + sessions.rows_affected + browsers)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn save_calls(&self, writes: &[CallWrite]) -> StoreResult<Vec<Result<Saved, Refused>>> {
        self.answered(self.write_calls(writes)).await
    }

    async fn next_owner_epoch(&self, node: &str) -> StoreResult<i64> {
        self.answered(self.raise_epoch(node)).await
    }

    /// Without a limit: after a long outage there may be very many.
    async fn take_over(&self, node: &str, epoch: i64) -> StoreResult<()> {
        self.own_running(node, epoch).await
    }

    async fn running_calls(&self, node: &str, epoch: i64, after: i64, most: u64) -> StoreResult<Vec<RunningCall>> {
        self.answered(self.read_running(node, epoch, after, most)).await
    }

    /// The same of these.
    async fn sleeping_calls(&self, node: &str, epoch: i64) -> StoreResult<Vec<SleepingCall>> {
        self.read_sleeping(node, epoch).await
    }

    async fn owned_calls(&self, ids: &[i64], node: &str, epoch: i64) -> StoreResult<Vec<RunningCall>> {
        self.answered(self.read_owned(ids, node, epoch)).await
    }

    async fn call(&self, call_id: Uuid) -> StoreResult<Option<CallRecord>> {
        self.answered(self.read_call(call_id)).await
    }

    async fn calls(&self, filter: &CallFilter) -> StoreResult<Vec<CallRecord>> {
        self.answered(self.read_calls(filter)).await
    }

    async fn idempotency(&self, caller: i64, key: &str) -> StoreResult<Option<IdempotencyRecord>> {
        self.answered(self.read_idempotency(caller, key)).await
    }

    async fn claim_deliveries(
        &self,
        channel: Channel,
        now: Timestamp,
        by: Claimant<'_>,
        most: u64,
        passed_over: &[i64],
    ) -> StoreResult<Vec<Claimed>> {
        self.answered(self.claim(channel, now, by, most, passed_over)).await
    }

    async fn next_delivery(&self, channel: Channel) -> StoreResult<Option<Timestamp>> {
        self.answered(self.next_due(channel)).await
    }

    async fn dead_letters(&self, domain: i64, again: &str, most: u64) -> StoreResult<Vec<DeadLetter>> {
        self.dead(domain, again, most).await
    }

    async fn interrupted_deliveries(&self, channel: Channel, by: Claimant<'_>) -> StoreResult<Vec<Uuid>> {
        self.answered(self.interrupted(channel, by)).await
    }

    async fn hear_of_deliveries(&self, heard: &[Heard]) -> StoreResult<Vec<Delivery>> {
        self.answered(self.hear(heard)).await
    }

    async fn contacts_of_users(&self, users: &[i64]) -> StoreResult<Vec<Contact>> {
        self.answered(self.ensure_contacts(users)).await
    }

    async fn create_guests(&self, guests: &[NewGuest]) -> StoreResult<Vec<Contact>> {
        self.answered(self.insert_guests(guests)).await
    }

    async fn last_calls(&self, contacts: &[i64]) -> StoreResult<HashMap<i64, Timestamp>> {
        self.answered(self.read_last_calls(contacts)).await
    }

    async fn guest_invitation(&self, contact: i64) -> StoreResult<Option<GuestInvitation>> {
        self.answered(self.read_guest_invitation(contact)).await
    }

    async fn directory_version(&self) -> StoreResult<i64> {
        self.answered(self.read_directory_version()).await
    }

    async fn create_domain(&self, name: &str) -> StoreResult<Domain> {
        self.answered(self.insert_domain(name)).await
    }

    async fn domains(&self) -> StoreResult<Vec<Domain>> {
        self.answered(self.read_domains()).await
    }

    async fn domain_by_name(&self, name: &str) -> StoreResult<Option<Domain>> {
        self.answered(self.find_domain(name)).await
    }

    async fn change_domain(&self, id: i64, change: DomainChange) -> StoreResult<Option<Domain>> {
        self.answered(self.update_domain(id, change)).await
    }

    async fn create_user(&self, user: &NewUser) -> StoreResult<User> {
        self.answered(self.insert_user(user)).await
    }

    async fn change_user(&self, id: i64, change: &UserChange) -> StoreResult<Option<User>> {
        self.answered(self.update_user(id, change)).await
    }

    async fn user(&self, id: i64) -> StoreResult<Option<User>> {
        self.answered(self.read_user(id)).await
    }

    async fn user_by_login(&self, domain: &str, login: &str) -> StoreResult<Option<User>> {
        self.answered(self.find_user(domain, login)).await
    }

    async fn users(&self, domain: i64) -> StoreResult<Vec<User>> {
        self.answered(self.read_users(domain)).await
    }

    async fn create_team(&self, domain: i64, team: &NewTeam) -> StoreResult<Team> {
        self.answered(self.insert_team(domain, team)).await
    }

    async fn replace_team(&self, id: i64, team: &NewTeam) -> StoreResult<Option<Team>> {
        self.answered(self.update_team(id, team)).await
    }

    async fn delete_team(&self, id: i64) -> StoreResult<bool> {
        self.answered(self.remove_team(id)).await
    }

    async fn teams(&self, domain: i64) -> StoreResult<Vec<Team>> {
        self.answered(self.read_teams(domain)).await
    }

    async fn team_queues(&self, domain: i64) -> StoreResult<Vec<TeamQueue>> {
        self.answered(self.read_team_queues(domain)).await
    }

    async fn set_team_queue(&self, queue: &TeamQueue) -> StoreResult<()> {
        self.answered(self.write_team_queue(queue)).await
    }

    async fn create_session(&self, session: &NewLoginSession) -> StoreResult<()> {
        self.answered(self.insert_session(session)).await
    }

    async fn session_by_access(&self, access_hash: &[u8; 32]) -> StoreResult<Option<LoginSession>> {
        self.answered(self.find_session(access_hash)).await
    }

    async fn rotate_session(
        &self,
        refresh_hash: &[u8; 32],
        fresh: &TokenPair,
        now: Timestamp,
    ) -> StoreResult<Rotation> {
        self.answered(self.rotate_pair(refresh_hash, fresh, now)).await
    }

    async fn revoke_family(&self, family: Uuid) -> StoreResult<()> {
        self.answered(self.end_family(family)).await
    }

    async fn revoke_sessions_of_user(&self, user: i64) -> StoreResult<()> {
        self.answered(self.end_sessions_of(user)).await
    }

    async fn revoked_families(&self, families: &[Uuid]) -> StoreResult<Vec<Uuid>> {
        self.answered(self.find_revoked_families(families)).await
    }

    async fn create_api_key(&self, key: &NewApiKey) -> StoreResult<ApiKey> {
        self.answered(self.insert_api_key(key)).await
    }

    async fn api_key_by_hash(&self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>> {
        self.answered(self.find_api_key(hash)).await
    }

    async fn api_keys(&self, domain: i64) -> StoreResult<Vec<ApiKey>> {
        self.answered(self.read_api_keys(domain)).await
    }

    async fn revoke_api_key(&self, domain: i64, id: i64) -> StoreResult<bool> {
        self.answered(self.end_api_key(domain, id)).await
    }

    async fn revoked_api_keys(&self, ids: &[i64]) -> StoreResult<Vec<i64>> {
        self.answered(self.find_revoked_api_keys(ids)).await
    }

    async fn keep_push(&self, push: &PushSubscription, most: u64) -> StoreResult<bool> {
        self.answered(self.insert_push(push, most)).await
    }

    async fn pushes_of_users(&self, users: &[i64], now: Timestamp) -> StoreResult<Vec<PushSubscription>> {
        self.answered(self.read_pushes(users, now)).await
    }

    async fn push(&self, name: &str, now: Timestamp) -> StoreResult<Option<PushSubscription>> {
        self.answered(self.read_push(name, now)).await
    }

    async fn end_push(&self, user: Option<i64>, name: &str) -> StoreResult<bool> {
        self.answered(self.delete_push(user, name)).await
    }

    async fn copy_log(&self) -> StoreResult<()> {
        if self.backend() == DbBackend::Sqlite {
            // Allowed to connections that may change nothing.
            self.reader.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await?;
        }
        Ok(())
    }

    async fn purge(&self, now: Timestamp, age: Duration) -> StoreResult<u64> {
        self.answered(self.purge_before((now - age).as_millis())).await
    }

    async fn ping(&self) -> StoreResult<()> {
        self.answered(self.read_directory_version()).await.map(|_| ())
    }

    async fn close(&self) {
        for pool in [&self.reader, &self.writer] {
            if let Err(error) = pool.clone().close().await {
                tracing::warn!(%error, "the database could not be closed");
            }
        }
    }
}
