//! The upgrade request: no token in its URL, a browser's Origin checked.

use std::sync::Arc;

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, header},
    response::Response,
};
use farhand_protocol::ErrorCode;

use super::connection::{self, Upgraded};
use crate::{
    app::App,
    http::{Fail, Outcome, cookies},
};

/// The largest frame from a client: an SDP of 64 KiB with room for what wraps it.
const MAX_FRAME: usize = 256 * 1024;
/// Read and write buffers of a connection. Most frames are small; a large one grows its buffer while it lasts.
const BUFFER: usize = 2 * 1024;

/// `GET /rtc/ws`
pub async fn upgrade(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Outcome<Response> {
    let upgrade = upgrade.map_err(|e| Fail::new(ErrorCode::BadFrame, format!("This is a WebSocket address: {e}.")))?;
    let cookie = cookies::access(&headers).map(str::to_owned);
    check_origin(&app, &headers, cookie.is_some())?;
    let upgrade = upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(2 * MAX_FRAME + BUFFER);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    Ok(upgrade.on_upgrade(move |socket| connection::serve(app, socket, Upgraded { cookie, host })))
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
