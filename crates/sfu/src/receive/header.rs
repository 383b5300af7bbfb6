//! The header of a packet that came in, and what its extensions say (RFC 3550, section 5.1; RFC 8285).

use str0m::rtp::{Extension, ExtensionMap};

const FIXED: usize = 12;
const VERSION: u8 = 2;
const PADDED: u8 = 0x20;
const EXTENDED: u8 = 0x10;
const MARKER: u8 = 0x80;
const ONE_BYTE: u16 = 0xbede;
/// The last four bits are the application's.
const TWO_BYTES: u16 = 0x1000;
/// In one byte: stop reading.
const STOP: u8 = 15;

/// What the extensions are called on this connection; 0 for those that were not agreed on. They mean the same on all of its lines (RFC 9143,
/// section 7.2).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    mid: u8,
    rid: u8,
    repaired: u8,
    number: u8,
    level: u8,
    orientation: u8,
    sent: u8,
}

impl Ids {
    /// A line has agreed on these.
    pub(crate) fn learn(&mut self, map: &ExtensionMap) {
        for (id, extension) in [
            (&mut self.mid, Extension::RtpMid),
            (&mut self.rid, Extension::RtpStreamId),
            (&mut self.repaired, Extension::RepairedRtpStreamId),
            (&mut self.number, Extension::TransportSequenceNumber),
            (&mut self.level, Extension::AudioLevel),
            (&mut self.orientation, Extension::VideoOrientation),
            (&mut self.sent, Extension::AbsoluteSendTime),
        ] {
            *id = map.id_of(extension).unwrap_or(*id);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) padded: bool,
    pub(crate) seq: u16,
    pub(crate) time: u32,
    pub(crate) ssrc: u32,
    pub(crate) length: usize,
    pub(crate) said: Said<'a>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said<'a> {
    pub(crate) mid: Option<&'a str>,
    pub(crate) rid: Option<&'a str>,
    pub(crate) repaired: Option<&'a str>,
    /// For transport-wide feedback.
    pub(crate) number: Option<u16>,
    /// RFC 6464: loudness, and whether it is a voice.
    pub(crate) level: Option<u8>,
    pub(crate) orientation: Option<u8>,
    /// When it left, in units of 2^-18 seconds; 24 bits.
    pub(crate) sent: Option<u32>,
}

impl<'a> Header<'a> {
    /// The packet is still protected; its header is not.
    pub(crate) fn read(packet: &'a [u8], ids: Ids) -> Option<Self> {
        let fixed: &[u8; FIXED] = packet.first_chunk()?;
        let [first, second, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3] = *fixed;
        if first >> 6 != VERSION {
            return None;
        }
        let mut length = FIXED + 4 * usize::from(first & 0x0f);
        let mut said = Said::default();
        if first & EXTENDED != 0 {
            let [p0, p1, w0, w1] = *packet.get(length..)?.first_chunk()?;
            length += 4;
            let words = usize::from(u16::from_be_bytes([w0, w1]));
            let values = packet.get(length..)?.get(..4 * words)?;
            said = Said::read(values, u16::from_be_bytes([p0, p1]), ids);
            length += 4 * words;
        }
        (length <= packet.len()).then_some(Self {
            payload_type: second & !MARKER,
            marker: second & MARKER != 0,
            padded: first & PADDED != 0,
            seq: u16::from_be_bytes([q0, q1]),
            time: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            length,
            said,
        })
    }
}

impl<'a> Said<'a> {
    fn read(values: &'a [u8], profile: u16, ids: Ids) -> Self {
        let mut said = Self::default();
        let mut rest = values;
        while let Some((id, value, after)) = next(rest, profile) {
            if id != 0 {
                said.hear(id, value, ids);
            }
            rest = after;
        }
        said
    }

    fn hear(&mut self, id: u8, value: &'a [u8], ids: Ids) {
        let text = || std::str::from_utf8(value).ok();
        match *value {
            _ if id == ids.mid => self.mid = text(),
            _ if id == ids.rid => self.rid = text(),
            _ if id == ids.repaired => self.repaired = text(),
            [high, low, ..] if id == ids.number => self.number = Some(u16::from_be_bytes([high, low])),
            [level, ..] if id == ids.level => self.level = Some(level),
            [orientation, ..] if id == ids.orientation => self.orientation = Some(orientation & 0x03),
            [high, middle, low, ..] if id == ids.sent => self.sent = Some(u32::from_be_bytes([0, high, middle, low])),
            _ => {}
        }
    }
}

/// An extension's id and value, and what follows; id 0 is padding.
fn next(values: &[u8], profile: u16) -> Option<(u8, &[u8], &[u8])> {
    let (&first, rest) = values.split_first()?;
    let (id, length, rest) = match (profile, rest) {
        _ if first == 0 => return Some((0, &[], rest)),
        (ONE_BYTE, _) if first >> 4 == STOP => return None,
        (ONE_BYTE, _) => (first >> 4, usize::from(first & 0x0f) + 1, rest),
        (two, [length, rest @ ..]) if two & 0xfff0 == TWO_BYTES => (first, usize::from(*length), rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((id, value, rest))
}

/// Without what fills it up; the last byte says how much that is (RFC 3550, section 5.1).
pub(crate) fn unpadded(payload: &[u8], padded: bool) -> Option<&[u8]> {
    match payload.last() {
        Some(filling) if padded => payload.get(..payload.len().checked_sub(usize::from(*filling))?),
        _ => Some(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: Ids = Ids { mid: 4, rid: 10, repaired: 11, number: 3, level: 1, orientation: 13, sent: 2 };
    const START: [u8; 12] = [0x90, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8];

    fn with(profile: u16, values: &[u8]) -> Vec<u8> {
        let mut packet = [&START[..], &profile.to_be_bytes(), &[0, 0], values].concat();
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet[15] = u8::try_from((packet.len() - 16) / 4).unwrap();
        packet
    }

    #[test]
    fn extensions_are_read_in_either_form() {
        let one = [0x41, b'a', b'b', 0x31, 1, 2, 0, 0x22, 1, 0, 1, 0x10, 0x85, 0xd0, 0x07, 0xa0, b'q', 0xb0, b'h'];
        let two = [
            4, 2, b'a', b'b', 3, 2, 1, 2, 0, 2, 3, 1, 0, 1, 1, 1, 0x85, 13, 1, 7, 10, 1, b'q', 11, 1, b'h', 77, 0, 78,
            1, 9,
        ];
        for (packet, what) in [(with(ONE_BYTE, &one), "one byte"), (with(TWO_BYTES | 5, &two), "two bytes")] {
            let header = Header::read(&packet, IDS).unwrap();
            assert_eq!((header.payload_type, header.marker, header.padded), (96, true, false));
            assert_eq!((header.seq, header.time, header.ssrc), (0x1234, 0x0102_0304, 0x0506_0708));
            assert_eq!(header.length, packet.len(), "{what}");
            let said = Said {
                mid: Some("ab"),
                rid: Some("q"),
                repaired: Some("h"),
                number: Some(0x0102),
                level: Some(0x85),
                orientation: Some(3),
                sent: Some(0x0001_0001),
            };
            assert_eq!(header.said, said, "{what}");
            assert_eq!(Header::read(&packet, Ids::default()).unwrap().said, Said::default(), "not agreed on");
            for length in 0..packet.len() {
                assert_eq!(Header::read(&packet[..length], IDS), None, "cut off after {length}");
            }
        }
    }

    #[test]
    fn nonsense_is_skipped_or_ends_the_reading() {
        let stopped = with(ONE_BYTE, &[0xf0, 9, 0x10, 0x85]);
        assert_eq!(Header::read(&stopped, IDS).unwrap().said, Said::default(), "id 15");
        let short = with(ONE_BYTE, &[0x30, 1, 0x10, 0x85]);
        assert_eq!(Header::read(&short, IDS).unwrap().said, Said { level: Some(0x85), ..Said::default() });
        let long = with(ONE_BYTE, &[0x4f, b'a']);
        assert_eq!(Header::read(&long, IDS).unwrap().said, Said::default(), "longer than all");
        let other = with(0xabcd, &[0x10, 0x85]);
        assert_eq!(Header::read(&other, IDS).unwrap().said, Said::default(), "an unknown form is jumped over");
    }

    #[test]
    fn sources_that_contributed_are_jumped_over() {
        let packet = [&[0x82][..], &START[1..], &[9; 8], &[1, 2, 3]].concat();
        assert_eq!(Header::read(&packet, IDS).unwrap().length, 20);
        assert_eq!(Header::read(&packet[..19], IDS), None);
        assert_eq!(Header::read(&[&[0x40][..], &START[1..]].concat(), IDS), None, "another version");
    }

    #[test]
    fn filling_is_taken_off() {
        assert_eq!(unpadded(&[1, 2, 0, 0, 3], true), Some(&[1, 2][..]));
        assert_eq!(unpadded(&[1, 2, 3], false), Some(&[1, 2, 3][..]));
        assert_eq!(unpadded(&[0, 0, 3], true), Some(&[][..]));
        assert_eq!(unpadded(&[0, 4], true), None, "more than there is");
        assert_eq!(unpadded(&[], true), Some(&[][..]));
    }

    #[test]
    fn ids_are_learned_from_all_lines() {
        let mut ids = Ids::default();
        let (mut sound, mut picture) = (ExtensionMap::empty(), ExtensionMap::empty());
        sound.set(1, Extension::AudioLevel);
        picture.set(9, Extension::RtpMid);
        ids.learn(&sound);
        ids.learn(&picture);
        assert_eq!(ids, Ids { level: 1, mid: 9, ..Ids::default() });
    }
}
