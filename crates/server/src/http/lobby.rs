//! The way into a call for people nobody has invited: what they ask at the door, and what those inside answer. Codes of six digits.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use farhand_domain::ids::ContactId;
use farhand_protocol::{
    ErrorCode, Problem, WireTime,
    call::{CallIdBody, CallLog},
    guest::{GuestLink, GuestTerms},
    lobby::{
        CodeAnswer, CodeRequest, JoinCode, JoinCodeRequest, KnockRequest, KnockState, Knocked, LeaveLobbyRequest,
        LobbyRequest, OpenCall,
    },
};
use farhand_store::model::CallRecord;
use tokio::sync::watch::Receiver;
use uuid::Uuid;

use super::{
    Fail, Outcome,
    extract::{Body, ByCallLink, Caller, From as FromAddress, MaybeCaller},
};
use crate::{
    app::App,
    auth::{self, Leads, Login, Open, hex_digest, unknown_link, version_of},
    calls::{Answer, Ask, By, GuestAsk, Knock, LobbyAsk, Standing, call_link, link_of, log},
    network::network_of,
};

/// Answers that carry what lets people in, or follow from it.
const NOT_KEPT: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];
/// A name that fits beside a picture.
const MAX_NAME: usize = 60;
/// How long an answer may wait for news: longer saves questions, but what a proxy cuts off must be asked again.
const MAX_WAIT: u32 = 10;

type Fresh<T> = ([(HeaderName, &'static str); 1], Json<T>);

/// Tells what the link to a whole call leads to. Nothing is begun or used up by it, and nobody hears of it.
#[utoipa::path(post, path = "/guest/openCall", operation_id = "lookAtOpenCall", tag = "guest",
    responses((status = 200, description = "The call", body = OpenCall),
              (status = 401, description = "The link is not good, or not any more", body = Problem),
              (status = 409, description = "The call has ended, or is closed to anonymous people", body = Problem)))]
pub async fn look(State(app): State<Arc<App>>, ByCallLink(open): ByCallLink) -> Outcome<Fresh<OpenCall>> {
    let record = good(&app, &open).await?;
    let text = open.domain.guest_terms.as_ref();
    let open_call = OpenCall {
        call_title: record.title.clone(),
        call_status: log::status(&record),
        from: record.creator.display_name.clone(),
        planned_date_time: record.planned_at.map(WireTime),
        planned_time_zone: record.planned_zone.clone(),
        terms: text.map(|text| GuestTerms { text: text.clone(), version: version_of(text) }),
    };
    Ok((NOT_KEPT, Json(open_call)))
}

/// The call, if its link is as good as the one that somebody came by.
async fn good(app: &App, open: &Open) -> Outcome<Arc<CallRecord>> {
    let record = app.calls.ask(open.link.call_id, By::server(open.link.domain_id), Ask::Read).await;
    let is_gone = |fail: &Fail| fail.0.code == ErrorCode::CallNotFound;
    let record = record.map_err(|fail| if is_gone(&fail) { unknown_link() } else { fail })?.record;
    if record.ended_at.is_some() {
        return Err(Fail::new(ErrorCode::CallEnded, "The call has ended, and the link with it."));
    }
    if record.link.is_none_or(|link| link.generation != open.link.generation) {
        return Err(auth::revoked());
    }
    if !record.join_anonymous {
        return Err(Fail::new(ErrorCode::AnonymousNotAllowed, "The call is not open to people who are not invited."));
    }
    Ok(record)
}

/// Asks to be let in. Answers when something has changed, or once `waitSeconds` have passed; then ask again.
#[utoipa::path(post, path = "/guest/knock", operation_id = "knock", tag = "guest", request_body = KnockRequest,
    responses((status = 200, description = "How it stands", body = Knocked),
              (status = 400, description = "No name, or none that can be shown", body = Problem),
              (status = 401, description = "The link is not good, or not any more", body = Problem),
              (status = 403, description = "The terms have to be accepted", body = Problem),
              (status = 409, description = "The call has ended or is closed to anonymous people, or too many wait", body = Problem),
              (status = 429, description = "Too many have asked", body = Problem)))]
pub async fn knock(
    State(app): State<Arc<App>>,
    FromAddress(from): FromAddress,
    ByCallLink(open): ByCallLink,
    Body(request): Body<KnockRequest>,
) -> Outcome<Fresh<Knocked>> {
    let knock = checked(&open, &request, from)?;
    let wait = Duration::from_secs(request.wait_seconds.min(MAX_WAIT).into());
    let standing = ask_at_door(&app, &open, knock.clone()).await?;
    let known = request.hosted.map(|hosted| Standing::Waiting { hosted });
    let standing = match news(&app, standing, known, wait).await? {
        Some(standing) => standing,
        // The lobby was cleared, or the call has ended: the next question is told which.
        None => *ask_at_door(&app, &open, knock).await?.borrow(),
    };
    Ok((NOT_KEPT, Json(knocked(&app, standing))))
}

fn checked(open: &Open, request: &KnockRequest, from: IpAddr) -> Outcome<Knock> {
    let version = open.domain.guest_terms.as_deref().map(version_of);
    if version.is_some() && version != request.terms_version {
        let detail = "Accept the terms of whoever invites you first, as they are now: POST /guest/openCall shows them.";
        return Err(Fail::new(ErrorCode::TermsRequired, detail));
    }
    Ok(Knock {
        hash: hash_of(request.knock_id),
        name: check_name(&request.display_name)?,
        from: network_of(from),
        terms: version,
        generation: open.link.generation,
    })
}

fn hash_of(knock: Uuid) -> String {
    hex_digest(knock.as_bytes())
}

/// What others are shown must be a name and cannot be made to look like anything else.
pub(super) fn check_name(name: &str) -> Outcome<String> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let wrong = |detail: String| Err(Problem::new(ErrorCode::InvalidField, detail).at("/displayName").into());
    if name.chars().count() > MAX_NAME {
        return wrong(format!("A name may have {MAX_NAME} characters at most."));
    }
    if !name.chars().any(char::is_alphanumeric) {
        return wrong("Enter a name.".to_owned());
    }
    if name.chars().any(|c| c.is_control() || is_unseen(c)) {
        return wrong("The name holds characters that cannot be seen.".to_owned());
    }
    Ok(name)
}

/// Marks that turn the direction of what follows, or take no room. Joiners are left: names in some scripts need them.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

async fn ask_at_door(app: &App, open: &Open, knock: Knock) -> Outcome<Receiver<Standing>> {
    let ask = Ask::Lobby(Box::new(LobbyAsk::Knock(knock)));
    let answer = app.calls.ask(open.link.call_id, By::server(open.link.domain_id), ask).await?;
    answer.at_door.ok_or_else(|| Fail::internal("a knock without an answer"))
}

/// How it stands once that has changed or the time is over. None: nobody will say so any more.
async fn news(
    app: &App,
    mut standing: Receiver<Standing>,
    known: Option<Standing>,
    wait: Duration,
) -> Outcome<Option<Standing>> {
    let now = *standing.borrow();
    tokio::select! {
        news = standing.wait_for(|standing| Some(*standing) != known) => Ok(news.ok().map(|standing| *standing)),
        () = tokio::time::sleep(wait) => Ok(Some(now)),
        () = app.stopped() => Err(Fail::new(ErrorCode::ShuttingDown, "The server is stopping. Knock again.")),
    }
}

fn knocked(app: &App, standing: Standing) -> Knocked {
    match standing {
        Standing::Waiting { hosted } => Knocked { state: KnockState::Waiting, hosted, link: None },
        // By somebody.
        Standing::Refused => Knocked { state: KnockState::Refused, hosted: true, link: None },
        Standing::Admitted(link) => {
            let link = Some(app.notify.guest_address(&link));
            Knocked { state: KnockState::Admitted, hosted: true, link }
        }
    }
}

/// Waits no longer to be let in.
#[utoipa::path(post, path = "/guest/leaveLobby", operation_id = "leaveLobby", tag = "guest", request_body = LeaveLobbyRequest,
    responses((status = 200, description = "Gone", body = OpenCall),
              (status = 401, description = "The link is not good, or not any more", body = Problem),
              (status = 409, description = "The call has ended", body = Problem)))]
pub async fn leave(
    State(app): State<Arc<App>>,
    ByCallLink(open): ByCallLink,
    Body(LeaveLobbyRequest { knock_id }): Body<LeaveLobbyRequest>,
) -> Outcome<Fresh<OpenCall>> {
    let leave = Ask::Lobby(Box::new(LobbyAsk::Leave { hash: hash_of(knock_id) }));
    app.calls.ask(open.link.call_id, By::server(open.link.domain_id), leave).await?;
    look(State(app), ByCallLink(open)).await
}

/// Gives out the link to the whole call. Whoever has it may ask to be let in.
#[utoipa::path(post, path = "/rtc/getCallLink", operation_id = "getCallLink", tag = "rtc-controller", request_body = CallIdBody,
    responses((status = 200, description = "The link", body = GuestLink),
              (status = 403, description = "Not for the caller to give out", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "The call has ended, or is closed to anonymous people", body = Problem),
              (status = 422, description = "The domain does not allow guests", body = Problem)))]
pub async fn get_call_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(CallIdBody { call_id }): Body<CallIdBody>,
) -> Outcome<Fresh<GuestLink>> {
    let domain = app.directory.domain(login.user.domain_id).await?;
    if !domain.is_some_and(|domain| domain.guests_allowed) {
        return Err(Fail::new(ErrorCode::GuestsNotAllowed, "This domain does not allow guests."));
    }
    let answer = ask(&app, &login, call_id, LobbyAsk::Link).await?;
    let link = call_link(&answer.record).ok_or_else(|| Fail::internal("a call without its link"))?;
    let address = GuestLink { link: app.notify.call_address(&link), expires_date_time: WireTime(link.until) };
    Ok((NOT_KEPT, Json(address)))
}

/// Takes the link to the whole call back. Whoever waits by it has to go; the next `getCallLink` gives out a good one.
#[utoipa::path(post, path = "/rtc/revokeCallLink", operation_id = "revokeCallLink", tag = "rtc-controller", request_body = CallIdBody,
    responses((status = 200, description = "Taken back", body = CallLog),
              (status = 403, description = "Not for the caller to take back", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "The call has ended", body = Problem)))]
pub async fn revoke_call_link(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(CallIdBody { call_id }): Body<CallIdBody>,
) -> Outcome<Json<CallLog>> {
    ask(&app, &login, call_id, LobbyAsk::RevokeLink).await.map(|answer| told(&answer))
}

/// Lets somebody in from the lobby, as a guest with a personal link.
#[utoipa::path(post, path = "/rtc/admitToCall", operation_id = "admitToCall", tag = "rtc-controller", request_body = LobbyRequest,
    responses((status = 200, description = "Let in", body = CallLog),
              (status = 403, description = "Not for the caller to let in", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Waits no more, or the call has ended", body = Problem)))]
pub async fn admit_to_call(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(LobbyRequest { call_id, lobby_id }): Body<LobbyRequest>,
) -> Outcome<Json<CallLog>> {
    ask(&app, &login, call_id, LobbyAsk::Admit { id: lobby_id }).await.map(|answer| told(&answer))
}

/// Does not let somebody in, who is not asked about again for some minutes.
#[utoipa::path(post, path = "/rtc/refuseFromCall", operation_id = "refuseFromCall", tag = "rtc-controller", request_body = LobbyRequest,
    responses((status = 200, description = "Refused", body = CallLog),
              (status = 403, description = "Not for the caller to refuse", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "Waits no more, or the call has ended", body = Problem)))]
pub async fn refuse_from_call(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(LobbyRequest { call_id, lobby_id }): Body<LobbyRequest>,
) -> Outcome<Json<CallLog>> {
    ask(&app, &login, call_id, LobbyAsk::Refuse { id: lobby_id }).await.map(|answer| told(&answer))
}

/// Makes a code of six digits that leads into the call for ten minutes. The one before it leads nowhere from then on.
#[utoipa::path(post, path = "/rtc/createJoinCode", operation_id = "createJoinCode", tag = "rtc-controller",
    request_body = JoinCodeRequest,
    responses((status = 200, description = "The code", body = JoinCode),
              (status = 403, description = "Not for the caller to give out", body = Problem),
              (status = 404, description = "No such call", body = Problem),
              (status = 409, description = "The call has ended", body = Problem),
              (status = 422, description = "No guest of this call", body = Problem),
              (status = 429, description = "Too many codes are in use", body = Problem)))]
pub async fn create_join_code(
    State(app): State<Arc<App>>,
    Caller(login): Caller,
    Body(JoinCodeRequest { call_id, contact_id }): Body<JoinCodeRequest>,
) -> Outcome<Fresh<JoinCode>> {
    let guest = contact_id.map(ContactId);
    let answer = ask(&app, &login, call_id, LobbyAsk::Code { guest }).await?;
    let leads = Leads { call_id, domain_id: answer.record.domain_id, guest };
    let (code, until) = app.codes.make(app.clock.now(), leads)?;
    let code = JoinCode { code, address: app.notify.join_address(), expires_date_time: WireTime(until) };
    Ok((NOT_KEPT, Json(code)))
}

/// Tells where a code leads. No login is needed; with one, a call one is invited to is named.
#[utoipa::path(post, path = "/guest/code", operation_id = "useJoinCode", tag = "guest", request_body = CodeRequest,
    security(()),
    responses((status = 200, description = "Where it leads", body = CodeAnswer),
              (status = 400, description = "No code", body = Problem),
              (status = 404, description = "It leads nowhere, or not any more", body = Problem),
              (status = 429, description = "Too many wrong codes", body = Problem)))]
pub async fn use_join_code(
    State(app): State<Arc<App>>,
    FromAddress(from): FromAddress,
    MaybeCaller(login): MaybeCaller,
    Body(CodeRequest { code }): Body<CodeRequest>,
) -> Outcome<Fresh<CodeAnswer>> {
    let now = app.clock.now();
    let leads = app.codes.take(now, &code, from)?;
    let way = match leads.guest {
        Some(guest) => to_guest(&app, leads, guest).await?,
        None => to_call(&app, leads, login.as_ref()).await?,
    };
    // Not told apart from one that was never given out.
    let way = way.ok_or_else(|| app.codes.wrong(now, from))?;
    Ok((NOT_KEPT, Json(way)))
}

async fn to_guest(app: &App, leads: Leads, contact: ContactId) -> Outcome<Option<CodeAnswer>> {
    let ask = Ask::Guest(Box::new(GuestAsk::Link { contact }));
    let Some(answer) = lasting(app.calls.ask(leads.call_id, By::server(leads.domain_id), ask).await)? else {
        return Ok(None);
    };
    let link = link_of(&answer.record, contact).map(auth::GuestLink::from);
    Ok(link.map(|link| CodeAnswer { call_id: None, link: Some(app.notify.guest_address(&link)) }))
}

async fn to_call(app: &App, leads: Leads, login: Option<&Login>) -> Outcome<Option<CodeAnswer>> {
    let by = By::server(leads.domain_id);
    let Some(answer) = lasting(app.calls.ask(leads.call_id, by, Ask::Read).await)? else { return Ok(None) };
    let record = answer.record;
    if record.ended_at.is_some() {
        return Ok(None);
    }
    if let Some(login) = login.filter(|login| login.user.domain_id == leads.domain_id) {
        let contact = app.calls.contact_of(login.user.id).await?;
        if log::known_contact(&record, contact.0).is_some() {
            return Ok(Some(CodeAnswer { call_id: Some(leads.call_id), link: None }));
        }
    }
    let domain = app.directory.domain(leads.domain_id).await?;
    if !record.join_anonymous || !domain.is_some_and(|domain| domain.guests_allowed) {
        return Ok(None);
    }
    let link = Ask::Lobby(Box::new(LobbyAsk::Link));
    let Some(answer) = lasting(app.calls.ask(leads.call_id, by, link).await)? else { return Ok(None) };
    let link = call_link(&answer.record);
    Ok(link.map(|link| CodeAnswer { call_id: None, link: Some(app.notify.call_address(&link)) }))
}

/// What a call says that has ended, or changed meanwhile, is nothing to tell those who guess.
fn lasting(answer: Outcome<Answer>) -> Outcome<Option<Answer>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fail) if fail.0.status < 500 => Ok(None),
        Err(fail) => Err(fail),
    }
}

async fn ask(app: &App, login: &Login, call_id: Uuid, what: LobbyAsk) -> Outcome<Answer> {
    let by = app.calls.by(login, None).await?;
    app.calls.ask(call_id, by, Ask::Lobby(Box::new(what))).await
}

fn told(answer: &Answer) -> Json<CallLog> {
    Json(log::call_log(&answer.record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_can_be_seen() {
        let named = |name: &str| check_name(name).ok();
        assert_eq!(named("  Gil \n of  Acme "), Some("Gil of Acme".to_owned()));
        assert_eq!(named(&"é".repeat(MAX_NAME)), Some("é".repeat(MAX_NAME)));
        for kept in ["李明", "Ḥasan", "O’Neil", "न\u{200d}"] {
            assert_eq!(named(kept), Some(kept.to_owned()));
        }
        let long = "x".repeat(MAX_NAME + 1);
        for wrong in ["", " ", "…", "Gil\u{202e}", "G\u{200b}il", "Gil\u{7}", "\u{feff}Gil", long.as_str()] {
            assert_eq!(named(wrong), None, "{wrong:?}");
        }
    }
}
