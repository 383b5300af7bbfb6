//! Public links by which anybody may ask for help, what came by them, and the claims that tell how long a queue takes.

use std::collections::HashMap;

use farhand_domain::time::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, Statement, Value,
};
use uuid::Uuid;

use crate::{
    StoreResult,
    bulk::{Bulk, push_places},
    calls_write::parse_uuid,
    entity::{
        calls::call,
        requests::{origin, request_link},
    },
    model::{
        CallRecord, MadeBy, NewRequestLink, RequestLink, RequestLinkChange, RequestOrigin, RequestsMade, TeamClaim,
    },
    sql_store::SqlStore,
};

pub(crate) const ORIGINS: Bulk = Bulk {
    before: "INSERT INTO request_origins (call, domain_id, link, name, details, network, attempt, created_at) VALUES ",
    columns: 8,
    after: "",
};

pub(crate) fn origin_row(call: i64, record: &CallRecord, origin: &RequestOrigin) -> [Value; 8] {
    [
        call.into(),
        record.domain_id.into(),
        origin.link.into(),
        origin.name.clone().into(),
        origin.details.clone().into(),
        origin.network.clone().into(),
        origin.attempt.clone().into(),
        record.created_at.as_millis().into(),
    ]
}

/// By call.
pub(crate) async fn origins_of_calls(
    db: &impl ConnectionTrait,
    calls: &[i64],
) -> StoreResult<HashMap<i64, RequestOrigin>> {
    let rows = origin::Entity::find().filter(origin::Column::Call.is_in(calls.iter().copied()));
    let of_row = |row: origin::Model| RequestOrigin {
        link: row.link,
        name: row.name,
        details: row.details,
        network: row.network,
        attempt: row.attempt,
    };
    Ok(rows.all(db).await?.into_iter().map(|row| (row.call, of_row(row))).collect())
}

impl From<request_link::Model> for RequestLink {
    fn from(row: request_link::Model) -> Self {
        Self {
            id: row.id,
            domain_id: row.domain_id,
            name: row.name,
            title: row.title,
            teams: row.teams,
            fields: row.fields,
            enabled: row.enabled,
            generation: row.generation,
            expires_at: row.expires_at.map(Timestamp::from_millis),
            most_open: row.most_open,
            most_hourly: row.most_hourly,
            created_at: Timestamp::from_millis(row.created_at),
        }
    }
}

fn one(domain: i64, id: i64) -> Select<request_link::Entity> {
    request_link::Entity::find_by_id(id).filter(request_link::Column::DomainId.eq(domain))
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

fn set<T: Into<Value>>(column: &mut sea_orm::ActiveValue<T>, value: Option<T>) {
    if let Some(value) = value {
        *column = Set(value);
    }
}

impl SqlStore {
    pub(crate) async fn insert_request_link(&self, new: &NewRequestLink) -> StoreResult<RequestLink> {
        let txn = self.begin_write().await?;
        let row = request_link::ActiveModel {
            domain_id: Set(new.domain_id),
            name: Set(new.name.clone()),
            title: Set(new.title.clone()),
            teams: Set(new.teams.clone()),
            fields: Set(new.fields.clone()),
            enabled: Set(new.enabled),
            generation: Set(1),
            expires_at: Set(millis(new.expires_at)),
            most_open: Set(new.most_open),
            most_hourly: Set(new.most_hourly),
            created_at: Set(new.created_at.as_millis()),
            ..Default::default()
        };
        let row = row.insert(&txn).await?;
        txn.commit().await?;
        Ok(row.into())
    }

    pub(crate) async fn read_request_links(&self, domain: i64) -> StoreResult<Vec<RequestLink>> {
        let rows = request_link::Entity::find()
            .filter(request_link::Column::DomainId.eq(domain))
            .order_by_asc(request_link::Column::Id);
        Ok(rows.all(&self.reader).await?.into_iter().map(RequestLink::from).collect())
    }

    pub(crate) async fn find_request_link(&self, id: i64) -> StoreResult<Option<RequestLink>> {
        Ok(request_link::Entity::find_by_id(id).one(&self.reader).await?.map(RequestLink::from))
    }

    pub(crate) async fn update_request_link(
        &self,
        domain: i64,
        id: i64,
        change: &RequestLinkChange,
    ) -> StoreResult<Option<RequestLink>> {
        let txn = self.begin_write().await?;
        let Some(known) = one(domain, id).lock_exclusive().one(&txn).await? else { return Ok(None) };
        let generation = known.generation;
        let mut row: request_link::ActiveModel = known.into();
        set(&mut row.name, change.name.clone());
        set(&mut row.title, change.title.clone());
        set(&mut row.teams, change.teams.clone());
        set(&mut row.fields, change.fields.clone());
        set(&mut row.enabled, change.enabled);
        set(&mut row.expires_at, change.expires_at.map(millis));
        set(&mut row.most_open, change.most_open);
        set(&mut row.most_hourly, change.most_hourly);
        // Written even where nothing differs: SeaORM refuses an update of nothing.
        row.generation = Set(generation + i64::from(change.revoke));
        let row = row.update(&txn).await?;
        txn.commit().await?;
        Ok(Some(row.into()))
    }

    pub(crate) async fn remove_request_link(&self, domain: i64, id: i64) -> StoreResult<bool> {
        let txn = self.begin_write().await?;
        let known = one(domain, id).lock_exclusive().one(&txn).await?;
        if known.is_some() {
            request_link::Entity::delete_by_id(id).exec(&txn).await?;
        }
        txn.commit().await?;
        Ok(known.is_some())
    }

    pub(crate) async fn count_requests(
        &self,
        by: MadeBy<'_>,
        since: Timestamp,
        most: u64,
    ) -> StoreResult<RequestsMade> {
        let whose = match by {
            MadeBy::Link(link) => origin::Column::Link.eq(link),
            MadeBy::Network(network) => origin::Column::Network.eq(network),
            MadeBy::Domain(domain) => origin::Column::DomainId.eq(domain),
        };
        let txn = self.begin_read().await?;
        let lately: Vec<i64> = origin::Entity::find()
            .select_only()
            .column(origin::Column::CreatedAt)
            .filter(Condition::all().add(whose.clone()).add(origin::Column::CreatedAt.gt(since.as_millis())))
            .order_by_desc(origin::Column::CreatedAt)
            .limit(most)
            .into_tuple()
            .all(&txn)
            .await?;
        let to_call = origin::Entity::belongs_to(call::Entity).from(origin::Column::Call).to(call::Column::Id);
        let open = origin::Entity::find()
            .join(sea_orm::JoinType::InnerJoin, to_call.into())
            .filter(Condition::all().add(whose).add(call::Column::EndedAt.is_null()))
            .count(&txn)
            .await?;
        txn.commit().await?;
        Ok(RequestsMade { open, lately: lately.into_iter().map(Timestamp::from_millis).collect() })
    }

    pub(crate) async fn find_attempt(&self, attempt: &str) -> StoreResult<Option<(Uuid, i64)>> {
        let txn = self.begin_read().await?;
        let of_attempt = origin::Entity::find().filter(origin::Column::Attempt.eq(attempt)).one(&txn).await?;
        let Some(origin) = of_attempt else { return Ok(None) };
        let made = call::Entity::find_by_id(origin.call).one(&txn).await?;
        txn.commit().await?;
        made.map(|call| Ok((parse_uuid(&call.call_id)?, call.creator_id))).transpose()
    }

    pub(crate) async fn read_claims(&self, since: Timestamp) -> StoreResult<Vec<TeamClaim>> {
        let backend = self.backend();
        let mut sql = String::from(
            "SELECT t.team_id, c.domain_id, e.at FROM call_events e JOIN calls c ON c.id = e.call \
             JOIN call_teams t ON t.call = e.call WHERE e.kind = 'Claimed' AND NOT EXISTS \
             (SELECT 1 FROM call_history h WHERE h.call = e.call AND h.kind = 'CallBackPromised' AND h.at <= e.at) AND e.at > ",
        );
        push_places(&mut sql, backend, 0, 1);
        sql.push_str(" ORDER BY e.at, e.id, t.team_id");
        let statement = Statement::from_sql_and_values(backend, sql, [Value::from(since.as_millis())]);
        let claim = |row: &sea_orm::QueryResult| {
            let (team, domain_id) = (row.try_get_by(0)?, row.try_get_by(1)?);
            Ok(TeamClaim { team, domain_id, at: Timestamp::from_millis(row.try_get_by(2)?) })
        };
        self.reader.query_all_raw(statement).await?.iter().map(claim).collect()
    }
}
