//! Who owns the running calls. An owner's epoch rises at every start, and every write names it: whoever comes back from
//! the dead with an older one can change nothing.

use std::collections::HashMap;

use farhand_domain::time::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, Select, Statement,
    sea_query::Expr,
};

use crate::{
    StoreError, StoreResult,
    bulk::id_lists,
    calls_read::{Head, read_records},
    calls_write::{parse_uuid, read_epoch},
    entity::calls::{call, invitation},
    model::{RunningCall, SleepingCall},
    sql_store::SqlStore,
};

impl SqlStore {
    pub(crate) async fn raise_epoch(&self, node: &str) -> StoreResult<i64> {
        let txn = self.begin_write().await?;
        let backend = txn.get_database_backend();
        let mut sql = String::from("INSERT INTO node_epochs (node, epoch) VALUES (");
        crate::bulk::push_places(&mut sql, backend, 0, 1);
        sql.push_str(", 1) ON CONFLICT (node) DO UPDATE SET epoch = node_epochs.epoch + 1 RETURNING epoch");
        let row = txn.query_one_raw(Statement::from_sql_and_values(backend, sql, [node.into()])).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt("no epoch came back".to_owned()))?;
        let epoch = row.try_get_by(0)?;
        txn.commit().await?;
        Ok(epoch)
    }

    pub(crate) async fn read_owned(&self, ids: &[i64], node: &str, epoch: i64) -> StoreResult<Vec<RunningCall>> {
        let txn = self.begin_read().await?;
        let mut rows = Vec::with_capacity(ids.len());
        for list in id_lists(ids.to_vec()) {
            let owned = call::Entity::find()
                .filter(call::Column::Id.is_in(list))
                .filter(call::Column::OwnerNode.eq(node))
                .filter(call::Column::OwnerEpoch.eq(epoch))
                .order_by_asc(call::Column::Id);
            rows.extend(owned.all(&txn).await?);
        }
        let running = complete(&txn, rows).await?;
        txn.commit().await?;
        Ok(running)
    }

    pub(crate) async fn own_running(&self, node: &str, epoch: i64) -> StoreResult<()> {
        let txn = self.begin_write().await?;
        if read_epoch(&txn, node).await? > epoch {
            return Err(StoreError::Constraint(format!("{node} has started again since epoch {epoch}")));
        }
        call::Entity::update_many()
            .col_expr(call::Column::OwnerNode, Expr::value(node))
            .col_expr(call::Column::OwnerEpoch, Expr::value(epoch))
            .filter(call::Column::EndedAt.is_null())
            .exec(&txn)
            .await?;
        txn.commit().await?;
        Ok(())
    }

    pub(crate) async fn read_running(
        &self,
        node: &str,
        epoch: i64,
        after: i64,
        most: u64,
    ) -> StoreResult<Vec<RunningCall>> {
        let awake = running_of(node, epoch)
            .filter(call::Column::SleepsUntil.is_null())
            .filter(call::Column::Id.gt(after))
            .order_by_asc(call::Column::Id)
            .limit(most);
        let txn = self.begin_read().await?;
        let running = complete(&txn, awake.all(&txn).await?).await?;
        txn.commit().await?;
        Ok(running)
    }

    pub(crate) async fn read_sleeping(&self, node: &str, epoch: i64) -> StoreResult<Vec<SleepingCall>> {
        let txn = self.begin_read().await?;
        let sleeping = sleeping_of(&txn, node, epoch).await?;
        txn.commit().await?;
        Ok(sleeping)
    }
}

fn running_of(node: &str, epoch: i64) -> Select<call::Entity> {
    call::Entity::find()
        .filter(call::Column::EndedAt.is_null())
        .filter(call::Column::OwnerNode.eq(node))
        .filter(call::Column::OwnerEpoch.eq(epoch))
}

async fn complete(db: &impl ConnectionTrait, rows: Vec<call::Model>) -> StoreResult<Vec<RunningCall>> {
    let split = |mut row: call::Model| {
        let live = (std::mem::take(&mut row.state), row.version);
        (Head::from(row), live)
    };
    let (heads, live): (Vec<Head>, Vec<_>) = rows.into_iter().map(split).unzip();
    let running = read_records(db, heads).await?.into_iter().zip(live);
    Ok(running.map(|(record, (state, version))| RunningCall { record, state, version }).collect())
}

/// Two questions for however many: there may be hundreds of thousands, of which nobody asks for months.
async fn sleeping_of(db: &impl ConnectionTrait, node: &str, epoch: i64) -> StoreResult<Vec<SleepingCall>> {
    let sleeping = || {
        let running = running_of(node, epoch).filter(call::Column::SleepsUntil.is_not_null());
        running.order_by_asc(call::Column::Id)
    };
    let invited = call::Entity::belongs_to(invitation::Entity).from(call::Column::Id).to(invitation::Column::Call);
    let invited = sleeping()
        .select_only()
        .columns([call::Column::Id])
        .column(invitation::Column::ContactId)
        .join(JoinType::InnerJoin, invited.into());
    let mut of_calls: HashMap<i64, Vec<i64>> = HashMap::new();
    for (id, contact) in invited.into_tuple::<(i64, i64)>().all(db).await? {
        of_calls.entry(id).or_default().push(contact);
    }
    let columns = [
        call::Column::Id,
        call::Column::CallId,
        call::Column::SleepsUntil,
        call::Column::CreatorId,
        call::Column::MakerId,
    ];
    let rows = sleeping().select_only().columns(columns).into_tuple::<(i64, String, i64, i64, i64)>().all(db).await?;
    let call = |(id, call_id, until, creator, maker): (i64, String, i64, i64, i64)| {
        let invited = of_calls.remove(&id).unwrap_or_default();
        let until = Timestamp::from_millis(until);
        Ok(SleepingCall { id, call_id: parse_uuid(&call_id)?, until, creator, maker, invited })
    };
    rows.into_iter().map(call).collect()
}
