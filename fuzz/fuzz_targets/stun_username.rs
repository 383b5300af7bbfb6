//! The name in a STUN request, and the place it stands for.
#![no_main]

use farhand_sfu::{Place, is_binding_request, stun_username};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let place = Place::of_stun(datagram);
    if place.is_some() {
        assert!(is_binding_request(datagram) && stun_username(datagram).is_some());
    }
    if let Some(place) = std::str::from_utf8(datagram).ok().and_then(Place::read) {
        assert_eq!(Place::read(&place.ufrag(0)), Some(place));
    }
});
