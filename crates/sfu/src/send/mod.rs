//! The send half of a connection: packets written to its lines leave at the pace the link carries, numbered and protected; what does not arrive
//! is sent again; what the other end says about it tells what the link carries. The engine keeps the handshakes: it looks through every line of
//! a connection for each packet, and a packet that is passed on goes to one line of many connections. What comes in is [`crate::receive`]'s.

mod burst;
mod hearing;
mod keys;
mod loss;
mod pacer;
mod replay;
mod resend;
mod rtcp;
mod srtp;
mod stream;
mod vp8;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use str0m::media::Mid;

pub use self::hearing::Hearing;
use self::{
    burst::Burst,
    loss::Losses,
    pacer::Pacer,
    replay::Replays,
    resend::Resends,
    rtcp::SenderReport,
    stream::{Ready, Stream},
};
#[cfg(test)]
pub(crate) use self::{keys::Agreed, rtcp::read};
pub(crate) use self::{
    keys::{Keys, listen, provider},
    rtcp::{Clock, Said, extended},
    srtp::{Opener, Srtp},
    stream::Terms,
    vp8::Patch,
    wire::{Extensions, Packet},
};
use crate::estimate::Estimator;

/// IP and UDP around each packet, which the link has to carry as well.
const AROUND: usize = 28;
/// Until a receiver's reports tell more.
const USUAL_RTT: Duration = Duration::from_millis(100);
/// Reports of all streams share packets of this size.
const MAX_COMPOUND: usize = 1_100;
/// The clock of reports starts here: the middle of no time is 0, which means none (RFC 3550, section 6.4.1), and nobody learns the server's.
const NTP_START: u64 = 1 << 63 | 1 << 32;
/// Packets of sound that wait to leave in the same turn.
const MAX_SOUNDS: usize = 256;

/// Where a packet is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line(usize);

/// What the other end has said.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    KeyframeWanted(Mid),
    Estimate(u64),
    /// How much of what was sent in the last second got lost by chance, from 0 to 1.
    Loss(f32),
    /// What time it is there, for a source of the other end's; see [`Said::Time`].
    Time {
        ssrc: u32,
        middle: u32,
    },
}

pub(crate) struct Sender {
    keys: Keys,
    srtp: Option<Srtp>,
    streams: Vec<Stream>,
    sounds: VecDeque<(usize, Packet)>,
    pictures: VecDeque<(usize, Packet)>,
    /// Bytes of `pictures`.
    waiting: u64,
    resends: Resends,
    pacer: Pacer,
    estimator: Estimator,
    burst: Option<Burst>,
    /// Of the next packet whose arrival is reported.
    number: u64,
    clock: Clock,
    losses: Losses,
    replays: Replays,
    rtt: Duration,
    /// When the first of the streams is to be reported on.
    next_report: Option<Instant>,
    /// The estimate that was told last.
    told: u64,
    start: Instant,
    /// Reused for payloads that are not sent as they came.
    scratch: Vec<u8>,
}

impl Sender {
    pub(crate) fn new(now: Instant, keys: Keys, first_estimate: u64) -> Self {
        Self {
            keys,
            srtp: None,
            streams: Vec::new(),
            sounds: VecDeque::new(),
            pictures: VecDeque::new(),
            waiting: 0,
            resends: Resends::default(),
            pacer: Pacer::new(now),
            estimator: Estimator::new(now, first_estimate),
            burst: None,
            number: 1,
            clock: Clock::default(),
            losses: Losses::default(),
            replays: Replays::default(),
            rtt: USUAL_RTT,
            next_report: None,
            told: first_estimate,
            start: now,
            scratch: Vec::new(),
        }
    }

    /// A line was agreed upon, for the first time or once more.
    pub(crate) fn agree(&mut self, terms: Terms) {
        match self.streams.iter_mut().find(|stream| stream.mid == terms.mid) {
            Some(stream) => stream.agree(terms),
            None => self.streams.push(Stream::new(terms)),
        }
    }

    /// The lines with the sources of their streams, and of those on which packets are sent again.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Mid, u32, Option<u32>)> {
        self.streams.iter().map(|stream| (stream.mid, stream.ssrc, stream.rtx))
    }

    pub(crate) fn line(&self, mid: Mid) -> Option<Line> {
        self.streams.iter().position(|stream| stream.mid == mid).map(Line)
    }

    /// What waited for a link that is not there any more, or left for it, is not worth the first moments of the next.
    pub(crate) fn forget_lost(&mut self) {
        self.forget();
        self.streams.iter_mut().for_each(Stream::forget_all);
    }

    /// The link may be another one now.
    pub(crate) fn find_out_anew(&mut self, now: Instant, first_estimate: u64) {
        self.estimator = Estimator::new(now, first_estimate);
        self.burst = None;
        self.told = first_estimate;
    }

    /// What would be sent if the link carried it.
    pub(crate) fn aim(&mut self, bits: u64) {
        let pads = self.streams.iter().any(Stream::pads);
        self.estimator.set_wanted(if pads { bits } else { 0 });
    }

    /// The packet leaves with the next [`Sender::advance`] that its turn comes in.
    pub(crate) fn write(&mut self, Line(line): Line, packet: Packet) {
        let Some(stream) = self.streams.get(line) else { return };
        if stream.video() {
            self.waiting += size(&packet);
            self.pictures.push_back((line, packet));
        } else if self.sounds.len() < MAX_SOUNDS {
            self.sounds.push_back((line, packet));
        }
    }

    /// When [`Sender::advance`] is to be called at the latest.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.srtp.as_ref()?;
        let waits = !self.pictures.is_empty() || !self.resends.is_empty();
        let paced = (waits && self.burst.is_none()).then(|| self.pacer.next());
        let burst = self.burst.as_ref().map(Burst::next);
        [paced, burst, self.next_report, Some(self.estimator.next())].into_iter().flatten().min()
    }

    /// Sends what is due.
    pub(crate) fn advance(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> Option<Told> {
        if !self.has_keys() {
            self.forget();
            return None;
        }
        if let Some(probe) = self.estimator.advance(now) {
            self.burst = Some(Burst::new(now, probe));
        }
        let since = self.pictures.front().map(|(_, packet)| packet.at);
        self.pacer.advance(now, self.estimator.pacing(), self.waiting + self.resends.bytes(), since);
        while let Some((line, packet)) = self.sounds.pop_front() {
            self.send(now, line, packet, out);
        }
        self.fill(now, out);
        // While a burst lasts, its pace holds: what left in one go would measure nothing.
        while self.burst.is_none() && self.pacer.may_send() && self.send_next(now, out) {}
        self.report(now, out);
        self.changed()
    }

    fn has_keys(&mut self) -> bool {
        if self.srtp.is_none() {
            self.srtp = self.keys.get().and_then(|agreed| Srtp::new(provider(), agreed));
        }
        self.srtp.is_some()
    }

    fn forget(&mut self) {
        self.sounds.clear();
        self.pictures.clear();
        self.waiting = 0;
        self.resends.clear();
    }

    /// What does not arrive comes first: what is shown waits for it.
    fn send_next(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> bool {
        if let Some((line, seq)) = self.resends.next() {
            self.send_again(now, line, seq, out);
            return true;
        }
        let Some((line, packet)) = self.pictures.pop_front() else { return false };
        self.waiting = self.waiting.saturating_sub(size(&packet));
        self.send(now, line, packet, out);
        true
    }

    fn send(&mut self, now: Instant, line: usize, mut packet: Packet, out: &mut Vec<Vec<u8>>) {
        let Some(stream) = self.streams.get_mut(line) else { return };
        packet.waits |= stream.video() && self.losses.are_many(now);
        let (payload, patch) = (std::sync::Arc::clone(&packet.payload), packet.patch);
        let numbered = stream.numbered();
        if !stream.reported() {
            self.next_report = Some(now);
        }
        let Some(ready) = stream.send(now, packet, self.number) else { return };
        self.resends.earn(payload.len());
        if patch.is_empty() {
            self.leave(now, ready, &payload, numbered, out);
        } else {
            let mut patched = std::mem::take(&mut self.scratch);
            patched.clear();
            patched.extend_from_slice(&payload);
            patch.apply(&mut patched);
            self.leave(now, ready, &patched, numbered, out);
            self.scratch = patched;
        }
    }

    fn send_again(&mut self, now: Instant, line: usize, seq: u64, out: &mut Vec<Vec<u8>>) -> bool {
        let mut payload = std::mem::take(&mut self.scratch);
        let stream = self.streams.get_mut(line);
        let ready = stream.and_then(|stream| {
            let numbered = stream.numbered();
            Some((stream.send_again(now, seq, self.number, &mut payload)?, numbered))
        });
        let sent = ready.is_some_and(|(ready, numbered)| self.leave(now, ready, &payload, numbered, out));
        self.scratch = payload;
        sent
    }

    fn leave(&mut self, now: Instant, ready: Ready, payload: &[u8], numbered: bool, out: &mut Vec<Vec<u8>>) -> bool {
        let Ready { header: mut packet, ssrc, seq } = ready;
        let protected = self.srtp.as_mut().and_then(|srtp| srtp.protect(&mut packet, payload, ssrc, seq));
        if protected.is_none() {
            return false;
        }
        let size = packet.len() + AROUND;
        self.pacer.sent(size);
        let burst = self.burst.as_mut().map(|burst| burst.sent(size));
        if numbered {
            self.estimator.sent(now, self.number, size, burst);
            self.number += 1;
        }
        out.push(packet);
        true
    }

    fn report(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if self.next_report.is_none_or(|at| at > now) {
            return;
        }
        let ntp = self.ntp(now);
        let due = |stream: &&mut Stream| stream.report_due().is_some_and(|at| at <= now);
        let reports: Vec<SenderReport> =
            self.streams.iter_mut().filter(due).filter_map(|stream| stream.report(now, ntp)).collect();
        for some in reports.chunks(MAX_COMPOUND / SenderReport::LENGTH) {
            let mut compound = Vec::with_capacity(some.len() * SenderReport::LENGTH);
            for report in some {
                report.write(&mut compound);
            }
            out.extend(self.srtp.as_mut().and_then(|srtp| srtp.protect_rtcp(&compound)));
        }
        self.next_report = self.streams.iter().filter_map(Stream::report_due).min();
    }

    /// Reports of the receive half go out under the same count.
    pub(crate) fn protect(&mut self, report: &[u8]) -> Option<Vec<u8>> {
        self.srtp.as_mut()?.protect_rtcp(report)
    }

    /// How long a report and the answer are on their way.
    pub(crate) fn round_trip(&self) -> Duration {
        self.rtt
    }

    fn ntp(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        NTP_START.wrapping_add(passed.as_secs() << 32).wrapping_add(fraction)
    }

    /// The other end has said something about what it is sent, or sends. `datagram` is still protected. False if it did not come from there.
    pub(crate) fn hear(&mut self, now: Instant, datagram: &[u8], told: &mut Vec<Told>) -> bool {
        let opened = if self.has_keys() { self.srtp.as_mut().and_then(|srtp| srtp.open_rtcp(datagram)) } else { None };
        let Some((compound, index)) = opened else { return false };
        let source = compound.get(4..8).and_then(|ssrc| ssrc.try_into().ok()).map_or(0, u32::from_be_bytes);
        if !self.replays.is_new(source, index) {
            return false;
        }
        for said in rtcp::read(&compound) {
            match said {
                Said::Missing { ssrc, seqs } => self.missing(now, ssrc, &seqs),
                Said::KeyframeWanted { ssrc } => {
                    let stream = self.streams.iter().find(|stream| stream.ssrc == ssrc);
                    let wanted = stream.map(|stream| Told::KeyframeWanted(stream.mid));
                    // A report has room to want it a hundred times.
                    told.extend(wanted.filter(|wanted| !told.contains(wanted)));
                }
                Said::Report { ssrc, last, since } => self.reported(now, ssrc, last, since),
                Said::Arrivals(report) => {
                    let arrivals = self.clock.arrivals(&report, self.number);
                    let lost = self.estimator.feedback(now, &arrivals);
                    let share = self.losses.count(now, report.count, &arrivals, self.estimator.queue_stands());
                    told.extend(share.map(Told::Loss));
                    self.mend(now, &lost);
                }
                Said::Time { ssrc, middle } => told.push(Told::Time { ssrc, middle }),
            }
        }
        told.extend(self.changed());
        true
    }

    /// RFC 3550, section 6.4.1: how long a report and the answer were on their way.
    #[expect(clippy::cast_possible_truncation, reason = "the middle of the time is meant")]
    fn reported(&mut self, now: Instant, ssrc: u32, last: u32, since: Duration) {
        const IMPOSSIBLE: Duration = Duration::from_secs(10);
        if !self.streams.iter().any(|stream| stream.ssrc == ssrc) {
            return;
        }
        let passed = ((self.ntp(now) >> 16) as u32).wrapping_sub(last);
        let passed = Duration::from_micros(u64::from(passed) * 1_000_000 / 65_536);
        if let Some(rtt) = passed.checked_sub(since).filter(|rtt| *rtt < IMPOSSIBLE) {
            self.rtt = (self.rtt * 3 + rtt) / 4;
            self.estimator.round_trip(rtt);
        }
    }

    fn changed(&mut self) -> Option<Told> {
        let estimate = self.estimator.estimate();
        (std::mem::replace(&mut self.told, estimate) != estimate).then_some(Told::Estimate(estimate))
    }
}

fn size(packet: &Packet) -> u64 {
    u64::try_from(packet.payload.len() + AROUND).unwrap_or(0)
}
