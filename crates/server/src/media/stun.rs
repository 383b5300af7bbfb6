//! A STUN server (RFC 8489): tells clients the address they are seen from. It keeps nothing, answers only well-formed
//! Binding requests, and its answer is hardly larger than the request, so it is of no use for amplification.

use std::net::SocketAddr;

use stun_types::{
    attribute::{Fingerprint, XorMappedAddress},
    message::{BINDING, Message, MessageWriteVec},
    prelude::*,
};

pub fn answer(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
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
