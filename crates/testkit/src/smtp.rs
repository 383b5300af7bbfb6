//! A real mail server for tests, which delivers to nobody: it keeps what it is sent, and answers as the recipient's name asks it to.
//! `smtp/sink.py` says which names there are.

use std::{collections::BTreeMap, env, net::SocketAddr, path::Path, process::Stdio};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::WAIT;

const PROGRAM: &str = include_str!("../smtp/sink.py");

const MISSING: &str = "FARHAND_TEST_PYTHON names no Python that has aiosmtpd. `cargo xtask test --only cargo` installs one and names it; \
                       after that, FARHAND_TEST_PYTHON=$PWD/target/tools/aiosmtpd-1.4.6/bin/python";

/// How connections to it are protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Security {
    /// Not at all.
    #[default]
    Plain,
    /// By STARTTLS, without which it takes nothing.
    StartTls,
    /// By TLS from the first byte.
    Tls,
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub security: Security,
    /// The name and password without which it takes nothing.
    pub login: Option<(&'static str, &'static str)>,
    /// On which port; any free one for 0. To come back where it was before.
    pub port: u16,
}

/// A message that it took.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    pub from: String,
    pub to: Vec<String>,
    /// Every byte between DATA and the lonely dot.
    #[serde(deserialize_with = "from_base64")]
    pub data: Vec<u8>,
    /// The number of the connection it came over, from 1.
    pub connection: u64,
    /// How the client called itself.
    pub hello: String,
    pub tls: bool,
    pub login: Option<String>,
}

impl Message {
    /// Its bytes, which are text in whatever we send.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.data).unwrap()
    }
}

/// What it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Counts {
    pub connections: u64,
    pub logins: u64,
    pub refused_logins: u64,
    /// How often each recipient was asked for, whatever the answer.
    pub recipients: BTreeMap<String, u64>,
}

/// A running one. It ends when this is dropped, and with the process that started it, however that ends.
pub struct Sink {
    /// Its standard input is open as long as it is to run.
    child: Child,
    ports: Ports,
    root_pem: String,
    http: reqwest::Client,
    _certificate: TempDir,
}

#[derive(Deserialize)]
struct Ports {
    smtp: u16,
    http: u16,
}

impl Sink {
    pub async fn start(options: Options) -> Self {
        let directory = TempDir::with_prefix("farhand-smtp-").unwrap();
        let root_pem = write_certificate(directory.path());
        let settings = json!({
            "security": options.security,
            "login": options.login,
            "port": options.port,
            "certificate": directory.path().join("own.pem"),
            "key": directory.path().join("own.key"),
        });
        let python = env::var_os("FARHAND_TEST_PYTHON").unwrap_or_else(|| panic!("{MISSING}"));
        let mut command = Command::new(&python);
        command.args(["-I", "-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}. {MISSING}", python.display()));
        let line = format!("{settings}\n");
        child.stdin.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap_or_else(|_| panic!("{MISSING}"));
        let mut said = String::new();
        let reading = BufReader::new(child.stdout.as_mut().unwrap());
        let read = timeout(WAIT, { reading }.read_line(&mut said)).await;
        read.unwrap_or_else(|_| panic!("the mail server did not start within {WAIT:?}")).unwrap();
        let ports = serde_json::from_str(&said).unwrap_or_else(|_| panic!("the mail server did not start. {MISSING}"));
        Self { child, ports, root_pem, http: reqwest::Client::new(), _certificate: directory }
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.smtp))
    }

    /// The authority behind its certificate, which is for `localhost` and 127.0.0.1.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    pub async fn messages(&self) -> Vec<Message> {
        self.wait_for(0).await
    }

    /// What it has taken, once there are so many.
    pub async fn wait_for(&self, messages: usize) -> Vec<Message> {
        self.get(&format!("messages?at_least={messages}")).await
    }

    /// How many it has taken, once there are so many.
    pub async fn taken(&self, at_least: usize) -> usize {
        self.get(&format!("taken?at_least={at_least}")).await
    }

    pub async fn counts(&self) -> Counts {
        self.get("counts").await
    }

    /// Until this recipient has been asked for so many times, whatever the answer.
    pub async fn asked_for(&self, recipient: &str, times: u64) -> Counts {
        self.get(&format!("counts?recipient={recipient}&at_least={times}")).await
    }

    /// Ends it and waits until it has ended: then nobody listens at its address.
    pub async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, what: &str) -> T {
        let url = format!("http://127.0.0.1:{}/{what}", self.ports.http);
        let answer = async { self.http.get(url).send().await?.error_for_status()?.json().await };
        let answer = timeout(WAIT, answer).await;
        let answer = answer.unwrap_or_else(|_| panic!("the mail server had no answer to {what} within {WAIT:?}"));
        answer.unwrap_or_else(|error: reqwest::Error| panic!("the mail server, asked for {what}: {error}"))
    }
}

/// A certificate for this machine, and one that vouches for it, which is handed back.
fn write_certificate(directory: &Path) -> String {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let own = own.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    std::fs::write(directory.join("own.pem"), own.pem()).unwrap();
    std::fs::write(directory.join("own.key"), key.serialize_pem()).unwrap();
    root_pem
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    BASE64_STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests;
