use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

use super::people::reference;

/// How the media of each seat were. Calls from before have none.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("call_statistics")
            .col(big_integer("call"))
            .col(big_integer("seq"))
            .col(big_integer("contact_id"))
            .col(big_integer("joined_at"))
            .col(big_integer("left_at"))
            .col(text("why"))
            .col(big_integer("reconnects"))
            .col(text("figures"))
            .primary_key(Index::create().col("call").col("seq"))
            .foreign_key(&mut reference("call_statistics", "call", "calls"))
            .foreign_key(&mut reference("call_statistics", "contact_id", "contacts"))
            .take();
        manager.create_table(table).await
    }
}
