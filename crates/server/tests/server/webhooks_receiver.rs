//! A server that webhooks lead to, and that answers as it was told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use farhand_protocol::webhook::{WebhookDelivery, WebhookRecord, WebhookSecret};
use farhand_testkit::{Account, Server, WAIT, json};
use reqwest::Method;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use uuid::Uuid;

/// One request.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub fn call(&self) -> Uuid {
        serde_json::from_value(self.json()["data"]["callId"].clone()).unwrap()
    }

    pub fn sequence(&self) -> i64 {
        self.json()["data"]["sequence"].as_i64().unwrap()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    /// With a header.
    With(u16, &'static str, String),
    /// Nothing, ever.
    Never,
}

type Decide = Box<dyn FnMut(&Received) -> Reply + Send>;

#[derive(Clone)]
struct Desk {
    decide: Arc<Mutex<Decide>>,
    taken: mpsc::UnboundedSender<Received>,
}

pub struct Receiver {
    pub port: u16,
    desk: Desk,
    received: mpsc::UnboundedReceiver<Received>,
}

impl Receiver {
    pub async fn start(decide: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, received) = mpsc::unbounded_channel();
        let desk = Desk { decide: Arc::new(Mutex::new(Box::new(decide))), taken };
        let router = Router::new().fallback(any(answer)).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, desk, received }
    }

    /// One that accepts everything.
    pub async fn willing() -> Self {
        Self::start(|_| Reply::Status(204)).await
    }

    /// One that answers so, one after the other, and then accepts everything.
    pub async fn first(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: VecDeque<_> = replies.into_iter().collect();
        Self::start(move |_| replies.pop_front().unwrap_or(Reply::Status(204))).await
    }

    pub fn decide_anew(&self, decide: impl FnMut(&Received) -> Reply + Send + 'static) {
        *self.desk.decide.lock().unwrap() = Box::new(decide);
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub async fn next(&mut self) -> Received {
        timeout(WAIT, self.received.recv()).await.unwrap().unwrap()
    }

    pub async fn take(&mut self, count: usize) -> Vec<Received> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(self.next().await);
        }
        taken
    }

    /// Whether nothing has come that was not taken yet.
    pub fn is_quiet(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

async fn answer(State(desk): State<Desk>, uri: axum::http::Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let received = Received { path: uri.path().to_owned(), headers, body };
    let reply = (desk.decide.lock().unwrap())(&received);
    // A test that is over listens no more.
    let _ = desk.taken.send(received);
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::With(status, name, value) => {
            let name: header::HeaderName = name.parse().unwrap();
            (StatusCode::from_u16(status).unwrap(), [(name, value)]).into_response()
        }
        Reply::Never => std::future::pending().await,
    }
}

/// A server that may send to this machine.
pub async fn server() -> Server {
    Server::with(|config| config.outward.allow = vec!["127.0.0.0/8".to_owned()]).await
}

pub async fn set_up(admin: &Account, url: &str) -> WebhookSecret {
    admin.post("/admin/webhooks", json!({"url": url})).await.ok()
}

pub async fn record(admin: &Account, id: Uuid) -> WebhookRecord {
    admin.get(&format!("/admin/webhooks/{id}")).await.ok()
}

pub async fn deliveries(admin: &Account, id: Uuid, query: &str) -> Vec<WebhookDelivery> {
    admin.get(&format!("/admin/webhooks/{id}/deliveries{query}")).await.ok()
}

/// Has the server look what is due by now.
pub async fn look(admin: &Account, id: Uuid) {
    let path = format!("/admin/webhooks/{id}");
    admin.send(Method::PATCH, &path, json!({"description": "looked at"})).await.json();
}

/// Asks until it is as expected.
pub async fn until(admin: &Account, id: Uuid, expected: impl Fn(&[WebhookDelivery]) -> bool) -> Vec<WebhookDelivery> {
    let asked = async {
        loop {
            let found = deliveries(admin, id, "?limit=500").await;
            if expected(&found) {
                return found;
            }
        }
    };
    timeout(WAIT, asked).await.unwrap()
}
