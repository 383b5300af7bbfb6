//! One stream that is sent on a line: what was sent is kept for a while, in case it has not arrived.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use str0m::media::Mid;

use super::{
    rtcp::{SenderReport, extended},
    wire::{Extensions, Header, Packet, Values, header},
};

/// Packets kept for asking again: a second of 4 Mbit/s.
const KEPT: usize = 512;
/// Older than this, a picture has moved on.
const MAX_AGE: Duration = Duration::from_secs(2);
/// Of those kept, so many of the newest may still be missed: a picture or two.
const LATELY: usize = 16;
/// How often a receiver is told how sound and picture belong together.
const REPORT: Duration = Duration::from_secs(1);
/// Packets of nothing, to fill a link for a moment, are this large.
const PADDING: u8 = 255;

pub(crate) struct Stream {
    pub(crate) mid: Mid,
    pub(crate) ssrc: u32,
    /// The stream on which packets are sent again (RFC 4588).
    pub(crate) rtx: Option<u32>,
    video: bool,
    extensions: Extensions,
    /// Payload types, and those on which they are sent again.
    resent_as: Vec<(u8, u8)>,
    /// Oldest number first.
    kept: VecDeque<Kept>,
    used: Used,
    next_rtx: u64,
    packets: u32,
    bytes: u32,
    /// RTP time of the newest packet, and when that was.
    newest: Option<(u32, Instant)>,
    reported: Option<Instant>,
    /// Its receiver was told to hold pictures back, which it does until it is told otherwise.
    waited: bool,
}

struct Kept {
    packet: Packet,
    sent: Instant,
    again: Option<Instant>,
    /// Its transport-wide number, the last time it was sent.
    number: u64,
}

/// A packet ready to be protected.
pub(crate) struct Ready {
    pub(crate) header: Vec<u8>,
    pub(crate) ssrc: u32,
    pub(crate) seq: u64,
}

/// Numbers that were used. Two packets with one number would be protected with the same nonce, and could be read (RFC 7714, section 8.1).
#[derive(Debug, Default)]
struct Used {
    highest: u64,
    /// Which of those up to it; it is the lowest bit.
    below: u128,
}

impl Used {
    fn take(&mut self, seq: u64) -> Option<()> {
        if let Some(ahead) = seq.checked_sub(self.highest).filter(|ahead| *ahead > 0) {
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.below = self.below.checked_shl(shift).unwrap_or(0) | 1;
            self.highest = seq;
            return Some(());
        }
        let bit = u32::try_from(self.highest - seq).ok().and_then(|behind| 1_u128.checked_shl(behind))?;
        let free = self.below & bit == 0;
        self.below |= bit;
        free.then_some(())
    }
}

/// What a line has agreed on.
pub(crate) struct Terms {
    pub(crate) mid: Mid,
    pub(crate) ssrc: u32,
    pub(crate) rtx: Option<u32>,
    pub(crate) video: bool,
    pub(crate) extensions: Extensions,
    pub(crate) resent_as: Vec<(u8, u8)>,
}

impl Stream {
    pub(crate) fn new(terms: Terms) -> Self {
        let Terms { mid, ssrc, rtx, video, extensions, resent_as } = terms;
        Self {
            mid,
            ssrc,
            rtx,
            video,
            extensions,
            resent_as,
            kept: VecDeque::new(),
            used: Used::default(),
            next_rtx: 1,
            packets: 0,
            bytes: 0,
            newest: None,
            reported: None,
            waited: false,
        }
    }

    /// The line was agreed upon once more.
    pub(crate) fn agree(&mut self, terms: Terms) {
        (self.extensions, self.resent_as) = (terms.extensions, terms.resent_as);
    }

    /// Nothing that has been sent so far is sent again.
    pub(crate) fn forget_all(&mut self) {
        self.kept = VecDeque::new();
    }

    pub(crate) fn video(&self) -> bool {
        self.video
    }

    /// Whether the other end reports when its packets arrive.
    pub(crate) fn numbered(&self) -> bool {
        self.extensions.numbered()
    }

    /// Whether a link can be filled with it: the other end reports arrivals, and does not take the filling for a picture.
    pub(crate) fn pads(&self) -> bool {
        self.rtx.is_some() && self.numbered() && !self.resent_as.is_empty()
    }

    /// The packet goes out for the first time; `None` if its number was used before.
    pub(crate) fn send(&mut self, now: Instant, packet: Packet, number: u64) -> Option<Ready> {
        self.used.take(packet.seq)?;
        self.waited |= packet.waits;
        let fixed = Header {
            payload_type: packet.payload_type,
            marker: packet.marker,
            padded: false,
            seq: packet.seq,
            time: packet.time,
            ssrc: self.ssrc,
        };
        let ready = Ready {
            header: header(&fixed, self.extensions, &self.values(&packet, number), packet.payload.len()),
            ssrc: self.ssrc,
            seq: packet.seq,
        };
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(u32::try_from(packet.payload.len()).unwrap_or(0));
        // Times are told by the first packet of a picture that has one: the others came later, and what was overtaken later still.
        let goes_on = packet.seq == self.used.highest && self.newest.is_none_or(|(time, _)| time != packet.time);
        if goes_on {
            self.newest = Some((packet.time, packet.at));
        }
        if self.rtx.is_some() {
            self.keep(now, packet, number);
        }
        Some(ready)
    }

    fn values(&self, packet: &Packet, number: u64) -> Values<'_> {
        let waits = self.waited.then_some(packet.waits);
        Values { mid: &self.mid, number, level: packet.level, orientation: packet.orientation, waits }
    }

    fn keep(&mut self, now: Instant, packet: Packet, number: u64) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.forget(now);
        let late = self.kept.iter().rev().take_while(|kept| kept.packet.seq > packet.seq).count();
        self.kept.insert(self.kept.len() - late, Kept { packet, sent: now, again: None, number });
    }

    /// What is too old to be sent again.
    fn forget(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|oldest| oldest.sent + MAX_AGE < now) {
            self.kept.pop_front();
        }
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
    }

    /// The kept packet that a receiver calls by the end of its number, if it was not sent again within `pause`.
    pub(crate) fn asked(&self, now: Instant, low: u16, pause: Duration) -> Option<u64> {
        let seq = extended(low, self.kept.back()?.packet.seq + 1)?;
        let kept = &self.kept[self.find(seq)?];
        let since = |at| now.saturating_duration_since(at);
        (since(kept.sent) <= MAX_AGE && kept.again.is_none_or(|at| since(at) >= pause)).then_some(seq)
    }

    /// The kept packet that last left with this transport-wide number.
    pub(crate) fn left_as(&self, now: Instant, number: u64) -> Option<u64> {
        let kept = self.kept.iter().rev().find(|kept| kept.number == number)?;
        (now.saturating_duration_since(kept.sent) <= MAX_AGE).then_some(kept.packet.seq)
    }

    /// The kept packets that were sent no longer ago, the oldest first.
    pub(crate) fn sent_within(&self, now: Instant, age: Duration) -> impl Iterator<Item = u64> {
        self.kept.iter().filter(move |kept| now.saturating_duration_since(kept.sent) <= age).map(|kept| kept.packet.seq)
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.kept.capacity()
    }

    fn find(&self, seq: u64) -> Option<usize> {
        self.kept.binary_search_by_key(&seq, |kept| kept.packet.seq).ok()
    }

    /// A kept packet goes out once more. Returns it with its payload, which starts with its number.
    pub(crate) fn send_again(&mut self, now: Instant, seq: u64, number: u64, payload: &mut Vec<u8>) -> Option<Ready> {
        let index = self.find(seq)?;
        let kept = self.kept.get_mut(index)?;
        (kept.again, kept.number) = (Some(now), number);
        let packet = &self.kept.get(index)?.packet;
        let ssrc = self.rtx?;
        let (_, payload_type) = *self.resent_as.iter().find(|(first, _)| *first == packet.payload_type)?;
        #[expect(clippy::cast_possible_truncation, reason = "the number as it stood in the header")]
        let original = packet.seq as u16;
        payload.clear();
        payload.extend(original.to_be_bytes());
        payload.extend(packet.payload.iter());
        packet.patch.apply(&mut payload[2..]);
        let fixed =
            Header { payload_type, marker: packet.marker, padded: false, seq: self.next_rtx, time: packet.time, ssrc };
        let ready = Ready {
            header: header(&fixed, self.extensions, &self.values(packet, number), payload.len()),
            ssrc,
            seq: self.next_rtx,
        };
        self.next_rtx += 1;
        Some(ready)
    }

    /// The newest kept packet that left only once, or the newest of all: sent again without being asked for, it fills a link with something that
    /// may be of use.
    pub(crate) fn newest_kept(&self, now: Instant) -> Option<u64> {
        let young = || self.kept.iter().rev().filter(|kept| now.saturating_duration_since(kept.sent) <= MAX_AGE);
        let once = young().take(LATELY).find(|kept| kept.again.is_none());
        once.or_else(|| young().next()).map(|kept| kept.packet.seq)
    }

    /// A packet with nothing in it (RFC 3550, section 5.1).
    pub(crate) fn padding(&mut self, number: u64, payload: &mut Vec<u8>) -> Option<Ready> {
        let (_, payload_type) = *self.resent_as.first()?;
        let ssrc = self.rtx?;
        payload.clear();
        payload.resize(usize::from(PADDING), 0);
        if let Some(last) = payload.last_mut() {
            *last = PADDING;
        }
        let time = self.newest.map_or(0, |(time, _)| time);
        let fixed = Header { payload_type, marker: false, padded: true, seq: self.next_rtx, time, ssrc };
        let values = Values { mid: &self.mid, number, ..Values::default() };
        let ready = Ready { header: header(&fixed, self.extensions, &values, payload.len()), ssrc, seq: self.next_rtx };
        self.next_rtx += 1;
        Some(ready)
    }

    /// Whether the receiver has been told of what is sent these days.
    pub(crate) fn reported(&self) -> bool {
        self.report_due().is_some() && self.reported.is_some()
    }

    /// When the next report is due; `None` if nothing was sent for long.
    pub(crate) fn report_due(&self) -> Option<Instant> {
        let (_, sent) = self.newest?;
        let told = self.reported.is_some_and(|at| at > sent + MAX_AGE);
        (!told).then(|| self.reported.map_or(sent, |at| at + REPORT))
    }

    #[expect(clippy::cast_possible_truncation, reason = "RTP time wraps")]
    pub(crate) fn report(&mut self, now: Instant, ntp: u64) -> Option<SenderReport> {
        let (time, at) = self.newest?;
        self.reported = Some(now);
        self.forget(now);
        let clock = if self.video { 90_000 } else { 48_000 };
        let passed = now.saturating_duration_since(at).as_micros() * clock / 1_000_000;
        let time = time.wrapping_add(passed as u32);
        Some(SenderReport { ssrc: self.ssrc, ntp, time, packets: self.packets, bytes: self.bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_filled_with_what_left_only_once_the_newest_first() {
        let now = Instant::now();
        let terms = Terms {
            mid: "p".into(),
            ssrc: 1,
            rtx: Some(2),
            video: true,
            extensions: Extensions::default(),
            resent_as: vec![(96, 97)],
        };
        let mut stream = Stream::new(terms);
        for seq in 1..=3 {
            let packet = Packet {
                seq,
                time: 0,
                payload_type: 96,
                marker: false,
                level: None,
                orientation: None,
                waits: false,
                payload: vec![0; 10].into(),
                patch: crate::send::Patch::default(),
                at: now,
            };
            assert!(stream.send(now, packet, seq).is_some());
        }
        let mut fill = |now| {
            let seq = stream.newest_kept(now)?;
            stream.send_again(now, seq, 0, &mut Vec::new()).map(|_| seq)
        };
        assert_eq!([(); 5].map(|()| fill(now)), [3, 2, 1, 3, 3].map(Some));
        assert_eq!(fill(now + MAX_AGE * 2), None);
    }

    #[test]
    fn a_number_is_used_once() {
        let mut used = Used::default();
        for (seq, free) in [
            (1_000, true),
            (1_000, false),
            (1_003, true),
            (1_001, true),
            (1_001, false),
            (1_003, false),
            (1_200, true),
            (1_003, false),
            (1_073, true),
            (1_072, false),
        ] {
            assert_eq!(used.take(seq).is_some(), free, "{seq}");
        }
    }
}
