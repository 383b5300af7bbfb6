//! The whole estimator over links in virtual time, and under whatever strangers report.

use std::time::{Duration, Instant};

use proptest::{collection::vec, prelude::*};

use super::{
    Arrival, Estimator,
    control::{LEAST, MOST},
    groups::Delta,
    link::{Conditions, Simulation, Tenth},
    trend::Usage,
};

const SECOND: Duration = Duration::from_secs(1);
const WANTED: u64 = 3_000_000;
/// What a sender with simulcast can send, and nothing between.
const LAYERS: &[u64] = &[150_000, 500_000, 1_700_000];

fn over(link: Conditions) -> Simulation {
    Simulation::new(600_000, link, WANTED, WANTED)
}

fn average(tenths: &[Tenth], value: impl Fn(&Tenth) -> u64) -> u64 {
    tenths.iter().map(value).sum::<u64>() / u64::try_from(tenths.len()).unwrap()
}

fn queue_millis(tenth: &Tenth) -> u64 {
    u64::try_from(tenth.queue.as_millis()).unwrap()
}

fn show(tenths: &[Tenth]) -> String {
    let line = |(index, tenth): (usize, &Tenth)| {
        let Tenth { estimate, through, queue } = tenth;
        format!("{index:4}: {} kbit/s, through {}, queue {queue:?}\n", estimate / 1_000, through / 1_000)
    };
    tenths.iter().enumerate().map(line).collect()
}

#[test]
fn finds_a_faster_link_within_two_seconds_and_stays_below_it() {
    let mut simulation = over(Conditions::of(2_000_000));
    let start = simulation.run(2 * SECOND);
    assert!(start.last().unwrap().estimate >= 1_650_000, "{}", show(&start));
    let tenths = simulation.run(60 * SECOND);
    assert!(average(&tenths, |tenth| tenth.through) >= 1_800_000, "{}", show(&tenths));
    assert!(average(&tenths, |tenth| tenth.estimate) <= 2_000_000, "{}", show(&tenths));
    assert!(average(&tenths, queue_millis) < 50, "{}", show(&tenths));
}

#[test]
fn a_slow_link_is_used() {
    let mut simulation = over(Conditions::of(300_000));
    let start = simulation.run(3 * SECOND);
    assert!(start.last().unwrap().estimate <= 330_000, "{}", show(&start));
    let tenths = simulation.run(60 * SECOND);
    assert!(average(&tenths, |tenth| tenth.through) >= 270_000, "{}", show(&tenths));
    assert!(average(&tenths, queue_millis) < 60, "{}", show(&tenths));
}

#[test]
fn a_link_that_falls_and_comes_back_is_followed_within_eight_seconds() {
    for (layers, report_every) in [(&[][..], 50), (&[], 200), (LAYERS, 100), (LAYERS, 200)] {
        for low_for in [5, 10, 13, 20, 40] {
            let mut simulation = over(Conditions::of(1_000_000));
            (simulation.layers, simulation.report_every) = (layers, Duration::from_millis(report_every));
            let what = format!("layers {layers:?}, reports every {report_every} ms, low for {low_for} s");
            let _start = simulation.run(20 * SECOND);
            simulation.link.rate = 250_000;
            let low = simulation.run(low_for * SECOND);
            assert!(low[15].estimate <= 270_000, "{what}\n{}", show(&low));
            assert!(average(&low[35..], queue_millis) < 100, "{what}\n{}", show(&low));
            simulation.link.rate = 1_000_000;
            let back = simulation.run(8 * SECOND);
            assert!(back.iter().any(|tenth| tenth.estimate >= 900_000), "{what}\n{}", show(&back));
        }
    }
}

#[test]
fn losses_by_chance_are_not_congestion() {
    for seed in 1..=8 {
        let mut simulation = over(Conditions { loss_percent: 20, ..Conditions::of(2_000_000) });
        simulation.seed(seed);
        let _start = simulation.run(5 * SECOND);
        let tenths = simulation.run(60 * SECOND);
        assert!(tenths.iter().all(|tenth| tenth.estimate >= 500_000), "seed {seed}\n{}", show(&tenths));
        assert!(average(&tenths, |tenth| tenth.estimate) >= 1_200_000, "seed {seed}\n{}", show(&tenths));
        assert!(average(&tenths, queue_millis) < 50, "seed {seed}\n{}", show(&tenths));
    }
}

#[test]
fn a_link_without_a_queue_is_not_flooded() {
    let mut simulation = over(Conditions { queue: Duration::from_millis(15), ..Conditions::of(2_000_000) });
    let _start = simulation.run(2 * SECOND);
    let tenths = simulation.run(60 * SECOND);
    let (sent, through) = (average(&tenths, |tenth| tenth.estimate), average(&tenths, |tenth| tenth.through));
    assert!((1_500_000..=2_050_000).contains(&sent) && through * 100 >= sent * 90, "{}", show(&tenths));
}

#[test]
fn jitter_is_no_congestion() {
    let mut simulation = over(Conditions { jitter: Duration::from_millis(30), ..Conditions::of(2_000_000) });
    let _start = simulation.run(10 * SECOND);
    let tenths = simulation.run(60 * SECOND);
    assert!(average(&tenths, |tenth| tenth.through) >= 1_500_000, "{}", show(&tenths));
}

#[test]
fn silence_lowers_to_the_least_and_is_recovered_from() {
    let mut simulation = over(Conditions::of(1_000_000));
    let _start = simulation.run(10 * SECOND);
    simulation.reports = false;
    let silent = simulation.run(15 * SECOND);
    assert!(silent[9].estimate > 800_000, "not at once\n{}", show(&silent));
    assert_eq!(silent.last().unwrap().estimate, LEAST, "{}", show(&silent));
    simulation.reports = true;
    let back = simulation.run(10 * SECOND);
    assert!(back.iter().any(|tenth| tenth.estimate >= 900_000), "{}", show(&back));
}

#[test]
fn who_sends_little_learns_of_no_more_than_is_wanted() {
    let mut simulation = Simulation::new(300_000, Conditions::of(50_000_000), 200_000, 1_000_000);
    let tenths = simulation.run(120 * SECOND);
    let last = tenths.last().unwrap().estimate;
    assert!((1_000_000..=2_000_000).contains(&last), "{}", show(&tenths));
    assert!(simulation.probes <= 20, "{}", simulation.probes);
    let mut simulation = Simulation::new(300_000, Conditions::of(50_000_000), 200_000, 0);
    let tenths = simulation.run(120 * SECOND);
    assert_eq!(simulation.probes, 0);
    assert!(tenths.last().unwrap().estimate <= 350_000, "{}", show(&tenths));
}

#[test]
fn an_idle_connection_costs_kilobytes() {
    let mut simulation = over(Conditions::of(20_000_000));
    simulation.run(10 * SECOND);
    simulation.source = 32_000;
    simulation.estimator.set_wanted(32_000);
    simulation.run(10 * SECOND);
    assert!(simulation.estimator.held() < 4_096, "{} bytes", simulation.estimator.held());
    assert!(size_of::<Estimator>() < 1_024, "{} bytes", size_of::<Estimator>());
    assert_eq!(Estimator::new(Instant::now(), 300_000).held(), 0);
}

#[test]
fn bursts_wait_until_the_link_is_calm() {
    let start = Instant::now();
    let fresh = || {
        let mut estimator = Estimator::new(start, 600_000);
        estimator.set_wanted(WANTED);
        estimator
    };
    assert!(fresh().advance(start).is_some());
    let mut queued = fresh();
    queued.queue.add(0, 0);
    queued.queue.add(1, 500_000);
    assert!(queued.advance(start).is_none(), "a queue stands");
    let mut growing = fresh();
    grow_queue(&mut growing);
    assert!(growing.advance(start).is_none(), "a queue grows");
    let mut losing = fresh();
    for index in 0..30 {
        losing.loss.settled(index * 10_000, 1_200, index % 2 == 0);
    }
    losing.loss.conclude(false, 600_000);
    assert!(losing.advance(start).is_none(), "much is lost");
}

fn grow_queue(estimator: &mut Estimator) {
    for index in 1..=60 {
        estimator.trend.add(Delta { sent: 20_000, arrived: 25_000, at: index * 25_000 });
    }
    assert_eq!(estimator.trend.usage(), Usage::Over);
}

#[test]
fn what_a_burst_measures_in_a_growing_queue_does_not_count() {
    let start = Instant::now();
    for (grows, raised) in [(false, true), (true, false)] {
        let mut estimator = Estimator::new(start, 300_000);
        estimator.set_wanted(WANTED);
        let probe = estimator.advance(start).unwrap();
        for number in 0..5_u64 {
            let at = start + Duration::from_millis(number * 4);
            estimator.sent(at, number, 450, Some(probe.id));
        }
        if grows {
            grow_queue(&mut estimator);
        }
        let at = |number| Some(Duration::from_millis(1_600 + number * 4));
        let arrivals: Vec<Arrival> = (0..5).map(|number| Arrival { number, at: at(number) }).collect();
        estimator.feedback(start + Duration::from_millis(100), &arrivals);
        assert_eq!(estimator.estimate() > 600_000, raised, "{}", estimator.estimate());
    }
}

#[test]
fn what_a_burst_loses_is_not_held_against_the_rest() {
    for (probe, held) in [(None, true), (Some(1), false)] {
        let start = Instant::now();
        let mut estimator = Estimator::new(start, 600_000);
        for number in 0..60 {
            estimator.sent(start + Duration::from_millis(number * 10), number, 1_000, probe);
        }
        let arrivals = (0..60).map(|number| {
            let at = (number % 2 == 0).then(|| Duration::from_millis(number * 10));
            Arrival { number, at }
        });
        estimator.feedback(start + SECOND, &arrivals.collect::<Vec<_>>());
        assert_eq!(estimator.loss.bound().is_some(), held);
    }
}

#[test]
fn time_does_not_go_back_and_a_long_way_is_given_time() {
    let start = Instant::now();
    let mut estimator = Estimator::new(start, 600_000);
    estimator.round_trip(Duration::from_millis(500));
    estimator.sent(start + SECOND, 1, 1_200, None);
    (2..7).for_each(|number| estimator.sent(start, number, 1_200, None));
    assert_eq!(estimator.next(), start + 3 * SECOND);
    assert!(estimator.advance(start + 2 * SECOND).is_none());
    assert_eq!(estimator.estimate(), 600_000);
    estimator.advance(start + 3 * SECOND);
    estimator.advance(start + SECOND);
    assert_eq!(estimator.estimate(), 300_000);
    assert_eq!(estimator.now, 3_000_000);
}

#[test]
fn who_sends_nothing_more_hears_nothing_more() {
    let start = Instant::now();
    let after = |packets: u64| {
        let mut estimator = Estimator::new(start, 600_000);
        (0..packets).for_each(|number| estimator.sent(start, number, 1_200, None));
        for second in 1..100 {
            estimator.advance(start + second * SECOND);
        }
        estimator.estimate()
    };
    assert_eq!(after(100), 300_000, "the silence after the last packets counts once");
    assert_eq!(after(4), 600_000, "so few may have been lost by chance");
}

#[test]
fn what_stands_in_a_queue_is_not_added_to() {
    let mut estimator = Estimator::new(Instant::now(), 600_000);
    estimator.queue.add(0, 0);
    assert_eq!(estimator.pacing(), 1_500_000);
    estimator.queue.add(1, 500_000);
    assert_eq!(estimator.pacing(), 600_000);
}

#[test]
fn what_is_found_to_be_lost_is_told_once() {
    let start = Instant::now();
    let mut estimator = Estimator::new(start, 600_000);
    (0..4).for_each(|number| estimator.sent(start, number, 1_200, None));
    let arrivals: Vec<Arrival> =
        (0..9).map(|number| Arrival { number, at: (number % 2 == 0).then_some(SECOND) }).collect();
    assert_eq!(estimator.feedback(start, &arrivals), [1, 3], "others were never sent");
    assert_eq!(estimator.feedback(start, &arrivals), []);
}

/// Of the first `seconds`: when the estimate was first as high, and the longest queue.
fn start(rate: u64, one_way: u64, source: u64, seed: u64, seconds: u32) -> (Option<usize>, Duration) {
    let link = Conditions { one_way: Duration::from_millis(one_way), ..Conditions::of(rate) };
    let mut simulation = Simulation::new(600_000, link, source, 4_000_000);
    simulation.seed(seed);
    let tenths = simulation.run(seconds * SECOND);
    let longest = tenths.iter().map(|tenth| tenth.queue).max().unwrap();
    (tenths.iter().position(|tenth| tenth.estimate >= 4_000_000), longest)
}

#[test]
fn a_fast_link_is_found_within_two_seconds_and_a_slow_one_not_flooded() {
    for one_way in [10, 30] {
        for source in [4_000_000, 100_000] {
            let (found, _) = start(10_000_000, one_way, source, 1, 2);
            assert!(found.is_some(), "{one_way} ms, {source} bit/s to send");
            let (found, longest) = start(1_000_000, one_way, source, 1, 10);
            assert!(found.is_none() && longest < Duration::from_millis(300), "{one_way} ms: {longest:?}");
        }
    }
}

#[test]
fn more_that_is_wanted_is_looked_for_at_once() {
    let mut simulation = Simulation::new(300_000, Conditions::of(400_000), 200_000, 1_000_000);
    let _low = simulation.run(40 * SECOND);
    simulation.link.rate = 50_000_000;
    simulation.estimator.set_wanted(WANTED);
    let high = simulation.run(2 * SECOND);
    assert!(high.last().unwrap().estimate >= 1_500_000, "{}", show(&high));
}

/// One call of the estimator.
#[derive(Debug, Clone)]
enum Step {
    Wanted(u64),
    Sent { after: i64, number: u64, bytes: usize, probe: Option<u32> },
    Feedback { after: i64, first: u64, arrivals: Vec<Option<Duration>> },
    RoundTrip(Duration),
    Advance { after: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let number = || prop_oneof![8 => 0..300_u64, 1 => any::<u64>()];
    // Milliseconds; back as well.
    let after = || prop_oneof![8 => 0..200_i64, 1 => -5_000..100_000_i64];
    let clock = prop_oneof![8 => (0..10_000_u64).prop_map(Duration::from_millis), 1 => any::<Duration>()];
    prop_oneof![
        prop_oneof![0..5_000_000_u64, any::<u64>()].prop_map(Step::Wanted),
        (after(), number(), prop_oneof![0..1_500_usize, any::<usize>()], proptest::option::of(0..4_u32))
            .prop_map(|(after, number, bytes, probe)| Step::Sent { after, number, bytes, probe }),
        (after(), number(), vec(proptest::option::of(clock), 0..60))
            .prop_map(|(after, first, arrivals)| Step::Feedback { after, first, arrivals }),
        any::<Duration>().prop_map(Step::RoundTrip),
        after().prop_map(|after| Step::Advance { after }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_reported_the_estimate_stays_within_its_limits(first: u64, steps in vec(step(), 0..200)) {
        let start = Instant::now() + 1_000 * SECOND;
        let mut estimator = Estimator::new(start, first);
        let mut now = start;
        let moved = |now: Instant, by: i64| {
            let span = Duration::from_millis(by.unsigned_abs());
            if by < 0 { now.checked_sub(span).unwrap_or(now) } else { now + span }
        };
        for step in steps {
            match step {
                Step::Wanted(wanted) => estimator.set_wanted(wanted),
                Step::Sent { after, number, bytes, probe } => {
                    now = moved(now, after);
                    estimator.sent(now, number, bytes, probe);
                }
                Step::Feedback { after, first, arrivals } => {
                    now = moved(now, after);
                    let numbers = first..;
                    let arrivals = numbers.zip(arrivals).map(|(number, at)| Arrival { number, at });
                    estimator.feedback(now, &arrivals.collect::<Vec<_>>());
                }
                Step::RoundTrip(time) => estimator.round_trip(time),
                Step::Advance { after } => {
                    now = moved(now, after);
                    if let Some(probe) = estimator.advance(now) {
                        prop_assert!(probe.packets > 0 && probe.bits_per_second >= LEAST);
                    }
                    prop_assert!(estimator.next() > now || now < start || estimator.advance(now).is_none());
                }
            }
            prop_assert!((LEAST..=MOST).contains(&estimator.estimate()), "{}", estimator.estimate());
            prop_assert!(estimator.pacing() >= estimator.estimate());
            prop_assert!(estimator.held() < 128 * 1_024);
        }
    }
}

#[test]
fn a_report_of_all_numbers_there_are_is_read() {
    let now = Instant::now();
    let mut estimator = Estimator::new(now, 600_000);
    for number in 0..70_000 {
        estimator.sent(now, number, 1_200, None);
    }
    let arrivals: Vec<Arrival> =
        (0..=65_535).map(|number| Arrival { number: number + 4_464, at: Some(SECOND) }).collect();
    estimator.feedback(now + SECOND, &arrivals);
    assert!(estimator.estimate() >= LEAST);
}
