//! Browsers that ring for the caller while their pages are closed.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use farhand_protocol::{
    ErrorCode, Problem, WireTime,
    push::{PushKey, PushSubscription, PushSubscriptions, SubscribeToPushRequest, UnsubscribeFromPushRequest},
};
use farhand_store::model;

use super::{
    Fail, Outcome,
    extract::{Body, Caller},
};
use crate::{
    app::App,
    auth::Credential,
    notify::{Offered, Push},
};

/// All of them are rung at once, and each ring is a request to a server that the user has named.
const MOST: u64 = 10;

/// Tells what browsers have to subscribe with.
#[utoipa::path(get, path = "/rtc/getPushKey", operation_id = "getPushKey", tag = "rtc-controller",
    responses((status = 200, description = "The server's public key", body = PushKey),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 404, description = "Web push is turned off", body = Problem)))]
pub async fn get_push_key(State(app): State<Arc<App>>, _login: Caller) -> Outcome<Json<PushKey>> {
    Ok(Json(PushKey { public_key: push(&app)?.public_key().to_owned() }))
}

/// Lists the browsers that ring for the caller.
#[utoipa::path(get, path = "/rtc/getPushSubscriptions", operation_id = "getPushSubscriptions", tag = "rtc-controller",
    responses((status = 200, description = "The browsers", body = PushSubscriptions),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_push_subscriptions(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
) -> Outcome<Json<PushSubscriptions>> {
    let kept = app.store.pushes_of_users(&[login.user.id], app.clock.now()).await?;
    Ok(Json(PushSubscriptions { subscriptions: kept.into_iter().map(shown).collect() }))
}

/// Lets a browser ring for the caller until the login ends. Whoever it rang for before is rung there no more.
#[utoipa::path(post, path = "/rtc/subscribeToPush", operation_id = "subscribeToPush", tag = "rtc-controller",
    request_body = SubscribeToPushRequest,
    responses((status = 200, description = "The browser as it is listed", body = PushSubscription),
              (status = 400, description = "An address that is not used, or keys that are none", body = Problem),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 403, description = "Not with an API key", body = Problem),
              (status = 404, description = "Web push is turned off", body = Problem),
              (status = 422, description = "Too many browsers", body = Problem)))]
pub async fn subscribe_to_push(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<SubscribeToPushRequest>,
) -> Outcome<Json<PushSubscription>> {
    let Credential::Session { family } = login.credential else {
        return Err(Fail::new(
            ErrorCode::Forbidden,
            "Browsers ring for whoever has logged in there, not for an API key.",
        ));
    };
    let offered = Offered {
        endpoint: &request.endpoint,
        p256dh: &request.keys.p256dh,
        auth: &request.keys.auth,
        label: request.label.as_deref(),
        user: login.user.id,
        login: family,
    };
    let checked = push(&app)?.check(&offered, app.clock.now()).await;
    let kept = checked.map_err(|wrong| Problem::new(ErrorCode::InvalidField, wrong.why).at(wrong.at))?;
    if !app.store.keep_push(&kept, MOST).await? {
        let detail = format!("{MOST} of your browsers ring already. Remove one of them first.");
        return Err(Fail::new(ErrorCode::TooManyBrowsers, detail));
    }
    tracing::info!(browser = kept.name, "a browser rings while its page is closed");
    Ok(Json(shown(kept)))
}

/// Lets a browser ring no more.
#[utoipa::path(post, path = "/rtc/unsubscribeFromPush", operation_id = "unsubscribeFromPush", tag = "rtc-controller",
    request_body = UnsubscribeFromPushRequest,
    responses((status = 204, description = "It rings no more"),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 404, description = "The caller has no such browser", body = Problem)))]
pub async fn unsubscribe_from_push(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(UnsubscribeFromPushRequest { id }): Body<UnsubscribeFromPushRequest>,
) -> Outcome<StatusCode> {
    if app.store.end_push(Some(login.user.id), &id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Fail::new(ErrorCode::NotFound, "You have no such browser."))
}

fn push(app: &App) -> Outcome<&Push> {
    app.notify.push().ok_or_else(|| Fail::new(ErrorCode::NotFound, "This server sends no push messages."))
}

fn shown(kept: model::PushSubscription) -> PushSubscription {
    let service = kept.name.split('/').next().unwrap_or_default().to_owned();
    PushSubscription { id: kept.name, label: kept.label, service, created_date_time: WireTime(kept.created_at) }
}
