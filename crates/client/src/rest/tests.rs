use farhand_protocol::{ErrorCode, call::CallStatus};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;

/// Answers one request with `status` and `body`; the task's result is what was asked.
async fn server(status: &'static str, body: &'static str) -> (Rest, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rest = Rest::new(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let task = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        while !complete(&asked) {
            let mut chunk = [0; 4096];
            let length = tcp.read(&mut chunk).await.unwrap();
            assert_ne!(length, 0, "cut off after {asked:?}");
            asked.push_str(std::str::from_utf8(&chunk[..length]).unwrap());
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        tcp.write_all(answer.as_bytes()).await.unwrap();
        asked
    });
    (rest, task)
}

fn complete(asked: &str) -> bool {
    let Some((head, body)) = asked.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

const EMPTY_PAGE: &str = r#"{"calls":[],"next":null}"#;

#[tokio::test]
async fn a_raw_body_goes_out_as_it_is_and_without_a_content_type() {
    let (rest, asked) = server("500 Oops", "oops").await;
    let error = rest.with_token(Token::new("abc")).create_call_raw(r#"{"callType": "mesh"}"#).await.unwrap_err();
    assert!(matches!(error, RestError::Unreadable(StatusCode::INTERNAL_SERVER_ERROR, _)), "{error}");
    let asked = asked.await.unwrap();
    assert!(
        asked.starts_with("POST /rtc/createCall HTTP/1.1\r\n") && asked.ends_with("\r\n\r\n{\"callType\": \"mesh\"}"),
        "{asked}"
    );
    assert!(asked.contains("authorization: Bearer abc\r\n") && !asked.contains("content-type"), "{asked}");
}

#[tokio::test]
async fn a_refusal_carries_the_servers_problem() {
    let problem = r#"{"type":"urn:farhand:error:nobody_to_call","title":"Nobody left to call","status":422,
        "code":"nobody_to_call","detail":"Invite somebody.","pointer":"/invitedContacts"}"#;
    let (rest, asked) = server("422 No", problem).await;
    let error = rest.create_call_once("key 1", &CreateCallRequest::default()).await.unwrap_err();
    let problem = error.problem().expect("a problem");
    assert_eq!((problem.code, problem.pointer.as_deref()), (ErrorCode::NobodyToCall, Some("/invitedContacts")));
    assert!(asked.await.unwrap().contains("idempotency-key: key 1\r\n"));
}

#[tokio::test]
async fn a_query_names_only_what_is_asked_for() {
    let (rest, asked) = server("200 OK", EMPTY_PAGE).await;
    rest.call_logs(&CallLogQuery::default()).await.unwrap();
    assert!(asked.await.unwrap().starts_with("GET /rtc/getCallLogs? HTTP/1.1"));

    let (rest, asked) = server("200 OK", EMPTY_PAGE).await;
    let query = CallLogQuery { status: Some(CallStatus::Ended), planned: Some(true), before: Some(7), limit: Some(2) };
    rest.call_logs(&query).await.unwrap();
    assert!(
        asked.await.unwrap().starts_with("GET /rtc/getCallLogs?status=Ended&planned=true&before=7&limit=2 HTTP/1.1")
    );
}

#[tokio::test]
async fn an_answer_without_a_body_is_enough_for_a_logout() {
    let (rest, asked) = server("204 No Content", "").await;
    rest.logout().await.unwrap();
    assert!(asked.await.unwrap().starts_with("POST /auth/logout HTTP/1.1"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_its_cause() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Rest::new(&format!("http://{free}")).unwrap().me().await.unwrap_err();
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[test]
fn secrets_cannot_be_printed() {
    let rest = Rest::new("http://localhost:1").unwrap().with_token(Token::new("abc-secret"));
    assert!(!format!("{rest:?}").contains("abc-secret"));
}
