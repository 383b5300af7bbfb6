//! What receivers say of what they are sent: the reports the send half reads once they are opened. Each piece of the input is one of them.
#![no_main]

use std::time::{Duration, Instant};

use farhand_fuzz::pieces;
use farhand_sfu::Hearing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut hearing = Hearing::new(Instant::now()).expect("keys of the right length");
    let (mut written, mut left) = (0, 0);
    for (what, piece) in pieces(data).take(256) {
        let packets = what & 0xf;
        written += 2 * usize::from(packets);
        left += hearing.send(Duration::from_millis(u64::from(what >> 4) * 20), packets);
        assert!(hearing.hear(piece) <= 2 + piece.len());
        assert!((30_000..=1_000_000_000).contains(&hearing.estimate()));
        // What is asked for again and what links are filled with is bounded, whatever is said.
        assert!(left <= 2 * written + 256 * 300);
        // No turn asks for another at once for ever.
        let turns = (0..1_000)
            .take_while(|_| hearing.wake() == Some(Duration::ZERO) && hearing.send(Duration::ZERO, 0) < 10_000);
        assert!(turns.count() < 1_000);
    }
});
