//! Messages to people: taken up one batch at a time, and changed by what is heard of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use farhand_domain::{
    delivery::{Channel, State},
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{
    StoreError, StoreResult,
    bulk::{Bulk, MOST_IDS},
    calls_write::parse_uuid,
    entity::{
        calls::call,
        reach::{delivery, delivery_step},
    },
    feed::Numbers,
    model::{Claimant, Claimed, Delivery, DeliveryStep, Heard, Whose},
    sql_store::SqlStore,
};

/// Most steps by far are the birth and the end of a message.
pub(crate) const STEPS: Bulk = Bulk {
    before: "INSERT INTO delivery_steps (delivery, seq, state, reason, at, number) VALUES ",
    columns: 6,
    after: "",
};

const CHANGES: Bulk = Bulk {
    before: "UPDATE deliveries SET state = fresh.column2, reason = fresh.column3, next_at = fresh.column4, \
             gateway_id = fresh.column5 FROM (VALUES ",
    columns: 5,
    after: ") AS fresh WHERE deliveries.id = fresh.column1",
};

/// The rows of steps, from number `first` on.
pub(crate) fn step_rows(id: Uuid, first: i64, steps: &[DeliveryStep], numbers: &mut Numbers) -> Vec<Value> {
    let row = |(seq, step): (i64, &DeliveryStep)| {
        let DeliveryStep { state, reason, at } = step;
        let (id, number) = (id.to_string(), numbers.give());
        [id.into(), seq.into(), state.name().into(), reason.clone().into(), at.as_millis().into(), number.into()]
    };
    (first..).zip(steps).flat_map(row).collect()
}

impl SqlStore {
    pub(crate) async fn claim(
        &self,
        channel: Channel,
        now: Timestamp,
        by: Claimant<'_>,
        most: u64,
        passed_over: &[i64],
    ) -> StoreResult<Vec<Claimed>> {
        let txn = self.begin_write().await?;
        // In no question before there is anybody to be passed over: it stays prepared.
        let places: Vec<_> = (6..).map(|place| format!("${place}")).take(passed_over.len()).collect();
        let others =
            if places.is_empty() { String::new() } else { format!("AND domain_id NOT IN ({}) ", places.join(",")) };
        let due = |own_lock: &str| {
            format!(
                "UPDATE deliveries SET state = 'sending', tries = tries + 1, node = $1, epoch = $2 WHERE id IN \
                 (SELECT id FROM deliveries WHERE channel = $3 AND state = 'queued' AND next_at <= $4 \
                 {others}ORDER BY next_at LIMIT $5{own_lock}) RETURNING id"
            )
        };
        // Two servers that want messages at the same time get different ones.
        let sql = due(if self.backend() == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" });
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut values: Vec<Value> =
            vec![by.node.into(), by.epoch.into(), channel.name().into(), now.as_millis().into(), most.into()];
        values.extend(passed_over.iter().map(|domain| Value::from(*domain)));
        let rows = txn.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let ids = rows.iter().map(|row| Ok(row.try_get_by(0)?)).collect::<StoreResult<Vec<String>>>()?;
        let claimed = read(&txn, delivery::Column::Id.is_in(ids)).await?;
        let ended = ended_calls(&txn, claimed.iter().map(|(call, _)| *call)).await?;
        txn.commit().await?;
        let before = |(call, delivery): OfCall| Claimed {
            delivery: Delivery { state: State::Queued, tries: delivery.tries.saturating_sub(1), ..delivery },
            call_ended: ended.contains(&call),
        };
        let mut claimed: Vec<_> = claimed.into_iter().map(before).collect();
        claimed.sort_by_key(|claimed| claimed.delivery.next_at);
        Ok(claimed)
    }

    pub(crate) async fn next_due(&self, channel: Channel) -> StoreResult<Option<Timestamp>> {
        let queued = delivery::Entity::find()
            .select_only()
            .column_as(delivery::Column::NextAt.min(), "next_at")
            .filter(delivery::Column::Channel.eq(channel.name()))
            .filter(delivery::Column::State.eq(State::Queued.name()));
        let next: Option<Option<i64>> = queued.into_tuple().one(&self.reader).await?;
        Ok(next.flatten().map(Timestamp::from_millis))
    }

    pub(crate) async fn interrupted(&self, channel: Channel, by: Claimant<'_>) -> StoreResult<Vec<Uuid>> {
        let in_flight = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::Id)
            .filter(delivery::Column::Channel.eq(channel.name()))
            .filter(delivery::Column::State.eq(State::Sending.name()))
            .filter(delivery::Column::Node.eq(by.node))
            .filter(delivery::Column::Epoch.lt(by.epoch));
        let ids: Vec<String> = in_flight.into_tuple().all(&self.reader).await?;
        ids.iter().map(|id| parse_uuid(id)).collect()
    }

    pub(crate) async fn hear(&self, heard: &[Heard]) -> StoreResult<Vec<Delivery>> {
        let txn = self.begin_write().await?;
        Numbers::lock(&txn).await?;
        let changed = hear(&txn, heard).await?;
        txn.commit().await?;
        self.tell();
        Ok(changed.into_iter().map(|(_, delivery)| delivery).collect())
    }
}

/// Returns those that have changed. Whoever calls it has locked the numbers.
pub(crate) async fn hear<'a>(
    txn: &DatabaseTransaction,
    heard: impl IntoIterator<Item = &'a Heard>,
) -> StoreResult<Vec<OfCall>> {
    let heard: Vec<_> = heard.into_iter().collect();
    if heard.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = lock(txn, &heard).await?;
    for heard in heard {
        for delivery in known.iter_mut().filter(|known| is_of(&known.now, &heard.whose)) {
            delivery.hear(heard);
        }
    }
    known.retain(|known| known.changed);
    CHANGES.execute(txn, known.iter().flat_map(Known::row).collect()).await?;
    let mut numbers = Numbers::take(txn, known.iter().map(Known::fresh).sum()).await?;
    STEPS.execute(txn, known.iter().flat_map(|known| known.new_steps(&mut numbers)).collect()).await?;
    Ok(known.into_iter().map(|known| (known.call, known.now)).collect())
}

/// A message while something is heard of it.
struct Known {
    call: i64,
    now: Delivery,
    /// Steps that are in the database.
    written: usize,
    changed: bool,
}

impl Known {
    fn hear(&mut self, heard: &Heard) {
        let state = self.now.state.after(self.now.channel, heard.fact);
        if let Some(id) = &heard.gateway_id {
            self.changed |= self.now.gateway_id.is_none();
            self.now.gateway_id.get_or_insert_with(|| id.clone());
        }
        if state == self.now.state {
            return;
        }
        self.now.state = state;
        self.now.reason.clone_from(&heard.reason);
        self.now.next_at = heard.again_at.unwrap_or(self.now.next_at);
        let step = DeliveryStep { state, reason: heard.reason.clone(), at: heard.at };
        self.now.steps.push(step);
        self.changed = true;
    }

    fn row(&self) -> [Value; 5] {
        let Delivery { id, state, reason, next_at, gateway_id, .. } = &self.now;
        [
            id.to_string().into(),
            state.name().into(),
            reason.clone().into(),
            next_at.as_millis().into(),
            gateway_id.clone().into(),
        ]
    }

    /// How many of its steps are new.
    fn fresh(&self) -> usize {
        self.now.steps.len() - self.written
    }

    fn new_steps(&self, numbers: &mut Numbers) -> Vec<Value> {
        let first = i64::try_from(self.written).unwrap_or(i64::MAX).saturating_add(1);
        step_rows(self.now.id, first, &self.now.steps[self.written..], numbers)
    }
}

fn is_of(delivery: &Delivery, whose: &Whose) -> bool {
    match whose {
        Whose::Id(id) => delivery.id == *id,
        Whose::Gateway(channel, name) => {
            delivery.channel == *channel && delivery.gateway_id.as_deref() == Some(name.as_str())
        }
    }
}

/// In the order of their ids, so that two servers that heard of the same messages wait for each other and never both at once.
async fn lock(txn: &DatabaseTransaction, heard: &[&Heard]) -> StoreResult<Vec<Known>> {
    let mut rows = BTreeMap::new();
    for any in filters(heard) {
        let of_some = delivery::Entity::find().filter(any).order_by_asc(delivery::Column::Id).lock_exclusive();
        rows.extend(of_some.all(txn).await?.into_iter().map(|row| (row.id.clone(), row)));
    }
    let known = complete(txn, rows.into_values().collect()).await?.into_iter();
    Ok(known.map(|(call, now)| Known { call, written: now.steps.len(), now, changed: false }).collect())
}

/// Those of which something was heard, as many filters as it takes.
fn filters(heard: &[&Heard]) -> Vec<Expr> {
    let (mut ids, mut names): (Vec<_>, HashMap<Channel, Vec<_>>) = (Vec::new(), HashMap::new());
    for heard in heard {
        match &heard.whose {
            Whose::Id(id) => ids.push(id.to_string()),
            Whose::Gateway(channel, name) => names.entry(*channel).or_default().push(name.as_str()),
        }
    }
    ids.sort_unstable();
    let mut filters: Vec<_> = ids.chunks(MOST_IDS).map(|ids| delivery::Column::Id.is_in(ids)).collect();
    for (channel, names) in names {
        let of = |names| delivery::Column::Channel.eq(channel.name()).and(delivery::Column::GatewayId.is_in(names));
        filters.extend(names.chunks(MOST_IDS).map(|names| of(names.to_vec())));
    }
    filters
}

async fn ended_calls(db: &impl ConnectionTrait, calls: impl Iterator<Item = i64>) -> StoreResult<HashSet<i64>> {
    let ended = call::Entity::find()
        .select_only()
        .column(call::Column::Id)
        .filter(call::Column::Id.is_in(calls))
        .filter(call::Column::EndedAt.is_not_null());
    Ok(ended.into_tuple().all(db).await?.into_iter().collect())
}

/// With the database id of its call.
pub(crate) type OfCall = (i64, Delivery);

async fn read(db: &impl ConnectionTrait, filter: Expr) -> StoreResult<Vec<OfCall>> {
    let rows = delivery::Entity::find().filter(filter).order_by_asc(delivery::Column::Position).all(db).await?;
    complete(db, rows).await
}

pub(crate) async fn deliveries_of_calls(
    db: &impl ConnectionTrait,
    calls: &[i64],
) -> StoreResult<HashMap<i64, Vec<Delivery>>> {
    let mut of_calls: HashMap<_, Vec<_>> = HashMap::new();
    for (call, delivery) in read(db, delivery::Column::Call.is_in(calls.iter().copied())).await? {
        of_calls.entry(call).or_default().push(delivery);
    }
    Ok(of_calls)
}

pub(crate) async fn complete(db: &impl ConnectionTrait, rows: Vec<delivery::Model>) -> StoreResult<Vec<OfCall>> {
    let mut of_deliveries: HashMap<_, Vec<_>> = HashMap::new();
    for rows in rows.chunks(MOST_IDS) {
        let ids = rows.iter().map(|row| row.id.as_str());
        let steps = delivery_step::Entity::find()
            .filter(delivery_step::Column::Delivery.is_in(ids))
            .order_by_asc(delivery_step::Column::Seq);
        for row in steps.all(db).await? {
            let state = state(&row.state)?;
            let step = DeliveryStep { state, reason: row.reason, at: Timestamp::from_millis(row.at) };
            of_deliveries.entry(row.delivery).or_default().push(step);
        }
    }
    rows.into_iter()
        .map(|row| {
            let steps = of_deliveries.remove(&row.id).unwrap_or_default();
            Ok((row.call, to_delivery(row, steps)?))
        })
        .collect()
}

fn to_delivery(row: delivery::Model, steps: Vec<DeliveryStep>) -> StoreResult<Delivery> {
    let channel = Channel::named(&row.channel);
    Ok(Delivery {
        id: parse_uuid(&row.id)?,
        call_id: parse_uuid(&row.call_id)?,
        domain_id: row.domain_id,
        contact_id: row.contact_id,
        channel: channel.ok_or_else(|| StoreError::Corrupt(format!("an unknown channel: {}", row.channel)))?,
        kind: row.kind,
        address: row.address,
        facts: row.facts,
        state: state(&row.state)?,
        reason: row.reason,
        tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
        next_at: Timestamp::from_millis(row.next_at),
        not_after: Timestamp::from_millis(row.not_after),
        gateway_id: row.gateway_id,
        steps,
    })
}

fn state(name: &str) -> StoreResult<State> {
    State::named(name).ok_or_else(|| StoreError::Corrupt(format!("an unknown state of a message: {name}")))
}

#[cfg(test)]
mod tests {
    use farhand_domain::delivery::Fact;

    use super::*;

    #[test]
    fn no_statement_asks_for_more_messages_than_it_has_parameters() {
        let of = |whose| Heard {
            whose,
            fact: Fact::Opened,
            reason: None,
            gateway_id: None,
            again_at: None,
            at: Timestamp::from_millis(0),
        };
        let ids = (0..=2 * MOST_IDS).map(|_| of(Whose::Id(Uuid::nil())));
        let names = (0..=MOST_IDS).map(|name| of(Whose::Gateway(Channel::Sms, name.to_string())));
        let heard: Vec<_> = ids.chain(names).collect();
        assert_eq!(filters(&heard.iter().collect::<Vec<_>>()).len(), 3 + 2);
    }
}
