//! Tenants.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    StoreResult,
    entity::people::domain,
    model::{Budget, Domain, DomainChange},
    sql_store::SqlStore,
};

impl From<domain::Model> for Domain {
    fn from(row: domain::Model) -> Self {
        let budget = Budget { kbit: row.budget_kbit, megabytes: row.budget_megabytes };
        Self {
            id: row.id,
            name: row.name,
            guests_allowed: row.guests_allowed,
            budget,
            guest_terms: row.guest_terms,
            reach: row.reach,
        }
    }
}

impl SqlStore {
    pub(crate) async fn insert_domain(&self, name: &str) -> StoreResult<Domain> {
        let txn = self.begin_directory_write().await?;
        let row = domain::ActiveModel { name: Set(name.to_owned()), guests_allowed: Set(true), ..Default::default() };
        let row = row.insert(&txn).await?;
        txn.commit().await?;
        Ok(row.into())
    }

    pub(crate) async fn read_domains(&self) -> StoreResult<Vec<Domain>> {
        let rows = domain::Entity::find().order_by_asc(domain::Column::Id).all(&self.reader).await?;
        Ok(rows.into_iter().map(Domain::from).collect())
    }

    pub(crate) async fn find_domain(&self, name: &str) -> StoreResult<Option<Domain>> {
        let row = domain::Entity::find().filter(domain::Column::Name.eq(name)).one(&self.reader).await?;
        Ok(row.map(Domain::from))
    }

    pub(crate) async fn update_domain(&self, id: i64, change: DomainChange) -> StoreResult<Option<Domain>> {
        let txn = self.begin_directory_write().await?;
        let Some(row) = domain::Entity::find_by_id(id).one(&txn).await? else {
            return Ok(None);
        };
        let mut row: domain::ActiveModel = row.into();
        if let Some(allowed) = change.guests_allowed {
            row.guests_allowed = Set(allowed);
        }
        if let Some(Budget { kbit, megabytes }) = change.budget {
            (row.budget_kbit, row.budget_megabytes) = (Set(kbit), Set(megabytes));
        }
        if let Some(reach) = change.reach {
            row.reach = Set(reach);
        }
        if let Some(terms) = change.guest_terms {
            row.guest_terms = Set(terms);
        }
        let row = row.update(&txn).await?;
        txn.commit().await?;
        Ok(Some(row.into()))
    }
}
