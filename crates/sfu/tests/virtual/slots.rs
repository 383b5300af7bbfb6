//! Who is shown where there are fewer slots than people.

use farhand_sfu::{PeerId, Source};

use crate::{client::Client, world::World};

/// Somebody who offers a line for pictures and sends none.
fn dark(source: Source) -> impl FnOnce(&mut Client, &mut String) {
    move |client, _| {
        client.sends = [false; 3];
        client.source = source;
        client.muted = true;
    }
}

fn picture_of(world: &World, viewer: PeerId) -> Option<PeerId> {
    world.shown(viewer).iter().find(|slot| slot.source.is_video()).map(|slot| slot.peer)
}

#[test]
fn a_screen_nobody_shares_takes_no_slot_from_a_camera() {
    let mut world = World::new();
    let ann = world.join_with(1, 1, dark(Source::Camera));
    let bob = world.join_with(2, 1, dark(Source::Screen));
    let cleo = world.join_with(3, 1, |client, _| client.muted = true);
    world.share(bob, true);
    world.run(2_000);
    assert_eq!(picture_of(&world, ann), Some(cleo));
    assert_eq!(world.missing(ann), 1, "a sound; there is no second picture");
    world.client(bob).sends = [true; 3];
    world.run_until("the screen once it is shared", 1, |world| picture_of(world, ann) == Some(bob));
    assert_eq!(world.missing(ann), 2);
}

#[test]
fn a_camera_that_is_switched_on_gets_a_slot_at_once() {
    let mut world = World::new();
    let ann = world.join_with(1, 1, dark(Source::Camera));
    let [bob, cleo] = [2, 3].map(|id| world.join_with(id, 1, dark(Source::Camera)));
    world.run(2_000);
    assert_eq!(picture_of(&world, ann), Some(bob));
    world.client(cleo).sends = [true; 3];
    let waited = world.run_until("the camera", 2, |world| picture_of(world, ann) == Some(cleo));
    assert!(waited.as_millis() < 200, "{waited:?}");
    world.run_until("its picture", 2, |world| !world.client(ann).frames_of(cleo).is_empty());
}

#[test]
fn what_is_shown_is_told_when_it_changes_and_not_again() {
    let mut world = World::new();
    let ann = world.join(1, 1);
    for id in 2..6 {
        world.join_with(id, 1, |client, _| client.muted = true);
    }
    world.run(5_000);
    let told = |world: &World| {
        let to_ann =
            |notice: &&farhand_sfu::Notice| matches!(notice, farhand_sfu::Notice::Slots { peer, .. } if *peer == ann);
        world.notices.iter().filter(to_ann).count()
    };
    let before = told(&world);
    world.join_with(6, 0, dark(Source::Camera));
    world.run(3_000);
    assert_eq!(told(&world), before + 1, "one more sound is missing");
}
