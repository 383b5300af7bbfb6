//! Every address of the server, and the layers around them.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use farhand_protocol::ErrorCode;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::CorsLayer,
    csrf::{CsrfLayer, ProtectionError},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use super::{
    Fail, admin, calls, check, contacts, events, guests, health, lobby, login, notify, openapi, planned, push, reach,
    request_links, requests, stills,
};
use crate::{app::App, config::Config, planned::feed::CALENDAR, ws};

/// Scripts, styles and media from this server only. Blobs for pictures made in the page; `wasm-unsafe-eval` is not needed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
    connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'self'; object-src 'none'";

/// The page to try the API at writes styles into its elements.
const SWAGGER_CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; \
    style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

const PERMISSIONS_POLICY: &str = "camera=(self), microphone=(self), display-capture=(self)";

/// The web client's service worker. At the root, or it could not receive for the pages.
const WORKER: &str = "/sw.js";

/// The documented API.
pub fn api() -> OpenApiRouter<Arc<App>> {
    openapi::router()
        .routes(routes!(login::login))
        .routes(routes!(login::refresh))
        .routes(routes!(login::logout))
        .routes(routes!(login::me))
        .routes(routes!(calls::create_call_for_contacts))
        .routes(routes!(calls::get_call_log_by_id))
        .routes(routes!(calls::get_call_logs))
        .routes(routes!(calls::join_call))
        .routes(routes!(calls::decline_call))
        .routes(routes!(calls::leave_call))
        .routes(routes!(calls::end_call))
        .routes(routes!(calls::invite_to_call))
        .routes(routes!(calls::update_call))
        .routes(routes!(calls::start_call))
        .routes(routes!(calls::cancel_call))
        .routes(routes!(requests::claim_service_request))
        .routes(routes!(requests::promise_call_back))
        .routes(routes!(requests::hand_over_call))
        .routes(routes!(requests::get_service_requests))
        .routes(routes!(reach::get_reach_settings))
        .routes(routes!(reach::update_reach_settings))
        .routes(routes!(push::get_push_key))
        .routes(routes!(push::get_push_subscriptions))
        .routes(routes!(push::subscribe_to_push))
        .routes(routes!(push::unsubscribe_from_push))
        .routes(routes!(planned::get_calendar_link))
        .routes(routes!(planned::renew_calendar_link))
        .routes(routes!(calls::get_ice_servers))
        .routes(routes!(guests::get_guest_link))
        .routes(routes!(guests::revoke_guest_link))
        .routes(routes!(guests::resend_invitation))
        .routes(routes!(guests::look))
        .routes(routes!(guests::accept_terms))
        .routes(routes!(request_links::look))
        .routes(routes!(request_links::ask))
        .merge(lobby_routes())
        .routes(routes!(stills::put_still))
        .routes(routes!(stills::get_still))
        .routes(routes!(contacts::get_contacts))
        .routes(routes!(contacts::get_teams))
        .routes(routes!(events::get_call_events))
        .routes(routes!(events::get_events))
        .routes(routes!(events::follow_events))
        .merge(admin::routes())
}

/// What people at the door ask, and what is asked about them.
fn lobby_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(lobby::get_call_link))
        .routes(routes!(lobby::revoke_call_link))
        .routes(routes!(lobby::admit_to_call))
        .routes(routes!(lobby::refuse_from_call))
        .routes(routes!(lobby::create_join_code))
        .routes(routes!(lobby::look))
        .routes(routes!(lobby::knock))
        .routes(routes!(lobby::leave))
        .routes(routes!(lobby::use_join_code))
}

/// Everything.
pub fn router(app: Arc<App>) -> Result<Router, String> {
    let (api, document) = api().split_for_parts();
    let web = memory_serve::load!()
        .index_file(Some("/index.html"))
        .fallback(Some("/index.html"))
        .fallback_status(StatusCode::OK)
        // After an upgrade the page must not ask for files of the version before.
        .html_cache_control(memory_serve::CacheControl::NoCache)
        .into_router();
    let web = web.layer(from_fn(renew_worker));
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(CatchPanicLayer::custom(|_| Fail::internal("a handler panicked").into_response()))
        .layer(cors(&app.config)?)
        .layer(always(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(header::X_FRAME_OPTIONS, "DENY"))
        .layer(always(HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY));
    let swagger = SwaggerUi::new("/swagger-ui").config(utoipa_swagger_ui::Config::from("/v3/api-docs"));
    let swagger = Router::from(swagger).layer(always(header::CONTENT_SECURITY_POLICY, SWAGGER_CONTENT_SECURITY_POLICY));
    let router = Router::new()
        .merge(api)
        .route("/v3/api-docs", get(async move || Json(document.clone())))
        .route("/rtc/ws", get(ws::upgrade))
        .route("/rtc/check", post(check::connect))
        .route("/rtc/check/bytes", get(check::send).post(check::receive))
        .route("/calendar/{link}", get(planned::calendar))
        .route("/notify/sms/{id}/{proof}", get(notify::sms).post(notify::sms))
        .route("/notify/push/{id}/{proof}", post(notify::push))
        .route("/notify/{*rest}", axum::routing::any(unknown))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/rtc/{*rest}", axum::routing::any(unknown))
        .route("/auth/{*rest}", axum::routing::any(unknown))
        .route("/guest/{*rest}", axum::routing::any(unknown))
        .route("/admin/{*rest}", axum::routing::any(unknown))
        .route("/calendar/{link}/{*rest}", axum::routing::any(unknown))
        .method_not_allowed_fallback(wrong_method)
        .layer(csrf(&app.config)?)
        .merge(swagger)
        .merge(web)
        .with_state(app);
    Ok(router.layer(layers))
}

/// A request's span. Never the query string, a header, or what of the path names somebody's calendar or a report: those carry secrets.
fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = shown(request.uri().path()), id, user = tracing::field::Empty)
}

fn shown(path: &str) -> &str {
    let secret = [CALENDAR, notify::REPORTS, notify::RECEIPTS];
    secret.into_iter().find(|begin| path.starts_with(begin)).unwrap_or(path)
}

/// What runs while no page is open must not be that of an earlier version.
async fn renew_worker(request: Request, next: Next) -> Response {
    let is_worker = request.uri().path() == WORKER;
    let mut response = next.run(request).await;
    if is_worker {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

async fn unknown() -> Fail {
    Fail::new(ErrorCode::NotFound, "There is no such operation; /swagger-ui lists them.")
}

async fn wrong_method() -> Fail {
    Fail::new(ErrorCode::MethodNotAllowed, "The operation exists, with another method; /swagger-ui lists them.")
}

/// Other origins may use the API only if they are configured.
fn cors(config: &Config) -> Result<CorsLayer, String> {
    let origins: Result<Vec<HeaderValue>, _> = config.allowed_origins.iter().map(|origin| origin.parse()).collect();
    let origins = origins.map_err(|_| "allowed_origins must be origins such as https://portal.example.com")?;
    let headers = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::RANGE,
        header::IF_MATCH,
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("x-xsrf-token"),
        HeaderName::from_static("last-event-id"),
    ];
    Ok(CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(true)
        .allow_headers(headers)
        .expose_headers([header::ETAG, header::CONTENT_RANGE, header::AGE])
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .max_age(Duration::from_hours(1)))
}

type Csrf = CsrfLayer<fn(ProtectionError) -> Response>;

fn csrf(config: &Config) -> Result<Csrf, String> {
    let mut layer = CsrfLayer::new();
    for origin in &config.allowed_origins {
        layer = layer.add_trusted_origin(origin).map_err(|e| format!("allowed_origins: {origin}: {e}"))?;
    }
    if let Some(url) = &config.public_url {
        layer = layer.add_trusted_origin(url.trim_end_matches('/')).map_err(|e| format!("public_url: {e}"))?;
    }
    Ok(layer.with_rejection_response(refuse_cross_site as fn(ProtectionError) -> Response))
}

fn refuse_cross_site(_: ProtectionError) -> Response {
    Fail::new(ErrorCode::CrossSiteRefused, "This request comes from another site's page.").into_response()
}

/// A header of every answer that has none of this name.
fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_log_shows_what_of_a_path_is_secret() {
        assert_eq!(shown("/calendar/7.0.AAAAAAAAAAAAAAAAAAAAAA.ics"), "/calendar/");
        assert_eq!(shown("/notify/sms/00000000-0000-0000-0000-000000000007/AAAAAAAAAAAAAAAAAAAAAA"), "/notify/sms/");
        assert_eq!(shown("/notify/push/00000000-0000-0000-0000-000000000007/AAAAAAAAAAAAAAAAAAAAAA"), "/notify/push/");
        assert_eq!(shown("/rtc/getCallLogs"), "/rtc/getCallLogs");
    }
}
