//! People with a login or an API key.

use sea_orm::{
    ActiveModelTrait, ActiveValue, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Select, SelectTwo,
};

use crate::{
    StoreError, StoreResult,
    entity::people::{domain, user},
    model::{Budget, NewUser, User, UserChange},
    sql_store::SqlStore,
};

type Row = (user::Model, Option<domain::Model>);

fn with_domain(select: Select<user::Entity>) -> SelectTwo<user::Entity, domain::Entity> {
    select.find_also_related(domain::Entity)
}

fn to_user((row, domain): Row) -> StoreResult<User> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("user {}: {what}", row.id));
    Ok(User {
        id: row.id,
        domain_id: row.domain_id,
        domain: domain.ok_or_else(|| corrupt("no domain"))?.name,
        roles: serde_json::from_str(&row.roles).map_err(|error| corrupt(&error.to_string()))?,
        login: row.login,
        display_name: row.display_name,
        email: row.email,
        phone: row.phone,
        password_hash: row.password_hash,
        operator: row.operator,
        disabled: row.disabled,
        budget: Budget { kbit: row.budget_kbit, megabytes: row.budget_megabytes },
        calendar_generation: row.calendar_generation,
        reach: row.reach,
    })
}

/// A JSON list, so that no character is forbidden in a role's name.
fn roles_text(roles: &[String]) -> String {
    serde_json::Value::from(roles.to_vec()).to_string()
}

impl SqlStore {
    pub(crate) async fn insert_user(&self, new: &NewUser) -> StoreResult<User> {
        let txn = self.begin_directory_write().await?;
        let row = user::ActiveModel {
            id: new.id.map_or(ActiveValue::NotSet, Set),
            domain_id: Set(new.domain_id),
            login: Set(new.login.clone()),
            display_name: Set(new.display_name.clone()),
            email: Set(new.email.clone()),
            phone: Set(new.phone.clone()),
            password_hash: Set(new.password_hash.clone()),
            roles: Set(roles_text(&new.roles)),
            operator: Set(new.operator),
            disabled: Set(false),
            budget_kbit: Set(None),
            budget_megabytes: Set(None),
            calendar_generation: Set(0),
            reach: Set(None),
        };
        let id = row.insert(&txn).await?.id;
        if new.id.is_some() {
            skip_taken_ids(&txn).await?;
        }
        let user = read_user(&txn, id).await?;
        txn.commit().await?;
        user.ok_or_else(|| StoreError::Corrupt(format!("user {id} is gone")))
    }

    pub(crate) async fn update_user(&self, id: i64, change: &UserChange) -> StoreResult<Option<User>> {
        let txn = self.begin_directory_write().await?;
        let Some(row) = user::Entity::find_by_id(id).one(&txn).await? else {
            return Ok(None);
        };
        let generation = row.calendar_generation;
        let mut row = row.into_active_model();
        let UserChange {
            display_name,
            email,
            phone,
            password_hash,
            roles,
            operator,
            disabled,
            budget,
            renew_calendar,
            reach,
        } = change.clone();
        set(&mut row.display_name, display_name);
        set(&mut row.email, email);
        set(&mut row.phone, phone);
        set(&mut row.password_hash, password_hash.map(Some));
        set(&mut row.roles, roles.map(|roles| roles_text(&roles)));
        set(&mut row.operator, operator);
        set(&mut row.disabled, disabled);
        set(&mut row.reach, reach);
        set(&mut row.budget_kbit, budget.map(|budget| budget.kbit));
        set(&mut row.budget_megabytes, budget.map(|budget| budget.megabytes));
        set(&mut row.calendar_generation, renew_calendar.then_some(generation + 1));
        row.update(&txn).await?;
        let user = read_user(&txn, id).await?;
        txn.commit().await?;
        Ok(user)
    }

    pub(crate) async fn read_user(&self, id: i64) -> StoreResult<Option<User>> {
        read_user(&self.reader, id).await
    }

    pub(crate) async fn find_user(&self, domain: &str, login: &str) -> StoreResult<Option<User>> {
        let select = user::Entity::find().filter(user::Column::Login.eq(login));
        let row = with_domain(select).filter(domain::Column::Name.eq(domain)).one(&self.reader).await?;
        row.map(to_user).transpose()
    }

    pub(crate) async fn read_users(&self, domain: i64) -> StoreResult<Vec<User>> {
        let select = user::Entity::find().filter(user::Column::DomainId.eq(domain)).order_by_asc(user::Column::Id);
        with_domain(select).all(&self.reader).await?.into_iter().map(to_user).collect()
    }
}

fn set<T: Into<sea_orm::Value>>(column: &mut ActiveValue<T>, change: Option<T>) {
    if let Some(value) = change {
        *column = Set(value);
    }
}

async fn read_user(db: &impl ConnectionTrait, id: i64) -> StoreResult<Option<User>> {
    with_domain(user::Entity::find_by_id(id)).one(db).await?.map(to_user).transpose()
}

/// PostgreSQL's counter does not notice ids given by hand. Directory writers take turns, so the highest id is known.
async fn skip_taken_ids(txn: &DatabaseTransaction) -> StoreResult<()> {
    if txn.get_database_backend() == DbBackend::Postgres {
        let counter = "SELECT setval(pg_get_serial_sequence('users', 'id'), (SELECT MAX(id) FROM users))";
        txn.execute_unprepared(counter).await?;
    }
    Ok(())
}
