//! Messages of the administrator's domain that were not sent, or may not have been: to be looked at, and sent again.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_protocol::{
    Problem,
    admin::{DeadLetter, DeadLetterQuery},
    auth::Role,
    call::CallLog,
};
use farhand_store::model::{self, Delivery};
use uuid::Uuid;

use crate::{
    app::App,
    calls::{Ask, GuestAsk, log},
    http::{
        Outcome,
        extract::{Caller, Path, Query},
    },
    notify::Kind,
};

const USUALLY: u32 = 100;
/// More nobody reads; what is behind them has the same reason most of the time.
const MOST: u32 = 500;

/// Lists messages that were refused, came too late, or may not have been sent, the latest first.
#[utoipa::path(get, path = "/admin/dead-letters", operation_id = "listDeadLetters", tag = "admin", params(DeadLetterQuery),
    responses((status = 200, description = "The messages", body = Vec<DeadLetter>),
              (status = 403, description = "Needs the role admin", body = Problem)))]
pub async fn list_dead_letters(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Query(query): Query<DeadLetterQuery>,
) -> Outcome<Json<Vec<DeadLetter>>> {
    login.require(Role::Admin)?;
    let most = query.limit.unwrap_or(USUALLY).clamp(1, MOST);
    let dead = app.store.dead_letters(login.user.domain_id, Kind::Again.name(), most.into()).await?;
    let told = dead.into_iter().filter(|dead| log::is_told(&dead.delivery, dead.delivery.state));
    Ok(Json(told.map(letter).collect()))
}

fn letter(dead: model::DeadLetter) -> DeadLetter {
    let model::DeadLetter { delivery, call_title, call_ended, display_name, sent_again } = dead;
    let message = log::notification(&delivery);
    let Delivery { call_id, contact_id, address, .. } = delivery;
    DeadLetter { call_id, call_title, call_ended, contact_id, display_name, address, sent_again, message }
}

/// Sends a message once more, while its call has not ended. It is a new one; the first stays as it is.
#[utoipa::path(post, path = "/admin/dead-letters/{callId}/{id}/resend", operation_id = "resendDeadLetter", tag = "admin",
    params(("callId" = Uuid, Path, description = "The call"), ("id" = Uuid, Path, description = "The message")),
    responses((status = 200, description = "The call", body = CallLog),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such call or message", body = Problem),
              (status = 409, description = "The call has ended", body = Problem)))]
pub async fn resend_dead_letter(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path((call_id, id)): Path<(Uuid, Uuid)>,
) -> Outcome<Json<CallLog>> {
    login.require(Role::Admin)?;
    let by = app.calls.by(&login, None).await?;
    let answer = app.calls.ask(call_id, by, Ask::Guest(Box::new(GuestAsk::ResendOne { message: id }))).await?;
    tracing::info!(by = login.user.id, %id, "a message is sent again");
    Ok(Json(log::call_log(&answer.record)))
}
