//! What handlers take: who is asking, from where, and a leniently read body.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::BodyDataStream,
    extract::{ConnectInfo, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use farhand_protocol::{ErrorCode, Problem, read};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{Fail, Outcome, cookies};
use crate::{
    app::App,
    auth::{AtMachine, CALL_PREFIX, GUEST_PREFIX, Invited, Login, Open, Principal, REQUEST_PREFIX},
};

/// 500 people at about 600 bytes, with room to spare.
pub const MAX_BODY: usize = 512 * 1024;
/// How much of a longer body is read and dropped. Most clients look for an answer only when they have sent all, and one that is
/// cut off before sees a broken connection and not what was wrong.
const MAX_DROPPED: usize = 16 * 1024 * 1024;
/// How long that may take.
const DROP_WITHIN: Duration = Duration::from_secs(5);

/// A JSON body, whatever the content-type says.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Fail;

    async fn from_request(request: Request, app: &Arc<App>) -> Outcome<Self> {
        Ok(Self(read::from_slice(&body(request, app).await?)?))
    }
}

/// As [`Body`], where `null` clears what may be cleared.
pub struct Change<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Change<T> {
    type Rejection = Fail;

    async fn from_request(request: Request, app: &Arc<App>) -> Outcome<Self> {
        Ok(Self(read::change_from_slice(&body(request, app).await?)?))
    }
}

/// A body as it comes.
pub struct Octets(pub Vec<u8>);

impl FromRequest<Arc<App>> for Octets {
    type Rejection = Fail;

    async fn from_request(request: Request, app: &Arc<App>) -> Outcome<Self> {
        Ok(Self(body(request, app).await?))
    }
}

/// In the time a head may take, too: nobody has shown yet who it is.
async fn body(request: Request, app: &App) -> Outcome<Vec<u8>> {
    let patience = Duration::from_secs(app.config.http.patience_seconds);
    let late = |_| Fail::new(ErrorCode::MalformedJson, "The body does not come to an end.");
    timeout(patience, whole(request)).await.map_err(late)?
}

async fn whole(request: Request) -> Outcome<Vec<u8>> {
    let mut stream = request.into_body().into_data_stream();
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let cut_off = |e| Fail::new(ErrorCode::MalformedJson, format!("The body ends too early: {e}."));
        body.extend_from_slice(&chunk.map_err(cut_off)?);
        if body.len() > MAX_BODY {
            // Whether or not the client is done by then, it is answered.
            let _ = timeout(DROP_WITHIN, drop_rest(stream)).await;
            let detail = format!("The body may have {} KiB at most.", MAX_BODY / 1024);
            return Err(Fail::new(ErrorCode::BodyTooLarge, detail));
        }
    }
    Ok(body)
}

async fn drop_rest(mut stream: BodyDataStream) {
    let mut dropped = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        dropped += chunk.len();
        if dropped > MAX_DROPPED {
            return;
        }
    }
}

/// As [`Body`], where nothing at all means all defaults.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<App>> for OptionalBody<T> {
    type Rejection = Fail;

    async fn from_request(request: Request, app: &Arc<App>) -> Outcome<Self> {
        let empty = request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
            && request.headers().get(header::TRANSFER_ENCODING).is_none();
        if empty {
            return Ok(Self(T::default()));
        }
        Ok(Self(Body::from_request(request, app).await?.0))
    }
}

/// A query string, answered with a problem where it is wrong.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Outcome<Self> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map_err(|e| Problem::new(ErrorCode::InvalidField, format!("The query is wrong: {}.", e.body_text())))?;
        Ok(Self(query.0))
    }
}

/// A path parameter, answered with a problem where it is wrong.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Path<T> {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, app)
            .await
            .map_err(|e| Problem::new(ErrorCode::InvalidField, format!("The path is wrong: {}.", e.body_text())))?;
        Ok(Self(path.0))
    }
}

/// Somebody logged in, by Bearer token or cookie. A Bearer token goes first: programs mean what they send.
pub struct Caller(pub Login);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        match Anybody::from_request_parts(parts, app).await?.0 {
            Principal::User(login) => Ok(Self(login)),
            Principal::Guest(_) => Err(Fail::new(
                ErrorCode::GuestForbidden,
                "Guests take part in the call they are invited to, and no more.",
            )),
        }
    }
}

/// Somebody logged in, and the token, for what goes on after the answer has begun: it has to end with the login.
pub struct Lasting {
    pub login: Login,
    pub token: String,
}

impl FromRequestParts<Arc<App>> for Lasting {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let Caller(login) = Caller::from_request_parts(parts, app).await?;
        Ok(Self { login, token: token(parts)?.to_owned() })
    }
}

/// A user, or a guest with a personal link.
pub struct Anybody(pub Principal);

impl FromRequestParts<Arc<App>> for Anybody {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let From(from) = From::from_request_parts(parts, app).await?;
        let principal = app.principal(token(parts)?, from).await?;
        if let Principal::User(login) = &principal {
            tracing::Span::current().record("user", login.user.id);
        }
        Ok(Self(principal))
    }
}

/// Somebody who is logged in, or anybody else. A login that has ended is none.
pub struct MaybeCaller(pub Option<Login>);

impl FromRequestParts<Arc<App>> for MaybeCaller {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let caller = Caller::from_request_parts(parts, app).await;
        match caller {
            Ok(Caller(login)) => Ok(Self(Some(login))),
            Err(fail) if fail.0.status < 500 => Ok(Self(None)),
            Err(fail) => Err(fail),
        }
    }
}

/// Whoever came by the link to a whole call.
pub struct ByCallLink(pub Open);

impl FromRequestParts<Arc<App>> for ByCallLink {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let From(from) = From::from_request_parts(parts, app).await?;
        let token = token(parts)?;
        if !token.starts_with(CALL_PREFIX) {
            return Err(not_by_link(app, token, from, "the link to a whole call").await);
        }
        Ok(Self(app.guests.look_at_call(token, from).await?))
    }
}

/// Why somebody who is known in another way is not let in by that.
async fn not_by_link(app: &App, token: &str, from: IpAddr, link: &str) -> Fail {
    let code = match app.principal(token, from).await {
        Ok(Principal::User(_)) => ErrorCode::Forbidden,
        Ok(Principal::Guest(_)) => ErrorCode::GuestForbidden,
        Err(fail) => return fail,
    };
    Fail::new(code, format!("This is for people who come by {link}."))
}

/// Whoever came by the public link of a machine.
pub struct ByRequestLink(pub AtMachine);

impl FromRequestParts<Arc<App>> for ByRequestLink {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let From(from) = From::from_request_parts(parts, app).await?;
        let token = token(parts)?;
        if !token.starts_with(REQUEST_PREFIX) {
            return Err(not_by_link(app, token, from, "the public link of a machine").await);
        }
        Ok(Self(app.guests.look_at_machine(token, from).await?))
    }
}

/// Whoever came by a guest's link, whether or not there are terms to be accepted.
pub struct ByLink(pub Invited);

impl FromRequestParts<Arc<App>> for ByLink {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let From(from) = From::from_request_parts(parts, app).await?;
        let token = token(parts)?;
        if !token.starts_with(GUEST_PREFIX) {
            app.auth.check(token).await?;
            return Err(Fail::new(ErrorCode::Forbidden, "This is for guests, who come by a personal link."));
        }
        Ok(Self(app.guests.look(token, from).await?))
    }
}

fn token(parts: &Parts) -> Outcome<&str> {
    let token = bearer(&parts.headers)?.or_else(|| cookies::access(&parts.headers));
    token.ok_or_else(|| Fail::new(ErrorCode::Unauthenticated, "Send `authorization: Bearer <token>`."))
}

/// The Bearer token, if there is an authorization header. Another scheme is an error rather than ignored.
fn bearer(headers: &HeaderMap) -> Outcome<Option<&str>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|v| {
        let (scheme, token) = v.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token
        .filter(|token| !token.is_empty())
        .map(Some)
        .ok_or_else(|| Fail::new(ErrorCode::Unauthenticated, "The authorization header must read `Bearer <token>`."))
}

/// Where the request came from. `X-Forwarded-For` counts only from a configured proxy.
pub struct From(pub IpAddr);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Self> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.ok_or_else(|| Fail::internal("no peer address"))?;
        let forwarded = parts.headers.get("x-forwarded-for").and_then(|v| v.to_str().ok());
        Ok(Self(client_address(peer, forwarded, &app.config.trusted_proxies)))
    }
}

/// Walks the chain from the nearest proxy outwards as long as the proxies are trusted.
fn client_address(peer: IpAddr, forwarded: Option<&str>, trusted: &[IpAddr]) -> IpAddr {
    let mut address = peer;
    for hop in forwarded.unwrap_or_default().rsplit(',') {
        if !trusted.contains(&address) {
            break;
        }
        match hop.trim().parse() {
            Ok(next) => address = next,
            Err(_) => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn forwarded_addresses_count_only_behind_trusted_proxies() {
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let forwarded = Some("1.1.1.1, 203.0.113.9, 10.0.0.2");
        assert_eq!(client_address(ip("198.51.100.7"), forwarded, &trusted), ip("198.51.100.7"));
        assert_eq!(client_address(ip("10.0.0.1"), forwarded, &trusted), ip("203.0.113.9"));
        assert_eq!(client_address(ip("10.0.0.1"), None, &trusted), ip("10.0.0.1"));
        assert_eq!(client_address(ip("10.0.0.1"), Some("garbage"), &trusted), ip("10.0.0.1"));
    }
}
