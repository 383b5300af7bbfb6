//! The answer to whoever asks for its address.
#![no_main]

#[path = "../../crates/server/src/media/stun.rs"]
mod stun;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    if let Some(answer) = stun::answer(datagram, ([203, 0, 113, 7], 40_000).into()) {
        assert!(answer.len() <= 2 * datagram.len(), "of no use for amplification");
    }
});
