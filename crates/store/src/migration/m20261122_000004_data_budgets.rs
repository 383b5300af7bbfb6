use sea_orm_migration::{prelude::*, schema::big_integer_null};

/// What somebody's media may take, by user, domain and call. Nobody has a budget before one is set.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["users", "domains", "calls"] {
            // SQLite adds one column at a time.
            for column in ["budget_kbit", "budget_megabytes"] {
                manager.alter_table(Table::alter().table(table).add_column(big_integer_null(column)).take()).await?;
            }
        }
        Ok(())
    }
}
