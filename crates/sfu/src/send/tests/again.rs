//! What is sent again, asked for or not.

use super::*;

impl Pair {
    /// Says of the packets from this number on whether they arrived, at once and all together.
    fn arrive(&mut self, first: u64, arrived: &[bool]) -> Vec<Told> {
        self.arrive_in(0, first, arrived)
    }

    /// In the report of this count.
    fn arrive_in(&mut self, report: u8, first: u64, arrived: &[bool]) -> Vec<Told> {
        let number = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
        let first = number(usize::try_from(first).unwrap());
        let mut body = [&[0; 4][..], &first, &number(arrived.len()), &[0, 0, 1, report]].concat();
        for some in arrived.chunks(14) {
            let bit = |(place, arrived): (usize, &bool)| u16::from(*arrived) << (13 - place);
            body.extend((0x8000 | some.iter().enumerate().map(bit).sum::<u16>()).to_be_bytes());
        }
        body.extend(arrived.iter().filter(|arrived| **arrived).map(|_| 0));
        body.resize(body.len().next_multiple_of(4), 0);
        self.say(15, 205, &body).1
    }

    /// Sends this many packets and reports of each twentieth part of them how many were lost.
    fn lose(&mut self, seconds: u64, of_twenty: usize) {
        for _ in 0..seconds * 4 {
            let (seq, number) = (self.sender.number, self.sender.number);
            (seq..seq + 20).for_each(|seq| self.write("p", 10_000 + seq, 100));
            while self.sender.number < number + 20 {
                self.leave();
                self.after(5);
            }
            let sent = usize::try_from(self.sender.number - number).unwrap();
            let arrived: Vec<bool> = (0..sent).map(|place| place >= of_twenty).collect();
            self.after(250).arrive(number, &arrived);
        }
        // Until nothing waits any more.
        while pair_waits(&self.sender) {
            self.after(20).leave();
        }
        self.after(500);
    }
}

fn pair_waits(sender: &Sender) -> bool {
    !sender.pictures.is_empty() || !sender.resends.is_empty()
}

#[test]
fn over_a_link_that_loses_much_what_is_lost_is_sent_again_before_it_is_asked_for() {
    for (of_twenty, again) in [(0, 0), (1, 1), (4, 2)] {
        let mut pair = Pair::new();
        pair.lose(3, of_twenty);
        let first = pair.sender.number;
        pair.write("p", 30_000, 500);
        pair.write("p", 30_001, 500);
        assert_eq!(pair.leave().0.len(), 2);
        pair.after(50).arrive(first, &[false, true]);
        let packets = pair.leave().0;
        assert_eq!(packets.iter().filter(|(ssrc, ..)| *ssrc == AGAIN).count(), again, "{of_twenty} of twenty lost");
        let copies = vec![false; again];
        pair.after(50).arrive(first + 2, &copies);
        assert_eq!(pair.leave().0.len(), again, "and once more, as the newest of them did not arrive");
    }
}

#[test]
fn what_was_sent_again_since_is_not_mended_for_its_first_loss() {
    let mut pair = Pair::new();
    pair.lose(3, 1);
    let first = pair.sender.number;
    pair.write("p", 30_000, 500);
    pair.write("p", 30_001, 500);
    pair.leave();
    pair.say(1, 205, &[0, 0, 0, 0xa1, 0x75, 0x30, 0, 0]);
    assert_eq!(pair.leave().0.len(), 1, "asked for");
    pair.after(50).arrive(first, &[false, true]);
    assert_eq!(pair.leave().0, [], "it is on its way");
}

#[test]
fn what_went_into_a_path_that_led_nowhere_is_sent_again_unasked() {
    let mut pair = Pair::new();
    for seq in 1..=4 {
        pair.write("p", seq, 100);
        assert_eq!(pair.leave().0.len(), 1);
        pair.after(300);
    }
    pair.sender.rtt = Duration::from_millis(50);
    pair.sender.send_lost(pair.now, Duration::from_millis(510));
    let again = pair.leave().0;
    assert_eq!(again.len(), 2, "those of the last 610 ms");
    assert!(again.iter().all(|(ssrc, ..)| *ssrc == AGAIN));
}

#[test]
fn what_waits_to_be_sent_again_is_not_worth_a_new_links_first_moments() {
    let mut pair = Pair::new();
    pair.write("p", 5, 100);
    pair.leave();
    pair.nack(5);
    pair.sender.forget_lost();
    assert_eq!(pair.leave().0, []);
}

#[test]
fn what_is_sent_again_and_what_fills_a_link_have_numbers_no_other_has() {
    let mut pair = Pair::new();
    pair.sender.aim(4_000_000);
    let leave = |pair: &mut Pair| {
        let mut out = Vec::new();
        pair.after(3);
        pair.sender.advance(pair.now, &mut out);
        let again = |packet: &Vec<u8>| packet[1] != 200 && packet[8..12] == AGAIN.to_be_bytes();
        out.into_iter().filter(again).collect::<Vec<_>>()
    };
    let padding = leave(&mut pair);
    assert!(!padding.is_empty() && padding.iter().all(|packet| packet[0] & 0x20 != 0 && packet[1] == 97));
    pair.write("p", 5, 100);
    let mut all = [padding, (0..20).flat_map(|_| leave(&mut pair)).collect()].concat();
    pair.after(60).nack(5);
    let asked = leave(&mut pair);
    assert_eq!(asked.iter().map(|packet| packet[0] & 0x20).collect::<Vec<_>>(), [0], "no padding");
    all.extend(asked);
    let numbers: Vec<u16> = all.iter().map(|packet| u16::from_be_bytes([packet[2], packet[3]])).collect();
    assert!(numbers.len() > 10 && numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
}

#[test]
fn twice_only_where_there_is_room() {
    let mut pair = Pair::new();
    pair.lose(3, 4);
    assert!(pair.sender.sends_twice(pair.now));
    for seq in 0..300 {
        pair.after(5).write("s", seq, 1_000);
        pair.leave();
    }
    assert!(!pair.sender.sends_twice(pair.now), "more is sent than the link carries");
}

#[test]
fn what_is_sent_earns_what_may_be_sent_again() {
    let again = |sent: u8| {
        let mut pair = Pair::new();
        (0..sent).for_each(|seq| pair.write("p", seq.into(), 1_000));
        let mut count = 0;
        for ask in [false, true] {
            (0..sent).filter(|_| ask).for_each(|seq| assert!(pair.nack(seq)));
            while pair_waits(&pair.sender) {
                count += pair.after(10).leave().0.iter().filter(|(ssrc, ..)| *ssrc == AGAIN).count();
            }
        }
        count
    };
    assert_eq!([50, 100, 200].map(again), [50, 100, 109], "all, but no more than is allowed at once");
}

#[test]
fn what_reports_leave_out_is_lost_unless_a_report_is() {
    let told = |reports: fn(u8) -> u8| {
        let mut pair = Pair::new();
        let mut told = Vec::new();
        for report in 0..12 {
            let first = pair.sender.number;
            (first..first + 10).for_each(|seq| pair.write("s", seq, 100));
            pair.leave();
            // Each begins with what arrived first.
            told.extend(pair.after(100).arrive_in(reports(report), first + 2, &[true; 8]));
        }
        let shares = told.iter().filter_map(|told| if let Told::Loss(share) = told { Some(*share) } else { None });
        (shares.collect::<Vec<_>>(), pair.sender.losses.are_many(pair.now))
    };
    let (shares, many) = told(|report| report);
    assert!(shares.len() == 1 && (0.15..=0.2).contains(&shares[0]) && many, "{shares:?}, many: {many}");
    assert_eq!(told(|report| report * 2), (vec![0.0], false), "every second report got lost, with what it says");
}
