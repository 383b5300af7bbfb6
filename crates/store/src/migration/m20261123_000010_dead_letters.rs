use sea_orm_migration::prelude::*;

/// What was not sent is a small part of the table, and looked for by those who can do something about it.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX deliveries_dead ON deliveries (domain_id, next_at) \
                     WHERE state IN ('failed', 'uncertain', 'expired')";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }
}
