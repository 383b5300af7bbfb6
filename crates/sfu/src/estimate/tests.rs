//! The whole estimator over links in virtual time.

use std::time::Duration;

use super::link::{Conditions, Simulation, Tenth};

const SECOND: Duration = Duration::from_secs(1);

fn average(tenths: &[Tenth], value: impl Fn(&Tenth) -> u64) -> u64 {
    tenths.iter().map(value).sum::<u64>() / u64::try_from(tenths.len()).unwrap()
}

fn show(tenths: &[Tenth]) -> String {
    let line = |(index, tenth): (usize, &Tenth)| {
        format!(
            "{}.{}s {}k through {}k queue {:?}",
            index / 10,
            index % 10,
            tenth.estimate / 1_000,
            tenth.through / 1_000,
            tenth.queue
        )
    };
    tenths.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn queue_millis(tenth: &Tenth) -> u64 {
    u64::try_from(tenth.queue.as_millis()).unwrap()
}

#[test]
fn finds_a_faster_link_within_two_seconds() {
    let mut simulation = Simulation::new(600_000, Conditions::of(2_000_000), 3_000_000, 3_000_000);
    let tenths = simulation.run(2 * SECOND);
    assert!(tenths.last().unwrap().estimate >= 1_600_000, "{}", show(&tenths));
    let tenths = simulation.run(60 * SECOND);
    assert!(average(&tenths, |tenth| tenth.through) >= 1_750_000, "{}", show(&tenths));
    assert!(average(&tenths, |tenth| tenth.estimate) <= 2_050_000, "{}", show(&tenths));
    assert!(average(&tenths, queue_millis) < 100, "{}", show(&tenths));
}

#[test]
fn a_slow_link_is_used() {
    let mut simulation = Simulation::new(600_000, Conditions::of(300_000), 3_000_000, 3_000_000);
    let _start = simulation.run(3 * SECOND);
    let tenths = simulation.run(60 * SECOND);
    assert!(average(&tenths, |tenth| tenth.through) >= 255_000, "{}", show(&tenths));
    assert!(average(&tenths, queue_millis) < 100, "{}", show(&tenths));
}

#[test]
fn a_link_that_falls_and_comes_back_is_followed() {
    let mut simulation = Simulation::new(600_000, Conditions::of(1_000_000), 3_000_000, 3_000_000);
    let _start = simulation.run(20 * SECOND);
    simulation.link.rate = 250_000;
    let fall = simulation.run(3 * SECOND);
    assert!(fall.last().unwrap().estimate <= 260_000, "{}", show(&fall));
    let low = simulation.run(12 * SECOND);
    assert!(average(&low, |tenth| tenth.through) >= 200_000, "{}", show(&low));
    assert!(average(&low, queue_millis) < 120, "{}", show(&low));
    simulation.link.rate = 1_000_000;
    let back = simulation.run(8 * SECOND);
    assert!(back.iter().any(|tenth| tenth.estimate >= 900_000), "{}", show(&back));
}

#[test]
fn losses_by_chance_are_not_congestion() {
    let link = Conditions { loss_percent: 20, ..Conditions::of(2_000_000) };
    let mut simulation = Simulation::new(600_000, link, 3_000_000, 3_000_000);
    let start = simulation.run(5 * SECOND);
    let tenths = simulation.run(60 * SECOND);
    assert!(tenths.iter().all(|tenth| tenth.estimate >= 500_000), "{}{}", show(&start), show(&tenths));
    assert!(average(&tenths, |tenth| tenth.estimate) >= 1_000_000, "{}", show(&tenths));
    assert!(average(&tenths, queue_millis) < 100, "{}", show(&tenths));
}
