//! RTP packets as they go out (RFC 3550, section 5.1; RFC 8285 for what is in their headers).

use std::{sync::Arc, time::Instant};

use str0m::rtp::{Extension, ExtensionMap};

use super::vp8::Patch;

const VERSION: u8 = 0x80;
const EXTENDED: u8 = 0x10;
const PADDED: u8 = 0x20;
const MARKER: u8 = 0x80;
/// "One byte" extensions: ids up to 14, values of 1 to 16 bytes.
const ONE_BYTE: u16 = 0xbede;
const MAX_ID: u8 = 14;
const MAX_VALUE: usize = 16;
/// How long receivers hold back pictures of a sender who has to send much again: at least 200 ms, at most ten seconds, in units of 10 ms of twelve
/// bits each (webrtc.org's playout-delay). They see only their own way, and would show each picture as soon as it is there: now and then one late,
/// and others in haste. Long enough for two more tries over 50 ms, and shorter than what is noticed as slow; and no more than browsers do by themselves.
const WAIT: [u8; 3] = [0x01, 0x43, 0xe8];
/// As long as they think fit, as if they had never been told.
const WAIT_NO_MORE: [u8; 3] = [0x00, 0x03, 0xe8];
/// Header, extensions and the tag of the protected packet.
const AROUND: usize = 64;

/// What the other end calls the extensions of a line; `None` for those it does not want.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Extensions {
    mid: Option<u8>,
    number: Option<u8>,
    level: Option<u8>,
    orientation: Option<u8>,
    wait: Option<u8>,
}

impl Extensions {
    pub(crate) fn of(map: &ExtensionMap) -> Self {
        let id = |extension| map.id_of(extension).filter(|id| *id <= MAX_ID);
        Self {
            mid: id(Extension::RtpMid),
            number: id(Extension::TransportSequenceNumber),
            level: id(Extension::AudioLevel),
            orientation: id(Extension::VideoOrientation),
            wait: id(Extension::PlayoutDelay),
        }
    }

    /// Whether the other end reports when packets of this line arrive.
    pub(crate) fn numbered(self) -> bool {
        self.number.is_some()
    }
}

/// A packet that waits to leave, or is kept to be sent again.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) seq: u64,
    pub(crate) time: u32,
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    /// As in the header extension (RFC 6464).
    pub(crate) level: Option<u8>,
    pub(crate) orientation: Option<u8>,
    /// Whether the receiver is to hold its pictures back for a while.
    pub(crate) waits: bool,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) patch: Patch,
    /// When it came from its sender.
    pub(crate) at: Instant,
}

/// The fixed part of a header.
pub(crate) struct Header {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) padded: bool,
    pub(crate) seq: u64,
    pub(crate) time: u32,
    pub(crate) ssrc: u32,
}

/// What the extensions say.
#[derive(Default)]
pub(crate) struct Values<'a> {
    pub(crate) mid: &'a str,
    pub(crate) number: u64,
    pub(crate) level: Option<u8>,
    pub(crate) orientation: Option<u8>,
    pub(crate) waits: Option<bool>,
}

/// The header, with room for `payload` bytes and the tag.
#[expect(clippy::cast_possible_truncation, reason = "numbers in packets are the low bits of those that never wrap")]
pub(crate) fn header(header: &Header, extensions: Extensions, values: &Values<'_>, payload: usize) -> Vec<u8> {
    let mut packet = Vec::with_capacity(AROUND + payload);
    packet.push(VERSION | if header.padded { PADDED } else { 0 });
    packet.push(header.payload_type | if header.marker { MARKER } else { 0 });
    packet.extend((header.seq as u16).to_be_bytes());
    packet.extend(header.time.to_be_bytes());
    packet.extend(header.ssrc.to_be_bytes());
    let start = packet.len();
    packet.extend(ONE_BYTE.to_be_bytes());
    packet.extend([0, 0]);
    let mut say = |id: Option<u8>, value: &[u8]| {
        if let Some(id) = id.filter(|_| (1..=MAX_VALUE).contains(&value.len())) {
            packet.push(id << 4 | (value.len() - 1) as u8);
            packet.extend(value);
        }
    };
    say(extensions.mid, values.mid.as_bytes());
    say(extensions.number, &(values.number as u16).to_be_bytes());
    say(extensions.level.filter(|_| values.level.is_some()), &[values.level.unwrap_or(0)]);
    say(extensions.orientation.filter(|_| values.orientation.is_some()), &[values.orientation.unwrap_or(0)]);
    let wait = if values.waits == Some(true) { WAIT } else { WAIT_NO_MORE };
    say(extensions.wait.filter(|_| values.waits.is_some()), &wait);
    let said = packet.len() - start - 4;
    if said == 0 {
        packet.truncate(start);
    } else {
        packet[0] |= EXTENDED;
        packet.resize(start + 4 + said.next_multiple_of(4), 0);
        let words = (said.div_ceil(4) as u16).to_be_bytes();
        packet[start + 2..start + 4].copy_from_slice(&words);
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Header {
        Header { payload_type: 96, marker: true, padded: false, seq: 0x1_2345, time: 0x0102_0304, ssrc: 0x0506_0708 }
    }

    #[test]
    fn a_header_says_what_the_other_end_wants_to_hear() {
        let extensions = Extensions { mid: Some(4), number: Some(3), level: Some(1), orientation: None, wait: Some(5) };
        let values = Values { mid: "a", number: 0x1_0007, level: Some(0x8a), orientation: Some(1), waits: None };
        let packet = header(&numbers(), extensions, &values, 0);
        let fixed = [0x90, 0xe0, 0x23, 0x45, 1, 2, 3, 4, 5, 6, 7, 8];
        let said = [0xbe, 0xde, 0, 2, 0x40, b'a', 0x31, 0, 7, 0x10, 0x8a, 0];
        assert_eq!(packet, [fixed, said].concat());
        let wait = |waits| header(&numbers(), extensions, &Values { waits: Some(waits), ..values }, 0);
        assert_eq!((&wait(true)[23..27], wait(true).len()), (&[0x52, 0x01, 0x43, 0xe8][..], 28), "200 ms to 10 s");
        assert_eq!(wait(false)[23..27], [0x52, 0x00, 0x03, 0xe8], "0 to 10 s");
        let silent = Values { level: None, ..values };
        assert_eq!(header(&numbers(), extensions, &silent, 0).len(), 24, "what the packet does not carry is left out");
    }

    #[test]
    fn without_extensions_there_is_only_the_header() {
        let padding = Header { padded: true, marker: false, ..numbers() };
        let packet = header(&padding, Extensions::default(), &Values { mid: "a", ..Values::default() }, 0);
        assert_eq!(packet, [0xa0, 0x60, 0x23, 0x45, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn ids_and_values_that_do_not_fit_are_left_out() {
        let mut map = ExtensionMap::empty();
        map.set(15, Extension::TransportSequenceNumber);
        map.set(14, Extension::RtpMid);
        let extensions = Extensions::of(&map);
        assert!(!extensions.numbered());
        let long = Values { mid: "a-line-with-a-name-too-long", ..Values::default() };
        assert_eq!(header(&numbers(), extensions, &long, 0).len(), 12);
    }
}
