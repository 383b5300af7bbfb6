//! A frame on the WebSocket.
#![no_main]

use farhand_protocol::{frame::ClientFrame, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    // Refused or read; what was read can be read again.
    drop(read::from_slice::<ClientFrame>(text).map(|frame| format!("{frame:?}")));
});
