//! Text messages through a real gateway to its carrier, and to gateways that behave as no real one does when asked.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};

use farhand_testkit::{WAIT, kannel::Kannel};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use super::*;

const ID: Uuid = Uuid::from_u128(7);
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const TAKEN: Attempt = Attempt::Taken { gateway_id: None };

fn by(url: String) -> Sms {
    Sms::open(&Config { sms_url: Some(url), ..Config::default() }).unwrap().unwrap()
}

fn by_kannel(gateway: &Kannel) -> Sms {
    by(format!("{}&to={{to}}&text={{text}}", gateway.sendsms_url()))
}

async fn send(sms: &Sms, text: &str, report: &str) -> Attempt {
    sms.send(&Text { id: ID, to: "+49 (123) 45-6", text, report }, NOW).await
}

#[tokio::test]
async fn a_text_goes_through_to_the_carrier_as_it_was_written() {
    let gateway = Kannel::start().await;
    let text = "Anna & Jörg rufen an: Pumpe 7 + 50% @ https://calls.example.com/call/1?a=b#c";
    assert_eq!(send(&by_kannel(&gateway), text, "http://127.0.0.1:9/r").await, TAKEN);
    let parts = gateway.wait_for(1).await;
    let [part] = parts.as_slice() else { panic!("{parts:?}") };
    assert_eq!((part.to.as_str(), part.text.as_str(), part.number), ("+49123456", text, None));
}

#[tokio::test]
async fn what_is_not_in_the_alphabet_of_gsm_comes_in_parts_and_whole() {
    let gateway = Kannel::start().await;
    let text = "Zoë çalls: Grüße aus Łódź, насос 7 läuft nicht mehr. Bitte öffnen: https://calls.example.com/call/1";
    assert_eq!(send(&by_kannel(&gateway), text, "http://127.0.0.1:9/r").await, TAKEN);
    let parts = gateway.wait_for(2).await;
    assert_eq!(parts.iter().map(|part| part.number).collect::<Vec<_>>(), [Some((1, 2)), Some((2, 2))]);
    assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<String>(), text);
}

/// Takes one request, answers it well, and tells what was asked.
async fn listener() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        let mut first = String::new();
        stream.read_line(&mut first).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        first
    });
    (base, heard)
}

#[tokio::test]
async fn the_gateway_reports_to_the_address_of_that_message_and_is_believed() {
    let gateway = Kannel::start().await;
    let sms = by_kannel(&gateway);
    let (base, heard) = listener().await;
    let path = "/notify/sms/7/proof";
    assert_eq!(send(&sms, "Hello", &format!("{base}{path}")).await, TAKEN);
    let heard = timeout(WAIT, heard).await.unwrap().unwrap();
    let target = heard.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap();
    let (told, query) = target.split_once('?').unwrap();
    assert_eq!(told, path);
    assert_eq!(sms.report(&Heard { url: "", query, form: "", signature: "" }), Some(Report::Delivered), "{query}");
}

#[tokio::test]
async fn what_a_gateway_that_is_not_there_was_to_send_is_sent_later() {
    let mut gateway = Kannel::start().await;
    let sms = by_kannel(&gateway);
    gateway.detach().await;
    assert_eq!(send(&sms, "kept", "http://127.0.0.1:9/r").await, TAKEN, "it keeps what it cannot pass on");
    gateway.stop().await;
    assert!(matches!(send(&sms, "lost", "http://127.0.0.1:9/r").await, Attempt::Later { after: None, .. }));
    gateway.resume().await;
    gateway.attach().await;
    // It promises no order between what it kept and what comes in.
    gateway.wait_for(1).await;
    assert_eq!(send(&sms, "again", "http://127.0.0.1:9/r").await, TAKEN);
    let texts: Vec<_> = gateway.wait_for(2).await.into_iter().map(|part| part.text).collect();
    assert_eq!(texts, ["kept", "again"]);
}

#[tokio::test]
async fn a_gateway_that_does_not_know_us_refuses() {
    let gateway = Kannel::start().await;
    let sms = by(format!("http://{}/cgi-bin/sendsms?username=u&password=p&to={{to}}&text={{text}}", gateway.address()));
    let refused = send(&sms, "x", "http://127.0.0.1:9/r").await;
    assert_eq!(refused, Attempt::Refused { words: "403: Authorization failed for sendsms".to_owned() });
}

/// Answers one request with these bytes and goes. Hands back the body it was sent.
async fn rude(answer: &str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let answer = answer.to_owned();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        let asked = read_request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        asked
    });
    (address, served)
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> String {
    let (mut length, mut line) = (0, String::new());
    while stream.read_line(&mut line).await.unwrap() > 2 {
        let value =
            line.to_ascii_lowercase().strip_prefix("content-length:").map(|value| value.trim().parse().unwrap());
        length = value.unwrap_or(length);
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}

async fn of_rude(head: &str, body: &str) -> Attempt {
    let (address, served) = rude(&format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let attempt = send(&by(format!("http://{address}/sendsms?to={{to}}&text={{text}}")), "x", "http://h/r").await;
    served.await.unwrap();
    attempt
}

#[tokio::test]
async fn what_a_gateway_answers_says_what_became_of_the_message() {
    let later = |seconds: Option<u64>, words: &str| {
        let after = seconds.map(Duration::from_secs);
        Attempt::Later { after, words: words.to_owned() }
    };
    let refused = |words: &str| Attempt::Refused { words: words.to_owned() };
    let unknown = |words: &str| Attempt::Unknown { words: words.to_owned() };
    for (head, body, expected) in [
        ("202 Accepted", "0: Accepted for delivery", TAKEN),
        ("500 Oops", "broken\r\n  pipe", unknown("500: broken pipe")),
        ("502 Bad Gateway", "", unknown("the gateway answers 502")),
        ("504 Gateway Timeout", "", unknown("the gateway answers 504")),
        ("200 OK", "<html>Welcome</html>", unknown("200: <html>Welcome</html>")),
        ("204 No Content", "", unknown("the gateway answers 204")),
        ("400 Bad Request", "no such number", refused("400: no such number")),
        ("401 Unauthorized", "", refused("the gateway answers 401")),
        ("404 Not Found", "", refused("the gateway answers 404")),
        ("302 Found\r\nLocation: http://127.0.0.1/", "", refused("the gateway answers 302")),
        ("408 Request Timeout", "", later(None, "the gateway answers 408")),
        ("503 Unavailable", "soon", later(None, "503: soon")),
        ("429 Slow Down", "", later(None, "the gateway answers 429")),
        ("429 Slow Down\r\nRetry-After: 120", "", later(Some(120), "the gateway answers 429")),
        ("503 Unavailable\r\nRetry-After: 0", "", later(Some(0), "the gateway answers 503")),
        // NOW is 2027-01-15 08:00:00.
        ("429 Slow\r\nRetry-After: Fri, 15 Jan 2027 08:05:00 GMT", "", later(Some(300), "the gateway answers 429")),
        ("429 Slow\r\nRetry-After: Fri, 15 Jan 2027 07:05:00 GMT", "", later(Some(0), "the gateway answers 429")),
        ("429 Slow\r\nRetry-After: Fri, 15 Jan 9027 07:05:00 GMT", "", later(None, "the gateway answers 429")),
        ("429 Slow\r\nRetry-After: 99999999", "", later(Some(86_400), "the gateway answers 429")),
        ("429 Slow\r\nRetry-After: 99999999999999999999999", "", later(Some(86_400), "the gateway answers 429")),
        ("429 Slow\r\nRetry-After: tomorrow", "", later(None, "the gateway answers 429")),
        ("429 Slow\r\nRetry-After: -5", "", later(None, "the gateway answers 429")),
    ] {
        assert_eq!(of_rude(head, body).await, expected, "{head}");
    }
}

#[tokio::test]
async fn what_breaks_off_may_have_been_sent() {
    for answer in
        ["", "HTTP/1.1 202 Acc", "HTTP/1.1 202 Accepted\r\nContent-Length: 24\r\n\r\n0: Acc", "220 mail.example\r\n"]
    {
        let (address, served) = rude(answer).await;
        let attempt = send(&by(format!("http://{address}/sendsms?to={{to}}&text={{text}}")), "x", "http://h/r").await;
        assert!(matches!(attempt, Attempt::Unknown { .. }), "{answer:?}: {attempt:?}");
        served.await.unwrap();
    }
}

#[tokio::test]
async fn of_a_gateways_words_one_line_is_kept() {
    let Attempt::Unknown { words } = of_rude("500 Oops", &"line\u{2028}\u{1b}[31m\r\n".repeat(1_000)).await else {
        panic!()
    };
    assert!(words.chars().count() <= 205 && !words.contains(char::is_control), "{words}");
}

#[tokio::test]
async fn one_that_speaks_as_twilio_does_is_asked_so_and_understood() {
    for (status, body, expected) in [
        ("201 Created", r#"{"sid": "SM1", "status": "queued"}"#, Attempt::Taken { gateway_id: Some("SM1".to_owned()) }),
        (
            "400 Bad Request",
            r#"{"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}"#,
            Attempt::Refused { words: "21211: Invalid 'To' Phone Number".to_owned() },
        ),
        (
            "429 Too Many Requests",
            r#"{"code": 20429, "message": "Too Many Requests", "status": 429}"#,
            Attempt::Later { after: None, words: "20429: Too Many Requests".to_owned() },
        ),
        ("201 Created", "<html>", Attempt::Unknown { words: "201: <html>".to_owned() }),
    ] {
        let (address, served) =
            rude(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
        let sms = by(format!("twilio+http://AC7:token@{address}?from=+49999"));
        assert_eq!(send(&sms, "Grüße", "https://calls.example.com/r").await, expected);
        let asked =
            "To=%2B49123456&From=%2B49999&Body=Gr%C3%BC%C3%9Fe&StatusCallback=https%3A%2F%2Fcalls.example.com%2Fr";
        assert_eq!(served.await.unwrap(), asked);
    }
}

#[tokio::test]
async fn what_is_no_number_is_refused_before_anybody_is_asked() {
    let sms = by("http://127.0.0.1:9/?to={to}&text={text}".to_owned());
    for to in ["", "anna", "+", "++--"] {
        let attempt = sms.send(&Text { id: ID, to, text: "x", report: "http://h/r" }, NOW).await;
        assert!(matches!(attempt, Attempt::Refused { .. }), "{to}");
    }
    for (written, meant) in [("+49 123", "+49123"), ("(0123) 45/6.7", "01234567"), (" +1-2", "+12"), ("12+3", "123")] {
        assert_eq!(number(written).as_deref(), Some(meant), "{written}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused_at_the_start() {
    assert!(Sms::open(&Config::default()).unwrap().is_none());
    let mut config = Config { sms_url: Some("twilio://AC7:s3cret@api.twilio.com".to_owned()), ..Config::default() };
    assert!(Sms::open(&config).err().unwrap().contains("?from="));
    config.sms_url = Some("https://sms.example/?to={to}&text={text}".to_owned());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("root.pem");
    config.outward.root = Some(file.clone());
    for content in [None, Some("no certificate")] {
        content.inspect(|content| fs::write(&file, content).unwrap());
        let why = Sms::open(&config).err().unwrap();
        assert!(why.starts_with("outward.root: ") && why.contains("root.pem"), "{why}");
    }
}
