//! Sound that survives losses: redundant audio data (RFC 2198). Each packet repeats the ones before it, for receivers who lose many.

use std::{collections::VecDeque, sync::Arc};

use crate::receive::Packet;

/// So many earlier sounds are repeated. Of 20 % lost by chance, 0.8 % remain with two, at three times the bits.
const LEVELS: u64 = 2;
/// For a packet that comes late, by then.
const KEPT: usize = 8;
/// A sender whose numbers jump further has started anew.
const MAX_JUMP: u64 = 100;
/// Header fields hold no more: 14 bits of time, 10 bits of length.
const MAX_TICKS: u32 = (1 << 14) - 1;
const MAX_BYTES: u32 = (1 << 10) - 1;
/// Marks all blocks but the last.
const MORE: u8 = 0x80;

/// The newest sounds of one sender, as they came or as later packets repeated them.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Sound>);

#[derive(Debug)]
struct Sound {
    seq: u64,
    time: u64,
    payload: Arc<[u8]>,
    /// Its own packet has not come.
    lost: bool,
}

impl History {
    pub(crate) fn keep(&mut self, packet: &Packet) {
        let (seq, time, payload) = (packet.seq, packet.time, Arc::clone(&packet.payload));
        self.insert(Sound { seq, time, payload, lost: false });
    }

    /// Makes a packet with redundancy one without, and keeps what it repeats. False if it cannot be read.
    pub(crate) fn unwrap(&mut self, packet: &mut Packet) -> bool {
        let (seq, time) = (packet.seq, packet.time);
        let Some((payload_type, blocks, newest)) = blocks(&packet.payload) else { return false };
        // The last repeats the packet before, and so on.
        for ((older, payload), distance) in blocks.into_iter().rev().zip(1..) {
            let known = seq.checked_sub(distance).zip(time.checked_sub(older));
            if let Some((seq, time)) = known.filter(|_| !payload.is_empty()) {
                self.insert(Sound { seq, time, payload: payload.into(), lost: true });
            }
        }
        let newest = newest.into();
        packet.payload = newest;
        packet.payload_type = payload_type;
        true
    }

    /// Whether something that came right before this packet is known from what was repeated alone, so that nobody has been sent it.
    pub(crate) fn closes_gap(&self, packet: &Packet) -> bool {
        let seq = packet.seq;
        self.0.iter().any(|sound| sound.lost && sound.seq < seq && seq - sound.seq <= LEVELS)
    }

    fn insert(&mut self, sound: Sound) {
        if self.0.back().is_some_and(|newest| newest.seq.abs_diff(sound.seq) > MAX_JUMP) {
            self.0.clear();
        }
        // Kept in order: what was asked for again comes late.
        let place = self.0.partition_point(|known| known.seq < sound.seq);
        match self.0.get_mut(place).filter(|known| known.seq == sound.seq) {
            Some(known) => known.lost &= sound.lost,
            None => self.0.insert(place, sound),
        }
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// The packet with what came right before it, for a receiver that calls the codec by this payload type.
    pub(crate) fn wrap(&self, packet: &Packet, payload_type: u8) -> Arc<[u8]> {
        let (seq, time) = (packet.seq, packet.time);
        let near = self.0.iter().filter(|sound| sound.seq < seq && seq - sound.seq <= LEVELS);
        let earlier: Vec<(&Sound, [u8; 4])> =
            near.filter_map(|sound| Some((sound, sound.header(time, payload_type)?))).collect();
        let mut wrapped = Vec::with_capacity((packet.payload.len() + 4) * (earlier.len() + 1));
        for (_, header) in &earlier {
            wrapped.extend_from_slice(header);
        }
        wrapped.push(payload_type & !MORE);
        for (sound, _) in &earlier {
            wrapped.extend_from_slice(&sound.payload);
        }
        wrapped.extend_from_slice(&packet.payload);
        wrapped.into()
    }
}

/// The payload type, what is repeated (how much older, and the sound), and the newest sound (RFC 2198, section 3).
pub type Blocks<'a> = (u8, Vec<(u64, &'a [u8])>, &'a [u8]);

/// What can be read of a packet with redundancy.
pub fn blocks(payload: &[u8]) -> Option<Blocks<'_>> {
    let (mut rest, mut headers) = (payload, Vec::new());
    let payload_type = loop {
        match *rest {
            [first, high, middle, low, ref more @ ..] if first & MORE != 0 => {
                let field = u32::from_be_bytes([0, high, middle, low]);
                headers.push((u64::from(field >> 10), usize::try_from(field & MAX_BYTES).ok()?));
                rest = more;
            }
            [first, ref more @ ..] if first & MORE == 0 => {
                rest = more;
                break first;
            }
            _ => return None,
        }
    };
    let mut blocks = Vec::with_capacity(headers.len());
    for (older, bytes) in headers {
        let (block, more) = rest.split_at_checked(bytes)?;
        blocks.push((older, block));
        rest = more;
    }
    Some((payload_type, blocks, rest))
}

impl Sound {
    /// In front of a packet of this time: that more follows, its payload type, how much older it is (14 bits) and how long (10 bits).
    fn header(&self, time: u64, payload_type: u8) -> Option<[u8; 4]> {
        let older = u32::try_from(time.checked_sub(self.time)?).ok().filter(|ticks| *ticks <= MAX_TICKS)?;
        let length = u32::try_from(self.payload.len()).ok().filter(|bytes| *bytes <= MAX_BYTES)?;
        let [_, high, middle, low] = ((older << 10) | length).to_be_bytes();
        Some([payload_type | MORE, high, middle, low])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(seq: u64, payload: &[u8]) -> Sound {
        Sound { seq, time: seq * 960, payload: payload.into(), lost: false }
    }

    #[test]
    fn a_header_says_how_old_and_how_long_a_sound_is() {
        let old = sound(10, &[1, 2, 3]);
        assert_eq!(old.header(11 * 960, 111), Some([0xef, 0x0f, 0x00, 0x03]));
        assert_eq!(old.header(9 * 960, 111), None, "not older");
        assert_eq!(old.header(30 * 960, 111), None, "too old for the field");
        assert_eq!(sound(10, &[0; 1_024]).header(11 * 960, 111), None, "too long for the field");
    }

    #[test]
    fn blocks_are_found_and_nonsense_is_refused() {
        let header = sound(10, &[1, 2, 3]).header(11 * 960, 111).unwrap();
        let whole = [&header[..], &[111, 1, 2, 3, 9, 8]].concat();
        assert_eq!(blocks(&whole), Some((111, vec![(960, &[1, 2, 3][..])], &[9, 8][..])));
        assert_eq!(blocks(&[111, 9]), Some((111, vec![], &[9][..])), "nothing repeated");
        for length in 0..7 {
            let nonsense = whole.get(..length).unwrap();
            assert_eq!(blocks(nonsense), None, "cut off after {length}");
        }
    }

    #[test]
    fn what_came_itself_is_no_gap() {
        let mut history = History::default();
        history.insert(Sound { lost: true, ..sound(10, &[1]) });
        assert!(history.0[0].lost);
        history.insert(sound(10, &[1]));
        assert!(!history.0[0].lost);
        history.insert(Sound { lost: true, ..sound(10, &[1]) });
        assert!(!history.0[0].lost, "repeated later");
    }

    #[test]
    fn a_few_are_kept_in_order_until_the_sender_starts_anew() {
        let mut history = History::default();
        for seq in (100..110).chain([105]).chain(111..113).chain([110]) {
            history.insert(sound(seq, &[1]));
        }
        let kept: Vec<u64> = history.0.iter().map(|sound| sound.seq).collect();
        assert_eq!(kept, [105, 106, 107, 108, 109, 110, 111, 112]);
        history.insert(sound(5_000, &[1]));
        assert_eq!(history.0.len(), 1);
    }
}
