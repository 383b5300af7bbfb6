//! Browsers that ring while their pages are closed. Each ends with the login it was set up in.

use farhand_domain::time::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, IntoCondition, OnConflict, Query, SelectStatement},
};
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
        txn.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_pushes(&self, users: &[i64], now: Timestamp) -> StoreResult<Vec<PushSubscription>> {
        let mut found = Vec::new();
        for list in users.chunks(MOST_IDS) {
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
