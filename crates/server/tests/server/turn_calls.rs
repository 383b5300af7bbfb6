//! Calls through the server's relay on its one port, over TCP and TLS; and what comes of it when they end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use farhand_client::{media::Reach, rest::Rest};
use farhand_protocol::{
    call::IceServer,
    frame::{CallView, MediaMode, MediaPlan},
};
use farhand_testkit::{Account, Device, PASSWORD, Server, UBIMAX, WAIT, json};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
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
use turn_types::{
    attribute::ChannelNumber,
    message::{CHANNEL_BIND, CREATE_PERMISSION, REFRESH},
};
use uuid::Uuid;

use crate::{
    sfu_attacks::media_address,
    sfu_calls::{Person, all_see_all, all_see_all_again, call_of},
    tls::{READY, answer},
    turn_client::{Relay, stranger},
};

/// Trusts what the server has made for itself.
pub async fn trust(server: &Server) -> ClientConfig {
    // It has made it once it answers.
    answer(TcpStream::connect(server.address()).await.unwrap(), READY).await;
    let mut roots = RootCertStore::empty();
    let certificate = server.data_dir().join("tls/self-signed.pem");
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

pub async fn secure(server: SocketAddr, trust: Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server).await.unwrap();
    TlsConnector::from(trust).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

/// For clients that speak no TLS: what comes in goes on to the server within TLS.
pub async fn tunnel(server: SocketAddr, trust: Arc<ClientConfig>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut plain, _)) = listener.accept().await {
            let trust = trust.clone();
            tokio::spawn(async move {
                let mut secure = secure(server, trust).await;
                tokio::io::copy_bidirectional(&mut plain, &mut secure).await
            });
        }
    });
    url
}

/// Joins and stays: the device's media are not made.
async fn sit(server: &Server, user: &str, call_id: Uuid) -> (Account, Device, MediaPlan) {
    let account = server.login(user).await;
    let mut device = account.device().await;
    let plan = device.join(call_id).await.media_plan.unwrap();
    (account, device, plan)
}

fn relay_of(plan: &MediaPlan) -> IceServer {
    assert_eq!(plan.ice_servers.len(), 1, "{plan:?}");
    plan.ice_servers[0].clone()
}

#[tokio::test]
async fn somebody_who_has_only_the_relay_takes_part() {
    for workers in [1, 4] {
        let server = Server::with(|config| config.media.workers = workers).await;
        let call_id = call_of(&server, "SFU").await;
        let mut people = Vec::new();
        for (user, reach) in [("callertest1", Reach::Udp), ("callertest2", Reach::Turn), ("expert1", Reach::Turn)] {
            people.push(Person::join_with(&server, user, call_id, |options| options.reach = reach).await);
        }
        all_see_all(&mut people).await;
    }
}

#[tokio::test]
async fn where_only_tls_goes_through_the_call_is_within_tls() {
    let server = Server::with(|config| config.tls.self_signed = true).await;
    let trust = Arc::new(trust(&server).await);
    let url = tunnel(server.address(), trust.clone()).await;
    let rest = Rest::new(&url).unwrap();
    let log_in = async |user: &str| Account::new(&rest, rest.login(UBIMAX, user, PASSWORD).await.unwrap());
    let invited = [log_in("callertest2").await.invited(), log_in("expert1").await.invited()];
    let call = json!({"callType": "SFU", "invitedContacts": invited});
    let call_id = log_in("callertest1").await.create_call(call).await.call_id;
    let mut people = Vec::new();
    for user in ["callertest1", "callertest2", "expert1"] {
        let reach = Reach::TurnTls(trust.clone());
        let account = log_in(user).await;
        people.push(Person::join_at(&url, account, call_id, |options| options.reach = reach).await);
    }
    all_see_all(&mut people).await;
}

#[tokio::test]
async fn within_tls_the_relay_is_agreed_upon_in_the_handshake_or_told_by_its_first_bytes() {
    let server = Server::with(|config| config.tls.self_signed = true).await;
    let mut named = trust(&server).await;
    named.alpn_protocols = vec![b"stun.turn".to_vec()];
    let nobodys = IceServer { urls: vec![], username: Some("1:2:3".to_owned()), credential: Some("x".to_owned()) };
    for config in [named, trust(&server).await] {
        let mut relay = Relay::on(secure(server.address(), Arc::new(config)).await, &nobodys).await;
        assert_eq!(relay.allocate().await, Err(401));
    }
}

/// The server's end of a connection: its socket is one of this process.
fn accepted(client: SocketAddr) -> Socket {
    let own = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name());
    let files = numbers.filter_map(|number| {
        let number = number.to_str()?.parse().ok()?;
        pidfd_getfd(&own, number, PidfdGetfdFlags::empty()).ok()
    });
    let peer = |socket: &Socket| socket.peer_addr().ok().and_then(|address| address.as_socket());
    files.map(Socket::from).find(|socket| peer(socket) == Some(client)).unwrap()
}

#[tokio::test]
async fn media_within_tls_do_not_wait_in_the_kernel_for_long_either() {
    let server = Server::with(|config| config.tls.self_signed = true).await;
    let mut named = trust(&server).await;
    named.alpn_protocols = vec![b"stun.turn".to_vec()];
    let nobodys = IceServer { urls: vec![], username: Some("1:2:3".to_owned()), credential: Some("x".to_owned()) };
    for config in [named, trust(&server).await] {
        let stream = secure(server.address(), Arc::new(config)).await;
        let client = stream.get_ref().0.local_addr().unwrap();
        let mut relay = Relay::on(stream, &nobodys).await;
        // By its answer it knows what the connection is for.
        assert_eq!(relay.allocate().await, Err(401));
        assert_eq!(accepted(client).tcp_notsent_lowat().unwrap(), 32 * 1024);
    }
}

#[tokio::test]
async fn a_plan_through_the_server_names_the_relay_and_keeps_to_it() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let (_, mut device, plan) = sit(&server, "callertest1", call_id).await;
    let url = format!("turn:127.0.0.1:{}?transport=tcp", server.address().port());
    assert_eq!(relay_of(&plan).urls, [url], "over TCP only");
    let (_, _other, others) = sit(&server, "callertest2", call_id).await;
    assert_ne!(relay_of(&others).username, relay_of(&plan).username, "everybody has credentials of their own");
    let there = |call: &CallView| call.people.iter().filter(|person| person.online).count() > 1;
    let shown = device.call(call_id, "the other", there).await;
    assert_eq!(shown.media_plan, Some(plan));
}

#[tokio::test]
async fn between_two_clients_there_is_a_relay_only_where_it_reaches_them() {
    for (networks, relays) in [(vec![], 0), (vec!["10.0.0.0/8".to_owned()], 1)] {
        let server = Server::with(|config| config.turn.peers = networks).await;
        let (_, _device, plan) = sit(&server, "callertest1", call_of(&server, "MESH").await).await;
        assert_eq!((plan.mode, plan.ice_servers.len()), (MediaMode::P2p, relays));
    }
}

#[tokio::test]
async fn an_allocation_ends_with_its_participant_or_the_call_and_the_credentials_with_them() {
    let server = Server::start().await;
    for end in ["leaveCall", "endCall"] {
        let call_id = call_of(&server, "SFU").await;
        let (account, _device, plan) = sit(&server, "callertest1", call_id).await;
        let (_, _others_device, others) = sit(&server, "callertest2", call_id).await;
        let _third = sit(&server, "expert1", call_id).await;
        let mut relays = Vec::new();
        for udp in [false, true] {
            let mut relay = if udp {
                Relay::udp(media_address(&server).await, &relay_of(&plan)).await
            } else {
                Relay::tcp(server.address(), &relay_of(&plan)).await
            };
            assert_eq!(relay.allocate().await, Ok(()));
            relays.push(relay);
        }
        let mut others_relay = Relay::tcp(server.address(), &relay_of(&others)).await;
        assert_eq!(others_relay.allocate().await, Ok(()));
        account.call_operation(end, call_id).await.ok::<serde_json::Value>();
        let left = async { while relays[0].receive().await.is_some() {} };
        timeout(Duration::from_secs(5), left).await.unwrap_or_else(|_| panic!("the relay goes on after {end}"));
        let mut late = Relay::tcp(server.address(), &relay_of(&plan)).await;
        assert_eq!(late.allocate().await, Err(401));
        let refreshed = relays[1].ask(REFRESH, None, &[]).await;
        assert!(matches!(refreshed, Err(401 | 437)), "{refreshed:?}");
        if end == "leaveCall" {
            assert_eq!(others_relay.ask(REFRESH, None, &[]).await, Ok(()), "others stay");
        }
    }
}

#[tokio::test]
async fn whoever_is_rung_may_use_the_relay_already_until_the_ring_ends() {
    let server = Server::start().await;
    let account = server.login("callertest2").await;
    let mut device = account.device().await;
    let mesh = call_of(&server, "MESH").await;
    assert_eq!(device.ring(mesh).await.ice_servers, []);
    let call_id = call_of(&server, "SFU").await;
    let [named] = &device.ring(call_id).await.ice_servers[..] else { panic!("no relay is named") };
    let mut relay = Relay::tcp(server.address(), named).await;
    assert_eq!(relay.allocate().await, Ok(()));
    account.call_operation("declineCall", call_id).await.ok::<serde_json::Value>();
    let over = async { while relay.receive().await.is_some() {} };
    timeout(Duration::from_secs(5), over).await.unwrap_or_else(|_| panic!("the relay goes on"));
    let mut late = Relay::tcp(server.address(), named).await;
    assert_eq!(late.allocate().await, Err(401));
}

#[tokio::test]
async fn credentials_outlive_a_restart() {
    let mut server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let (_, device, plan) = sit(&server, "callertest1", call_id).await;
    drop(device);
    server.restart().await;
    let mut relay = Relay::tcp(server.address(), &relay_of(&plan)).await;
    assert_eq!(relay.allocate().await, Ok(()));
}

#[tokio::test]
async fn the_relay_reaches_the_media_port_and_nothing_else_of_this_machine() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let (_, _device, plan) = sit(&server, "callertest1", call_id).await;
    let sfu = media_address(&server).await;
    let mut relay = Relay::tcp(server.address(), &relay_of(&plan)).await;
    assert_eq!(relay.allocate().await, Ok(()));
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{}", sfu.port()).parse().unwrap();
    for peer in [other.local_addr().unwrap(), server.address(), mapped, "169.254.169.254:80".parse().unwrap()] {
        assert_eq!(relay.ask(CHANNEL_BIND, Some(peer), &[&ChannelNumber::new(0x4000)]).await, Err(403), "{peer}");
    }
    assert_eq!(relay.ask(CREATE_PERMISSION, Some(mapped), &[]).await, Err(403));
    assert_eq!(relay.ask(CHANNEL_BIND, Some(sfu), &[&ChannelNumber::new(0x4000)]).await, Ok(()));
}

#[tokio::test]
async fn a_network_an_administrator_has_named_is_reached() {
    let server = Server::with(|config| config.turn.peers = vec!["127.0.0.0/8".to_owned()]).await;
    let call_id = call_of(&server, "SFU").await;
    let (_, _device, plan) = sit(&server, "callertest1", call_id).await;
    let mut relay = Relay::tcp(server.address(), &relay_of(&plan)).await;
    assert_eq!(relay.allocate().await, Ok(()));
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let number = ChannelNumber::new(0x4000);
    assert_eq!(relay.ask(CHANNEL_BIND, peer.local_addr().ok(), &[&number]).await, Ok(()));
    // As long as a message's header, which is what the test's client reads by.
    let there = [&[0x40, 0x00, 0, 16][..], &[7; 16]].concat();
    relay.send(&there).await;
    let mut buffer = [0; 100];
    let (length, relayed) = timeout(WAIT, peer.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(buffer[..length], [7; 16]);
    peer.send_to(&[8; 16], relayed).await.unwrap();
    let back = relay.receive_exactly(20).await;
    assert_eq!(back, [&[0x40, 0x00, 0, 16][..], &[8; 16]].concat());
}

#[tokio::test]
async fn whoever_does_not_show_who_it_is_is_hung_up_on() {
    let server = Server::with(|config| config.http.patience_seconds = 1).await;
    let nobodys = IceServer { urls: vec![], username: Some("1:2:3".to_owned()), credential: Some("x".to_owned()) };
    let mut silent = Relay::tcp(server.address(), &nobodys).await;
    assert_eq!(silent.receive().await, None);
    let mut asking = Relay::tcp(server.address(), &nobodys).await;
    let mut answers = 0;
    for _ in 0..100 {
        asking.send_if_there(&stranger()).await;
    }
    while asking.receive().await.is_some() {
        answers += 1;
    }
    assert!(answers <= 16, "{answers} answers");
}

#[tokio::test]
async fn floods_of_strangers_are_hardly_answered_and_calls_go_on() {
    const MANY: usize = 20_000;
    let server = Server::start().await;
    let to = media_address(&server).await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = Vec::new();
    for (user, reach) in [("callertest1", Reach::Udp), ("callertest2", Reach::Turn)] {
        people.push(Person::join_with(&server, user, call_id, |options| options.reach = reach).await);
    }
    all_see_all(&mut people).await;
    let somebody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let question = stranger();
    let (mut answered, mut buffer) = (0, [0; 2_000]);
    let start = tokio::time::Instant::now();
    for _ in 0..MANY {
        let _ = somebody.try_send_to(&question, to);
        while let Ok((length, _)) = somebody.try_recv_from(&mut buffer) {
            assert!(length <= 3 * question.len());
            answered += 1;
        }
        tokio::task::yield_now().await;
    }
    all_see_all_again(&mut people).await;
    while somebody.try_recv_from(&mut buffer).is_ok() {
        answered += 1;
    }
    let seconds = start.elapsed().as_secs() + 2;
    assert!(answered > 0 && answered <= 10 * seconds, "{answered} answers in {seconds} s");
}

/// At full speed, from many addresses: strangers', and somebody's whose allocation must not suffer.
#[tokio::test]
async fn a_flood_of_strangers_over_udp_costs_nobody_who_was_let_in_an_answer() {
    const MANY: usize = 100_000;
    let server = Server::start().await;
    let to = media_address(&server).await;
    let call_id = call_of(&server, "SFU").await;
    let (_, _device, plan) = sit(&server, "callertest1", call_id).await;
    let mut relay = Relay::udp(to, &relay_of(&plan)).await;
    assert_eq!(relay.allocate().await, Ok(()));
    let flood = std::thread::spawn(move || {
        let strangers: Vec<_> = (0..8).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let (question, start) = (stranger(), std::time::Instant::now());
        for number in 0..MANY {
            // What the kernel does not take is lost.
            let _ = strangers[number % strangers.len()].send_to(&question, to);
        }
        start.elapsed()
    });
    let mut answered = 0;
    while !flood.is_finished() {
        assert_eq!(relay.ask(REFRESH, None, &[]).await, Ok(()));
        answered += 1;
    }
    println!("{MANY} in {:.1} s, {answered} answers meanwhile", flood.join().unwrap().as_secs_f64());
    assert!(answered > 0);
}

/// The client of another project (coturn), which is not ours to agree with.
#[tokio::test]
async fn a_client_of_another_project_is_relayed() {
    let server = Server::with(|config| config.turn.peers = vec!["127.0.0.0/8".to_owned()]).await;
    let call_id = call_of(&server, "SFU").await;
    let (_, _device, plan) = sit(&server, "callertest1", call_id).await;
    let named = relay_of(&plan);
    let echo = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = echo.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2_000];
        while let Ok((length, from)) = echo.recv_from(&mut buffer).await {
            let _ = echo.send_to(&buffer[..length], from).await;
        }
    });
    let udp = media_address(&server).await;
    for (kind, port) in [("tcp", server.address().port()), ("udp", udp.port())] {
        let mut client = tokio::process::Command::new("turnutils_uclient");
        client.args(["-u", &named.username.clone().unwrap(), "-w", &named.credential.clone().unwrap()]);
        // Twenty messages of one client without RTCP, to this peer; without channels, which it numbers by an older standard (RFC 5766).
        client.args(["-s", "-n", "20", "-m", "1", "-c", "-e", "127.0.0.1", "-r", &peer.port().to_string()]);
        client.args(["-p", &port.to_string()]).args((kind == "tcp").then_some("-t")).arg("127.0.0.1");
        let done = timeout(4 * WAIT, client.kill_on_drop(true).output()).await;
        let done = done.unwrap_or_else(|_| panic!("{kind}: it does not end"));
        let done = done.unwrap_or_else(|error| panic!("{error}; it is in xtask/packages.txt"));
        let told = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(told.contains("tot_send_msgs=20, tot_recv_msgs=20"), "{kind}: {told}");
    }
}
