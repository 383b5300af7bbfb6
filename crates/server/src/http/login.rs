//! Login, refresh, logout, and who is logged in.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use farhand_protocol::{
    ErrorCode, Problem,
    auth::{LoginRequest, LoginResponse, RefreshRequest, User},
};
use farhand_store::model;

use super::{
    Fail, Outcome,
    contacts::user_body,
    cookies,
    extract::{Body, Caller, From, OptionalBody},
};
use crate::{
    app::App,
    auth::{Credential, Granted, Refreshed, verify_password},
};

/// Characters of a domain, a slash and a login name.
const MAX_ACCOUNT: usize = 201;

/// Logs in with a password.
#[utoipa::path(post, path = "/auth/login", operation_id = "login", tag = "auth", request_body = LoginRequest,
    security(()),
    responses((status = 200, description = "Logged in; browsers get cookies as well", body = LoginResponse),
              (status = 401, description = "Domain, user or password is wrong", body = Problem),
              (status = 429, description = "Too many wrong passwords; wait", body = Problem)))]
pub async fn login(
    State(app): State<Arc<App>>,
    From(from): From,
    Body(request): Body<LoginRequest>,
) -> Outcome<Response> {
    // Cut short, for wrong attempts are remembered by it; no account's name is longer.
    let account: String = format!("{}/{}", request.domain, request.user_id).chars().take(MAX_ACCOUNT).collect();
    if let Some(wait) = app.attempts.must_wait(app.clock.now(), &account, from) {
        let seconds = wait.as_secs().max(1);
        let detail = format!("Too many wrong passwords. Wait {seconds} seconds.");
        return Err(Problem::new(ErrorCode::TooManyAttempts, detail).retry_after(seconds).into());
    }
    // From the database, not from memory: a password changed a moment ago is in force.
    let user = app.store.user_by_login(&request.domain, &request.user_id).await?.filter(|user| !user.disabled);
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    // One answer and one duration for an unknown user and a wrong password.
    let right = verify_password(request.password, hash).await;
    let Some(user) = user.filter(|_| right) else {
        app.attempts.failed(app.clock.now(), &account, from);
        tracing::info!(%from, "a login was refused");
        return Err(Fail::new(ErrorCode::InvalidCredentials, "Domain, user or password is wrong."));
    };
    app.attempts.succeeded(&account, from);
    let granted = app.auth.grant(user.id).await?;
    tracing::info!(user = user.id, "logged in");
    Ok(granted_response(&app, &granted, &user))
}

/// Swaps a refresh token for a new pair of tokens.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh", tag = "auth", request_body = RefreshRequest,
    security(()),
    responses((status = 200, description = "A new pair; the old one stops working", body = LoginResponse),
              (status = 401, description = "Not good any more, or used twice: log in again", body = Problem)))]
pub async fn refresh(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    OptionalBody(request): OptionalBody<RefreshRequest>,
) -> Outcome<Response> {
    let token = request.refresh_token.or_else(|| cookies::refresh(&headers).map(str::to_owned));
    let token = token.ok_or_else(|| Fail::new(ErrorCode::Unauthenticated, "There is no refresh token."))?;
    match app.auth.refresh(&token).await? {
        Refreshed::Granted(granted, user) => Ok(granted_response(&app, &granted, &user)),
        Refreshed::Reused { family } => {
            app.hub.close_credential(Credential::Session { family });
            let detail = "This refresh token was used before. For safety the login has been ended: log in again.";
            let mut response = Fail::new(ErrorCode::RefreshReused, detail).into_response();
            cookies::clear(response.headers_mut(), app.config.secure_cookies());
            Ok(response)
        }
    }
}

/// Ends the login. An API key is not ended by it.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logout", tag = "auth",
    responses((status = 204, description = "Logged out"), (status = 401, description = "Not logged in", body = Problem)))]
pub async fn logout(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Response> {
    if let Credential::Session { family } = login.credential {
        app.auth.end_family(family).await?;
        app.hub.close_credential(login.credential);
    }
    let mut response = axum::http::StatusCode::NO_CONTENT.into_response();
    cookies::clear(response.headers_mut(), app.config.secure_cookies());
    Ok(response)
}

/// Who is logged in.
#[utoipa::path(get, path = "/auth/me", operation_id = "me", tag = "auth",
    responses((status = 200, description = "The user", body = User),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn me(Caller(login): Caller) -> Json<User> {
    Json(user_body(&login.user))
}

fn granted_response(app: &App, granted: &Granted, user: &model::User) -> Response {
    let body = LoginResponse {
        access_token: granted.access.reveal().to_owned(),
        refresh_token: granted.refresh.reveal().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: granted.expires_in.as_secs(),
        user: user_body(user),
    };
    let mut response = Json(body).into_response();
    let headers = response.headers_mut();
    headers.insert(axum::http::header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    cookies::set(headers, granted, app.config.login.refresh_seconds, app.config.secure_cookies());
    response
}
