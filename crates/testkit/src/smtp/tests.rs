//! The mail server, spoken to over a bare socket.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::*;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct Client(BufReader<Box<dyn Stream>>);

impl Client {
    async fn connect(sink: &Sink) -> Self {
        Self(BufReader::new(Box::new(TcpStream::connect(sink.address()).await.unwrap())))
    }

    async fn greeted(sink: &Sink) -> Self {
        let mut client = Self::connect(sink).await;
        assert!(client.answer().await.starts_with("220 sink.example"));
        client.says("EHLO tester", "250").await;
        client
    }

    async fn within_tls(self, sink: &Sink) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(sink.root_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, self.0.into_inner()).await.unwrap();
        Self(BufReader::new(Box::new(stream)))
    }

    /// All lines of an answer; empty once the connection has ended.
    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let begin = answer.len();
            let read = timeout(WAIT, self.0.read_line(&mut answer)).await.expect("an answer");
            let more = answer.as_bytes().get(begin + 3) == Some(&b'-');
            if read.unwrap_or(0) == 0 || !more {
                return answer;
            }
        }
    }

    async fn ask(&mut self, line: &str) -> String {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
        self.answer().await
    }

    #[track_caller]
    fn says<'a>(&'a mut self, line: &'a str, begin: &'a str) -> impl Future<Output = String> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.ask(line).await;
            assert!(answer.starts_with(begin), "{line:?} was answered {answer:?} at {caller}");
            answer
        }
    }

    /// What the whole of a message to somebody is answered with.
    async fn send(&mut self, to: &str, data: &str) -> String {
        self.says("MAIL FROM:<caller@example.org>", "250").await;
        let asked = self.ask(&format!("RCPT TO:<{to}>")).await;
        if !asked.starts_with("250") {
            self.says("RSET", "250").await;
            return asked;
        }
        self.says("DATA", "354").await;
        self.ask(&format!("{data}\r\n.")).await
    }
}

#[tokio::test]
async fn a_message_is_kept_as_it_came() {
    let sink = Sink::start(Options::default()).await;
    let mut client = Client::greeted(&sink).await;
    let data = "Subject: Grüße\r\n\r\n..a dot of its own\r\n";
    assert!(client.send("one@example.org", data).await.starts_with("250"));
    let messages = sink.wait_for(1).await;
    let expected = Message {
        from: "caller@example.org".to_owned(),
        to: vec!["one@example.org".to_owned()],
        data: "Subject: Grüße\r\n\r\n.a dot of its own\r\n\r\n".as_bytes().to_vec(),
        connection: 1,
        hello: "tester".to_owned(),
        tls: false,
        login: None,
    };
    assert_eq!(messages, [expected]);
}

#[tokio::test]
async fn a_recipient_is_treated_as_its_name_asks() {
    let sink = Sink::start(Options::default()).await;
    let mut client = Client::greeted(&sink).await;
    let expected = [
        ("reject550@example.org", "550 5.1.1"),
        ("rejectdata@example.org", "554 5.7.1"),
        ("grey451.x@example.org", "451 4.7.1"),
        ("grey451.x@example.org", "250"),
        ("slow@example.org", "250"),
    ];
    for (to, begin) in expected {
        let answer = client.send(to, "x").await;
        assert!(answer.starts_with(begin), "{to}: {answer}");
    }
    assert_eq!(client.send("drop@example.org", "x").await, "");
    for (answer, connection) in [("", 2), ("250", 3)] {
        let got = Client::greeted(&sink).await.send("lost@example.org", "x").await;
        assert!(got.starts_with(answer) && got.is_empty() == answer.is_empty(), "connection {connection}: {got}");
    }
    let taken = sink.messages().await.into_iter().map(|message| message.to.join(" "));
    let kept = ["grey451.x@example.org", "slow@example.org", "lost@example.org", "lost@example.org"];
    assert_eq!(taken.collect::<Vec<_>>(), kept);
    assert_eq!(sink.counts().await.recipients["grey451.x@example.org"], 2);
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody_else() {
    let sink = Sink::start(Options::default()).await;
    let (mut hangs, mut client) = (Client::greeted(&sink).await, Client::greeted(&sink).await);
    hangs.says("MAIL FROM:<caller@example.org>", "250").await;
    hangs.0.write_all(b"RCPT TO:<hang@example.org>\r\n").await.unwrap();
    sink.asked_for("hang@example.org", 1).await;
    assert!(client.send("one@example.org", "x").await.starts_with("250"));
    assert_eq!(sink.counts().await.connections, 2);
    // The server does one thing after the other: an answer would be there by now.
    assert!(timeout(Duration::ZERO, hangs.answer()).await.is_err());
}

const RIGHT: &str = "AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=";
const WRONG: &str = "AUTH PLAIN AHVzZXIAd3Jvbmc=";

const LOGIN: Option<(&str, &str)> = Some(("user", "password"));

#[tokio::test]
async fn with_starttls_nothing_is_taken_without_it() {
    let sink = Sink::start(Options { security: Security::StartTls, login: LOGIN, ..Options::default() }).await;
    let mut client = Client::greeted(&sink).await;
    client.says("MAIL FROM:<caller@example.org>", "530 Must issue a STARTTLS").await;
    client.says("STARTTLS", "220").await;
    let mut client = client.within_tls(&sink).await;
    let offers = client.says("EHLO tester", "250").await;
    assert!(offers.contains("AUTH") && !offers.contains("STARTTLS"), "{offers}");
    client.says("MAIL FROM:<caller@example.org>", "530").await;
    client.says(WRONG, "535").await;
    client.says(RIGHT, "235").await;
    assert!(client.send("one@example.org", "x").await.starts_with("250"));
    let messages = sink.messages().await;
    assert!(messages[0].tls && messages[0].login.as_deref() == Some("user"), "{messages:?}");
    let counts = sink.counts().await;
    assert_eq!((counts.logins, counts.refused_logins), (1, 1));
}

#[tokio::test]
async fn with_tls_it_speaks_so_from_the_first_byte() {
    let sink = Sink::start(Options { security: Security::Tls, login: LOGIN, ..Options::default() }).await;
    let mut client = Client::connect(&sink).await.within_tls(&sink).await;
    assert!(client.answer().await.starts_with("220"));
    client.says("EHLO tester", "250").await;
    client.says(RIGHT, "235").await;
    assert!(client.send("one@example.org", "x").await.starts_with("250"));
    assert!(sink.messages().await[0].tls);
}

#[tokio::test]
async fn a_login_can_be_asked_for_without_tls() {
    let sink = Sink::start(Options { login: LOGIN, ..Options::default() }).await;
    let mut client = Client::greeted(&sink).await;
    client.says("MAIL FROM:<caller@example.org>", "530").await;
    client.says(RIGHT, "235").await;
    assert!(client.send("one@example.org", "x").await.starts_with("250"));
}

#[tokio::test]
async fn it_can_be_stopped_and_come_back_where_it_was() {
    let sink = Sink::start(Options::default()).await;
    let address = sink.address();
    sink.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    let sink = Sink::start(Options { port: address.port(), ..Options::default() }).await;
    assert_eq!(sink.address(), address);
    Client::greeted(&sink).await;
}

#[tokio::test]
async fn it_ends_when_whoever_started_it_is_gone() {
    let mut sink = Sink::start(Options::default()).await;
    // What the kernel does to a process that ends, however it ends.
    drop(sink.child.stdin.take());
    let ended = timeout(WAIT, sink.child.wait()).await;
    assert!(ended.is_ok_and(|status| status.unwrap().success()));
}
