//! How soon a link is used.

use std::time::Duration;

use crate::world::World;

/// Seven pictures of 600 kbit/s and their sound, for somebody over a link of such a rate.
fn arrive(rate: u64, delay: u64) -> (World, farhand_sfu::PeerId) {
    let mut world = World::new();
    let others = [1, 2, 3, 4, 5, 6, 7].map(|id| world.join(id, 0));
    world.run(3_000);
    let ann = world.join(8, 7);
    let link = world.link(ann);
    (link.rate, link.delay) = (Some(rate), Duration::from_millis(delay));
    world.view(ann, &others.map(|other| (other, 720)));
    (world, ann)
}

#[test]
fn who_comes_in_over_a_fast_link_sees_all_in_full_within_two_seconds() {
    for delay in [10, 30] {
        let (mut world, ann) = arrive(10_000_000, delay);
        let full = move |world: &mut World| {
            let newest =
                |other| world.client(ann).frames_of(farhand_sfu::PeerId(other)).last().map(|frame| frame.layer);
            (1..8).map(newest).collect::<Vec<_>>().iter().all(|layer| *layer == Some(2))
        };
        world.run_until("a connection", 3, move |world| world.client(ann).connected);
        let took = world.run_until("all in full", 10, full);
        assert!(took < Duration::from_secs(2), "{delay} ms: {took:?}");
    }
}
