//! A participant nothing comes from any more.

use farhand_sfu::{Notice, PeerId};
use str0m::channel::ChannelConfig;

use crate::world::World;

fn lost(world: &World, who: PeerId) -> usize {
    world.notices.iter().filter(|notice| **notice == Notice::PathLost { peer: who }).count()
}

fn found(world: &World, who: PeerId) -> usize {
    world.notices.iter().filter(|notice| **notice == Notice::PathFound { peer: who }).count()
}

/// Somebody who only watches, and lets hear that it is there.
fn quiet_viewer(world: &mut World) -> PeerId {
    let ann = world.join(1, 1);
    world.client(ann).sends_media = false;
    let now = world.now;
    let id = world.client(ann).open(now, ChannelConfig { label: "alive".to_owned(), ..ChannelConfig::default() });
    world.run_until("the channel is open", 5, |world| {
        let now = world.now;
        world.client(ann).say(now, id, "here")
    });
    world.client(ann).alive = Some(id);
    ann
}

#[test]
fn a_silent_path_is_noticed_within_two_seconds_and_found_again_with_the_first_datagram() {
    let mut world = World::new();
    let ann = quiet_viewer(&mut world);
    world.run(10_000);
    assert_eq!(lost(&world, ann), 0, "two messages a second are enough");
    world.link(ann).cut = true;
    world.run_until("noticed", 2, |world| lost(world, ann) == 1);
    world.run(3_000);
    assert_eq!(lost(&world, ann), 1, "told once");
    world.link(ann).cut = false;
    world.run_until("found again", 1, |world| found(world, ann) == 1);
}

#[test]
fn a_lossy_path_is_not_a_silent_one() {
    let mut world = World::new();
    let ann = quiet_viewer(&mut world);
    world.link(ann).loss = 300;
    world.run(60_000);
    assert_eq!(lost(&world, ann), 0);
}

#[test]
fn what_is_said_on_alive_comes_back_and_goes_to_nobody_else() {
    let mut world = World::new();
    let ann = quiet_viewer(&mut world);
    let bob = world.join(2, 1);
    world.run(2_000);
    let alive = world.client(ann).alive.unwrap();
    let echoed = world.client(ann).channels.iter().find(|channel| channel.id == alive).unwrap();
    assert!(echoed.said.len() >= 3, "{:?}", echoed.said);
    assert!(world.client(bob).heard("alive", ann).is_none());
}
