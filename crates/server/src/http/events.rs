//! What happens in calls, for programs that follow along.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName},
    response::sse::{Event, Sse},
};
use farhand_protocol::{
    ErrorCode, Problem,
    events::{CallEvent, CallEventPage, CallEvents, CallEventsQuery, EventsQuery, StreamQuery},
};
use futures_util::Stream;

use super::{
    Fail, Outcome,
    extract::{Caller, Lasting, Query},
};
use crate::{
    app::App,
    calls::Ask,
    events::{
        STREAMS_PER_USER,
        stream::{Follower, filter, follow},
        told,
    },
};

const USUALLY: u32 = 100;
/// Some 300 KB.
const MOST: u32 = 500;
/// After the last event there is.
const END: &str = "end";
const LAST_EVENT_ID: &str = "last-event-id";
/// Proxies that gather what they pass on would hold events back.
const NOT_GATHERED: [(HeaderName, &str); 1] = [(HeaderName::from_static("x-accel-buffering"), "no")];

fn page_size(limit: Option<u32>) -> Outcome<u64> {
    let limit = limit.unwrap_or(USUALLY);
    if limit == 0 || limit > MOST {
        return Err(Fail::new(ErrorCode::InvalidField, format!("limit must be 1 to {MOST}.")));
    }
    Ok(limit.into())
}

/// Lists the events of one call after a sequence number, in order.
#[utoipa::path(get, path = "/rtc/getCallEvents", operation_id = "getCallEvents", tag = "rtc-controller", params(CallEventsQuery),
    responses((status = 200, description = "The events", body = CallEvents),
              (status = 400, description = "A parameter has a wrong value", body = Problem),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 404, description = "No such call, or not for the caller to see", body = Problem)))]
pub async fn get_call_events(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Query(query): Query<CallEventsQuery>,
) -> Outcome<Json<CallEvents>> {
    let limit = page_size(query.limit)?;
    let by = app.calls.by(&login, None).await?;
    let call = app.calls.ask(query.call_id, by, Ask::Read).await?;
    let after = query.after.unwrap_or_default().max(0);
    let events = app.store.call_feed(call.record.id, after, limit).await?;
    Ok(Json(CallEvents { events: events.into_iter().map(told::event).collect() }))
}

/// Lists the events of all calls that the caller may read, in the order in which they happened; for administrators the domain's.
#[utoipa::path(get, path = "/rtc/getEvents", operation_id = "getEvents", tag = "rtc-controller", params(EventsQuery),
    responses((status = 200, description = "A page of events", body = CallEventPage),
              (status = 400, description = "A parameter has a wrong value", body = Problem),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_events(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Query(query): Query<EventsQuery>,
) -> Outcome<Json<CallEventPage>> {
    let limit = page_size(query.limit)?;
    let after = query.after.as_deref().map_or(Ok(Place::After(0)), place)?;
    let page = app.store.feed(&filter(&login, number(&app, after).await?, limit)).await?;
    Ok(Json(CallEventPage {
        events: page.events.into_iter().map(told::event).collect::<Vec<CallEvent>>(),
        next: page.next.to_string(),
        more: page.next < page.end,
    }))
}

/// Tells of events as they happen, as Server-Sent Events: those of `getEvents`, each with an `id` to go on from by `Last-Event-ID`.
#[utoipa::path(get, path = "/rtc/events", operation_id = "followEvents", tag = "rtc-controller", params(StreamQuery),
    responses((status = 200, description = "A stream of `CallEvent`s; ends when the login does", content_type = "text/event-stream", body = String),
              (status = 400, description = "No id of an event", body = Problem),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 429, description = "Too many streams of this user", body = Problem)))]
pub async fn follow_events(
    State(app): State<Arc<App>>,
    Lasting { login, token }: Lasting,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Outcome<([(HeaderName, &'static str); 1], Sse<impl Stream<Item = Result<Event, Infallible>>>)> {
    let last = headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default()).filter(|id| !id.is_empty());
    let after = last.or(query.after.as_deref()).map_or(Ok(Place::End), place)?;
    let after = number(&app, after).await?;
    let room = app.streams.enter(login.user.id).ok_or_else(|| {
        let detail = format!("You have {STREAMS_PER_USER} streams open. Close some.");
        Fail::new(ErrorCode::TooManySessions, detail)
    })?;
    Ok((NOT_GATHERED, Sse::new(follow(Follower { app, token, after }, room))))
}

enum Place {
    After(i64),
    End,
}

fn place(text: &str) -> Outcome<Place> {
    if text == END {
        return Ok(Place::End);
    }
    let number = text.parse().ok().filter(|number: &i64| *number >= 0);
    number.map(Place::After).ok_or_else(|| Fail::new(ErrorCode::InvalidField, "after is the `next` of another page."))
}

async fn number(app: &App, place: Place) -> Outcome<i64> {
    match place {
        Place::After(number) => Ok(number),
        Place::End => Ok(app.store.feed_end().await?),
    }
}
