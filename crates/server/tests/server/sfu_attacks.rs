//! What strangers send to the media port, on the live socket: nothing is answered that should not be, and calls go on.

use std::{net::SocketAddr, time::Duration};

use farhand_protocol::call::IceServers;
use farhand_testkit::Server;
use tokio::{net::UdpSocket, time::timeout};
use uuid::Uuid;

use crate::sfu_calls::{Person, all_see_all, all_see_all_again, call_of};

/// Sent of each kind. At full speed it takes a fraction of a second.
const MANY: usize = 20_000;

/// Where media and STUN are.
pub async fn media_address(server: &Server) -> SocketAddr {
    let ice: IceServers = server.login("tester").await.get("/rtc/getIceServers").await.ok();
    ice.ice_servers[0].urls[0].strip_prefix("stun:").unwrap().parse().unwrap()
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
