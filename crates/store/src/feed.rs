//! What happened in calls, for whoever follows along. Nothing is written twice: rows of the log, of the history and of messages have a
//! number, and are read in its order. Numbers have no gap, and their order is that of the commits: whoever gives one holds the only row
//! of `feed` until the commit, so that nobody ever sees a number before a smaller one.

use std::collections::HashMap;

use farhand_domain::time::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DerivePartialModel, EntityTrait, QueryFilter, QueryResult,
    Statement, Value,
};

use crate::{
    StoreError, StoreResult,
    bulk::id_lists,
    calls_write::parse_uuid,
    contacts::read_contacts,
    entity::calls::call,
    model::{CallUpdate, Contact, Delivery, FeedCall, FeedEvent, FeedFilter, FeedPage, NewCall},
    sql_store::SqlStore,
};

/// Numbers that one page looks through. Whoever sees few of them gets short pages, and no question reads the whole database.
const WINDOW: i64 = 1_000;
/// The log's last row. The history says it as well, and why: it is told once.
const SAID_BY_HISTORY: &str = "Ended";

/// Whether a row of the log is told of.
pub(crate) fn is_told(kind: &str) -> bool {
    kind != SAID_BY_HISTORY
}

fn steps(deliveries: &[Delivery]) -> usize {
    deliveries.iter().map(|delivery| delivery.steps.len()).sum()
}

/// How many numbers a new call takes.
pub(crate) fn told_by_create(new: &NewCall) -> usize {
    let record = &new.record;
    record.events.iter().filter(|event| is_told(&event.kind)).count() + record.history.len() + steps(&record.deliveries)
}

/// How many a step takes, beside what it means for earlier messages.
pub(crate) fn told_by_update(update: &CallUpdate) -> usize {
    let events = update.new_events.iter().filter(|event| is_told(event.kind)).count();
    events + update.new_history.len() + steps(&update.new_deliveries)
}

/// Numbers that were taken and not given yet.
pub(crate) struct Numbers {
    next: i64,
}

impl Numbers {
    /// Takes so many, and everybody else waits until the commit.
    pub(crate) async fn take(txn: &DatabaseTransaction, count: usize) -> StoreResult<Self> {
        if count == 0 {
            return Ok(Self { next: 0 });
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Self { next: raise(txn, count).await? - count + 1 })
    }

    /// Before anything else is locked that others lock after they have taken numbers: else both could wait for each other.
    pub(crate) async fn lock(txn: &DatabaseTransaction) -> StoreResult<()> {
        raise(txn, 0).await.map(drop)
    }

    pub(crate) fn give(&mut self) -> i64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

async fn raise(txn: &DatabaseTransaction, by: i64) -> StoreResult<i64> {
    let sql = "UPDATE feed SET last = last + $1 WHERE id = 1 RETURNING last";
    let row = txn.query_one_raw(Statement::from_sql_and_values(txn.get_database_backend(), sql, [by.into()])).await?;
    row.map_or_else(|| Err(no_numbers()), |row| Ok(row.try_get_by(0)?))
}

fn no_numbers() -> StoreError {
    StoreError::Corrupt("the table feed is empty".to_owned())
}

/// All that has happened, where these conditions hold.
fn rows(condition: &str) -> String {
    format!(
        "SELECT number, call, kind, contact_id, NULL AS channel, NULL AS state, NULL AS reason, at, \
         NULL AS message, NULL AS about FROM call_events WHERE {condition} \
         UNION ALL SELECT number, call, kind, contact_id, channel, state, reason, at, NULL, NULL \
         FROM call_history WHERE {condition} \
         UNION ALL SELECT s.number, d.call, 'Notification', d.contact_id, d.channel, s.state, s.reason, s.at, d.id, d.kind \
         FROM delivery_steps s JOIN deliveries d ON d.id = s.delivery WHERE {condition}"
    )
}

/// A row before it is known of which call.
struct Row {
    number: i64,
    call: i64,
    kind: String,
    contact: Option<i64>,
    channel: Option<String>,
    state: Option<String>,
    reason: Option<String>,
    at: i64,
    message: Option<String>,
    about: Option<String>,
}

impl Row {
    fn read(row: &QueryResult) -> StoreResult<Self> {
        Ok(Self {
            number: row.try_get_by(0)?,
            call: row.try_get_by(1)?,
            kind: row.try_get_by(2)?,
            contact: row.try_get_by(3)?,
            channel: row.try_get_by(4)?,
            state: row.try_get_by(5)?,
            reason: row.try_get_by(6)?,
            at: row.try_get_by(7)?,
            message: row.try_get_by(8)?,
            about: row.try_get_by(9)?,
        })
    }
}

async fn ask(db: &impl ConnectionTrait, sql: String, values: Vec<Value>) -> StoreResult<Vec<Row>> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_all_raw(statement).await?.iter().map(Row::read).collect()
}

pub(crate) async fn end(db: &impl ConnectionTrait) -> StoreResult<i64> {
    let sql = "SELECT last FROM feed WHERE id = 1";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    row.map_or_else(|| Err(no_numbers()), |row| Ok(row.try_get_by(0)?))
}

impl SqlStore {
    pub(crate) async fn read_feed_end(&self) -> StoreResult<i64> {
        end(&self.reader).await
    }

    pub(crate) async fn read_feed(&self, filter: &FeedFilter) -> StoreResult<FeedPage> {
        let txn = self.begin_read().await?;
        let end = end(&txn).await?;
        let after = filter.after.clamp(0, end);
        // Most who follow along look when somebody else's call has brought news, or none has.
        if after == end {
            txn.commit().await?;
            return Ok(FeedPage { events: Vec::new(), next: end, end });
        }
        let upto = (after + WINDOW).min(end);
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let mut values: Vec<Value> = vec![after.into(), upto.into(), filter.domain_id.into(), limit.into()];
        let (members, is_member) = if let Some(user) = filter.member {
            values.push(user.into());
            (" CROSS JOIN call_members m", " AND m.user_id = $5 AND m.call = c.id")
        } else {
            ("", "")
        };
        // A cross join keeps its order on SQLite, which else might go through all calls of the domain to find a few events.
        let sql = format!(
            "SELECT f.number, f.call, f.kind, f.contact_id, f.channel, f.state, f.reason, f.at, f.message, f.about \
             FROM ({}) f CROSS JOIN calls c{members} WHERE c.id = f.call AND c.domain_id = $3{is_member} \
             ORDER BY f.number LIMIT $4",
            rows("number > $1 AND number <= $2")
        );
        let found = ask(&txn, sql, values).await?;
        let full = found.len() as u64 >= filter.limit;
        let next = found.last().filter(|_| full).map_or(upto, |last| last.number);
        let mut counts = counts(&txn, &found, after).await?;
        let sequence = |row: &Row| {
            let count = counts.entry(row.call).or_insert(0);
            *count += 1;
            *count
        };
        let events = complete(&txn, found, sequence).await?;
        txn.commit().await?;
        Ok(FeedPage { events, next, end })
    }

    pub(crate) async fn read_call_feed(&self, call: i64, after: i64, limit: u64) -> StoreResult<Vec<FeedEvent>> {
        let txn = self.begin_read().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Nothing of a call is ever forgotten, so that the nth row is the one with sequence n.
        let sql = format!("{} ORDER BY 1 LIMIT $2 OFFSET $3", rows("call = $1 AND number IS NOT NULL"));
        let found = ask(&txn, sql, vec![call.into(), limit.into(), after.into()]).await?;
        let mut sequence = after;
        let events = complete(&txn, found, |_| {
            sequence += 1;
            sequence
        });
        let events = events.await?;
        txn.commit().await?;
        Ok(events)
    }
}

/// How many rows each of these calls has up to a number.
async fn counts(db: &impl ConnectionTrait, of: &[Row], upto: i64) -> StoreResult<HashMap<i64, i64>> {
    let mut counts = HashMap::new();
    for list in id_lists(of.iter().map(|row| row.call).collect()) {
        let places: Vec<_> = (0..list.len()).map(|index| format!("${}", index + 2)).collect();
        let condition = format!("call IN ({}) AND number <= $1", places.join(","));
        let sql = format!("SELECT f.call, COUNT(*) FROM ({}) f GROUP BY f.call", rows(&condition));
        let values: Vec<Value> = [upto].into_iter().chain(list).map(Value::from).collect();
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        for row in db.query_all_raw(statement).await? {
            counts.insert(row.try_get_by(0)?, row.try_get_by(1)?);
        }
    }
    Ok(counts)
}

/// What is told of a call itself.
#[derive(Clone, DerivePartialModel)]
#[sea_orm(entity = "call::Entity")]
struct Brief {
    id: i64,
    call_id: String,
    title: String,
    status: String,
    call_type: String,
    reason: String,
    planned_at: Option<i64>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl Brief {
    fn read(self) -> StoreResult<FeedCall> {
        let time = |at: Option<i64>| at.map(Timestamp::from_millis);
        Ok(FeedCall {
            call_id: parse_uuid(&self.call_id)?,
            title: self.title,
            status: self.status,
            call_type: self.call_type,
            reason: self.reason,
            planned_at: time(self.planned_at),
            started_at: time(self.started_at),
            ended_at: time(self.ended_at),
        })
    }
}

async fn complete(
    db: &impl ConnectionTrait,
    rows: Vec<Row>,
    mut sequence: impl FnMut(&Row) -> i64,
) -> StoreResult<Vec<FeedEvent>> {
    let mut calls = HashMap::new();
    for list in id_lists(rows.iter().map(|row| row.call).collect()) {
        let of_list = call::Entity::find().filter(call::Column::Id.is_in(list)).into_partial_model::<Brief>();
        for brief in of_list.all(db).await? {
            calls.insert(brief.id, brief.read()?);
        }
    }
    let contacts = read_contacts(db, rows.iter().filter_map(|row| row.contact).collect()).await?;
    rows.into_iter()
        .map(|row| {
            let missing = || StoreError::Corrupt(format!("event {} is of no call", row.number));
            let call = calls.get(&row.call).cloned().ok_or_else(missing)?;
            let sequence = sequence(&row);
            told(row, sequence, call, &contacts)
        })
        .collect()
}

fn told(row: Row, sequence: i64, call: FeedCall, contacts: &HashMap<i64, Contact>) -> StoreResult<FeedEvent> {
    let message = row.message.zip(row.about).map(|(id, about)| Ok::<_, StoreError>((parse_uuid(&id)?, about)));
    Ok(FeedEvent {
        number: row.number,
        sequence,
        kind: row.kind,
        contact: row.contact.and_then(|id| contacts.get(&id).cloned()),
        channel: row.channel,
        state: row.state,
        reason: row.reason,
        at: Timestamp::from_millis(row.at),
        message: message.transpose()?,
        call,
    })
}
