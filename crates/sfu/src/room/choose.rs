//! What is sent to one receiver of what it wants to see.

use super::{Instant, Notice, Peer, Showing, Source};
use crate::{
    fit::Share,
    ladder::{Room, Standing, Why, rung},
    layers::{self, Allocation, Offered, Wanted},
    slot::Slot,
};

/// Taken off the estimate for each sound: Opus with what surrounds it.
const SOUND: u64 = 50_000;
/// With the two before it in each packet.
const REPEATED_SOUND: u64 = 115_000;
/// More do not speak at once for long, and who is silent sends next to nothing.
const MOST_SOUNDS: usize = 3;

impl Peer {
    /// Chooses layers for all pictures; `offered` tells what there is of each. Returns where that leaves the receiver, if it is news.
    pub(super) fn choose_layers(&mut self, now: Instant, offered: impl Fn(Showing) -> Vec<Offered>) -> Option<Notice> {
        let flows = |showing: Showing| offered(showing).iter().any(|layer| layer.flows);
        let sounds = self.slots.iter().filter(|slot| !slot.video && slot.showing.is_some_and(flows)).count();
        // Sound goes first.
        let most = self.estimate.min(self.limits.bits.unwrap_or(u64::MAX));
        let (sound, repeats) = room_for_sound(sounds, self.loses_much(), most);
        self.losses.repeats = repeats;
        let (places, wishes): (Vec<usize>, Vec<Wanted>) =
            self.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, self.wish(slot, &offered)?))).unzip();
        let [carried, allowed] =
            [self.estimate, self.limits.bits.unwrap_or(u64::MAX)].map(|bits| bits.saturating_sub(sound));
        let cheapest = layers::cheapest(&wishes);
        let shown = self.ladder.carries_pictures(now, Room { carried, allowed }, cheapest);
        let pictures = shown && !self.limits.no_pictures;
        let room = carried.min(allowed);
        let mut allocation = layers::allocate(room, &wishes);
        if !pictures {
            allocation.layers.fill(None);
        }
        self.room = room;
        for ((place, step), wish) in places.into_iter().zip(&allocation.layers).zip(&wishes) {
            self.slots[place].aim(step.map(|step| (wish.layers[step].layer, wish.layers[step].pace)));
        }
        self.chosen_by = self.estimate;
        let (desired, cheapest) = if self.limits.no_pictures { (0, None) } else { (allocation.desired, cheapest) };
        let wanted = self.ladder.wants(sound, desired, cheapest);
        self.engine.aim(wanted.min(self.limits.bits.unwrap_or(u64::MAX)));
        self.standing(now, &wishes, &allocation, pictures, room)
    }

    fn wish(&self, slot: &Slot, offered: impl Fn(Showing) -> Vec<Offered>) -> Option<Wanted> {
        let showing = slot.showing.filter(|_| slot.video)?;
        let layers = offered(showing);
        let aimed = slot.aimed();
        let current = layers.iter().position(|step| aimed == Some((step.layer, step.pace)));
        let rank = u8::from(showing.source == Source::Screen);
        Some(Wanted { layers, height: self.height_of(showing), current, rank })
    }

    /// What each picture it sees can take since layers were chosen. What is left of the room belongs to all pictures alike.
    pub(super) fn shares(&self, offered: impl Fn(Showing) -> Vec<Offered>) -> Vec<(Showing, Share)> {
        if self.limits.no_pictures || !self.is_reached() {
            return Vec::new();
        }
        let takes = |wish: &Wanted| wish.current.map_or(0, |step| wish.layers[step].bitrate);
        let wishes = self.slots.iter().filter_map(|slot| Some((slot.showing?, self.wish(slot, &offered)?)));
        let wishes: Vec<(Showing, Wanted)> = wishes.collect();
        let spent: u64 = wishes.iter().map(|(_, wish)| takes(wish)).sum();
        let seen = || wishes.iter().filter(|(_, wish)| wish.best().is_some());
        let left = self.room.saturating_sub(spent) / u64::try_from(seen().count()).unwrap_or(u64::MAX).max(1);
        let share = |wish: &Wanted| Share {
            bits: takes(wish) + left,
            height: wish.height,
            above_lowest: wish.current.is_some_and(|step| wish.layers[step].layer > 0),
        };
        seen().map(|(showing, wish)| (*showing, share(wish))).collect()
    }

    fn standing(
        &mut self,
        now: Instant,
        wishes: &[Wanted],
        chosen: &Allocation,
        pictures: bool,
        room: u64,
    ) -> Option<Notice> {
        if !self.is_reached() {
            return None;
        }
        let limited = self.limits.no_pictures || self.limits.bits.is_some_and(|bits| bits < self.estimate);
        let why = if limited { Why::Budget } else { Why::Link };
        // What is used up is used up for still pictures, too.
        let room = if self.limits.no_pictures { 0 } else { room };
        let standing = Standing { rung: rung(wishes, chosen, pictures, room), why };
        let Standing { rung, why } = self.ladder.tell(now, standing)?;
        Some(Notice::Receives { peer: self.id, rung, why })
    }
}

/// What sounds take, and whether each goes with those before it. On a link that carries little else, what is repeated would make more get
/// lost, and that for ever.
fn room_for_sound(sounds: usize, lossy: bool, most: u64) -> (u64, bool) {
    let all = |each: u64| each * u64::try_from(sounds.min(MOST_SOUNDS)).unwrap_or(0);
    let repeats = lossy && all(REPEATED_SOUND) <= most;
    (all(if repeats { REPEATED_SOUND } else { SOUND }), repeats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gets_lost_is_repeated_where_there_is_room_for_it() {
        for (sounds, lossy, most, expected) in [
            (1, false, 1_000_000, (50_000, false)),
            (1, true, 1_000_000, (115_000, true)),
            (1, true, 115_000, (115_000, true)),
            (1, true, 114_999, (50_000, false)),
            (2, true, 229_999, (100_000, false)),
            (70, true, 345_000, (345_000, true)),
            (0, true, 0, (0, true)),
        ] {
            assert_eq!(room_for_sound(sounds, lossy, most), expected, "{sounds} sounds in {most} bit/s");
        }
    }
}
