//! What participants send: made-up pictures and sound at fixed times. Every packet says at its end when it was due, in bytes that no SFU
//! touches, so that whoever receives it knows how long it took.

use std::{sync::Arc, time::Duration};

/// Opus with packets of 20 ms at 32 kbit/s.
const SOUND_EVERY: Duration = Duration::from_millis(20);
const SOUND_BYTES: usize = 80;
/// 30 pictures a second.
const FRAME_EVERY: Duration = Duration::from_micros(33_333);
/// A picture's packets are spread over this part of the time to the next one, as a browser's pacer does.
const SPREAD: u32 = 2;
/// Where the time stands, from the end.
pub(crate) const STAMP: usize = 8;

/// One simulcast layer, or the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) rid: Option<&'static str>,
    height: u16,
    packets: u32,
    bytes: usize,
}

const fn layer(rid: Option<&'static str>, height: u16, packets: u32, bytes: usize) -> Layer {
    Layer { rid, height, packets, bytes }
}

/// 1 Mbit/s in 120 packets a second.
pub(crate) const SINGLE: [Layer; 1] = [layer(None, 360, 4, 1_050)];
/// 150 kbit/s in 30 packets a second.
pub(crate) const LOW: [Layer; 1] = [layer(None, 180, 1, 625)];
/// 150, 500 and 1,700 kbit/s, as Chromium sends a camera of 720 lines.
pub(crate) const SIMULCAST: [Layer; 3] =
    [layer(Some("q"), 180, 1, 625), layer(Some("h"), 360, 2, 1_040), layer(Some("f"), 720, 7, 1_010)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sound,
    Picture(Layer),
}

/// One stream of packets, endless.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) kind: Kind,
    /// From the start of all sources to this one's first packet.
    phase: Duration,
    next: u64,
    keyframe_due: bool,
    in_keyframe: bool,
}

/// A packet to send.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) number: u64,
    /// In ticks of the codec's clock.
    pub(crate) time: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Arc<[u8]>,
}

impl Source {
    pub(crate) fn new(kind: Kind, phase: Duration) -> Self {
        Self { kind, phase, next: 0, keyframe_due: true, in_keyframe: false }
    }

    pub(crate) fn want_keyframe(&mut self) {
        self.keyframe_due = true;
    }

    /// When the next packet is due, from the start of all sources.
    pub(crate) fn due(&self) -> Duration {
        let Kind::Picture(layer) = self.kind else { return self.phase + times(SOUND_EVERY, self.next) };
        let (frame, index) = layer.place(self.next);
        self.phase + times(FRAME_EVERY, frame) + FRAME_EVERY * index / (layer.packets * SPREAD)
    }

    /// Makes the packet that is due. `stamp` is what it says at its end.
    pub(crate) fn packet(&mut self, stamp: Duration) -> Packet {
        let number = self.next;
        let packet = match self.kind {
            Kind::Sound => {
                let mut payload = vec![0x78; SOUND_BYTES];
                write_stamp(&mut payload, stamp);
                let time = wrap(number * 960);
                Packet { number, time, marker: number == 0, payload: payload.into() }
            }
            Kind::Picture(layer) => self.part_of_picture(layer, number, stamp),
        };
        self.next += 1;
        packet
    }

    fn part_of_picture(&mut self, layer: Layer, number: u64, stamp: Duration) -> Packet {
        let (frame, index) = layer.place(number);
        if index == 0 {
            self.in_keyframe = std::mem::take(&mut self.keyframe_due);
        }
        let mut payload = vec![0; layer.bytes];
        let head = vp8_head(frame, index == 0, self.in_keyframe, layer.height);
        for (to, from) in payload.iter_mut().zip(head) {
            *to = from;
        }
        write_stamp(&mut payload, stamp);
        Packet { number, time: wrap(frame * 3_000), marker: index + 1 == layer.packets, payload: payload.into() }
    }
}

impl Layer {
    /// The lowest is 0; so is the only one.
    pub(crate) fn number(self) -> u8 {
        SIMULCAST
            .iter()
            .position(|layer| *layer == self)
            .and_then(|number| u8::try_from(number).ok())
            .unwrap_or_default()
    }

    pub(crate) fn height(self) -> u16 {
        self.height
    }

    /// Which picture a packet belongs to, and which of its packets it is.
    fn place(self, number: u64) -> (u64, u32) {
        let packets = u64::from(self.packets);
        (number / packets, u32::try_from(number % packets).unwrap_or_default())
    }
}

/// The payload descriptor as browsers write it (RFC 7741, section 4.2): picture id of 15 bits, TL0PICIDX, temporal id; then, in a picture's first
/// packet, the frame tag and, of a key frame, the start code and the size (RFC 6386, section 9.1).
fn vp8_head(frame: u64, first: bool, keyframe: bool, height: u16) -> Vec<u8> {
    let [_, _, _, _, _, _, high, low] = (frame & 0x7fff).to_be_bytes();
    let mut head = vec![if first { 0x90 } else { 0x80 }, 0xe0, high | 0x80, low, low, 0];
    if first {
        head.extend([0x10 | u8::from(!keyframe), 0, 0]);
    }
    if first && keyframe {
        let width = height / 9 * 16;
        head.extend([0x9d, 0x01, 0x2a]);
        head.extend(width.to_le_bytes());
        head.extend(height.to_le_bytes());
    }
    head
}

fn times(each: Duration, count: u64) -> Duration {
    Duration::from_nanos(u64::try_from(each.as_nanos()).unwrap_or(u64::MAX).saturating_mul(count))
}

fn wrap(ticks: u64) -> u32 {
    u32::try_from(ticks & 0xffff_ffff).unwrap_or_default()
}

fn write_stamp(payload: &mut [u8], stamp: Duration) {
    let nanos = u64::try_from(stamp.as_nanos()).unwrap_or(u64::MAX);
    if let Some(end) = payload.last_chunk_mut::<STAMP>() {
        *end = nanos.to_be_bytes();
    }
}

/// When the packet was due.
pub(crate) fn read_stamp(payload: &[u8]) -> Option<Duration> {
    Some(Duration::from_nanos(u64::from_be_bytes(*payload.last_chunk::<STAMP>()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_second(kind: Kind) -> (usize, usize) {
        let mut source = Source::new(kind, Duration::ZERO);
        let (mut packets, mut bits) = (0, 0);
        while source.due() < Duration::from_secs(1) {
            packets += 1;
            bits += source.packet(Duration::ZERO).payload.len() * 8;
        }
        (packets, bits / 1_000)
    }

    #[test]
    fn rates_are_what_is_said_of_them() {
        assert_eq!(per_second(Kind::Sound), (50, 32));
        assert_eq!(per_second(Kind::Picture(SINGLE[0])).1 / 100, 10);
        assert!((140..170).contains(&per_second(Kind::Picture(LOW[0])).1));
        let simulcast: Vec<_> = SIMULCAST.iter().map(|layer| per_second(Kind::Picture(*layer)).1).collect();
        assert!((140..170).contains(&simulcast[0]) && (480..530).contains(&simulcast[1]), "{simulcast:?}");
        assert!((1_650..1_800).contains(&simulcast[2]), "{simulcast:?}");
    }

    #[test]
    fn packets_are_due_in_order_and_pictures_evenly() {
        let mut source = Source::new(Kind::Picture(SIMULCAST[2]), Duration::from_millis(5));
        let due: Vec<_> = (0..14)
            .map(|_| {
                let due = source.due();
                source.packet(due);
                due
            })
            .collect();
        assert!(due.is_sorted() && due[0] == Duration::from_millis(5));
        assert_eq!(due[7].saturating_sub(due[0]), FRAME_EVERY);
        assert!(due[6].saturating_sub(due[0]) < FRAME_EVERY / 2);
    }

    #[test]
    fn a_key_frame_is_sent_at_the_start_and_when_it_is_wanted() {
        let mut source = Source::new(Kind::Picture(SINGLE[0]), Duration::ZERO);
        let mut keyframes = Vec::new();
        for number in 0..16 {
            if number == 6 {
                source.want_keyframe();
            }
            let packet = source.packet(Duration::ZERO);
            if farhand_sfu::starts_keyframe(str0m::format::Codec::Vp8, &packet.payload) {
                keyframes.push(number);
            }
        }
        assert_eq!(keyframes, [0, 8], "whole pictures only");
    }

    #[test]
    fn the_stamp_is_read_as_it_was_written() {
        let mut source = Source::new(Kind::Sound, Duration::ZERO);
        let stamp = Duration::from_nanos(123_456_789_012);
        assert_eq!(read_stamp(&source.packet(stamp).payload), Some(stamp));
        assert_eq!(read_stamp(&[1, 2]), None);
    }
}
