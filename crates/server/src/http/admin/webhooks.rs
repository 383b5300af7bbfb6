//! Where the events of the administrator's domain are sent to.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use farhand_protocol::{
    ErrorCode, Problem, WireTime,
    auth::Role,
    webhook::{
        NewWebhook, WebhookChange, WebhookDelivery, WebhookDeliveryQuery, WebhookRecord, WebhookSecret, WebhookTest,
    },
};
use farhand_store::model::{self, MessageFilter, MessageState, Webhook, WebhookMessage};
use uuid::Uuid;

use crate::{
    app::App,
    auth::Login,
    http::{
        Fail, Outcome,
        extract::{Body, Caller, Change, Path, Query},
    },
    webhooks::{Attempt, message_id, old_until},
    world::new_id,
};

/// Of a domain. Each one is a copy of each message.
const MOST_WEBHOOKS: usize = 20;
const URL_MAX: usize = 2_000;
const DESCRIPTION_MAX: usize = 200;
/// More types than there are.
const TYPES_MAX: usize = 100;
const TYPE_MAX: usize = 100;
const USUALLY: u32 = 100;
const MOST: u32 = 500;
/// The answer carries a secret.
const NOT_KEPT: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

type Secret = ([(HeaderName, &'static str); 1], Json<WebhookSecret>);

/// Lists the domain's webhooks, without their secrets.
#[utoipa::path(get, path = "/admin/webhooks", operation_id = "listWebhooks", tag = "admin",
    responses((status = 200, description = "The webhooks", body = Vec<WebhookRecord>),
              (status = 403, description = "Needs the role admin", body = Problem)))]
pub async fn list_webhooks(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<Vec<WebhookRecord>>> {
    login.require(Role::Admin)?;
    let webhooks = app.store.webhooks(login.user.domain_id).await?;
    Ok(Json(webhooks.iter().map(|webhook| record(&app, webhook)).collect()))
}

/// Sets up a webhook: the domain's events are sent there from now on. The answer is the only time its secret is shown.
#[utoipa::path(post, path = "/admin/webhooks", operation_id = "createWebhook", tag = "admin", request_body = NewWebhook,
    responses((status = 200, description = "The webhook and its secret", body = WebhookSecret),
              (status = 400, description = "No address, or one that may not be used", body = Problem),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 422, description = "There are too many", body = Problem)))]
pub async fn create_webhook(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(new): Body<NewWebhook>,
) -> Outcome<Secret> {
    login.require(Role::Admin)?;
    let domain_id = login.user.domain_id;
    if app.store.webhooks(domain_id).await?.len() >= MOST_WEBHOOKS {
        let detail = format!("A domain has {MOST_WEBHOOKS} webhooks at most.");
        return Err(Fail::new(ErrorCode::TooManyWebhooks, detail));
    }
    let new = model::NewWebhook {
        id: new_id(),
        domain_id,
        url: checked_url(&app, new.url).await?,
        description: checked_description(new.description.unwrap_or_default())?,
        types: checked_types(new.types)?,
        enabled: new.enabled.unwrap_or(true),
        created_at: app.clock.now(),
    };
    let webhook = app.store.create_webhook(&new).await?;
    app.webhooks.look_again();
    tracing::info!(by = login.user.id, webhook = %webhook.id, "webhook created");
    Ok(with_secret(&app, &webhook))
}

/// Shows a webhook.
#[utoipa::path(get, path = "/admin/webhooks/{id}", operation_id = "getWebhook", tag = "admin",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "The webhook", body = WebhookRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such webhook", body = Problem)))]
pub async fn get_webhook(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<Uuid>,
) -> Outcome<Json<WebhookRecord>> {
    let webhook = own(&app, &login, id).await?;
    Ok(Json(record(&app, &webhook)))
}

/// Changes a webhook, disables it, or enables it again.
#[utoipa::path(patch, path = "/admin/webhooks/{id}", operation_id = "changeWebhook", tag = "admin", request_body = WebhookChange,
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "As it is now", body = WebhookRecord),
              (status = 400, description = "No address, or one that may not be used", body = Problem),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such webhook", body = Problem)))]
pub async fn change_webhook(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<Uuid>,
    Change(change): Change<WebhookChange>,
) -> Outcome<Json<WebhookRecord>> {
    own(&app, &login, id).await?;
    let url = match change.url {
        Some(url) => Some(checked_url(&app, url).await?),
        None => None,
    };
    let change = model::WebhookChange {
        url,
        description: change.description.map(checked_description).transpose()?,
        types: change.types.map(checked_types).transpose()?,
        enabled: change.enabled,
        rotated_at: None,
    };
    let webhook = changed(&app, &login, id, &change).await?;
    tracing::info!(by = login.user.id, webhook = %id, "webhook changed");
    Ok(Json(record(&app, &webhook)))
}

/// Deletes a webhook and what waits for it.
#[utoipa::path(delete, path = "/admin/webhooks/{id}", operation_id = "deleteWebhook", tag = "admin",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 204, description = "Deleted"),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such webhook", body = Problem)))]
pub async fn delete_webhook(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<Uuid>,
) -> Outcome<StatusCode> {
    login.require(Role::Admin)?;
    if !app.store.delete_webhook(login.user.domain_id, id).await? {
        return Err(none());
    }
    tracing::info!(by = login.user.id, webhook = %id, "webhook deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new secret, shown this once. For a day messages are signed with the one before as well.
#[utoipa::path(post, path = "/admin/webhooks/{id}/rotate", operation_id = "rotateWebhookSecret", tag = "admin",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "The webhook and its new secret", body = WebhookSecret),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such webhook", body = Problem)))]
pub async fn rotate_webhook_secret(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<Uuid>,
) -> Outcome<Secret> {
    login.require(Role::Admin)?;
    let change = model::WebhookChange { rotated_at: Some(app.clock.now()), ..model::WebhookChange::default() };
    let webhook = changed(&app, &login, id, &change).await?;
    tracing::info!(by = login.user.id, webhook = %id, "webhook has a new secret");
    Ok(with_secret(&app, &webhook))
}

/// Sends a message of the type `webhook.test` at once, and tells what came of it.
#[utoipa::path(post, path = "/admin/webhooks/{id}/test", operation_id = "testWebhook", tag = "admin",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "What came of it", body = WebhookTest),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such webhook", body = Problem)))]
pub async fn test_webhook(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<Uuid>,
) -> Outcome<Json<WebhookTest>> {
    let webhook = own(&app, &login, id).await?;
    let attempt = app.webhooks.test(&webhook).await;
    let accepted = matches!(attempt, Attempt::Accepted { .. });
    Ok(Json(WebhookTest { accepted, status: attempt.status(), reason: attempt.reason() }))
}

/// Lists messages to a webhook, the newest first: those on their way, and what became of the others.
#[utoipa::path(get, path = "/admin/webhooks/{id}/deliveries", operation_id = "listWebhookDeliveries", tag = "admin",
    params(("id" = Uuid, Path, description = "The webhook"), WebhookDeliveryQuery),
    responses((status = 200, description = "The messages", body = Vec<WebhookDelivery>),
              (status = 400, description = "A parameter has a wrong value", body = Problem),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such webhook", body = Problem)))]
pub async fn list_webhook_deliveries(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<WebhookDeliveryQuery>,
) -> Outcome<Json<Vec<WebhookDelivery>>> {
    own(&app, &login, id).await?;
    let named = |name: String| {
        let unknown = || Fail::new(ErrorCode::InvalidField, "state is queued, waiting, accepted or givenUp.");
        MessageState::named(&name).ok_or_else(unknown)
    };
    let filter = MessageFilter {
        state: query.state.map(named).transpose()?,
        before: query.before,
        limit: query.limit.unwrap_or(USUALLY).clamp(1, MOST).into(),
    };
    Ok(Json(app.store.messages(id, &filter).await?.into_iter().map(delivery).collect()))
}

/// Sends a message again that was accepted or given up. It is the same one, and waits for no other of its call.
#[utoipa::path(post, path = "/admin/webhooks/{id}/deliveries/{deliveryId}/resend", operation_id = "resendWebhookDelivery", tag = "admin",
    params(("id" = Uuid, Path, description = "The webhook"), ("deliveryId" = i64, Path, description = "The message")),
    responses((status = 204, description = "It is queued"),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such webhook or message, or it is on its way", body = Problem),
              (status = 409, description = "The webhook is disabled", body = Problem)))]
pub async fn resend_webhook_delivery(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path((id, message)): Path<(Uuid, i64)>,
) -> Outcome<StatusCode> {
    if !own(&app, &login, id).await?.enabled {
        return Err(Fail::new(ErrorCode::WebhookDisabled, "Enable the webhook first."));
    }
    if !app.store.resend_message(id, message, app.clock.now()).await? {
        return Err(Fail::new(ErrorCode::NotFound, "There is no such message, or it is on its way."));
    }
    app.webhooks.look_again();
    tracing::info!(by = login.user.id, webhook = %id, message, "a message to a webhook is sent again");
    Ok(StatusCode::NO_CONTENT)
}

fn none() -> Fail {
    Fail::new(ErrorCode::NotFound, "There is no such webhook in your domain.")
}

async fn own(app: &App, login: &Login, id: Uuid) -> Outcome<Webhook> {
    login.require(Role::Admin)?;
    app.store.webhook(login.user.domain_id, id).await?.ok_or_else(none)
}

async fn changed(app: &App, login: &Login, id: Uuid, change: &model::WebhookChange) -> Outcome<Webhook> {
    let changed = app.store.change_webhook(login.user.domain_id, id, change, app.clock.now()).await?;
    app.webhooks.look_again();
    changed.ok_or_else(none)
}

fn wrong(pointer: &str, why: impl Into<String>) -> Fail {
    Problem::new(ErrorCode::InvalidField, why).at(pointer).into()
}

async fn checked_url(app: &App, url: String) -> Outcome<String> {
    if url.chars().count() > URL_MAX {
        return Err(wrong("/url", format!("An address has {URL_MAX} characters at most.")));
    }
    let refused = |why: String| wrong("/url", format!("This address cannot be used: {why}."));
    Ok(app.webhooks.checked(&url).await.map_err(refused)?.into())
}

fn checked_description(text: String) -> Outcome<String> {
    if text.chars().count() > DESCRIPTION_MAX {
        return Err(wrong("/description", format!("A description has {DESCRIPTION_MAX} characters at most.")));
    }
    Ok(text)
}

/// Names that mean nothing yet may do so in a later version.
fn checked_types(types: Option<Vec<String>>) -> Outcome<Option<Vec<String>>> {
    let is_type = |name: &String| {
        let letters = name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"._-".contains(&letter));
        letters && !name.is_empty() && name.len() <= TYPE_MAX
    };
    let Some(types) = types else { return Ok(None) };
    if let Some(index) = types.iter().position(|name| !is_type(name)) {
        return Err(wrong(&format!("/types/{index}"), "That is no type of event, such as call.ended."));
    }
    if types.is_empty() || types.len() > TYPES_MAX {
        return Err(wrong("/types", format!("Name 1 to {TYPES_MAX} types, or leave them out for all.")));
    }
    Ok(Some(types))
}

fn with_secret(app: &App, webhook: &Webhook) -> Secret {
    let (secret, record) = (app.webhooks.secret(webhook), record(app, webhook));
    (NOT_KEPT, Json(WebhookSecret { secret, record }))
}

fn record(app: &App, webhook: &Webhook) -> WebhookRecord {
    let now = app.clock.now();
    WebhookRecord {
        id: webhook.id,
        url: webhook.url.clone(),
        description: webhook.description.clone(),
        types: webhook.types.clone(),
        enabled: webhook.enabled,
        reason: webhook.reason.clone(),
        created: WireTime(webhook.created_at),
        old_secret_until: old_until(webhook, now).map(WireTime),
        failing_since: webhook.failing_since.map(WireTime),
        paused_until: webhook.paused_until.filter(|until| *until > now).map(WireTime),
    }
}

fn delivery(message: WebhookMessage) -> WebhookDelivery {
    let next = (message.state == MessageState::Queued).then_some(WireTime(message.next_at));
    WebhookDelivery {
        id: message.id,
        webhook_id: message_id(&message),
        kind: message.event.kind,
        call_id: message.event.call_id,
        sequence: message.event.sequence,
        state: message.state.name().to_owned(),
        tries: message.tries,
        status: message.status,
        reason: message.reason,
        date_time: WireTime(message.at),
        next_date_time: next,
    }
}
