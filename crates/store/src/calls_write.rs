//! Saving calls, many in one transaction: the path of every created call and every step of one.
//!
//! What can be refused is found out by asking first, because an error inside a transaction would spoil it for all.

use std::{
    collections::{HashMap, HashSet},
    slice,
};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait, Value};
use uuid::Uuid;

use crate::{
    StoreError, StoreResult,
    bulk::{id_lists, push_places},
    calls_rows::{Attached, CALLS, KEYS, UPDATES, call_row, update_row},
    deliveries::hear,
    feed::{Numbers, told_by_create, told_by_update},
    model::{CallUpdate, CallWrite, Delivery, NewCall, Refused, Saved},
    sql_store::SqlStore,
};

type Outcome = Result<Saved, Refused>;

impl SqlStore {
    pub(crate) async fn write_calls(&self, writes: &[CallWrite]) -> StoreResult<Vec<Outcome>> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        match self.write_together(writes).await {
            Err(StoreError::Constraint(why)) => {
                tracing::error!(%why, writes = writes.len(), "a batch of calls holds a row the database refuses");
                self.write_apart(writes).await
            }
            outcome => outcome,
        }
    }

    async fn write_together(&self, writes: &[CallWrite]) -> StoreResult<Vec<Outcome>> {
        let txn = self.begin_write().await?;
        let outcomes = save(&txn, writes).await?;
        txn.commit().await?;
        self.tell();
        Ok(outcomes)
    }

    /// Each write behind its own savepoint: slower, but only those that the database refuses are lost. Still one
    /// transaction, so that an error still means that nothing was saved.
    async fn write_apart(&self, writes: &[CallWrite]) -> StoreResult<Vec<Outcome>> {
        let txn = self.begin_write().await?;
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            let part = txn.begin().await?;
            match save(&part, slice::from_ref(write)).await {
                Ok(outcome) => {
                    part.commit().await?;
                    outcomes.extend(outcome);
                }
                Err(StoreError::Constraint(why)) => {
                    part.rollback().await?;
                    outcomes.push(Err(Refused::Constraint(why)));
                }
                Err(error) => return Err(error),
            }
        }
        txn.commit().await?;
        self.tell();
        Ok(outcomes)
    }
}

/// Saves what is not refused.
async fn save(txn: &DatabaseTransaction, writes: &[CallWrite]) -> StoreResult<Vec<Outcome>> {
    let mut refused = HashMap::new();
    refuse_fenced_creates(txn, writes, &mut refused).await?;
    refuse_used_keys(txn, writes, &mut refused).await?;
    refuse_conflicts(txn, writes, &mut refused).await?;

    let accepted = || writes.iter().enumerate().filter(|(index, _)| !refused.contains_key(index));
    let creates: Vec<&NewCall> = accepted().filter_map(|(_, write)| as_create(write)).collect();
    let updates: Vec<&CallUpdate> = accepted().filter_map(|(_, write)| as_update(write)).collect();
    let ids = insert_calls(txn, &creates).await?;
    update_calls(txn, &updates).await?;

    let heard = || updates.iter().flat_map(|update| &update.heard);
    let told = creates.iter().map(|new| told_by_create(new)).chain(updates.iter().map(|update| told_by_update(update)));
    let mut attached = Attached::new(Numbers::take(txn, told.sum()).await?);
    attach_creates(&mut attached, &creates, &ids)?;
    attach_updates(txn, &mut attached, &updates).await?;
    let mut event_ids = HashMap::new();
    for row in attached.insert(txn).await? {
        event_ids.insert((row.try_get_by(1)?, row.try_get_by(2)?), row.try_get_by(0)?);
    }
    let mut changed: HashMap<i64, Vec<Delivery>> = HashMap::new();
    if heard().next().is_some() {
        Numbers::lock(txn).await?;
    }
    for (call, delivery) in hear(txn, heard()).await? {
        changed.entry(call).or_default().push(delivery);
    }
    let outcome = |(index, write)| match refused.get(&index) {
        Some(why) => Ok(Err(why.clone())),
        None => saved(write, &ids, &event_ids, &mut changed).map(Ok),
    };
    writes.iter().enumerate().map(outcome).collect()
}

fn as_create(write: &CallWrite) -> Option<&NewCall> {
    match write {
        CallWrite::Create(new) => Some(new),
        CallWrite::Update(_) => None,
    }
}

fn as_update(write: &CallWrite) -> Option<&CallUpdate> {
    match write {
        CallWrite::Create(_) => None,
        CallWrite::Update(update) => Some(update),
    }
}

/// A node that has started again has a higher epoch. What its former self still creates nobody would look after.
async fn refuse_fenced_creates(
    txn: &DatabaseTransaction,
    writes: &[CallWrite],
    refused: &mut HashMap<usize, Refused>,
) -> StoreResult<()> {
    let mut epochs: HashMap<&str, i64> = HashMap::new();
    for (index, new) in writes.iter().enumerate().filter_map(|(index, write)| Some((index, as_create(write)?))) {
        let epoch = match epochs.get(new.owner_node.as_str()) {
            Some(epoch) => *epoch,
            None => *epochs.entry(&new.owner_node).or_insert(read_epoch(txn, &new.owner_node).await?),
        };
        if epoch > new.owner_epoch {
            refused.insert(index, Refused::Conflict);
        }
    }
    Ok(())
}

/// Locked until the commit: a node that raises its epoch afterwards finds all calls its former self created.
pub(crate) async fn read_epoch(txn: &DatabaseTransaction, node: &str) -> StoreResult<i64> {
    let backend = txn.get_database_backend();
    let sql = if backend == DbBackend::Postgres {
        "SELECT epoch FROM node_epochs WHERE node = $1 FOR SHARE"
    } else {
        "SELECT epoch FROM node_epochs WHERE node = ?"
    };
    let row = txn.query_one_raw(Statement::from_sql_and_values(backend, sql, [node.into()])).await?;
    Ok(row.map(|row| row.try_get_by(0)).transpose()?.unwrap_or(0))
}

/// Takes the keys. Of two equal keys in one batch the first wins.
async fn refuse_used_keys(
    txn: &DatabaseTransaction,
    writes: &[CallWrite],
    refused: &mut HashMap<usize, Refused>,
) -> StoreResult<()> {
    let mut keyed: Vec<_> = writes
        .iter()
        .enumerate()
        .filter(|(index, _)| !refused.contains_key(index))
        .filter_map(|(index, write)| {
            let new = as_create(write)?;
            Some((index, new, new.idempotency.as_ref()?))
        })
        .collect();
    // Sorted, so that two servers that want the same keys wait for each other and never both at once.
    keyed.sort_by_key(|(index, _, idempotency)| (idempotency.caller, &idempotency.key, *index));
    let values = keyed.iter().flat_map(|(_, new, idempotency)| {
        [
            idempotency.caller.into(),
            idempotency.key.as_str().into(),
            idempotency.body_hash.to_vec().into(),
            new.record.call_id.to_string().into(),
            new.record.created_at.as_millis().into(),
        ]
    });
    let mut taken = HashSet::new();
    for row in KEYS.query(txn, values.collect()).await? {
        taken.insert(parse_uuid(&row.try_get_by::<String, _>(0)?)?);
    }
    let used = keyed.iter().filter(|(_, new, _)| !taken.contains(&new.record.call_id));
    refused.extend(used.map(|(index, _, _)| (*index, Refused::KeyUsed)));
    Ok(())
}

/// Node, epoch and version of a call.
type Owned = (String, i64, i64);

/// Locks the calls that are to be updated and compares them with what their writers expect.
async fn refuse_conflicts(
    txn: &DatabaseTransaction,
    writes: &[CallWrite],
    refused: &mut HashMap<usize, Refused>,
) -> StoreResult<()> {
    let updates = || writes.iter().enumerate().filter_map(|(index, write)| Some((index, as_update(write)?)));
    let mut owned = HashMap::new();
    for list in id_lists(updates().map(|(_, update)| update.id).collect()) {
        read_owned(txn, &list, &mut owned).await?;
    }
    for (index, update) in updates() {
        match owned.get_mut(&update.id) {
            Some((node, epoch, version))
                if *node == update.owner_node
                    && *epoch == update.owner_epoch
                    && *version == update.expected_version =>
            {
                // A later write of the same batch builds on this one.
                *version += 1;
            }
            _ => {
                refused.insert(index, Refused::Conflict);
            }
        }
    }
    Ok(())
}

async fn read_owned(txn: &DatabaseTransaction, ids: &[i64], owned: &mut HashMap<i64, Owned>) -> StoreResult<()> {
    let backend = txn.get_database_backend();
    let mut sql = String::from("SELECT id, owner_node, owner_epoch, version FROM calls WHERE id IN (");
    push_places(&mut sql, backend, 0, ids.len());
    // By id, so that two servers that want the same calls wait for each other and never both at once.
    sql.push_str(if backend == DbBackend::Postgres { ") ORDER BY id FOR NO KEY UPDATE" } else { ")" });
    let values = ids.iter().map(|id| Value::from(*id));
    for row in txn.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
        owned.insert(row.try_get_by(0)?, (row.try_get_by(1)?, row.try_get_by(2)?, row.try_get_by(3)?));
    }
    Ok(())
}

async fn insert_calls(txn: &DatabaseTransaction, creates: &[&NewCall]) -> StoreResult<HashMap<Uuid, i64>> {
    let mut ids = HashMap::with_capacity(creates.len());
    for row in CALLS.query(txn, creates.iter().flat_map(|new| call_row(new)).collect()).await? {
        ids.insert(parse_uuid(&row.try_get_by::<String, _>(1)?)?, row.try_get_by(0)?);
    }
    Ok(ids)
}

/// Of two updates of one call in a batch only the later is written: it builds on the earlier.
async fn update_calls(txn: &DatabaseTransaction, updates: &[&CallUpdate]) -> StoreResult<()> {
    let last: HashMap<i64, i64> = updates.iter().map(|update| (update.id, update.expected_version)).collect();
    let last = updates.iter().filter(|update| last.get(&update.id) == Some(&update.expected_version));
    UPDATES.execute(txn, last.flat_map(|update| update_row(update)).collect()).await
}

fn attach_creates(attached: &mut Attached, creates: &[&NewCall], ids: &HashMap<Uuid, i64>) -> StoreResult<()> {
    for new in creates {
        let record = &new.record;
        let call = id_of(record.call_id, ids)?;
        let invited = record.invited.iter().map(|invitation| &invitation.contact);
        let mut users: Vec<_> =
            [&record.creator, &record.maker].into_iter().chain(invited).map(|c| c.user_id).collect();
        users.sort_unstable();
        users.dedup();
        attached.members(call, users);
        attached.invitations(call, 0, &record.invited);
        attached.teams(call, 0, &record.teams);
        for event in &record.events {
            attached.event(call, event.seq, &event.kind, event.contact_id, event.at);
        }
        attached.history(call, &record.history);
        attached.statistics(call, &record.statistics);
        attached.deliveries(call, 0, &record.deliveries);
        attached.guest_links(call, &record.guest_links);
        attached.call_link(call, record.link);
        attached.origin(call, record);
    }
    Ok(())
}

async fn attach_updates(
    txn: &DatabaseTransaction,
    attached: &mut Attached,
    updates: &[&CallUpdate],
) -> StoreResult<()> {
    let calls = |wanted: fn(&CallUpdate) -> bool| updates.iter().filter(move |u| wanted(u)).map(|u| u.id).collect();
    let inviting = calls(|update| !update.new_invited.is_empty());
    let teaming = calls(|update| !update.new_teams.is_empty());
    let sending = calls(|update| !update.new_deliveries.is_empty());
    let mut invitations = next_positions(txn, "call_invitations", inviting).await?;
    let mut teams = next_positions(txn, "call_teams", teaming).await?;
    let mut deliveries = next_positions(txn, "deliveries", sending).await?;
    for update in updates {
        let call = update.id;
        attached.members(call, update.new_invited.iter().map(|invitation| invitation.contact.user_id));
        attached.invitations(call, take(&mut invitations, call, update.new_invited.len()), &update.new_invited);
        attached.changed_invitations(call, &update.changed_invited);
        attached.teams(call, take(&mut teams, call, update.new_teams.len()), &update.new_teams);
        for event in &update.new_events {
            attached.event(call, event.seq, event.kind, event.contact_id, event.at);
        }
        attached.history(call, &update.new_history);
        attached.statistics(call, &update.new_statistics);
        attached.deliveries(call, take(&mut deliveries, call, update.new_deliveries.len()), &update.new_deliveries);
        attached.guest_links(call, &update.guest_links);
        attached.call_link(call, update.link);
    }
    Ok(())
}

/// The first free position of each call that has any taken.
async fn next_positions(txn: &DatabaseTransaction, table: &str, calls: Vec<i64>) -> StoreResult<HashMap<i64, i64>> {
    let backend = txn.get_database_backend();
    let mut next = HashMap::new();
    for list in id_lists(calls) {
        let mut sql = format!("SELECT call, MAX(position) + 1 FROM {table} WHERE call IN (");
        push_places(&mut sql, backend, 0, list.len());
        sql.push_str(") GROUP BY call");
        let values = list.into_iter().map(Value::from);
        for row in txn.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
            next.insert(row.try_get_by(0)?, row.try_get_by(1)?);
        }
    }
    Ok(next)
}

/// Takes `count` positions of a call and returns the first.
fn take(next: &mut HashMap<i64, i64>, call: i64, count: usize) -> i64 {
    let first = next.entry(call).or_default();
    let taken = *first;
    *first += i64::try_from(count).unwrap_or(i64::MAX);
    taken
}

fn saved(
    write: &CallWrite,
    ids: &HashMap<Uuid, i64>,
    events: &HashMap<(i64, i64), i64>,
    changed: &mut HashMap<i64, Vec<Delivery>>,
) -> StoreResult<Saved> {
    let (id, seqs): (_, Vec<i64>) = match write {
        CallWrite::Create(new) => {
            (id_of(new.record.call_id, ids)?, new.record.events.iter().map(|event| event.seq).collect())
        }
        CallWrite::Update(update) => (update.id, update.new_events.iter().map(|event| event.seq).collect()),
    };
    let missing = || StoreError::Corrupt(format!("an event of call {id} was not saved"));
    let event_ids =
        seqs.iter().map(|seq| events.get(&(id, *seq)).copied().ok_or_else(missing)).collect::<Result<_, _>>()?;
    Ok(Saved { id, event_ids, deliveries: changed.remove(&id).unwrap_or_default() })
}

fn id_of(call_id: Uuid, ids: &HashMap<Uuid, i64>) -> StoreResult<i64> {
    ids.get(&call_id).copied().ok_or_else(|| StoreError::Corrupt(format!("call {call_id} was not saved")))
}

pub(crate) fn parse_uuid(text: &str) -> StoreResult<Uuid> {
    Uuid::parse_str(text).map_err(|error| StoreError::Corrupt(format!("a call's id: {error}")))
}
