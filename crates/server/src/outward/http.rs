//! A small HTTP client: one request on a connection of its own, no redirects, and an answer of limited size in limited time. What it fails
//! with tells whether the other server may have got the request.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::Body;
use futures_util::StreamExt;
use hyper::{
    HeaderMap, Method, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header::{HOST, HeaderName, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::Verifier;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::AbortHandle,
    time::{Instant, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName},
    },
};
use url::{Host, Position, Url};

use super::Guard;

/// Of an answer nobody needs more than a few words and numbers; the rest is not read.
const ANSWER_MAX: usize = 64 * 1024;
const NAME: &str = "Farhand";

#[derive(Clone)]
pub struct Request {
    pub method: Method,
    /// A user and password in it are not sent.
    pub url: Url,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The beginning of it.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The other server has certainly not got the request.
    NotSent(String),
    /// It may have got it.
    Unknown(String),
}

pub struct Client {
    /// Beside the public ones.
    roots: Vec<CertificateDer<'static>>,
    /// Made when it is needed first: not every machine has certificates of public authorities.
    tls: OnceLock<Result<TlsConnector, String>>,
    within: Duration,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, which is gone when this is dropped.
struct Connection {
    sender: SendRequest<Body>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    /// `within`: for all of a request, from resolving the name to the last byte of the answer.
    pub fn new(roots: Vec<CertificateDer<'static>>, within: Duration) -> Self {
        Self { roots, tls: OnceLock::new(), within }
    }

    pub async fn send(&self, request: Request, guard: &Guard) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.within;
        let connecting = timeout_at(deadline, self.connect(&request.url, guard)).await;
        let mut connection = match connecting {
            Ok(connected) => connected.map_err(Failure::NotSent)?,
            Err(_) => return Err(Failure::NotSent("it took too long to connect".to_owned())),
        };
        let request = written(request).map_err(Failure::NotSent)?;
        match timeout_at(deadline, connection.exchange(request)).await {
            Ok(answer) => answer.map_err(Failure::Unknown),
            Err(_) => Err(Failure::Unknown("it took too long to answer".to_owned())),
        }
    }

    async fn connect(&self, url: &Url, guard: &Guard) -> Result<Connection, String> {
        let addresses = guard.addresses(url).await?;
        let stream = self.stream(url, &addresses).await.map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| words(&error))?;
        // Its errors come out of the exchange, too.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Connection { sender, driver })
    }

    async fn stream(&self, url: &Url, addresses: &[SocketAddr]) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(addresses).await?;
        if url.scheme() != "https" {
            return Ok(Box::new(stream));
        }
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(io::Error::other)?,
            Some(Host::Ipv4(ip)) => ServerName::from(std::net::IpAddr::from(ip)),
            Some(Host::Ipv6(ip)) => ServerName::from(std::net::IpAddr::from(ip)),
            None => return Err(io::Error::other("no host")),
        };
        let tls = self.tls.get_or_init(|| connector(self.roots.clone()));
        let tls = tls.as_ref().map_err(|error| io::Error::other(error.clone()))?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

impl Connection {
    async fn exchange(&mut self, request: hyper::Request<Body>) -> Result<Answer, String> {
        let answer = self.sender.send_request(request).await.map_err(|error| words(&error))?;
        let (head, body) = answer.into_parts();
        let mut pieces = Body::new(body).into_data_stream();
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| words(&error))?;
            let room = ANSWER_MAX - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if body.len() == ANSWER_MAX {
                break;
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// As it goes over the wire.
fn written(request: Request) -> Result<hyper::Request<Body>, String> {
    let Request { method, url, headers, body } = request;
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let mut written = hyper::Request::builder().method(method).uri(target).header(HOST, host).header(USER_AGENT, NAME);
    for (name, value) in headers {
        written = written.header(name, value);
    }
    written.body(Body::from(body)).map_err(|error| error.to_string())
}

fn connector(roots: Vec<CertificateDer<'static>>) -> Result<TlsConnector, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, provider.clone()).map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.dangerous();
    let config = config.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// An error and what is behind it.
fn words(error: &dyn std::error::Error) -> String {
    let behind = std::iter::successors(error.source(), |error| error.source());
    let mut words = error.to_string();
    for more in behind.map(ToString::to_string) {
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
    }
    words
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
