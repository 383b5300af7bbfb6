//! Reports, after they have been opened.
#![no_main]

mod estimate {
    use std::time::Duration;

    /// As the estimator has it.
    #[expect(dead_code, reason = "only read there")]
    pub(crate) struct Arrival {
        pub(crate) number: u64,
        pub(crate) at: Option<Duration>,
    }
}

#[expect(dead_code, reason = "only the reading is fuzzed")]
#[path = "../../crates/sfu/src/send/rtcp.rs"]
mod rtcp;

use libfuzzer_sys::fuzz_target;
use rtcp::{Clock, Said};

fuzz_target!(|compound: &[u8]| {
    let mut clock = Clock::default();
    for said in rtcp::read(compound) {
        if let Said::Arrivals(arrivals) = said {
            assert!(clock.arrivals(&arrivals, 1 << 20).len() <= arrivals.deltas.len());
        }
    }
});
