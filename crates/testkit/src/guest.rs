//! Somebody without an account, who has a personal link.

use farhand_client::{
    Token,
    rest::Rest,
    socket::{Hello, Socket, SocketError},
};
use farhand_protocol::{ErrorCode, guest::GuestInvitation};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Answer, Device, Server};

#[derive(Clone)]
pub struct Guest {
    /// What stands behind the `#` of the link.
    pub token: String,
    rest: Rest,
}

impl Guest {
    /// Opens a link.
    pub fn with(server: &Server, link: &str) -> Self {
        let (_, token) = link.split_once("/join#").unwrap_or_else(|| panic!("no guest's link: {link}"));
        Self::with_token(server, token)
    }

    pub fn with_token(server: &Server, token: &str) -> Self {
        Self { token: token.to_owned(), rest: server.rest().with_token(Token::new(token)) }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.rest.request(method, path)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn look(&self) -> Answer {
        self.post("/guest/look", json!({})).await
    }

    /// What the link leads to.
    pub async fn invitation(&self) -> GuestInvitation {
        self.look().await.ok()
    }

    pub fn hello(&self) -> Hello {
        Hello::new(Token::new(&self.token))
    }

    /// A new device of this guest, connected.
    pub async fn device(&self) -> Device {
        let socket = Socket::connect(self.rest.base_url(), self.hello()).await;
        Device::new(socket.unwrap_or_else(|error| panic!("the guest cannot connect: {error}")))
    }

    /// A connection that must be refused: the close code, and the error said before.
    pub async fn refused_device(&self) -> (Option<u16>, ErrorCode) {
        match Socket::connect(self.rest.base_url(), self.hello()).await {
            Err(SocketError::Closed { code, refusal: Some(refusal), .. }) => (code, refusal.code),
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
}
