//! Events on their way to webhooks. Of each call and webhook one message at most is queued, and the others wait for it; beside it may be
//! those that somebody sends again by hand.

use std::collections::HashSet;

use farhand_domain::time::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Statement, Value, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    StoreError, StoreResult,
    bulk::{Bulk, MOST_IDS},
    calls_write::parse_uuid,
    entity::webhooks::{message, webhook},
    model::{MessageFilter, MessageState, NewMessage, Then, WebhookMessage, WebhookOutcome},
    sql_store::SqlStore,
    webhooks::{fares, lock},
};

/// What was made already is made no second time.
const MESSAGES: Bulk = Bulk {
    before: "INSERT INTO webhook_messages (webhook, number, call_id, sequence, kind, body, state, tries, next_at, at) VALUES ",
    columns: 10,
    after: " ON CONFLICT (webhook, number) DO NOTHING",
};
/// Those that are not done with, as the index has them.
const OPEN: &str = "state IN ('queued', 'waiting')";
/// The others. One of them may be sent again while it is about to be forgotten.
const DONE: &str = "state IN ('accepted', 'givenUp')";
/// Messages that are forgotten at once: calls wait for the writer meanwhile, for milliseconds.
const FORGOTTEN: u64 = 1_024;
const DISABLED: &str = "the webhook was disabled";

fn to_message(row: message::Model) -> StoreResult<WebhookMessage> {
    let unknown = || StoreError::Corrupt(format!("an unknown state of a webhook's message: {}", row.state));
    Ok(WebhookMessage {
        id: row.id,
        webhook: parse_uuid(&row.webhook)?,
        state: MessageState::named(&row.state).ok_or_else(unknown)?,
        tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
        next_at: Timestamp::from_millis(row.next_at),
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        reason: row.reason,
        at: Timestamp::from_millis(row.at),
        event: NewMessage {
            number: row.number,
            call_id: parse_uuid(&row.call_id)?,
            sequence: row.sequence,
            kind: row.kind,
            body: row.body,
        },
    })
}

impl SqlStore {
    pub(crate) async fn insert_messages(
        &self,
        webhook: Uuid,
        upto: i64,
        new: &[NewMessage],
        now: Timestamp,
    ) -> StoreResult<()> {
        let (id, txn) = (webhook.to_string(), self.begin_write().await?);
        let Some(row) = lock(&txn, &id).await?.filter(|row| row.enabled && row.position < upto) else {
            return Ok(());
        };
        // It may have been disabled and enabled meanwhile: what happened before that is not sent.
        let after = row.position;
        let new: Vec<_> = new.iter().filter(|new| new.number > after).collect();
        let mut taken = calls_with_open(&txn, &id, &new).await?;
        let values = new.iter().flat_map(|new| {
            let call = new.call_id.to_string();
            let state = if taken.insert(call.clone()) { MessageState::Queued } else { MessageState::Waiting };
            message_row(&id, call, new, state, now)
        });
        MESSAGES.execute(&txn, values.collect()).await?;
        fares(&txn, webhook::ActiveModel { position: Set(upto), ..row.into_active_model() }).await?;
        txn.commit().await?;
        Ok(())
    }

    pub(crate) async fn count_open(&self, webhook: Uuid, most: u64) -> StoreResult<u64> {
        let open = message::Entity::find()
            .select_only()
            .column(message::Column::Id)
            .filter(message::Column::Webhook.eq(webhook.to_string()))
            .filter(Expr::cust(OPEN))
            .limit(most);
        Ok(open.into_tuple::<i64>().all(&self.reader).await?.len() as u64)
    }

    pub(crate) async fn find_due_webhooks(&self, now: Timestamp) -> StoreResult<Vec<Uuid>> {
        let sql = "SELECT w.id FROM webhooks w WHERE w.enabled AND (w.paused_until IS NULL OR w.paused_until <= $1) \
                   AND EXISTS (SELECT 1 FROM webhook_messages m WHERE m.webhook = w.id AND m.state = 'queued' \
                   AND m.next_at <= $1)";
        let statement = Statement::from_sql_and_values(self.backend(), sql, [now.as_millis().into()]);
        let rows = self.reader.query_all_raw(statement).await?;
        rows.iter().map(|row| parse_uuid(&row.try_get_by::<String, _>(0)?)).collect()
    }

    pub(crate) async fn read_due_messages(
        &self,
        webhook: Uuid,
        now: Timestamp,
        most: u64,
    ) -> StoreResult<Vec<WebhookMessage>> {
        let due = message::Entity::find()
            .filter(message::Column::Webhook.eq(webhook.to_string()))
            .filter(Expr::cust("state = 'queued'"))
            .filter(message::Column::NextAt.lte(now.as_millis()))
            .order_by_asc(message::Column::NextAt)
            .order_by_asc(message::Column::Id)
            .limit(most);
        due.all(&self.reader).await?.into_iter().map(to_message).collect()
    }

    pub(crate) async fn write_outcomes(&self, outcomes: &[WebhookOutcome]) -> StoreResult<()> {
        let txn = self.begin_write().await?;
        for outcome in outcomes {
            note(&txn, outcome).await?;
        }
        txn.commit().await?;
        Ok(())
    }

    pub(crate) async fn read_messages(
        &self,
        webhook: Uuid,
        filter: &MessageFilter,
    ) -> StoreResult<Vec<WebhookMessage>> {
        let mut select = message::Entity::find().filter(message::Column::Webhook.eq(webhook.to_string()));
        if let Some(state) = filter.state {
            select = select.filter(message::Column::State.eq(state.name()));
        }
        if let Some(before) = filter.before {
            select = select.filter(message::Column::Id.lt(before));
        }
        // Numbers rise with the ids, and have an index.
        let rows = select.order_by_desc(message::Column::Number).limit(filter.limit).all(&self.reader).await?;
        rows.into_iter().map(to_message).collect()
    }

    pub(crate) async fn queue_again(&self, webhook: Uuid, message: i64, now: Timestamp) -> StoreResult<bool> {
        let (id, txn) = (webhook.to_string(), self.begin_write().await?);
        if lock(&txn, &id).await?.is_none_or(|webhook| !webhook.enabled) {
            return Ok(false);
        }
        let done = [MessageState::Accepted.name(), MessageState::GivenUp.name()];
        let again = message::Entity::update_many()
            .col_expr(message::Column::State, Expr::value(MessageState::Queued.name()))
            .col_expr(message::Column::Tries, Expr::value(0_i64))
            .col_expr(message::Column::NextAt, Expr::value(now.as_millis()))
            .col_expr(message::Column::At, Expr::value(now.as_millis()))
            .filter(message::Column::Id.eq(message))
            .filter(message::Column::Webhook.eq(id))
            .filter(message::Column::State.is_in(done));
        let again = again.exec(&txn).await?;
        txn.commit().await?;
        Ok(again.rows_affected > 0)
    }

    pub(crate) async fn remove_messages(&self, accepted: Timestamp, given_up: Timestamp) -> StoreResult<u64> {
        let before = |state: MessageState, at: Timestamp| {
            Condition::all().add(message::Column::State.eq(state.name())).add(message::Column::At.lt(at.as_millis()))
        };
        let old =
            Condition::any().add(before(MessageState::Accepted, accepted)).add(before(MessageState::GivenUp, given_up));
        let old = message::Entity::find().select_only().column(message::Column::Id).filter(old);
        // The oldest stand first. They are looked for beside the writer, which all calls wait for.
        let old: Vec<i64> =
            old.order_by_asc(message::Column::Id).limit(FORGOTTEN).into_tuple().all(&self.reader).await?;
        let mut removed = 0;
        for ids in old.chunks(MOST_IDS) {
            let txn = self.begin_write().await?;
            let of_list = message::Entity::delete_many().filter(message::Column::Id.is_in(ids.iter().copied()));
            removed += of_list.filter(Expr::cust(DONE)).exec(&txn).await?.rows_affected;
            txn.commit().await?;
        }
        Ok(removed)
    }
}

fn message_row(webhook: &str, call: String, new: &NewMessage, state: MessageState, now: Timestamp) -> [Value; 10] {
    [
        webhook.into(),
        new.number.into(),
        call.into(),
        new.sequence.into(),
        new.kind.clone().into(),
        new.body.clone().into(),
        state.name().into(),
        0_i64.into(),
        now.as_millis().into(),
        now.as_millis().into(),
    ]
}

/// Those of these calls that have messages on their way.
async fn calls_with_open(txn: &DatabaseTransaction, webhook: &str, of: &[&NewMessage]) -> StoreResult<HashSet<String>> {
    let calls: HashSet<_> = of.iter().map(|new| new.call_id.to_string()).collect();
    let open = message::Entity::find()
        .select_only()
        .column(message::Column::CallId)
        .distinct()
        .filter(message::Column::Webhook.eq(webhook))
        .filter(message::Column::CallId.is_in(calls))
        .filter(Expr::cust(OPEN));
    Ok(open.into_tuple().all(txn).await?.into_iter().collect())
}

/// What came of a message that is still wanted.
async fn note(txn: &DatabaseTransaction, outcome: &WebhookOutcome) -> StoreResult<()> {
    let Some(webhook) = lock(txn, &outcome.webhook.to_string()).await? else { return Ok(()) };
    let found = message::Entity::find_by_id(outcome.message).one(txn).await?;
    let Some(found) = found.filter(|found| found.state == MessageState::Queued.name()) else { return Ok(()) };
    let (id, call, at) = (webhook.id.clone(), found.call_id.clone(), outcome.at.as_millis());
    let (state, next_at) = match outcome.then {
        Then::Accepted => (MessageState::Accepted, found.next_at),
        Then::Again { at } => (MessageState::Queued, at.as_millis()),
        Then::GivenUp => (MessageState::GivenUp, found.next_at),
    };
    let tries = found.tries + 1;
    let mut row = found.into_active_model();
    row.state = Set(state.name().to_owned());
    row.tries = Set(tries);
    row.next_at = Set(next_at);
    row.status = Set(outcome.status.map(i64::from));
    row.reason = Set(outcome.reason.clone());
    row.at = Set(at);
    row.update(txn).await?;
    let accepted = outcome.then == Then::Accepted;
    let failing_since = if accepted { None } else { webhook.failing_since.or(Some(at)) };
    let mut row = webhook.into_active_model();
    row.failing_since = Set(failing_since);
    if let Some(until) = outcome.pause_until {
        row.paused_until = Set(Some(until.as_millis()));
    }
    if let Some(why) = &outcome.disable {
        row.enabled = Set(false);
        row.reason = Set(Some(why.clone()));
        give_up_all(txn, &id, outcome.at).await?;
    }
    fares(txn, row).await?;
    if state == MessageState::Queued {
        return Ok(());
    }
    promote(txn, &id, &call, at).await
}

/// Lets the next one of a call go, unless one of it is on its way.
async fn promote(txn: &DatabaseTransaction, webhook: &str, call: &str, at: i64) -> StoreResult<()> {
    let sql = "UPDATE webhook_messages SET state = 'queued', next_at = $3 WHERE id = \
               (SELECT MIN(id) FROM webhook_messages WHERE webhook = $1 AND call_id = $2 AND state = 'waiting') \
               AND NOT EXISTS (SELECT 1 FROM webhook_messages WHERE webhook = $1 AND call_id = $2 AND state = 'queued')";
    let values: [Value; 3] = [webhook.into(), call.into(), at.into()];
    txn.execute_raw(Statement::from_sql_and_values(txn.get_database_backend(), sql, values)).await?;
    Ok(())
}

/// Gives up what was not sent yet.
pub(crate) async fn give_up_all(db: &impl ConnectionTrait, webhook: &str, now: Timestamp) -> StoreResult<()> {
    message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(MessageState::GivenUp.name()))
        .col_expr(message::Column::Reason, Expr::value(DISABLED))
        .col_expr(message::Column::At, Expr::value(now.as_millis()))
        .filter(message::Column::Webhook.eq(webhook))
        .filter(Expr::cust(OPEN))
        .exec(db)
        .await?;
    Ok(())
}
