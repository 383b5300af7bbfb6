use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text_null},
};

use super::people::reference;

/// Which personal links of guests are good, and what page of terms they have accepted. No link stands here, and nothing that proves one.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Whoever was invited to a call that goes on gets a link as well: as good as one that is made with the call, by default.
const LINKS_OF_RUNNING_CALLS: &str = "INSERT INTO guest_links (contact_id, call, generation, expires_at) \
    SELECT i.contact_id, i.call, 1, COALESCE(c.planned_at, c.created_at) + 259200000 \
    FROM call_invitations i JOIN calls c ON c.id = i.call JOIN contacts g ON g.id = i.contact_id \
    WHERE g.user_id IS NULL AND c.ended_at IS NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(guest_links()).await?;
        let terms = Table::alter().table("domains").add_column(text_null("guest_terms")).take();
        manager.alter_table(terms).await?;
        let db = manager.get_connection();
        db.execute_unprepared("CREATE INDEX guest_links_of_call ON guest_links (call)").await?;
        db.execute_unprepared(LINKS_OF_RUNNING_CALLS).await?;
        Ok(())
    }
}

/// A guest has a contact for each invitation, so that the contact names the invitation.
fn guest_links() -> TableCreateStatement {
    Table::create()
        .table("guest_links")
        .col(big_integer("contact_id").primary_key())
        .col(big_integer("call"))
        .col(big_integer("generation"))
        .col(big_integer("expires_at"))
        // SHA-256 of the text, as hexadecimal digits.
        .col(text_null("terms_accepted"))
        .col(big_integer_null("terms_accepted_at"))
        .foreign_key(&mut reference("guest_links", "contact_id", "contacts"))
        .foreign_key(&mut reference("guest_links", "call", "calls"))
        .take()
}
