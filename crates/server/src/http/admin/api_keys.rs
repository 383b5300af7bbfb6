//! API keys of the administrator's domain.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use farhand_protocol::{
    ErrorCode, Problem, WireTime,
    admin::{ApiKeyRecord, CreatedApiKey, NewApiKey},
    auth::Role,
};
use farhand_store::model;

use super::users::{own_user, refuse_becoming_operator};
use crate::{
    admin,
    app::App,
    auth::Credential,
    http::{
        Fail, Outcome,
        extract::{Body, Caller, Path},
    },
};

/// Lists the domain's API keys, without the keys themselves.
#[utoipa::path(get, path = "/admin/api-keys", operation_id = "listApiKeys", tag = "admin",
    responses((status = 200, description = "The keys", body = Vec<ApiKeyRecord>),
              (status = 403, description = "Needs the role admin", body = Problem)))]
pub async fn list_api_keys(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<Vec<ApiKeyRecord>>> {
    login.require(Role::Admin)?;
    let keys = app.store.api_keys(login.user.domain_id).await?;
    Ok(Json(keys.into_iter().map(record).collect()))
}

/// Creates an API key that acts as a user. The answer is the only time the key is shown.
#[utoipa::path(post, path = "/admin/api-keys", operation_id = "createApiKey", tag = "admin", request_body = NewApiKey,
    responses((status = 200, description = "The key", body = CreatedApiKey),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such user", body = Problem)))]
pub async fn create_api_key(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(new): Body<NewApiKey>,
) -> Outcome<Json<CreatedApiKey>> {
    login.require(Role::Admin)?;
    admin::check_name("/name", &new.name)?;
    let user = own_user(&app, &login, new.user_db_id).await?;
    refuse_becoming_operator(&login, &user)?;
    let (key, record_of_key) = admin::create_api_key(app.store.as_ref(), app.clock.now(), user.id, &new.name).await?;
    tracing::info!(by = login.user.id, key = record_of_key.id, user = user.id, "API key created");
    Ok(Json(CreatedApiKey { key: key.reveal().to_owned(), record: record(record_of_key) }))
}

/// Revokes an API key at once, and closes its connections.
#[utoipa::path(delete, path = "/admin/api-keys/{id}", operation_id = "revokeApiKey", tag = "admin",
    params(("id" = i64, Path, description = "The key")),
    responses((status = 204, description = "Revoked"),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such key", body = Problem)))]
pub async fn revoke_api_key(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
) -> Outcome<StatusCode> {
    login.require(Role::Admin)?;
    if !app.store.revoke_api_key(login.user.domain_id, id).await? {
        return Err(Fail::new(ErrorCode::NotFound, "There is no such key in your domain."));
    }
    app.auth.forget();
    app.hub.close_credential(Credential::ApiKey { id });
    tracing::info!(by = login.user.id, key = id, "API key revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn record(key: model::ApiKey) -> ApiKeyRecord {
    ApiKeyRecord {
        id: key.id,
        name: key.name,
        user_db_id: key.user_id,
        prefix: key.prefix,
        created: WireTime(key.created_at),
        revoked: key.revoked,
    }
}
