use sea_orm_migration::{
    prelude::*,
    schema::{boolean, text_null},
};

/// How people are reached beside the ring on their pages, by user and domain; and whether a call may use the addresses of accounts.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ("users", text_null("reach")),
            ("domains", text_null("reach")),
            ("calls", boolean("stored_addresses").default(false).take()),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }
}
