//! Coming, being shown, going.

use farhand_sfu::{Notice, PeerId, Source};

use crate::world::World;

#[test]
fn three_people_see_and_hear_each_other_after_one_exchange_each() {
    let mut world = World::new();
    let people = [1, 2, 3].map(|id| world.join(id, 2));
    world.run_until("everybody sees and hears everybody", 10, |world| {
        people.iter().all(|viewer| {
            let others = people.iter().filter(|other| *other != viewer);
            let client = world.client(*viewer);
            others.clone().count() == 2
                && others.clone().all(|other| client.frames_of(*other).len() >= 50 && client.sounds_of(*other) >= 50)
        })
    });
    for viewer in people {
        assert!(world.client(viewer).frames_of(viewer).is_empty(), "nobody is shown to himself");
        for (mid, received) in &world.client(viewer).received {
            assert!(received.seqs.is_sorted(), "{mid}: no loss, no disorder: {:?}", received.seqs);
            assert!(received.seqs.windows(2).all(|pair| pair[1] - pair[0] <= 1), "{mid}: no gap");
        }
    }
}

#[test]
fn a_slot_shows_who_the_notice_says() {
    let mut world = World::new();
    let [ann, bob, cleo] = [1, 2, 3].map(|id| world.join(id, 2));
    world.run(3_000);
    let shown = world.shown(ann);
    assert_eq!(shown.len(), 4, "{shown:?}");
    for slot in shown {
        let received = &world.client(ann).received[&slot.mid.as_str().into()];
        match slot.source {
            Source::Camera => assert!(received.frames.iter().all(|frame| frame.sender == slot.peer.0)),
            Source::Microphone => assert!(received.sounds.iter().all(|sender| *sender == slot.peer.0)),
            Source::Screen | Source::ScreenAudio => panic!("nobody shares a screen"),
        }
        assert!([bob, cleo].contains(&slot.peer));
    }
}

#[test]
fn whoever_comes_late_sees_a_picture_at_once() {
    let mut world = World::new();
    world.join(1, 3);
    world.join(2, 3);
    world.run(5_000);
    let late = world.join(3, 3);
    world.run_until("connected", 2, |world| world.client(late).connected);
    let waited = world.run_until("a key frame of both", 2, |world| {
        let client = world.client(late);
        [PeerId(1), PeerId(2)].iter().all(|other| client.frames_of(*other).first().is_some_and(|f| f.keyframe))
    });
    assert!(waited.as_millis() <= 200, "{waited:?}: asking takes two ways of 20 ms and a frame");
}

#[test]
fn a_picture_always_starts_with_a_key_frame_and_its_numbers_never_jump() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(2_000);
    world.leave(bob);
    let cleo = world.join(3, 1);
    world.run(3_000);
    let client = world.client(ann);
    let camera = client.received.values().find(|received| !received.frames.is_empty()).unwrap();
    let first_of_cleo = camera.frames.iter().position(|frame| frame.sender == cleo.0).expect("the same slot");
    assert!(camera.frames[0].keyframe && camera.frames[first_of_cleo].keyframe);
    assert!(camera.frames[..first_of_cleo].iter().all(|frame| frame.sender == bob.0));
    assert!(camera.seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "one unbroken stream");
    assert!(camera.times.is_sorted());
    let steps = camera.picture_ids.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) & 0x7fff);
    assert!(steps.clone().all(|step| step <= 1), "{:?}", steps.collect::<Vec<_>>());
}

#[test]
fn nothing_passes_before_a_call_is_accepted_and_then_at_once() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 2));
    let rung = world.ring(3, 2);
    world.run(3_000);
    assert!(world.client(rung).connected, "the transport stands while it rings");
    assert!(world.client(rung).received.is_empty(), "and tells nothing");
    assert!(world.client(ann).frames_of(rung).is_empty());
    assert_eq!(world.client(ann).sounds_of(rung), 0);
    world.accept(rung);
    let waited = world.run_until("pictures both ways", 2, |world| {
        !world.client(rung).frames_of(ann).is_empty() && !world.client(bob).frames_of(rung).is_empty()
    });
    assert!(waited.as_millis() <= 200, "{waited:?}: a key frame, no handshake");
}

#[test]
fn whoever_leaves_is_shown_no_more_and_told_goodbye() {
    let mut world = World::new();
    let [ann, bob, cleo] = [1, 2, 3].map(|id| world.join(id, 2));
    world.run(2_000);
    world.leave(bob);
    world.run(100);
    assert!(world.client(bob).closed);
    for client in &mut world.clients {
        client.forget_received();
    }
    world.run(1_000);
    assert!(world.client(ann).frames_of(bob).is_empty());
    assert!(!world.client(ann).frames_of(cleo).is_empty());
    assert!(world.client(bob).received.is_empty());
    assert!(world.shown(ann).iter().all(|slot| slot.peer == cleo));
}

#[test]
fn without_enough_slots_it_says_how_many_are_missing_and_shows_who_speaks() {
    let mut world = World::new();
    let ann = world.join(1, 1);
    let [bob, cleo] = [2, 3].map(|id| world.join(id, 1));
    world.client(ann).muted = true;
    world.client(cleo).muted = true;
    world.run(3_000);
    assert_eq!(world.missing(ann), 2, "a sound and a picture");
    assert!(world.shown(ann).iter().all(|slot| slot.peer == bob));
    world.client(bob).muted = true;
    world.client(cleo).muted = false;
    world.run_until("Cleo has the floor", 5, |world| world.shown(ann).iter().all(|slot| slot.peer == cleo));
    let speakers: Vec<_> = world
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Speaker { peer, .. } => Some(*peer),
            _ => None,
        })
        .collect();
    assert_eq!(speakers.last(), Some(&Some(cleo)), "{speakers:?}");
}

#[test]
fn an_empty_room_is_closed() {
    let mut world = World::new();
    let ann = world.join(1, 1);
    world.run(1_000);
    assert_eq!(world.sfu.known_addresses(), 1);
    world.leave(ann);
    assert_eq!(world.sfu.known_addresses(), 0);
    assert_eq!(world.sfu.next_wake(), None);
}

#[test]
fn after_a_change_of_network_an_ice_restart_brings_media_back() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(2_000);
    world.restart_ice(ann);
    world.client(ann).forget_received();
    let waited = world.run_until("frames again", 3, |world| world.client(ann).frames_of(bob).len() > 10);
    assert!(waited.as_millis() < 1_000, "{waited:?}");
    world.client(bob).forget_received();
    world.run_until("the other way", 3, |world| world.client(bob).frames_of(ann).len() > 10);
}

#[test]
fn the_lines_of_a_screen_take_nobodys_slots_before_it_is_shared_nor_afterwards() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    let cleo = world.join_with_screen(3, 1);
    world.run(3_000);
    let pictures = |world: &World| -> Vec<_> {
        let shown = world.shown(ann).into_iter().filter(|shown| shown.source.is_video());
        shown.map(|shown| (shown.peer, shown.source)).collect()
    };
    assert_eq!(pictures(&world), [(bob, Source::Camera)]);
    world.share(cleo, true);
    assert_eq!(pictures(&world), [(cleo, Source::Screen)], "it comes before everything else");
    world.run(2_000);
    assert!(world.client(ann).frames_of(cleo).len() > 10);
    world.share(cleo, false);
    assert_eq!(pictures(&world), [(bob, Source::Camera)]);
}
