//! Clients that want too much: too many connections, unread frames, silence.

use std::time::Duration;

use farhand_client::socket::{Hello, Socket, SocketError};
use farhand_protocol::{
    ErrorCode,
    call::Presence,
    frame::{CallView, ClientFrame, MediaState, PersonState, ServerFrame, Signal},
};
use farhand_testkit::{Account, Device, Server, json};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    sfu_calls::call_of,
    ws_raw::{GoodBye, LONG, Raw, close},
};

async fn refused(server: &Server, hello: Hello) -> (Option<u16>, ErrorCode) {
    match Socket::connect(server.url(), hello).await {
        Err(SocketError::Closed { code, refusal: Some(refusal), .. }) => (code, refusal.code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_user_has_twenty_sessions_at_most() {
    let server = Server::start().await;
    let account = server.login("tester").await;
    let mut devices = Vec::new();
    for _ in 0..20 {
        devices.push(account.device().await);
    }
    assert_eq!(refused(&server, account.hello()).await, (Some(4429), ErrorCode::TooManySessions));
    for device in &mut devices {
        device.catch_up().await;
    }
    server.login("glasses1").await.device().await;
    // A device that comes back takes its own place.
    let again = Hello { resume: None, ..devices[7].socket().resume() };
    Socket::connect(server.url(), again).await.unwrap();
    close(devices.remove(0), 1000).await;
    let room = async { while Socket::connect(server.url(), account.hello()).await.is_err() {} };
    timeout(LONG, room).await.expect("a closed session makes room");
}

/// Else a user with a bad network would lock itself out.
#[tokio::test]
async fn lost_sessions_make_room_for_new_ones() {
    let server = Server::with(|config| config.websocket.max_sessions_per_user = 2).await;
    let account = server.login("tester").await;
    let mut live = account.device().await;
    for _ in 0..5 {
        once_there_is_room(&server, &account).await.drop_abruptly();
        live.catch_up().await;
    }
    live.catch_up().await;
}

/// The server learns from the network that somebody is gone, which may be later than the next one comes.
async fn once_there_is_room(server: &Server, account: &Account) -> Socket {
    let connected = async {
        loop {
            if let Ok(socket) = Socket::connect(server.url(), account.hello()).await {
                return socket;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, connected).await.unwrap_or_else(|_| panic!("who has gone makes no room"))
}

/// A WebSocket is one, too.
#[tokio::test]
async fn one_address_has_only_so_many_connections() {
    let server = Server::with(|config| config.http.connections_per_address = 6).await;
    let account = server.login("tester").await;
    let mut devices = [account.device().await, account.device().await, account.device().await];
    devices[0].catch_up().await;
    let mut held = Vec::new();
    loop {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // Half a request: whoever is let in is waited for.
        stream.write_all(b"G").await.unwrap();
        if matches!(timeout(Duration::from_millis(200), stream.read(&mut [0; 9])).await, Ok(Ok(0) | Err(_))) {
            break;
        }
        held.push(stream);
        assert!(held.len() < 20, "there is no limit");
    }
    assert!(held.len() <= 3, "{} beside three WebSockets", held.len());
    drop(held);
    drop(once_there_is_room(&server, &account).await);
}

/// Each change is shown to everybody with the whole call.
#[tokio::test]
async fn whoever_switches_a_microphone_all_the_time_is_shown_at_a_steady_pace_and_in_the_end_as_it_is() {
    const MANY: u32 = 400;
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut first = server.login("callertest1").await.device().await;
    let mut second = server.login("callertest2").await.device().await;
    first.join(call_id).await;
    let you = second.join(call_id).await.you.unwrap();
    for number in 0..MANY {
        let state = MediaState { microphone: number % 2 == 0, camera: number + 1 == MANY, screen: false, sends: None };
        second.socket().send(&ClientFrame::MediaState { call_id, state }).await.unwrap();
    }
    let media = |call: &CallView| call.people.iter().find(|p| p.contact.id == Some(you)).and_then(|p| p.media);
    let last = MediaState { microphone: false, camera: true, screen: false, sends: None };
    let mut shown = 0;
    #[expect(clippy::wildcard_enum_match_arm, reason = "other frames are passed over")]
    let is_last = |frame: &ServerFrame| match frame {
        ServerFrame::Call { call } if media(call).is_some() => {
            shown += 1;
            (media(call) == Some(last)).then_some(())
        }
        _ => None,
    };
    first.wait_for("what it is in the end", is_last).await;
    assert!(shown <= MANY / 4, "shown {shown} times");
}

#[tokio::test]
async fn a_client_that_is_silent_is_dropped_and_one_that_pings_is_not() {
    let server = Server::with(|config| config.websocket.ping_seconds = 1).await;
    let (quiet, lively) = (server.login("callertest1").await, server.login("callertest2").await);
    let (mut silent, welcome) = Raw::welcomed(&server, &quiet).await;
    assert_eq!(welcome["pingSeconds"], 1);
    let mut pinging = lively.device().await.into_socket();
    let dropped = async {
        tokio::select! {
            good_bye = silent.good_bye() => good_bye,
            error = async { loop { if let Err(error) = pinging.next().await { break error } } } => panic!("{error}"),
        }
    };
    assert_eq!(timeout(LONG, dropped).await.unwrap().code, Some(4408));
    pinging.round_trip().await.unwrap();
}

#[tokio::test]
async fn a_silent_client_can_resume() {
    let server = Server::with(|config| config.websocket.ping_seconds = 1).await;
    let account = server.login("callertest1").await;
    let device = account.device().await.into_socket();
    let resume = device.resume();
    let mut raw = Raw(device.into_raw());
    assert_eq!(raw.good_bye().await.code, Some(4408));
    assert!(Socket::connect(server.url(), resume).await.unwrap().welcome().resumed);
}

/// What may be under way to a client that does not read: what the server keeps, and the kernel's buffers on both sides.
const UNREAD: usize = 20 * 1024 * 1024;

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_holds_up_nobody() {
    let server = Server::start().await;
    let [caller, callee, other] = ["callertest1", "callertest2", "tester"].map(|name| server.login(name));
    let (caller, callee, other) = (caller.await, callee.await, other.await);
    let (mut here, mut bystander) = (caller.device().await, other.device().await);
    let slow = Hello { receive_buffer: Some(4096), ..callee.hello() };
    let mut there = Device::new(Socket::connect(server.url(), slow).await.unwrap());
    let call_id = here.create_call(json!({"callType": "MESH", "invitedContacts": [callee.invited()]})).await.call_id;
    let view = there.join(call_id).await;
    let (epoch, to) = (view.media_plan.unwrap().epoch, view.you.unwrap());
    let resume = there.socket().resume();

    // From here on nobody reads `there`.
    let sdp = "x".repeat(60_000);
    for _ in 0..UNREAD / sdp.len() {
        here.socket().signal(call_id, epoch, to, Signal::Offer { sdp: sdp.clone() }).await.unwrap();
    }
    here.person(call_id, to, PersonState::Reconnecting).await;
    bystander.catch_up().await;
    let again = Socket::connect(server.url(), resume).await.unwrap();
    assert!(!again.welcome().resumed, "the session of a slow reader is over");
    assert_eq!(caller.events(call_id).await, ["Created", "Join", "Join"]);
}

#[tokio::test]
async fn a_client_that_does_not_read_at_once_but_in_time_loses_nothing() {
    let server = Server::start().await;
    let (caller, callee) = (server.login("callertest1").await, server.login("callertest2").await);
    let mut here = caller.device().await;
    let slow = Hello { receive_buffer: Some(4096), ..callee.hello() };
    let mut there = Device::new(Socket::connect(server.url(), slow).await.unwrap());
    let call_id = here.create_call(json!({"callType": "MESH", "invitedContacts": [callee.invited()]})).await.call_id;
    let view = there.join(call_id).await;
    let (epoch, to) = (view.media_plan.unwrap().epoch, view.you.unwrap());
    let offers: Vec<_> = (0..15).map(|number| Signal::Offer { sdp: number.to_string().repeat(30_000) }).collect();
    for offer in &offers {
        here.socket().signal(call_id, epoch, to, offer.clone()).await.unwrap();
    }
    here.catch_up().await;
    for offer in offers {
        assert_eq!(there.signal(call_id).await.2, offer);
    }
}

#[tokio::test]
async fn a_thousand_sockets_that_never_say_hello_are_closed_and_the_server_lives() {
    const SOCKETS: usize = 1000;
    let server = Server::start().await;
    let account = server.login("tester").await;
    let mut idle = Vec::with_capacity(SOCKETS);
    for _ in 0..SOCKETS {
        idle.push(Raw::open(&server).await);
    }
    let mut device = account.device().await;
    device.catch_up().await;
    let good_byes = join_all(idle.iter_mut().map(Raw::good_bye));
    let good_byes = timeout(LONG, good_byes).await.expect("idle sockets are closed");
    assert!(good_byes.iter().all(|good_bye| *good_bye == GoodBye::new(4401, "hello_required")), "{:?}", good_byes[0]);
    device.catch_up().await;
    let list = account.rest.contacts().await.unwrap();
    assert_eq!(list.users.iter().filter(|user| user.presence == Presence::Online).count(), 1);
}
