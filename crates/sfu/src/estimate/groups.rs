//! Packets sent within a few milliseconds are one group: links and radios pass on what was sent together in one go, and its inner times say
//! nothing about queues. Between groups it is compared how far apart they left and how far apart they arrived (draft-ietf-rmcat-gcc-02, 5.2).

use super::units::{MILLISECOND, Micros, SECOND};

const GROUP: Micros = 5 * MILLISECOND;
/// Packets that arrive faster than they were sent were held back together somewhere. No such burst is longer than this.
const LONGEST_BURST: Micros = 100 * MILLISECOND;
/// The receiver's clock has leapt, or nothing was sent for long.
const LEAP: Micros = 3 * SECOND;

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Micros,
    last_sent: Micros,
    first_arrived: Micros,
    last_arrived: Micros,
}

/// Between the ends of two groups that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) sent: Micros,
    pub(super) arrived: Micros,
    /// When the later one had arrived.
    pub(super) at: Micros,
}

#[derive(Debug, Default)]
pub(super) struct Groups {
    before: Option<Group>,
    current: Option<Group>,
}

impl Groups {
    /// One packet, in the order of sending. Tells the difference to the group before whenever a group is complete.
    pub(super) fn add(&mut self, sent: Micros, arrived: Micros) -> Option<Delta> {
        let fresh = Group { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived };
        let Some(current) = &mut self.current else {
            self.current = Some(fresh);
            return None;
        };
        if sent < current.first_sent {
            return None;
        }
        if current.takes(sent, arrived) {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrived = current.last_arrived.max(arrived);
            return None;
        }
        let complete = *current;
        self.current = Some(fresh);
        let before = self.before.replace(complete)?;
        let delta = Delta {
            sent: complete.last_sent.saturating_sub(before.last_sent),
            arrived: complete.last_arrived.saturating_sub(before.last_arrived),
            at: complete.last_arrived,
        };
        let leaps = delta.arrived.saturating_sub(delta.sent) > LEAP;
        (delta.arrived >= 0 && !leaps).then_some(delta)
    }
}

impl Group {
    fn takes(&self, sent: Micros, arrived: Micros) -> bool {
        if sent.saturating_sub(self.first_sent) <= GROUP {
            return true;
        }
        let apart = arrived.saturating_sub(self.last_arrived);
        let caught_up = apart < sent.saturating_sub(self.last_sent);
        let near = arrived.saturating_sub(self.first_arrived).saturating_abs() < LONGEST_BURST;
        caught_up && apart <= GROUP && near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deltas(packets: &[(Micros, Micros)]) -> Vec<(Micros, Micros)> {
        let mut groups = Groups::default();
        let deltas = packets.iter().filter_map(|(sent, arrived)| groups.add(sent * MILLISECOND, arrived * MILLISECOND));
        deltas.map(|delta| (delta.sent / MILLISECOND, delta.arrived / MILLISECOND)).collect()
    }

    #[test]
    fn what_was_sent_together_is_one() {
        assert_eq!(deltas(&[(0, 100), (5, 130), (20, 140), (24, 145), (40, 170), (60, 190)]), [(19, 15), (16, 25)]);
    }

    #[test]
    fn what_arrives_in_one_go_is_one() {
        let held_back = [(0, 100), (20, 180), (40, 181), (60, 182), (100, 200), (120, 220)];
        assert_eq!(deltas(&held_back), [(60, 82), (40, 18)]);
    }

    #[test]
    fn a_clock_that_leaps_is_no_queue() {
        assert_eq!(deltas(&[(0, 100), (20, 120), (40, 9_000), (60, 9_020), (80, 9_040), (100, 9_060)]), [(20, 20); 3]);
        assert_eq!(deltas(&[(0, 9_000), (20, 9_020), (40, 100), (60, 120), (80, 140), (100, 160)]), [(20, 20); 3]);
    }

    #[test]
    fn the_furthest_times_do_no_harm() {
        let mut groups = Groups::default();
        for (sent, arrived) in [(Micros::MIN, Micros::MAX), (0, Micros::MIN), (Micros::MAX, Micros::MAX), (1, 1)] {
            groups.add(sent, arrived);
        }
    }
}
