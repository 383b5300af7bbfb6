//! A STUN server (RFC 8489): tells clients the address they are seen from. It keeps nothing, answers only well-formed
//! Binding requests, and its answer is hardly larger than the request, so it is of no use for amplification.

use std::{io, net::SocketAddr};

use stun_types::{
    attribute::{Fingerprint, XorMappedAddress},
    message::{BINDING, Message, MessageWriteVec},
    prelude::*,
};
use tokio::net::UdpSocket;

/// A Binding request of a browser has at most some hundred bytes.
const MAX_REQUEST: usize = 1500;

pub struct Stun {
    socket: UdpSocket,
}

impl Stun {
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: UdpSocket::bind(address).await? })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Answers until the task is dropped.
pub async fn serve(stun: Stun) {
    let mut buffer = [0; MAX_REQUEST];
    loop {
        // An error here belongs to an earlier answer that could not be delivered (ICMP): nothing to do about it.
        let Ok((length, from)) = stun.socket.recv_from(&mut buffer).await else { continue };
        if let Some(answer) = answer(&buffer[..length], from) {
            let _ = stun.socket.send_to(&answer, from).await;
        }
    }
}

fn answer(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let request = Message::from_bytes(datagram).ok()?;
    if !request.has_class(stun_types::message::MessageClass::Request) || !request.has_method(BINDING) {
        return None;
    }
    let mut answer = Message::builder_success(&request, MessageWriteVec::new());
    answer.add_attribute(&XorMappedAddress::new(from, request.transaction_id())).ok()?;
    if request.has_attribute(Fingerprint::TYPE) {
        answer.add_fingerprint().ok()?;
    }
    Some(answer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_request_is_answered_with_the_address_it_came_from() {
        let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
        let from = SocketAddr::from(([203, 0, 113, 7], 40_000));
        let answered = answer(&request, from).unwrap();
        let message = Message::from_bytes(&answered).unwrap();
        let asked = Message::from_bytes(&request).unwrap();
        assert_eq!(message.transaction_id(), asked.transaction_id());
        let address = message.attribute::<XorMappedAddress>().unwrap().addr(message.transaction_id());
        assert_eq!(address, from);
    }

    #[test]
    fn anything_else_is_not_answered() {
        let from = SocketAddr::from(([203, 0, 113, 7], 40_000));
        assert_eq!(answer(b"hello", from), None);
        assert_eq!(answer(&[], from), None);
        let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
        let an_answer = answer(&request, from).unwrap();
        assert_eq!(answer(&an_answer, from), None, "answers are not answered, or two servers would play ping-pong");
    }
}
