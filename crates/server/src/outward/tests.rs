//! The client against servers that behave as badly as some do.

use std::net::Ipv4Addr;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::{super::guard::tests::scripted, *};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

/// Takes one connection, reads the head of a request and answers with these bytes. Then it goes, or waits until the client does. Tells
/// what it was asked.
async fn server(answer: &[u8], then_wait: bool) -> (Url, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/path?query=%20", listener.local_addr().unwrap()).parse().unwrap();
    let answer = answer.to_vec();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await;
        let _ = stream.write_all(&answer).await;
        if then_wait {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        asked
    });
    (url, served)
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

async fn get(url: Url, within: Duration, guard: &Guard) -> Result<Answer, Failure> {
    let request = Request { method: Method::GET, url, headers: Vec::new(), body: Vec::new() };
    Client::new(Vec::new(), within).send(request, guard).await
}

async fn answered(answer: &[u8], then_wait: bool, within: Duration) -> Result<Answer, Failure> {
    let (url, served) = server(answer, then_wait).await;
    let answer = get(url, within, &Guard::of_administrator()).await;
    served.await.unwrap();
    answer
}

#[tokio::test]
async fn a_request_and_its_answer() {
    let (url, served) =
        server(b"HTTP/1.1 202 Accepted\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nhello", true).await;
    let host = url.authority().to_owned();
    let headers = vec![(HeaderName::from_static("x-test"), HeaderValue::from_static("yes"))];
    let request = Request { method: Method::POST, url, headers, body: b"body".to_vec() };
    let answer = Client::new(Vec::new(), LONG).send(request, &Guard::of_administrator()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (202, b"hello".as_slice()));
    assert_eq!(answer.headers["retry-after"], "7");
    // A connection is for one request: the server sees its end.
    let asked = served.await.unwrap();
    let lines: Vec<_> = asked.lines().collect();
    assert_eq!(lines[0], "POST /path?query=%20 HTTP/1.1");
    for expected in [format!("host: {host}"), "x-test: yes".to_owned(), "content-length: 4".to_owned()] {
        assert!(lines.contains(&expected.as_str()), "{asked}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_others() {
    let answer =
        answered(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", true, LONG).await;
    assert_eq!(answer.unwrap().status.as_u16(), 302);
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_read() {
    let mut long = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n".to_vec();
    long.resize(200_000, b'x');
    let answer = answered(&long, true, LONG).await.unwrap();
    assert_eq!(answer.body.len(), ANSWER_MAX);
}

#[tokio::test]
async fn what_breaks_once_the_request_is_out_may_have_been_carried_out() {
    let broken: [(&[u8], bool, Duration); 6] = [
        (b"", false, LONG),
        (b"", true, SHORT),
        (b"What?\r\n\r\n", true, LONG),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false, LONG),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true, SHORT),
        (b"HTTP/1.1 20", true, SHORT),
    ];
    for (answer, then_wait, within) in broken {
        let failure = answered(answer, then_wait, within).await.err();
        assert!(matches!(&failure, Some(Failure::Unknown(words)) if !words.is_empty()), "{answer:?}: {failure:?}");
    }
}

#[tokio::test]
async fn a_trickle_is_not_waited_for() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let trickles = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        // Each byte comes in good time, and the last one never.
        let mut beat = tokio::time::interval(SHORT / 10);
        while stream.write_all(b"x").await.is_ok() {
            beat.tick().await;
        }
    };
    let guard = Guard::of_administrator();
    let (answer, ()) = tokio::join!(get(url, SHORT, &guard), trickles);
    assert_eq!(answer.err(), Some(Failure::Unknown("it took too long to answer".to_owned())));
}

#[tokio::test]
async fn what_cannot_be_connected_to_was_certainly_not_sent() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // A server that takes connections and says nothing: TLS does not begin.
    let (silent, guard) = (format!("https://{address}/").parse().unwrap(), Guard::of_administrator());
    assert!(matches!(get(silent, SHORT, &guard).await, Err(Failure::NotSent(_))));
    drop(listener);
    let gone: Url = format!("http://{address}/").parse().unwrap();
    assert!(matches!(get(gone.clone(), LONG, &guard).await, Err(Failure::NotSent(_))));
    let inside = get(gone, LONG, &Guard::of_others(&[]).unwrap()).await.err();
    assert_eq!(inside, Some(Failure::NotSent("127.0.0.1 does not lead to the internet".to_owned())));
}

#[tokio::test]
async fn only_what_was_looked_at_is_connected_to() {
    // The name stands for another address each time it is asked about; this server is at the second one.
    let (url, served) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true).await;
    let at = format!("127.0.0.1:{}", url.port().unwrap());
    let named: Url = format!("http://rebound.example:{}/", url.port().unwrap()).parse().unwrap();
    let guard = scripted(&["127.0.0.2/32"], &[&["127.0.0.2:9"], &[&at]]);
    assert!(matches!(get(named.clone(), LONG, &guard).await, Err(Failure::NotSent(_))), "nobody is at the first");
    let second = get(named.clone(), LONG, &guard).await.err();
    assert_eq!(second, Some(Failure::NotSent("rebound.example does not lead to the internet".to_owned())));
    assert!(!served.is_finished(), "nobody has come");
    let allowed = scripted(&["127.0.0.1"], &[&[&at]]);
    assert_eq!(get(named, LONG, &allowed).await.unwrap().status.as_u16(), 200);
    assert!(served.await.unwrap().contains("host: rebound.example:"), "the name is what is asked for");
}

async fn over_tls(names: &[&str], trusted: bool) -> Result<Answer, Failure> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![cert.der().clone()], key).unwrap()));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let served = async {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    let roots = if trusted { vec![cert.der().clone()] } else { Vec::new() };
    let request = Request { method: Method::GET, url, headers: Vec::new(), body: Vec::new() };
    let (client, guard) = (Client::new(roots, LONG), Guard::of_administrator());
    tokio::join!(client.send(request, &guard), served).0
}

#[tokio::test]
async fn over_tls_the_certificate_must_be_trusted_and_for_that_host() {
    assert_eq!(over_tls(&["127.0.0.1"], true).await.unwrap().status.as_u16(), 204);
    for (names, trusted) in [(["127.0.0.1"], false), (["other.example"], true)] {
        let failure = over_tls(&names, trusted).await.err();
        assert!(matches!(&failure, Some(Failure::NotSent(words)) if words.contains("certificate")), "{failure:?}");
    }
}
