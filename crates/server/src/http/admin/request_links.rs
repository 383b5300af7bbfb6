//! Public links by which anybody may ask teams of the domain for help: as QR codes on machines, say.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use farhand_domain::time::Timestamp;
use farhand_protocol::{
    ErrorCode, Problem, WireTime,
    auth::Role,
    call::TeamRef,
    request_link::{NewRequestLink, RequestField, RequestLinkChange, RequestLinkRecord},
};
use farhand_store::model::{self, RequestLink, Team};
use serde::Serialize;

use crate::{
    app::App,
    auth::{self, Login},
    calls::check_title,
    http::{
        Fail, Outcome,
        extract::{Body, Caller, Change, Path},
        request_links::{MAX_VALUE, checked},
    },
    requests::{Asked, Field, fields_of, teams_of},
    teams::wanted_tags,
};

/// Of a domain: one for each machine of a large site. The list is answered whole.
const MOST_LINKS: usize = 1_000;
/// What fits over a form on a phone.
const MAX_NAME: usize = 60;
const MAX_FIELDS: usize = 12;
const MAX_FIELD_NAME: usize = 40;
/// Each has it in its queue.
const MAX_TEAMS: usize = 5;
/// More than a whole domain may have, as usual.
const MOST_AT_ALL: u32 = 1_000;
/// The answer carries what lets people ask.
const NOT_KEPT: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

type Fresh<T> = ([(HeaderName, &'static str); 1], Json<T>);

/// Lists the domain's public links for service requests.
#[utoipa::path(get, path = "/admin/requestLinks", operation_id = "listRequestLinks", tag = "admin",
    responses((status = 200, description = "The links", body = Vec<RequestLinkRecord>),
              (status = 403, description = "Needs the role admin", body = Problem)))]
pub async fn list_request_links(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
) -> Outcome<Fresh<Vec<RequestLinkRecord>>> {
    login.require(Role::Admin)?;
    let teams = app.store.teams(login.user.domain_id).await?;
    let links = app.store.request_links(login.user.domain_id).await?;
    Ok((NOT_KEPT, Json(links.iter().map(|link| record(&app, &teams, link)).collect())))
}

/// Makes a link by which anybody may ask teams for help.
#[utoipa::path(post, path = "/admin/requestLinks", operation_id = "createRequestLink", tag = "admin", request_body = NewRequestLink,
    responses((status = 200, description = "The link", body = RequestLinkRecord),
              (status = 400, description = "A field has a wrong value", body = Problem),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 422, description = "A team does not exist, or there are too many links", body = Problem)))]
pub async fn create_request_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(new): Body<NewRequestLink>,
) -> Outcome<Fresh<RequestLinkRecord>> {
    login.require(Role::Admin)?;
    let (domain_id, now) = (login.user.domain_id, app.clock.now());
    if app.store.request_links(domain_id).await?.len() >= MOST_LINKS {
        let detail = format!("A domain has {MOST_LINKS} links for requests at most.");
        return Err(Fail::new(ErrorCode::TooManyRequestLinks, detail));
    }
    check_title(new.call_title.as_deref())?;
    let teams = app.store.teams(domain_id).await?;
    let new = model::NewRequestLink {
        domain_id,
        name: checked_name(&new.name)?,
        title: checked(new.call_title.as_deref(), MAX_VALUE, "/callTitle")?,
        teams: checked_teams(&teams, &new.teams)?,
        fields: checked_fields(&new.fields)?,
        enabled: new.enabled.unwrap_or(true),
        expires_at: checked_end(new.expires_date_time, now)?,
        most_open: checked_most(new.most_open, "/mostOpen")?,
        most_hourly: checked_most(new.most_hourly, "/mostHourly")?,
        created_at: now,
    };
    let link = app.store.create_request_link(&new).await?;
    tracing::info!(by = login.user.id, link = link.id, "link for requests created");
    Ok((NOT_KEPT, Json(record(&app, &teams, &link))))
}

/// Changes a link. What is printed stays good.
#[utoipa::path(patch, path = "/admin/requestLinks/{id}", operation_id = "changeRequestLink", tag = "admin",
    params(("id" = i64, Path, description = "The link")), request_body = RequestLinkChange,
    responses((status = 200, description = "As it is now", body = RequestLinkRecord),
              (status = 400, description = "A field has a wrong value", body = Problem),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such link", body = Problem),
              (status = 422, description = "A team does not exist", body = Problem)))]
pub async fn change_request_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
    Change(change): Change<RequestLinkChange>,
) -> Outcome<Fresh<RequestLinkRecord>> {
    login.require(Role::Admin)?;
    let (teams, now) = (app.store.teams(login.user.domain_id).await?, app.clock.now());
    check_title(change.call_title.as_ref().and_then(Option::as_deref))?;
    let title = |title: Option<String>| checked(title.as_deref(), MAX_VALUE, "/callTitle");
    let most = |at: &'static str| move |most: Option<u32>| checked_most(most, at);
    let change = model::RequestLinkChange {
        name: change.name.as_deref().map(checked_name).transpose()?,
        title: change.call_title.map(title).transpose()?,
        teams: change.teams.as_deref().map(|wanted| checked_teams(&teams, wanted)).transpose()?,
        fields: change.fields.as_deref().map(checked_fields).transpose()?,
        enabled: change.enabled,
        expires_at: change.expires_date_time.map(|end| checked_end(end, now)).transpose()?,
        most_open: change.most_open.map(most("/mostOpen")).transpose()?,
        most_hourly: change.most_hourly.map(most("/mostHourly")).transpose()?,
        revoke: false,
    };
    let link = changed(&app, &login, id, &change).await?;
    tracing::info!(by = login.user.id, link = id, "link for requests changed");
    Ok((NOT_KEPT, Json(record(&app, &teams, &link))))
}

/// Takes back what was given out or printed, and makes another link in its place. Requests that were made by it go on.
#[utoipa::path(post, path = "/admin/requestLinks/{id}/revoke", operation_id = "revokeRequestLink", tag = "admin",
    params(("id" = i64, Path, description = "The link")),
    responses((status = 200, description = "With the new link", body = RequestLinkRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such link", body = Problem)))]
pub async fn revoke_request_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
) -> Outcome<Fresh<RequestLinkRecord>> {
    login.require(Role::Admin)?;
    let revoke = model::RequestLinkChange { revoke: true, ..model::RequestLinkChange::default() };
    let link = changed(&app, &login, id, &revoke).await?;
    tracing::info!(by = login.user.id, link = id, "link for requests taken back");
    let teams = app.store.teams(login.user.domain_id).await?;
    Ok((NOT_KEPT, Json(record(&app, &teams, &link))))
}

/// Deletes a link. Requests that were made by it go on.
#[utoipa::path(delete, path = "/admin/requestLinks/{id}", operation_id = "deleteRequestLink", tag = "admin",
    params(("id" = i64, Path, description = "The link")),
    responses((status = 204, description = "Deleted"),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such link", body = Problem)))]
pub async fn delete_request_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
) -> Outcome<StatusCode> {
    login.require(Role::Admin)?;
    if !app.store.delete_request_link(login.user.domain_id, id).await? {
        return Err(none());
    }
    tracing::info!(by = login.user.id, link = id, "link for requests deleted");
    Ok(StatusCode::NO_CONTENT)
}

async fn changed(app: &App, login: &Login, id: i64, change: &model::RequestLinkChange) -> Outcome<RequestLink> {
    app.store.change_request_link(login.user.domain_id, id, change).await?.ok_or_else(none)
}

fn none() -> Fail {
    Fail::new(ErrorCode::NotFound, "Your domain has no such link for requests.")
}

fn record(app: &App, teams: &[Team], link: &RequestLink) -> RequestLinkRecord {
    let claims = auth::RequestLink::from(link);
    let named = |asked: Asked| {
        let team = teams.iter().find(|team| team.id == asked.id)?;
        Some(TeamRef { name: Some(team.name.clone()), ..asked.wire() })
    };
    let count = |most: Option<i64>| most.and_then(|most| u32::try_from(most).ok());
    RequestLinkRecord {
        id: link.id,
        name: link.name.clone(),
        call_title: link.title.clone(),
        teams: teams_of(link).into_iter().filter_map(named).collect(),
        fields: fields_of(link).into_iter().map(Field::wire).collect(),
        enabled: link.enabled,
        expires_date_time: link.expires_at.map(WireTime),
        most_open: count(link.most_open),
        most_hourly: count(link.most_hourly),
        created: WireTime(link.created_at),
        path: claims.path(&app.keys),
        link: app.notify.request_address(claims),
    }
}

fn checked_name(name: &str) -> Outcome<String> {
    checked(Some(name), MAX_NAME, "/name")?.ok_or_else(|| wrong("/name", "Give the link a name."))
}

fn checked_end(end: Option<WireTime>, now: Timestamp) -> Outcome<Option<Timestamp>> {
    if end.is_some_and(|end| end.0 <= now) {
        return Err(wrong("/expiresDateTime", "A link can end at a time to come only."));
    }
    Ok(end.map(|end| end.0))
}

fn checked_most(most: Option<u32>, at: &str) -> Outcome<Option<i64>> {
    if most.is_some_and(|most| !(1..=MOST_AT_ALL).contains(&most)) {
        return Err(wrong(at, &format!("This must be 1 to {MOST_AT_ALL}.")));
    }
    Ok(most.map(i64::from))
}

fn checked_fields(fields: &[RequestField]) -> Outcome<String> {
    if fields.len() > MAX_FIELDS {
        return Err(wrong("/fields", &format!("A link has {MAX_FIELDS} fields at most.")));
    }
    let (mut names, mut kept) = (HashSet::new(), Vec::with_capacity(fields.len()));
    for (index, field) in fields.iter().enumerate() {
        let at = format!("/fields/{index}/name");
        let name = checked(Some(&field.name), MAX_FIELD_NAME, &at)?;
        let name = name.ok_or_else(|| wrong(&at, "A field has a name."))?;
        if !names.insert(name.to_lowercase()) {
            return Err(wrong(&at, "There is a field of this name already."));
        }
        let value = checked(field.value.as_deref(), MAX_VALUE, &format!("/fields/{index}/value"))?;
        kept.push(Field { name, value });
    }
    written(&kept)
}

fn checked_teams(teams: &[Team], wanted: &[TeamRef]) -> Outcome<String> {
    if wanted.is_empty() || wanted.len() > MAX_TEAMS {
        return Err(wrong("/teams", &format!("A link asks 1 to {MAX_TEAMS} teams.")));
    }
    let mut asked: Vec<Asked> = Vec::with_capacity(wanted.len());
    for (index, wanted) in wanted.iter().enumerate() {
        let at = format!("/teams/{index}");
        let is_it = |team: &&Team| match (wanted.id, &wanted.name) {
            (Some(id), _) => team.id == id,
            (None, Some(name)) => team.name == *name,
            (None, None) => false,
        };
        let unknown = || Problem::new(ErrorCode::UnknownTeam, "There is no such team in your domain.").at(&at);
        let team = teams.iter().find(is_it).ok_or_else(unknown)?;
        if wanted.name.as_ref().is_some_and(|name| *name != team.name) {
            return Err(Problem::new(ErrorCode::TeamMismatch, "The team's id and name disagree.").at(&at).into());
        }
        let tags = wanted_tags(&wanted.tags, &format!("{at}/tags"))?;
        if !asked.iter().any(|known| known.id == team.id) {
            asked.push(Asked { id: team.id, tags: tags.into_iter().collect() });
        }
    }
    written(&asked)
}

fn written<T: Serialize>(what: &T) -> Outcome<String> {
    serde_json::to_string(what).map_err(Fail::internal)
}

fn wrong(at: &str, detail: &str) -> Fail {
    Problem::new(ErrorCode::InvalidField, detail).at(at).into()
}
