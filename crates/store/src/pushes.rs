//! Browsers that ring while their pages are closed. Each ends with the login it was set up in.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use farhand_domain::time::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoCondition, OnConflict, Query, SelectStatement},
};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    StoreError, StoreResult,
    bulk::MOST_IDS,
    entity::{
        access::login_session,
        reach::push_subscription::{ActiveModel, Column, Entity, Model},
    },
    model::PushSubscription,
    sessions::take_turns,
    sql_store::SqlStore,
};

/// Users who may have such a browser: most have none, and a ring for them costs no question. Only a server adds browsers, and the
/// one with this database is this. Whoever's browsers are gone stays until the next start.
#[derive(Default)]
pub(crate) struct Owners(OnceCell<RwLock<HashSet<i64>>>);

impl Owners {
    async fn known(&self, db: &impl ConnectionTrait) -> StoreResult<&RwLock<HashSet<i64>>> {
        let all = || async {
            let users = Entity::find().select_only().column(Column::UserId).distinct();
            let users: Vec<i64> = users.into_tuple().all(db).await?;
            Ok(RwLock::new(users.into_iter().collect()))
        };
        self.0.get_or_try_init(all).await
    }

    async fn among(&self, db: &impl ConnectionTrait, users: &[i64]) -> StoreResult<Vec<i64>> {
        let known = self.known(db).await?.read().unwrap_or_else(PoisonError::into_inner);
        Ok(users.iter().copied().filter(|user| known.contains(user)).collect())
    }

    /// Before the browser is committed: whoever reads it afterwards must not be kept from it.
    async fn add(&self, db: &impl ConnectionTrait, user: i64) -> StoreResult<()> {
        self.known(db).await?.write().unwrap_or_else(PoisonError::into_inner).insert(user);
        Ok(())
    }
}

impl SqlStore {
    pub(crate) async fn insert_push(&self, push: &PushSubscription, most: u64) -> StoreResult<bool> {
        let txn = self.begin_write().await?;
        take_turns(&txn, push.user_id).await?;
        let others = Entity::find().filter(Column::UserId.eq(push.user_id)).filter(Column::Name.ne(&push.name));
        if others.count(&txn).await? >= most {
            return Ok(false);
        }
        // Whoever had this browser before has it no more.
        end(&txn, Column::Endpoint.eq(&push.endpoint).and(Column::Name.ne(&push.name))).await?;
        let columns = [Column::Family, Column::PublicKey, Column::Auth, Column::Label];
        let newer = OnConflict::column(Column::Name).update_columns(columns).to_owned();
        Entity::insert(row(push)).on_conflict(newer).exec_without_returning(&txn).await?;
        self.push_owners.add(&txn, push.user_id).await?;
        txn.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_pushes(&self, users: &[i64], now: Timestamp) -> StoreResult<Vec<PushSubscription>> {
        let mut found = Vec::new();
        for list in self.push_owners.among(&self.reader, users).await?.chunks(MOST_IDS) {
            let of_users = Column::UserId.is_in(list.iter().copied());
            found.extend(read(&self.reader, of_users, now).await?);
        }
        Ok(found)
    }

    pub(crate) async fn read_push(&self, name: &str, now: Timestamp) -> StoreResult<Option<PushSubscription>> {
        Ok(read(&self.reader, Column::Name.eq(name), now).await?.pop())
    }

    pub(crate) async fn delete_push(&self, user: Option<i64>, name: &str) -> StoreResult<bool> {
        let named = Column::Name.eq(name);
        let which = user.map_or(named.clone(), |user| named.and(Column::UserId.eq(user)));
        let txn = self.begin_write().await?;
        let gone = end(&txn, which).await?;
        txn.commit().await?;
        Ok(gone > 0)
    }
}

/// Those that end with their login.
pub(crate) async fn end_with_login(db: &impl ConnectionTrait, family: &str) -> StoreResult<()> {
    end(db, Column::Family.eq(family)).await?;
    Ok(())
}

pub(crate) async fn end_of_user(db: &impl ConnectionTrait, user: i64) -> StoreResult<()> {
    end(db, Column::UserId.eq(user)).await?;
    Ok(())
}

/// Those whose login has been forgotten.
pub(crate) async fn end_of_nobody(db: &impl ConnectionTrait) -> StoreResult<u64> {
    end(db, Column::Family.not_in_subquery(families())).await
}

async fn end(db: &impl ConnectionTrait, which: impl IntoCondition + Send) -> StoreResult<u64> {
    Ok(Entity::delete_many().filter(which.into_condition()).exec(db).await?.rows_affected)
}

fn families() -> SelectStatement {
    Query::select().column(login_session::Column::Family).from(login_session::Entity).take()
}

/// Only those whose login is good: it may have run out, and nobody has said so.
async fn read(db: &impl ConnectionTrait, which: Expr, now: Timestamp) -> StoreResult<Vec<PushSubscription>> {
    let good = families()
        .and_where(login_session::Column::Revoked.eq(false))
        .and_where(login_session::Column::ReplacedAt.is_null())
        .and_where(login_session::Column::RefreshExpires.gt(now.as_millis()))
        .take();
    let rows = Entity::find().filter(which).filter(Column::Family.in_subquery(good));
    let rows = rows.order_by_asc(Column::CreatedAt).order_by_asc(Column::Name).all(db).await?;
    rows.into_iter().map(to_push).collect()
}

fn row(push: &PushSubscription) -> ActiveModel {
    ActiveModel {
        name: Set(push.name.clone()),
        user_id: Set(push.user_id),
        family: Set(push.family.to_string()),
        endpoint: Set(push.endpoint.clone()),
        public_key: Set(push.public_key.clone()),
        auth: Set(push.auth.clone()),
        label: Set(push.label.clone()),
        created_at: Set(push.created_at.as_millis()),
    }
}

fn to_push(row: Model) -> StoreResult<PushSubscription> {
    let family = Uuid::parse_str(&row.family);
    Ok(PushSubscription {
        family: family.map_err(|error| StoreError::Corrupt(format!("a browser's login: {error}")))?,
        name: row.name,
        user_id: row.user_id,
        endpoint: row.endpoint,
        public_key: row.public_key,
        auth: row.auth,
        label: row.label,
        created_at: Timestamp::from_millis(row.created_at),
    })
}
