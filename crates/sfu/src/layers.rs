//! Which simulcast layer each receiver gets: as good as it shows it and its link carries it. Pure: the same facts give the same layers.

use crate::temporal;

/// A layer a sender sends now, or some of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) layer: usize,
    /// The highest temporal layer that is let through.
    pub(crate) pace: u8,
    /// What it takes, in bit/s.
    pub(crate) bitrate: u64,
    pub(crate) height: u32,
    /// Whether packets of it come at all: a sender with a weak link drops its upper layers.
    pub(crate) flows: bool,
}

impl Offered {
    /// Whether frames are left out.
    pub(crate) fn is_slow(&self) -> bool {
        self.pace != temporal::ALL
    }
}

/// One picture a receiver wants, lowest layer first.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) layers: Vec<Offered>,
    /// How high it is shown, in pixels; 0 if it is hidden.
    pub(crate) height: u32,
    pub(crate) current: Option<usize>,
    /// More important ones get their layers first.
    pub(crate) rank: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Allocation {
    /// For each wish, in order, which of its layers.
    pub(crate) layers: Vec<Option<usize>>,
    /// What all wishes would take, in bit/s, as far as it is sent at all.
    pub(crate) desired: u64,
    /// What the allocation and the next step up would take, in bit/s, if the estimate is all that stands in the way.
    pub(crate) next_step: Option<u64>,
}

/// A step up must fit with this to spare, or it would be taken back with the next wave of the estimate.
pub(crate) const SPARE_PERCENT: u64 = 15;
/// More frames of the same layer need no key frame, and can be left out again at any time.
const SPARE_FRAMES_PERCENT: u64 = 5;
/// A picture may be shown this much larger than the layer is before the next one is worth its bits.
pub(crate) const STRETCH_PERCENT: u32 = 125;

/// The lowest layer for all first, in the order of their rank, then steps up in turn as long as they fit. One picture is kept here even if
/// it does not fit: giving it up is decided with more patience, in `ladder`.
pub(crate) fn allocate(estimate: u64, wishes: &[Wanted]) -> Allocation {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(wishes[index].rank));
    let mut layers = vec![None; wishes.len()];
    let mut spent = 0;
    let mut next_step = None;
    loop {
        let mut stepped = false;
        for &index in &order {
            let wish = &wishes[index];
            let Some(step) = wish.step_up(layers[index]) else { continue };
            let others = spent - layers[index].map_or(0, |layer: usize| wish.layers[layer].bitrate);
            let takes = wish.layers[step].bitrate;
            let needed = takes + takes * wish.spare_percent(step) / 100;
            if others + needed <= estimate {
                spent = others + takes;
                layers[index] = Some(step);
                stepped = true;
            } else if wish.layers[step].flows {
                next_step.get_or_insert(others + needed);
            }
        }
        if !stepped {
            break;
        }
    }
    if layers.iter().all(Option::is_none)
        && let Some((index, step)) = last_picture(wishes, &order)
    {
        layers[index] = Some(step);
    }
    Allocation { layers, desired: desired(wishes), next_step }
}

/// The most important one; among equals the one that takes least.
fn last_picture(wishes: &[Wanted], order: &[usize]) -> Option<(usize, usize)> {
    let steps = order.iter().filter_map(|&index| Some((index, wishes[index].step_up(None)?)));
    steps.min_by_key(|&(index, step)| (std::cmp::Reverse(wishes[index].rank), wishes[index].layers[step].bitrate))
}

/// What the cheapest picture takes that somebody wants to see and that is sent.
pub(crate) fn cheapest(wishes: &[Wanted]) -> Option<u64> {
    let lowest = |wish: &Wanted| wish.step_up(None).map(|step| wish.layers[step]).filter(|step| step.flows);
    wishes.iter().filter_map(lowest).map(|step| step.bitrate).min()
}

fn desired(wishes: &[Wanted]) -> u64 {
    let best = |wish: &Wanted| wish.best().map(|best| wish.layers[best]);
    wishes.iter().filter_map(best).filter(|layer| layer.flows).map(|layer| layer.bitrate).sum()
}

impl Wanted {
    /// The highest layer that is worth its bits at this size.
    pub(crate) fn best(&self) -> Option<usize> {
        if self.height == 0 {
            return None;
        }
        let whole = || self.layers.iter().enumerate().filter(|(_, layer)| !layer.is_slow());
        let flowing = || whole().filter(|(_, layer)| layer.flows);
        let enough = |layer: &Offered| layer.height * STRETCH_PERCENT / 100 >= self.height;
        let best = flowing().find(|(_, layer)| enough(layer)).or_else(|| flowing().next_back());
        // A camera that has only just started has no flowing layer yet.
        best.or_else(|| whole().next()).map(|(index, _)| index)
    }

    /// What a step must have beyond what it takes.
    fn spare_percent(&self, step: usize) -> u64 {
        match self.current {
            Some(current) if step <= current => 0,
            Some(current) if self.layers[step].layer == self.layers[current].layer => SPARE_FRAMES_PERCENT,
            Some(_) | None => SPARE_PERCENT,
        }
    }

    fn step_up(&self, from: Option<usize>) -> Option<usize> {
        let best = self.best()?;
        let first = from.map_or(0, |layer| layer + 1);
        (first..=best).find(|&step| self.layers[step].flows || step == best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulcast() -> Vec<Offered> {
        let whole = |layer, bitrate, height| Offered { layer, pace: temporal::ALL, bitrate, height, flows: true };
        vec![whole(0, 150_000, 180), whole(1, 500_000, 360), whole(2, 1_500_000, 720)]
    }

    fn wish(height: u32) -> Wanted {
        Wanted { layers: simulcast(), height, current: None, rank: 0 }
    }

    fn layers(estimate: u64, wishes: &[Wanted]) -> Vec<Option<usize>> {
        allocate(estimate, wishes).layers
    }

    #[test]
    fn the_layer_follows_the_link() {
        for (estimate, layer) in [
            (0, Some(0)),
            (172_000, Some(0)),
            (172_500, Some(0)),
            (574_000, Some(0)),
            (575_000, Some(1)),
            (1_725_000, Some(2)),
        ] {
            assert_eq!(layers(estimate, &[wish(720)]), [layer], "{estimate} bit/s");
        }
    }

    #[test]
    fn the_layer_follows_the_size_it_is_shown_at() {
        for (height, layer) in
            [(0, None), (90, Some(0)), (225, Some(0)), (226, Some(1)), (450, Some(1)), (720, Some(2)), (2_160, Some(2))]
        {
            assert_eq!(layers(10_000_000, &[wish(height)]), [layer], "{height} pixels");
        }
    }

    #[test]
    fn what_is_shown_already_needs_nothing_to_spare() {
        let current = |current| Wanted { current: Some(current), ..wish(720) };
        assert_eq!(layers(1_500_000, &[current(2)]), [Some(2)]);
        assert_eq!(layers(1_500_000, &[current(1)]), [Some(1)]);
        assert_eq!(layers(1_499_999, &[current(2)]), [Some(1)]);
    }

    #[test]
    fn everybody_gets_something_before_anybody_gets_more() {
        let three = [wish(720), wish(720), wish(720)];
        assert_eq!(layers(600_000, &three), [Some(0); 3]);
        assert_eq!(layers(900_000, &three), [Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn the_more_important_picture_comes_first() {
        let screen = Wanted { rank: 1, ..wish(720) };
        assert_eq!(layers(200_000, &[wish(720), screen.clone()]), [None, Some(0)]);
        assert_eq!(layers(800_000, &[wish(720), screen]), [Some(0), Some(1)]);
    }

    #[test]
    fn layers_that_do_not_flow_are_passed_over() {
        let mut wish = wish(720);
        wish.layers[2].flows = false;
        assert_eq!(layers(10_000_000, &[wish.clone()]), [Some(1)], "the sender's own link is weak");
        wish.layers[1].flows = false;
        wish.layers[0].flows = false;
        assert_eq!(layers(10_000_000, &[wish.clone()]), [Some(0)], "just started");
        wish.layers[0].flows = false;
        wish.layers[2].flows = true;
        assert_eq!(layers(10_000_000, &[wish]), [Some(2)], "a sender may leave out lower ones");
    }

    #[test]
    fn the_lowest_layer_is_slowed_down_before_it_is_given_up_and_never_chosen_slow_where_it_fits() {
        let slow = |pace, bitrate| Offered { layer: 0, pace, bitrate, height: 180, flows: true };
        let with_slower = |height| {
            let layers = [&[slow(0, 60_000), slow(1, 90_000)][..], &simulcast()].concat();
            Wanted { layers, ..wish(height) }
        };
        for (estimate, step) in [(0, 0), (70_000, 0), (104_000, 1), (172_500, 2), (575_000, 3), (1_725_000, 4)] {
            assert_eq!(layers(estimate, &[with_slower(720)]), [Some(step)], "{estimate} bit/s");
        }
        assert_eq!(layers(10_000_000, &[with_slower(90)]), [Some(2)], "a small tile moves as others do");
        assert_eq!(layers(200_000, &[with_slower(720), with_slower(720)]), [Some(1), Some(1)], "all before one");
        assert_eq!(cheapest(&[with_slower(720), wish(720)]), Some(60_000));
        assert_eq!(cheapest(&[with_slower(0)]), None, "hidden");
        let mut off = with_slower(720);
        off.layers.iter_mut().for_each(|layer| layer.flows = false);
        assert_eq!(
            (cheapest(std::slice::from_ref(&off)), layers(10_000_000, &[off])),
            (None, vec![Some(2)]),
            "just started"
        );
    }

    #[test]
    fn more_frames_of_the_same_layer_need_less_to_spare_than_another_layer() {
        let slow = |pace, bitrate| Offered { layer: 0, pace, bitrate, height: 180, flows: true };
        let all = [&[slow(0, 60_000), slow(1, 90_000)][..], &simulcast()].concat();
        let current = |current| Wanted { layers: all.clone(), current: Some(current), ..wish(720) };
        assert_eq!(layers(157_500, &[current(1)]), [Some(2)]);
        assert_eq!(layers(157_499, &[current(1)]), [Some(1)]);
        assert_eq!(layers(574_999, &[current(2)]), [Some(2)]);
        assert_eq!(layers(575_000, &[current(2)]), [Some(3)]);
    }

    #[test]
    fn it_says_what_more_would_take() {
        let all = allocate(600_000, &[wish(720), wish(360)]);
        assert_eq!(all.layers, [Some(0), Some(0)]);
        assert_eq!(all.desired, 1_500_000 + 500_000);
        assert_eq!(all.next_step, Some(150_000 + 500_000 * 115 / 100));
        let full = allocate(10_000_000, &[wish(720)]);
        assert_eq!((full.next_step, full.desired), (None, 1_500_000), "nothing more to have");
        assert_eq!(allocate(1_000, &[]), Allocation::default());
    }

    #[test]
    fn what_does_not_flow_is_nothing_to_make_room_for() {
        let mut off = wish(720);
        off.layers.iter_mut().for_each(|layer| layer.flows = false);
        let all = allocate(1_000, &[off]);
        assert_eq!((all.layers, all.desired, all.next_step), (vec![Some(0)], 0, None));
    }

    #[test]
    fn one_large_picture_does_not_switch_off_all_others() {
        let large = |bitrate, rank| {
            let layers = vec![Offered { layer: 0, pace: temporal::ALL, bitrate, height: 720, flows: true }];
            Wanted { layers, height: 720, current: Some(0), rank }
        };
        let small = [wish(90), wish(90), wish(90)];
        for rank in [0, 1] {
            let wishes = [&[large(2_500_000, rank)][..], &small].concat();
            assert_eq!(layers(1_000_000, &wishes), [None, Some(0), Some(0), Some(0)]);
        }
        assert_eq!(layers(1_000, &[large(2_500_000, 0), wish(90)]), [None, Some(0)], "the cheapest if nothing fits");
        assert_eq!(layers(1_000, &[large(2_500_000, 1), wish(90)]), [Some(0), None], "the most important one");
        assert_eq!(layers(1_000, &[large(2_500_000, 0)]), [Some(0)], "alone it is shown");
    }
}
