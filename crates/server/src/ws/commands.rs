//! What a client asks over the WebSocket, passed to the calls.

use std::sync::Arc;

use farhand_domain::ids::ContactId;
use farhand_protocol::{
    ErrorCode, Problem,
    call::CreateCallRequest,
    frame::{ClientFrame, ServerFrame, Signal},
};
use uuid::Uuid;

use super::session::Session;
use crate::{
    app::App,
    auth::Login,
    calls::{Answer, Ask, Calls, LobbyAsk, MediaAsk, News, Order, RequestAsk, RingNews},
    http::{Fail, Outcome},
};

/// Characters of an SDP. Browsers' own are below 10 KiB.
const MAX_SDP: usize = 64 * 1024;
/// Bytes of a candidate's texts.
const MAX_CANDIDATE: usize = 1024;

/// Carries out a frame and answers it.
pub async fn carry_out(app: &Arc<App>, session: &Arc<Session>, frame: ClientFrame) {
    let (id, outcome) = match frame {
        ClientFrame::CreateCall { id, call } => (Some(id), create(app, session, call).await),
        ClientFrame::Join { id, call_id, rejoin, prepared, offer } => {
            let join = Ask::Join { device: Some(session.device), rejoin, prepared, offer };
            (Some(id), ask(app, session, call_id, join).await)
        }
        ClientFrame::Decline { id, call_id } => (Some(id), ask(app, session, call_id, Ask::Decline).await),
        ClientFrame::Leave { id, call_id } => (Some(id), ask(app, session, call_id, Ask::Leave).await),
        ClientFrame::End { id, call_id } => (Some(id), ask(app, session, call_id, Ask::End).await),
        ClientFrame::ClaimServiceRequest { id, call_id } => {
            (Some(id), ask(app, session, call_id, Ask::Request(Box::new(RequestAsk::Claim))).await)
        }
        ClientFrame::RingAgain { id, call_id, contact_id } => {
            (Some(id), ask(app, session, call_id, Ask::RingAgain { contact: ContactId(contact_id) }).await)
        }
        ClientFrame::AdmitToCall { id, call_id, lobby_id } => {
            let admit = Ask::Lobby(Box::new(LobbyAsk::Admit { id: lobby_id }));
            (Some(id), ask(app, session, call_id, admit).await)
        }
        ClientFrame::RefuseFromCall { id, call_id, lobby_id } => {
            let refuse = Ask::Lobby(Box::new(LobbyAsk::Refuse { id: lobby_id }));
            (Some(id), ask(app, session, call_id, refuse).await)
        }
        ClientFrame::Signal { call_id, epoch, to, signal } => {
            (None, pass_on(app, session, call_id, epoch, to, signal).await)
        }
        ClientFrame::MediaOffer { id, call_id, epoch, sdp, tracks } => {
            (Some(id), media(app, session, call_id, MediaAsk::Offer { epoch, sdp, tracks }).await)
        }
        ClientFrame::MediaViews { call_id, views } => {
            (None, media(app, session, call_id, MediaAsk::Views(views)).await)
        }
        ClientFrame::MediaState { call_id, state } => {
            (None, media(app, session, call_id, MediaAsk::State(state)).await)
        }
        ClientFrame::MediaReport { call_id, report } => (None, ask(app, session, call_id, Ask::Report(report)).await),
        ClientFrame::RingShown { call_id, seen } => {
            let news = if seen { RingNews::Seen } else { RingNews::Delivered };
            (None, ask(app, session, call_id, Ask::Reached(News::Shown(news))).await)
        }
        ClientFrame::LinkOpened { call_id } => (None, ask(app, session, call_id, Ask::Reached(News::LinkOpened)).await),
        ClientFrame::PathFailed { id, call_id, epoch } => {
            (Some(id), media(app, session, call_id, MediaAsk::PathFailed { epoch }).await)
        }
        ClientFrame::Hello { .. } | ClientFrame::Ping { .. } => return,
    };
    answer(session, id, outcome);
}

fn answer(session: &Session, id: Option<u32>, outcome: Outcome<Answer>) {
    match (outcome, id) {
        (Ok(answer), Some(id)) => session.send(ServerFrame::Ok { id, call: answer.view, sdp: answer.sdp }),
        (Ok(_), None) => {}
        (Err(fail), id) => {
            let Problem { code, detail, pointer, .. } = *fail.0;
            session.send(ServerFrame::Error { id, code, detail, pointer });
        }
    }
}

async fn pass_on(
    app: &Arc<App>,
    session: &Session,
    call_id: Uuid,
    epoch: u64,
    to: i64,
    signal: Signal,
) -> Outcome<Answer> {
    let (length, most) = match &signal {
        Signal::Offer { sdp } | Signal::Answer { sdp } => (sdp.len(), MAX_SDP),
        Signal::Candidate { candidate, sdp_mid, username_fragment, .. } => {
            let rest = [sdp_mid, username_fragment].into_iter().flatten().map(String::len).sum::<usize>();
            (candidate.len() + rest, MAX_CANDIDATE)
        }
        Signal::Restart {} => (0, 0),
    };
    if length > most {
        let detail = format!("This signal may have {most} bytes at most.");
        return Err(Fail::new(ErrorCode::InvalidField, detail));
    }
    ask(app, session, call_id, Ask::Signal { epoch, to: ContactId(to), signal: Box::new(signal) }).await
}

async fn media(app: &Arc<App>, session: &Session, call_id: Uuid, what: MediaAsk) -> Outcome<Answer> {
    ask(app, session, call_id, Ask::Media(Box::new(what))).await
}

async fn create(app: &App, session: &Session, request: CreateCallRequest) -> Outcome<Answer> {
    let login = current(app, session).await?.ok_or_else(for_no_guest)?;
    app.calls.create(Order { login: &login, request, join: Some(session.device), idempotency_key: None }).await
}

async fn ask(app: &Arc<App>, session: &Session, call_id: Uuid, ask: Ask) -> Outcome<Answer> {
    let device = Some(session.device);
    let by = match (current(app, session).await?, &session.principal) {
        (Some(login), _) => app.calls.by(&login, device).await?,
        (None, _) if for_no_guests(&ask) => return Err(for_no_guest()),
        (None, principal) => app.calls.by_principal(principal, device).await?,
    };
    app.calls.ask(call_id, by, ask).await
}

/// The login with the user's roles as they are now: they may have changed since the socket was opened. None for a guest.
async fn current(app: &App, session: &Session) -> Outcome<Option<Login>> {
    let Some(Login { user, credential }) = session.principal.login() else { return Ok(None) };
    let user = app.directory.user(user.id).await?.filter(|user| !user.disabled);
    let user = user.ok_or_else(|| Fail::new(ErrorCode::Unauthenticated, "The login has ended."))?;
    Ok(Some(Login { user, credential: *credential }))
}

/// What only people with an account may ask.
fn for_no_guests(ask: &Ask) -> bool {
    matches!(ask, Ask::End | Ask::RingAgain { .. } | Ask::Lobby(_) | Ask::Request(_))
}

fn for_no_guest() -> Fail {
    Fail::new(ErrorCode::GuestForbidden, "Guests take part in the call they are invited to, and no more.")
}

/// For what the server asks on a session's behalf: nobody waits for an answer, but a failure is logged.
pub async fn ask_quietly(app: &Arc<App>, session: &Session, call_id: Uuid, what: Ask) {
    // Whatever became of the login: a disabled user's seat is given up like any other.
    if let Err(fail) = app.calls.ask(call_id, Calls::by_session(session), what).await {
        tracing::warn!(%call_id, contact = session.contact.0, problem = %fail.0, "a call was not told of a connection");
    }
}
