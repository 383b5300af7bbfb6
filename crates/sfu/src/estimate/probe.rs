//! Bursts that find out whether more gets through than is sent: when, how large, and what came of them.

use super::{
    Probe,
    units::{MILLISECOND, Micros, SECOND, percent, rate},
};

/// The first burst, times the first estimate.
const FIRST: u64 = 3;
/// Each one after it, times what is known.
const STEP: u64 = 2;
/// Fewer packets tell nothing about a rate.
const PACKETS: u32 = 5;
/// Long enough to be seen, short enough not to be felt.
const LASTS_MILLIS: u64 = 15;
/// A burst that is not answered by then is given up.
const PATIENCE: Micros = 1_500 * MILLISECOND;
/// From a share of what was tried, it goes on at once with more.
const PAYS_PERCENT: u64 = 70;
/// Less gain than this is not worth a burst.
const WORTH_PERCENT: u64 = 120;
/// Arrived slower than it was sent by so much, a burst has shown the limit; then a little below, or a queue would stay.
const SATURATED_PERCENT: u64 = 90;
const BELOW_PERCENT: u64 = 95;
/// So many of its packets must arrive: not all, because a link that loses a fifth by chance can be measured as well.
const ARRIVED_PERCENT: u64 = 60;
/// More are not looked at; 24 bytes each.
const MOST_PACKETS: usize = 256;
const MOST_PACKETS_SENT: u32 = 256;
/// Faster than this, times as fast as sent, is a burst somebody held back.
const IMPLAUSIBLE: u64 = 2;
/// Between bursts that do not pay, doubled each time; the shorter limit holds while the next one is worth it.
const PAUSE: Micros = 2 * SECOND;
const LONGEST_PAUSE: Micros = 16 * SECOND;
const LONGEST_PAUSE_SOON: Micros = 3 * SECOND;
/// How often it is looked whether one is due, where the first look said no.
const LOOK: Micros = 250 * MILLISECOND;

/// What decides whether a burst makes sense now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    pub(super) estimate: u64,
    pub(super) wanted: u64,
    /// No queue grows or stands, and none has lately.
    pub(super) calm: bool,
    /// Less is sent than may be, so that growing by itself ends.
    pub(super) idle: bool,
    /// It was much higher a short time ago.
    pub(super) fallen: bool,
}

#[derive(Debug)]
pub(super) struct Prober {
    running: Option<Burst>,
    last_id: u32,
    /// What is tried next, because the last one paid.
    next: Option<u64>,
    due: Micros,
    pause: Micros,
}

#[derive(Debug, Default)]
struct Burst {
    id: u32,
    tried: u64,
    /// The estimate before.
    known: u64,
    bytes: u64,
    started: Micros,
    sent: u32,
    sent_bytes: u64,
    settled: u32,
    arrived: Vec<Packet>,
}

/// One of a burst that arrived.
#[derive(Debug, Clone, Copy)]
struct Packet {
    sent: Micros,
    arrived: Micros,
    bytes: u64,
}

impl Prober {
    pub(super) fn new(first: u64) -> Self {
        Self { running: None, last_id: 0, next: Some(first.saturating_mul(FIRST)), due: 0, pause: PAUSE }
    }

    pub(super) fn due(&self) -> Micros {
        self.running.as_ref().map_or(self.due, |burst| burst.started.saturating_add(PATIENCE))
    }

    /// The rate has fallen: not now, but soon.
    pub(super) fn fell(&mut self, now: Micros) {
        self.pause = PAUSE;
        self.next = None;
        self.due = self.due.min(now.saturating_add(SECOND));
    }

    /// More is wanted than before.
    pub(super) fn hurry(&mut self, now: Micros) {
        self.pause = PAUSE;
        self.due = self.due.min(now.saturating_add(LOOK));
        // Whatever is sent: growing by itself would take long.
        self.next.get_or_insert(u64::MAX);
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.running.as_ref().map_or(0, |burst| burst.arrived.capacity() * size_of::<Packet>())
    }

    /// A burst to send now.
    pub(super) fn advance(&mut self, now: Micros, situation: Situation) -> Option<Probe> {
        if self.running.is_some() || now < self.due {
            return None;
        }
        self.due = now.saturating_add(LOOK);
        if !situation.calm || situation.wanted == 0 {
            return None;
        }
        let again = (situation.idle || situation.fallen).then(|| situation.estimate.saturating_mul(STEP));
        let most = situation.wanted.saturating_mul(2).min(situation.estimate.saturating_mul(FIRST));
        let tried = self.next.or(again)?.min(most);
        if tried < percent(situation.estimate, WORTH_PERCENT) {
            // More may be wanted later.
            return None;
        }
        self.next = None;
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let bytes = tried.saturating_mul(LASTS_MILLIS) / 8_000;
        let known = situation.estimate;
        self.running = Some(Burst { id: self.last_id, tried, known, bytes, started: now, ..Burst::default() });
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Some(Probe { id: self.last_id, bits_per_second: tried, packets: PACKETS, bytes })
    }

    pub(super) fn sent(&mut self, id: u32, bytes: usize) {
        if let Some(burst) = self.running.as_mut().filter(|burst| burst.id == id) {
            burst.sent = burst.sent.saturating_add(1);
            burst.sent_bytes = burst.sent_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn arrived(&mut self, id: u32, sent: Micros, arrived: Micros, bytes: u16) {
        if let Some(burst) = self.running.as_mut().filter(|burst| burst.id == id) {
            burst.settled += 1;
            if burst.arrived.len() < MOST_PACKETS {
                burst.arrived.push(Packet { sent, arrived, bytes: u64::from(bytes) });
            }
        }
    }

    pub(super) fn lost(&mut self, id: u32) {
        if let Some(burst) = self.running.as_mut().filter(|burst| burst.id == id) {
            burst.settled += 1;
        }
    }

    /// What the burst has measured, in bit/s, when it is over.
    pub(super) fn conclude(&mut self, now: Micros, soon: bool) -> Option<u64> {
        let over = |burst: &Burst| burst.is_settled() || now.saturating_sub(burst.started) >= PATIENCE;
        let burst = self.running.take_if(|burst| over(burst))?;
        let measured = burst.measure();
        let reached = |least| measured.is_some_and(|measured| measured >= least);
        if reached(percent(burst.tried, PAYS_PERCENT)) || reached(percent(burst.known, WORTH_PERCENT)) {
            self.next = measured.map(|measured| measured.saturating_mul(STEP));
            self.pause = PAUSE;
            // Where less came than was tried, that was the limit, or somebody on the way had something else to do.
            self.due = if reached(percent(burst.tried, PAYS_PERCENT)) { now } else { now.saturating_add(LOOK) };
        } else {
            self.due = now.saturating_add(self.pause);
            let longest = if soon { LONGEST_PAUSE_SOON } else { LONGEST_PAUSE };
            self.pause = self.pause.saturating_mul(2).min(longest);
        }
        measured
    }
}

impl Burst {
    fn is_settled(&self) -> bool {
        self.sent >= PACKETS && self.sent_bytes >= self.bytes && self.settled >= self.sent
    }

    fn measure(&self) -> Option<u64> {
        let share = |whole: u64| percent(whole, ARRIVED_PERCENT);
        let count = |packets: u32| usize::try_from(share(u64::from(packets))).unwrap_or(usize::MAX);
        let sum = |packets: &[Packet]| packets.iter().map(|packet| packet.bytes).sum::<u64>();
        let tells = |packets: &[Packet]| packets.len() >= count(PACKETS) && sum(packets) >= share(self.bytes);
        if self.arrived.len() < count(self.sent.clamp(PACKETS, MOST_PACKETS_SENT)) || !tells(&self.arrived) {
            return None;
        }
        let packets = comparable(&self.arrived, tells);
        let bytes = sum(packets);
        let (first_sent, last_sent) = (packets.first()?, packets.last()?);
        let first_arrived = packets.iter().min_by_key(|packet| packet.arrived)?;
        let last_arrived = packets.iter().map(|packet| packet.arrived).max()?;
        let sending = last_sent.sent.saturating_sub(first_sent.sent);
        let arriving = last_arrived.saturating_sub(first_arrived.arrived);
        if sending > SECOND || arriving > SECOND {
            return None;
        }
        // The last one was sent after the time counted, and the first had arrived before.
        let sent = rate(bytes - last_sent.bytes, sending)?;
        let arrived = rate(bytes - first_arrived.bytes, arriving)?;
        if arrived > sent.saturating_mul(IMPLAUSIBLE) {
            return None;
        }
        let saturated = arrived < percent(sent, SATURATED_PERCENT);
        Some(if saturated { percent(arrived, BELOW_PERCENT) } else { arrived.min(sent) })
    }
}

/// Sending times count all packets but the last, arriving times all but the first. So a burst that begins with large packets of media and ends
/// with small ones of sound or padding would seem slowed down: the small ones are left out, or else the large ones, as far as the rest still tells.
fn comparable(packets: &[Packet], tells: impl Fn(&[Packet]) -> bool) -> &[Packet] {
    let uneven = |packets: &[Packet]| match packets {
        [first, .., last] => first.bytes > last.bytes * 3 / 2,
        _ => false,
    };
    let shorten = |by: fn(&[Packet]) -> &[Packet]| {
        let mut rest = packets;
        while uneven(rest) && tells(by(rest)) {
            rest = by(rest);
        }
        rest
    };
    let large = shorten(|rest| &rest[..rest.len() - 1]);
    if uneven(large) { shorten(|rest| &rest[1..]) } else { large }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(estimate: u64) -> Situation {
        Situation { estimate, wanted: 3_000_000, calm: true, idle: true, fallen: false }
    }

    /// Sends the burst in packets of 500 bytes over a link that takes so long for each; some are lost.
    fn carry(prober: &mut Prober, probe: &Probe, now: Micros, takes: Micros, lost: &[i64]) -> Option<u64> {
        let apart = Micros::try_from(500 * 8 * 1_000_000 / probe.bits_per_second).unwrap();
        let count = i64::try_from(probe.bytes.div_ceil(500)).unwrap().max(i64::from(probe.packets));
        for index in 0..count {
            prober.sent(probe.id, 500);
            if lost.contains(&index) {
                prober.lost(probe.id);
            } else {
                prober.arrived(probe.id, now + index * apart, 7_000_000 + index * takes.max(apart), 500);
            }
        }
        prober.conclude(now, false)
    }

    #[test]
    fn goes_on_as_long_as_it_pays() {
        let mut prober = Prober::new(300_000);
        let first = prober.advance(0, situation(300_000)).unwrap();
        assert_eq!((first.bits_per_second, first.packets, first.bytes), (900_000, 5, 1_687));
        assert!(prober.advance(0, situation(300_000)).is_none(), "one at a time");
        let measured = carry(&mut prober, &first, 0, 0, &[]).unwrap();
        assert!((890_000..=910_000).contains(&measured), "{measured}");
        let second = prober.advance(100_000, situation(measured)).unwrap();
        assert_eq!(second.bits_per_second, measured * 2);
        let limit = carry(&mut prober, &second, 100_000, 4_000, &[]).unwrap();
        assert_eq!(limit, 950_000, "a link of 1 Mbit/s");
        assert!(prober.advance(200_000, situation(limit)).is_none(), "it did not pay");
        assert_eq!(prober.due(), 100_000 + PAUSE);
        let third = prober.advance(prober.due(), situation(limit)).unwrap();
        carry(&mut prober, &third, 3_000_000, 4_000, &[]);
        assert_eq!(prober.due(), 3_000_000 + 2 * PAUSE);
    }

    #[test]
    fn what_gained_something_is_tried_once_more_soon() {
        let mut prober = Prober::new(300_000);
        let first = prober.advance(0, situation(300_000)).unwrap();
        let half = carry(&mut prober, &first, 0, 8_000, &[]).unwrap();
        assert_eq!((half, prober.due()), (475_000, LOOK));
        let second = prober.advance(LOOK, situation(half)).unwrap();
        assert_eq!(second.bits_per_second, 950_000);
        assert_eq!(carry(&mut prober, &second, LOOK, 8_000, &[]), Some(half));
        assert_eq!(prober.due(), LOOK + PAUSE, "that was the limit");
    }

    #[test]
    fn goes_no_further_than_twice_what_is_wanted() {
        let advance = |change: fn(&mut Situation)| {
            let mut now = situation(600_000);
            change(&mut now);
            Prober::new(600_000).advance(0, now).map(|probe| probe.bits_per_second)
        };
        assert_eq!(advance(|_| ()), Some(1_800_000));
        assert_eq!(advance(|now| now.wanted = 500_000), Some(1_000_000));
        assert_eq!(advance(|now| now.wanted = 300_000), None);
        assert_eq!(advance(|now| now.wanted = 0), None);
        assert_eq!(advance(|now| now.calm = false), None);
    }

    #[test]
    fn a_stream_that_fills_its_estimate_grows_by_itself() {
        let mut prober = Prober { next: None, ..Prober::new(600_000) };
        let busy = Situation { idle: false, ..situation(600_000) };
        assert!(prober.advance(0, busy).is_none());
        let fallen = Situation { fallen: true, ..busy };
        assert!(prober.advance(prober.due(), fallen).is_some());
    }

    #[test]
    fn a_burst_that_was_torn_tells_nothing() {
        let mut prober = Prober::new(300_000);
        let probe = prober.advance(0, situation(300_000)).unwrap();
        assert_eq!(carry(&mut prober, &probe, 0, 0, &[1, 3, 4]), None, "too few");
        let probe = prober.advance(prober.due(), situation(300_000)).unwrap();
        let measured = carry(&mut prober, &probe, 3_000_000, 0, &[2]).unwrap();
        assert!((440_000..600_000).contains(&measured), "one may be lost: {measured}");
        let probe = prober.advance(prober.due(), situation(300_000)).unwrap();
        for index in 0..6 {
            prober.sent(probe.id, 500);
            prober.arrived(probe.id, index * 5_000, index, 500);
        }
        assert_eq!(prober.conclude(0, false), None, "held back somewhere");
    }

    #[test]
    fn a_burst_nobody_sends_is_given_up() {
        let mut prober = Prober::new(300_000);
        prober.advance(0, situation(300_000)).unwrap();
        assert_eq!(prober.conclude(PATIENCE - 1, false), None);
        assert!(prober.running.is_some());
        assert_eq!(prober.due(), PATIENCE);
        assert_eq!(prober.conclude(PATIENCE, false), None);
        assert!(prober.running.is_none());
    }

    #[test]
    fn a_large_packet_at_the_beginning_does_not_seem_slow() {
        let mut prober = Prober::new(166_667);
        let probe = prober.advance(0, situation(166_667)).unwrap();
        let mut sent = 0;
        for bytes in [1_200, 200, 200, 200, 200] {
            prober.sent(probe.id, usize::from(bytes));
            // A link of 2 Mbit/s: a packet has arrived when its last bit has.
            prober.arrived(probe.id, sent, sent + i64::from(bytes) * 4, bytes);
            sent += i64::from(bytes) * 16;
        }
        let measured = prober.conclude(100_000, false).unwrap();
        assert!((490_000..=510_000).contains(&measured), "{measured}");
    }

    #[test]
    fn small_packets_among_large_ones_do_not_seem_slow_nor_make_it_tell_nothing() {
        let mut prober = Prober::new(1_000_000);
        let probe = prober.advance(0, Situation { wanted: 10_000_000, ..situation(1_000_000) }).unwrap();
        let mut sent = 0;
        for bytes in [1_200, 1_200, 1_200, 1_200, 1_200, 100, 100, 100, 100, 100] {
            prober.sent(probe.id, usize::from(bytes));
            // At 3 Mbit/s, over a link of 10 Mbit/s.
            prober.arrived(probe.id, sent, sent + i64::from(bytes) * 8 / 10, bytes);
            sent += i64::from(bytes) * 8 / 3;
        }
        let measured = prober.conclude(100_000, false).unwrap();
        assert!((2_850_000..=3_050_000).contains(&measured), "{measured}");
    }

    #[test]
    fn more_that_is_wanted_does_not_wait_for_the_end_of_a_pause() {
        let mut prober = Prober { due: 10 * SECOND, ..Prober::new(300_000) };
        prober.hurry(SECOND);
        assert_eq!(prober.due(), SECOND + LOOK);
    }

    #[test]
    fn more_that_is_wanted_is_looked_for_while_all_that_may_be_is_sent() {
        let mut prober = Prober { next: None, ..Prober::new(600_000) };
        let busy = |wanted| Situation { idle: false, wanted, ..situation(600_000) };
        assert!(prober.advance(0, busy(600_000)).is_none());
        prober.hurry(SECOND);
        let probe = prober.advance(2 * SECOND, busy(4_000_000)).unwrap();
        assert_eq!(probe.bits_per_second, 1_800_000, "three times what is known");
    }

    #[test]
    fn what_is_not_worth_it_yet_is_not_forgotten() {
        let mut prober = Prober::new(600_000);
        let busy = |wanted| Situation { idle: false, wanted, ..situation(600_000) };
        assert!(prober.advance(0, busy(300_000)).is_none());
        assert!(prober.advance(SECOND, busy(400_000)).is_some(), "little by little");
        assert!(prober.advance(SECOND, busy(400_000)).is_none());
    }
}
