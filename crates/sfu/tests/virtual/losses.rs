//! What is done about packets that get lost.

use crate::world::World;

#[test]
fn whoever_loses_much_hears_what_was_lost_from_later_packets() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(5_000);
    let repeated =
        |world: &mut World| world.client(ann).received.values().map(|received| received.repeated).sum::<usize>();
    assert_eq!(repeated(&mut world), 0, "nothing is lost, so nothing is repeated");
    world.link(ann).loss = 200;
    world.run(3_000);
    world.client(ann).forget_received();
    world.run(20_000);
    let repeats = repeated(&mut world);
    assert!(repeats > 300, "{repeats} of some 400 that arrive");
    let heard: usize = world.client(ann).received.values().map(|received| received.heard.len()).sum();
    assert!(heard > 475, "{heard} of 500");
    world.link(ann).loss = 0;
    world.run(12_000);
    world.client(ann).forget_received();
    world.run(1_000);
    assert_eq!(repeated(&mut world), 0, "nothing is lost any more");
    assert!(world.client(ann).sounds_of(bob) > 20);
}

#[test]
fn what_a_sender_repeats_closes_its_gaps() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.client(bob).repeats_sound = true;
    world.run(5_000);
    world.client(ann).forget_received();
    world.run(1_000);
    assert!(world.client(ann).sounds_of(bob) > 20, "as single sounds");
    let repeated =
        |world: &mut World| world.client(ann).received.values().map(|received| received.repeated).sum::<usize>();
    assert_eq!(repeated(&mut world), 0);
    world.link(bob).loss = 200;
    world.run(1_000);
    world.client(ann).forget_received();
    world.run(20_000);
    let heard: usize = world.client(ann).received.values().map(|received| received.heard.len()).sum();
    assert!(heard > 465, "{heard} of 500");
    assert!((50..250).contains(&repeated(&mut world)), "only where something is missing");
}

#[test]
fn pictures_of_whoever_loses_much_are_held_back_until_the_rest_has_come() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    let waits = |world: &mut World| world.client(ann).received.values().any(|received| received.waits);
    world.run(5_000);
    assert!(!waits(&mut world));
    world.link(bob).loss = 100;
    // Of the first hundred packets it may be much less than a tenth.
    world.run_until("pictures are held back", 10, waits);
    world.link(bob).loss = 0;
    world.run(15_000);
    assert!(!waits(&mut world));
}

#[test]
fn sound_that_got_lost_is_asked_for_again() {
    let mut world = World::new();
    let [_, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(5_000);
    assert_eq!(world.client(bob).sound_requests, 0);
    world.link(bob).loss = 100;
    world.run(5_000);
    assert!(world.client(bob).sound_requests > 5);
}

#[test]
fn a_gap_that_cannot_be_closed_ends_with_a_key_frame_without_the_viewer_asking() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(ann, &[(bob, 120)]);
    world.run(10_000);
    let before = world.client(bob).keyframe_requests[0];
    world.run(10_000);
    assert_eq!(world.client(bob).keyframe_requests[0], before, "nothing is missing");
    world.link(bob).loss = 500;
    world.run(2_000);
    world.link(bob).loss = 0;
    world.run(2_000);
    let after = world.client(bob).keyframe_requests[0];
    assert!(after > before);
    world.run(10_000);
    assert_eq!(world.client(bob).keyframe_requests[0], after, "all is well again");
}

#[test]
fn a_key_frame_whose_beginning_comes_last_is_shown_whole() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.client(bob).keyframes_start_late = true;
    world.view(ann, &[(bob, 720)]);
    world.run_until("the top layer", 10, |world| {
        world.client(ann).frames_of(bob).last().is_some_and(|frame| frame.layer == 2)
    });
    world.run(200);
    let client = world.client(ann);
    let first = client.frames_of(bob).into_iter().find(|frame| frame.layer == 2).unwrap();
    assert!(first.keyframe);
    let received = client.received.values().find(|received| !received.frames.is_empty()).unwrap();
    let mut seqs = received.seqs.clone();
    seqs.sort_unstable();
    assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]), "nothing is missing: {seqs:?}");
    let times = received.frames.iter().filter(|frame| frame.layer == 2).count();
    assert!(times > 1);
}

#[test]
fn whoever_loses_much_itself_holds_pictures_back_while_it_does() {
    let mut world = World::new();
    let [ann, _] = [1, 2].map(|id| world.join(id, 1));
    let waits = |world: &mut World| world.client(ann).received.values().any(|received| received.waits);
    world.run(5_000);
    world.link(ann).loss = 200;
    // What was sent before that and comes once more does not say so.
    world.run_until("pictures are held back", 10, waits);
    world.link(ann).loss = 0;
    world.run(15_000);
    world.run_until("it is told that it need not any more", 5, |world| !waits(world));
}
