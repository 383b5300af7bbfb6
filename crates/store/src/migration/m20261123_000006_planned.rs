use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text_null},
};

/// In what place's time a call was planned, how often its entry in calendars has changed, and which link to somebody's calendar is
/// good.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        let columns = [
            ("calls", text_null("planned_zone")),
            ("calls", big_integer("calendar_sequence").default(0).take()),
            ("users", big_integer("calendar_generation").default(0).take()),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }
}
