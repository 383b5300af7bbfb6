//! Whoever can be in a call. A user's contact is made when first needed and shows the user's present names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use farhand_domain::time::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationTrait,
    Select, Statement, Value,
};

use crate::{
    StoreError, StoreResult,
    bulk::{Bulk, id_lists, push_places},
    entity::people::{contact, domain, user},
    model::{Contact, NewGuest},
    sql_store::SqlStore,
};

const GUESTS: Bulk =
    Bulk { before: "INSERT INTO contacts (domain_id, display_name) VALUES ", columns: 2, after: " RETURNING id" };

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    domain_id: i64,
    domain: String,
    user_id: Option<i64>,
    login: Option<String>,
    user_name: Option<String>,
    own_name: String,
}

impl From<Row> for Contact {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            domain_id: row.domain_id,
            domain: row.domain,
            user_id: row.user_id,
            login: row.login,
            display_name: row.user_name.unwrap_or(row.own_name),
        }
    }
}

fn with_names() -> Select<contact::Entity> {
    contact::Entity::find()
        .select_only()
        .columns([contact::Column::Id, contact::Column::DomainId, contact::Column::UserId])
        .column_as(contact::Column::DisplayName, "own_name")
        .column_as(domain::Column::Name, "domain")
        .column_as(user::Column::Login, "login")
        .column_as(user::Column::DisplayName, "user_name")
        .join(JoinType::InnerJoin, contact::Relation::Domain.def())
        .join(JoinType::LeftJoin, contact::Relation::User.def())
}

/// By contact id; unknown ids are missing.
pub(crate) async fn read_contacts(db: &impl ConnectionTrait, ids: Vec<i64>) -> StoreResult<HashMap<i64, Contact>> {
    let mut contacts = HashMap::with_capacity(ids.len());
    for list in id_lists(ids) {
        let rows = with_names().filter(contact::Column::Id.is_in(list)).into_model::<Row>().all(db).await?;
        contacts.extend(rows.into_iter().map(|row| (row.id, row.into())));
    }
    Ok(contacts)
}

/// By user id; users without a contact are missing.
async fn read_contacts_of(db: &impl ConnectionTrait, users: &[i64]) -> StoreResult<HashMap<i64, Contact>> {
    let mut contacts = HashMap::with_capacity(users.len());
    for list in id_lists(users.to_vec()) {
        let rows = with_names().filter(contact::Column::UserId.is_in(list)).into_model::<Row>().all(db).await?;
        contacts.extend(rows.into_iter().filter_map(|row| Some((row.user_id?, row.into()))));
    }
    Ok(contacts)
}

/// `None` if one is missing.
fn in_order(users: &[i64], contacts: &HashMap<i64, Contact>) -> Option<Vec<Contact>> {
    users.iter().map(|user| contacts.get(user).cloned()).collect()
}

impl SqlStore {
    pub(crate) async fn ensure_contacts(&self, users: &[i64]) -> StoreResult<Vec<Contact>> {
        // Nearly always all are there, and reading does not queue behind writers.
        let known = read_contacts_of(&self.reader, users).await?;
        if let Some(contacts) = in_order(users, &known) {
            return Ok(contacts);
        }
        let txn = self.begin_write().await?;
        for list in id_lists(users.iter().copied().filter(|user| !known.contains_key(user)).collect()) {
            insert_missing(&txn, &list).await?;
        }
        let contacts = read_contacts_of(&txn, users).await?;
        let Some(contacts) = in_order(users, &contacts) else {
            return Err(StoreError::Constraint("no such user".to_owned()));
        };
        txn.commit().await?;
        Ok(contacts)
    }

    pub(crate) async fn read_last_calls(&self, contacts: &[i64]) -> StoreResult<HashMap<i64, Timestamp>> {
        let backend = self.backend();
        let mut last = HashMap::with_capacity(contacts.len());
        for list in id_lists(contacts.to_vec()) {
            // One look at the end of the index for each, however many calls somebody has had.
            let mut sql = String::from(
                "SELECT id, (SELECT MAX(at) FROM call_events WHERE contact_id = contacts.id AND kind IN ('Join', 'Leave')) \
                 FROM contacts WHERE id IN (",
            );
            push_places(&mut sql, backend, 0, list.len());
            sql.push(')');
            let statement = Statement::from_sql_and_values(backend, sql, list.into_iter().map(Value::from));
            for row in self.reader.query_all_raw(statement).await? {
                let at: Option<i64> = row.try_get_by(1)?;
                last.extend(at.map(|at| row.try_get_by(0).map(|id| (id, Timestamp::from_millis(at)))).transpose()?);
            }
        }
        Ok(last)
    }

    pub(crate) async fn insert_guests(&self, guests: &[NewGuest]) -> StoreResult<Vec<Contact>> {
        let txn = self.begin_write().await?;
        let values = guests.iter().flat_map(|guest| [guest.domain_id.into(), guest.display_name.as_str().into()]);
        let rows = GUESTS.query(&txn, values.collect::<Vec<Value>>()).await?;
        // Rows come back in no promised order, but their ids were given in the order of the rows.
        let ids = rows.iter().map(|row| row.try_get_by(0)).collect::<Result<BTreeSet<i64>, _>>()?;
        let contacts: BTreeMap<_, _> = read_contacts(&txn, ids.into_iter().collect()).await?.into_iter().collect();
        txn.commit().await?;
        Ok(contacts.into_values().collect())
    }
}

/// In the order of ids, so that two callers wait for each other and never both at once.
async fn insert_missing(db: &impl ConnectionTrait, users: &[i64]) -> StoreResult<()> {
    let backend = db.get_database_backend();
    let mut sql = String::from(
        "INSERT INTO contacts (domain_id, user_id, display_name) SELECT domain_id, id, display_name FROM users WHERE id IN (",
    );
    push_places(&mut sql, backend, 0, users.len());
    sql.push_str(") ORDER BY id ON CONFLICT (user_id) DO NOTHING");
    let values = users.iter().map(|user| Value::from(*user));
    db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}
