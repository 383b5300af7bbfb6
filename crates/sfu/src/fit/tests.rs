//! What is told in which situation, and when.

use super::*;
use crate::temporal;

const OWN: [u64; 3] = [160_000, 520_000, 1_700_000];

fn offered(flows: [bool; 3]) -> Vec<Offered> {
    let layer = |(layer, bitrate): (usize, u64)| {
        let height = [180, 360, 720][layer];
        Offered { layer, pace: temporal::ALL, bitrate, height, flows: flows[layer] }
    };
    OWN.into_iter().enumerate().map(layer).collect()
}

fn large(kbit: u64) -> Share {
    Share { bits: kbit * 1_000, height: 720, above_lowest: false }
}

fn small(kbit: u64) -> Share {
    Share { height: 180, ..large(kbit) }
}

/// What is told once that has been so for long, in kbit/s.
fn told(flows: [bool; 3], shares: &[Share]) -> [Option<u64>; 2] {
    let (start, mut fit) = (Instant::now(), Fit::default());
    for half in 0..120 {
        fit.look(start + Duration::from_millis(500 * half), &offered(flows), shares);
    }
    fit.told().map(|bits| bits.map(|bits| bits / 1_000))
}

const ALL: [bool; 3] = [true; 3];
const TWO: [bool; 3] = [true, true, false];

#[test]
fn what_one_viewer_can_take_between_two_layers_is_used() {
    for (kbit, expected) in [
        (50, [None, None]),
        (200, [None, None]),
        (210, [Some(180), None]),
        (240, [Some(200), None]),
        (299, [Some(250), None]),
        (300, [Some(250), None]),
        (349, [Some(300), None]),
        (350, [None, Some(270)]),
        (500, [None, Some(390)]),
        (597, [None, Some(460)]),
        (598, [None, None]),
        (5_000, [None, None]),
    ] {
        assert_eq!(told(ALL, &[large(kbit)]), expected, "{kbit} kbit/s");
        assert_eq!(told(TWO, &[large(kbit)]), expected, "{kbit} kbit/s of two layers");
    }
}

#[test]
fn nobody_gets_less_because_of_somebody_elses_weak_link() {
    assert_eq!(told(ALL, &[large(400), large(900)]), [Some(300), None], "who has the middle one keeps it");
    assert_eq!(told(ALL, &[large(400), large(3_000)]), [None, Some(310)], "who has the top one does not notice");
    assert_eq!(told(TWO, &[large(400), large(3_000)]), [Some(300), None], "nor where there is none");
    assert_eq!(told(ALL, &[large(400), large(210)]), [Some(180), Some(310)], "each of them");
    assert_eq!(told(ALL, &[large(400), large(100)]), [None, Some(310)]);
    assert_eq!(told(TWO, &[large(900), large(210), large(100)]), [None, None], "the weakest has enough with it");
    let has = Share { above_lowest: true, ..large(550) };
    assert_eq!(told(ALL, &[has]), [None, None], "what fits needs nothing to spare");
}

#[test]
fn a_small_picture_asks_for_nothing_and_pays_for_others_only_what_it_can() {
    assert_eq!(told(ALL, &[small(5_000)]), [None, None]);
    assert_eq!(told(ALL, &[small(5_000), large(240)]), [Some(200), None]);
    assert_eq!(told(ALL, &[small(100), large(240)]), [None, None]);
    assert_eq!(told(ALL, &[]), [None, None], "nobody looks");
}

#[test]
fn a_sender_who_has_room_for_the_lowest_only_makes_the_best_of_it() {
    let alone = [true, false, false];
    assert_eq!(told(alone, &[large(5_000)]), [Some(300), None]);
    assert_eq!(told(alone, &[large(5_000), large(240)]), [Some(200), None]);
    assert_eq!(told([false, true, false], &[large(240)]), [None, None], "nor does what is not sent");
}

#[test]
fn down_at_once_and_up_after_a_while_with_the_least_of_it() {
    let (start, mut fit) = (Instant::now(), Fit::default());
    let mut look = |millis, kbit| {
        let news = fit.look(start + Duration::from_millis(millis), &offered(TWO), &[large(kbit)]);
        news.then(|| fit.told()[0].map(|bits| bits / 1_000))
    };
    assert_eq!(look(0, 280), None);
    assert_eq!(look(1_500, 250), None);
    assert_eq!(look(3_000, 280), Some(Some(210)), "the least of three seconds");
    assert_eq!(look(3_500, 200), None, "a word a second");
    assert_eq!(look(4_000, 200), Some(None));
    for (millis, kbit) in [(4_500, 280), (6_000, 280), (7_000, 200), (7_500, 280), (10_000, 280)] {
        assert_eq!(look(millis, kbit), None, "at {millis}: three seconds in a row");
    }
    assert_eq!(look(10_500, 280), Some(Some(180)), "less than what had to be taken back");
    for (millis, kbit) in [(14_000, 210), (20_000, 300)] {
        assert_eq!(look(millis, kbit), None, "{kbit} kbit/s are a wave, or were too much");
    }
    assert_eq!(look(70_000, 300), None);
    assert_eq!(look(73_000, 300), Some(Some(200)), "by a step, long after");
    assert_eq!((look(73_500, 300), look(76_500, 300)), (None, Some(Some(230))), "and another");
}

#[test]
fn a_middle_layer_that_was_lowered_stays_so_until_there_is_clearly_less_or_enough_for_its_own_rate() {
    let (start, mut fit) = (Instant::now(), Fit::default());
    let mut now = 0;
    let mut hold = |seconds: u64, kbit, above_lowest| {
        for _ in 0..seconds * 2 {
            now += 500;
            let mut layers = offered(TWO);
            layers[1].bitrate = fit.told()[1].unwrap_or(OWN[1]);
            let share = Share { above_lowest, ..large(kbit) };
            fit.look(start + Duration::from_millis(now), &layers, &[share]);
        }
        fit.told().map(|bits| bits.map(|bits| bits / 1_000))
    };
    assert_eq!(hold(5, 400, false), [None, Some(310)]);
    assert_eq!(hold(10, 260, true), [None, Some(200)], "and lower with what there is");
    assert_eq!(hold(10, 240, true), [Some(200), None]);
    assert_eq!(hold(10, 280, false), [Some(230), None]);
    assert_eq!(hold(10, 350, false), [Some(290), None], "the lowest is raised first");
    assert_eq!(hold(10, 519, false), [None, Some(270)], "not again what had to be taken back");
    assert_eq!(hold(30, 519, true), [None, Some(400)], "but after a minute");
    assert_eq!(hold(10, 600, true), [None, Some(460)], "which proves that there is more");
    assert_eq!(hold(10, 650, true), [None, None], "all but its own rate");
    assert_eq!(hold(10, 400, true), [None, Some(310)]);
    assert_eq!(hold(5, 675, true), [None, Some(350)], "by a step");
    assert_eq!(hold(8, 676, true), [None, None], "enough by far");
}
