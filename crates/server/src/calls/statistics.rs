//! What clients report of their media, gathered for each seat until it ends, and then written to the call's log.
//!
//! Reports are claims: each is paced, every value is cut to what can be, and a seat's figures have a bounded size. They are kept in memory
//! only. A stop of the server loses what was measured before it, which `measuredSeconds` shows; when somebody joined and how often the
//! connection came back are read from the log, and are not lost.

use std::time::Duration;

use farhand_domain::{
    call::{Call, Event, Path, Seat},
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::{
    frame::{MediaMode, Rung},
    statistics::{MediaLimit, MediaPath, MediaReport, PathUse, SeatFigures, Spread},
};
use farhand_store::model::{CallRecord, StatisticsRow};

use super::pace::Pace;

/// Clients report every five seconds, and once more when they leave.
const INTERVAL: Duration = Duration::from_secs(1);
const BURST: u32 = 2;
/// A report speaks for the time since the last one, but not for a longer silence: that was not measured.
const LONGEST: Duration = Duration::from_secs(15);
/// Changes of the path that are told one by one. Further ones are not told.
const MOST_PATHS: usize = 16;
/// Rows of a call. Somebody who joins and leaves a thousand times has told enough.
const MOST_ROWS: usize = 500;
/// Freezes one report can tell of.
const MOST_FREEZES: u32 = 1_000;

/// The figures of all seats of a call.
#[derive(Default)]
pub struct Statistics {
    seats: Vec<Gathered>,
}

/// What of an event says how a seat ends or goes on.
#[derive(Clone, Copy, Default)]
pub struct Cause {
    leaves: Option<ContactId>,
    joins: Option<ContactId>,
}

impl Cause {
    pub fn of(event: &Event) -> Self {
        if let Event::Leave { contact } = event {
            return Self { leaves: Some(*contact), joins: None };
        }
        if let Event::Join { contact, .. } = event {
            return Self { leaves: None, joins: Some(*contact) };
        }
        Self::default()
    }
}

struct Gathered {
    contact: ContactId,
    device: DeviceId,
    pace: Pace,
    last: Timestamp,
    /// Times this device made a new connection although its session had not been lost.
    renewals: i64,
    measured: Duration,
    means: [Mean; VALUES],
    paths: Vec<(MediaPath, MediaMode, Duration)>,
    freezes: u32,
    frozen: Duration,
    limited_by_cpu: Duration,
    limited_by_bandwidth: Duration,
    /// How long on each rung below the first.
    rungs: [Duration; 4],
}

/// The values that are averaged, in the order of [`values`].
const VALUES: usize = 11;

#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    seconds: f64,
    max: f64,
}

impl Statistics {
    /// Gathers for those who sit now. To be called after anything.
    pub fn follow(&mut self, now: Timestamp, call: &Call) {
        let seated = call.seated();
        self.seats.retain(|seat| seated.iter().any(|(contact, now)| seat.is(*contact, now.device)));
        for (contact, Seat { device, .. }) in seated {
            if self.seat(contact, device).is_none() {
                self.seats.push(Gathered::new(now, contact, device));
            }
        }
    }

    /// One that comes too early is dropped; so is one for a seat that is not there.
    /// Otherwise returns the time it speaks for. `rung`: where the person stands, if not above all.
    pub fn report(
        &mut self,
        now: Timestamp,
        call: &Call,
        contact: ContactId,
        device: DeviceId,
        report: &MediaReport,
        rung: Option<Rung>,
    ) -> Option<Duration> {
        let plan = call.media_plan(contact)?;
        let mode = if plan.path == Path::Sfu { MediaMode::Sfu } else { MediaMode::P2p };
        let seat = self.seats.iter_mut().find(|seat| seat.is(contact, device))?;
        let time = seat.take(now, mode, report)?;
        if let Some(rung) = rung {
            seat.rungs[place(rung)] += time;
        }
        Some(time)
    }

    /// A page that was loaded again, or whose connection could not be mended, is back without its session having been lost.
    pub fn renewed(&mut self, before: &Call, now: &Call, cause: Cause) {
        let Some(contact) = cause.joins else { return };
        let (Some(was), Some(is)) = (before.seat(contact), now.seat(contact)) else { return };
        let noted = was.lost_until.is_some();
        if was.device == is.device
            && was.epoch != is.epoch
            && !noted
            && let Some(seat) = self.seats.iter_mut().find(|seat| seat.is(contact, is.device))
        {
            seat.renewals += 1;
        }
    }

    /// The rows of those whose seat ends with this step.
    pub fn ended(
        &self,
        now: Timestamp,
        record: &CallRecord,
        before: &Call,
        next: &Call,
        cause: Cause,
    ) -> Vec<StatisticsRow> {
        let room = MOST_ROWS.saturating_sub(record.statistics.len());
        let ended = before.seated().into_iter().filter_map(|(contact, seat)| {
            let why = why(now, contact, seat, next, cause)?;
            Some((contact, seat.device, why))
        });
        let rows = (super::rows::next_seq(record.statistics.len())..).zip(ended.take(room));
        rows.map(|(seq, (contact, device, why))| self.row(now, record, seq, contact, device, why)).collect()
    }

    fn row(
        &self,
        now: Timestamp,
        record: &CallRecord,
        seq: i64,
        contact: ContactId,
        device: DeviceId,
        why: &str,
    ) -> StatisticsRow {
        let joined_at = joined(record, contact).unwrap_or(now);
        let seat = self.seat(contact, device);
        let figures = seat.map(Gathered::figures).unwrap_or_default();
        StatisticsRow {
            seq,
            contact_id: contact.0,
            joined_at,
            left_at: now,
            why: why.to_owned(),
            reconnects: seat.map_or(0, |seat| seat.renewals) + reconnected(record, contact, joined_at),
            // Numbers and names: there is nothing that could not be written.
            figures: serde_json::to_string(&figures).unwrap_or_default(),
        }
    }

    fn seat(&self, contact: ContactId, device: DeviceId) -> Option<&Gathered> {
        self.seats.iter().find(|seat| seat.is(contact, device))
    }
}

/// Why a seat is no more; nothing, if it is still there.
fn why(now: Timestamp, contact: ContactId, seat: Seat, next: &Call, cause: Cause) -> Option<&'static str> {
    match next.seat(contact) {
        Some(still) if still.device == seat.device => None,
        Some(_) => Some("moved"),
        None if cause.leaves == Some(contact) => Some("hungUp"),
        None if seat.lost_until.is_some_and(|until| until <= now) => Some("connectionLost"),
        None if !next.has_ended() => Some("handedOver"),
        None => Some("callEnded"),
    }
}

/// When somebody took the present seat.
fn joined(record: &CallRecord, contact: ContactId) -> Option<Timestamp> {
    let joins = record.events.iter().filter(|event| event.kind == "Join" && event.contact_id == contact.0);
    let moves = record.history.iter().filter(|row| row.kind == "SeatMoved" && row.contact_id == Some(contact.0));
    joins.map(|event| event.at).chain(moves.map(|row| row.at)).max()
}

fn reconnected(record: &CallRecord, contact: ContactId, since: Timestamp) -> i64 {
    let back = |row: &&farhand_store::model::HistoryRow| {
        row.kind == "Reconnected" && row.contact_id == Some(contact.0) && row.at >= since
    };
    i64::try_from(record.history.iter().filter(back).count()).unwrap_or(i64::MAX)
}

impl Gathered {
    fn new(now: Timestamp, contact: ContactId, device: DeviceId) -> Self {
        Self {
            contact,
            device,
            pace: Pace::new(now),
            last: now,
            renewals: 0,
            measured: Duration::ZERO,
            means: Default::default(),
            paths: Vec::new(),
            freezes: 0,
            frozen: Duration::ZERO,
            limited_by_cpu: Duration::ZERO,
            limited_by_bandwidth: Duration::ZERO,
            rungs: [Duration::ZERO; 4],
        }
    }

    fn is(&self, contact: ContactId, device: DeviceId) -> bool {
        (self.contact, self.device) == (contact, device)
    }

    fn take(&mut self, now: Timestamp, mode: MediaMode, report: &MediaReport) -> Option<Duration> {
        if !self.pace.allows(now, INTERVAL, BURST) {
            return None;
        }
        // Two reports in the same millisecond both tell something.
        let time = self.last.until(now).clamp(Duration::from_millis(1), LONGEST);
        self.last = now;
        self.measured += time;
        for (mean, value) in self.means.iter_mut().zip(values(report)) {
            mean.add(value, time);
        }
        if let Some(path) = report.path {
            self.went(path, mode, time);
        }
        self.freezes = self.freezes.saturating_add(report.freezes.min(MOST_FREEZES));
        let frozen = report.freeze_ms.clamp(0.0, LONGEST.as_secs_f64() * 1_000.0) / 1_000.0;
        self.frozen += Duration::try_from_secs_f64(frozen).unwrap_or_default();
        match report.limited_by {
            Some(MediaLimit::Cpu) => self.limited_by_cpu += time,
            Some(MediaLimit::Bandwidth) => self.limited_by_bandwidth += time,
            None => {}
        }
        Some(time)
    }

    fn went(&mut self, path: MediaPath, mode: MediaMode, time: Duration) {
        if let Some((last, in_mode, so_far)) = self.paths.last_mut()
            && (*last, *in_mode) == (path, mode)
        {
            *so_far += time;
        } else if self.paths.len() < MOST_PATHS {
            self.paths.push((path, mode, time));
        }
    }

    fn figures(&self) -> SeatFigures {
        let path = |(path, mode, time): &(MediaPath, MediaMode, Duration)| PathUse {
            path: *path,
            mode: *mode,
            seconds: seconds(*time),
        };
        let [
            rtt,
            jitter,
            loss_in,
            loss_out,
            kbit_in,
            kbit_out,
            concealed,
            height_in,
            height_out,
            frames_in,
            frames_out,
        ] = self.means.map(Mean::spread);
        let of_rung = |rung| seconds(self.rungs[place(rung)]);
        SeatFigures {
            measured_seconds: seconds(self.measured),
            paths: self.paths.iter().map(path).collect(),
            rtt_ms: rtt,
            jitter_ms: jitter,
            loss_in_percent: loss_in,
            loss_out_percent: loss_out,
            kbit_per_second_in: kbit_in,
            kbit_per_second_out: kbit_out,
            concealed_percent: concealed,
            height_in,
            height_out,
            frames_per_second_in: frames_in,
            frames_per_second_out: frames_out,
            freezes: self.freezes,
            freeze_ms: u32::try_from(self.frozen.as_millis()).unwrap_or(u32::MAX),
            limited_by_cpu_seconds: seconds(self.limited_by_cpu),
            limited_by_bandwidth_seconds: seconds(self.limited_by_bandwidth),
            smaller_seconds: of_rung(Rung::Smaller),
            slow_seconds: of_rung(Rung::Slow),
            stills_seconds: of_rung(Rung::Stills),
            audio_seconds: of_rung(Rung::Audio),
        }
    }
}

fn place(rung: Rung) -> usize {
    match rung {
        Rung::Smaller => 0,
        Rung::Slow => 1,
        Rung::Stills => 2,
        Rung::Audio => 3,
    }
}

impl Mean {
    fn add(&mut self, value: Option<f64>, time: Duration) {
        if let Some(value) = value {
            self.sum += value * time.as_secs_f64();
            self.seconds += time.as_secs_f64();
            self.max = self.max.max(value);
        }
    }

    fn spread(self) -> Option<Spread> {
        (self.seconds > 0.0).then(|| Spread { mean: tenths(self.sum / self.seconds), max: tenths(self.max) })
    }
}

/// What is averaged, each value cut to what can be.
fn values(report: &MediaReport) -> [Option<f64>; VALUES] {
    let up_to = |most: f64| move |value: Option<f64>| value.map(|value| value.clamp(0.0, most));
    let (milliseconds, percent, kbit) = (up_to(60_000.0), up_to(100.0), up_to(1_000_000.0));
    let (pixels, rate) = (up_to(8_640.0), up_to(240.0));
    [
        milliseconds(report.rtt_ms),
        milliseconds(report.jitter_ms),
        percent(report.loss_in_percent),
        percent(report.loss_out_percent),
        kbit(report.kbit_per_second_in),
        kbit(report.kbit_per_second_out),
        percent(report.concealed_percent),
        pixels(report.height_in),
        pixels(report.height_out),
        rate(report.frames_per_second_in),
        rate(report.frames_per_second_out),
    ]
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn seconds(time: Duration) -> u32 {
    // Half seconds count: a path of five short stretches was there.
    u32::try_from((time + Duration::from_millis(500)).as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
