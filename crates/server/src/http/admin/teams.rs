//! Teams of the administrator's domain.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use farhand_protocol::{
    ErrorCode, Problem,
    admin::{TeamBody, TeamRecord},
    auth::Role,
};
use farhand_store::{
    StoreError,
    model::{self, NewTeam},
};

use crate::{
    admin,
    app::App,
    auth::Login,
    http::{
        Fail, Outcome,
        extract::{Body, Caller, Path},
    },
    teams::TeamSettings,
};

/// Lists the domain's teams.
#[utoipa::path(get, path = "/admin/teams", operation_id = "listTeams", tag = "admin",
    responses((status = 200, description = "The teams", body = Vec<TeamRecord>),
              (status = 403, description = "Needs the role admin", body = Problem)))]
pub async fn list_teams(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<Vec<TeamRecord>>> {
    login.require(Role::Admin)?;
    let teams = app.store.teams(login.user.domain_id).await?;
    Ok(Json(teams.into_iter().map(|team| record(team, &login)).collect()))
}

/// Creates a team.
#[utoipa::path(post, path = "/admin/teams", operation_id = "createTeam", tag = "admin", request_body = TeamBody,
    responses((status = 200, description = "The team", body = TeamRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 409, description = "The name is taken", body = Problem),
              (status = 422, description = "A member is not of the domain, or the next team is none or comes back to this one",
               body = Problem)))]
pub async fn create_team(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(body): Body<TeamBody>,
) -> Outcome<Json<TeamRecord>> {
    login.require(Role::Admin)?;
    let new = checked(&app, &login, body, None).await?;
    let team = app.store.create_team(login.user.domain_id, &new).await.map_err(taken_meanwhile)?;
    app.directory.refresh().await?;
    Ok(Json(record(team, &login)))
}

/// Replaces all that is known of a team: what is left out is as usual from then on.
#[utoipa::path(put, path = "/admin/teams/{id}", operation_id = "replaceTeam", tag = "admin",
    params(("id" = i64, Path, description = "The team")), request_body = TeamBody,
    responses((status = 200, description = "The team", body = TeamRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such team", body = Problem),
              (status = 409, description = "The name is taken", body = Problem),
              (status = 422, description = "A member is not of the domain, or the next team is none or comes back to this one",
               body = Problem)))]
pub async fn replace_team(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
    Body(body): Body<TeamBody>,
) -> Outcome<Json<TeamRecord>> {
    login.require(Role::Admin)?;
    own_team(&app, &login, id).await?;
    let new = checked(&app, &login, body, Some(id)).await?;
    let team = app.store.replace_team(id, &new).await.map_err(taken_meanwhile)?;
    let team = team.ok_or_else(no_such_team)?;
    app.directory.refresh().await?;
    Ok(Json(record(team, &login)))
}

/// Deletes a team. Calls it was invited to keep its name; teams that it came after have no next one.
#[utoipa::path(delete, path = "/admin/teams/{id}", operation_id = "deleteTeam", tag = "admin",
    params(("id" = i64, Path, description = "The team")),
    responses((status = 204, description = "Deleted"),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such team", body = Problem)))]
pub async fn delete_team(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
) -> Outcome<StatusCode> {
    login.require(Role::Admin)?;
    own_team(&app, &login, id).await?;
    app.store.delete_team(id).await?;
    app.directory.refresh().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn own_team(app: &App, login: &Login, id: i64) -> Outcome<()> {
    let teams = app.store.teams(login.user.domain_id).await?;
    if teams.iter().any(|team| team.id == id) { Ok(()) } else { Err(no_such_team()) }
}

/// As it is to be kept. Members must be of the domain, and no other team may have the name: requests name teams by it.
async fn checked(app: &App, login: &Login, body: TeamBody, own: Option<i64>) -> Outcome<NewTeam> {
    admin::check_name("/name", &body.name)?;
    let teams = app.store.teams(login.user.domain_id).await?;
    check_next(&teams, body.next_team, own)?;
    if teams.iter().any(|team| team.name == body.name && Some(team.id) != own) {
        return Err(name_taken());
    }
    for (index, member) in body.members.iter().enumerate() {
        let user = app.directory.user(*member).await?.filter(|user| user.domain_id == login.user.domain_id);
        if user.is_none() {
            let detail = format!("There is no user {member} in your domain.");
            return Err(Problem::new(ErrorCode::UnknownContact, detail).at(format!("/members/{index}")).into());
        }
    }
    let settings = TeamSettings { ringing: body.ringing, profiles: body.profiles }.checked(&body.members)?;
    Ok(NewTeam { name: body.name, members: body.members, settings: settings.written(), next: body.next_team })
}

/// The way from one team to the next comes to an end.
fn check_next(teams: &[model::Team], next: Option<i64>, own: Option<i64>) -> Outcome<()> {
    let (mut at, mut steps) = (next, 0);
    while let Some(id) = at {
        let Some(team) = teams.iter().find(|team| team.id == id) else {
            let detail = "There is no such team in your domain.";
            return Err(Problem::new(ErrorCode::UnknownTeam, detail).at("/nextTeam").into());
        };
        steps += 1;
        if Some(id) == own || steps > teams.len() {
            let detail = "This team would come after itself; one of the teams behind it must have none.";
            return Err(Problem::new(ErrorCode::TeamLoop, detail).at("/nextTeam").into());
        }
        at = team.next;
    }
    Ok(())
}

fn name_taken() -> Fail {
    Problem::new(ErrorCode::AlreadyExists, "There is a team with this name already.").at("/name").into()
}

/// All that [`checked`] finds out can have changed since; a name is what two people want at the same time.
fn taken_meanwhile(error: StoreError) -> Fail {
    match error {
        StoreError::Constraint(_) => name_taken(),
        StoreError::Unavailable(_) | StoreError::Corrupt(_) => error.into(),
    }
}

fn no_such_team() -> Fail {
    Fail::new(ErrorCode::NotFound, "There is no such team in your domain.")
}

fn record(team: model::Team, login: &Login) -> TeamRecord {
    let TeamSettings { ringing, profiles } = TeamSettings::of(&team);
    let model::Team { id, name, members, next, .. } = team;
    TeamRecord { id, name, domain: login.user.domain.clone(), members, ringing, profiles, next_team: next }
}
