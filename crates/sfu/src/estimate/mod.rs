//! How much a receiver's link carries: Google's congestion control as browsers run it, on reports of when each packet arrived
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). The parts are described in draft-ietf-rmcat-gcc-02; where that is old, libwebrtc's
//! parameters hold. A state machine without clock and sockets, of whole numbers but for its filters.
//!
//! [`groups`] and [`trend`] see queues grow, [`control`] makes a rate of it; [`loss`] bounds it where losses are not chance; [`probe`] finds
//! out in bursts what growing by itself would take long for. Nothing is kept of a connection that sends nothing.

mod chance;
mod control;
mod groups;
mod history;
mod loss;
mod probe;
mod queue;
mod throughput;
mod trend;
mod units;

#[cfg(test)]
mod link;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub(crate) use self::chance::{Came, Chance};
use self::{
    control::Control,
    groups::Groups,
    history::{History, News, Sent},
    loss::Loss,
    probe::{Prober, Situation},
    queue::Queue,
    throughput::Throughput,
    trend::{Trend, Usage},
    units::{MILLISECOND, Micros, SECOND, duration, micros, percent, rate},
};

/// Queues are emptied faster than the estimate, so that a key frame does not stand in the way of what comes after it.
const PACING_PERCENT: u64 = 250;
/// Reports come several times a second; without any for so long and two round trips, everything may be lost.
const SILENCE: Micros = SECOND;
/// Of fewer packets, all may have been lost by chance, and they would not be reported before the next arrives.
const TELLING: u32 = 5;
/// How long it is worth to get back to an earlier estimate sooner than by growing.
const REMEMBERS: Micros = 60 * SECOND;
/// Below this share of it, the estimate has fallen.
const FALLEN_PERCENT: u64 = 75;
/// A step down to less than this is a fall, and no wave.
const NOTABLE_PERCENT: u64 = 90;
/// Below this every step up is worth a burst, which is as small: it may be all that tells whether there is room for a picture.
const LITTLE: u64 = 150_000;
/// Sending less than this share of the estimate, a stream does not test it.
const IDLE_PERCENT: u64 = 75;
/// What is sent is counted in windows of this length.
const COUNTED: Micros = 500 * MILLISECOND;
/// No burst so soon after a queue has grown.
const CALM: Micros = SECOND;
/// What is sent so soon after a burst waits behind it: that a queue grows then is its doing.
const BEHIND_BURST: Micros = 200 * MILLISECOND;
/// Round trips are smoothed; one in so many is new.
const ROUND_TRIP_WEIGHT: Micros = 8;
/// A report holds no more that is of any use.
const MOST_ARRIVALS: usize = 4_096;

/// One packet of a transport-wide report, in the order of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Extended beyond its 16 bits.
    pub(crate) number: u64,
    /// By the receiver's clock, from any origin; none if it did not arrive.
    pub(crate) at: Option<Duration>,
}

/// A burst to find out whether more gets through. All that is sent while it lasts belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) id: u32,
    pub(crate) bits_per_second: u64,
    /// At least.
    pub(crate) packets: u32,
    /// At least.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Estimator {
    origin: Instant,
    now: Micros,
    wanted: u64,
    history: History,
    groups: Groups,
    trend: Trend,
    queue: Queue,
    throughput: Throughput,
    control: Control,
    loss: Loss,
    prober: Prober,
    /// From the first packet of the newest burst until nothing waits behind it.
    burst: Option<(Micros, Micros)>,
    round_trip: Option<Micros>,
    /// The first packet sent since the last report, or since the last time that was held against the link.
    unanswered: Option<Micros>,
    /// How many there are since.
    unheard: u32,
    sending: Sending,
    /// A higher estimate, and when it was last near it.
    earlier: Option<(u64, Micros)>,
}

/// What a report says, besides of single packets.
#[derive(Default)]
struct Gathered {
    known: bool,
    least_took: Option<Micros>,
    latest_sent: Option<Micros>,
}

impl Estimator {
    /// `first` is believed until something is known, in bit/s.
    pub(crate) fn new(now: Instant, first: u64) -> Self {
        let control = Control::new(first);
        Self {
            origin: now,
            now: 0,
            wanted: 0,
            history: History::default(),
            groups: Groups::default(),
            trend: Trend::default(),
            queue: Queue::default(),
            throughput: Throughput::default(),
            prober: Prober::new(control.rate()),
            burst: None,
            control,
            loss: Loss::default(),
            round_trip: None,
            unanswered: None,
            unheard: 0,
            sending: Sending::default(),
            earlier: None,
        }
    }

    /// What all that could be sent would take, in bit/s; bursts go no further than twice that. 0: there is nothing to send.
    pub(crate) fn set_wanted(&mut self, bits_per_second: u64) {
        if bits_per_second > percent(self.wanted, 150) {
            self.prober.hurry(self.now);
        }
        self.wanted = bits_per_second;
    }

    /// Numbers go up by one with each packet. `probe` names the burst it belongs to.
    pub(crate) fn sent(&mut self, now: Instant, number: u64, bytes: usize, probe: Option<u32>) {
        let now = self.move_to(now);
        self.history.add(now, number, bytes, probe);
        self.unanswered.get_or_insert(now);
        self.unheard = self.unheard.saturating_add(1);
        self.sending.add(now, bytes);
        if let Some(id) = probe {
            self.prober.sent(id, bytes);
            let began = self.burst.filter(|(_, until)| now <= *until).map_or(now, |(began, _)| began);
            self.burst = Some((began, now.saturating_add(BEHIND_BURST)));
        }
    }

    /// Returns the numbers of packets that are found to be lost.
    pub(crate) fn feedback(&mut self, now: Instant, arrivals: &[Arrival]) -> Vec<u64> {
        let now = self.move_to(now);
        let mut gathered = Gathered::default();
        let mut lost = Vec::new();
        for arrival in arrivals.iter().rev().take(MOST_ARRIVALS).rev() {
            if let Some((sent, news)) = self.history.settle(arrival.number, arrival.at.is_some()) {
                self.settle(sent, news, arrival.at.map(micros), &mut gathered);
                lost.extend((news == News::Lost).then_some(arrival.number));
            }
        }
        if gathered.known {
            (self.unanswered, self.unheard) = (None, 0);
            self.conclude(now, &gathered);
        }
        lost
    }

    /// From receiver reports: a second source beside the reports' own.
    pub(crate) fn round_trip(&mut self, round_trip: Duration) {
        self.learn_round_trip(micros(round_trip));
    }

    /// Time does its part. Returns a burst to send now, one at a time.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Probe> {
        let now = self.move_to(now);
        self.history.forget(now);
        self.end_burst(now);
        if now >= self.silent_at().unwrap_or(Micros::MAX) {
            let before = self.estimate();
            self.control.halve(now);
            // Whoever sends nothing more hears nothing more.
            (self.unanswered, self.unheard) = (None, 0);
            self.remember(now, before);
        }
        let situation = self.situation(now);
        self.prober.advance(now, situation)
    }

    /// When [`Estimator::advance`] is due at the latest.
    pub(crate) fn next(&self) -> Instant {
        let probe = (self.wanted > 0).then(|| self.prober.due());
        let at = probe.into_iter().chain(self.silent_at()).min().unwrap_or(self.now.saturating_add(REMEMBERS));
        self.origin.checked_add(duration(at)).unwrap_or(self.origin)
    }

    /// In bit/s.
    pub(crate) fn estimate(&self) -> u64 {
        self.control.rate().min(self.loss.bound().unwrap_or(u64::MAX))
    }

    /// Whether what is sent now waits in a queue on the way.
    pub(crate) fn queue_stands(&self) -> bool {
        self.queue.stands()
    }

    /// What queues are emptied at, in bit/s. What stands in a queue on the way already is not added to: sound waits there as well.
    pub(crate) fn pacing(&self) -> u64 {
        if self.queue.stands() { self.estimate() } else { percent(self.estimate(), PACING_PERCENT) }
    }

    /// Whether clearly less is sent than the link carries.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        self.is_idle(micros(now.saturating_duration_since(self.origin)))
    }

    /// Bytes on the heap.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.history.held() + self.throughput.held() + self.trend.held() + self.loss.held() + self.prober.held()
    }

    /// Time does not go back.
    fn move_to(&mut self, now: Instant) -> Micros {
        self.now = self.now.max(micros(now.saturating_duration_since(self.origin)));
        self.now
    }

    fn settle(&mut self, sent: Sent, news: News, arrived: Option<Micros>, gathered: &mut Gathered) {
        gathered.known = true;
        let probe = sent.probe.map(std::num::NonZeroU32::get);
        match (news, probe) {
            (News::Lost, Some(id)) => self.prober.lost(id),
            // What a burst loses says nothing about the rate of all the rest.
            (News::Arrived, Some(_)) => {}
            (News::Lost | News::Arrived, None) => self.loss.settled(sent.at, sent.bytes, news == News::Lost),
            (News::ArrivedAfterAll, _) => self.loss.arrived_after_all(),
        }
        let Some(arrived) = arrived else { return };
        if let Some(id) = probe.filter(|_| news == News::Arrived) {
            self.prober.arrived(id, sent.at, arrived, sent.bytes);
        }
        self.throughput.add(sent.at, arrived, sent.bytes);
        let disturbed = self.burst.is_some_and(|(began, until)| (began..=until).contains(&sent.at));
        if !disturbed && let Some(delta) = self.groups.add(sent.at, arrived) {
            self.trend.add(delta);
        }
        let took = arrived.saturating_sub(sent.at);
        gathered.least_took = Some(gathered.least_took.map_or(took, |least| least.min(took)));
        gathered.latest_sent = gathered.latest_sent.max(Some(sent.at));
    }

    fn conclude(&mut self, now: Micros, gathered: &Gathered) {
        let before = self.estimate();
        if let Some(took) = gathered.least_took {
            self.queue.add(now, took);
        }
        if let Some(sent) = gathered.latest_sent {
            self.learn_round_trip(now.saturating_sub(sent));
        }
        let round_trip = self.round_trip.unwrap_or(200 * MILLISECOND);
        self.control.update(now, self.trend.usage(), self.throughput.rate(), round_trip);
        self.loss.conclude(self.queue.stands(), self.control.rate());
        self.remember(now, before);
        self.end_burst(now);
    }

    fn learn_round_trip(&mut self, new: Micros) {
        let new = new.clamp(0, 10 * SECOND);
        self.round_trip = Some(self.round_trip.map_or(new, |old| old + (new - old) / ROUND_TRIP_WEIGHT));
    }

    fn end_burst(&mut self, now: Micros) {
        let soon = self.has_fallen(now) || self.estimate() < LITTLE;
        let Some(measured) = self.prober.conclude(now, soon) else { return };
        if self.trend.usage() != Usage::Over {
            self.control.probed(measured, self.throughput.rate());
            self.loss.got_through(measured);
        }
    }

    /// Keeps the estimate that was before a fall.
    fn remember(&mut self, now: Micros, before: u64) {
        let after = self.estimate();
        let holds = |(earlier, at): &(u64, Micros)| now.saturating_sub(*at) < REMEMBERS && after < *earlier;
        self.earlier = self.earlier.filter(holds);
        if after >= before {
            return;
        }
        // Several steps down are one fall, from where the first began.
        let highest = self.earlier.map_or(before, |(earlier, _)| earlier.max(before));
        if before >= percent(highest, FALLEN_PERCENT) {
            self.earlier = Some((highest, now));
        }
        if after < percent(before, NOTABLE_PERCENT) {
            self.prober.fell(now);
        }
    }

    fn has_fallen(&self, now: Micros) -> bool {
        let estimate = self.estimate();
        self.earlier.is_some_and(|(earlier, at)| {
            estimate < percent(earlier, FALLEN_PERCENT) && now.saturating_sub(at) < REMEMBERS
        })
    }

    fn is_idle(&self, now: Micros) -> bool {
        self.sending.rate(now) < percent(self.estimate(), IDLE_PERCENT)
    }

    fn silent_at(&self) -> Option<Micros> {
        let patience = SILENCE.saturating_add(self.round_trip.unwrap_or(0).saturating_mul(2));
        self.unanswered.filter(|_| self.unheard >= TELLING).map(|since| since.saturating_add(patience))
    }

    fn situation(&self, now: Micros) -> Situation {
        let recently = self.control.decreased().is_some_and(|at| now.saturating_sub(at) < CALM);
        let estimate = self.estimate();
        Situation {
            estimate,
            wanted: self.wanted,
            calm: !recently && !self.loss.is_congested() && self.trend.usage() != Usage::Over && !self.queue.stands(),
            idle: self.is_idle(now),
            fallen: self.has_fallen(now),
        }
    }
}

/// What is sent, in bit/s.
#[derive(Debug, Default)]
struct Sending {
    since: Micros,
    bytes: u64,
    before: u64,
}

impl Sending {
    fn add(&mut self, now: Micros, bytes: usize) {
        let passed = now.saturating_sub(self.since);
        if passed >= COUNTED {
            self.before = rate(self.bytes, passed).unwrap_or(0);
            (self.since, self.bytes) = (now, 0);
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn rate(&self, now: Micros) -> u64 {
        if now.saturating_sub(self.since) > 3 * COUNTED { 0 } else { self.before }
    }
}
