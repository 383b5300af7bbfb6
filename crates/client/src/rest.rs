//! The REST operations, typed. One [`Rest`] for each user; all made from the same one share its connections.

use std::{error::Error, sync::Arc, time::Duration};

use farhand_protocol::{
    Problem,
    auth::{LoginRequest, LoginResponse, RefreshRequest, User},
    call::{
        CallIdBody, CallLog, CallLogPage, CallLogQuery, ContactList, CreateCallRequest, IceServers, InviteRequest,
        JoinCallRequest, UpdateCallRequest,
    },
};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::Token;

/// An answer that takes longer is as good as none. Logging in, the slowest operation, takes a fraction of a second.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    #[error("the server refused: {0}")]
    Refused(Box<Problem>),
    #[error("the server answered {0} with something that cannot be read: {1}")]
    Unreadable(StatusCode, String),
    #[error("no answer: {}", with_causes(.0))]
    Transport(#[from] reqwest::Error),
    #[error("the query cannot be written: {0}")]
    Query(#[source] serde_json::Error),
}

/// reqwest keeps what really happened, such as a refused connection, among the causes.
fn with_causes(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| -> Option<_> { (*cause).source() });
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl RestError {
    /// The server's words, if it refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            Self::Unreadable(..) | Self::Transport(_) | Self::Query(_) => None,
        }
    }
}

/// Speaks for nobody, or for one user.
#[derive(Debug, Clone)]
pub struct Rest {
    http: reqwest::Client,
    base: Arc<str>,
    token: Option<Token>,
}

impl Rest {
    /// `base_url` without a path, as `http://127.0.0.1:8080`.
    pub fn new(base_url: &str) -> Result<Self, RestError> {
        let builder = reqwest::Client::builder().timeout(ANSWER_LIMIT).redirect(reqwest::redirect::Policy::none());
        // No proxy from the environment: what is tested here is one hop away.
        let http = builder.no_proxy().build()?;
        Ok(Self { http, base: base_url.trim_end_matches('/').into(), token: None })
    }

    /// The same server as another user, on the same connections.
    #[must_use]
    pub fn with_token(&self, token: Token) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    pub fn base_url(&self) -> &str {
        &self.base
    }

    pub async fn login(&self, domain: &str, user_id: &str, password: &str) -> Result<LoginResponse, RestError> {
        let [domain, user_id, password] = [domain, user_id, password].map(str::to_owned);
        self.post("/auth/login", &LoginRequest { domain, user_id, password }).await
    }

    pub async fn refresh(&self, refresh_token: &str) -> Result<LoginResponse, RestError> {
        self.post("/auth/refresh", &RefreshRequest { refresh_token: Some(refresh_token.to_owned()) }).await
    }

    pub async fn logout(&self) -> Result<(), RestError> {
        self.answer(self.request(Method::POST, "/auth/logout")).await.map(drop)
    }

    pub async fn me(&self) -> Result<User, RestError> {
        self.get("/auth/me").await
    }

    pub async fn create_call(&self, call: &CreateCallRequest) -> Result<CallLog, RestError> {
        self.post("/rtc/createCall", call).await
    }

    /// The same key may be sent again without creating a second call.
    pub async fn create_call_once(&self, key: &str, call: &CreateCallRequest) -> Result<CallLog, RestError> {
        let request = self.request(Method::POST, "/rtc/createCall").header("idempotency-key", key).json(call);
        self.read(request).await
    }

    /// Sends these very bytes, without a content-type, as integrations do.
    pub async fn create_call_raw(&self, body: impl Into<Vec<u8>>) -> Result<CallLog, RestError> {
        self.read(self.request(Method::POST, "/rtc/createCall").body(body.into())).await
    }

    pub async fn call_log(&self, call_id: Uuid) -> Result<CallLog, RestError> {
        self.get(&format!("/rtc/getCallLogById?callId={call_id}")).await
    }

    pub async fn call_logs(&self, query: &CallLogQuery) -> Result<CallLogPage, RestError> {
        let status = query.status.map(serde_json::to_value).transpose().map_err(RestError::Query)?;
        let status = status.as_ref().and_then(serde_json::Value::as_str);
        let parameters = [
            status.map(|status| format!("status={status}")),
            query.planned.map(|planned| format!("planned={planned}")),
            query.before.map(|before| format!("before={before}")),
            query.limit.map(|limit| format!("limit={limit}")),
        ];
        let parameters: Vec<_> = parameters.into_iter().flatten().collect();
        self.get(&format!("/rtc/getCallLogs?{}", parameters.join("&"))).await
    }

    pub async fn join_call(&self, call_id: Uuid, session_id: Option<Uuid>) -> Result<CallLog, RestError> {
        self.post("/rtc/joinCall", &JoinCallRequest { call_id, session_id }).await
    }

    pub async fn decline_call(&self, call_id: Uuid) -> Result<CallLog, RestError> {
        self.post("/rtc/declineCall", &CallIdBody { call_id }).await
    }

    pub async fn leave_call(&self, call_id: Uuid) -> Result<CallLog, RestError> {
        self.post("/rtc/leaveCall", &CallIdBody { call_id }).await
    }

    pub async fn end_call(&self, call_id: Uuid) -> Result<CallLog, RestError> {
        self.post("/rtc/endCall", &CallIdBody { call_id }).await
    }

    pub async fn start_call(&self, call_id: Uuid) -> Result<CallLog, RestError> {
        self.post("/rtc/startCall", &CallIdBody { call_id }).await
    }

    pub async fn invite_to_call(&self, invite: &InviteRequest) -> Result<CallLog, RestError> {
        self.post("/rtc/inviteToCall", invite).await
    }

    pub async fn update_call(&self, change: &UpdateCallRequest) -> Result<CallLog, RestError> {
        self.post("/rtc/updateCall", change).await
    }

    pub async fn ice_servers(&self) -> Result<IceServers, RestError> {
        self.get("/rtc/getIceServers").await
    }

    pub async fn contacts(&self) -> Result<ContactList, RestError> {
        self.get("/rtc/getContacts").await
    }

    /// Any other operation that is read, such as administration.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        self.read(self.request(Method::GET, path)).await
    }

    /// Any other operation with a JSON body and answer.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, RestError> {
        self.read(self.request(method, path).json(body)).await
    }

    /// As [`Rest::send`] with `POST`.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, RestError> {
        self.send(Method::POST, path, body).await
    }

    /// A request of this user, for what the typed operations do not cover.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {}", token.secret())),
            None => request,
        }
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, RestError> {
        let (status, body) = self.answer(request).await?;
        serde_json::from_slice(&body).map_err(|error| RestError::Unreadable(status, error.to_string()))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), RestError> {
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes().await?.to_vec();
        if status.is_success() {
            return Ok((status, body));
        }
        match serde_json::from_slice(&body) {
            Ok(problem) => Err(RestError::Refused(problem)),
            Err(error) => Err(RestError::Unreadable(status, error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
