//! Users of the administrator's domain.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_protocol::{
    ErrorCode, Problem,
    admin::{NewUser, UserChange, UserRecord},
    auth::Role,
    reach::ReachSettings,
};
use farhand_store::model;

use crate::{
    admin,
    app::App,
    auth::Login,
    http::{
        Fail, Outcome,
        contacts::{role_names, roles},
        extract::{Body, Caller, Change, Path},
    },
    reach::{check_settings, of_user, written},
    teams::check_rungs,
};

/// Lists the domain's users.
#[utoipa::path(get, path = "/admin/users", operation_id = "listUsers", tag = "admin",
    responses((status = 200, description = "The users", body = Vec<UserRecord>),
              (status = 403, description = "Needs the role admin", body = Problem)))]
pub async fn list_users(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<Vec<UserRecord>>> {
    login.require(Role::Admin)?;
    let users = app.store.users(login.user.domain_id).await?;
    Ok(Json(users.iter().map(record).collect()))
}

/// Creates a user.
#[utoipa::path(post, path = "/admin/users", operation_id = "createUser", tag = "admin", request_body = NewUser,
    responses((status = 200, description = "The user", body = UserRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 409, description = "The login name is taken", body = Problem)))]
pub async fn create_user(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(new): Body<NewUser>,
) -> Outcome<Json<UserRecord>> {
    login.require(Role::Admin)?;
    admin::check_login_name(&new.user_id)?;
    let user = model::NewUser {
        id: None,
        domain_id: login.user.domain_id,
        display_name: new.display_name.unwrap_or_else(|| new.user_id.clone()),
        login: new.user_id,
        email: new.email,
        phone: new.phone_number,
        password_hash: match new.password {
            Some(password) => Some(admin::checked_password_hash(password).await?),
            None => None,
        },
        roles: role_names(&new.roles),
        operator: false,
    };
    let user = app.store.create_user(&user).await?;
    app.directory.refresh().await?;
    tracing::info!(by = login.user.id, user = user.id, "user created");
    Ok(Json(record(&user)))
}

/// Shows a user.
#[utoipa::path(get, path = "/admin/users/{userDbId}", operation_id = "getUser", tag = "admin",
    params(("userDbId" = i64, Path, description = "The user")),
    responses((status = 200, description = "The user", body = UserRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such user", body = Problem)))]
pub async fn get_user(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
) -> Outcome<Json<UserRecord>> {
    login.require(Role::Admin)?;
    Ok(Json(record(&own_user(&app, &login, id).await?)))
}

/// Changes a user. Disabling one, or changing a password, ends the user's logins and connections.
#[utoipa::path(patch, path = "/admin/users/{userDbId}", operation_id = "changeUser", tag = "admin",
    params(("userDbId" = i64, Path, description = "The user")), request_body = UserChange,
    responses((status = 200, description = "The user", body = UserRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such user", body = Problem),
              (status = 422, description = "The domain would be left without an administrator, or there is no such team", body = Problem)))]
pub async fn change_user(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
    Change(change): Change<UserChange>,
) -> Outcome<Json<UserRecord>> {
    login.require(Role::Admin)?;
    let user = own_user(&app, &login, id).await?;
    refuse_becoming_operator(&login, &user)?;
    refuse_losing_last_admin(&app, &user, &change).await?;
    let reach = changed_reach(change.reach)?;
    let rungs = reach.as_ref().and_then(|reach| reach.rungs.as_deref());
    check_rungs(&app.directory, user.domain_id, rungs, "/reach").await?;
    let ends_logins = change.disabled == Some(true) || change.password.is_some();
    let change = model::UserChange {
        display_name: change.display_name,
        email: change.email,
        phone: change.phone_number,
        password_hash: match change.password {
            Some(password) => Some(admin::checked_password_hash(password).await?),
            None => None,
        },
        roles: change.roles.as_deref().map(role_names),
        operator: None,
        disabled: change.disabled,
        budget: admin::changed_budget(change.data_budget)?,
        renew_calendar: false,
        reach: reach.as_ref().map(written),
    };
    let user = app.store.change_user(id, &change).await?.ok_or_else(no_such_user)?;
    app.directory.refresh().await?;
    if ends_logins {
        app.store.revoke_sessions_of_user(id).await?;
        app.auth.forget();
        app.hub.close_user(id);
    }
    app.calls.look_again_at(app.calls.contact_of(id).await?, user.domain_id);
    tracing::info!(by = login.user.id, user = id, "user changed");
    Ok(Json(record(&user)))
}

/// What a change sets: cleared is what is usual.
#[expect(clippy::option_option, reason = "left out, cleared and given are three things")]
fn changed_reach(change: Option<Option<ReachSettings>>) -> Outcome<Option<ReachSettings>> {
    change.map(|settings| check_settings(settings.unwrap_or_default(), "/reach")).transpose()
}

pub async fn own_user(app: &App, login: &Login, id: i64) -> Outcome<model::User> {
    let user = app.store.user(id).await?.filter(|user| user.domain_id == login.user.domain_id);
    user.ok_or_else(no_such_user)
}

/// Whoever sets an operator's password, or holds a key that acts as one, is an operator.
pub fn refuse_becoming_operator(login: &Login, user: &model::User) -> Outcome<()> {
    if user.operator && !login.user.operator {
        return Err(Fail::new(ErrorCode::Forbidden, "Only operators may change an operator or make keys for one."));
    }
    Ok(())
}

/// A domain whose last administrator is gone could be rescued from the command line only.
async fn refuse_losing_last_admin(app: &App, user: &model::User, change: &UserChange) -> Outcome<()> {
    let is_admin = |user: &model::User| !user.disabled && roles(user).contains(&Role::Admin);
    let stays = change.disabled != Some(true) && change.roles.as_ref().is_none_or(|roles| roles.contains(&Role::Admin));
    if !is_admin(user) || stays {
        return Ok(());
    }
    let others = app.store.users(user.domain_id).await?;
    if others.iter().any(|other| other.id != user.id && is_admin(other)) {
        return Ok(());
    }
    Err(Fail::new(ErrorCode::LastAdministrator, "Make somebody else administrator first."))
}

fn no_such_user() -> Fail {
    Fail::new(ErrorCode::NotFound, "There is no such user in your domain.")
}

pub fn record(user: &model::User) -> UserRecord {
    UserRecord {
        user_db_id: user.id,
        user_id: user.login.clone(),
        display_name: user.display_name.clone(),
        domain: user.domain.clone(),
        roles: roles(user),
        email: user.email.clone(),
        phone_number: user.phone.clone(),
        disabled: user.disabled,
        data_budget: admin::data_budget(user.budget),
        reach: Some(of_user(user)).filter(|settings| *settings != ReachSettings::default()),
    }
}
