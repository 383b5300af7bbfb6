use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text_null},
};

/// How a team is rung, which team comes after it, and the order of its members. The index answers when somebody was last in a call; most
/// events are of other kinds.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ("teams", text_null("settings")),
            ("teams", big_integer_null("next_team")),
            ("team_members", big_integer("position").default(0).take()),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        let index = "CREATE INDEX call_events_presence ON call_events (contact_id, at) WHERE kind IN ('Join', 'Leave')";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }
}
