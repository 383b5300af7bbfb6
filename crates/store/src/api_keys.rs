//! Keys of programs. Only their SHA-256 is stored.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use crate::{
    StoreResult,
    bulk::id_lists,
    entity::{access::api_key, people::user},
    model::{ApiKey, NewApiKey},
    sql_store::SqlStore,
};
use farhand_domain::time::Timestamp;

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            name: row.name,
            prefix: row.prefix,
            created_at: Timestamp::from_millis(row.created_at),
            revoked: row.revoked,
        }
    }
}

fn of_domain(domain: i64) -> Select<api_key::Entity> {
    api_key::Entity::find().inner_join(user::Entity).filter(user::Column::DomainId.eq(domain))
}

impl SqlStore {
    pub(crate) async fn insert_api_key(&self, key: &NewApiKey) -> StoreResult<ApiKey> {
        let txn = self.begin_write().await?;
        let row = api_key::ActiveModel {
            user_id: Set(key.user_id),
            name: Set(key.name.clone()),
            prefix: Set(key.prefix.clone()),
            hash: Set(key.hash.to_vec()),
            created_at: Set(key.created_at.as_millis()),
            revoked: Set(false),
            ..Default::default()
        };
        let row = row.insert(&txn).await?;
        txn.commit().await?;
        Ok(row.into())
    }

    pub(crate) async fn find_api_key(&self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>> {
        let row = api_key::Entity::find().filter(api_key::Column::Hash.eq(hash.to_vec())).one(&self.reader).await?;
        Ok(row.map(ApiKey::from))
    }

    pub(crate) async fn read_api_keys(&self, domain: i64) -> StoreResult<Vec<ApiKey>> {
        let rows = of_domain(domain).order_by_asc(api_key::Column::Id).all(&self.reader).await?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    pub(crate) async fn end_api_key(&self, domain: i64, id: i64) -> StoreResult<bool> {
        let txn = self.begin_write().await?;
        let Some(row) = of_domain(domain).filter(api_key::Column::Id.eq(id)).one(&txn).await? else {
            return Ok(false);
        };
        let mut row = row.into_active_model();
        row.revoked = Set(true);
        row.update(&txn).await?;
        txn.commit().await?;
        Ok(true)
    }

    pub(crate) async fn find_revoked_api_keys(&self, ids: &[i64]) -> StoreResult<Vec<i64>> {
        let mut revoked = Vec::new();
        for list in id_lists(ids.to_vec()) {
            let of_list = api_key::Entity::find().select_only().column(api_key::Column::Id);
            let of_list = of_list.filter(api_key::Column::Revoked.eq(true)).filter(api_key::Column::Id.is_in(list));
            revoked.extend(of_list.into_tuple::<i64>().all(&self.reader).await?);
        }
        Ok(revoked)
    }
}
