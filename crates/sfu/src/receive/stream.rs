//! One stream that comes in: what of it has come, and what its sender is told about that (RFC 3550, sections 6.4.1 and A.8).

use std::time::{Duration, Instant};

use super::{
    missing::{Missing, Span},
    window::Window,
    write::Block,
};

/// Numbers that jump further say that the stream has started anew: what is between was never sent.
const MAX_JUMP: u64 = 1_000;
/// Of a stream that sends nothing for so long, nothing is about to be missed.
const ACTIVE: Duration = Duration::from_millis(300);
/// So that times before the first are above zero.
const ABOVE_ZERO: u64 = 1 << 32;

#[derive(Debug)]
pub(crate) struct Stream {
    /// What has been passed on, on whatever way it came.
    passed: Window,
    pub(crate) missing: Missing,
    /// What the next packet jumps over is not missing.
    leaps: bool,
    /// The newest of its numbers on the whole connection, and when it came.
    newest: Option<(u64, Instant)>,
    /// The newest RTP time, which does not wrap.
    time: u64,
    /// Packets that came by themselves, and that should have come, since the beginning and at the last report.
    came: u64,
    first: u64,
    reported: (u64, u64),
    /// RFC 3550, section A.8: the last packet's transit, and sixteen times the jitter, both in RTP time.
    transit: Option<(u32, u32)>,
    jitter: u32,
    /// The last report of its sender: the middle of its time, and when it came.
    told: Option<(u32, Instant)>,
}

impl Stream {
    pub(crate) fn new(seq: u64, time: u32) -> Self {
        Self {
            passed: Window::before(seq),
            missing: Missing::default(),
            leaps: false,
            newest: None,
            time: ABOVE_ZERO + u64::from(time),
            came: 0,
            first: seq,
            reported: (0, 0),
            transit: None,
            jitter: 0,
            told: None,
        }
    }

    /// A packet came by itself. `elapsed` is the time since any beginning.
    pub(crate) fn count(&mut self, elapsed: Duration, clock: u32, time: u32) {
        self.came += 1;
        let ticks = elapsed.as_micros() * u128::from(clock) / 1_000_000;
        #[expect(clippy::cast_possible_truncation, reason = "RTP time wraps")]
        let transit = (ticks as u32).wrapping_sub(time);
        match self.transit.replace((time, transit)) {
            // Only the first packet of a picture left when its time says.
            Some((before, earlier)) if before == time => self.transit = Some((before, earlier)),
            Some((_, earlier)) => {
                let apart = transit.wrapping_sub(earlier).cast_signed().unsigned_abs();
                self.jitter = self.jitter.saturating_add(apart).saturating_sub((self.jitter + 8) >> 4);
            }
            None => {}
        }
    }

    /// What has not come so far is not worth asking for.
    pub(crate) fn forget_lost(&mut self) {
        self.missing = Missing::default();
        self.leaps = true;
    }

    /// Whether the packet with this number is to be passed on. What it jumps over is missing from now on. `number` is that on the whole connection, if it
    /// came by itself.
    pub(crate) fn passes(&mut self, now: Instant, seq: u64, number: Option<u64>) -> bool {
        let newest = self.passed.newest();
        if !self.passed.take(seq) {
            return false;
        }
        if seq > newest {
            if seq - newest > MAX_JUMP {
                (self.came, self.first, self.reported) = (1, seq, (0, 0));
            }
            let after = self.newest.map_or(0, |(newest, _)| newest);
            if !std::mem::take(&mut self.leaps) {
                self.missing.skipped(now, newest + 1, seq, Span { after, before: number.unwrap_or(0) });
            }
            self.newest = number.map(|number| (number, now)).or(self.newest);
        } else {
            self.missing.came(seq);
        }
        true
    }

    /// Between which numbers of the whole connection something of this may be missing, or about to be missed.
    pub(crate) fn spans(&self, now: Instant) -> impl Iterator<Item = Span> {
        let active = self.newest.filter(|(_, at)| now.saturating_duration_since(*at) < ACTIVE);
        let newest = active.map(|(after, _)| Span { after, before: u64::MAX });
        self.missing.spans().chain(newest)
    }

    /// The whole number of a packet, by its end; none if it has been passed on.
    pub(crate) fn expects(&self, low: u16) -> Option<u64> {
        self.passed.expects(low)
    }

    /// RTP time that does not wrap.
    pub(crate) fn extended(&mut self, time: u32) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
        let ahead = time.wrapping_sub(self.time as u32).cast_signed();
        let extended = self.time.saturating_add_signed(i64::from(ahead));
        self.time = self.time.max(extended);
        extended
    }

    pub(crate) fn told(&mut self, now: Instant, middle: u32) {
        self.told = Some((middle, now));
    }

    /// What is to be reported, if anything has come since the last time.
    pub(crate) fn report(&mut self, now: Instant, ssrc: u32) -> Option<Block> {
        let highest = self.passed.newest();
        let expected = (highest + 1).saturating_sub(self.first);
        let (came_before, expected_before) = std::mem::replace(&mut self.reported, (self.came, expected));
        if self.came == came_before {
            return None;
        }
        let expected_now = expected.saturating_sub(expected_before);
        let lost_now = expected_now.saturating_sub(self.came - came_before);
        let share = (lost_now << 8).checked_div(expected_now).unwrap_or(0);
        let lost = i64::try_from(expected).unwrap_or(i64::MAX) - i64::try_from(self.came).unwrap_or(i64::MAX);
        let since = self.told.map_or(0, |(_, at)| now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000);
        Some(Block {
            ssrc,
            share: u8::try_from(share).unwrap_or(u8::MAX),
            lost,
            #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
            highest: highest as u32,
            jitter: self.jitter >> 4,
            last: self.told.map_or(0, |(middle, _)| middle),
            since: u32::try_from(since).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(20);

    fn come(stream: &mut Stream, now: Instant, seq: u64, at: Duration) {
        #[expect(clippy::cast_possible_truncation, reason = "a test")]
        stream.count(at, 48_000, seq as u32 * 960);
        stream.passes(now, seq, None);
    }

    #[test]
    fn losses_are_reported_as_they_are() {
        let (start, mut stream) = (Instant::now(), Stream::new(1_000, 0));
        for seq in (1_000..1_100).filter(|seq| seq % 4 != 1) {
            come(&mut stream, start, seq, TICK * u32::try_from(seq).unwrap());
        }
        let block = stream.report(start, 7).unwrap();
        assert_eq!((block.ssrc, block.lost, block.highest, block.jitter), (7, 25, 1_099, 0));
        assert_eq!(block.share, 64, "a quarter of 256");
        assert_eq!(stream.report(start, 7), None, "nothing came");
        // What was sent again is passed on, and was lost all the same.
        assert!(stream.passes(start, 1_097, None));
        for seq in 1_100..1_110 {
            come(&mut stream, start, seq, TICK * u32::try_from(seq).unwrap());
        }
        let block = stream.report(start, 7).unwrap();
        assert_eq!((block.share, block.lost), (0, 25));
    }

    #[test]
    fn a_stream_that_starts_anew_has_lost_nothing() {
        let (start, mut stream) = (Instant::now(), Stream::new(1_000, 0));
        come(&mut stream, start, 1_000, TICK);
        come(&mut stream, start, 30_000, TICK);
        let block = stream.report(start, 7).unwrap();
        assert_eq!((block.share, block.lost, block.highest), (0, 0, 30_000));
        assert_eq!(stream.missing.next(), None);
    }

    #[test]
    fn jitter_is_that_of_the_first_packets_of_pictures() {
        let (start, mut stream) = (Instant::now(), Stream::new(0, 0));
        for seq in 0..200_u32 {
            let late = if seq % 2 == 0 { Duration::ZERO } else { Duration::from_millis(10) };
            stream.count(TICK * seq + late, 48_000, seq * 960);
            // The rest of the picture comes later, which says nothing.
            stream.count(TICK * seq + late + TICK, 48_000, seq * 960);
            stream.passes(start, u64::from(seq), None);
        }
        let jitter = stream.report(start, 7).unwrap().jitter;
        assert!((470..=480).contains(&jitter), "10 ms: {jitter}");
    }

    #[test]
    fn the_senders_report_is_answered() {
        let (start, mut stream) = (Instant::now(), Stream::new(0, 0));
        come(&mut stream, start, 0, TICK);
        stream.told(start, 0x0102_0304);
        let block = stream.report(start + Duration::from_millis(500), 7).unwrap();
        assert_eq!((block.last, block.since), (0x0102_0304, 32_768));
    }

    #[test]
    fn time_does_not_wrap() {
        let mut stream = Stream::new(0, u32::MAX);
        let first = stream.extended(u32::MAX);
        assert_eq!(stream.extended(9), first + 10);
        assert_eq!(stream.extended(u32::MAX - 1), first - 1, "came late");
        assert_eq!(stream.extended(10), first + 11);
    }
}
