use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, text_null},
};

/// In which language an invited person is written to; and until when nobody need look at a call, so that a start need not read it.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [("call_invitations", text_null("language")), ("calls", big_integer_null("sleeps_until"))];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }
}
