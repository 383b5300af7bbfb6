//! How service requests wait for teams.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};

use crate::{
    StoreResult,
    entity::people::{team, team_queue},
    model::TeamQueue,
    sql_store::SqlStore,
};

impl SqlStore {
    pub(crate) async fn read_team_queues(&self, domain: i64) -> StoreResult<Vec<TeamQueue>> {
        let rows = team_queue::Entity::find()
            .inner_join(team::Entity)
            .filter(team::Column::DomainId.eq(domain))
            .order_by_asc(team_queue::Column::TeamId)
            .all(&self.reader)
            .await?;
        Ok(rows.into_iter().map(TeamQueue::from).collect())
    }

    pub(crate) async fn write_team_queue(&self, queue: &TeamQueue) -> StoreResult<()> {
        let txn = self.begin_directory_write().await?;
        let row = team_queue::ActiveModel {
            team_id: Set(queue.team_id),
            escalate_to: Set(queue.escalate_to),
            escalate_seconds: Set(queue.escalate_seconds),
            expire_seconds: Set(queue.expire_seconds),
        };
        let columns =
            [team_queue::Column::EscalateTo, team_queue::Column::EscalateSeconds, team_queue::Column::ExpireSeconds];
        let replace = OnConflict::column(team_queue::Column::TeamId).update_columns(columns).to_owned();
        team_queue::Entity::insert(row).on_conflict(replace).exec_without_returning(&txn).await?;
        txn.commit().await?;
        Ok(())
    }
}

impl From<team_queue::Model> for TeamQueue {
    fn from(row: team_queue::Model) -> Self {
        Self {
            team_id: row.team_id,
            escalate_to: row.escalate_to,
            escalate_seconds: row.escalate_seconds,
            expire_seconds: row.expire_seconds,
        }
    }
}
