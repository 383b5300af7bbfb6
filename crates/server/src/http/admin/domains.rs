//! Domains. Operators manage them all; an administrator sets what the own one allows.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_protocol::{
    ErrorCode, Problem,
    admin::{DomainChange, DomainRecord, NewDomain},
    auth::Role,
    reach::DomainReach,
};
use farhand_store::model;

use crate::{
    admin,
    app::App,
    auth::Login,
    http::{
        Fail, Outcome,
        extract::{Body, Caller, Change, Path},
    },
    reach::{check_domain, of_domain, written},
    teams::check_rungs,
};

/// Lists domains: all for operators, the own one for administrators.
#[utoipa::path(get, path = "/admin/domains", operation_id = "listDomains", tag = "admin",
    responses((status = 200, description = "The domains", body = Vec<DomainRecord>),
              (status = 403, description = "Needs the role admin", body = Problem)))]
pub async fn list_domains(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<Vec<DomainRecord>>> {
    login.require(Role::Admin)?;
    let domains = app.store.domains().await?;
    let visible = domains.into_iter().filter(|domain| manages(&login, domain.id));
    Ok(Json(visible.map(record).collect()))
}

/// Creates a domain.
#[utoipa::path(post, path = "/admin/domains", operation_id = "createDomain", tag = "admin", request_body = NewDomain,
    responses((status = 200, description = "The domain", body = DomainRecord),
              (status = 403, description = "Needs an operator", body = Problem),
              (status = 409, description = "The name is taken", body = Problem)))]
pub async fn create_domain(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(new): Body<NewDomain>,
) -> Outcome<Json<DomainRecord>> {
    if !login.user.operator {
        return Err(Fail::new(ErrorCode::Forbidden, "Only operators of the server may create domains."));
    }
    admin::check_domain_name(&new.name)?;
    let domain = app.store.create_domain(&new.name).await?;
    app.directory.refresh().await?;
    tracing::info!(by = login.user.id, domain = domain.id, "domain created");
    Ok(Json(record(domain)))
}

/// Changes what a domain allows.
#[utoipa::path(patch, path = "/admin/domains/{id}", operation_id = "changeDomain", tag = "admin",
    params(("id" = i64, Path, description = "The domain")), request_body = DomainChange,
    responses((status = 200, description = "The domain", body = DomainRecord),
              (status = 403, description = "Needs the role admin", body = Problem),
              (status = 404, description = "No such domain", body = Problem),
              (status = 422, description = "There is no such team", body = Problem)))]
pub async fn change_domain(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Path(id): Path<i64>,
    Change(change): Change<DomainChange>,
) -> Outcome<Json<DomainRecord>> {
    login.require(Role::Admin)?;
    let no_such = || Fail::new(ErrorCode::NotFound, "There is no such domain, or it is not yours to change.");
    if !manages(&login, id) {
        return Err(no_such());
    }
    let budget = admin::changed_budget(change.data_budget)?;
    let guest_terms = change.guest_terms.map(admin::checked_terms).transpose()?;
    let reach = change.reach.map(|reach| check_domain(reach.unwrap_or_default(), "/reach")).transpose()?;
    check_rungs(&app.directory, id, reach.as_ref().and_then(|reach| reach.rungs.as_deref()), "/reach").await?;
    let reach = reach.as_ref().map(written);
    let change = model::DomainChange { guests_allowed: change.guests_allowed, budget, guest_terms, reach };
    let domain = app.store.change_domain(id, change).await?;
    app.directory.refresh().await?;
    Ok(Json(record(domain.ok_or_else(no_such)?)))
}

fn manages(login: &Login, domain: i64) -> bool {
    login.user.operator || login.user.domain_id == domain
}

fn record(domain: model::Domain) -> DomainRecord {
    let data_budget = admin::data_budget(domain.budget);
    let reach = Some(of_domain(&domain)).filter(|reach| *reach != DomainReach::default());
    let model::Domain { id, name, guests_allowed, guest_terms, .. } = domain;
    DomainRecord { id, name, guests_allowed, data_budget, guest_terms, reach }
}
