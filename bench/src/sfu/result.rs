//! What the rounds come to.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use super::{
    shape::Shape,
    systems::Name,
    tally::{Tally, float},
};
use crate::{
    report::Row,
    stats::{Latencies, median, millis},
};

/// Ours ÷ the best peer, and ours ÷ the floor.
const OF_PEER: f64 = 0.5;
const OF_FLOOR: f64 = 1.5;
/// KiB of a participant who does nothing, and of one who sends.
const IDLE: f64 = 128.0;
const SENDING: f64 = 1_024.0;
/// The shape whose delays are compared, and those whose memory is told.
const HALF: &str = "half";
const MANY_IDLE: &str = "broadcast";
const ALL_SEND: &str = "calls";

/// One system, once.
pub(crate) struct Round {
    pub(crate) cpu: Duration,
    pub(crate) tally: Tally,
    /// Streams there should be.
    pub(crate) silent_of: usize,
    /// Bytes per participant, connected and then under load.
    pub(crate) idle: u64,
    pub(crate) sending: u64,
}

impl Round {
    /// Microseconds of the SFU's processor for each packet that came out of it.
    fn per_packet(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / float(self.tally.packets).max(1.0)
    }

    pub(crate) fn silent(&self) -> usize {
        self.silent_of.saturating_sub(self.tally.streams())
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} packets/s, {:.2} µs each, {} lost, {} streams silent; generator {:.0} % of its core, late by {:.1} ms at most",
            self.tally.per_second(),
            self.per_packet(),
            self.tally.lost(),
            self.silent(),
            self.tally.share() * 100.0,
            millis(self.tally.late),
        )
    }
}

/// All rounds of one shape.
pub(crate) struct Results {
    shape: &'static Shape,
    systems: Vec<(Name, Summary)>,
}

#[derive(Default)]
struct Summary {
    rounds: Vec<Round>,
    delays: Latencies,
}

impl Summary {
    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }

    fn per_packet(&self) -> f64 {
        self.median(Round::per_packet)
    }

    fn lost(&self) -> u64 {
        self.rounds.iter().map(|round| round.tally.lost()).sum()
    }

    fn silent(&self) -> usize {
        self.rounds.iter().map(Round::silent).sum()
    }

    fn delays(&self) -> String {
        format!("{:.2} / {:.2}", millis(self.delays.median()), millis(self.delays.percentile(99)))
    }
}

impl Results {
    pub(crate) fn new(shape: &'static Shape) -> Self {
        Self { shape, systems: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: Name, mut round: Round) {
        if self.of(name).is_none() {
            self.systems.push((name, Summary::default()));
        }
        if let Some((_, summary)) = self.systems.iter_mut().find(|(known, _)| *known == name) {
            summary.delays.extend(round.tally.delays().into_values());
            summary.rounds.push(round);
        }
    }

    fn of(&self, name: Name) -> Option<&Summary> {
        self.systems.iter().find(|(known, _)| *known == name).map(|(_, summary)| summary)
    }

    fn peers(&self) -> impl Iterator<Item = (Name, &Summary)> {
        let peers = self.systems.iter().filter(|(name, _)| matches!(name, Name::Janus | Name::Mediasoup));
        peers.map(|(name, summary)| (*name, summary))
    }

    /// For docs/benchmarks.md.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "{} ({} rounds)\n\n| SFU | packets/s | Mbit/s | CPU, % of its core | µs/packet | delay p50 / p99, ms | lost | silent streams | \
             KiB per participant, idle / under load | generator, % of its core |\n|---|---|---|---|---|---|---|---|---|---|\n",
            self.shape.about,
            self.systems.first().map_or(0, |(_, summary)| summary.rounds.len()),
        );
        for (name, summary) in &self.systems {
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "| {} | {:.0} | {:.1} | {:.1} | {:.2} | {} | {} | {} | {:.0} / {:.0} | {:.0} |",
                name.text(),
                summary.median(|round| round.tally.per_second()),
                summary.median(|round| float(round.tally.bytes / 1_000) * 8e-3 / round.tally.took.as_secs_f64()),
                summary.median(|round| round.cpu.as_secs_f64() / round.tally.took.as_secs_f64() * 100.0),
                summary.per_packet(),
                summary.delays(),
                summary.lost(),
                summary.silent(),
                summary.median(|round| float(round.idle) / 1_024.0),
                summary.median(|round| float(round.sending) / 1_024.0),
                summary.median(|round| round.tally.share() * 100.0),
            );
        }
        table
    }
}

/// Whether the memory of participants before media is told of this shape.
pub(crate) fn tells_idle(shape: &Shape) -> bool {
    shape.name == MANY_IDLE
}

/// The rows of the summary, as far as ours and something to compare it with were measured.
pub(crate) fn rows(all: &[Results]) -> Vec<Row> {
    let mut rows = Vec::new();
    for results in all {
        let Some(ours) = results.of(Name::Farhand) else { continue };
        rows.extend(cpu_row(results, ours));
        if results.shape.name == HALF {
            rows.extend(delay_row(results, ours));
        }
        if results.shape.name == MANY_IDLE {
            let idle = ours.median(|round| float(round.idle) / 1_024.0);
            rows.push(memory_row("connected participant before media flow", results, idle, IDLE));
        }
        if results.shape.name == ALL_SEND {
            let sending = ours.median(|round| float(round.sending) / 1_024.0);
            rows.push(memory_row("sending participant", results, sending, SENDING));
        }
    }
    rows
}

fn cpu_row(results: &Results, ours: &Summary) -> Option<Row> {
    let floor = results.of(Name::Floor)?.per_packet();
    let peers: Vec<_> = results.peers().map(|(name, summary)| (name, summary.per_packet())).collect();
    let best = peers.iter().map(|(_, cost)| *cost).min_by(f64::total_cmp)?;
    let peers: Vec<_> = peers.iter().map(|(name, cost)| format!("{} {cost:.2}", name.text())).collect();
    let cost = ours.per_packet();
    let (of_peer, of_floor) = (cost / best, cost / floor);
    Some(Row {
        figure: format!("CPU per forwarded packet, {}", results.shape.about),
        measured: format!(
            "{cost:.2} µs ({}): {of_peer:.2} × best peer, {of_floor:.2} × floor ({} lost, {} streams silent)",
            peers.join(", "),
            ours.lost(),
            ours.silent()
        ),
        floor: format!("{floor:.2} µs"),
        aim: format!("≤ {OF_PEER} × best peer, ≤ {OF_FLOOR} × floor"),
        met: of_peer <= OF_PEER && of_floor <= OF_FLOOR && ours.silent() == 0,
    })
}

fn delay_row(results: &Results, ours: &Summary) -> Option<Row> {
    let floor = results.of(Name::Floor)?.delays();
    let peers: Vec<_> = results.peers().collect();
    let best = |percent| peers.iter().map(|(_, summary)| summary.delays.percentile(percent)).min();
    let (best_median, best_99) = (best(50)?, best(99)?);
    let words: Vec<_> = peers.iter().map(|(name, summary)| format!("{} {}", name.text(), summary.delays())).collect();
    Some(Row {
        figure: format!("delay through the SFU, p50 / p99 in ms, {}", results.shape.about),
        measured: format!("{} ({})", ours.delays(), words.join(", ")),
        floor,
        aim: "lower than the best peer at both".to_owned(),
        met: ours.delays.median() < best_median && ours.delays.percentile(99) < best_99 && ours.silent() == 0,
    })
}

fn memory_row(what: &str, results: &Results, kibibytes: f64, aim: f64) -> Row {
    Row {
        figure: format!("memory per {what}, {}", results.shape.about),
        measured: format!("{kibibytes:.0} KiB"),
        floor: "–".to_owned(),
        aim: format!("≤ {aim:.0} KiB"),
        met: kibibytes <= aim,
    }
}
