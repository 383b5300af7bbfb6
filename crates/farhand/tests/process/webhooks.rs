//! Webhooks and `kill -9`: no event is lost or overtaken by a later one of its call, and only what was in flight comes twice, as the same
//! message.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use farhand_protocol::events::CallEvent;
use farhand_server::world::{Clock, SystemClock, new_id};
use farhand_store::model::NewWebhook;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    people::{DOMAIN, People},
    process::{Data, Server},
    wait::until,
};

const CALLS: usize = 60;
/// After so many calls the server is killed.
const KILLED_AT: [usize; 3] = [5, 25, 50];
/// As many as are sent at a time.
const IN_FLIGHT: usize = 8;

/// A message's id and body.
type Message = (String, String);

#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Message>>>);

impl Receiver {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let receiver = Self::default();
        let own = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move { own.take(stream).await });
            }
        });
        (receiver, url)
    }

    /// One request, which is accepted. A sender that is killed in the midst of it has sent nothing.
    async fn take(&self, mut stream: TcpStream) -> Option<()> {
        let mut request = Vec::new();
        let body_at = loop {
            request.push(stream.read_u8().await.ok()?);
            if request.ends_with(b"\r\n\r\n") {
                break request.len();
            }
        };
        let head = String::from_utf8(request).unwrap();
        let header =
            |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap().to_owned();
        assert_eq!(head.len(), body_at);
        let mut body = vec![0; header("content-length").parse().unwrap()];
        stream.read_exact(&mut body).await.ok()?;
        self.0.lock().unwrap().push((header("webhook-id"), String::from_utf8(body).unwrap()));
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.ok()
    }

    fn all(&self) -> Vec<Message> {
        self.0.lock().unwrap().clone()
    }
}

async fn set_up(data: &Data, url: String) {
    let store =
        farhand_store::open(&format!("sqlite://{}", data.path().join("farhand.sqlite").display())).await.unwrap();
    let domain_id = store.domain_by_name(DOMAIN).await.unwrap().unwrap().id;
    let webhook = NewWebhook {
        id: new_id(),
        domain_id,
        url,
        description: String::new(),
        types: Some(vec!["call.created".to_owned(), "call.ringStarted".to_owned()]),
        enabled: true,
        created_at: SystemClock.now(),
    };
    store.create_webhook(&webhook).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn no_event_is_lost_when_the_server_is_killed_and_only_those_in_flight_come_twice() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let (receiver, url) = Receiver::start().await;
    set_up(&data, url).await;
    let start = async || {
        let mut command = data.serve();
        command.env("FARHAND_OUTWARD__ALLOW", "127.0.0.0/8");
        Server::start(command).await
    };
    let mut server = start().await;
    let mut rest = people.glasses.rest(&server.url);
    for number in 0..CALLS {
        rest.create_call(&people.direct()).await.unwrap();
        if KILLED_AT.contains(&number) {
            until("a message", async || (receiver.all().len() > number / 2).then_some(())).await;
            server.kill().await;
            server = start().await;
            rest = people.glasses.rest(&server.url);
        }
    }
    let distinct = |all: &[Message]| all.iter().cloned().collect::<BTreeMap<_, _>>().len();
    until("all messages", async || (distinct(&receiver.all()) == 2 * CALLS).then_some(())).await;
    let arrived = receiver.all();
    let repeated = arrived.len() - 2 * CALLS;
    assert!(repeated <= IN_FLIGHT * KILLED_AT.len(), "{repeated} came twice");
    let (mut bodies, mut last) = (HashMap::new(), HashMap::new());
    for (id, body) in arrived {
        assert_eq!(bodies.entry(id).or_insert_with(|| body.clone()), &body, "a copy has the same bytes");
        let event: CallEvent = serde_json::from_str(&body).unwrap();
        let before: i64 = last.insert(event.data.call_id, event.data.sequence).unwrap_or(0);
        assert!((before..=before + 1).contains(&event.data.sequence), "{before}, then {}", event.data.sequence);
    }
    assert_eq!(last.len(), CALLS);
    assert!(last.values().all(|sequence| *sequence == 2));
    server.signal("TERM").await;
    assert!(server.ended().await.success());
}
