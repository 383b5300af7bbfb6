//! What becomes of service requests that wait for a team.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_protocol::{ErrorCode, Problem, auth::Role, request::TeamQueueSettings};
use farhand_store::model::TeamQueue;

use super::teams::own_team;
use crate::{
    app::App,
    auth::Login,
    http::{
        Outcome,
        extract::{Body, Caller, Path},
    },
    requests::escalates_in_circles,
};

/// Sooner, nobody has read it.
const SOONEST_ESCALATION: u32 = 10;
/// Later, nobody waits for it.
const LATEST_ESCALATION: u32 = 7 * 24 * 3_600;
const SHORTEST_LIFE: u32 = 60;
/// Queues must not fill with what nobody will ever do.
const LONGEST_LIFE: u32 = 30 * 24 * 3_600;

/// Tells what becomes of service requests that wait for a team.
#[utoipa::path(get, path = "/admin/teams/{id}/queue", operation_id = "getTeamQueue", tag = "admin",
    params(("id" = i64, Path, description = "The team")),
    responses((status = 200, description = "The settings", body = TeamQueueSettings),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such team", body = Problem)))]
pub async fn get_team_queue(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
) -> Outcome<Json<TeamQueueSettings>> {
    login.require(Role::Admin)?;
    own_team(&app, &login, id).await?;
    let queues = app.store.team_queues(login.user.domain_id).await?;
    Ok(Json(queues.into_iter().find(|queue| queue.team_id == id).map(settings).unwrap_or_default()))
}

/// Says what becomes of service requests that wait for a team: whom they escalate to, and when they expire. Those that wait already are not changed.
#[utoipa::path(put, path = "/admin/teams/{id}/queue", operation_id = "setTeamQueue", tag = "admin",
    params(("id" = i64, Path, description = "The team")), request_body = TeamQueueSettings,
    responses((status = 200, description = "The settings", body = TeamQueueSettings),
              (status = 400, description = "A time that cannot be", body = Problem),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such team", body = Problem),
              (status = 422, description = "The other team does not exist, or comes back to this one", body = Problem)))]
pub async fn set_team_queue(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
    Body(body): Body<TeamQueueSettings>,
) -> Outcome<Json<TeamQueueSettings>> {
    login.require(Role::Admin)?;
    own_team(&app, &login, id).await?;
    check(&body)?;
    let queue = TeamQueue {
        team_id: id,
        escalate_to: body.escalate_to,
        escalate_seconds: body.escalate_seconds.map(i64::from),
        expire_seconds: body.expire_seconds.map(i64::from),
    };
    check_escalation(&app, &login, queue).await?;
    app.store.set_team_queue(&queue).await?;
    app.directory.refresh().await?;
    Ok(Json(body))
}

fn check(body: &TeamQueueSettings) -> Outcome<()> {
    if body.escalate_to.is_some() != body.escalate_seconds.is_some() {
        return Err(wrong("/escalateSeconds", "escalateTo and escalateSeconds belong together."));
    }
    if body.escalate_seconds.is_some_and(|seconds| !(SOONEST_ESCALATION..=LATEST_ESCALATION).contains(&seconds)) {
        let detail = format!("escalateSeconds must be {SOONEST_ESCALATION} to {LATEST_ESCALATION}.");
        return Err(wrong("/escalateSeconds", &detail));
    }
    if body.expire_seconds.is_some_and(|seconds| !(SHORTEST_LIFE..=LONGEST_LIFE).contains(&seconds)) {
        return Err(wrong("/expireSeconds", &format!("expireSeconds must be {SHORTEST_LIFE} to {LONGEST_LIFE}.")));
    }
    Ok(())
}

async fn check_escalation(app: &App, login: &Login, queue: TeamQueue) -> Outcome<()> {
    let Some(to) = queue.escalate_to else { return Ok(()) };
    if !app.store.teams(login.user.domain_id).await?.iter().any(|team| team.id == to) {
        let detail = "There is no such team in your domain.";
        return Err(Problem::new(ErrorCode::UnknownTeam, detail).at("/escalateTo").into());
    }
    let mut queues = app.store.team_queues(login.user.domain_id).await?;
    queues.retain(|known| known.team_id != queue.team_id);
    queues.push(queue);
    if escalates_in_circles(queue.team_id, &queues) {
        let detail = "That team escalates to this one, at once or by others.";
        return Err(Problem::new(ErrorCode::EscalatesInCircles, detail).at("/escalateTo").into());
    }
    Ok(())
}

fn settings(queue: TeamQueue) -> TeamQueueSettings {
    let seconds = |seconds: Option<i64>| seconds.and_then(|seconds| u32::try_from(seconds).ok());
    TeamQueueSettings {
        escalate_to: queue.escalate_to,
        escalate_seconds: seconds(queue.escalate_seconds),
        expire_seconds: seconds(queue.expire_seconds),
    }
}

fn wrong(pointer: &str, detail: &str) -> crate::http::Fail {
    Problem::new(ErrorCode::InvalidField, detail).at(pointer).into()
}
