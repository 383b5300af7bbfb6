use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, big_pk_auto, boolean, text, text_null},
};

use super::people::reference;

/// Where rows stand among all that has happened, and who is told of it. What happened before has no place, and is not told of.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["call_events", "call_history", "delivery_steps"] {
            let number = Table::alter().table(table).add_column(big_integer_null("number")).take();
            manager.alter_table(number).await?;
        }
        manager.create_table(feed()).await?;
        manager.create_table(webhooks()).await?;
        manager.create_table(messages()).await?;
        let db = manager.get_connection();
        db.execute_unprepared("INSERT INTO feed (id, last) VALUES (1, 0)").await?;
        for index in INDEXES {
            db.execute_unprepared(index).await?;
        }
        Ok(())
    }
}

/// Numbers only rise, so the first three grow at their end. Of messages few wait.
const INDEXES: [&str; 7] = [
    "CREATE UNIQUE INDEX call_events_number ON call_events (number)",
    "CREATE UNIQUE INDEX call_history_number ON call_history (number)",
    "CREATE UNIQUE INDEX delivery_steps_number ON delivery_steps (number)",
    "CREATE INDEX webhooks_of_domain ON webhooks (domain_id)",
    "CREATE UNIQUE INDEX webhook_messages_number ON webhook_messages (webhook, number)",
    "CREATE INDEX webhook_messages_due ON webhook_messages (webhook, next_at) WHERE state = 'queued'",
    "CREATE INDEX webhook_messages_open ON webhook_messages (webhook, call_id) WHERE state IN ('queued', 'waiting')",
];

/// One row: the last number that was given.
fn feed() -> TableCreateStatement {
    Table::create().table("feed").col(big_integer("id").primary_key()).col(big_integer("last")).take()
}

fn webhooks() -> TableCreateStatement {
    Table::create()
        .table("webhooks")
        .col(text("id").primary_key())
        .col(big_integer("domain_id"))
        .col(text("url"))
        .col(text("description"))
        // Separated by commas; none: all.
        .col(text_null("types"))
        .col(boolean("enabled"))
        .col(text_null("reason"))
        .col(big_integer("generation"))
        .col(big_integer_null("rotated_at"))
        .col(big_integer("created_at"))
        // The number up to which messages have been made.
        .col(big_integer("position"))
        .col(big_integer_null("failing_since"))
        .col(big_integer_null("paused_until"))
        .foreign_key(&mut reference("webhooks", "domain_id", "domains"))
        .take()
}

fn messages() -> TableCreateStatement {
    Table::create()
        .table("webhook_messages")
        .col(big_pk_auto("id"))
        .col(text("webhook"))
        .col(big_integer("number"))
        .col(text("call_id"))
        .col(big_integer("sequence"))
        .col(text("kind"))
        .col(text("body"))
        .col(text("state"))
        .col(big_integer("tries"))
        .col(big_integer("next_at"))
        .col(big_integer_null("status"))
        .col(text_null("reason"))
        .col(big_integer("at"))
        .foreign_key(&mut reference("webhook_messages", "webhook", "webhooks"))
        .take()
}
