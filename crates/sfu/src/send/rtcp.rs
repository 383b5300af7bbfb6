//! What the other end says about what it is sent, and what it is told about it (RFC 3550, section 6; RFC 4585, section 6).

use std::time::Duration;

use crate::estimate::Arrival;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const NACK: u8 = 1;
const TRANSPORT_WIDE: u8 = 15;
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA: u8 = 4;
/// Of all numbers a compound packet may ask for: more than is kept.
const MAX_ASKED: usize = 1_024;
/// Of all packets it may say something of: more than are under way. A status of thousands takes two bytes.
const MAX_STATUSES: usize = 8_192;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// These did not arrive.
    Missing {
        ssrc: u32,
        seqs: Vec<u16>,
    },
    KeyframeWanted {
        ssrc: u32,
    },
    /// Which sender report came last, and how long before this was said.
    Report {
        ssrc: u32,
        last: u32,
        since: Duration,
    },
    Arrivals(Arrivals),
    /// What time it is at the other end: the middle of it, as it is answered.
    Time {
        ssrc: u32,
        middle: u32,
    },
}

/// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1), numbers not yet extended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrivals {
    /// One more than that of the report before.
    pub(crate) count: u8,
    pub(crate) first: u16,
    /// In units of 64 ms.
    pub(crate) reference: u32,
    /// After the reference and each other, in units of 250 µs; `None`: did not arrive.
    pub(crate) deltas: Vec<Option<i16>>,
}

/// All that a compound packet says. What cannot be read ends it.
pub(crate) fn read(mut compound: &[u8]) -> Vec<Said> {
    let mut said = Vec::new();
    let (mut may_ask, mut may_tell) = (MAX_ASKED, MAX_STATUSES);
    while let Some((kind, count, body, rest)) = next(compound) {
        match kind {
            SENDER_REPORT => {
                said.extend(
                    word(body.get(..4)).zip(word(body.get(6..10))).map(|(ssrc, middle)| Said::Time { ssrc, middle }),
                );
                reports(body.get(24..).unwrap_or_default(), count, &mut said);
            }
            RECEIVER_REPORT => reports(body.get(4..).unwrap_or_default(), count, &mut said),
            TRANSPORT_FEEDBACK if count == NACK => said.extend(nack(body, &mut may_ask)),
            TRANSPORT_FEEDBACK if count == TRANSPORT_WIDE => {
                said.extend(arrivals(body, &mut may_tell).map(Said::Arrivals));
            }
            PAYLOAD_FEEDBACK if count == PICTURE_LOSS => said.extend(wanted(body.get(4..8))),
            PAYLOAD_FEEDBACK if count == FULL_INTRA => {
                said.extend(
                    body.get(8..).unwrap_or_default().chunks_exact(8).filter_map(|entry| wanted(entry.get(..4))),
                );
            }
            // A goodbye above all: browsers say it when lines change, and go on with the same source.
            _ => {}
        }
        compound = rest;
    }
    said
}

/// Kind, count or format, what follows the first word, and what follows the packet.
fn next(compound: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [first, kind, high, low, ..] = *compound else { return None };
    let length = usize::from(u16::from_be_bytes([high, low])) * 4;
    let (body, rest) = compound.get(4..)?.split_at_checked(length)?;
    (first >> 6 == 2).then_some((kind, first & 0x1f, body, rest))
}

fn word(bytes: Option<&[u8]>) -> Option<u32> {
    Some(u32::from_be_bytes(bytes?.try_into().ok()?))
}

fn wanted(ssrc: Option<&[u8]>) -> Option<Said> {
    Some(Said::KeyframeWanted { ssrc: word(ssrc)? })
}

fn reports(blocks: &[u8], count: u8, said: &mut Vec<Said>) {
    let block = |block: &[u8]| {
        let since = u64::from(word(block.get(20..24))?) * 1_000_000 / 65_536;
        let last = word(block.get(16..20)).filter(|last| *last != 0)?;
        Some(Said::Report { ssrc: word(block.get(..4))?, last, since: Duration::from_micros(since) })
    };
    said.extend(blocks.chunks_exact(24).take(usize::from(count)).filter_map(block));
}

fn nack(body: &[u8], may_ask: &mut usize) -> Option<Said> {
    let ssrc = word(body.get(4..8))?;
    let entries = body.get(8..)?.chunks_exact(4);
    let seqs = entries.flat_map(|entry| {
        let first = u16::from_be_bytes([entry[0], entry[1]]);
        let bits = u16::from_be_bytes([entry[2], entry[3]]);
        let more = (0..16).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit + 1));
        std::iter::once(first).chain(more)
    });
    let seqs: Vec<u16> = seqs.take(*may_ask).collect();
    *may_ask -= seqs.len();
    (!seqs.is_empty()).then_some(Said::Missing { ssrc, seqs })
}

fn arrivals(body: &[u8], may_tell: &mut usize) -> Option<Arrivals> {
    let fixed: [u8; 8] = body.get(8..16)?.try_into().ok()?;
    let [f0, f1, c0, c1, r0, r1, r2, count_of_reports] = fixed;
    let count = usize::from(u16::from_be_bytes([c0, c1]));
    *may_tell = may_tell.checked_sub(count)?;
    let mut rest = body.get(16..)?;
    let mut symbols: Vec<u8> = Vec::new();
    while symbols.len() < count {
        let ([high, low], after) = rest.split_first_chunk::<2>()?;
        chunk(u16::from_be_bytes([*high, *low]), count - symbols.len(), &mut symbols);
        rest = after;
    }
    let mut deltas = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        deltas.push(match symbol {
            0 => None,
            1 => {
                let (delta, after) = rest.split_first()?;
                rest = after;
                Some(i16::from(*delta))
            }
            _ => {
                let (delta, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                Some(i16::from_be_bytes(*delta))
            }
        });
    }
    let (first, reference) = (u16::from_be_bytes([f0, f1]), u32::from_be_bytes([0, r0, r1, r2]));
    Some(Arrivals { count: count_of_reports, first, reference, deltas })
}

/// A packet status chunk (sections 3.1.3 and 3.1.4): a run, or fourteen or seven single ones.
fn chunk(chunk: u16, wanted: usize, symbols: &mut Vec<u8>) {
    const VECTOR: u16 = 0x8000;
    const TWO_BITS: u16 = 0x4000;
    let two = |bits: u16| u8::try_from(bits & 3).unwrap_or(0);
    if chunk & VECTOR == 0 {
        let run = usize::from(chunk & 0x1fff);
        symbols.extend(std::iter::repeat_n(two(chunk >> 13), run.min(wanted)));
    } else if chunk & TWO_BITS == 0 {
        symbols.extend((0..14).rev().take(wanted).map(|bit| two(chunk >> bit & 1)));
    } else {
        symbols.extend((0..7).rev().take(wanted).map(|pair| two(chunk >> (2 * pair))));
    }
}

/// The receiver's clock as it is told, in reports that follow each other: its references have 24 bits.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// Newest reference, unwrapped.
    newest: Option<i64>,
}

impl Clock {
    /// Arrivals with numbers that never wrap; `next` is the next number to be sent.
    pub(crate) fn arrivals(&mut self, feedback: &Arrivals, next: u64) -> Vec<Arrival> {
        const UNIT: i64 = 64_000;
        const BITS: i64 = 1 << 24;
        let told = i64::from(feedback.reference);
        let reference = match self.newest {
            // A clock that starts well above zero never gets below.
            None => told + BITS,
            Some(newest) => newest + (told - newest + BITS / 2).rem_euclid(BITS) - BITS / 2,
        };
        self.newest = Some(self.newest.map_or(reference, |newest| newest.max(reference)));
        let first = extended(feedback.first, next);
        let mut at = reference.saturating_mul(UNIT);
        let arrival = |(number, delta): (u64, &Option<i16>)| {
            at = at.saturating_add(i64::from(delta.unwrap_or(0)) * 250);
            let at = delta.and_then(|_| u64::try_from(at).ok()).map(Duration::from_micros);
            Some(Arrival { number: first?.checked_add(number)?, at })
        };
        (0..).zip(&feedback.deltas).filter_map(arrival).collect()
    }
}

/// The number nearest to `next` that ends like this.
pub(crate) fn extended(low: u16, next: u64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
    let end = next as u16;
    let behind = end.wrapping_sub(low);
    let far = u64::from(behind);
    if behind < 0x8000 { next.checked_sub(far) } else { next.checked_add(0x1_0000 - far) }
}

/// What a receiver is told about a stream (RFC 3550, section 6.4.1).
pub(crate) struct SenderReport {
    pub(crate) ssrc: u32,
    /// NTP time: seconds and fractions.
    pub(crate) ntp: u64,
    pub(crate) time: u32,
    pub(crate) packets: u32,
    pub(crate) bytes: u32,
}

impl SenderReport {
    pub(crate) const LENGTH: usize = 28;

    pub(crate) fn write(&self, compound: &mut Vec<u8>) {
        const WORDS_AFTER_THE_FIRST: u8 = 6;
        compound.extend([0x80, SENDER_REPORT, 0, WORDS_AFTER_THE_FIRST]);
        compound.extend(self.ssrc.to_be_bytes());
        compound.extend(self.ntp.to_be_bytes());
        compound.extend(self.time.to_be_bytes());
        compound.extend(self.packets.to_be_bytes());
        compound.extend(self.bytes.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of a compound: version, count, kind, length.
    fn packet(count: u8, kind: u8, body: &[u8]) -> Vec<u8> {
        let words = u8::try_from(body.len() / 4).unwrap();
        [&[0x80 | count, kind, 0, words], body].concat()
    }

    #[test]
    fn what_is_missing_is_read_with_its_bits() {
        let body = [0, 0, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0x80, 0x01];
        let expected = Said::Missing { ssrc: 9, seqs: vec![0xffff, 0x0000, 0x000f] };
        assert_eq!(read(&packet(NACK, TRANSPORT_FEEDBACK, &body)), [expected]);
    }

    #[test]
    fn a_compound_is_read_to_its_end_or_to_what_cannot_be_read() {
        let pli = packet(PICTURE_LOSS, PAYLOAD_FEEDBACK, &[0, 0, 0, 1, 0, 0, 0, 9]);
        let fir = packet(FULL_INTRA, PAYLOAD_FEEDBACK, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 0]);
        let block = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 1, 0x80, 0];
        let report = packet(1, RECEIVER_REPORT, &[&[0, 0, 0, 1][..], &block].concat());
        let bye = packet(1, 203, &[0, 0, 0, 1]);
        let whole = [report, pli.clone(), fir, bye, vec![0x80, 205, 0, 200, 1]].concat();
        let since = Duration::from_millis(1_500);
        let expected = [
            Said::Report { ssrc: 9, last: 0x0102_0304, since },
            Said::KeyframeWanted { ssrc: 9 },
            Said::KeyframeWanted { ssrc: 7 },
        ];
        assert_eq!(read(&whole), expected);
        assert_eq!(read(&[&[0x40, 206, 0, 2][..], &pli[4..]].concat()), [], "another version");
    }

    #[test]
    fn a_sender_tells_its_time_and_what_it_has_received() {
        let block = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 1, 0, 0];
        let time = [0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let expected = [
            Said::Time { ssrc: 5, middle: 0x0304_0506 },
            Said::Report { ssrc: 9, last: 0x0102_0304, since: Duration::from_secs(1) },
        ];
        assert_eq!(read(&packet(1, SENDER_REPORT, &[&time[..], &block].concat())), expected);
        assert_eq!(read(&packet(0, SENDER_REPORT, &time[..8])), [], "cut off");
    }

    /// Feedback with these chunks and deltas, for so many packets from 65,535 on.
    fn feedback(count: u8, reference: u8, rest: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 0, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0, count, 0, 0, reference, 0];
        body.extend(rest);
        body.resize(body.len().next_multiple_of(4), 0);
        packet(TRANSPORT_WIDE, TRANSPORT_FEEDBACK, &body)
    }

    fn arrivals_of(packet: &[u8]) -> Arrivals {
        match read(packet).pop() {
            Some(Said::Arrivals(arrivals)) => arrivals,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn arrivals_come_in_runs_and_vectors() {
        // A run of two small deltas, then one bit each: lost, arrived, and lost to the end.
        let whole = feedback(6, 1, &[0x20, 0x02, 0x90, 0x00, 4, 8, 1]);
        let read = arrivals_of(&whole);
        assert_eq!(read.deltas, [Some(4), Some(8), None, Some(1), None, None]);
        let two_bits = feedback(3, 1, &[0xe4, 0x00, 0xff, 0xfc, 5]);
        assert_eq!(arrivals_of(&two_bits).deltas, [Some(-4), Some(5), None]);
    }

    #[test]
    fn feedback_that_is_cut_off_says_nothing() {
        assert_eq!(read(&feedback(200, 1, &[0x20, 0x02, 4, 8])), []);
        assert_eq!(read(&feedback(4, 1, &[0x20, 0x04])), [], "no deltas");
    }

    #[test]
    fn a_compound_may_not_speak_of_more_packets_than_there_are() {
        let all = [0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0x10, 0, 0, 0, 1, 0, 0x1f, 0xff, 0, 0];
        let many: Vec<u8> =
            std::iter::repeat_n(packet(TRANSPORT_WIDE, TRANSPORT_FEEDBACK, &all), 70).flatten().collect();
        let statuses = |said: &Said| if let Said::Arrivals(arrivals) = said { arrivals.deltas.len() } else { 0 };
        assert_eq!(read(&many).iter().map(statuses).sum::<usize>(), 8_192);
        let all = [&[0, 0, 0, 1, 0, 0, 0, 9][..], &[0, 7, 0xff, 0xff].repeat(40)].concat();
        let many: Vec<u8> = std::iter::repeat_n(packet(NACK, TRANSPORT_FEEDBACK, &all), 8).flatten().collect();
        let asked = |said: &Said| if let Said::Missing { seqs, .. } = said { seqs.len() } else { 0 };
        assert_eq!(read(&many).iter().map(asked).sum::<usize>(), MAX_ASKED);
    }

    #[test]
    fn a_clock_that_leaps_for_ever_is_no_overflow() {
        let mut clock = Clock { newest: Some(i64::MAX - (1 << 24)) };
        let feedback = Arrivals { count: 0, first: 1, reference: 0x007f_ffff, deltas: vec![Some(i16::MAX); 3] };
        assert_eq!(clock.arrivals(&feedback, 1).len(), 3);
    }

    #[test]
    fn numbers_and_times_do_not_wrap() {
        let mut clock = Clock::default();
        let at = |clock: &mut Clock, reference, next| {
            let feedback = Arrivals { count: 0, first: 0xffff, reference, deltas: vec![Some(4), None, Some(-4)] };
            let arrivals = clock.arrivals(&feedback, next);
            let numbers: Vec<u64> = arrivals.iter().map(|arrival| arrival.number).collect();
            (numbers, arrivals[2].at.unwrap())
        };
        let (numbers, first) = at(&mut clock, 0x00ff_ffff, 0x1_0005);
        assert_eq!(numbers, [0xffff, 0x1_0000, 0x1_0001]);
        let (_, second) = at(&mut clock, 0, 0x1_0005);
        assert_eq!(second, first + Duration::from_millis(64), "the reference has wrapped");
        let (_, third) = at(&mut clock, 0x00ff_ffff, 0x1_0005);
        assert_eq!(third, first, "an overtaken report");
    }

    #[test]
    fn the_nearest_number_is_meant() {
        for (low, next, expected) in [
            (0xffff, 0x1_0000, Some(0xffff)),
            (5, 0x2_0003, Some(0x2_0005)),
            (3, 0x2_0003, Some(0x2_0003)),
            (9, 3, Some(9)),
            (0xffff, 3, None),
        ] {
            assert_eq!(extended(low, next), expected, "{low} near {next}");
        }
    }
}
