//! Layers, loss and weak links.

use crate::{client::LAYERS, world::World};

fn newest_layer(world: &mut World, viewer: farhand_sfu::PeerId, sender: farhand_sfu::PeerId) -> Option<u8> {
    world.client(viewer).frames_of(sender).last().map(|frame| frame.layer)
}

/// Of all others, single or repeated.
fn sounds(world: &mut World, viewer: farhand_sfu::PeerId) -> usize {
    world.client(viewer).received.values().map(|received| received.heard.len()).max().unwrap_or(0)
}

#[test]
fn a_good_link_gets_the_best_layer_within_seconds_and_a_small_picture_a_small_one() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(ann, &[(bob, 720)]);
    world.run_until("the top layer", 10, |world| newest_layer(world, ann, bob) == Some(2));
    world.view(ann, &[(bob, 120)]);
    world.run_until("the bottom layer", 2, |world| newest_layer(world, ann, bob) == Some(0));
    world.view(ann, &[(bob, 0)]);
    world.run(200);
    world.client(ann).forget_received();
    world.run(1_000);
    assert!(world.client(ann).frames_of(bob).is_empty(), "hidden");
    assert!(world.client(ann).sounds_of(bob) > 20, "but heard");
    world.view(ann, &[(bob, 720)]);
    world.run_until("the top layer again", 5, |world| newest_layer(world, ann, bob) == Some(2));
}

#[test]
fn of_many_wishes_the_newest_counts() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(ann, &[(bob, 720)]);
    world.run_until("the top layer", 10, |world| newest_layer(world, ann, bob) == Some(2));
    for height in [720, 360].into_iter().cycle().take(1_000) {
        world.view(ann, &[(bob, height)]);
    }
    world.view(ann, &[(bob, 120)]);
    let waited = world.run_until("the bottom layer", 2, |world| newest_layer(world, ann, bob) == Some(0));
    assert!(waited.as_millis() < 300, "{waited:?}");
}

#[test]
fn each_viewer_gets_the_layer_its_own_link_carries() {
    let mut world = World::new();
    let [bob, ann, cleo] = [1, 2, 3].map(|id| world.join(id, 2));
    world.view(ann, &[(bob, 720)]);
    world.view(cleo, &[(bob, 720), (ann, 0)]);
    world.link(cleo).rate = Some(350_000);
    world.run_until("the top layer", 10, |world| newest_layer(world, ann, bob) == Some(2));
    world.run(5_000);
    world.client(cleo).forget_received();
    world.run(5_000);
    let layer = newest_layer(&mut world, cleo, bob);
    assert!(layer == Some(0) || layer == Some(1), "{layer:?}");
    let (frames, sounds) = (world.client(cleo).frames_of(bob).len(), sounds(&mut world, cleo));
    assert!(frames >= 120 && sounds >= 120, "{frames} pictures and {sounds} sounds of 125");
    assert_eq!(newest_layer(&mut world, ann, bob), Some(2), "the others' are as good as before");
}

#[test]
fn when_a_link_gets_worse_pictures_get_smaller_within_seconds_and_come_back() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(ann, &[(bob, 720)]);
    world.run_until("the top layer", 10, |world| newest_layer(world, ann, bob) == Some(2));
    world.link(ann).rate = Some(250_000);
    world.run(4_000);
    world.client(ann).forget_received();
    world.run(5_000);
    let layer = newest_layer(&mut world, ann, bob);
    assert_eq!(layer, Some(0), "what the link carries");
    let (frames, sounds) = (world.client(ann).frames_of(bob).len(), sounds(&mut world, ann));
    assert!(frames >= 120 && sounds >= 120, "{frames} pictures and {sounds} sounds of 125");
    world.link(ann).rate = None;
    world.run_until("the top layer again", 10, |world| newest_layer(world, ann, bob) == Some(2));
}

#[test]
fn when_the_sender_drops_its_upper_layers_viewers_follow_and_come_back() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(ann, &[(bob, 720)]);
    world.run_until("the top layer", 10, |world| newest_layer(world, ann, bob) == Some(2));
    world.client(bob).sends = [true, false, false];
    let waited = world.run_until("the bottom layer", 5, |world| newest_layer(world, ann, bob) == Some(0));
    assert!(waited.as_millis() <= 2_600, "{waited:?}");
    world.client(bob).sends = [true; 3];
    world.run_until("the top layer again", 5, |world| newest_layer(world, ann, bob) == Some(2));
}

#[test]
fn what_is_lost_is_sent_again_on_both_legs() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(2_000);
    world.link(ann).loss = 50;
    world.link(bob).loss = 50;
    world.client(ann).forget_received();
    world.run(10_000);
    let frames = world.client(ann).frames_of(bob);
    let received = world.client(ann).received.values().find(|received| !received.frames.is_empty()).unwrap();
    let mut seqs = received.seqs.clone();
    seqs.sort_unstable();
    seqs.dedup();
    let expected = seqs.last().unwrap() - seqs[0] + 1;
    let missing = expected - seqs.len() as u64;
    assert!(
        missing * 100 <= expected,
        "{missing} of {expected} packets never came at 5 % loss; {} frames",
        frames.len()
    );
    assert!(expected > 200);
}

#[test]
fn a_hundred_requests_for_a_key_frame_reach_the_sender_as_two_a_second_at_most() {
    let mut world = World::new();
    let sender = world.join(1, 1);
    for id in 2..8 {
        let viewer = world.join(id, 7);
        world.view(viewer, &[(sender, 720)]);
    }
    world.run(10_000);
    let before = world.client(sender).keyframe_requests;
    for id in 2..8 {
        world.link(farhand_sfu::PeerId(id)).loss = 200;
    }
    world.run(10_000);
    let after = world.client(sender).keyframe_requests;
    for layer in 0..LAYERS.len() {
        assert!(after[layer] - before[layer] <= 20, "{before:?} → {after:?} in 10 s");
    }
}

#[test]
fn a_picture_comes_back_after_the_link_was_nearly_dead() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(ann, &[(bob, 720)]);
    world.run_until("the top layer", 10, |world| newest_layer(world, ann, bob) == Some(2));
    world.link(ann).rate = Some(30_000);
    world.run(15_000);
    world.link(ann).rate = None;
    world.client(ann).forget_received();
    world.run_until("a picture again", 10, |world| world.client(ann).frames_of(bob).len() > 20);
    world.run_until("the top layer again", 30, |world| newest_layer(world, ann, bob) == Some(2));
}

#[test]
fn a_call_in_which_nothing_is_said_or_shown_takes_hardly_anything() {
    let mut world = World::new();
    let people = [1, 2, 3, 4].map(|id| {
        world.join_with(id, 3, |client, _| {
            client.sends = [false; 3];
            client.muted = true;
        })
    });
    world.run(10_000);
    for client in &mut world.clients {
        client.forget_received();
    }
    world.run(10_000);
    for id in people {
        let bits = world.client(id).bytes_received * 8 / 10;
        assert!(bits < 180_000, "{bits} bit/s, of which three silent sounds and the engine's 50,000 are most");
    }
}

#[test]
fn a_link_is_not_filled_for_layers_nobody_asks_for() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(ann, &[(bob, 120)]);
    world.run(10_000);
    world.client(ann).forget_received();
    world.run(10_000);
    let bits = world.client(ann).bytes_received * 8 / 10;
    assert!(bits < 150_000, "{bits} bit/s for a picture of 75,000 and a sound");
}
