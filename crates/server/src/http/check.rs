//! What the page `/check` tries, most of it before anybody has logged in. Not part of the documented API: it belongs to that page.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body as Payload, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, header},
};
use farhand_protocol::{
    ErrorCode,
    check::{CheckAnswer, CheckPath, CheckReceived, CheckRequest},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    Fail, Outcome,
    extract::{Body, Caller, From, Query},
};
use crate::{app::App, media::CHECK_LIFE};

/// Takes a second on a link of 32 Mbit/s, which is more than any call needs.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// `POST /rtc/check`: a connection over one path.
pub async fn connect(
    State(app): State<Arc<App>>,
    From(from): From,
    caller: Outcome<Caller>,
    headers: HeaderMap,
    Body(CheckRequest { path, sdp }): Body<CheckRequest>,
) -> Outcome<Json<CheckAnswer>> {
    if path != CheckPath::Tls {
        return Ok(Json(CheckAnswer { sdp: app.checks.connect(from, path, sdp).await?, ice_servers: Vec::new() }));
    }
    let contact = app.calls.contact_of(caller?.0.user.id).await?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let (sdp, server) = app.checks.connect_by_relay(from, contact, host, sdp).await?;
    Ok(Json(CheckAnswer { sdp, ice_servers: vec![server] }))
}

#[derive(Deserialize)]
pub struct Count {
    count: u64,
}

type Download = ([(HeaderName, &'static str); 2], Payload);

/// `GET /rtc/check/bytes?count=`: that many that cannot be made smaller on the way.
pub async fn send(
    State(app): State<Arc<App>>,
    From(from): From,
    Query(Count { count }): Query<Count>,
) -> Outcome<Download> {
    if count > MOST_BYTES {
        return Err(Fail::new(ErrorCode::InvalidField, format!("count may be {MOST_BYTES} at most.")));
    }
    let place = app.checks.transfer(from)?;
    let mut chunk = vec![0; CHUNK];
    getrandom::fill(&mut chunk).map_err(Fail::internal)?;
    let chunk = Bytes::from(chunk);
    let chunks = stream::unfold((count, place), move |(left, place)| {
        let next = chunk.slice(..usize::try_from(left).unwrap_or(CHUNK).min(CHUNK));
        async move {
            let rest = left.saturating_sub(u64::try_from(next.len()).unwrap_or(left));
            (left > 0).then_some((Ok::<_, std::convert::Infallible>(next), (rest, place)))
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Payload::from_stream(chunks)))
}

/// `POST /rtc/check/bytes`: counts what comes, and keeps nothing.
pub async fn receive(State(app): State<Arc<App>>, From(from): From, body: Payload) -> Outcome<Json<CheckReceived>> {
    let _place = app.checks.transfer(from)?;
    let late = |_| Fail::new(ErrorCode::TooManyAttempts, "A test has half a minute.");
    Ok(Json(CheckReceived { bytes: timeout(CHECK_LIFE, count(body)).await.map_err(late)?? }))
}

async fn count(body: Payload) -> Outcome<u64> {
    let (mut chunks, mut bytes) = (body.into_data_stream(), 0);
    while let Some(Ok(chunk)) = chunks.next().await {
        bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if bytes > MOST_BYTES {
            return Err(Fail::new(ErrorCode::BodyTooLarge, format!("A test may have {MOST_BYTES} bytes at most.")));
        }
    }
    Ok(bytes)
}
