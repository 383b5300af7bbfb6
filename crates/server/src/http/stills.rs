//! Still pictures of a call, in pieces. What they are for and who may is decided by the call's task.

use std::{ops::Range, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use farhand_domain::{ids::ContactId, time::Timestamp};
use farhand_protocol::{
    ErrorCode, Problem,
    call::{StillPiece, StillReceived},
};
use uuid::Uuid;

use super::{
    Fail, Outcome,
    extract::{Anybody, Octets, Path, Query},
};
use crate::{
    app::App,
    auth::Principal,
    calls::{Ask, MAX_STILL, Part, Piece, Received, StillAnswer, StillAsk},
};

/// Takes a piece of a still picture of the caller.
///
/// The next piece begins at `received`, also after a break or a piece whose answer was lost.
#[utoipa::path(put, path = "/rtc/stills/{callId}/{stillId}", operation_id = "putStill", tag = "rtc-controller",
    params(("callId" = Uuid, Path, description = "The call"),
           ("stillId" = Uuid, Path, description = "Made by the client, new for each picture"), StillPiece),
    request_body(content = Vec<u8>, description = "The bytes from `offset` on", content_type = "application/octet-stream"),
    responses((status = 200, description = "How much of it is here", body = StillReceived),
              (status = 400, description = "Too large, or no JPEG", body = Problem),
              (status = 403, description = "The caller's data budget is used up", body = Problem),
              (status = 409, description = "The caller is not in the call", body = Problem),
              (status = 429, description = "Too many pictures", body = Problem)))]
pub async fn put_still(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Path((call_id, id)): Path<(Uuid, Uuid)>,
    Query(StillPiece { offset, size }): Query<StillPiece>,
    Octets(bytes): Octets,
) -> Outcome<Json<StillReceived>> {
    match ask(&app, &who, call_id, StillAsk::Put(Piece { id, offset, size, bytes })).await? {
        StillAnswer::Received(Received { bytes, .. }) => Ok(Json(StillReceived { received: bytes })),
        StillAnswer::Part(_) => Err(Fail::internal("a piece was asked for and given")),
    }
}

/// Fetches somebody's newest still picture, or a part of it.
///
/// With `Range: bytes=0-4095` it answers the first part of the newest picture and its `ETag`; with a later range and `If-Match` the rest of that one,
/// even if a newer one has come meanwhile. `Age` says how many seconds ago it was taken.
#[utoipa::path(get, path = "/rtc/stills/{callId}/of/{contact}", operation_id = "getStill", tag = "rtc-controller",
    params(("callId" = Uuid, Path, description = "The call"), ("contact" = i64, Path, description = "Whose picture")),
    responses((status = 200, description = "All of it", body = Vec<u8>, content_type = "image/jpeg"),
              (status = 206, description = "A part", body = Vec<u8>, content_type = "image/jpeg"),
              (status = 404, description = "There is none", body = Problem),
              (status = 409, description = "The caller is not in the call", body = Problem),
              (status = 412, description = "There is only a newer one", body = Problem)))]
pub async fn get_still(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Path((call_id, contact)): Path<(Uuid, i64)>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let range = headers.get(header::RANGE).map(range).transpose()?;
    let id = headers.get(header::IF_MATCH).map(tag).transpose()?;
    let (whole, range) = (range.is_none(), range.unwrap_or(0..usize::MAX));
    match ask(&app, &who, call_id, StillAsk::Get { of: ContactId(contact), range, id }).await? {
        StillAnswer::Part(part) => Ok(answer(part, app.clock.now(), whole)),
        StillAnswer::Received(_) => Err(Fail::internal("a picture was asked for and taken")),
    }
}

async fn ask(app: &App, who: &Principal, call_id: Uuid, ask: StillAsk) -> Outcome<StillAnswer> {
    let by = app.calls.by_principal(who, None).await?;
    let answer = app.calls.ask(call_id, by, Ask::Still(Box::new(ask))).await?;
    answer.still.ok_or_else(|| Fail::new(ErrorCode::CallEnded, "The call has ended."))
}

fn answer(Part { id, range, of, taken, bytes }: Part, now: Timestamp, whole: bool) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: String| {
        // Digits and a UUID.
        headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    };
    set(header::CONTENT_TYPE, "image/jpeg".to_owned());
    set(header::CACHE_CONTROL, "no-store".to_owned());
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    set(header::AGE, taken.until(now).as_secs().to_string());
    set(header::ETAG, format!("\"{id}\""));
    if whole {
        return (headers, bytes).into_response();
    }
    let Range { start, end } = range;
    let told = if start < end { format!("bytes {start}-{}/{of}", end - 1) } else { format!("bytes */{of}") };
    set(header::CONTENT_RANGE, told);
    let status = if start < end { StatusCode::PARTIAL_CONTENT } else { StatusCode::RANGE_NOT_SATISFIABLE };
    (status, headers, bytes).into_response()
}

/// `bytes=from-` and `bytes=from-to`; several ranges, or the last so many bytes, nobody needs here.
fn range(value: &HeaderValue) -> Outcome<Range<usize>> {
    let text = value.to_str().ok().and_then(|text| text.strip_prefix("bytes="));
    let (from, to) = text.and_then(|text| text.split_once('-')).ok_or_else(wrong_range)?;
    let from: usize = from.parse().map_err(|_| wrong_range())?;
    let to = if to.is_empty() { usize::MAX } else { to.parse().map_err(|_| wrong_range())? };
    if to < from { Err(wrong_range()) } else { Ok(from..to.saturating_add(1)) }
}

fn wrong_range() -> Fail {
    let detail = format!("Range must read bytes=<from>-<to>; a picture has {MAX_STILL} bytes at most.");
    Fail::new(ErrorCode::InvalidField, detail)
}

fn tag(value: &HeaderValue) -> Outcome<Uuid> {
    let text = value.to_str().ok().map(|text| text.trim_matches('"'));
    let id = text.and_then(|text| text.parse().ok());
    id.ok_or_else(|| Fail::new(ErrorCode::InvalidField, "If-Match must be the ETag of a still picture."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_far_as_they_are_of_use() {
        let read = |text| range(&HeaderValue::from_static(text)).ok();
        assert_eq!(read("bytes=0-4095"), Some(0..4096));
        assert_eq!(read("bytes=4096-"), Some(4096..usize::MAX));
        assert_eq!(read("bytes=5-5"), Some(5..6));
        for wrong in ["", "bytes=", "bytes=-5", "bytes=5-4", "bytes=1-2,5-6", "items=0-1", "bytes=a-b"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(read("bytes=0-18446744073709551615"), Some(0..usize::MAX));
    }
}
