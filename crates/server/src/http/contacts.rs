//! The people and teams of the caller's domain.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_protocol::{
    Problem,
    auth::{Role, User},
    call::{ContactList, DirectoryEntry, Presence, TeamRef},
    team::{TeamEntry, TeamMember},
};
use farhand_store::model;

use super::{Outcome, extract::Caller};
use crate::{
    app::App,
    auth::{has_role, role_name},
    calls::wire_quiet,
    reach::Ways,
    teams::TeamSettings,
};

/// Lists whom the caller can call, with presence.
#[utoipa::path(get, path = "/rtc/getContacts", operation_id = "getContacts", tag = "rtc-controller",
    responses((status = 200, description = "People and teams of the domain", body = ContactList),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_contacts(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<ContactList>> {
    let domain = login.user.domain_id;
    let users: Vec<_> = app.store.users(domain).await?.into_iter().filter(|user| !user.disabled).collect();
    let presence = app.hub.presence_by_user(domain);
    let users = users.iter().map(|user| DirectoryEntry {
        user_db_id: user.id,
        user_id: user.login.clone(),
        display_name: user.display_name.clone(),
        domain: user.domain.clone(),
        roles: roles(user),
        presence: presence.get(&user.id).copied().unwrap_or(Presence::Offline),
    });
    let users = users.collect();
    let teams = app.directory.teams(domain).await?;
    let team = |team: &model::Team| TeamRef {
        id: Some(team.id),
        name: Some(team.name.clone()),
        domain: Some(login.user.domain.clone()),
        tags: Vec::new(),
    };
    Ok(Json(ContactList { users, teams: teams.iter().map(team).collect() }))
}

/// Lists the domain's teams, with who of them is there.
#[utoipa::path(get, path = "/rtc/getTeams", operation_id = "getTeams", tag = "rtc-controller",
    responses((status = 200, description = "The teams", body = Vec<TeamEntry>),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_teams(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<Vec<TeamEntry>>> {
    let domain = app.directory.domain(login.user.domain_id).await?;
    let presence = app.hub.presence_by_user(login.user.domain_id);
    let mut shown = Vec::new();
    for team in app.directory.teams(login.user.domain_id).await?.iter() {
        let settings = TeamSettings::of(team);
        let mut members = Vec::new();
        for id in &team.members {
            let user = app.directory.user(*id).await?.filter(|user| !user.disabled);
            members.extend(user.map(|user| {
                let presence = presence.get(id).copied().unwrap_or(Presence::Offline);
                member(&app, domain.as_deref(), &user, &settings, presence)
            }));
        }
        let there = members.iter().filter(|member| is_there(member, &settings)).count();
        shown.push(TeamEntry {
            id: team.id,
            name: team.name.clone(),
            domain: login.user.domain.clone(),
            strategy: settings.ringing.strategy,
            only_on_shift: settings.ringing.only_on_shift,
            there: u32::try_from(there).unwrap_or(u32::MAX),
            members,
            next_team: team.next,
        });
    }
    Ok(Json(shown))
}

fn member(
    app: &App,
    domain: Option<&model::Domain>,
    user: &model::User,
    settings: &TeamSettings,
    presence: Presence,
) -> TeamMember {
    let now = app.clock.now();
    TeamMember {
        user_db_id: user.id,
        display_name: user.display_name.clone(),
        presence,
        quiet: Ways::of(domain, Some(user)).quiet(now).map(wire_quiet),
        on_shift: settings.is_on_shift(user.id, now),
        tags: settings.tags(user.id).into_iter().collect(),
    }
}

fn is_there(member: &TeamMember, settings: &TeamSettings) -> bool {
    let works = member.on_shift || !settings.ringing.only_on_shift;
    member.presence != Presence::Offline && member.quiet.is_none() && works
}

/// A user as the login's answer and `welcome` show it.
pub fn user_body(user: &model::User) -> User {
    User {
        user_db_id: user.id,
        user_id: user.login.clone(),
        display_name: user.display_name.clone(),
        domain: user.domain.clone(),
        roles: roles(user),
        email: user.email.clone(),
        phone_number: user.phone.clone(),
        operator: user.operator,
    }
}

pub fn roles(user: &model::User) -> Vec<Role> {
    ALL_ROLES.into_iter().filter(|role| has_role(user, *role)).collect()
}

pub fn role_names(roles: &[Role]) -> Vec<String> {
    let mut names: Vec<_> = roles.iter().map(|role| role_name(*role).to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

const ALL_ROLES: [Role; 4] = [Role::Admin, Role::Expert, Role::Technician, Role::Connector];
