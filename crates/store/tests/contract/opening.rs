//! Opening, closing, and two programs on one database.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use farhand_store::{StoreError, model::CallFilter, open};
use sea_orm::ConnectionTrait as _;
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::support::{Db, assert_corrupt, assert_unavailable, create, new_call, sqlite_url, with_key};

async fn what_was_saved_is_there_after_a_restart(db: &Db) {
    let domain = db.domain("acme").await;
    let user = db.user(&domain, "ada").await;
    let ada = db.store.contacts_of_users(&[user.id]).await.unwrap().remove(0);
    let call = db.save(with_key(new_call(&ada, &[&ada]), 1, "key")).await;
    let epoch = db.store.next_owner_epoch("node").await.unwrap();
    let version = db.store.directory_version().await.unwrap();
    db.store.close().await;

    let store = db.open_again().await;

    assert!(store.call(call.call_id).await.unwrap() == Some(call.clone()));
    assert!(store.user(user.id).await.unwrap() == Some(user));
    assert_eq!(store.directory_version().await.unwrap(), version);
    assert_eq!(store.next_owner_epoch("node").await.unwrap(), epoch + 1);
    assert_eq!(store.idempotency(1, "key").await.unwrap().unwrap().call_id, call.call_id);
    let mut again = new_call(&ada, &[]);
    again.owner_epoch = epoch + 1;
    assert!(store.save_calls(&[create(&again)]).await.unwrap().remove(0).unwrap().id > call.id);
    store.close().await;
}

async fn a_closed_store_is_unavailable(db: &Db) {
    db.store.ping().await.unwrap();
    db.store.close().await;
    assert_unavailable(db.store.ping().await);
    assert_unavailable(db.store.create_domain("acme").await);
}

#[tokio::test]
async fn what_has_been_copied_out_of_sqlites_log_is_in_the_database_without_it() {
    let dir = TempDir::new().unwrap();
    let store = open(&sqlite_url(&dir)).await.unwrap();
    let copy = |name: &str| {
        let own = TempDir::new().unwrap();
        fs::copy(dir.path().join(name), own.path().join(name)).unwrap();
        own
    };
    let acme = store.create_domain("acme").await.unwrap();
    let without_log = copy("farhand.db");
    store.copy_log().await.unwrap();
    let with_log = copy("farhand.db");
    store.close().await;

    for (copy, domains) in [(without_log, vec![]), (with_log, vec![acme])] {
        let store = open(&sqlite_url(&copy)).await.unwrap();
        assert_eq!(store.domains().await.unwrap(), domains);
        store.close().await;
    }
}

#[tokio::test]
async fn postgres_is_reached_over_tls_and_its_certificate_is_checked_if_that_is_asked() {
    let server = Postgres::start().unwrap();
    let certificate = server.with_tls_only().unwrap();
    // A copy, because only PostgreSQL's own user may enter its directory.
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("root.crt");
    fs::copy(certificate, &root).unwrap();
    let root = format!("sslrootcert={}", root.display());
    let url = server.url("postgres");
    let elsewhere = url.replace("127.0.0.1", "localhost");
    for allowed in [format!("{url}?sslmode=require"), format!("{url}?sslmode=verify-full&{root}"), url.clone()] {
        let store = open(&allowed).await.unwrap_or_else(|error| panic!("{allowed}: {error}"));
        store.ping().await.unwrap();
        store.close().await;
    }
    for refused in [
        format!("{url}?sslmode=disable"),
        format!("{url}?sslmode=verify-full"),
        format!("{elsewhere}?sslmode=verify-full&{root}"),
    ] {
        assert_unavailable(open(&refused).await.map(|_| ()));
    }
}

async fn two_programs_can_write_at_the_same_time(db: &Db) {
    let ada = db.person(&db.domain("acme").await, "ada").await;
    let tool = db.open_again().await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let (store, tool) = (Arc::clone(&db.store), Arc::clone(&tool));
        let calls = [create(&new_call(&ada, &[]))];
        tasks.push(tokio::spawn(async move {
            store.save_calls(&calls).await.unwrap();
            tool.create_domain(&format!("domain {number}")).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(db.store.domains().await.unwrap().len(), 21);
    let filter = CallFilter { domain_id: ada.domain_id, limit: 100, ..CallFilter::default() };
    assert_eq!(tool.calls(&filter).await.unwrap().len(), 20);
    tool.close().await;
}

async fn a_newer_programs_database_is_refused_with_a_clear_word(db: &Db) {
    let raw = db.raw().await;
    raw.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m2999_future', 0)")
        .await
        .unwrap();

    let Err(error) = open(&db.url).await else { panic!("opened") };

    assert!(matches!(&error, StoreError::Corrupt(why) if why.contains("newer version")), "{error}");
    assert!(error.to_string().contains("m2999_future"), "{error}");
}

contract!(
    what_was_saved_is_there_after_a_restart,
    a_closed_store_is_unavailable,
    two_programs_can_write_at_the_same_time,
    a_newer_programs_database_is_refused_with_a_clear_word,
);

#[tokio::test]
async fn a_new_sqlite_file_is_private() {
    let dir = TempDir::new().unwrap();
    let store = open(&sqlite_url(&dir)).await.unwrap();
    store.create_domain("acme").await.unwrap();
    let mut files = 0;
    for file in fs::read_dir(&dir).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and its shared memory");
    store.close().await;
}

#[tokio::test]
async fn programs_that_start_at_once_migrate_once() {
    let dir = TempDir::new().unwrap();
    let opening: Vec<_> = (0..16)
        .map(|_| {
            tokio::spawn({
                let url = sqlite_url(&dir);
                async move { open(&url).await }
            })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap().close().await;
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_opened_says_why() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("farhand.db"), "this is no database, but long enough to be taken for one. ".repeat(100))
        .unwrap();
    let broken = open(&sqlite_url(&dir)).await;
    assert!(matches!(&broken, Err(error) if error.to_string().contains("farhand.db")), "names the file");
    assert_corrupt(broken);

    assert_unavailable(open("sqlite:///no/such/directory/farhand.db").await);
    assert_unavailable(open("sqlite://").await);
    assert_unavailable(open("sqlite::memory:").await);
    assert_unavailable(open("mysql://root@localhost/farhand").await);
    let Err(error) = open("postgres://farhand:secret@127.0.0.1:1/farhand").await else { panic!("opened") };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}
