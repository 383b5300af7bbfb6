//! What strangers send to the media port, on the live socket: nothing is answered that should not be, and calls go on.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use farhand_client::{media::Added, rest::Rest};
use farhand_protocol::call::IceServers;
use farhand_testkit::{Account, PASSWORD, Server, UBIMAX, WAIT, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    sfu_calls::{Person, all_see_all, all_see_all_again, call_of},
    turn_calls::{secure, trust, tunnel},
};

/// Sent of each kind. At full speed it takes a fraction of a second.
const MANY: usize = 20_000;

/// Where media and STUN are.
pub async fn media_address(server: &Server) -> SocketAddr {
    let ice: IceServers = server.login("tester").await.get("/rtc/getIceServers").await.ok();
    ice.ice_servers[0].urls[0].strip_prefix("stun:").unwrap().parse().unwrap()
}

/// The UDP candidate of an answer.
pub fn media_address_of(sdp: &str) -> SocketAddr {
    let candidate = sdp.lines().find_map(|line| line.strip_prefix("a=candidate:")).unwrap();
    let words: Vec<_> = candidate.split(' ').collect();
    SocketAddr::new(words[4].parse().unwrap(), words[5].parse().unwrap())
}

/// A STUN Binding request for somebody, with a MESSAGE-INTEGRITY that is not right.
fn stun_for(call_id: Uuid, worker: u8, peer: u64, integrity: Option<[u8; 20]>) -> Vec<u8> {
    let username = format!("{worker:02x}{:032x}{peer:016x}0:abcd", call_id.as_u128());
    let mut request = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
    request.extend([9; 12]);
    request.extend([0x00, 0x06]);
    request.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
    request.extend(username.bytes());
    request.resize(request.len().next_multiple_of(4), 0);
    if let Some(integrity) = integrity {
        request.extend([0x00, 0x08, 0x00, 0x14]);
        request.extend(integrity);
    }
    let length = u16::try_from(request.len() - 20).unwrap();
    request[2..4].copy_from_slice(&length.to_be_bytes());
    request
}

fn client_hello() -> Vec<u8> {
    let mut hello = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1];
    hello.resize(113, 0);
    hello
}

fn rtp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 0x60, 0, 1, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.resize(1_100, 7);
    packet
}

#[tokio::test]
async fn strangers_get_no_answer_and_the_call_goes_on() {
    let server = Server::start().await;
    let to = media_address(&server).await;
    let call_id = call_of(&server, "SFU").await;
    let mut people =
        vec![Person::join(&server, "callertest1", call_id).await, Person::join(&server, "callertest2", call_id).await];
    all_see_all(&mut people).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut kinds =
        vec![client_hello(), rtp(1), vec![0x80, 200, 0, 1, 0, 0, 0, 1], vec![], vec![0; 1], vec![0xff; 1_500]];
    for worker in 0..4 {
        for peer in 0..4 {
            kinds.push(stun_for(call_id, worker, peer, None));
            kinds.push(stun_for(call_id, worker, peer, Some([7; 20])));
        }
    }
    for datagram in kinds.iter().cycle().take(MANY) {
        // The kernel's buffer may be full: what is lost is lost.
        let _ = stranger.try_send_to(datagram, to);
        tokio::task::yield_now().await;
    }
    all_see_all_again(&mut people).await;
    let mut buffer = [0; 2_000];
    let answered = timeout(Duration::from_millis(100), stranger.recv_from(&mut buffer)).await;
    assert!(answered.is_err(), "a stranger was answered");
}

#[tokio::test]
async fn an_address_is_told_to_whoever_asks_and_nothing_more() {
    let server = Server::start().await;
    let to = media_address(&server).await;
    let somebody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut request = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
    request.extend([3; 12]);
    somebody.send_to(&request, to).await.unwrap();
    let mut buffer = [0; 2_000];
    let (length, from) = timeout(farhand_testkit::WAIT, somebody.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(from, to);
    assert_eq!(buffer[..2], [0x01, 0x01], "a success response");
    assert_eq!(buffer[4..20], request[4..20], "to this request");
    assert!(length <= 2 * request.len(), "{length} bytes: of no use for amplification");
}

#[tokio::test]
async fn what_strangers_spray_while_people_join_keeps_nobody_out() {
    let server = Server::with(|config| config.media.workers = 4).await;
    let to = media_address(&server).await;
    let call_id = call_of(&server, "SFU").await;
    let spraying = tokio::spawn(async move {
        let strangers = [UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap()];
        for number in 0_u64.. {
            let worker = u8::try_from(number % 4).unwrap();
            let stun = stun_for(call_id, worker, number % 8, Some([7; 20]));
            for stranger in &strangers {
                for datagram in [&client_hello(), &stun, &rtp(1)] {
                    let _ = stranger.try_send_to(datagram, to);
                }
            }
            tokio::task::yield_now().await;
        }
    });
    let mut people =
        vec![Person::join(&server, "callertest1", call_id).await, Person::join(&server, "callertest2", call_id).await];
    all_see_all(&mut people).await;
    spraying.abort();
}

/// What can be made of a participant's own datagram by somebody without its keys.
fn forged(datagram: &[u8]) -> Vec<Vec<u8>> {
    let Some(kind @ (0x00 | 0x80..=0xbf)) = datagram.first().copied() else { return Vec::new() };
    let mut made = Vec::new();
    if kind == 0 {
        made.extend((0..datagram.len()).step_by(3).map(|length| datagram[..length].to_vec()));
        made.push(changed(datagram, datagram.len() - 1, 1));
        return made;
    }
    for step in 1..64 {
        // A number that is to come, with a tag that is wrong; or the stream of somebody else.
        made.push(changed(&changed(datagram, 3, step), datagram.len() - 1, 1));
        made.push(changed(datagram, 11, step));
    }
    made.extend([0, 1, 11, 12, 13, 20].map(|length| datagram[..length.min(datagram.len())].to_vec()));
    made.push(rtp(1));
    for (format, kind) in [(0x81, 206), (0x81, 205), (0x8f, 206), (0x80, 200), (0x81, 203), (0x9f, 205)] {
        // PLI, NACK, REMB, a report, BYE and TWCC in the clear.
        made.push([&[format, kind, 0, 5][..], &datagram[8..12], &[0xff; 16]].concat());
    }
    made.extend([vec![23; 60], vec![22, 0xfe, 0xfd], [&[0x90, 0x60][..], &[0xff; 30]].concat(), vec![20; 2_000]]);
    made
}

fn changed(datagram: &[u8], at: usize, by: u8) -> Vec<u8> {
    let mut changed = datagram.to_vec();
    if let Some(byte) = changed.get_mut(at) {
        *byte = byte.wrapping_add(by);
    }
    changed
}

#[tokio::test]
async fn what_is_forged_under_a_participants_own_address_disturbs_nobody() {
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut people = vec![Person::join(&server, "callertest1", call_id).await];
    people.push(
        Person::join_with(&server, "callertest2", call_id, |options| options.added = Some(Arc::new(forged))).await,
    );
    people.push(Person::join(&server, "expert1", call_id).await);
    all_see_all(&mut people).await;
    all_see_all_again(&mut people).await;
}

/// A participant's own packets with numbers that are to come and tags that are wrong: each has to be checked before it is dropped.
#[tokio::test]
async fn a_hundred_thousand_packets_with_wrong_tags_are_dropped_while_the_call_goes_on() {
    const MANY: u64 = 100_000;
    let server = Server::start().await;
    let call_id = call_of(&server, "SFU").await;
    let mut people =
        vec![Person::join(&server, "callertest1", call_id).await, Person::join(&server, "callertest2", call_id).await];
    let (wanted, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (is_wanted, count) = (wanted.clone(), sent.clone());
    let flood = move |datagram: &[u8]| {
        let media = matches!(datagram, [0x80..=0xbf, kind, ..] if !(192..=223).contains(kind));
        if !media || !is_wanted.load(Ordering::Relaxed) || count.load(Ordering::Relaxed) >= MANY {
            return Vec::new();
        }
        let made = |step: u16| {
            let number = u16::from_be_bytes([datagram[2], datagram[3]]).wrapping_add(step).to_be_bytes();
            let mut made = changed(datagram, datagram.len() - 1, 1);
            made[2..4].copy_from_slice(&number);
            made
        };
        count.fetch_add(1_000, Ordering::Relaxed);
        (1..=1_000).map(made).collect()
    };
    let flooding =
        Person::join_with(&server, "expert1", call_id, |options| options.added = Some(Arc::new(flood))).await;
    people.push(flooding);
    all_see_all(&mut people).await;
    let start = std::time::Instant::now();
    wanted.store(true, Ordering::Relaxed);
    all_see_all_again(&mut people[..2]).await;
    let all = async {
        while sent.load(Ordering::Relaxed) < MANY {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT, all).await.unwrap_or_else(|_| panic!("only {sent:?} were sent"));
    println!("{MANY} in {:.1} s", start.elapsed().as_secs_f64());
    all_see_all_again(&mut people).await;
}

#[tokio::test]
async fn checks_of_a_connection_that_is_over_are_not_answered() {
    let server = Server::start().await;
    let to = media_address(&server).await;
    let call_id = call_of(&server, "SFU").await;
    let checks: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let overheard = checks.clone();
    let listen = move |datagram: &[u8]| {
        if datagram.starts_with(&[0, 1]) {
            overheard.lock().unwrap().push(datagram.to_vec());
        }
        Vec::new()
    };
    let mut people =
        vec![Person::join(&server, "callertest1", call_id).await, Person::join(&server, "expert1", call_id).await];
    people.push(
        Person::join_with(&server, "callertest2", call_id, |options| options.added = Some(Arc::new(listen))).await,
    );
    all_see_all(&mut people).await;
    let left = people.pop().unwrap();
    server.login("callertest2").await.call_operation("leaveCall", call_id).await.ok::<serde_json::Value>();
    left.vanish();
    people.push(Person::join(&server, "callertest2", call_id).await);
    all_see_all(&mut people).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for check in checks.lock().unwrap().iter() {
        let _ = stranger.try_send_to(check, to);
    }
    let mut buffer = [0; 2_000];
    let answered = timeout(Duration::from_millis(100), stranger.recv_from(&mut buffer)).await;
    assert!(answered.is_err(), "an old check was answered");
    all_see_all_again(&mut people).await;
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&u16::try_from(datagram.len()).unwrap().to_be_bytes()[..], datagram].concat()
}

/// A TCP connection that looks like a participant's.
async fn tcp_of_a_stranger(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&framed(&stun_for(Uuid::nil(), 0, 1, Some([7; 20])))).await.unwrap();
    stream
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 100];
    // Closed with data that nobody read, it is reset.
    matches!(timeout(WAIT, stream.read(&mut buffer)).await, Ok(Ok(0) | Err(_)))
}

/// Where nothing but TLS goes through, and no relay is wanted.
#[tokio::test]
async fn checks_over_tcp_within_tls_are_answered_to_whom_they_belong() {
    let server = Server::with(|config| config.tls.self_signed = true).await;
    let trust = Arc::new(trust(&server).await);
    let url = tunnel(server.address(), trust.clone()).await;
    let checks: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let overheard = checks.clone();
    let listen = move |datagram: &[u8]| {
        if datagram.starts_with(&[0, 1]) {
            overheard.lock().unwrap().push(datagram.to_vec());
        }
        Vec::new()
    };
    let rest = Rest::new(&url).unwrap();
    let log_in = async |user: &str| Account::new(&rest, rest.login(UBIMAX, user, PASSWORD).await.unwrap());
    let call = json!({"callType": "SFU", "invitedContacts": [log_in("callertest2").await.invited()]});
    let call_id = log_in("callertest1").await.create_call(call).await.call_id;
    let mut people = Vec::new();
    for user in ["callertest1", "callertest2"] {
        let added: Added = Arc::new(listen.clone());
        people.push(Person::join_at(&url, log_in(user).await, call_id, |options| options.added = Some(added)).await);
    }
    all_see_all(&mut people).await;
    let check = checks.lock().unwrap().last().unwrap().clone();
    let mut stream = secure(server.address(), trust.clone()).await;
    stream.write_all(&framed(&check)).await.unwrap();
    let mut answer = [0; 22];
    timeout(WAIT, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!((&answer[2..4], &answer[6..22]), (&[0x01, 0x01][..], &check[4..20]), "a success response");
    let mut strangers = secure(server.address(), trust).await;
    strangers.write_all(&framed(&stun_for(call_id, 0, 1, Some([7; 20])))).await.unwrap();
    assert!(
        matches!(timeout(WAIT, strangers.read(&mut [0; 100])).await, Ok(Ok(0) | Err(_))),
        "a stranger is hung up on"
    );
    all_see_all_again(&mut people).await;
}

#[tokio::test]
async fn a_connection_of_empty_frames_is_closed() {
    let server = Server::start().await;
    let mut stream = tcp_of_a_stranger(&server).await;
    stream.write_all(&[0, 0]).await.unwrap();
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_connection_that_says_much_and_proves_nothing_is_closed() {
    let server = Server::start().await;
    let mut stream = tcp_of_a_stranger(&server).await;
    stream.write_all(&framed(&rtp(1)).repeat(25)).await.unwrap();
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_connection_that_says_little_and_proves_nothing_is_closed() {
    let server = Server::start().await;
    let mut stream = tcp_of_a_stranger(&server).await;
    assert!(is_closed(&mut stream).await);
}
