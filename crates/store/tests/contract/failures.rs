//! A database that is full, away or frozen: nothing is half written, nothing hangs, and it works again afterwards.

use std::{
    env,
    process::{self, Command},
    time::{Duration, Instant},
};

use farhand_store::{Store, open};
use tempfile::TempDir;

use crate::{
    postgres::Postgres,
    support::{Db, assert_unavailable, create, new_call, sqlite_url, with_key},
};

/// As long as a pool waits for a connection, and some more for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A limit on the size of files stands for a full disk: it needs no privileges. It holds for the whole process, so this
/// test runs in one of its own, which also has to ignore the signal that comes with such a write.
#[test]
fn a_full_disk_saves_nothing_and_works_again_once_there_is_room() {
    let script = "trap '' XFSZ; exec \"$0\" --exact --ignored failures::in_a_process_with_a_full_disk";
    let output = Command::new("sh").args(["-c", script]).arg(env::current_exe().unwrap()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
}

#[tokio::test]
#[ignore = "started by a_full_disk_saves_nothing_and_works_again_once_there_is_room"]
async fn in_a_process_with_a_full_disk() {
    let dir = TempDir::new().unwrap();
    let url = sqlite_url(&dir);
    let db = Db { store: open(&url).await.unwrap(), url };
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let kept = db.save(new_call(&ada, &[])).await;
    let mut large = with_key(new_call(&ada, &[&ada]), 1, "key");
    large.state = "x".repeat(4_000_000);

    limit_files("2000000");
    for _ in 0..3 {
        assert_unavailable(db.store.save_calls(&[create(&new_call(&ada, &[])), create(&large)]).await);
    }
    assert_eq!(db.count("calls").await, 1);
    limit_files("unlimited");

    let saved = db.save(large).await;
    assert!(db.read(&saved).await == saved);
    assert!(db.read(&kept).await == kept);
    // Seen by another connection: committed, and not left in a transaction that a failure never ended.
    assert_eq!(db.count("calls").await, 2);
    db.store.close().await;
}

fn limit_files(bytes: &str) {
    let pid = process::id().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status().unwrap();
    assert!(status.success());
}

async fn fails_soon(store: &dyn Store) {
    let asked = Instant::now();
    assert_unavailable(store.ping().await);
    assert_unavailable(store.create_domain("lost").await);
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_stopped_postgres_is_unavailable_and_works_again_once_it_is_back() {
    let server = Postgres::start().unwrap();
    let url = server.url("postgres");
    let db = Db { store: open(&url).await.unwrap(), url };
    let domain = db.domain("acme").await;
    let ada = db.person(&domain, "ada").await;
    let kept = db.save(new_call(&ada, &[])).await;

    server.stop().unwrap();
    fails_soon(&*db.store).await;
    server.resume().unwrap();

    // The first attempt already: dead connections are found out before they are used.
    assert_eq!(db.store.domains().await.unwrap(), [domain]);
    assert!(db.read(&kept).await == kept);
    db.save(new_call(&ada, &[])).await;
    db.store.close().await;
}

#[tokio::test]
async fn a_postgres_that_does_not_answer_is_unavailable_and_works_again_once_it_does() {
    let server = Postgres::start().unwrap();
    let url = server.url("postgres");
    let db = Db { store: open(&url).await.unwrap(), url };
    let domain = db.domain("acme").await;

    server.freeze().unwrap();
    fails_soon(&*db.store).await;
    server.thaw().unwrap();

    db.store.create_domain("other").await.unwrap();
    assert_eq!(db.store.domains().await.unwrap()[0], domain);
    assert_eq!(db.store.domains().await.unwrap().len(), 2, "what was given up is not there");
    db.store.close().await;
}
