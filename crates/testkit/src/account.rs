//! Somebody who is logged in.

use farhand_client::{
    Token,
    rest::Rest,
    socket::{Hello, Socket},
};
use farhand_protocol::{
    auth::{LoginResponse, User},
    call::CallLog,
    guest::GuestLink,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, Device};

#[derive(Clone)]
pub struct Account {
    pub user: User,
    /// The typed client.
    pub rest: Rest,
    /// The access token, or an API key.
    pub token: String,
    /// Empty for an API key.
    pub refresh_token: String,
}

impl Account {
    pub fn new(rest: &Rest, login: LoginResponse) -> Self {
        let rest = rest.with_token(Token::new(&login.access_token));
        Self { user: login.user, rest, token: login.access_token, refresh_token: login.refresh_token }
    }

    /// Whoever an API key acts as.
    pub async fn of_api_key(rest: &Rest, key: &str) -> Self {
        let rest = rest.with_token(Token::new(key));
        let user = rest.me().await.unwrap();
        Self { user, rest, token: key.to_owned(), refresh_token: String::new() }
    }

    /// The user's database id.
    pub fn id(&self) -> i64 {
        self.user.user_db_id
    }

    /// How to invite this user, as short as can be.
    pub fn invited(&self) -> Value {
        json!({"userDbId": self.id()})
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.rest.request(method, path)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// Sends a body as it is.
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        Answer::to(self.request(Method::POST, path).body(body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::to(self.request(method, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path)).await
    }

    /// `createCall`, answered with whatever it is answered with.
    pub async fn try_create_call(&self, call: Value) -> Answer {
        self.post("/rtc/createCall", call).await
    }

    /// `createCall`, which must succeed.
    pub async fn create_call(&self, call: Value) -> CallLog {
        self.try_create_call(call).await.ok()
    }

    /// An operation that takes only a call's id: `joinCall`, `endCall` …
    pub async fn call_operation(&self, operation: &str, call_id: Uuid) -> Answer {
        self.post(&format!("/rtc/{operation}"), json!({"callId": call_id})).await
    }

    pub async fn call_log(&self, call_id: Uuid) -> CallLog {
        self.rest.call_log(call_id).await.unwrap()
    }

    /// The personal link of a guest of a call.
    pub async fn guest_link(&self, call_id: Uuid, contact: i64) -> String {
        let body = json!({"callId": call_id, "contactId": contact});
        self.post("/rtc/getGuestLink", body).await.ok::<GuestLink>().link
    }

    /// The types of the call's events, in order.
    pub async fn events(&self, call_id: Uuid) -> Vec<String> {
        self.call_log(call_id).await.call_events.into_iter().map(|event| event.kind).collect()
    }

    /// A new device of this user, connected.
    pub async fn device(&self) -> Device {
        let socket = Socket::connect(self.rest.base_url(), self.hello()).await;
        Device::new(socket.unwrap_or_else(|error| panic!("{} cannot connect: {error}", self.user.user_id)))
    }

    /// What a new device says first.
    pub fn hello(&self) -> Hello {
        Hello::new(Token::new(&self.token))
    }
}
