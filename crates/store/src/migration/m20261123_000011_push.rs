use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, text, text_null},
};

use super::people::reference;

/// Browsers that ring while their pages are closed. Who knows an endpoint and its keys can make that browser ring: they are told to nobody.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(push_subscriptions()).await?;
        let db = manager.get_connection();
        db.execute_unprepared("CREATE INDEX push_subscriptions_of_user ON push_subscriptions (user_id)").await?;
        db.execute_unprepared("CREATE INDEX push_subscriptions_of_login ON push_subscriptions (family)").await?;
        Ok(())
    }
}

/// Named after the endpoint and the user, so that what waits to be sent to one user never comes to the next one of the same browser.
fn push_subscriptions() -> TableCreateStatement {
    Table::create()
        .table("push_subscriptions")
        .col(text("name").primary_key())
        .col(big_integer("user_id"))
        // The login it ends with.
        .col(text("family"))
        .col(text("endpoint"))
        .col(binary("public_key"))
        .col(binary("auth"))
        .col(text_null("label"))
        .col(big_integer("created_at"))
        .foreign_key(&mut reference("push_subscriptions", "user_id", "users"))
        .take()
}
