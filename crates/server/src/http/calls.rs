//! Calls over REST. Each handler only names what is asked; `crate::calls` does it.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use farhand_protocol::{
    ErrorCode, Problem,
    auth::Role,
    call::{
        CallIdBody, CallLog, CallLogPage, CallLogQuery, CallStatus, CreateCallRequest, IceServers, InviteRequest,
        JoinCallRequest, UpdateCallRequest,
    },
};
use farhand_store::model::{CallFilter, CallRecord};
use uuid::Uuid;

use super::{
    Fail, Outcome,
    extract::{Anybody, Body, Caller, Query},
};
use crate::{
    app::App,
    auth::{Login, Principal},
    calls::{Ask, By, Order, check_title, discreet, log::call_log},
    planned::Planned,
};

/// Calls on a page.
const MAX_PAGE: u32 = 100;
const PAGE: u32 = 20;

/// Creates a call and rings whom it invites.
///
/// The header `Idempotency-Key` makes a retry within 24 hours safe. It is no declared parameter: generated clients would make
/// it an argument, and existing connectors would not compile against them.
#[utoipa::path(post, path = "/rtc/createCall", operation_id = "createCallForContacts", tag = "rtc-controller",
    request_body = CreateCallRequest,
    responses((status = 200, description = "The call", body = CallLog),
              (status = 400, description = "A field has a wrong value", body = Problem),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 403, description = "Calling for others needs the role connector", body = Problem),
              (status = 422, description = "Somebody or something named does not exist, or nobody is left to call", body = Problem)))]
pub async fn create_call_for_contacts(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    headers: HeaderMap,
    Body(request): Body<CreateCallRequest>,
) -> Outcome<Json<CallLog>> {
    let key = headers.get("idempotency-key").map(|key| key.to_str().map(str::to_owned)).transpose();
    let key = key.map_err(|_| Fail::new(ErrorCode::InvalidField, "Idempotency-Key must be plain text."))?;
    let answer = app.calls.create(Order { login: &login, request, join: None, idempotency_key: key }).await?;
    Ok(Json(shown(&app, &answer.record)))
}

/// Tells the state and the story of a call.
#[utoipa::path(get, path = "/rtc/getCallLogById", operation_id = "getCallLogById", tag = "rtc-controller",
    params(CallIdBody),
    responses((status = 200, description = "The call", body = CallLog),
              (status = 400, description = "callId is no UUID", body = Problem),
              (status = 401, description = "Not logged in", body = Problem),
              (status = 404, description = "No such call, or not for the caller to see", body = Problem)))]
pub async fn get_call_log_by_id(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Query(query): Query<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    ask_as(&app, &who, query.call_id, Ask::Read).await
}

/// Lists the caller's calls, newest first; for administrators the domain's.
#[utoipa::path(get, path = "/rtc/getCallLogs", operation_id = "getCallLogs", tag = "rtc-controller",
    params(CallLogQuery),
    responses((status = 200, description = "A page of calls", body = CallLogPage),
              (status = 400, description = "A parameter has a wrong value", body = Problem),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_call_logs(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Query(query): Query<CallLogQuery>,
) -> Outcome<Json<CallLogPage>> {
    let limit = query.limit.unwrap_or(PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return Err(Fail::new(ErrorCode::InvalidField, format!("limit must be 1 to {MAX_PAGE}.")));
    }
    let filter = CallFilter {
        domain_id: login.user.domain_id,
        member: (!login.has(Role::Admin)).then_some(login.user.id),
        status: query.status.map(|status| status_name(status).to_owned()),
        planned: query.planned,
        planned_from: None,
        before: query.before,
        limit: u64::from(limit) + 1,
    };
    let mut records = app.store.calls(&filter).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next = records.last().filter(|_| more).map(|last| last.id);
    Ok(Json(CallLogPage { calls: records.iter().map(|record| shown(&app, record)).collect(), next }))
}

/// Joins a call on an open WebSocket session.
#[utoipa::path(post, path = "/rtc/joinCall", operation_id = "joinCall", tag = "rtc-controller",
    request_body = JoinCallRequest,
    responses((status = 200, description = "Joined", body = CallLog),
              (status = 403, description = "Not invited", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Full, ended, or no WebSocket session", body = Problem)))]
pub async fn join_call(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Body(request): Body<JoinCallRequest>,
) -> Outcome<Json<CallLog>> {
    let contact = app.calls.contact(&who).await?;
    let sessions = app.hub.sessions_of(contact);
    let session = match request.session_id {
        Some(id) => sessions.iter().find(|session| session.id == id),
        None => sessions.first().filter(|_| sessions.len() == 1),
    };
    let device = session.map(|session| session.device);
    let by = app.calls.by_principal(&who, device).await?;
    let join = Ask::Join { device, rejoin: None, prepared: false, offer: None };
    let answer = app.calls.ask(request.call_id, by, join).await?;
    Ok(Json(log_for(&app, &who, &answer.record)))
}

/// Declines a call for the user, on all devices.
#[utoipa::path(post, path = "/rtc/declineCall", operation_id = "declineCall", tag = "rtc-controller",
    request_body = CallIdBody,
    responses((status = 200, description = "Declined, or decided before", body = CallLog),
              (status = 404, description = "No such call", body = Problem)))]
pub async fn decline_call(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Body(request): Body<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    ask_as(&app, &who, request.call_id, Ask::Decline).await
}

/// Hangs up.
#[utoipa::path(post, path = "/rtc/leaveCall", operation_id = "leaveCall", tag = "rtc-controller",
    request_body = CallIdBody,
    responses((status = 200, description = "Left", body = CallLog),
              (status = 404, description = "No such call", body = Problem)))]
pub async fn leave_call(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Body(request): Body<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    ask_as(&app, &who, request.call_id, Ask::Leave).await
}

/// Ends the call for all.
#[utoipa::path(post, path = "/rtc/endCall", operation_id = "endCall", tag = "rtc-controller",
    request_body = CallIdBody,
    responses((status = 200, description = "Ended", body = CallLog),
              (status = 403, description = "Not for the caller to end", body = Problem),
              (status = 404, description = "No such call", body = Problem)))]
pub async fn end_call(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    ask(&app, &login, request.call_id, Ask::End).await
}

/// Invites more people, or rings people again.
#[utoipa::path(post, path = "/rtc/inviteToCall", operation_id = "inviteToCall", tag = "rtc-controller",
    request_body = InviteRequest,
    responses((status = 200, description = "Invited", body = CallLog),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Full or ended", body = Problem),
              (status = 422, description = "Somebody named does not exist", body = Problem)))]
pub async fn invite_to_call(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<InviteRequest>,
) -> Outcome<Json<CallLog>> {
    let by = app.calls.by(&login, None).await?;
    let answer = app.calls.invite(&login, by, &request).await?;
    Ok(Json(shown(&app, &answer.record)))
}

/// Renames a call, or moves a planned one.
#[utoipa::path(post, path = "/rtc/updateCall", operation_id = "updateCall", tag = "rtc-controller",
    request_body = UpdateCallRequest,
    responses((status = 200, description = "Changed", body = CallLog),
              (status = 403, description = "Not for the caller to change", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Not planned, started or ended", body = Problem),
              (status = 422, description = "Past, or not a time that the zone's clocks show once", body = Problem)))]
pub async fn update_call(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<UpdateCallRequest>,
) -> Outcome<Json<CallLog>> {
    check_title(request.call_title.as_deref())?;
    let planned = Planned::read(
        request.planned_date_time,
        request.planned_local_time.as_deref(),
        request.planned_time_zone.as_deref(),
    )?;
    let update = Ask::Update {
        title: request.call_title,
        planned_at: planned.at,
        planned_zone: planned.zone.clone(),
        join_anonymous: request.join_anonymous_allowed,
    };
    ask(&app, &login, request.call_id, update).await.map_err(|fail| planned.pointed(fail))
}

/// Rings for a planned call now.
#[utoipa::path(post, path = "/rtc/startCall", operation_id = "startCall", tag = "rtc-controller",
    request_body = CallIdBody,
    responses((status = 200, description = "Ringing", body = CallLog),
              (status = 403, description = "Not for the caller to start", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Not planned, or ended", body = Problem)))]
pub async fn start_call(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    ask(&app, &login, request.call_id, Ask::Start).await
}

/// Calls off a call nobody has joined yet.
#[utoipa::path(post, path = "/rtc/cancelCall", operation_id = "cancelCall", tag = "rtc-controller",
    request_body = CallIdBody,
    responses((status = 200, description = "Cancelled", body = CallLog),
              (status = 403, description = "Not for the caller to cancel", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Started, or ended", body = Problem)))]
pub async fn cancel_call(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Body(request): Body<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    ask_as(&app, &who, request.call_id, Ask::Cancel).await
}

/// Lists STUN and TURN servers for `RTCPeerConnection`.
#[utoipa::path(get, path = "/rtc/getIceServers", operation_id = "getIceServers", tag = "rtc-controller",
    responses((status = 200, description = "ICE servers", body = IceServers),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_ice_servers(State(app): State<Arc<App>>, _: Anybody, headers: HeaderMap) -> Json<IceServers> {
    let host = headers.get(axum::http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    Json(app.ice.for_host(host))
}

async fn ask(app: &App, login: &Login, call_id: Uuid, what: Ask) -> Outcome<Json<CallLog>> {
    let by = app.calls.by(login, None).await?;
    ask_by(app, by, call_id, what).await
}

/// By whoever may be a guest.
async fn ask_as(app: &App, who: &Principal, call_id: Uuid, what: Ask) -> Outcome<Json<CallLog>> {
    let by = app.calls.by_principal(who, None).await?;
    let answer = app.calls.ask(call_id, by, what).await?;
    Ok(Json(log_for(app, who, &answer.record)))
}

fn log_for(app: &App, who: &Principal, record: &CallRecord) -> CallLog {
    match who {
        Principal::User(_) => shown(app, record),
        Principal::Guest(_) => {
            let request = app.calls.service_request(record).map(discreet::service_request);
            CallLog { service_request: request, ..discreet::call_log(record) }
        }
    }
}

/// With what the queues know of it.
pub(super) fn shown(app: &App, record: &CallRecord) -> CallLog {
    CallLog { service_request: app.calls.service_request(record), ..call_log(record) }
}

async fn ask_by(app: &App, by: By, call_id: Uuid, what: Ask) -> Outcome<Json<CallLog>> {
    let answer = app.calls.ask(call_id, by, what).await?;
    Ok(Json(shown(app, &answer.record)))
}

fn status_name(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Planned => "Planned",
        CallStatus::Started => "Started",
        CallStatus::Ended => "Ended",
    }
}
