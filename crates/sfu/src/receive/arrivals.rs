//! When packets arrived, by the numbers they have on the whole connection, and how the other end is told
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). What is told of those that got lost is decided in [`crate::estimate`].

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{missing::Span, write};
use crate::{
    estimate::{Came, Chance},
    send::extended,
};

const INTERVAL: Duration = Duration::from_millis(50);
const TRANSPORT_FEEDBACK: u8 = 205;
const TRANSPORT_WIDE: u8 = 15;
/// What was lost by chance is told once it has been sent again, if that does not take longer: senders forget what is told to have arrived.
const HOLD: i64 = 200_000;
const HELD: Duration = Duration::from_millis(20);
/// What comes later than that after the others is not told.
const BACK: Duration = Duration::from_millis(500);
/// Half a second of 30 Mbit/s.
const MOST: usize = 2_048;
/// The other end counts anew.
const MAX_JUMP: u64 = 1_000;
/// Fits into a datagram with the largest deltas.
const IN_ONE: usize = 400;
/// So that numbers before the first are above zero.
const ABOVE_ZERO: u64 = 1 << 16;
/// Units of the reference time, and of deltas, in microseconds.
const REFERENCE: i64 = 64_000;
const DELTA: i64 = 250;

#[derive(Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    /// The number of the first that is remembered.
    first: u64,
    came: VecDeque<Option<Came>>,
    /// From here on nothing was told, or has to be told anew.
    next: u64,
    /// From here on nothing was told.
    fresh: u64,
    due: Option<Instant>,
    reports: u8,
    chance: Chance,
}

/// A packet as it came.
pub(crate) struct Arrived {
    pub(crate) number: u16,
    /// When it left by its sender's clock, in units of 2^-18 seconds; 24 bits.
    pub(crate) sent: Option<u32>,
    pub(crate) bytes: usize,
    /// Nothing of what it belongs to follows.
    pub(crate) ends: bool,
}

impl Arrivals {
    pub(crate) fn new(now: Instant) -> Self {
        let (first, next, fresh) = (0, 0, 0);
        let (came, chance) = (VecDeque::new(), Chance::default());
        Self { start: now, first, came, next, fresh, due: None, reports: 0, chance }
    }

    /// Returns its number, which does not wrap, if it did not come before.
    pub(crate) fn came(&mut self, now: Instant, arrived: &Arrived) -> Option<u64> {
        let at = now.saturating_duration_since(self.start);
        let sent = arrived.sent.map(|sent| self.chance.sent(sent));
        let bytes = u16::try_from(arrived.bytes).unwrap_or(u16::MAX);
        let came = Came { at: i64::try_from(at.as_micros()).unwrap_or(i64::MAX), sent, bytes, ends: arrived.ends };
        let number = self.insert(arrived.number, came)?;
        self.due.get_or_insert(now + INTERVAL);
        Some(number)
    }

    /// None if it came before or comes too late.
    fn insert(&mut self, low: u16, came: Came) -> Option<u64> {
        let end = self.first + self.remembered();
        let number = if end == 0 { Some(ABOVE_ZERO + u64::from(low)) } else { extended(low, end) };
        let number = number?;
        if end == 0 || number.saturating_sub(end) > MAX_JUMP {
            self.came.clear();
            (self.first, self.next, self.fresh) = (number, number, number);
        }
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        if place >= self.came.len() {
            self.came.resize(place + 1, None);
        }
        if self.came[place].is_some() {
            return None;
        }
        self.came[place] = Some(came);
        if number < self.fresh {
            self.chance.came_after_all();
        }
        self.next = self.next.min(number);
        while self.came.len() > MOST {
            self.forget_first();
        }
        Some(number)
    }

    fn remembered(&self) -> u64 {
        u64::try_from(self.came.len()).unwrap_or(0)
    }

    pub(crate) fn start_anew(&mut self) {
        self.chance = Chance::default();
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is due is written. `ssrc` is any of the other end's; between the numbers of `spans` there may be something that has to be sent again.
    pub(crate) fn report(&mut self, now: Instant, ssrc: u32, spans: &[Span], out: &mut Vec<Vec<u8>>) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        let place = |number: u64| usize::try_from(number.saturating_sub(self.first)).unwrap_or(0);
        let (from, fresh) = (place(self.next), place(self.fresh));
        let all = self.came.make_contiguous();
        let mut told = self.chance.judge(all, from, fresh);
        self.fresh = self.first + u64::try_from(all.len()).unwrap_or(0);
        let elapsed = i64::try_from(now.saturating_duration_since(self.start).as_micros()).unwrap_or(i64::MAX);
        if let Some(held) = hold(&mut told, &all[from..], self.next, elapsed, spans) {
            told.truncate(held);
            self.due = Some(now + HELD);
        }
        let mut rest = &told[..];
        let mut number = self.next;
        while !rest.is_empty() {
            let (packet, count) = feedback(number, ssrc, self.reports, rest);
            out.push(packet);
            self.reports = self.reports.wrapping_add(1);
            number += u64::try_from(count).unwrap_or(0);
            rest = &rest[count..];
        }
        self.next = number;
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start).saturating_sub(BACK);
        let old = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
        // One stays, so that it is known where the numbers are; and so does what is held, with what came before it.
        while self.first + 1 < self.next && self.came[0].is_none_or(|came| came.at < old) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        self.came.pop_front();
        self.first += 1;
        self.next = self.next.max(self.first);
    }
}

/// From where on it is too early to tell: something that is excused there may have to be sent again. What has waited for long enough is told as lost.
fn hold(told: &mut [Option<i64>], came: &[Option<Came>], first: u64, elapsed: i64, spans: &[Span]) -> Option<usize> {
    let mut end = None;
    for ((index, told), number) in told.iter_mut().enumerate().zip(first..) {
        if came[index].is_some() || told.is_none() || !spans.iter().any(|span| span.holds(number)) {
            continue;
        }
        let noticed = came[index..].iter().flatten().next().map_or(elapsed, |next| next.at);
        if elapsed - noticed < HOLD {
            end = Some(index);
            break;
        }
        *told = None;
    }
    end
}

/// One packet, and of how many it tells. All that arrive do so at most eight seconds after each other, or the rest is left for the next.
#[expect(clippy::cast_possible_truncation, reason = "numbers in packets are the low bits of those that never wrap")]
fn feedback(number: u64, ssrc: u32, count: u8, told: &[Option<i64>]) -> (Vec<u8>, usize) {
    let first = told.iter().flatten().next().copied().unwrap_or(0);
    let reference = first.div_euclid(REFERENCE);
    let mut before = reference * REFERENCE / DELTA;
    let (mut symbols, mut deltas) = (Vec::new(), Vec::new());
    for at in told.iter().take(IN_ONE) {
        let Some(at) = at else {
            symbols.push(0);
            continue;
        };
        let at = at.div_euclid(DELTA);
        let Ok(delta) = i16::try_from(at - before) else { break };
        before = at;
        if let Ok(small) = u8::try_from(delta) {
            symbols.push(1);
            deltas.push(small);
        } else {
            symbols.push(2);
            deltas.extend(delta.to_be_bytes());
        }
    }
    let told = symbols.len();
    let mut words = ssrc.to_be_bytes().to_vec();
    words.extend((number as u16).to_be_bytes());
    words.extend((told as u16).to_be_bytes());
    words.extend(&reference.to_be_bytes()[5..]);
    words.push(count);
    chunks(&symbols, &mut words);
    words.extend(deltas);
    (write::packet(TRANSPORT_WIDE, TRANSPORT_FEEDBACK, &words), told)
}

/// Runs, and vectors of one or two bits each (sections 3.1.3 and 3.1.4 of the draft).
fn chunks(symbols: &[u8], words: &mut Vec<u8>) {
    const VECTOR: u16 = 0x8000;
    const TWO_BITS: u16 = 0x4000;
    let mut rest = symbols;
    while let [first, ..] = rest {
        let run = rest.iter().take_while(|symbol| *symbol == first).count();
        let (chunk, covers) = if run > 7 || run == rest.len() {
            (u16::from(*first) << 13 | u16::try_from(run).unwrap_or(0), run)
        } else if rest.iter().take(14).all(|symbol| *symbol < 2) {
            (VECTOR | vector(rest, 14, 1), 14)
        } else {
            (VECTOR | TWO_BITS | vector(rest, 7, 2), 7)
        };
        words.extend(chunk.to_be_bytes());
        rest = rest.get(covers..).unwrap_or_default();
    }
}

fn vector(symbols: &[u8], count: usize, bits: u16) -> u16 {
    let all = symbols.iter().copied().chain(std::iter::repeat(0)).take(count);
    all.fold(0, |vector, symbol| vector << bits | u16::from(symbol))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::{Clock, Said, read};

    const STEP: Duration = Duration::from_millis(10);

    /// Numbers and times in milliseconds, as a sender reads them.
    fn told(arrivals: &mut Arrivals, now: Instant) -> Vec<(u64, Option<u64>)> {
        told_but(arrivals, now, &[])
    }

    fn told_but(arrivals: &mut Arrivals, now: Instant, spans: &[Span]) -> Vec<(u64, Option<u64>)> {
        let mut packets = Vec::new();
        arrivals.report(now, 9, spans, &mut packets);
        let mut clock = Clock::default();
        let mut all = Vec::new();
        for packet in packets {
            assert!(packet.len() <= 1_100);
            match read(&packet).as_slice() {
                [Said::Arrivals(feedback)] => all.extend(clock.arrivals(feedback, 1 << 16)),
                other => unreachable!("{other:?}"),
            }
        }
        let millis = |at: Duration| u64::try_from(at.as_millis()).unwrap() - (64 << 24);
        all.iter().map(|arrival| (arrival.number, arrival.at.map(millis))).collect()
    }

    fn arrived(number: u16) -> Arrived {
        Arrived { number, sent: None, bytes: 1_000, ends: true }
    }

    #[test]
    fn what_arrived_is_told_with_its_time_and_what_did_not_as_lost() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        assert_eq!(arrivals.due(), None);
        for (number, at) in [(65_534, 100), (65_535, 100), (2, 700), (1, 701)] {
            arrivals.came(start + Duration::from_millis(at), &arrived(number));
        }
        assert_eq!(arrivals.due(), Some(start + Duration::from_millis(150)));
        let now = start + Duration::from_millis(800);
        let expected =
            [(65_534, Some(100)), (65_535, Some(100)), (65_536, None), (65_537, Some(701)), (65_538, Some(700))];
        assert_eq!(told(&mut arrivals, now), expected);
        assert_eq!(arrivals.due(), None);
        assert!(told(&mut arrivals, now + INTERVAL).is_empty(), "nothing new");
    }

    #[test]
    fn what_comes_late_is_told_with_all_that_came_after_it() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for number in [7, 9, 10] {
            arrivals.came(start + STEP, &arrived(number));
        }
        assert_eq!(told(&mut arrivals, start + INTERVAL * 2)[1], (0x1_0008, None));
        arrivals.came(start + INTERVAL * 2, &arrived(8));
        arrivals.came(start + INTERVAL * 2, &arrived(8));
        let again = told(&mut arrivals, start + INTERVAL * 3);
        assert_eq!(again, [(0x1_0008, Some(100)), (0x1_0009, Some(10)), (0x1_000a, Some(10))]);
        arrivals.came(start + BACK * 3, &arrived(11));
        told(&mut arrivals, start + BACK * 4);
        arrivals.came(start + BACK * 4, &arrived(6));
        assert_eq!(arrivals.due(), None, "too late");
    }

    #[test]
    fn what_is_excused_is_told_once_it_has_been_sent_again_or_else_as_lost() {
        let start = Instant::now();
        let (missing, at) = ([Span { after: 0x1_0007, before: 0x1_0009 }], |ms| start + Duration::from_millis(ms));
        let start_with = || {
            let mut arrivals = Arrivals::new(start);
            for (number, sent) in [(7, 0_u32), (9, 20)] {
                let sent_at = Some((sent << 18) / 1_000);
                arrivals.came(at(u64::from(sent) + 5), &Arrived { sent: sent_at, ..arrived(number) });
            }
            assert_eq!(told_but(&mut arrivals, at(60), &missing), [(0x1_0007, Some(5))]);
            assert_eq!(arrivals.due(), Some(at(60) + HELD));
            arrivals
        };
        let mut repaired = start_with();
        assert_eq!(told(&mut repaired, at(80)), [(0x1_0008, Some(25)), (0x1_0009, Some(25))]);
        let mut lost = start_with();
        assert!(told_but(&mut lost, at(224), &missing).is_empty(), "it may still come");
        assert_eq!(told_but(&mut lost, at(245), &missing), [(0x1_0008, None), (0x1_0009, Some(25))]);
    }

    #[test]
    fn what_is_held_is_told_though_nothing_came_for_long_before_it() {
        let start = Instant::now();
        let (missing, at) = ([Span { after: 0x1_0007, before: 0x1_0009 }], |ms| start + Duration::from_millis(ms));
        let mut arrivals = Arrivals::new(start);
        for (number, ms) in [(7, 5), (9, 705)] {
            let sent = Some(((u32::try_from(ms).unwrap() - 5) << 18) / 1_000);
            arrivals.came(at(ms), &Arrived { sent, ..arrived(number) });
            told_but(&mut arrivals, at(ms + 50), &missing);
        }
        assert_eq!(told(&mut arrivals, at(780)), [(0x1_0008, Some(705)), (0x1_0009, Some(705))]);
    }

    #[test]
    fn any_pattern_is_read_as_it_was_written() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let mut expected = Vec::new();
        let mut state: u32 = 1;
        let mut at = start;
        for number in 0..2_000_u16 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Now and then long runs of either kind, and leaps of a second.
            let lost = if number % 500 < 100 { number % 200 < 50 } else { state >> 30 == 0 };
            at += if state >> 24 == 7 { Duration::from_secs(1) } else { Duration::from_millis(u64::from(state >> 31)) };
            if !lost || number == 0 {
                arrivals.came(at, &arrived(number));
            }
            let millis = u64::try_from((at - start).as_millis()).unwrap();
            expected.push((ABOVE_ZERO + u64::from(number), (!lost || number == 0).then_some(millis)));
        }
        let told = told(&mut arrivals, at + INTERVAL);
        let last = expected.iter().rposition(|(_, at)| at.is_some()).unwrap();
        assert!(told == expected[..=last], "{} and {}", told.len(), last + 1);
    }

    #[test]
    fn what_is_kept_is_bounded_and_numbers_may_start_anew() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for number in 0..60_000_u32 {
            arrivals.came(start, &arrived(u16::try_from(number).unwrap()));
            if number % 10_000 == 9_999 {
                arrivals.report(start + INTERVAL, 9, &[], &mut Vec::new());
            }
            assert!(arrivals.came.len() <= MOST, "however long until the next report");
        }
        arrivals.came(start, &arrived(20_000));
        assert!(told(&mut arrivals, start + INTERVAL * 2).len() <= 1, "not forty thousand lost ones");
    }
}
