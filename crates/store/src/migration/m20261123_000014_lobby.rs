use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text_null},
};

use super::people::reference;

/// Which links to whole calls are good, and who has come in through a lobby. Neither a link stands here nor what anybody knocked with.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(call_links()).await?;
        // SHA-256 of what a guest knocked with, as hexadecimal digits.
        let knock = Table::alter().table("guest_links").add_column(text_null("knock")).take();
        manager.alter_table(knock).await
    }
}

fn call_links() -> TableCreateStatement {
    Table::create()
        .table("call_links")
        .col(big_integer("call").primary_key())
        .col(big_integer("generation"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut reference("call_links", "call", "calls"))
        .take()
}
