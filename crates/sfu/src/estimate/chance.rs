//! Whether what gets lost on the way in is chance, told by the end that receives. Senders slow down for losses, though many links lose by chance
//! (radio, above all) and lose no less of a slower stream. So what was lost by chance is reported as if it had arrived with its neighbours.
//!
//! It must never hide that a link is full, so it is not done as soon as any of this is so, at once and for all that is reported then:
//! - a queue grows ([`super::trend`]) or stands ([`super::queue`]): the senders' clocks are in their packets;
//! - losses depend on the rate ([`super::loss`], which tells a link with next to no queue, too: it is honest now and then, and looks whether less is lost then);
//! - more than [`MOST_LOST`] is lost;
//! - a packet next to the gap waited longer than [`NEAR`], or the gap is longer than [`LONGEST_GAP`].

use super::{
    groups::Groups,
    loss::Loss,
    queue::Queue,
    trend::{Trend, Usage},
    units::{MILLISECOND, Micros, SECOND},
};

/// More than this share: whatever it is, such a link needs a slower sender.
const MOST_LOST: f32 = 0.35;
/// How much a packet counts for in the share.
const WEIGHT: f32 = 0.01;
/// Chance loses a packet here and there; so many in a row, of 35 %, once in five thousand.
const LONGEST_GAP: usize = 8;
/// What a packet takes longer than the fastest ones, by jitter alone.
const NEAR: Micros = 40 * MILLISECOND;
/// The sender's clock in packets has 24 bits, of units of 2^-18 seconds.
const CLOCK_BITS: u32 = 24;
const CLOCK_UNITS: i64 = 1 << 18;

/// A packet that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Came {
    /// By this end's clock.
    pub(crate) at: Micros,
    /// By the sender's; what packets that do not tell get lost next to is not excused.
    pub(crate) sent: Option<Micros>,
    pub(crate) bytes: u16,
    /// It is the last of a picture, or a sound: what follows was sent later.
    pub(crate) ends: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Chance {
    /// The newest time of the sender's, in units that do not wrap.
    clock: Option<i64>,
    groups: Groups,
    trend: Trend,
    queue: Queue,
    loss: Loss,
    share: f32,
}

impl Chance {
    /// When a packet was sent, by what stands in it.
    pub(crate) fn sent(&mut self, low: u32) -> Micros {
        const WRAP: i64 = 1 << CLOCK_BITS;
        let low = i64::from(low);
        let sent = self.clock.map_or(low, |newest| newest + (low - newest + WRAP / 2).rem_euclid(WRAP) - WRAP / 2);
        self.clock = Some(self.clock.map_or(sent, |newest| newest.max(sent)));
        sent.saturating_mul(SECOND) / CLOCK_UNITS
    }

    /// A packet that was counted as lost.
    pub(crate) fn came_after_all(&mut self) {
        self.loss.arrived_after_all();
    }

    /// What is reported of the packets from `from` on. Those from `fresh` on have not been looked at.
    pub(crate) fn judge(&mut self, packets: &[Option<Came>], from: usize, fresh: usize) -> Vec<Option<Micros>> {
        self.learn(packets, fresh);
        let honest = self.is_honest();
        let mut told: Vec<Option<Micros>> =
            packets.iter().skip(from).map(|packet| packet.map(|packet| packet.at)).collect();
        let mut index = from;
        while let Some(gap) = next_gap(packets, index).filter(|_| !honest) {
            if let Some(at) = self.excuse(packets, gap.clone()) {
                for lost in gap.clone().filter(|lost| *lost >= from) {
                    told[lost - from] = Some(at);
                }
            }
            index = gap.end;
        }
        told
    }

    /// When the packets of a gap are said to have arrived: with those before or after, whichever they were more likely sent with. Between them they
    /// would look as if they had waited.
    fn excuse(&self, packets: &[Option<Came>], gap: std::ops::Range<usize>) -> Option<Micros> {
        let before = packets.get(gap.start.checked_sub(1)?).copied().flatten()?;
        let after = packets.get(gap.end).copied().flatten()?;
        let excused = gap.len() <= LONGEST_GAP && self.is_near(before) && self.is_near(after);
        excused.then_some(if before.ends { after.at } else { before.at })
    }

    fn is_near(&self, packet: Came) -> bool {
        let took = packet.sent.map(|sent| packet.at.saturating_sub(sent));
        took.zip(self.queue.least()).is_some_and(|(took, least)| took.saturating_sub(least) < NEAR)
    }

    fn is_honest(&self) -> bool {
        let waits = self.trend.usage() == Usage::Over || self.queue.stands();
        waits || self.loss.is_congested() || self.share > MOST_LOST
    }

    fn learn(&mut self, packets: &[Option<Came>], fresh: usize) {
        let mut least: Option<Micros> = None;
        let mut last = packets.get(..fresh).unwrap_or_default().iter().rev().flatten().next().copied();
        let mut now = 0;
        for packet in packets.iter().skip(fresh) {
            self.share += (f32::from(u8::from(packet.is_none())) - self.share) * WEIGHT;
            last = packet.or(last);
            let Some((known, sent)) = last.and_then(|last| Some((last, last.sent?))) else { continue };
            // One that was lost was as large as the one before, and sent with it.
            self.loss.settled(sent, known.bytes, packet.is_none());
            if packet.is_none() {
                continue;
            }
            if let Some(delta) = self.groups.add(sent, known.at) {
                self.trend.add(delta);
            }
            let took = known.at.saturating_sub(sent);
            least = Some(least.map_or(took, |least| least.min(took)));
            now = known.at;
        }
        if let Some(took) = least {
            self.queue.add(now, took);
        }
        // What losses allow is the sender's affair, so it need not be kept.
        self.loss.conclude(self.queue.stands(), 0);
    }
}

/// The first lost ones that end behind `from`.
fn next_gap(packets: &[Option<Came>], from: usize) -> Option<std::ops::Range<usize>> {
    let lost = |index: &usize| packets.get(*index).is_some_and(Option::is_none);
    let first = (from..packets.len()).find(lost)?;
    let before = (0..first).rev().take_while(lost).count();
    let end = (first..packets.len()).find(|index| !lost(index))?;
    Some(first - before..end)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::link::{Conditions, Simulation, Tenth, Timid},
        *,
    };

    const CAMERA: u64 = 1_000_000;

    /// A minute of a sender who slows down for losses, after half a minute. `judged`: by a receiver who tells chance from congestion.
    fn run(link: Conditions, judged: bool) -> (Vec<Tenth>, Simulation) {
        run_with(0, link, judged)
    }

    fn run_with(seed: u64, link: Conditions, judged: bool) -> (Vec<Tenth>, Simulation) {
        let mut simulation = Simulation::new(600_000, link, CAMERA, CAMERA);
        simulation.seed(seed);
        simulation.timid = Some(Timid::new(600_000));
        simulation.chance = judged.then(Chance::default);
        simulation.run(Duration::from_secs(30));
        simulation.sent_bytes = 0;
        (simulation.run(Duration::from_mins(1)), simulation)
    }

    fn through(tenths: &[Tenth]) -> u64 {
        tenths.iter().map(|tenth| tenth.through).sum::<u64>() / 600
    }

    fn queue(tenths: &[Tenth]) -> u128 {
        tenths.iter().map(|tenth| tenth.queue.as_millis()).sum::<u128>() / 600
    }

    #[test]
    fn what_is_lost_by_chance_makes_nobody_slow() {
        let (clean, _) = run(Conditions::of(3_000_000), true);
        for loss_percent in [10, 20, 30] {
            let link = Conditions { loss_percent, ..Conditions::of(3_000_000) };
            let (honest, _) = run(link, false);
            assert!(
                loss_percent <= 10 || through(&honest) < through(&clean) / 2,
                "{} kbit/s",
                through(&honest) / 1_000
            );
            // Of 30 %, now and then so much more gets lost that it is told for a while.
            let judged = (0..8).map(|seed| through(&run_with(seed, link, true).0)).sum::<u64>() / 8;
            let fair = through(&clean) * (100 - loss_percent) / 100;
            assert!(judged >= fair * 80 / 100, "{loss_percent} %: {judged} of {fair}");
        }
    }

    #[test]
    fn a_full_link_is_never_hidden() {
        for (queue_millis, loss_percent) in [(400, 0), (150, 0), (60, 0), (30, 0), (400, 10)] {
            let queue_length = Duration::from_millis(queue_millis);
            let link = Conditions { queue: queue_length, loss_percent, ..Conditions::of(300_000) };
            let ((honest, sent), (judged, more)) = (run(link, false), run(link, true));
            let what = format!(
                "{queue_millis} ms, {loss_percent} %: {} and {} kbit/s, sent {} and {}, queues {} and {} ms",
                through(&honest) / 1_000,
                through(&judged) / 1_000,
                sent.sent_bytes * 8 / 60_000,
                more.sent_bytes * 8 / 60_000,
                queue(&honest),
                queue(&judged)
            );
            assert!(through(&judged) >= through(&honest) * 90 / 100, "{what}");
            assert!(queue(&judged) <= queue(&honest) + 25, "{what}");
            assert!(more.sent_bytes * 8 / 60 <= 300_000 * 115 / 100 * 100 / (100 - loss_percent), "{what}");
        }
    }

    #[test]
    fn a_link_with_next_to_no_queue_is_found_out() {
        let link = Conditions { queue: Duration::from_millis(15), ..Conditions::of(500_000) };
        let (judged, sent) = run(link, true);
        let sends = sent.sent_bytes * 8 / 60;
        assert!(sends <= 500_000 * 130 / 100, "{sends} bit/s, through {}", through(&judged));
    }

    fn came(at: Micros, sent: Micros) -> Came {
        Came { at: at * MILLISECOND, sent: Some(sent * MILLISECOND), bytes: 1_000, ends: true }
    }

    #[test]
    fn a_gap_is_excused_by_its_neighbours_only() {
        let near = [Some(came(20, 0)), None, Some(came(60, 40))];
        let told = |packets: &[Option<Came>], from: usize| Chance::default().judge(packets, from, 0);
        assert_eq!(told(&near, 0), [Some(20_000), Some(60_000), Some(60_000)], "with what was sent after it");
        assert_eq!(told(&near, 1), [Some(60_000), Some(60_000)]);
        let mut inside = near;
        inside[0] = inside[0].map(|came| Came { ends: false, ..came });
        assert_eq!(told(&inside, 1)[0], Some(20_000), "with the rest of its picture");
        assert_eq!(told(&near[1..], 0)[0], None, "what came before is not known");
        let waited = [Some(came(20, 0)), None, Some(came(60 + 40, 40))];
        assert_eq!(told(&waited, 0)[1], None);
        let mut silent = near;
        silent[2] = silent[2].map(|came| Came { sent: None, ..came });
        assert_eq!(told(&silent, 0)[1], None, "nobody knows whether it waited");
        let mut many = [None; LONGEST_GAP + 3];
        (many[0], many[LONGEST_GAP + 2]) = (Some(came(20, 0)), Some(came(60, 40)));
        assert_eq!(told(&many, 0)[1], None, "a long gap");
        many[1] = Some(came(20, 0));
        assert_eq!(told(&many, 0)[2], Some(60_000));
    }

    #[test]
    fn nothing_is_excused_while_a_queue_grows_however_short_it_is() {
        let excused = |more: Micros| {
            // Each waits longer than the one before, after a while, and none of them long.
            let sent = |number: Micros| came(20 + number * 10 + (number - 60).max(0) * more, number * 10);
            let mut packets: Vec<Option<Came>> = (0..90).map(|number| Some(sent(number))).collect();
            packets[88] = None;
            let mut chance = Chance::default();
            let told = chance.judge(&packets, 0, 0);
            assert!(!chance.queue.stands() && chance.is_near(sent(89)));
            told[88].is_some()
        };
        assert!(excused(0) && !excused(1));
    }

    #[test]
    fn more_than_a_third_is_not_excused() {
        let excused = |share| {
            let packets = [Some(came(20, 0)), None, Some(came(60, 40))];
            Chance { share, ..Chance::default() }.judge(&packets, 0, 0)[1].is_some()
        };
        assert!(excused(MOST_LOST - 0.1) && !excused(MOST_LOST + 0.1));
        let mut chance = Chance::default();
        for tick in 0..400 {
            let packets = [Some(came(20 + tick * 10, tick * 10)), None];
            chance.judge(&packets, 0, 0);
        }
        assert!((0.45..0.55).contains(&chance.share), "{}", chance.share);
    }

    #[test]
    fn the_senders_clock_does_not_wrap() {
        let mut chance = Chance::default();
        let (first, second) = (chance.sent(0xff_ffff), chance.sent(CLOCK_UNITS.try_into().unwrap()));
        assert!((second - first).abs_diff(SECOND) < 10, "{first} {second}");
        assert!((chance.sent(0xff_ffff) - first).abs() < 10, "overtaken");
    }
}
