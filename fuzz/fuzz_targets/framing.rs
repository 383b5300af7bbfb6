//! Datagrams on a TCP stream.
#![no_main]

#[path = "../../crates/server/src/media/framing.rs"]
mod framing;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    runtime.block_on(async {
        let mut rest = stream;
        while let Some(datagram) = framing::read(&mut rest).await {
            assert!((12..=2_048).contains(&datagram.len()));
        }
    });
});
