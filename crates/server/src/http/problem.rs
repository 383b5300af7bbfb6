//! Problem documents as answers. Errors are logged here, once.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use farhand_protocol::{ErrorCode, Problem};
use farhand_store::StoreError;

/// A failed request.
#[derive(Debug)]
pub struct Fail(pub Box<Problem>);

pub type Outcome<T> = Result<T, Fail>;

impl Fail {
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// A change whose answer from the database was lost: it may have arrived.
    pub fn maybe_saved(error: StoreError) -> Self {
        let mut fail = Self::from(error);
        if fail.0.code == ErrorCode::StorageUnavailable {
            "The database did not answer. This may have been saved all the same: look at the call, then try again."
                .clone_into(&mut fail.0.detail);
        }
        fail
    }

    /// Something that is our fault: the reason goes to the log, not to the client.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        tracing::error!(%reason, "internal error");
        Self::new(ErrorCode::Internal, "The server failed. Its log says why.")
    }
}

impl From<Problem> for Fail {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => {
                tracing::error!(%reason, "the database cannot be used");
                let problem = Problem::new(
                    ErrorCode::StorageUnavailable,
                    "The database cannot be used at the moment. If you changed something, look whether it was saved; then try again.",
                );
                problem.retry_after(2).into()
            }
            StoreError::Constraint(reason) => {
                tracing::info!(%reason, "refused by the database");
                Self::new(ErrorCode::AlreadyExists, "Something with this name exists already.")
            }
            StoreError::Corrupt(reason) => Self::internal(reason),
        }
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let problem = *self.0;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
