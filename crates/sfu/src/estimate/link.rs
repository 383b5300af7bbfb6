//! A link in virtual time, and a sender that keeps to the estimate.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Arrival, Estimator, Probe};

/// What a link does at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions {
    pub(super) rate: u64,
    /// The longest queue.
    pub(super) queue: Duration,
    pub(super) loss_percent: u64,
    pub(super) jitter: Duration,
}

impl Conditions {
    pub(super) fn of(rate: u64) -> Self {
        Self { rate, queue: Duration::from_millis(400), loss_percent: 0, jitter: Duration::ZERO }
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

const STEP: Duration = Duration::from_millis(1);
const ONE_WAY: Duration = Duration::from_millis(25);
const REPORTS: Duration = Duration::from_millis(50);
const PACKET: usize = 1_200;

pub(super) struct Simulation {
    pub(super) estimator: Estimator,
    pub(super) now: Instant,
    start: Instant,
    pub(super) link: Conditions,
    /// What the sender has to send, in bit/s.
    pub(super) source: u64,
    /// Whether reports come back.
    pub(super) reports: bool,
    number: u64,
    /// Bits that may be sent by now.
    credit: u64,
    probe: Option<(Probe, u32, usize)>,
    free_at: Instant,
    last_arrival: Instant,
    /// Sent and not reported: number and when it arrives, if it does.
    underway: VecDeque<(u64, Option<Instant>)>,
    /// Reports on their way back.
    returning: VecDeque<(Instant, Vec<Arrival>)>,
    reported: Instant,
    random: u64,
    arrived_bytes: u64,
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
            reports: true,
            number: 65_000,
            credit: 0,
            probe: None,
            free_at: now,
            last_arrival: now,
            underway: VecDeque::new(),
            returning: VecDeque::new(),
            reported: now,
            random: 0x9e37_79b9_7f4a_7c15,
            arrived_bytes: 0,
            probes: 0,
        }
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
        if self.now >= self.reported + REPORTS {
            self.report();
        }
    }

    fn send(&mut self) {
        if let Some((probe, mut packets, mut bytes)) = self.probe.take() {
            let size = (probe.bytes / 5).clamp(200, PACKET);
            let size_bits = u64::try_from(size).unwrap() * 8;
            self.credit += probe.bits_per_second / 1_000;
            while self.credit >= size_bits && (packets < probe.packets || bytes < probe.bytes) {
                self.credit -= size_bits;
                self.transmit(size, Some(probe.id));
                packets += 1;
                bytes += size;
            }
            if packets < probe.packets || bytes < probe.bytes {
                self.probe = Some((probe, packets, bytes));
            } else {
                self.credit = 0;
            }
            return;
        }
        self.credit += self.estimator.estimate().min(self.source) / 1_000;
        let bits = u64::try_from(PACKET).unwrap() * 8;
        while self.credit >= bits {
            self.credit -= bits;
            self.transmit(PACKET, None);
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
        self.estimator.sent(self.now, self.number, bytes, probe);
        let arrives = self.carry(bytes);
        self.underway.push_back((self.number, arrives));
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
        self.last_arrival = self.last_arrival.max(self.free_at + ONE_WAY + jitter);
        Some(self.last_arrival)
    }

    /// What a receiver would report now: all up to the last that has arrived.
    fn report(&mut self) {
        self.reported = self.now;
        let now = self.now;
        let Some(last) = self.underway.iter().rposition(|(_, at)| at.is_some_and(|at| at <= now)) else { return };
        let start = self.start;
        let told = self.underway.drain(..=last);
        // Receivers' clocks have another origin, and a resolution of a quarter of a millisecond.
        let at = |at: Instant| Duration::from_micros(u64::try_from((at - start).as_micros()).unwrap() / 250 * 250);
        let arrivals =
            told.map(|(number, at_)| Arrival { number, at: at_.map(|time| at(time) + Duration::from_secs(1_000)) });
        let arrivals = arrivals.collect();
        if self.reports {
            self.returning.push_back((now + ONE_WAY, arrivals));
        }
    }
}
