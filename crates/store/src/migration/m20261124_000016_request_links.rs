use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, big_pk_auto, boolean, text, text_null, text_uniq},
};

use super::people::reference;

/// Links by which anybody may ask a team for help, what was asked for by them, and which tags a call wants of a team. No link stands
/// here, and nothing that proves one.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(request_links()).await?;
        manager.create_table(request_origins()).await?;
        let tags = Table::alter().table("call_teams").add_column(text_null("tags")).take();
        manager.alter_table(tags).await?;
        let db = manager.get_connection();
        for index in INDEXES {
            db.execute_unprepared(index).await?;
        }
        Ok(())
    }
}

/// The first three for the limits, which look at the last hour; the fourth for expected waits after a start.
const INDEXES: [&str; 5] = [
    "CREATE INDEX request_origins_link ON request_origins (link, created_at)",
    "CREATE INDEX request_origins_network ON request_origins (network, created_at)",
    "CREATE INDEX request_origins_domain ON request_origins (domain_id, created_at)",
    "CREATE INDEX call_events_claims ON call_events (at) WHERE kind = 'Claimed'",
    "CREATE INDEX request_links_domain ON request_links (domain_id)",
];

fn request_links() -> TableCreateStatement {
    Table::create()
        .table("request_links")
        .col(big_pk_auto("id"))
        .col(big_integer("domain_id"))
        .col(text("name"))
        .col(text_null("title"))
        .col(text("teams"))
        .col(text("fields"))
        .col(boolean("enabled"))
        .col(big_integer("generation"))
        .col(big_integer_null("expires_at"))
        .col(big_integer_null("most_open"))
        .col(big_integer_null("most_hourly"))
        .col(big_integer("created_at"))
        .foreign_key(&mut reference("request_links", "domain_id", "domains"))
        .take()
}

/// Without a foreign key to the link: it may be deleted, and the call is still told by its name.
fn request_origins() -> TableCreateStatement {
    Table::create()
        .table("request_origins")
        .col(big_integer("call").primary_key())
        .col(big_integer("domain_id"))
        .col(big_integer("link"))
        .col(text("name"))
        .col(text("details"))
        // Keyed hashes: neither an address nor what a page names its request by can be read from them.
        .col(text("network"))
        .col(text_uniq("attempt"))
        .col(big_integer("created_at"))
        .foreign_key(&mut reference("request_origins", "call", "calls"))
        .take()
}
