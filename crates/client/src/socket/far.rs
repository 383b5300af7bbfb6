//! The server's end of a connection, for tests.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

/// The server's end of one connection, driven by a test.
pub(crate) struct Far(pub(crate) WebSocketStream<TcpStream>);

impl Far {
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                    panic!("expected a frame, got {other:?}")
                }
            }
        }
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn welcome(&mut self, resumed: bool) -> Value {
        self.welcome_with(resumed, 10).await
    }

    pub(crate) async fn welcome_with(&mut self, resumed: bool, ping_seconds: u32) -> Value {
        let hello = self.frame().await;
        let user = json!({"userDbId":8,"userId":"tester","displayName":"Tester","domain":"ubimax","roles":["expert"],
            "email":null,"phoneNumber":null,"operator":false});
        self.say(json!({"type":"welcome","protocol":1,"sessionId":SESSION,"resumed":resumed,"user":user,
            "serverTime":"2026-11-22T14:00:00.000Z","pingSeconds":ping_seconds,"graceSeconds":30}))
            .await;
        hello
    }
}

pub(crate) const SESSION: &str = "5f0c6d52-9a1e-4a51-8f5b-1e7f0d1c2b3a";

/// A server that does what `script` says with the first connection.
pub(crate) async fn server<F: Future<Output = ()> + Send + 'static>(
    script: impl FnOnce(Far) -> F + Send + 'static,
) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        script(Far(accept_async(tcp).await.unwrap())).await;
    });
    (url, task)
}
