use sea_orm_migration::prelude::*;

/// A team's name is unique in its domain: requests name teams by it. Of names that are there twice already all but the oldest
/// get the team's id behind them.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rename = "UPDATE teams SET name = name || ' (' || id || ')' WHERE EXISTS (SELECT 1 FROM teams AS older \
                      WHERE older.domain_id = teams.domain_id AND older.name = teams.name AND older.id < teams.id)";
        manager.get_connection().execute_unprepared(rename).await?;
        let unique = Index::create().name("teams_name").table("teams").col("domain_id").col("name").unique().take();
        manager.create_index(unique).await
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, Database};

    use super::super::{Migrator, MigratorTrait as _};

    #[tokio::test]
    async fn names_that_are_there_twice_are_told_apart_by_the_upgrade() {
        let db = Database::connect("sqlite::memory:").await.unwrap();
        Migrator::up(&db, Some(1)).await.unwrap();
        let teams = "INSERT INTO domains (id, name, guests_allowed) VALUES (1, 'acme', true), (2, 'other', true); \
                     INSERT INTO teams (id, domain_id, name) VALUES (5, 1, 'day'), (6, 1, 'day'), (7, 2, 'day'), \
                     (8, 1, 'day'), (9, 1, 'night')";
        db.execute_unprepared(teams).await.unwrap();
        Migrator::up(&db, None).await.unwrap();
        let names = "SELECT name FROM teams ORDER BY id";
        let rows = db.query_all_raw(sea_orm::Statement::from_string(db.get_database_backend(), names)).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.try_get_by(0).unwrap()).collect();
        assert_eq!(names, ["day", "day (6)", "day", "day (8)", "night"]);
        let twice = "INSERT INTO teams (domain_id, name) VALUES (1, 'night')";
        assert!(db.execute_unprepared(twice).await.is_err());
    }
}
