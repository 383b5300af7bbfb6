//! Logins. A login is a family of token pairs of which only the newest is good; using a replaced one is theft.

use farhand_domain::time::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, IntoCondition, LockType},
};
use uuid::Uuid;

use crate::{
    StoreError, StoreResult,
    bulk::MOST_IDS,
    entity::{
        access::login_session::{ActiveModel, Column, Entity, Model},
        people::user,
    },
    model::{LoginSession, NewLoginSession, Rotation, TokenPair},
    pushes,
    sql_store::SqlStore,
};

impl SqlStore {
    pub(crate) async fn insert_session(&self, session: &NewLoginSession) -> StoreResult<()> {
        let txn = self.begin_write().await?;
        let row = fresh_row(session.family.to_string(), session.user_id, &session.pair, session.created_at);
        row.insert(&txn).await?;
        txn.commit().await?;
        Ok(())
    }

    pub(crate) async fn find_session(&self, access_hash: &[u8; 32]) -> StoreResult<Option<LoginSession>> {
        let row = Entity::find()
            .filter(Column::AccessHash.eq(access_hash.to_vec()))
            .filter(Column::ReplacedAt.is_null())
            .one(&self.reader)
            .await?;
        row.as_ref().map(to_session).transpose()
    }

    pub(crate) async fn rotate_pair(
        &self,
        refresh_hash: &[u8; 32],
        fresh: &TokenPair,
        now: Timestamp,
    ) -> StoreResult<Rotation> {
        let txn = self.begin_write().await?;
        let find = || Entity::find().filter(Column::RefreshHash.eq(refresh_hash.to_vec())).one(&txn);
        let Some(row) = find().await? else {
            return Ok(Rotation::Unknown);
        };
        take_turns(&txn, row.user_id).await?;
        // Read again: of two uses at once, the second must see what the first did.
        let Some(row) = find().await? else {
            return Ok(Rotation::Unknown);
        };
        if row.replaced_at.is_some() {
            revoke(&txn, Column::Family.eq(&row.family)).await?;
            pushes::end_with_login(&txn, &row.family).await?;
            txn.commit().await?;
            return Ok(Rotation::Reused { family: parse_family(&row.family)?, user_id: row.user_id });
        }
        if row.revoked {
            return Ok(Rotation::Unknown);
        }
        if row.refresh_expires <= now.as_millis() {
            return Ok(Rotation::Expired);
        }
        let next = fresh_row(row.family.clone(), row.user_id, fresh, now).insert(&txn).await?;
        let mut replaced = row.into_active_model();
        replaced.replaced_at = Set(Some(now.as_millis()));
        replaced.update(&txn).await?;
        txn.commit().await?;
        Ok(Rotation::Rotated(to_session(&next)?))
    }

    pub(crate) async fn end_family(&self, family: Uuid) -> StoreResult<()> {
        let txn = self.begin_write().await?;
        let of_family = Column::Family.eq(family.to_string());
        if let Some(row) = Entity::find().filter(of_family.clone()).one(&txn).await? {
            take_turns(&txn, row.user_id).await?;
            revoke(&txn, of_family).await?;
            pushes::end_with_login(&txn, &row.family).await?;
        }
        Ok(txn.commit().await?)
    }

    pub(crate) async fn end_sessions_of(&self, user: i64) -> StoreResult<()> {
        let txn = self.begin_write().await?;
        take_turns(&txn, user).await?;
        revoke(&txn, Column::UserId.eq(user)).await?;
        pushes::end_of_user(&txn, user).await?;
        Ok(txn.commit().await?)
    }

    pub(crate) async fn find_revoked_families(&self, families: &[Uuid]) -> StoreResult<Vec<Uuid>> {
        let mut revoked = Vec::new();
        for list in families.chunks(MOST_IDS) {
            let names = list.iter().map(Uuid::to_string);
            let of_list = Entity::find().select_only().column(Column::Family).distinct();
            let of_list = of_list.filter(Column::Revoked.eq(true)).filter(Column::Family.is_in(names));
            let names: Vec<String> = of_list.into_tuple().all(&self.reader).await?;
            for name in names {
                revoked.push(parse_family(&name)?);
            }
        }
        Ok(revoked)
    }
}

/// Changes to a user's sessions wait for each other, or a pair made by a rotation that is under way would survive the
/// logout. SQLite's writers take turns anyway.
pub(crate) async fn take_turns(db: &impl ConnectionTrait, user: i64) -> StoreResult<()> {
    user::Entity::find_by_id(user).lock(LockType::NoKeyUpdate).one(db).await?;
    Ok(())
}

async fn revoke(db: &impl ConnectionTrait, which: impl IntoCondition + Send) -> StoreResult<()> {
    let which = Condition::all().add(which.into_condition()).add(Column::Revoked.eq(false));
    Entity::update_many().col_expr(Column::Revoked, Expr::value(true)).filter(which).exec(db).await?;
    Ok(())
}

fn fresh_row(family: String, user_id: i64, pair: &TokenPair, created_at: Timestamp) -> ActiveModel {
    ActiveModel {
        family: Set(family),
        user_id: Set(user_id),
        access_hash: Set(pair.access_hash.to_vec()),
        access_expires: Set(pair.access_expires.as_millis()),
        refresh_hash: Set(pair.refresh_hash.to_vec()),
        refresh_expires: Set(pair.refresh_expires.as_millis()),
        created_at: Set(created_at.as_millis()),
        replaced_at: Set(None),
        revoked: Set(false),
        ..Default::default()
    }
}

fn to_session(row: &Model) -> StoreResult<LoginSession> {
    Ok(LoginSession {
        family: parse_family(&row.family)?,
        user_id: row.user_id,
        access_expires: Timestamp::from_millis(row.access_expires),
        refresh_expires: Timestamp::from_millis(row.refresh_expires),
        revoked: row.revoked,
    })
}

fn parse_family(text: &str) -> StoreResult<Uuid> {
    Uuid::parse_str(text).map_err(|error| StoreError::Corrupt(format!("a session's family: {error}")))
}
