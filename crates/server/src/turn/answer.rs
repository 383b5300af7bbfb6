//! What is said to clients. No reason phrases and no name of the software: an answer to a stranger must be hardly larger than the question.

use std::net::SocketAddr;

use turn_types::{
    attribute::{Data, XorPeerAddress},
    stun::{
        attribute::{AttributeType, ErrorCode, Nonce, Realm, UnknownAttributes},
        message::{
            IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageType, MessageWriteVec, Method,
            StunWriteError, TransactionId,
        },
        prelude::*,
    },
};

/// Part of how a password becomes a key; clients take it from us.
pub const REALM: &str = "farhand";

pub fn success(
    request: &Message<'_>,
    attributes: &[&dyn AttributeWrite],
    key: Option<&IntegrityKey>,
) -> Option<Vec<u8>> {
    finish(Message::builder_success(request, MessageWriteVec::new()), attributes, key).ok()
}

pub fn error(request: &Message<'_>, code: u16, key: Option<&IntegrityKey>) -> Option<Vec<u8>> {
    let error = ErrorCode::new(code, "").ok()?;
    finish(Message::builder_error(request, MessageWriteVec::new()), &[&error], key).ok()
}

pub fn unknown(request: &Message<'_>, attributes: &[AttributeType], key: &IntegrityKey) -> Option<Vec<u8>> {
    let (error, unknown) = (ErrorCode::new(ErrorCode::UNKNOWN_ATTRIBUTE, "").ok()?, UnknownAttributes::new(attributes));
    finish(Message::builder_error(request, MessageWriteVec::new()), &[&error, &unknown], Some(key)).ok()
}

/// Asks for proof, with what it takes to give it.
pub fn challenge(request: &Message<'_>, code: u16, nonce: &str) -> Option<Vec<u8>> {
    let (error, realm, nonce) = (ErrorCode::new(code, "").ok()?, Realm::new(REALM).ok()?, Nonce::new(nonce).ok()?);
    finish(Message::builder_error(request, MessageWriteVec::new()), &[&error, &realm, &nonce], None).ok()
}

/// What a peer has sent.
pub fn indication(method: Method, peer: SocketAddr, contents: &[u8]) -> Option<Vec<u8>> {
    let transaction = TransactionId::generate();
    let kind = MessageType::from_class_method(MessageClass::Indication, method);
    let message = Message::builder(kind, transaction, MessageWriteVec::with_capacity(contents.len() + 64));
    finish(message, &[&XorPeerAddress::new(peer, transaction), &Data::new(contents)], None).ok()
}

fn finish(
    mut message: MessageWriteVec,
    attributes: &[&dyn AttributeWrite],
    key: Option<&IntegrityKey>,
) -> Result<Vec<u8>, StunWriteError> {
    for attribute in attributes {
        message.add_attribute(*attribute)?;
    }
    if let Some(key) = key {
        message.add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1)?;
    }
    Ok(message.finish())
}
