//! The one place where this crate asks for randomness. Nothing that is tested depends on what comes out.

use uuid::Uuid;

#[expect(clippy::disallowed_methods, reason = "a client makes its own ids; only the server's must be reproducible")]
pub(crate) fn uuid() -> Uuid {
    Uuid::new_v4()
}

/// 96 bits, all but 6 of them random, so that nobody can guess them.
pub(crate) fn stun_transaction() -> [u8; 12] {
    let [id @ .., _, _, _, _] = uuid().into_bytes();
    id
}
