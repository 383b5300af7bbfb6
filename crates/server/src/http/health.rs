//! For load balancers and supervisors.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::app::App;

/// The process lives.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Calls can be made: the database answers, and the server is not stopping.
pub async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be used\n")
        }
    }
}
