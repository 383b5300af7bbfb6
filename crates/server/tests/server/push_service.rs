//! A push service on this machine, and browsers that have subscribed there. What it is sent is opened by programs that are not ours.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, Uri, header},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use farhand_server::config::Config;
use farhand_testkit::{Account, Answer, WAIT, json};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use crate::judge;

/// The browser of RFC 8291's example: whoever has both halves of its key can open what it is sent.
const PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// Checks the signature (RFC 8292), and opens the message (RFC 8291).
const OPEN: &str = r"
import base64, json, sys
import http_ece
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

def raw(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))

of = json.load(sys.stdin)
scheme, rest = of['authorization'].split(' ', 1)
parts = dict(part.strip().split('=', 1) for part in rest.split(','))
signed, signature = parts['t'].rsplit('.', 1)
signature = raw(signature)
assert scheme == 'vapid' and len(signature) == 64
numbers = [int.from_bytes(half, 'big') for half in (signature[:32], signature[32:])]
key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(parts['k']))
key.verify(utils.encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(hashes.SHA256()))
head, claims = (json.loads(raw(part)) for part in signed.split('.'))
assert head['alg'] == 'ES256'
private = ec.derive_private_key(int.from_bytes(raw(of['private']), 'big'), ec.SECP256R1())
plain = http_ece.decrypt(raw(of['body']), private_key=private, auth_secret=raw(of['auth']), version='aes128gcm')
print(json.dumps({'said': json.loads(plain), 'claims': claims, 'key': parts['k']}))
";

/// One message, as it came in.
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    body: Vec<u8>,
}

/// What stands in it.
pub struct Opened {
    pub said: Value,
    pub claims: Value,
    pub key: String,
}

#[derive(Clone)]
struct Shared {
    received: mpsc::UnboundedSender<Received>,
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
}

pub struct PushService {
    pub address: SocketAddr,
    received: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
}

impl PushService {
    pub async fn start() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let answers = Arc::<Mutex<VecDeque<_>>>::default();
        let shared = Shared { received: sender, answers: answers.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, received, answers }
    }

    /// What it answers to the next messages, with its words; 201 otherwise. To 429 it adds that seven seconds are to be waited.
    pub fn answer(&self, answers: &[(u16, &'static str)]) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// What it answers first of all.
    pub fn answer_before(&self, status: u16) {
        self.answers.lock().unwrap().push_front((status, ""));
    }

    pub async fn next(&mut self) -> Received {
        let received = timeout(WAIT, self.received.recv()).await;
        received.unwrap_or_else(|_| panic!("no message comes")).unwrap()
    }

    pub fn endpoint(&self, browser: &str) -> String {
        format!("http://{}/{browser}", self.address)
    }
}

/// The administrator lets browsers name push services on this machine.
pub fn inside(config: &mut Config) {
    config.outward.allow = vec!["127.0.0.1".to_owned()];
}

/// The public half of every browser's key.
pub fn point() -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(PUBLIC).unwrap()
}

pub fn subscription(endpoint: &str) -> Value {
    json!({"endpoint": endpoint, "expirationTime": null, "keys": {"p256dh": PUBLIC, "auth": AUTH}, "label": "Desk"})
}

pub async fn subscribe(account: &Account, endpoint: &str) -> Answer {
    account.post("/rtc/subscribeToPush", subscription(endpoint)).await
}

async fn take(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<String> {
    assert_eq!(method, Method::POST);
    let _ = shared.received.send(Received { path: uri.path().to_owned(), headers, body: body.to_vec() });
    let (status, words) = shared.answers.lock().unwrap().pop_front().unwrap_or((201, ""));
    let mut answer = Response::new(words.to_owned());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    if status == 429 {
        answer.headers_mut().insert(header::RETRY_AFTER, "7".parse().unwrap());
    }
    answer
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    pub async fn open(&self) -> Opened {
        assert_eq!(self.header("content-encoding"), "aes128gcm");
        let of = json!({
            "authorization": self.header("authorization"),
            "body": BASE64_URL_SAFE_NO_PAD.encode(&self.body),
            "private": PRIVATE,
            "auth": AUTH,
        });
        let opened = judge::ask_of_seals(OPEN, &of.to_string()).await;
        let key = opened["key"].as_str().unwrap().to_owned();
        Opened { said: opened["said"].clone(), claims: opened["claims"].clone(), key }
    }
}
