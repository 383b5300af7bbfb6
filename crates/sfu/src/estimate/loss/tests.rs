//! What losses say, told in sequences that leave nothing to luck.

use super::{super::units::MILLISECOND, *};

/// A link that carries so much, in bit/s, and loses so many of a hundred by chance.
struct Link {
    carries: u64,
    lost_percent: u64,
    sent: Micros,
    packets: u64,
    credit: u64,
}

impl Link {
    fn new(carries: u64, lost_percent: u64) -> Self {
        Self { carries, lost_percent, sent: 0, packets: 0, credit: 0 }
    }

    /// Sends at a rate for half a second, in packets of 1,000 bytes.
    fn send(&mut self, loss: &mut Loss, rate: u64) {
        for _ in 0..rate / 16_000 {
            self.sent += Micros::try_from(8_000 * 1_000_000 / rate).unwrap();
            self.packets += 1;
            self.credit = (self.credit + self.carries * 8_000 / rate).min(16_000);
            let passes = self.credit >= 8_000;
            self.credit -= if passes { 8_000 } else { 0 };
            let unlucky = self.packets * 37 % 100 < self.lost_percent;
            loss.settled(self.sent, 1_000, !passes || unlucky);
            loss.conclude(false, 5_000_000);
        }
    }
}

#[test]
fn a_link_that_polices_is_not_sent_more_than_it_carries() {
    let (mut loss, mut link) = (Loss::default(), Link::new(1_000_000, 0));
    for rate in [700_000, 800_000, 900_000, 1_000_000, 1_100_000, 1_200_000, 1_300_000] {
        link.send(&mut loss, rate);
    }
    let bound = loss.bound().unwrap();
    assert!((800_000..1_050_000).contains(&bound), "{bound}");
    let mut most = 0;
    for _ in 0..40 {
        let rate = loss.bound().unwrap_or(2_000_000).min(2_000_000);
        most = most.max(rate);
        link.send(&mut loss, rate);
    }
    assert!(most < 1_300_000, "{most}");
}

#[test]
fn a_link_that_loses_by_chance_is_not_given_up() {
    let (mut loss, mut link) = (Loss::default(), Link::new(u64::MAX / 8_000, 20));
    for rate in [600_000, 700_000, 900_000, 1_200_000, 1_600_000, 2_000_000] {
        link.send(&mut loss, rate);
    }
    let rates = (0..60).map(|_| {
        let rate = loss.bound().unwrap_or(2_000_000).min(2_000_000);
        link.send(&mut loss, rate);
        rate
    });
    let rates: Vec<u64> = rates.collect();
    let low = rates.iter().filter(|rate| **rate < 1_800_000).count();
    assert!(low < 6, "{rates:?}");
}

#[test]
fn chance_that_begins_at_a_constant_rate_is_asked_about_once() {
    let (mut loss, mut link) = (Loss::default(), Link::new(u64::MAX / 8_000, 0));
    for _ in 0..20 {
        link.send(&mut loss, 1_000_000);
    }
    assert_eq!(loss.bound(), None);
    link.lost_percent = 20;
    let mut rates = Vec::new();
    for _ in 0..80 {
        let rate = loss.bound().unwrap_or(1_000_000).min(1_000_000);
        rates.push(rate);
        link.send(&mut loss, rate);
    }
    assert!(rates[..10].iter().any(|rate| *rate < 900_000), "first it is believed to be congestion: {rates:?}");
    assert!(rates.iter().all(|rate| *rate > 500_000), "{rates:?}");
    assert!(rates[40..].iter().all(|rate| *rate > 900_000), "then to be chance: {rates:?}");
    assert!((0.1..0.25).contains(&loss.chance), "{}", loss.chance);
    link.lost_percent = 0;
    for _ in 0..30 {
        link.send(&mut loss, 1_000_000);
    }
    assert!(loss.chance < 0.02, "and it is forgotten: {}", loss.chance);
}

#[test]
fn a_loss_in_a_standing_queue_is_congestion() {
    let mut loss = Loss { chance: 0.05, ..Loss::default() };
    for index in 0..41 {
        loss.settled(index * 10 * MILLISECOND, 1_000, index % 4 == 0);
    }
    loss.conclude(true, 1_000_000);
    let bound = loss.bound().unwrap();
    assert!((520_000..620_000).contains(&bound), "{bound}");
}

#[test]
fn what_was_only_late_is_no_loss() {
    let mut loss = Loss::default();
    for index in 0..41 {
        loss.settled(index * 10 * MILLISECOND, 1_000, true);
        loss.arrived_after_all();
    }
    loss.conclude(false, 1_000_000);
    assert_eq!(loss.bound(), None);
    loss.arrived_after_all();
}

fn seen(rate: u64, lost: f64) -> Seen {
    Seen { rate, packets: 20.0, lost }
}

#[test]
fn to_ask_it_falls_no_further_than_what_came_through() {
    let windows = [seen(1_000_000, 1.0), seen(1_000_000, 10.0), seen(1_000_000, 10.0)];
    let mut loss = Loss { windows: windows.into(), ..Loss::default() };
    loss.judge(1_000_000);
    assert!(loss.is_congested());
    assert_eq!(loss.bound(), Some(902_500));
}

/// A window of twenty packets is judged.
fn judge(loss: &mut Loss, rate: u64, lost: f64) -> bool {
    loss.windows.remember(seen(rate, lost));
    loss.judge(5_000_000);
    loss.is_congested()
}

#[test]
fn a_burst_that_gets_through_refutes_a_limit_and_what_was_lost_was_chance() {
    let mut loss = Loss::default();
    assert!(judge(&mut loss, 500_000, 4.0), "nothing is known of chance");
    let bound = loss.bound();
    loss.got_through(300_000);
    assert_eq!((loss.bound(), loss.chance), (bound, 0.0), "no more than the limit");
    loss.got_through(900_000);
    assert_eq!(loss.bound(), Some(900_000));
    assert!((loss.chance - 0.1).abs() < 0.001, "half of what was lost: {}", loss.chance);
    let mut asked = 0;
    for lost in [4.0, 3.0, 5.0, 4.0].repeat(10) {
        if judge(&mut loss, 500_000, lost) {
            asked += 1;
            loss.got_through(900_000);
        }
    }
    assert!(asked <= 1, "once more at most, though as much is lost as before: {asked}");
    assert!(loss.bound().is_none(), "{:?}", loss.bound());
}

#[test]
fn a_burst_does_not_say_that_less_is_lost() {
    let mut loss = Loss { windows: [seen(500_000, 4.0)].into(), chance: 0.3, bound: Some(400_000), ..Loss::default() };
    loss.got_through(900_000);
    assert!((loss.chance - 0.3).abs() < 0.001, "{}", loss.chance);
}

#[test]
fn a_burst_does_not_hide_a_limit_that_is_there() {
    let mut loss = Loss::default();
    for (rate, lost) in [(900_000, 0.0), (1_000_000, 0.0), (1_300_000, 5.0)] {
        judge(&mut loss, rate, lost);
    }
    judge(&mut loss, 1_500_000, 7.0);
    assert!(loss.is_congested());
    // It fits into what a policer lets through at once.
    loss.got_through(2_000_000);
    assert!(judge(&mut loss, 1_200_000, 3.0), "the more is sent, the more is lost");
    assert!(loss.bound().is_some_and(|bound| bound < 1_100_000), "{:?}", loss.bound());
}

#[test]
fn a_bad_second_is_no_limit_where_chance_is_known_but_many_are() {
    let mut loss = Loss { chance: 0.2, ..Loss::default() };
    assert!(!judge(&mut loss, 300_000, 8.0), "twice as many as usual, of twenty");
    assert!(!judge(&mut loss, 300_000, 3.0));
    let worse = [8.0, 9.0, 8.0, 9.0].map(|lost| judge(&mut loss, 300_000, lost));
    assert!(worse[3], "{worse:?}");
}

#[test]
fn a_limit_above_what_queues_allow_is_none() {
    let mut loss = Loss { windows: [seen(500_000, 0.0)].into(), bound: Some(900_000), ..Loss::default() };
    loss.judge(950_000);
    assert_eq!(loss.bound(), Some(936_000));
    loss.judge(950_000);
    assert_eq!(loss.bound(), None);
}
