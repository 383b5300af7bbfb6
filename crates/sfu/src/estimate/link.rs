//! A link in virtual time, and a sender that keeps to the estimate.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Arrival, Came, Chance, Estimator, Probe, units::micros};

/// What a link does at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions {
    pub(super) rate: u64,
    /// The longest queue.
    pub(super) queue: Duration,
    pub(super) loss_percent: u64,
    pub(super) jitter: Duration,
    pub(super) one_way: Duration,
}

impl Conditions {
    pub(super) fn of(rate: u64) -> Self {
        Self { rate, queue: Duration::from_millis(400), loss_percent: 0, jitter: Duration::ZERO, one_way: ONE_WAY }
    }
}

/// What happened in one tenth of a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tenth {
    pub(super) estimate: u64,
    /// Arrived, in bit/s.
    pub(super) through: u64,
    /// At the end.
    pub(super) queue: Duration,
}

struct Underway {
    number: u64,
    sent: Instant,
    /// If it does.
    arrives: Option<Instant>,
    ends: bool,
}

/// The classic rule: over a tenth lost lowers, under a fiftieth raises.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timid {
    pub(super) rate: u64,
    reported: u64,
    lost: u64,
    since: Duration,
}

impl Timid {
    pub(super) fn new(rate: u64) -> Self {
        Self { rate, reported: 0, lost: 0, since: Duration::ZERO }
    }

    fn hear(&mut self, elapsed: Duration, arrivals: &[Arrival]) {
        self.reported += arrivals.len() as u64;
        self.lost += arrivals.iter().filter(|arrival| arrival.at.is_none()).count() as u64;
        if elapsed < self.since + Duration::from_secs(1) || self.reported == 0 {
            return;
        }
        let percent = self.lost * 100 / self.reported;
        self.rate = match percent {
            0..2 => self.rate * 108 / 100,
            2..=10 => self.rate,
            _ => self.rate * (200 - percent) / 200,
        };
        self.rate = self.rate.clamp(30_000, 5_000_000);
        *self = Self { since: elapsed, ..Self::new(self.rate) };
    }
}

const STEP: Duration = Duration::from_millis(1);
const ONE_WAY: Duration = Duration::from_millis(25);
const REPORTS: Duration = Duration::from_millis(50);
const PACKET: usize = 1_200;
const PACKET_BITS: u64 = 9_600;
const PICTURE: Duration = Duration::from_millis(33);

pub(super) struct Simulation {
    pub(super) estimator: Estimator,
    pub(super) now: Instant,
    start: Instant,
    pub(super) link: Conditions,
    /// What the sender has to send, in bit/s.
    pub(super) source: u64,
    /// Rates it can send at, lowest first; none: any.
    pub(super) layers: &'static [u64],
    next_picture: Instant,
    /// Bits that wait to be sent.
    backlog: u64,
    /// Whether reports come back.
    pub(super) reports: bool,
    pub(super) report_every: Duration,
    number: u64,
    /// Bits that may be sent by now; below zero after a packet, until its time has passed.
    credit: i64,
    probe: Option<(Probe, u32, usize)>,
    free_at: Instant,
    last_arrival: Instant,
    /// What the receiver judges losses by, if it does.
    pub(super) chance: Option<Chance>,
    /// The rate of a sender who slows down for all losses, if it is one.
    pub(super) timid: Option<Timid>,
    /// The newest that was reported.
    newest: Option<Came>,
    /// Sent and not reported.
    underway: VecDeque<Underway>,
    /// Reports on their way back.
    returning: VecDeque<(Instant, Vec<Arrival>)>,
    reported: Instant,
    random: u64,
    arrived_bytes: u64,
    pub(super) sent_bytes: u64,
    pub(super) probes: usize,
}

impl Simulation {
    pub(super) fn new(first: u64, link: Conditions, source: u64, wanted: u64) -> Self {
        let now = Instant::now();
        let mut estimator = Estimator::new(now, first);
        estimator.set_wanted(wanted);
        Self {
            estimator,
            now,
            start: now,
            link,
            source,
            layers: &[],
            next_picture: now,
            backlog: 0,
            report_every: REPORTS,
            reports: true,
            number: 65_000,
            credit: 0,
            probe: None,
            free_at: now,
            last_arrival: now,
            chance: None,
            timid: None,
            newest: None,
            sent_bytes: 0,
            underway: VecDeque::new(),
            returning: VecDeque::new(),
            reported: now,
            random: 0x9e37_79b9_7f4a_7c15,
            arrived_bytes: 0,
            probes: 0,
        }
    }

    pub(super) fn seed(&mut self, seed: u64) {
        self.random ^= seed << 32;
    }

    pub(super) fn run(&mut self, time: Duration) -> Vec<Tenth> {
        let tenths = time.as_millis() / 100;
        let mut told = Vec::new();
        for _ in 0..tenths {
            let before = self.arrived_bytes;
            for _ in 0..100 {
                self.step();
            }
            let through = (self.arrived_bytes - before) * 80;
            let queue = self.free_at.saturating_duration_since(self.now);
            told.push(Tenth { estimate: self.estimator.estimate(), through, queue });
        }
        told
    }

    fn step(&mut self) {
        self.now += STEP;
        while self.returning.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, arrivals) = self.returning.pop_front().unwrap();
            self.estimator.feedback(self.now, &arrivals);
            let elapsed = self.now - self.start;
            self.timid.iter_mut().for_each(|timid| timid.hear(elapsed, &arrivals));
        }
        if self.now >= self.estimator.next()
            && let Some(probe) = self.estimator.advance(self.now)
        {
            assert!(self.probe.is_none());
            self.probe = Some((probe, 0, 0));
            self.credit = 0;
            self.probes += 1;
        }
        self.send();
        if self.now >= self.reported + self.report_every {
            self.report();
        }
    }

    fn send(&mut self) {
        if self.now >= self.next_picture {
            self.next_picture = self.now + PICTURE;
            self.backlog += self.sends() / 30;
        }
        let burst = self.probe.take();
        let rate = burst.map_or(self.pacing(), |(probe, ..)| probe.bits_per_second);
        let step = i64::try_from(rate / 1_000).unwrap();
        self.credit = (self.credit + step).min(step);
        match burst {
            Some((probe, packets, bytes)) => self.send_burst(probe, packets, bytes),
            None => self.send_media(),
        }
    }

    /// What the source sends now: as much as it may, or the highest layer that may be sent.
    fn sends(&self) -> u64 {
        let estimate = self.allowed();
        let fits = |layer: &&u64| estimate >= **layer * 115 / 100;
        match self.layers {
            [] => estimate.min(self.source),
            [lowest, ..] => *self.layers.iter().rev().find(fits).unwrap_or(lowest),
        }
    }

    fn allowed(&self) -> u64 {
        self.timid.map_or(u64::MAX, |timid| timid.rate).min(self.estimator.estimate())
    }

    fn pacing(&self) -> u64 {
        self.estimator.pacing().min(self.allowed() * 5 / 2)
    }

    fn send_media(&mut self) {
        while self.credit > 0 && self.backlog >= PACKET_BITS {
            self.backlog -= PACKET_BITS;
            self.transmit(PACKET, None);
        }
    }

    /// Media that waits, then padding.
    fn send_burst(&mut self, probe: Probe, mut packets: u32, mut bytes: usize) {
        while packets < probe.packets || bytes < probe.bytes {
            let waits = self.backlog >= PACKET_BITS;
            let size = if waits { PACKET } else { (probe.bytes / 5).clamp(200, PACKET) };
            if self.credit <= 0 {
                self.probe = Some((probe, packets, bytes));
                return;
            }
            self.backlog -= if waits { PACKET_BITS } else { 0 };
            self.transmit(size, Some(probe.id));
            packets += 1;
            bytes += size;
        }
    }

    fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 33
    }

    fn transmit(&mut self, bytes: usize, probe: Option<u32>) {
        self.number += 1;
        self.credit -= i64::try_from(bytes * 8).unwrap();
        self.estimator.sent(self.now, self.number, bytes, probe);
        self.sent_bytes += bytes as u64;
        let arrives = self.carry(bytes);
        let ends = self.backlog < PACKET_BITS;
        self.underway.push_back(Underway { number: self.number, sent: self.now, arrives, ends });
    }

    fn carry(&mut self, bytes: usize) -> Option<Instant> {
        let begins = self.free_at.max(self.now);
        if begins - self.now > self.link.queue {
            return None;
        }
        let bits = u64::try_from(bytes).unwrap() * 8;
        self.free_at = begins + Duration::from_micros(bits * 1_000_000 / self.link.rate);
        let jitter = Duration::from_micros(self.chance() % (1 + u64::try_from(self.link.jitter.as_micros()).unwrap()));
        if self.chance() % 100 < self.link.loss_percent {
            return None;
        }
        self.arrived_bytes += u64::try_from(bytes).unwrap();
        self.last_arrival = self.last_arrival.max(self.free_at + self.link.one_way + jitter);
        Some(self.last_arrival)
    }

    /// What a receiver would report now: all up to the last that has arrived.
    fn report(&mut self) {
        self.reported = self.now;
        let now = self.now;
        let arrived = |underway: &Underway| underway.arrives.is_some_and(|at| at <= now);
        let Some(last) = self.underway.iter().rposition(arrived) else { return };
        let start = self.start;
        let told: Vec<Underway> = self.underway.drain(..=last).collect();
        // Receivers' clocks have another origin, and a resolution of a quarter of a millisecond.
        let at = |at: Instant| Duration::from_micros(u64::try_from((at - start).as_micros()).unwrap() / 250 * 250);
        let came = |one: &Underway| {
            let (bytes, sent) = (1_200, Some(micros(one.sent - start)));
            one.arrives.map(|time| Came { at: micros(at(time)), sent, bytes, ends: one.ends })
        };
        let all: Vec<Option<Came>> = std::iter::once(self.newest).chain(told.iter().map(came)).collect();
        self.newest = all.last().copied().flatten();
        let judged = match &mut self.chance {
            Some(chance) => chance.judge(&all, 1, 1),
            None => all[1..].iter().map(|came| came.map(|came| came.at)).collect(),
        };
        let arrivals = told.iter().zip(judged).map(|(one, at)| {
            let at = at.map(|at| Duration::from_micros(u64::try_from(at).unwrap()) + Duration::from_secs(1_000));
            Arrival { number: one.number, at }
        });
        let arrivals = arrivals.collect();
        if self.reports {
            self.returning.push_back((now + self.link.one_way, arrivals));
        }
    }
}
