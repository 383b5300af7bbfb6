//! Opening a database: which of the two it is, how it is tuned, and the schema brought up to date.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sea_orm::{
    AccessMode, DbBackend, IsolationLevel, SqliteTransactionMode, SqlxPostgresConnector, SqlxSqliteConnector,
    TransactionOptions,
    sqlx::{
        self, ConnectOptions as _, Connection as _,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

use crate::{Store, StoreError, StoreResult, error::from_sqlx, migration, sql_store::SqlStore};

/// How long a writer waits for another process (the command line tool beside the server) to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Waiting for a connection ends here, so that an absent database is an error and not a hang. Longer than any commit
/// should take, shorter than a person's patience.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// SQLite's readers are bound by the processor, so a few are enough.
const SQLITE_READERS: u32 = 4;
/// PostgreSQL has a process per connection.
const POSTGRES_CONNECTIONS: u32 = 8;
/// Bulk statements come in a handful of sizes per table; all of them stay prepared.
const PREPARED_STATEMENTS: usize = 256;

/// Rows that may wait to be taken from SQLite's thread. Fewer, and a bulk statement's rows are handed over in turns.
const ROW_BUFFER: usize = 256;
/// SQLite's log is copied into the database all the time, beside the writer ([`Store::copy_log`]), and begins anew in a commit that finds it
/// as long as this (in pages of 4 KiB), which copies what is left. The default of 1,000 costs a
/// seventh of the write rate, because pages that many calls share are copied again and again; ten times as many make
/// the log 40 MB long and a start after a crash a fraction of a second longer.
const WAL_PAGES: &str = "10000";

/// Where a store is, as the configuration names it.
enum Location {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// Opens `sqlite://path` (made if it is missing) or `postgres://…` and brings its schema up to date.
pub async fn open(url: &str) -> StoreResult<Arc<dyn Store>> {
    let store = match parse(url)? {
        Location::Sqlite(path) => open_sqlite(&path).await?,
        Location::Postgres(options) => open_postgres(*options).await?,
    };
    Ok(Arc::new(store))
}

/// Errors never show the text: it may hold a password.
fn parse(url: &str) -> StoreResult<Location> {
    if let Some(rest) = url.strip_prefix("sqlite:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        if path.is_empty() || path == ":memory:" {
            return Err(StoreError::Unavailable("sqlite:// needs the path of a file".to_owned()));
        }
        return Ok(Location::Sqlite(PathBuf::from(path)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let options = url
            .parse::<PgConnectOptions>()
            .map_err(|error| StoreError::Unavailable(format!("not a PostgreSQL address: {error}")))?;
        return Ok(Location::Postgres(Box::new(options)));
    }
    Err(StoreError::Unavailable("a database address starts with sqlite:// or postgres://".to_owned()))
}

async fn open_sqlite(path: &Path) -> StoreResult<SqlStore> {
    let named = |error| name_file(path, error);
    create_private(path).map_err(|error| named(StoreError::Unavailable(error.to_string())))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(PREPARED_STATEMENTS)
        .row_buffer_size(ROW_BUFFER)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", WAL_PAGES)
        // What a bulk statement would need to undo itself; by default a file, made and removed each time.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();

    // Held until the schema is there.
    let _turn = take_turn(path).await.map_err(|error| named(StoreError::Unavailable(error.to_string())))?;
    let writer = sqlite_pool(1)
        .after_release(|connection, _| Box::pin(async move { ended_its_transaction(connection).await }))
        .connect_with(options.clone())
        .await
        .map_err(|error| named(from_sqlx(&error)))?;
    let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
    migration::migrate(&writer).await.map_err(named)?;

    let options = options.pragma("query_only", "ON");
    let reader = sqlite_pool(SQLITE_READERS).connect_with(options).await.map_err(|error| named(from_sqlx(&error)))?;
    Ok(SqlStore::new(writer, SqlxSqliteConnector::from_sqlx_sqlite_pool(reader)))
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A file does not go stale, and a fresh connection would have to prepare everything again.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// SQLite itself ends a transaction that met a full disk. The driver keeps counting it as open, so its next `BEGIN`
/// would become a savepoint whose end is no commit. Such a connection is thrown away.
async fn ended_its_transaction(connection: &mut sqlx::SqliteConnection) -> Result<bool, sqlx::Error> {
    // A dropped transaction's rollback is still in the queue before this.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Programs that open a new file at once would get in each other's way: SQLite does not wait for others while it gives a
/// file its log (WAL), whatever its time-out. So they take turns, by a lock on the directory, which ends with whoever holds it.
async fn take_turn(path: &Path) -> io::Result<File> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let taken = tokio::task::spawn_blocking(move || {
        let directory = File::open(directory)?;
        match directory.try_lock() {
            Err(TryLockError::WouldBlock) => {
                tracing::warn!("waiting for another program that opens a database in this directory");
                directory.lock()?;
            }
            taken => taken?,
        }
        Ok(directory)
    });
    taken.await.map_err(io::Error::other)?
}

/// Only the server's own user may read what people said to whom. WAL and shared memory take over the file's mode.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn name_file(path: &Path, error: StoreError) -> StoreError {
    let path = path.display();
    match error {
        StoreError::Unavailable(why) => StoreError::Unavailable(format!("{path}: {why}")),
        StoreError::Constraint(why) => StoreError::Constraint(format!("{path}: {why}")),
        StoreError::Corrupt(why) => StoreError::Corrupt(format!("{path}: {why}")),
    }
}

async fn open_postgres(options: PgConnectOptions) -> StoreResult<SqlStore> {
    let options =
        options.application_name("farhand").statement_cache_capacity(PREPARED_STATEMENTS).disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // After the database came back, every idle connection is dead: find out before using one.
        .test_before_acquire(true)
        .after_release(|connection, _| Box::pin(async move { still_answers(connection).await }))
        .connect_with(options)
        .await
        .map_err(|error| from_sqlx(&error))?;
    let pool = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    migration::migrate(&pool).await?;
    Ok(SqlStore::new(pool.clone(), pool))
}

/// Without a time limit here a connection whose peer vanished would keep its place in the pool for as long as TCP hopes.
async fn still_answers(connection: &mut sqlx::PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(ACQUIRE_TIMEOUT, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// A transaction that writes. On SQLite it takes the write lock at once: a lock taken later can be refused at a point
/// where only starting again would help.
pub(crate) fn write_options(backend: DbBackend) -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: (backend == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// A transaction whose statements all see the same moment. On SQLite every one does.
pub(crate) fn read_options(backend: DbBackend) -> TransactionOptions {
    if backend == DbBackend::Sqlite {
        return TransactionOptions::default();
    }
    TransactionOptions {
        isolation_level: Some(IsolationLevel::RepeatableRead),
        access_mode: Some(AccessMode::ReadOnly),
        ..TransactionOptions::default()
    }
}
