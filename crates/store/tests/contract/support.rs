//! A fresh database for each test, and people and calls to put into it.

use std::{
    env,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use farhand_domain::time::Timestamp;
use farhand_store::{
    Store, StoreError,
    model::{
        Budget, CallRecord, CallUpdate, CallWrite, Contact, Domain, EventRow, HistoryRow, Invitation, InvitedTeam,
        NewCall, NewEvent, NewGuest, NewIdempotency, NewUser, Refused, RunningCall, Saved, StatisticsRow, User,
    },
    open,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::postgres::Postgres;

/// Makes each function a test on SQLite and a test on PostgreSQL.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                crate::support::on_sqlite(super::$name).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                crate::support::on_postgres(super::$name).await;
            })+
        }
    };
}

pub struct Db {
    pub store: Arc<dyn Store>,
    pub url: String,
}

pub async fn on_sqlite(test: impl AsyncFnOnce(&Db)) {
    let dir = TempDir::new().unwrap();
    let url = sqlite_url(&dir);
    let db = Db { store: open(&url).await.unwrap(), url };
    test(&db).await;
    db.store.close().await;
}

pub fn sqlite_url(dir: &TempDir) -> String {
    format!("sqlite://{}", dir.path().join("farhand.db").display())
}

pub async fn on_postgres(test: impl AsyncFnOnce(&Db)) {
    let name = fresh_name();
    let template = template().await;
    admin(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let url = with_database(&admin_url(), &name);
    let db = Db { store: open(&url).await.unwrap(), url };
    test(&db).await;
    db.store.close().await;
    admin(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

/// Spread over the whole range, as real ones are.
pub fn fresh_uuid() -> Uuid {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let number = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
    Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("farhand_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// One server for all tests of the process. It ends with the process: nothing drops a static.
fn admin_url() -> String {
    static OWN: OnceLock<Postgres> = OnceLock::new();
    env::var("FARHAND_TEST_POSTGRES").unwrap_or_else(|_| OWN.get_or_init(|| Postgres::start().unwrap()).url("postgres"))
}

/// Copying a migrated database is faster than migrating each.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(async || {
            let name = format!("{}_template", fresh_name());
            admin(&format!("CREATE DATABASE {name}")).await;
            open(&with_database(&admin_url(), &name)).await.unwrap().close().await;
            name
        })
        .await
}

fn with_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

async fn admin(sql: &str) {
    let connection = Database::connect(admin_url()).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

impl Db {
    /// What another process would see.
    pub async fn open_again(&self) -> Arc<dyn Store> {
        open(&self.url).await.unwrap()
    }

    /// Past the store, to see what it left or to break something.
    pub async fn raw(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    pub async fn count(&self, table: &str) -> i64 {
        let raw = self.raw().await;
        let sql = sea_orm::Statement::from_string(raw.get_database_backend(), format!("SELECT COUNT(*) FROM {table}"));
        let count = raw.query_one_raw(sql).await.unwrap().unwrap().try_get_by(0).unwrap();
        raw.close().await.unwrap();
        count
    }

    pub async fn domain(&self, name: &str) -> Domain {
        self.store.create_domain(name).await.unwrap()
    }

    pub async fn user(&self, domain: &Domain, login: &str) -> User {
        self.store.create_user(&new_user(domain, login)).await.unwrap()
    }

    /// All calls that have not ended, taken over: read in pages that no number of calls here fills.
    pub async fn taken_over(&self, node: &str, epoch: i64) -> Vec<RunningCall> {
        self.store.take_over(node, epoch).await.unwrap();
        let mut running: Vec<RunningCall> = Vec::new();
        loop {
            let after = running.last().map_or(0, |call| call.record.id);
            let page = self.store.running_calls(node, epoch, after, 7).await.unwrap();
            assert!(page.len() <= 7);
            if page.is_empty() {
                return running;
            }
            running.extend(page);
        }
    }

    /// A user's contact.
    pub async fn person(&self, domain: &Domain, login: &str) -> Contact {
        let user = self.user(domain, login).await;
        self.store.contacts_of_users(&[user.id]).await.unwrap().remove(0)
    }

    pub async fn guest(&self, domain: &Domain, name: &str) -> Contact {
        let guest = NewGuest { domain_id: domain.id, display_name: name.to_owned() };
        self.store.create_guests(&[guest]).await.unwrap().remove(0)
    }

    /// Saves a call as its database will show it.
    pub async fn save(&self, new: NewCall) -> CallRecord {
        let saved = self.save_one(CallWrite::Create(Box::new(new.clone()))).await.unwrap();
        as_saved(&new, &saved)
    }

    pub async fn save_one(&self, write: CallWrite) -> Result<Saved, Refused> {
        self.store.save_calls(&[write]).await.unwrap().remove(0)
    }

    pub async fn update(&self, update: CallUpdate) -> Result<Saved, Refused> {
        self.save_one(CallWrite::Update(Box::new(update))).await
    }

    pub async fn read(&self, call: &CallRecord) -> CallRecord {
        self.store.call(call.call_id).await.unwrap().unwrap()
    }
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

pub fn new_user(domain: &Domain, login: &str) -> NewUser {
    NewUser {
        id: None,
        domain_id: domain.id,
        login: login.to_owned(),
        display_name: format!("The {login}"),
        email: None,
        phone: None,
        password_hash: None,
        roles: Vec::new(),
        operator: false,
    }
}

pub fn invite(contact: &Contact) -> Invitation {
    Invitation {
        contact: contact.clone(),
        display_name: format!("invited as {}", contact.display_name),
        email: Some("somebody@example.org".to_owned()),
        phone: None,
        language: Some("de".to_owned()),
    }
}

pub fn event(seq: i64, contact: &Contact) -> EventRow {
    EventRow { id: 0, seq, kind: format!("KIND_{seq}"), contact_id: contact.id, at: at(seq) }
}

pub fn new_event(seq: i64, contact: &Contact) -> NewEvent {
    NewEvent { seq, kind: "LATER", contact_id: contact.id, at: at(seq) }
}

pub fn history(seq: i64, contact: Option<&Contact>) -> HistoryRow {
    HistoryRow {
        seq,
        kind: format!("kind {seq}"),
        contact_id: contact.map(|contact| contact.id),
        channel: contact.map(|_| "MAIL".to_owned()),
        state: Some("sent".to_owned()),
        reason: None,
        at: at(seq),
    }
}

pub fn statistics(seq: i64, contact: &Contact) -> StatisticsRow {
    StatisticsRow {
        seq,
        contact_id: contact.id,
        joined_at: at(seq),
        left_at: at(seq + 10),
        why: format!("why {seq}"),
        reconnects: seq * 2,
        figures: format!("{{\"seq\":{seq}}}"),
    }
}

pub fn team(id: i64, name: &str, tags: &[&str]) -> InvitedTeam {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    InvitedTeam { id, name: name.to_owned(), tags }
}

/// A call with two events, an invitation and a row of history, owned by `node` 1 at epoch 1.
pub fn new_call(creator: &Contact, invited: &[&Contact]) -> NewCall {
    let record = CallRecord {
        id: 0,
        call_id: fresh_uuid(),
        domain_id: creator.domain_id,
        title: "Pump 7".to_owned(),
        reason: "STANDARD".to_owned(),
        call_type: "SFU".to_owned(),
        status: "Planned".to_owned(),
        join_anonymous: false,
        inform_directly: true,
        creator_user: None,
        budget: Budget::default(),
        creator: creator.clone(),
        maker: creator.clone(),
        invited: invited.iter().map(|contact| invite(contact)).collect(),
        teams: Vec::new(),
        planned_at: None,
        planned_zone: None,
        calendar_sequence: 0,
        stored_addresses: false,
        created_at: at(0),
        started_at: None,
        ended_at: None,
        events: vec![event(1, creator), event(2, creator)],
        history: vec![history(1, Some(creator))],
        statistics: Vec::new(),
        deliveries: Vec::new(),
        guest_links: Vec::new(),
        link: None,
        origin: None,
    };
    let state = "{\"phase\":\"ringing\"}".to_owned();
    NewCall { record, state, owner_node: "node".to_owned(), owner_epoch: 1, sleeps_until: None, idempotency: None }
}

pub fn create(new: &NewCall) -> CallWrite {
    CallWrite::Create(Box::new(new.clone()))
}

pub fn with_key(mut new: NewCall, caller: i64, key: &str) -> NewCall {
    new.idempotency = Some(NewIdempotency { caller, key: key.to_owned(), body_hash: [caller.to_le_bytes()[0]; 32] });
    new
}

pub fn as_saved(new: &NewCall, saved: &Saved) -> CallRecord {
    let mut record = new.record.clone();
    record.id = saved.id;
    for (event, id) in record.events.iter_mut().zip(&saved.event_ids) {
        event.id = *id;
    }
    record
}

/// The next version of a call that changes nothing yet.
pub fn next(record: &CallRecord, expected_version: i64) -> CallUpdate {
    CallUpdate {
        id: record.id,
        owner_node: "node".to_owned(),
        owner_epoch: 1,
        expected_version,
        state: "{}".to_owned(),
        title: record.title.clone(),
        call_type: record.call_type.clone(),
        status: record.status.clone(),
        join_anonymous: record.join_anonymous,
        planned_at: record.planned_at,
        planned_zone: record.planned_zone.clone(),
        calendar_sequence: record.calendar_sequence,
        started_at: record.started_at,
        ended_at: record.ended_at,
        sleeps_until: None,
        new_events: Vec::new(),
        new_history: Vec::new(),
        new_statistics: Vec::new(),
        new_deliveries: Vec::new(),
        guest_links: Vec::new(),
        link: None,
        heard: Vec::new(),
        new_invited: Vec::new(),
        changed_invited: Vec::new(),
        new_teams: Vec::new(),
    }
}

pub fn ended(record: &CallRecord, expected_version: i64) -> CallUpdate {
    CallUpdate { status: "Ended".to_owned(), ended_at: Some(at(99)), ..next(record, expected_version) }
}

#[track_caller]
pub fn assert_constraint<T>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Constraint(_))), "{:?}", result.err());
}

#[track_caller]
pub fn assert_unavailable<T>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{:?}", result.err());
}

#[track_caller]
pub fn assert_corrupt<T>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{:?}", result.err());
}
