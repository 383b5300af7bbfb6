//! Calendars of planned calls: where one's own is, and what calendar programs fetch there.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use farhand_protocol::{ErrorCode, Problem, call::CalendarLink};
use farhand_store::model::{CallFilter, User, UserChange};

use super::{
    Fail, Outcome,
    extract::{Caller, Path},
};
use crate::{
    app::App,
    planned::{
        entry::SOME_HOST,
        feed::{self, Feed},
    },
};

/// Tells where the calendar of the caller's planned calls is.
#[utoipa::path(get, path = "/rtc/getCalendarLink", operation_id = "getCalendarLink", tag = "rtc-controller",
    responses((status = 200, description = "The link", body = CalendarLink),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_calendar_link(State(app): State<Arc<App>>, Caller(login): Caller) -> Json<CalendarLink> {
    Json(link(&app, &login.user))
}

/// Makes a new link to the calendar of the caller's planned calls. The one before is good no more.
#[utoipa::path(post, path = "/rtc/renewCalendarLink", operation_id = "renewCalendarLink", tag = "rtc-controller",
    responses((status = 200, description = "The new link", body = CalendarLink),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn renew_calendar_link(State(app): State<Arc<App>>, Caller(login): Caller) -> Outcome<Json<CalendarLink>> {
    let change = UserChange { renew_calendar: true, ..UserChange::default() };
    let user =
        app.store.change_user(login.user.id, &change).await?.ok_or_else(|| Fail::internal("the caller is gone"))?;
    app.directory.refresh().await?;
    Ok(Json(link(&app, &user)))
}

fn link(app: &App, user: &User) -> CalendarLink {
    CalendarLink { path: feed::path(&app.keys, user) }
}

/// Somebody's calendar, for whoever knows the link. Part of no documented API: the link is all one needs.
pub async fn calendar(State(app): State<Arc<App>>, Path(link): Path<String>) -> Outcome<Response> {
    let nothing = || Fail::new(ErrorCode::NotFound, "There is no such calendar, or its link was renewed.");
    let (user, generation) = feed::read(&app.keys, &link).ok_or_else(nothing)?;
    let user = app.directory.user(user).await?;
    let user = user.filter(|user| !user.disabled && user.calendar_generation == generation).ok_or_else(nothing)?;
    let filter = CallFilter {
        domain_id: user.domain_id,
        member: Some(user.id),
        planned_from: Some(app.clock.now() - feed::REMEMBERED),
        limit: feed::MOST_CALLS,
        ..CallFilter::default()
    };
    let calls = app.store.calls(&filter).await?;
    let host = app.config.public_host();
    let feed = Feed {
        host: host.as_deref().unwrap_or(SOME_HOST),
        public_url: app.config.public_url.as_deref(),
        open: app.calls.policy().open,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    Ok((headers, feed.calendar(user.id, &calls)).into_response())
}
