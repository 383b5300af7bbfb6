//! What a connection is for, told by its first bytes: more bytes never change what fewer have told.
#![no_main]

#[expect(dead_code, reason = "only the telling is fuzzed; the rest needs a socket")]
#[path = "../../crates/server/src/front/first.rs"]
mod first;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut told = None;
    for length in 0..=bytes.len() {
        let now = first::told_by(&bytes[..length]);
        assert!(told.is_none() || now == told, "{told:?} became {now:?}");
        told = now;
    }
});
