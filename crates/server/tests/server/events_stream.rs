//! Events as they happen, over a connection that may break at any moment.

use farhand_protocol::{ErrorCode, Problem, events::CallEvent};
use farhand_testkit::{Account, Answer, OTHER_DOMAIN, Server, WAIT, json};
use reqwest::{Method, Response};
use tokio::time::timeout;

/// What comes on a stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sent {
    id: String,
    event: String,
    data: String,
}

struct Stream {
    response: Response,
    unread: String,
}

impl Stream {
    async fn open(who: &Account, path: &str, last: Option<&str>) -> Self {
        let mut request = who.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Self { response, unread: String::new() };
        // Its first word: whatever happens from now on is told.
        assert!(stream.block().await.unwrap().starts_with("retry:"));
        stream
    }

    /// The next lines up to an empty one, if it has not ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(block);
            }
            let chunk = timeout(WAIT, self.response.chunk()).await.unwrap().unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn next(&mut self) -> Option<Sent> {
        loop {
            let block = self.block().await?;
            let mut sent = Sent::default();
            for line in block.lines() {
                match line.split_once(": ").unwrap() {
                    ("id", id) => id.clone_into(&mut sent.id),
                    ("event", event) => event.clone_into(&mut sent.event),
                    ("data", data) => data.clone_into(&mut sent.data),
                    other => panic!("{other:?}"),
                }
            }
            if !sent.data.is_empty() {
                return Some(sent);
            }
        }
    }

    async fn event(&mut self) -> (String, CallEvent) {
        let sent = self.next().await.unwrap();
        let event: CallEvent = serde_json::from_str(&sent.data).unwrap_or_else(|error| panic!("{error}: {sent:?}"));
        assert_eq!(event.kind, sent.event);
        (sent.id, event)
    }
}

async fn call(caller: &Account) -> uuid::Uuid {
    caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await.call_id
}

#[tokio::test]
async fn what_happens_comes_as_it_happens_each_to_its_own() {
    let server = Server::start().await;
    let (caller, other) = (server.login("callertest1").await, server.login("callertest2").await);
    let (admin, foreign) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let before = call(&caller).await;
    let mut streams = Vec::new();
    for who in [&caller, &admin, &other, &foreign] {
        streams.push(Stream::open(who, "/rtc/events", None).await);
    }
    let theirs = call(&caller).await;
    let others = call(&other).await;
    let foreigns = server.login_at(OTHER_DOMAIN, "expert1").await;
    let foreigns = foreigns.create_call(json!({"invitedContacts": [{"userId": "connector1", "domain": OTHER_DOMAIN}]}));
    let foreigns = foreigns.await.call_id;
    for (stream, expected) in streams.iter_mut().zip([theirs, theirs, others, foreigns]) {
        let (_, event) = stream.event().await;
        assert_eq!((event.kind.as_str(), event.data.call_id), ("call.created", expected), "and nothing of {before}");
        assert_eq!(event.data.sequence, 1);
    }
}

#[tokio::test]
async fn whoever_comes_back_with_the_last_id_misses_nothing_and_hears_nothing_twice() {
    let mut server = Server::start().await;
    let (caller, connector) = (server.login("callertest1").await, server.login("connector1").await);
    let admin = server.login("admin").await;
    let mut stream = Stream::open(&admin, "/rtc/events?after=end", None).await;
    call(&caller).await;
    let (first, _) = stream.event().await;
    drop(stream);
    call(&caller).await;
    server.kill();
    server.start_again().await;
    call(&connector).await;

    let whole = admin.get("/rtc/getEvents?limit=500").await.json();
    let whole: Vec<CallEvent> = serde_json::from_value(whole["events"].clone()).unwrap();
    let mut stream = Stream::open(&admin, "/rtc/events", Some(&first)).await;
    let mut last = first;
    let mut heard = Vec::new();
    for _ in 1..whole.len() {
        let (id, event) = stream.event().await;
        heard.push(event);
        // In the midst of it the connection breaks.
        if heard.len() == 3 {
            stream = Stream::open(&admin, "/rtc/events", Some(&id)).await;
        }
        last = id;
    }
    assert_eq!(heard.len(), whole.len() - 1);
    let ids =
        |events: &[CallEvent]| events.iter().map(|event| (event.data.call_id, event.data.sequence)).collect::<Vec<_>>();
    assert_eq!(ids(&heard), ids(&whole[1..]));
    let next = call(&connector).await;
    assert_eq!(stream.event().await.1.data.call_id, next);
    let mut once_more = Stream::open(&admin, &format!("/rtc/events?after={last}"), None).await;
    assert_eq!(once_more.event().await.1.data.call_id, next, "the id is good over REST's name as well");
}

#[tokio::test]
async fn the_stream_ends_with_the_login_and_says_so() {
    let server = Server::start().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let mut stream = Stream::open(&admin, "/rtc/events", None).await;
    admin.rest.logout().await.unwrap();
    let said = stream.next().await.unwrap();
    assert_eq!(said.event, "problem");
    assert_eq!(serde_json::from_str::<Problem>(&said.data).unwrap().code, ErrorCode::Unauthenticated);
    call(&caller).await;
    assert_eq!(stream.next().await, None, "what happens later is not told");

    let mut stream = Stream::open(&caller, "/rtc/events", None).await;
    server.clock().move_ahead(std::time::Duration::from_mins(16));
    let said = stream.next().await.unwrap();
    assert_eq!(serde_json::from_str::<Problem>(&said.data).unwrap().code, ErrorCode::TokenExpired);
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn nobody_has_many_streams_and_whoever_goes_makes_room() {
    let server = Server::start().await;
    let (caller, other) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(Stream::open(&caller, "/rtc/events", None).await);
    }
    caller.get("/rtc/events").await.refused(ErrorCode::TooManySessions);
    Stream::open(&other, "/rtc/events", None).await;
    streams.pop();
    // The server learns of it when it looks at the connection.
    let let_in = async {
        while caller.request(Method::GET, "/rtc/events").send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT, let_in).await.unwrap();
}

#[tokio::test]
async fn nobody_follows_without_a_login() {
    let server = Server::start().await;
    Answer::to(server.request(Method::GET, "/rtc/events")).await.refused(ErrorCode::Unauthenticated);
}
