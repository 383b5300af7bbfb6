//! HTTPS on the server's own port.

use std::{fs, path::Path, sync::Arc};

use farhand_testkit::{Server, WAIT};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// Writes a certificate for `localhost` and its key.
fn write_certificate(directory: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(directory.join("certificate.pem"), made.cert.pem()).unwrap();
}

async fn with_certificate(directory: &Path) -> Server {
    let directory = directory.to_owned();
    Server::with(move |config| {
        config.tls.certificate = Some(directory.join("certificate.pem"));
        config.tls.key = Some(directory.join("key.pem"));
    })
    .await
}

/// Trusts only this certificate.
async fn connect(server: &Server, certificate: &Path) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(server.address()).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

pub async fn answer(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let read = timeout(WAIT, stream.read_to_end(&mut text)).await.unwrap_or_else(|_| panic!("no end"));
    // Some ends are not announced.
    drop(read);
    String::from_utf8_lossy(&text).into_owned()
}

pub const READY: &str = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const LOGIN: &str = "POST /auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 56\r\nconnection: close\r\n\r\n\
    {\"domain\":\"ubimax\",\"userId\":\"tester\",\"password\":\"demo\"}  ";

#[tokio::test]
async fn with_a_certificate_the_port_speaks_https_and_cookies_are_secure() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(directory.path());
    let server = with_certificate(directory.path()).await;
    let certificate = directory.path().join("certificate.pem");
    let ready = answer(connect(&server, &certificate).await.unwrap(), READY).await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    let login = answer(connect(&server, &certificate).await.unwrap(), LOGIN).await;
    assert!(login.contains("Secure"), "{login}");
}

#[tokio::test]
async fn plain_http_is_sent_to_https() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(directory.path());
    let server = with_certificate(directory.path()).await;
    let request = "POST /rtc/createCall?x=1 HTTP/1.1\r\nhost: calls.example.com\r\nconnection: close\r\n\r\n";
    let told = answer(TcpStream::connect(server.address()).await.unwrap(), request).await;
    assert!(told.starts_with("HTTP/1.1 308"), "{told}");
    assert!(told.contains("location: https://calls.example.com/rtc/createCall?x=1\r\n"), "{told}");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_one_that_is_half_written_is_not() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(directory.path());
    let server = with_certificate(directory.path()).await;
    // It has read what is there.
    let first = connect(&server, &directory.path().join("certificate.pem")).await.unwrap();
    answer(first, READY).await;
    let old = directory.path().join("old.pem");
    fs::copy(directory.path().join("certificate.pem"), &old).unwrap();
    fs::write(directory.path().join("certificate.pem"), "-----BEGIN CERTIFICATE-----\nMII").unwrap();
    answer(connect(&server, &old).await.unwrap(), READY).await;
    write_certificate(directory.path());
    let renewed = async {
        while connect(&server, &directory.path().join("certificate.pem")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT, renewed).await.unwrap_or_else(|_| panic!("the new certificate is not used"));
    assert!(connect(&server, &old).await.is_err());
}

#[tokio::test]
async fn a_self_signed_certificate_is_made_once_with_a_key_nobody_else_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut server = Server::with(|config| config.tls.self_signed = true).await;
    let directory = server.data_dir().join("tls");
    let certificate = directory.join("self-signed.pem");
    let moved = answer(TcpStream::connect(server.address()).await.unwrap(), READY).await;
    assert!(moved.starts_with("HTTP/1.1 308"), "{moved}");
    let first = fs::read(&certificate).unwrap();
    let ready = answer(connect(&server, &certificate).await.unwrap(), READY).await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    let mode = fs::metadata(directory.join("self-signed.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.restart().await;
    assert_eq!(fs::read(&certificate).unwrap(), first);
}

#[tokio::test]
async fn whoever_shakes_hands_too_slowly_is_hung_up_on() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(directory.path());
    let directory = directory.path().to_owned();
    let server = Server::with(move |config| {
        config.tls.certificate = Some(directory.join("certificate.pem"));
        config.tls.key = Some(directory.join("key.pem"));
        config.http.patience_seconds = 1;
    })
    .await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(answer(stream, "\u{16}\u{3}\u{1}\u{0}").await, "");
}
