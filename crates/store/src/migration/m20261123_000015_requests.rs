use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null},
};

use super::people::reference;

/// How service requests wait for a team. A table of its own: few teams have anything set.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let queues = Table::create()
            .table("team_queues")
            .col(big_integer("team_id").primary_key())
            .col(big_integer_null("escalate_to"))
            .col(big_integer_null("escalate_seconds"))
            .col(big_integer_null("expire_seconds"))
            .foreign_key(reference("team_queues", "team_id", "teams").on_delete(ForeignKeyAction::Cascade))
            .foreign_key(reference("team_queues", "escalate_to", "teams").on_delete(ForeignKeyAction::SetNull))
            .take();
        manager.create_table(queues).await
    }
}
