//! Reads VP8 frames from an IVF file: a 32-byte header, then each frame with its size and time.

use super::{ClipError, Frame, Track};

const CLOCK_RATE: u32 = 90_000;
const FRAME_HEADER: usize = 12;

pub(super) fn read_vp8(file: &[u8]) -> Result<Track, ClipError> {
    let header = file.get(..32).ok_or(ClipError::CutShort)?;
    if !header.starts_with(b"DKIF") || &header[8..12] != b"VP80" {
        return Err(ClipError::NotA("VP8 in an IVF container"));
    }
    let header_length = usize::from(u16::from_le_bytes([header[6], header[7]]));
    let (rate, scale) = (u64::from(u32_at(header, 16)?), u64::from(u32_at(header, 20)?));
    if rate == 0 {
        return Err(ClipError::NotA("VP8 in an IVF container"));
    }

    let mut frames = Vec::new();
    let mut rest = file.get(header_length..).ok_or(ClipError::CutShort)?;
    while !rest.is_empty() {
        let size = u32_at(rest, 0)? as usize;
        let time = u64::from(u32_at(rest, 4)?);
        let data = rest.get(FRAME_HEADER..FRAME_HEADER + size).ok_or(ClipError::CutShort)?;
        // The lowest bit of a VP8 frame is 0 for key frames (RFC 6386, 9.1).
        let key = data.first().is_some_and(|byte| byte & 1 == 0);
        frames.push(Frame::new(time * scale * u64::from(CLOCK_RATE) / rate, key, data));
        rest = &rest[FRAME_HEADER + size..];
    }
    Track::new(frames, CLOCK_RATE)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, ClipError> {
    let bytes = bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).ok_or(ClipError::CutShort)?;
    Ok(u32::from_le_bytes(bytes))
}
