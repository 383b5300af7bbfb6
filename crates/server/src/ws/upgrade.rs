//! The upgrade request: no token in its URL, a browser's Origin checked.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, header},
    response::Response,
};
use farhand_protocol::ErrorCode;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::{
    connection::{self, Upgraded},
    socket::WebSocket,
};
use crate::{
    app::App,
    http::{Fail, From, Outcome, cookies},
};

/// `GET /rtc/ws`
pub async fn upgrade(State(app): State<Arc<App>>, From(from): From, mut request: Request) -> Outcome<Response> {
    let response = create_response_with_body(&request, Body::empty);
    let response =
        response.map_err(|e| Fail::new(ErrorCode::BadFrame, format!("This is a WebSocket address: {e}.")))?;
    let headers = request.headers();
    let cookie = cookies::access(headers).map(str::to_owned);
    check_origin(&app, headers, cookie.is_some())?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgraded.await {
            Ok(stream) => {
                let socket = WebSocket::new(TokioIo::new(stream)).await;
                connection::serve(app, socket, Upgraded { cookie, host, from }).await;
            }
            Err(error) => tracing::debug!(%error, "no WebSocket came about"),
        }
    });
    Ok(response)
}

/// A browser sends its cookie for every page that asks it to, so the page must be ours. Clients without a cookie prove who
/// they are in their first frame, and a wrong Origin of theirs is refused all the same.
fn check_origin(app: &App, headers: &HeaderMap, with_cookie: bool) -> Outcome<()> {
    let refuse = |why: &str| Err(Fail::new(ErrorCode::CrossSiteRefused, why));
    let Some(origin) = headers.get(header::ORIGIN) else {
        return if with_cookie { refuse("A WebSocket with a cookie needs an Origin.") } else { Ok(()) };
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, authority)| !host.is_empty() && authority == host);
    let public = app.config.public_url.as_deref().is_some_and(|url| url.trim_end_matches('/') == origin);
    if own || public || app.config.allowed_origins.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    refuse("This Origin may not open a WebSocket here.")
}
