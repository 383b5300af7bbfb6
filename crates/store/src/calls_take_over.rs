//! Who owns the running calls. An owner's epoch rises at every start, and every write names it: whoever comes back from
//! the dead with an older one can change nothing.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement, sea_query::Expr,
};

use crate::{
    StoreError, StoreResult,
    calls_read::{Head, read_records},
    calls_write::read_epoch,
    entity::calls::call,
    model::RunningCall,
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

    pub(crate) async fn read_owned(&self, id: i64, node: &str, epoch: i64) -> StoreResult<Option<RunningCall>> {
        let owned = call::Entity::find_by_id(id)
            .filter(call::Column::OwnerNode.eq(node))
            .filter(call::Column::OwnerEpoch.eq(epoch));
        let txn = self.begin_read().await?;
        let Some(mut row) = owned.one(&txn).await? else { return Ok(None) };
        let (state, version) = (std::mem::take(&mut row.state), row.version);
        let record = read_records(&txn, vec![Head::from(row)]).await?.pop();
        txn.commit().await?;
        Ok(record.map(|record| RunningCall { record, state, version }))
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
        let running = call::Entity::find()
            .filter(call::Column::EndedAt.is_null())
            .filter(call::Column::OwnerNode.eq(node))
            .filter(call::Column::OwnerEpoch.eq(epoch))
            .filter(call::Column::Id.gt(after))
            .order_by_asc(call::Column::Id)
            .limit(most);
        let txn = self.begin_read().await?;
        let (heads, live): (Vec<Head>, Vec<_>) = running
            .all(&txn)
            .await?
            .into_iter()
            .map(|mut row| {
                let live = (std::mem::take(&mut row.state), row.version);
                (Head::from(row), live)
            })
            .unzip();
        let records = read_records(&txn, heads).await?;
        txn.commit().await?;
        let running = records.into_iter().zip(live);
        Ok(running.map(|(record, (state, version))| RunningCall { record, state, version }).collect())
    }
}
