//! The people and teams of the caller's domain.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_protocol::{
    Problem,
    auth::{Role, User},
    call::{ContactList, DirectoryEntry, Presence, TeamRef},
};
use farhand_store::model;

use super::{Outcome, extract::Caller};
use crate::{
    app::App,
    auth::{has_role, role_name},
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
    };
    Ok(Json(ContactList { users, teams: teams.iter().map(team).collect() }))
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
