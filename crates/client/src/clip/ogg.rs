//! Reads Opus packets from an Ogg file with a single stream. Checksums and granule positions are not looked at: the file
//! is compiled in, and a packet's length in time stands in its first byte.

use super::{ClipError, Frame, Track};

const CLOCK_RATE: u32 = 48_000;
const PAGE_HEADER: usize = 27;

pub(super) fn read_opus(file: &[u8]) -> Result<Track, ClipError> {
    let packets = packets(file)?;
    let [head, _tags, sound @ ..] = packets.as_slice() else { return Err(ClipError::CutShort) };
    if !head.starts_with(b"OpusHead") {
        return Err(ClipError::NotA("Opus in an Ogg container"));
    }
    let mut frames = Vec::new();
    let mut at = 0;
    for packet in sound {
        frames.push(Frame::new(at, true, packet));
        at += samples(packet)?;
    }
    Track::new(frames, CLOCK_RATE)
}

/// A page's header ends with a table of segment sizes; a packet ends with the first segment below 255 bytes and may go on
/// on the next page.
fn packets(file: &[u8]) -> Result<Vec<Vec<u8>>, ClipError> {
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let header = rest.get(..PAGE_HEADER).ok_or(ClipError::CutShort)?;
        if !header.starts_with(b"OggS") {
            return Err(ClipError::NotA("Opus in an Ogg container"));
        }
        let segments = usize::from(header[26]);
        let table = rest.get(PAGE_HEADER..PAGE_HEADER + segments).ok_or(ClipError::CutShort)?;
        rest = &rest[PAGE_HEADER + segments..];
        for &size in table {
            let (segment, after) = rest.split_at_checked(usize::from(size)).ok_or(ClipError::CutShort)?;
            packet.extend_from_slice(segment);
            if size < 255 {
                packets.push(std::mem::take(&mut packet));
            }
            rest = after;
        }
    }
    if packet.is_empty() { Ok(packets) } else { Err(ClipError::CutShort) }
}

/// How many samples at 48 kHz a packet of one frame holds (RFC 6716, 3.1).
fn samples(packet: &[u8]) -> Result<u64, ClipError> {
    let first = packet.first().ok_or(ClipError::UnexpectedOpusPacket)?;
    if first & 0b11 != 0 {
        return Err(ClipError::UnexpectedOpusPacket);
    }
    let configuration = first >> 3;
    Ok(match (configuration, configuration % 4) {
        // CELT only: 2.5, 5, 10, 20 ms.
        (16.., step) => 120 << step,
        // Hybrid: 10, 20 ms.
        (12.., step) => 480 << (step % 2),
        // SILK only: 10, 20, 40, 60 ms.
        (_, 3) => 2880,
        (_, step) => 480 << step,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_packet_stands_in_its_first_byte() {
        let table = [(0, 480), (1, 960), (3, 2880), (12, 480), (15, 960), (16, 120), (31, 960)];
        for (configuration, expected) in table {
            assert_eq!(samples(&[configuration << 3]), Ok(expected), "configuration {configuration}");
        }
        assert_eq!(samples(&[1]), Err(ClipError::UnexpectedOpusPacket));
        assert_eq!(samples(&[]), Err(ClipError::UnexpectedOpusPacket));
    }

    #[test]
    fn a_packet_may_span_segments_and_pages() {
        let page = |table: &[u8], body: &[u8]| {
            let mut page = b"OggS".to_vec();
            page.resize(26, 0);
            page.push(u8::try_from(table.len()).unwrap());
            page.extend_from_slice(table);
            page.extend_from_slice(body);
            page
        };
        let file = [page(&[3, 255], &[7; 258]), page(&[255, 0, 1], &[8; 256])].concat();
        let lengths: Vec<_> = packets(&file).unwrap().iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 510, 1]);
    }
}
