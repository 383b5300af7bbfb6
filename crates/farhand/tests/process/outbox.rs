//! Messages and `kill -9`: none is lost, and only those in flight come twice, as the same message.

use std::collections::BTreeMap;

use farhand_protocol::call::{CallLogContact, CreateCallRequest};
use farhand_testkit::smtp::{Message, Options, Sink};

use crate::{
    people::People,
    process::{Data, Server},
};

const MESSAGES: usize = 120;
/// As many as are sent at a time by default.
const IN_FLIGHT: usize = 8;
/// How many have arrived when the server is killed.
const KILLED_AT: [usize; 3] = [3, 40, 80];

fn id(message: &Message) -> String {
    message.text().lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned()
}

#[tokio::test]
async fn no_message_is_lost_when_the_server_is_killed_and_only_those_in_flight_come_twice() {
    let data = Data::new();
    let people = People::settle(data.path()).await;
    let sink = Sink::start(Options::default()).await;
    let url = format!("smtp://{}?starttls=never", sink.address());
    let start = async || {
        let mut command = data.serve();
        command.env("FARHAND_MAIL_URL", &url);
        Server::start(command).await
    };
    let mut server = start().await;
    let mut rest = people.glasses.rest(&server.url);
    for number in 0..MESSAGES {
        let invited = CallLogContact {
            user_db_id: Some(people.expert.id),
            email: Some(format!("p{number}@example.org")),
            ..CallLogContact::default()
        };
        rest.create_call(&CreateCallRequest { invited_contacts: vec![invited], ..CreateCallRequest::default() })
            .await
            .unwrap();
        if KILLED_AT.contains(&number) {
            sink.wait_for(number / 2).await;
            server.kill().await;
            server = start().await;
            rest = people.glasses.rest(&server.url);
        }
    }
    let mut arrived = sink.wait_for(MESSAGES).await;
    let count = |arrived: &[Message]| {
        let mut times = BTreeMap::new();
        for message in arrived {
            *times.entry(message.to.join(",")).or_insert(0) += 1;
        }
        times
    };
    while count(&arrived).len() < MESSAGES {
        arrived = sink.wait_for(arrived.len() + 1).await;
    }
    let repeated = arrived.len() - MESSAGES;
    assert!(repeated <= IN_FLIGHT * KILLED_AT.len(), "{repeated} came twice");
    let ids: BTreeMap<_, _> = arrived.iter().map(|message| (id(message), message.to.clone())).collect();
    assert_eq!(ids.len(), MESSAGES, "a copy has the same Message-ID");
    server.signal("TERM").await;
    assert!(server.ended().await.success());
}
