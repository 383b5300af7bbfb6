//! Service requests over REST. Created they are like any call.

use std::sync::Arc;

use axum::{Json, extract::State};
use farhand_protocol::{
    Problem,
    call::{CallIdBody, CallLog},
    request::{HandOverRequest, PromiseCallBackRequest, ServiceRequests},
};

use super::{
    Outcome,
    calls::shown,
    extract::{Body, Caller},
};
use crate::{
    app::App,
    calls::{Ask, RequestAsk, check_note},
};

/// Takes a service request. The caller's devices are rung then.
#[utoipa::path(post, path = "/rtc/claimServiceRequest", operation_id = "claimServiceRequest", tag = "rtc-controller",
    request_body = CallIdBody,
    responses((status = 200, description = "Claimed by the caller, now or before", body = CallLog),
              (status = 403, description = "Not for the caller to claim", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Claimed by somebody else, ended, or no service request", body = Problem)))]
pub async fn claim_service_request(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    let by = app.calls.by(&login, None).await?;
    let answer = app.calls.ask(request.call_id, by, Ask::Request(Box::new(RequestAsk::Claim))).await?;
    Ok(Json(shown(&app, &answer.record)))
}

/// Promises to call back. The request is listed with its time until somebody claims it.
#[utoipa::path(post, path = "/rtc/promiseCallBack", operation_id = "promiseCallBack", tag = "rtc-controller",
    request_body = PromiseCallBackRequest,
    responses((status = 200, description = "Promised", body = CallLog),
              (status = 403, description = "Not for the caller to promise", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Claimed, ended, or no service request", body = Problem),
              (status = 422, description = "Past, or more than two weeks ahead", body = Problem)))]
pub async fn promise_call_back(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<PromiseCallBackRequest>,
) -> Outcome<Json<CallLog>> {
    let PromiseCallBackRequest { call_id, call_back_date_time, note } = request;
    let by = app.calls.by(&login, None).await?;
    let promise = RequestAsk::Promise { due: call_back_date_time.0, note: check_note(note)? };
    let answer = app.calls.ask(call_id, by, Ask::Request(Box::new(promise))).await?;
    Ok(Json(shown(&app, &answer.record)))
}

/// Gives a running call to another expert, who is rung, or to a team, in whose queue it waits. Whoever hands it over leaves when that one comes.
#[utoipa::path(post, path = "/rtc/handOverCall", operation_id = "handOverCall", tag = "rtc-controller",
    request_body = HandOverRequest,
    responses((status = 200, description = "On its way to somebody else", body = CallLog),
              (status = 403, description = "Not for the caller to hand over", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Full, ended, or the caller is not in it", body = Problem),
              (status = 422, description = "The contact or team does not exist", body = Problem)))]
pub async fn hand_over_call(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(request): Body<HandOverRequest>,
) -> Outcome<Json<CallLog>> {
    let by = app.calls.by(&login, None).await?;
    let answer = app.calls.hand_over(&login, by, request).await?;
    Ok(Json(shown(&app, &answer.record)))
}

/// Lists what waits for the caller's teams.
#[utoipa::path(get, path = "/rtc/getServiceRequests", operation_id = "getServiceRequests", tag = "rtc-controller",
    responses((status = 200, description = "The queues of the caller's teams", body = ServiceRequests),
              (status = 401, description = "Not logged in", body = Problem)))]
pub async fn get_service_requests(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
) -> Outcome<Json<ServiceRequests>> {
    Ok(Json(app.waiting_for(&login.user).await?))
}
