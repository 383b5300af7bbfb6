//! Who sends what to whom: the same for every system.

use std::ops::Range;

use super::media::{LOW, Layer, SIMULCAST, SINGLE};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) calls: u16,
    /// In each call.
    pub(crate) people: u16,
    /// The first of them; the others only watch.
    pub(crate) senders: u16,
    pub(crate) layers: &'static [Layer],
    /// The layer everybody is to get.
    pub(crate) shown: u8,
}

pub(crate) const SHAPES: [Shape; 5] = [
    Shape {
        name: "broadcast",
        about: "1 call, 4 senders, 70 receivers",
        calls: 1,
        people: 74,
        senders: 4,
        layers: &SINGLE,
        shown: 0,
    },
    Shape {
        name: "half",
        about: "1 call, 4 senders, 35 receivers",
        calls: 1,
        people: 39,
        senders: 4,
        layers: &SINGLE,
        shown: 0,
    },
    Shape {
        name: "calls",
        about: "8 calls of 4, simulcast, the middle layer shown",
        calls: 8,
        people: 4,
        senders: 4,
        layers: &SIMULCAST,
        shown: 1,
    },
    Shape {
        name: "meeting",
        about: "1 call of 20, simulcast, the lowest layer shown",
        calls: 1,
        people: 20,
        senders: 20,
        layers: &SIMULCAST,
        shown: 0,
    },
    Shape {
        name: "hundreds",
        about: "200 calls of 2, 150 kbit/s each way",
        calls: 200,
        people: 2,
        senders: 2,
        layers: &LOW,
        shown: 0,
    },
];

impl Shape {
    /// Who receives from whom is simple where senders watch only when all send.
    fn senders_watch(&self) -> bool {
        self.senders == self.people
    }

    /// All people, as call and number in it.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = (u16, u16)> + use<> {
        let (calls, people) = (self.calls, self.people);
        (0..calls).flat_map(move |call| (0..people).map(move |person| (call, person)))
    }

    pub(crate) fn publishers(&self) -> Range<u16> {
        0..self.senders
    }

    pub(crate) fn sends(&self, person: u16) -> bool {
        person < self.senders
    }

    pub(crate) fn watches(&self, person: u16) -> bool {
        !self.sends(person) || self.senders_watch()
    }

    /// What a participant sends.
    pub(crate) fn layers_of(&self, person: u16) -> &'static [Layer] {
        if self.sends(person) { self.layers } else { &[] }
    }

    /// How many others a participant watches.
    pub(crate) fn watched_by(&self, person: u16) -> u16 {
        match (self.watches(person), self.sends(person)) {
            (false, _) => 0,
            (true, true) => self.senders - 1,
            (true, false) => self.senders,
        }
    }

    pub(crate) fn participants(&self) -> u64 {
        u64::from(self.calls) * u64::from(self.people)
    }

    /// Streams that should arrive somewhere: sound and picture of each.
    pub(crate) fn streams(&self) -> usize {
        let of_call: usize = (0..self.people).map(|person| usize::from(self.watched_by(person)) * 2).sum();
        of_call * usize::from(self.calls)
    }

    /// As high as the layer that is to be shown.
    pub(crate) fn height(&self) -> u32 {
        self.layers.get(usize::from(self.shown)).map_or(0, |layer| u32::from(layer.height()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_one_of_sound_and_one_of_pictures_for_each_pair() {
        let streams: Vec<_> = SHAPES.iter().map(Shape::streams).collect();
        assert_eq!(streams, [4 * 70 * 2, 4 * 35 * 2, 8 * 4 * 3 * 2, 20 * 19 * 2, 200 * 2 * 2]);
    }
}
