//! The `OpenAPI` document, and a second one whose only purpose is to carry the WebSocket frames' schemas to TypeScript.

use std::sync::Arc;

use farhand_protocol::{
    Problem,
    frame::{ClientFrame, ServerFrame, ServerMessage},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use super::routes;
use crate::app::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Farhand",
        description = "Calls for remote assistance: create them, ring people, follow their story. \
                       The WebSocket at /rtc/ws is described in docs/protocol.md.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    security(("token" = [])),
    modifiers(&BearerToken),
    components(schemas(Problem)),
    tags(
        (name = "rtc-controller", description = "Calls"),
        (name = "guest", description = "What people without an account do with their personal link"),
        (name = "auth", description = "Login"),
        (name = "admin", description = "Users, teams, domains, API keys and webhooks")
    )
)]
pub struct Document;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "The access token of a login, an API key, or for what guests may do a guest's link. Browsers may use the login's cookie instead.",
        ));
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
}

/// The document served at `/v3/api-docs`.
pub fn openapi_document() -> utoipa::openapi::OpenApi {
    routes::api().into_openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Farhand WebSocket frames", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(ClientFrame, ServerFrame, ServerMessage))
)]
struct Frames;

/// Schemas of the WebSocket frames, as components of an otherwise empty document.
pub fn frames_document() -> utoipa::openapi::OpenApi {
    Frames::openapi()
}
