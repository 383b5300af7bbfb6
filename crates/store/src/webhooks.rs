//! Where events are sent to.

use farhand_domain::time::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use crate::{
    StoreResult,
    calls_write::parse_uuid,
    entity::webhooks::{message, webhook},
    feed::end,
    model::{NewWebhook, Webhook, WebhookChange},
    sql_store::SqlStore,
    webhook_messages::give_up_all,
};

pub(crate) fn of_row(row: webhook::Model) -> StoreResult<Webhook> {
    Ok(Webhook {
        id: parse_uuid(&row.id)?,
        domain_id: row.domain_id,
        url: row.url,
        description: row.description,
        types: row.types.map(|types| types.split(',').map(str::to_owned).collect()),
        enabled: row.enabled,
        reason: row.reason,
        generation: row.generation,
        rotated_at: row.rotated_at.map(Timestamp::from_millis),
        created_at: Timestamp::from_millis(row.created_at),
        position: row.position,
        failing_since: row.failing_since.map(Timestamp::from_millis),
        paused_until: row.paused_until.map(Timestamp::from_millis),
    })
}

fn one(domain: i64, id: Uuid) -> Select<webhook::Entity> {
    webhook::Entity::find_by_id(id.to_string()).filter(webhook::Column::DomainId.eq(domain))
}

fn joined(types: Option<&Vec<String>>) -> Option<String> {
    types.map(|types| types.join(","))
}

impl SqlStore {
    pub(crate) async fn insert_webhook(&self, new: &NewWebhook) -> StoreResult<Webhook> {
        let txn = self.begin_write().await?;
        let row = webhook::ActiveModel {
            id: Set(new.id.to_string()),
            domain_id: Set(new.domain_id),
            url: Set(new.url.clone()),
            description: Set(new.description.clone()),
            types: Set(joined(new.types.as_ref())),
            enabled: Set(new.enabled),
            reason: Set(None),
            generation: Set(1),
            rotated_at: Set(None),
            created_at: Set(new.created_at.as_millis()),
            position: Set(end(&txn).await?),
            failing_since: Set(None),
            paused_until: Set(None),
        };
        let row = row.insert(&txn).await?;
        txn.commit().await?;
        of_row(row)
    }

    pub(crate) async fn read_webhooks(&self, domain: i64) -> StoreResult<Vec<Webhook>> {
        let rows = webhook::Entity::find()
            .filter(webhook::Column::DomainId.eq(domain))
            .order_by_asc(webhook::Column::CreatedAt)
            .order_by_asc(webhook::Column::Id);
        rows.all(&self.reader).await?.into_iter().map(of_row).collect()
    }

    pub(crate) async fn find_webhook(&self, domain: i64, id: Uuid) -> StoreResult<Option<Webhook>> {
        one(domain, id).one(&self.reader).await?.map(of_row).transpose()
    }

    pub(crate) async fn read_enabled_webhooks(&self) -> StoreResult<Vec<Webhook>> {
        let enabled = webhook::Entity::find().filter(webhook::Column::Enabled.eq(true));
        enabled.all(&self.reader).await?.into_iter().map(of_row).collect()
    }

    pub(crate) async fn update_webhook(
        &self,
        domain: i64,
        id: Uuid,
        change: &WebhookChange,
        now: Timestamp,
    ) -> StoreResult<Option<Webhook>> {
        let txn = self.begin_write().await?;
        let Some(known) = one(domain, id).lock_exclusive().one(&txn).await? else { return Ok(None) };
        let (was_enabled, generation) = (known.enabled, known.generation);
        let mut row: webhook::ActiveModel = known.into();
        if let Some(url) = &change.url {
            row.url = Set(url.clone());
        }
        if let Some(description) = &change.description {
            row.description = Set(description.clone());
        }
        if let Some(types) = &change.types {
            row.types = Set(joined(types.as_ref()));
        }
        if let Some(at) = change.rotated_at {
            row.generation = Set(generation + 1);
            row.rotated_at = Set(Some(at.as_millis()));
        }
        match change.enabled {
            Some(true) if !was_enabled => {
                row.enabled = Set(true);
                row.reason = Set(None);
                row.position = Set(end(&txn).await?);
                row.failing_since = Set(None);
                row.paused_until = Set(None);
            }
            Some(false) if was_enabled => {
                row.enabled = Set(false);
                give_up_all(&txn, &id.to_string(), now).await?;
            }
            _ => {}
        }
        // Written even where nothing differs: SeaORM refuses an update of nothing.
        row.domain_id = Set(domain);
        let row = row.update(&txn).await?;
        txn.commit().await?;
        of_row(row).map(Some)
    }

    pub(crate) async fn remove_webhook(&self, domain: i64, id: Uuid) -> StoreResult<bool> {
        let txn = self.begin_write().await?;
        let Some(row) = one(domain, id).lock_exclusive().one(&txn).await? else { return Ok(false) };
        message::Entity::delete_many().filter(message::Column::Webhook.eq(&row.id)).exec(&txn).await?;
        webhook::Entity::delete_by_id(row.id).exec(&txn).await?;
        txn.commit().await?;
        Ok(true)
    }
}

/// Locked, so that nothing else happens to its messages meanwhile.
pub(crate) async fn lock(txn: &DatabaseTransaction, id: &str) -> StoreResult<Option<webhook::Model>> {
    Ok(webhook::Entity::find_by_id(id).lock_exclusive().one(txn).await?)
}

/// Writes how a webhook fares.
pub(crate) async fn fares(db: &impl ConnectionTrait, row: webhook::ActiveModel) -> StoreResult<()> {
    row.update(db).await?;
    Ok(())
}
