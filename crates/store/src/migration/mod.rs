//! The schema, the same on SQLite and PostgreSQL. Times are milliseconds since 1970 as BIGINT, UUIDs are text (readable in
//! `sqlite3` and `psql`), token hashes are bytes. A released migration is never edited: add another.

mod calls;
mod m20260101_000001_initial;
mod m20261122_000002_team_names;
mod m20261122_000003_call_statistics;
mod m20261122_000004_data_budgets;
mod m20261123_000005_deliveries;
mod m20261123_000006_planned;
mod m20261123_000007_guests;
mod m20261123_000008_reach;
mod m20261123_000010_dead_letters;
mod m20261123_000011_push;
mod m20261123_000012_events;
mod m20261123_000013_teams;
mod m20261123_000014_lobby;
mod m20261123_000015_requests;
mod m20261124_000016_request_links;
mod m20261124_000017_contact_language;
mod people;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use sea_orm_migration::prelude::*;

use crate::{StoreError, StoreResult, connect};

/// Any constant number: it names our lock among a PostgreSQL server's advisory locks.
const ADVISORY_LOCK: i64 = 0x6661_7268_616e_6401;

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20260101_000001_initial::Migration),
            Box::new(m20261122_000002_team_names::Migration),
            Box::new(m20261122_000003_call_statistics::Migration),
            Box::new(m20261122_000004_data_budgets::Migration),
            Box::new(m20261123_000005_deliveries::Migration),
            Box::new(m20261123_000006_planned::Migration),
            Box::new(m20261123_000007_guests::Migration),
            Box::new(m20261123_000008_reach::Migration),
            Box::new(m20261123_000010_dead_letters::Migration),
            Box::new(m20261123_000011_push::Migration),
            Box::new(m20261123_000012_events::Migration),
            Box::new(m20261123_000013_teams::Migration),
            Box::new(m20261123_000014_lobby::Migration),
            Box::new(m20261123_000015_requests::Migration),
            Box::new(m20261124_000016_request_links::Migration),
            Box::new(m20261124_000017_contact_language::Migration),
        ]
    }
}

/// Brings the schema up to date in one transaction. Two processes that start at once take turns: on SQLite by the
/// immediate transaction, on PostgreSQL by a lock that ends with it.
pub(crate) async fn migrate(db: &DatabaseConnection) -> StoreResult<()> {
    let backend = db.get_database_backend();
    let txn = db.begin_with_options(connect::write_options(backend)).await?;
    if backend == DbBackend::Postgres {
        let lock = Statement::from_sql_and_values(backend, "SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK.into()]);
        txn.execute_raw(lock).await?;
    }
    Migrator::up(&txn, None).await.map_err(newer_schema)?;
    txn.commit().await?;
    Ok(())
}

/// The migrator's own complaint is that it misses a file, which helps nobody who runs a binary.
fn newer_schema(error: DbErr) -> StoreError {
    if let DbErr::Custom(why) = &error {
        return StoreError::Corrupt(format!("written by a newer version of this program: {why}"));
    }
    error.into()
}
