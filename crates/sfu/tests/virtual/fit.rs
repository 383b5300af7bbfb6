//! Senders are told what their layers should take, so that links between two layers are used.

use farhand_sfu::{Notice, PeerId};

use crate::{client::LAYERS, world::World};

/// Bytes of a frame at so many kbit/s, 25 a second.
fn frame(kbit: usize) -> usize {
    kbit * 1_000 / 8 / 25
}

/// What a browser sends by itself, in kbit/s.
const OWN: [usize; 3] = [150, 500, 1_700];

/// The best is shown to each.
fn people(world: &mut World, count: u64) -> Vec<PeerId> {
    let join = |world: &mut World, id| {
        let others = usize::try_from(count - 1).unwrap();
        world.join_with(id, others, |client, _| {
            client.temporal = true;
            client.frame_bytes = OWN.map(frame);
        })
    };
    (1..=count).map(|id| join(world, id)).collect()
}

/// Who sends does as it is told for so many seconds.
fn obey(world: &mut World, sender: PeerId, seconds: u64) {
    for _ in 0..seconds * 10 {
        let rates = world.rates(sender);
        let told = |layer: usize| {
            let rate = rates.iter().find(|rate| rate.rid == LAYERS[layer])?;
            Some(frame(usize::try_from(rate.bits / 1_000).unwrap()))
        };
        let client = world.client(sender);
        client.frame_bytes = std::array::from_fn(|layer| told(layer).unwrap_or(frame(OWN[layer])));
        world.run(100);
    }
}

/// What came in the last seconds, in kbit/s with all that surrounds it on the way.
fn kbit(world: &mut World, to: PeerId, seconds: u64) -> u64 {
    world.client(to).bytes_received as u64 * 8 / 1_000 / seconds
}

fn words(world: &World, to: PeerId) -> usize {
    world.notices.iter().filter(|notice| matches!(notice, Notice::Slots { peer, .. } if *peer == to)).count()
}

#[test]
fn a_link_that_carries_more_than_the_lowest_layer_is_used_and_moves_as_others_do() {
    for (rate, layer) in [(300_000, 0), (500_000, 1)] {
        let mut world = World::new();
        let [ann, bob] = people(&mut world, 2)[..] else { unreachable!() };
        world.view(ann, &[(bob, 720)]);
        world.link(ann).rate = Some(rate);
        obey(&mut world, bob, 30);
        world.client(ann).forget_received();
        let before = words(&world, bob);
        obey(&mut world, bob, 20);
        let (frames, used) = (world.client(ann).frames_of(bob), kbit(&mut world, ann, 20));
        assert!(used * 100 >= rate / 1_000 * 75, "{used} of {rate}");
        assert!(frames.iter().all(|frame| frame.layer == layer), "{rate}");
        assert!(frames.len() >= 450, "{} of 500 frames over {rate}", frames.len());
        assert!(words(&world, bob) - before <= 4, "{} words", words(&world, bob) - before);
    }
}

#[test]
fn a_queue_that_overflows_takes_nothing_from_the_picture_for_sound_to_be_repeated() {
    let mut world = World::new();
    let [ann, bob] = people(&mut world, 2)[..] else { unreachable!() };
    for id in [ann, bob] {
        world.client(id).sound_bytes = 160;
    }
    world.view(ann, &[(bob, 720)]);
    obey(&mut world, bob, 10);
    world.link(ann).rate = Some(300_000);
    obey(&mut world, bob, 5);
    world.client(ann).forget_received();
    obey(&mut world, bob, 10);
    let repeated: usize = world.client(ann).received.values().map(|received| received.repeated).sum();
    assert_eq!(repeated, 0, "sounds with those before them");
    let frames = world.client(ann).frames_of(bob).len();
    assert!(frames >= 225, "{frames} of 250 frames");
}

#[test]
fn once_the_link_is_better_layers_are_as_before() {
    let mut world = World::new();
    let [ann, bob] = people(&mut world, 2)[..] else { unreachable!() };
    world.view(ann, &[(bob, 720)]);
    world.link(ann).rate = Some(500_000);
    obey(&mut world, bob, 30);
    assert_eq!(world.rates(bob).iter().map(|rate| rate.rid.as_str()).collect::<Vec<_>>(), ["h"]);
    world.link(ann).rate = None;
    obey(&mut world, bob, 10);
    assert_eq!(world.rates(bob), []);
    assert_eq!(world.client(ann).frames_of(bob).last().map(|frame| frame.layer), Some(2));
}

#[test]
fn who_has_a_better_link_gets_no_less() {
    let mut world = World::new();
    let [ann, bob, cleo] = people(&mut world, 3)[..] else { unreachable!() };
    world.view(ann, &[(bob, 720), (cleo, 0)]);
    world.view(cleo, &[(bob, 720), (ann, 0)]);
    world.link(ann).rate = Some(500_000);
    world.link(cleo).rate = Some(900_000);
    obey(&mut world, bob, 30);
    world.client(cleo).forget_received();
    obey(&mut world, bob, 10);
    let frames = world.client(cleo).frames_of(bob);
    assert!(frames.len() >= 230 && frames.iter().all(|frame| frame.layer == 1), "{} frames", frames.len());
    assert_eq!(world.client(bob).frame_bytes[1], frame(OWN[1]));
    assert!(world.rates(bob).iter().any(|rate| rate.rid == "q" && rate.bits > 250_000), "{:?}", world.rates(bob));
}
