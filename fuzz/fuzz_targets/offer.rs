//! An offer: ours reads its lines, then the engine all of it.
#![no_main]

use std::time::Instant;

use farhand_fuzz::{PEERS, drain, offer, sfu};
use farhand_sfu::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sdp: &str| {
    let now = Instant::now();
    let mut sfu = sfu(now);
    // Twice: an offer on a connection that stands is another way.
    for _ in 0..2 {
        sfu.handle(now, Input::Command(offer(PEERS[0], sdp.to_owned())));
        drain(&mut sfu);
    }
});
