//! Guests: what they do with their personal link before they are in the call, and what the others do about it. In the call a guest is
//! somebody like everybody else.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use farhand_domain::ids::ContactId;
use farhand_protocol::{
    ErrorCode, Problem, WireTime,
    call::CallLog,
    guest::{AcceptTermsRequest, GuestInvitation, GuestLink, GuestTerms, InvitedRequest},
};
use uuid::Uuid;

use super::{
    Fail, Outcome,
    extract::{Body, ByLink, Caller},
};
use crate::{
    app::App,
    auth::{self, Invited, Login, version_of},
    calls::{Answer, Ask, Calls, GuestAsk, link_of, log},
};

/// Answers that carry a link, or follow from one.
const NOT_KEPT: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

type Fresh<T> = ([(HeaderName, &'static str); 1], Json<T>);

/// Tells what a guest's link leads to. Nothing is begun or used up by it.
#[utoipa::path(post, path = "/guest/look", operation_id = "lookAtInvitation", tag = "guest",
    responses((status = 200, description = "The invitation", body = GuestInvitation),
              (status = 401, description = "The link is not good, or not any more", body = Problem),
              (status = 409, description = "The call has ended", body = Problem)))]
pub async fn look(State(app): State<Arc<App>>, ByLink(invited): ByLink) -> Outcome<Fresh<GuestInvitation>> {
    let by = Calls::by_guest(&invited.guest, None);
    let answer = app.calls.ask(invited.guest.call_id, by, Ask::Read).await?;
    Ok((NOT_KEPT, Json(invitation(&invited, &answer))))
}

/// Accepts the terms that a guest's domain wants accepted.
#[utoipa::path(post, path = "/guest/accept", operation_id = "acceptTerms", tag = "guest", request_body = AcceptTermsRequest,
    responses((status = 200, description = "The invitation", body = GuestInvitation),
              (status = 401, description = "The link is not good, or not any more", body = Problem),
              (status = 403, description = "The terms are others by now", body = Problem),
              (status = 409, description = "The call has ended", body = Problem)))]
pub async fn accept_terms(
    State(app): State<Arc<App>>,
    ByLink(mut invited): ByLink,
    Body(AcceptTermsRequest { version }): Body<AcceptTermsRequest>,
) -> Outcome<Fresh<GuestInvitation>> {
    if invited.domain.guest_terms.as_deref().map(version_of) != Some(version.clone()) {
        return Err(Fail::new(ErrorCode::TermsRequired, "The terms are others by now. Look at them again."));
    }
    let by = Calls::by_guest(&invited.guest, None);
    let accept = Ask::Guest(Box::new(GuestAsk::Accept { text: version }));
    let answer = app.calls.ask(invited.guest.call_id, by, accept).await?;
    if let Some(link) = link_of(&answer.record, invited.guest.contact) {
        invited.invitation.link = link.clone();
    }
    Ok((NOT_KEPT, Json(invitation(&invited, &answer))))
}

fn invitation(invited: &Invited, answer: &Answer) -> GuestInvitation {
    let record = &answer.record;
    let requested = invited.invitation.made_it;
    GuestInvitation {
        call_id: record.call_id,
        call_title: record.title.clone(),
        call_status: log::status(record),
        from: if requested { invited.domain.name.clone() } else { record.creator.display_name.clone() },
        display_name: invited.guest.display_name.clone(),
        planned_date_time: record.planned_at.map(WireTime),
        planned_time_zone: record.planned_zone.clone(),
        requested,
        terms: invited.terms().map(|text| GuestTerms { text: text.to_owned(), version: version_of(text) }),
    }
}

/// Gives out a guest's personal link, to be sent in another way.
#[utoipa::path(post, path = "/rtc/getGuestLink", operation_id = "getGuestLink", tag = "rtc-controller",
    request_body = InvitedRequest,
    responses((status = 200, description = "The link", body = GuestLink),
              (status = 403, description = "Not for the caller to give out", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "The call has ended", body = Problem),
              (status = 422, description = "No guest of this call", body = Problem)))]
pub async fn get_guest_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(InvitedRequest { call_id, contact_id }): Body<InvitedRequest>,
) -> Outcome<Fresh<GuestLink>> {
    let contact = ContactId(contact_id);
    let answer = ask(&app, &login, call_id, GuestAsk::Link { contact }).await?;
    let link = link_of(&answer.record, contact).ok_or_else(|| Fail::internal("a guest without a link"))?;
    let link = auth::GuestLink::from(link);
    let address = GuestLink { link: app.notify.guest_address(&link), expires_date_time: WireTime(link.until) };
    Ok((NOT_KEPT, Json(address)))
}

/// Takes a guest's link back. Whoever came by it has to leave at once; a new link is good from then on.
#[utoipa::path(post, path = "/rtc/revokeGuestLink", operation_id = "revokeGuestLink", tag = "rtc-controller",
    request_body = InvitedRequest,
    responses((status = 200, description = "Taken back", body = CallLog),
              (status = 403, description = "Not for the caller to take back", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "The call has ended", body = Problem),
              (status = 422, description = "No guest of this call", body = Problem)))]
pub async fn revoke_guest_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(InvitedRequest { call_id, contact_id }): Body<InvitedRequest>,
) -> Outcome<Json<CallLog>> {
    let answer = ask(&app, &login, call_id, GuestAsk::Revoke { contact: ContactId(contact_id) }).await?;
    Ok(Json(log::call_log(&answer.record)))
}

/// Sends somebody's invitation again, to the addresses of the first one.
#[utoipa::path(post, path = "/rtc/resendInvitation", operation_id = "resendInvitation", tag = "rtc-controller",
    request_body = InvitedRequest,
    responses((status = 200, description = "On its way", body = CallLog),
              (status = 403, description = "Not for the caller to send", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "The call has ended", body = Problem),
              (status = 422, description = "Not invited, or without an address", body = Problem),
              (status = 429, description = "The last message is not old enough, or there were too many", body = Problem)))]
pub async fn resend_invitation(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(InvitedRequest { call_id, contact_id }): Body<InvitedRequest>,
) -> Outcome<Json<CallLog>> {
    let answer = ask(&app, &login, call_id, GuestAsk::Resend { contact: ContactId(contact_id) }).await?;
    Ok(Json(log::call_log(&answer.record)))
}

async fn ask(app: &App, login: &Login, call_id: Uuid, what: GuestAsk) -> Outcome<Answer> {
    let by = app.calls.by(login, None).await?;
    app.calls.ask(call_id, by, Ask::Guest(Box::new(what))).await
}
