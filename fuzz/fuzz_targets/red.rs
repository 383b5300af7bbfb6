//! Sound that comes with what was before it: what can be read is repeated as it was.
#![no_main]

use farhand_sfu::repeated_sounds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    if let Some((_, older, newest)) = repeated_sounds(payload) {
        let bytes: usize = older.iter().map(|(_, sound)| sound.len()).sum();
        assert_eq!(bytes + newest.len() + 4 * older.len() + 1, payload.len());
    }
});
