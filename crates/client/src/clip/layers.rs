//! Simulcast layers: the same moments in three sizes. Their frames are made up. Each begins as VP8 does, with a frame tag and, in a key
//! frame, the size (RFC 6386, 9.1), because that is what an SFU looks at; what follows is different in every frame.

use super::{ClipError, Frame, Track, hash};

const CLOCK_RATE: u32 = 90_000;
/// As many and as long as those of the embedded clip.
const FRAMES: u64 = 30;
const TICKS: u64 = 9_000;
/// The stream's name, its lines, and the bytes of each frame: 60, 180 and 540 kbit/s.
const LAYERS: [(&str, u16, usize); 3] = [("q", 180, 750), ("h", 360, 2_250), ("f", 720, 6_750)];

/// One of the sizes a camera's picture is sent in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub rid: &'static str,
    pub height: u16,
    pub track: Track,
}

/// The lowest first.
pub(super) fn all() -> Result<Vec<Layer>, ClipError> {
    let layer = |(rid, height, bytes)| {
        let frames = (0..FRAMES).map(|number| Frame::new(number * TICKS, number == 0, &frame(number, height, bytes)));
        Ok(Layer { rid, height, track: Track::new(frames.collect(), CLOCK_RATE)? })
    };
    LAYERS.into_iter().map(layer).collect()
}

fn frame(number: u64, height: u16, bytes: usize) -> Vec<u8> {
    let key = number == 0;
    let mut data = vec![0x10 | u8::from(!key), 0, 0];
    if key {
        data.extend([0x9d, 0x01, 0x2a]);
        data.extend((height / 9 * 16).to_le_bytes());
        data.extend(height.to_le_bytes());
    }
    let seed = [&number.to_le_bytes()[..], &height.to_le_bytes()].concat();
    let mut next = hash(&seed);
    while data.len() < bytes {
        data.extend(next);
        next = hash(&next);
    }
    data.truncate(bytes);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_take_what_is_said_of_them_and_begin_with_a_key_frame_of_their_size() {
        let layers = all().unwrap();
        let kbit = |layer: &Layer| {
            let bytes: usize = layer.track.frames().iter().map(|frame| frame.data.len()).sum();
            bytes * 8 / 3 / 1_000
        };
        let known: Vec<_> = layers.iter().map(|layer| (layer.rid, layer.height, kbit(layer))).collect();
        assert_eq!(known, [("q", 180, 60), ("h", 360, 180), ("f", 720, 540)]);
        for layer in &layers {
            let [first, second, ..] = layer.track.frames() else { panic!("no frames") };
            assert_eq!(
                &first.data[3..10],
                [&[0x9d, 0x01, 0x2a][..], &(layer.height / 9 * 16).to_le_bytes(), &layer.height.to_le_bytes()].concat()
            );
            assert!(first.key && !second.key && first.data[0] & 1 == 0 && second.data[0] & 1 == 1);
        }
    }
}
