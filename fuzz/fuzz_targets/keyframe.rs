//! Whether a packet starts a key frame, for each codec.
#![no_main]

use farhand_sfu::starts_keyframe;
use libfuzzer_sys::fuzz_target;
use str0m::{format::Codec, rtp::Vp8Descriptor};

fuzz_target!(|payload: &[u8]| {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1, Codec::Opus] {
        starts_keyframe(codec, payload);
    }
    if let Ok(descriptor) = Vp8Descriptor::parse(payload) {
        let _ = descriptor.patch().picture_id(0x7fff).tl0_pic_idx(0xff).build();
    }
});
