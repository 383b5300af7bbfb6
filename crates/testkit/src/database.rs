//! A fresh database with everybody in it for each server, copied from one that was made once per process.

use std::{
    env,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use farhand_store::open;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{people::populate, postgres::Postgres};

/// Where the server looks for it in its data directory.
const FILE: &str = "farhand.sqlite";

/// Puts a populated SQLite file into a data directory.
pub async fn into_directory(data_dir: &Path) {
    static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(async || {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(FILE);
        let store = open(&format!("sqlite://{}", path.display())).await.unwrap();
        populate(store.as_ref()).await;
        store.close().await;
        assert!(!dir.path().join(format!("{FILE}-wal")).exists(), "closing the last connection empties the log");
        std::fs::read(path).unwrap()
    });
    std::fs::write(data_dir.join(FILE), template.await).unwrap();
}

/// Makes a populated PostgreSQL database, on the server that `FARHAND_TEST_POSTGRES` names (an administrator's address)
/// or on one of our own, and answers its address.
pub async fn on_postgres() -> String {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(async || {
        let name = fresh_name();
        admin(&format!("CREATE DATABASE {name}")).await;
        let store = open(&with_database(&admin_url(), &name)).await.unwrap();
        populate(store.as_ref()).await;
        store.close().await;
        name
    });
    let name = fresh_name();
    admin(&format!("CREATE DATABASE {name} TEMPLATE {}", template.await)).await;
    with_database(&admin_url(), &name)
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("farhand_server_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// One server for all tests of the process. It ends with the process: nothing drops a static.
fn admin_url() -> String {
    static OWN: OnceLock<Postgres> = OnceLock::new();
    env::var("FARHAND_TEST_POSTGRES").unwrap_or_else(|_| OWN.get_or_init(|| Postgres::start().unwrap()).url("postgres"))
}

fn with_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

async fn admin(sql: &str) {
    execute(&admin_url(), sql).await;
}

/// How many rows it was about.
pub async fn execute(url: &str, sql: &str) -> u64 {
    let connection = Database::connect(url).await.unwrap();
    let rows = connection.execute_unprepared(sql).await.unwrap().rows_affected();
    connection.close().await.unwrap();
    rows
}

/// On a connection of its own, whose locks last as long as it.
pub async fn hold(url: &str, sql: &str) -> DatabaseConnection {
    let mut one = ConnectOptions::new(url);
    one.max_connections(1);
    let connection = Database::connect(one).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection
}
