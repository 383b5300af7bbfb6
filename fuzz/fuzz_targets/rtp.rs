//! The header of a packet of media, before it has been opened, and the filling behind it.
#![no_main]

#[path = "../../crates/sfu/src/receive/header.rs"]
mod header;

use header::{Header, Ids, unpadded};
use libfuzzer_sys::fuzz_target;
use str0m::rtp::ExtensionMap;

fuzz_target!(|packet: &[u8]| {
    let mut ids = Ids::default();
    ids.learn(&ExtensionMap::standard());
    if let Some(header) = Header::read(packet, ids) {
        assert!(header.length <= packet.len() && header.payload_type < 128);
        let payload = &packet[header.length..];
        assert!(unpadded(payload, header.padded).is_none_or(|left| left.len() <= payload.len()));
    }
});
