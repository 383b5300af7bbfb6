//! How the caller is reached: looked at and changed by everybody for themselves.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_domain::{delivery::Channel, reach::usual};
use farhand_protocol::{
    Problem,
    reach::{Reach, ReachChange, ReachSettings, RungChannel},
};
use farhand_store::model::{User, UserChange};

use super::{
    Fail, Outcome,
    extract::{Caller, Change},
};
use crate::{
    app::App,
    calls::wire_quiet,
    reach::{Ways, check_settings, of_domain, of_user, wire_rungs, written},
    teams::check_rungs,
};

/// Tells how the caller is reached when a page does not ring, or nobody answers there.
#[utoipa::path(get, path = "/rtc/getReachSettings", operation_id = "getReachSettings", tag = "rtc-controller",
    responses((status = 200, description = "The settings", body = Reach),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_reach_settings(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<Reach>> {
    Ok(Json(shown(&app, &login.user).await?))
}

/// Changes how the caller is reached. Calls that ring just now follow.
#[utoipa::path(post, path = "/rtc/updateReachSettings", operation_id = "updateReachSettings", tag = "rtc-controller",
    request_body = ReachChange,
    responses((status = 200, description = "The settings", body = Reach),
              (status = 400, description = "A setting that cannot be", body = Problem),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 422, description = "There is no such team", body = Problem)))]
pub async fn update_reach_settings(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Change(change): Change<ReachChange>,
) -> Outcome<Json<Reach>> {
    let before = of_user(&login.user);
    let settings = ReachSettings {
        rungs: change.rungs.unwrap_or(before.rungs),
        do_not_disturb_until: change.do_not_disturb_until.unwrap_or(before.do_not_disturb_until),
        quiet_hours: change.quiet_hours.unwrap_or(before.quiet_hours),
        language: change.language.unwrap_or(before.language),
    };
    let settings = check_settings(settings, "")?;
    check_rungs(&app.directory, login.user.domain_id, settings.rungs.as_deref(), "").await?;
    let user = save(&app, login.user.id, settings).await?;
    let user = user.ok_or_else(|| Fail::internal("the caller is gone"))?;
    Ok(Json(shown(&app, &user).await?))
}

/// Keeps somebody's settings; calls that ring this person look again.
pub async fn save(app: &App, user: i64, settings: ReachSettings) -> Outcome<Option<User>> {
    let change = UserChange { reach: Some(written(&settings)), ..UserChange::default() };
    let changed = app.store.change_user(user, &change).await?;
    app.directory.refresh().await?;
    if let Some(user) = &changed {
        app.calls.look_again_at(app.calls.contact_of(user.id).await?, user.domain_id);
    }
    Ok(changed)
}

async fn shown(app: &App, user: &User) -> Outcome<Reach> {
    let domain = app.directory.domain(user.domain_id).await?;
    let ways = Ways::of(domain.as_deref(), Some(user));
    let of_domain = domain.as_deref().map(of_domain).unwrap_or_default();
    Ok(Reach {
        own: of_user(user),
        domain_rungs: of_domain.rungs.unwrap_or_else(|| wire_rungs(&usual())),
        stored_addresses: of_domain.stored_addresses,
        channels: channels(app),
        email: user.email.clone(),
        phone_number: user.phone.clone(),
        quiet: ways.quiet(app.clock.now()).map(wire_quiet),
    })
}

fn channels(app: &App) -> Vec<RungChannel> {
    let all =
        [(Channel::Push, RungChannel::Push), (Channel::Sms, RungChannel::Sms), (Channel::Email, RungChannel::Email)];
    all.into_iter().filter(|(channel, _)| app.notify.has(*channel)).map(|(_, shown)| shown).collect()
}
