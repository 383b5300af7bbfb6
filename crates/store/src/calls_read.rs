//! Whole calls as the log shows them: a fixed number of questions for any number of calls.

use std::collections::HashMap;

use farhand_domain::time::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DerivePartialModel, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{
    StoreError, StoreResult,
    bulk::id_lists,
    calls_rows::TAGS,
    calls_write::parse_uuid,
    contacts::read_contacts,
    deliveries::deliveries_of_calls,
    entity::calls::{call, event, history, idempotency, invitation, member, statistics, team},
    guests::{call_links, links_of_calls},
    model::{
        Budget, CallFilter, CallLink, CallRecord, Contact, Delivery, EventRow, GuestLink, HistoryRow,
        IdempotencyRecord, Invitation, InvitedTeam, RequestOrigin, StatisticsRow,
    },
    request_links::origins_of_calls,
    sql_store::SqlStore,
};

/// A call's own row without its live state, which is long and which nobody but its owner reads.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "call::Entity")]
pub(crate) struct Head {
    id: i64,
    call_id: String,
    domain_id: i64,
    title: String,
    reason: String,
    call_type: String,
    status: String,
    join_anonymous: bool,
    inform_directly: bool,
    creator_user: Option<i64>,
    creator_id: i64,
    maker_id: i64,
    planned_at: Option<i64>,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    budget_kbit: Option<i64>,
    budget_megabytes: Option<i64>,
    planned_zone: Option<String>,
    calendar_sequence: i64,
    stored_addresses: bool,
}

impl From<call::Model> for Head {
    fn from(row: call::Model) -> Self {
        Self {
            id: row.id,
            call_id: row.call_id,
            domain_id: row.domain_id,
            title: row.title,
            reason: row.reason,
            call_type: row.call_type,
            status: row.status,
            join_anonymous: row.join_anonymous,
            inform_directly: row.inform_directly,
            creator_user: row.creator_user,
            creator_id: row.creator_id,
            maker_id: row.maker_id,
            planned_at: row.planned_at,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            budget_kbit: row.budget_kbit,
            budget_megabytes: row.budget_megabytes,
            planned_zone: row.planned_zone,
            calendar_sequence: row.calendar_sequence,
            stored_addresses: row.stored_addresses,
        }
    }
}

impl SqlStore {
    pub(crate) async fn read_call(&self, call_id: Uuid) -> StoreResult<Option<CallRecord>> {
        let txn = self.begin_read().await?;
        let heads = call::Entity::find()
            .filter(call::Column::CallId.eq(call_id.to_string()))
            .into_partial_model::<Head>()
            .all(&txn)
            .await?;
        let record = read_records(&txn, heads).await?.pop();
        txn.commit().await?;
        Ok(record)
    }

    pub(crate) async fn read_calls(&self, filter: &CallFilter) -> StoreResult<Vec<CallRecord>> {
        let mut select = call::Entity::find().filter(call::Column::DomainId.eq(filter.domain_id));
        if let Some(user) = filter.member {
            let member = call::Entity::belongs_to(member::Entity).from(call::Column::Id).to(member::Column::Call);
            select = select.join(JoinType::InnerJoin, member.into()).filter(member::Column::UserId.eq(user));
        }
        if let Some(status) = &filter.status {
            select = select.filter(call::Column::Status.eq(status));
        }
        if let Some(planned) = filter.planned {
            let at = call::Column::PlannedAt;
            select = select.filter(if planned { at.is_not_null() } else { at.is_null() });
        }
        if let Some(from) = filter.planned_from {
            select = select.filter(call::Column::PlannedAt.gte(from.as_millis()));
        }
        if let Some(before) = filter.before {
            select = select.filter(call::Column::Id.lt(before));
        }
        let select = select.order_by_desc(call::Column::Id).limit(filter.limit);
        let txn = self.begin_read().await?;
        let heads = select.into_partial_model::<Head>().all(&txn).await?;
        let records = read_records(&txn, heads).await?;
        txn.commit().await?;
        Ok(records)
    }

    pub(crate) async fn read_idempotency(&self, caller: i64, key: &str) -> StoreResult<Option<IdempotencyRecord>> {
        let row = idempotency::Entity::find_by_id((caller, key.to_owned())).one(&self.reader).await?;
        row.map(|row| {
            let body_hash = row.body_hash.try_into();
            Ok(IdempotencyRecord {
                body_hash: body_hash.map_err(|_| StoreError::Corrupt("a hash of another length".to_owned()))?,
                call_id: parse_uuid(&row.call_id)?,
                created_at: Timestamp::from_millis(row.created_at),
            })
        })
        .transpose()
    }
}

/// Completes calls, in the order given.
pub(crate) async fn read_records(db: &impl ConnectionTrait, heads: Vec<Head>) -> StoreResult<Vec<CallRecord>> {
    let calls: Vec<i64> = heads.iter().map(|head| head.id).collect();
    let mut parts = Parts::default();
    for list in id_lists(calls) {
        parts.read(db, &list).await?;
    }
    let mut contacts: Vec<i64> = heads.iter().flat_map(|head| [head.creator_id, head.maker_id]).collect();
    contacts.extend(parts.invitations.values().flatten().map(|row| row.contact_id));
    let contacts = read_contacts(db, contacts).await?;
    heads.into_iter().map(|head| parts.complete(head, &contacts)).collect()
}

/// What hangs on calls, by the calls' ids.
#[derive(Default)]
struct Parts {
    invitations: HashMap<i64, Vec<invitation::Model>>,
    teams: HashMap<i64, Vec<InvitedTeam>>,
    events: HashMap<i64, Vec<EventRow>>,
    history: HashMap<i64, Vec<HistoryRow>>,
    statistics: HashMap<i64, Vec<StatisticsRow>>,
    deliveries: HashMap<i64, Vec<Delivery>>,
    guest_links: HashMap<i64, Vec<GuestLink>>,
    call_links: HashMap<i64, CallLink>,
    origins: HashMap<i64, RequestOrigin>,
}

impl Parts {
    async fn read(&mut self, db: &impl ConnectionTrait, calls: &[i64]) -> StoreResult<()> {
        let ids = || calls.iter().copied();
        let invitations = invitation::Entity::find()
            .filter(invitation::Column::Call.is_in(ids()))
            .order_by_asc(invitation::Column::Position);
        for row in invitations.all(db).await? {
            self.invitations.entry(row.call).or_default().push(row);
        }
        let teams = team::Entity::find().filter(team::Column::Call.is_in(ids())).order_by_asc(team::Column::Position);
        for row in teams.all(db).await? {
            let tags = row.tags.map(|tags| tags.split(TAGS).map(str::to_owned).collect()).unwrap_or_default();
            self.teams.entry(row.call).or_default().push(InvitedTeam { id: row.team_id, name: row.name, tags });
        }
        let events = event::Entity::find().filter(event::Column::Call.is_in(ids())).order_by_asc(event::Column::Seq);
        for row in events.all(db).await? {
            self.events.entry(row.call).or_default().push(to_event(row));
        }
        let history =
            history::Entity::find().filter(history::Column::Call.is_in(ids())).order_by_asc(history::Column::Seq);
        for row in history.all(db).await? {
            self.history.entry(row.call).or_default().push(to_history(row));
        }
        let statistics = statistics::Entity::find()
            .filter(statistics::Column::Call.is_in(ids()))
            .order_by_asc(statistics::Column::Seq);
        for row in statistics.all(db).await? {
            self.statistics.entry(row.call).or_default().push(to_statistics(row));
        }
        self.deliveries.extend(deliveries_of_calls(db, calls).await?);
        self.guest_links.extend(links_of_calls(db, calls).await?);
        self.call_links.extend(call_links(db, calls).await?);
        self.origins.extend(origins_of_calls(db, calls).await?);
        Ok(())
    }

    fn complete(&mut self, head: Head, contacts: &HashMap<i64, Contact>) -> StoreResult<CallRecord> {
        let contact = |id| {
            let missing = || StoreError::Corrupt(format!("call {} has a contact that is missing: {id}", head.id));
            contacts.get(&id).cloned().ok_or_else(missing)
        };
        let invitations = self.invitations.remove(&head.id).unwrap_or_default().into_iter();
        let invited = invitations.map(|row| {
            let contact = contact(row.contact_id)?;
            let invitation::Model { display_name, email, phone, language, .. } = row;
            Ok(Invitation { contact, display_name, email, phone, language })
        });
        Ok(CallRecord {
            call_id: parse_uuid(&head.call_id)?,
            creator: contact(head.creator_id)?,
            maker: contact(head.maker_id)?,
            invited: invited.collect::<StoreResult<_>>()?,
            teams: self.teams.remove(&head.id).unwrap_or_default(),
            events: self.events.remove(&head.id).unwrap_or_default(),
            history: self.history.remove(&head.id).unwrap_or_default(),
            statistics: self.statistics.remove(&head.id).unwrap_or_default(),
            deliveries: self.deliveries.remove(&head.id).unwrap_or_default(),
            guest_links: self.guest_links.remove(&head.id).unwrap_or_default(),
            link: self.call_links.remove(&head.id),
            origin: self.origins.remove(&head.id),
            id: head.id,
            domain_id: head.domain_id,
            title: head.title,
            reason: head.reason,
            call_type: head.call_type,
            status: head.status,
            join_anonymous: head.join_anonymous,
            inform_directly: head.inform_directly,
            creator_user: head.creator_user,
            budget: Budget { kbit: head.budget_kbit, megabytes: head.budget_megabytes },
            planned_at: head.planned_at.map(Timestamp::from_millis),
            planned_zone: head.planned_zone,
            calendar_sequence: head.calendar_sequence,
            stored_addresses: head.stored_addresses,
            created_at: Timestamp::from_millis(head.created_at),
            started_at: head.started_at.map(Timestamp::from_millis),
            ended_at: head.ended_at.map(Timestamp::from_millis),
        })
    }
}

fn to_event(row: event::Model) -> EventRow {
    EventRow {
        id: row.id,
        seq: row.seq,
        kind: row.kind,
        contact_id: row.contact_id,
        at: Timestamp::from_millis(row.at),
    }
}

fn to_history(row: history::Model) -> HistoryRow {
    HistoryRow {
        seq: row.seq,
        kind: row.kind,
        contact_id: row.contact_id,
        channel: row.channel,
        state: row.state,
        reason: row.reason,
        at: Timestamp::from_millis(row.at),
    }
}

fn to_statistics(row: statistics::Model) -> StatisticsRow {
    StatisticsRow {
        seq: row.seq,
        contact_id: row.contact_id,
        joined_at: Timestamp::from_millis(row.joined_at),
        left_at: Timestamp::from_millis(row.left_at),
        why: row.why,
        reconnects: row.reconnects,
        figures: row.figures,
    }
}
