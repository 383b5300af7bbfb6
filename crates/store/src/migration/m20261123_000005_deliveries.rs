use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text, text_null},
};

use super::people::reference;

/// Messages to people, and what became of each.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(deliveries()).await?;
        manager.create_table(steps()).await?;
        let db = manager.get_connection();
        for index in INDEXES {
            db.execute_unprepared(index).await?;
        }
        Ok(())
    }
}

/// What is done with is most of the table, and nobody looks for it by time.
const INDEXES: [&str; 4] = [
    "CREATE INDEX deliveries_due ON deliveries (channel, next_at) WHERE state = 'queued'",
    "CREATE INDEX deliveries_in_flight ON deliveries (node) WHERE state = 'sending'",
    "CREATE INDEX deliveries_of_call ON deliveries (call)",
    "CREATE INDEX deliveries_of_gateway ON deliveries (channel, gateway_id) WHERE gateway_id IS NOT NULL",
];

fn deliveries() -> TableCreateStatement {
    Table::create()
        .table("deliveries")
        .col(text("id").primary_key())
        .col(big_integer("call"))
        .col(big_integer("position"))
        .col(text("call_id"))
        .col(big_integer("domain_id"))
        .col(big_integer("contact_id"))
        .col(text("channel"))
        .col(text("kind"))
        .col(text("address"))
        .col(text("facts"))
        .col(text("state"))
        .col(text_null("reason"))
        .col(big_integer("tries"))
        .col(big_integer("next_at"))
        .col(big_integer("not_after"))
        .col(text_null("gateway_id"))
        // Who sends it: as of what start of which server.
        .col(text_null("node"))
        .col(big_integer_null("epoch"))
        .foreign_key(&mut reference("deliveries", "call", "calls"))
        .foreign_key(&mut reference("deliveries", "domain_id", "domains"))
        .foreign_key(&mut reference("deliveries", "contact_id", "contacts"))
        .take()
}

fn steps() -> TableCreateStatement {
    Table::create()
        .table("delivery_steps")
        .col(text("delivery"))
        .col(big_integer("seq"))
        .col(text("state"))
        .col(text_null("reason"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("delivery").col("seq"))
        .foreign_key(&mut reference("delivery_steps", "delivery", "deliveries"))
        .take()
}
