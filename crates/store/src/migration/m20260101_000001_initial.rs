use sea_orm_migration::prelude::*;

use super::{calls, people};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in people::tables().into_iter().chain(calls::tables()) {
            manager.create_table(table).await?;
        }
        for index in people::indexes().into_iter().chain(calls::indexes()) {
            manager.create_index(index).await?;
        }
        let meta = Query::insert()
            .into_table("meta")
            .columns(["id", "directory_version"])
            .values_panic([1.into(), 1.into()])
            .to_owned();
        manager.execute(meta).await
    }
}
