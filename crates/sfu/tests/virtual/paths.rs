//! Addresses that change, honestly or not.

use std::{net::SocketAddr, time::Duration};

use farhand_sfu::{Notice, PeerId};

use crate::world::{Link, World};

fn elsewhere(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 5], port))
}

fn frames(world: &mut World, viewer: PeerId, sender: PeerId) -> usize {
    world.client(viewer).frames_of(sender).len()
}

#[test]
fn whom_the_network_gives_another_address_gets_media_there_within_two_seconds_of_its_first_check() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(3_000);
    world.client(ann).seen_at = elsewhere(7);
    let known = world.learned;
    world.run_until("a check from there", 5, |world| world.learned > known);
    world.client(ann).forget_received();
    let waited = world.run_until("media there", 15, |world| frames(world, ann, bob) > 5);
    assert!(waited.as_millis() < 2_000, "{waited:?}");
    world.client(ann).seen_at = elsewhere(8);
    world.client(ann).forget_received();
    world.run_until("media at the next one", 8, |world| frames(world, ann, bob) > 5);
}

#[test]
fn whoever_leaves_a_network_and_restarts_ice_gets_media_at_once() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.link(ann).delay = Duration::from_millis(100);
    world.run(3_000);
    let newest = world.client(ann).frames_of(bob).iter().map(|frame| frame.number).max().unwrap();
    world.client(ann).seen_at = elsewhere(7);
    world.restart_ice(ann);
    let next = |world: &mut World| world.client(ann).frames_of(bob).iter().any(|frame| frame.number == newest + 1);
    let waited = world.run_until("what came into the old network", 5, next);
    // Two checks take 300 ms, and what is sent then 100 more. Asking for it would take 200 more.
    assert!(waited.as_millis() < 500, "{waited:?}");
    let client = world.client(ann);
    assert!(!client.frames_of(bob).iter().any(|frame| frame.number > newest && frame.keyframe));
}

#[test]
fn whoever_was_away_for_long_is_shown_key_frames_and_so_are_others() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(3_000);
    world.link(ann).cut = true;
    world.run(1_000);
    world.link(ann).cut = false;
    world.client(ann).seen_at = elsewhere(7);
    world.restart_ice(ann);
    for who in [ann, bob] {
        world.client(who).forget_received();
    }
    for (viewer, sender) in [(ann, bob), (bob, ann)] {
        let waited = world.run_until("media", 5, |world| frames(world, viewer, sender) > 0);
        assert!(waited.as_millis() < 300, "{waited:?}");
        assert!(world.client(viewer).frames_of(sender)[0].keyframe, "what got lost is not waited for");
    }
}

#[test]
fn a_key_frame_asked_for_on_a_dead_path_is_asked_for_anew_on_the_next() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.view(bob, &[(ann, 90)]);
    world.run(3_000);
    world.link(ann).cut = true;
    world.run(100);
    // Asked for soon, and half a second later; and then after a whole one.
    world.view(bob, &[(ann, 720)]);
    world.run(1_200);
    world.link(ann).cut = false;
    world.client(ann).seen_at = elsewhere(7);
    let asked = world.client(ann).keyframe_requests;
    world.restart_ice(ann);
    let waited = world.run_until("asked again", 5, |world| world.client(ann).keyframe_requests != asked);
    assert!(waited.as_millis() < 200, "{waited:?}");
}

#[test]
fn nothing_is_sent_into_a_silent_path_and_a_found_one_starts_with_a_key_frame() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    let now = world.now;
    let config = str0m::channel::ChannelConfig { label: "alive".to_owned(), ..Default::default() };
    let alive = world.client(ann).open(now, config);
    world.run(2_000);
    world.client(ann).alive = Some(alive);
    world.run(2_000);
    world.link(ann).cut = true;
    world.run(4_000);
    assert!(world.notices.contains(&Notice::PathLost { peer: ann }));
    let sent = world.sent_to(ann);
    world.run(4_000);
    let more = world.sent_to(ann) - sent;
    assert!(more < 50, "{more} datagrams to nobody in four seconds");
    world.link(ann).cut = false;
    world.client(ann).forget_received();
    world.run_until("a picture", 5, |world| frames(world, ann, bob) > 0);
    assert!(world.client(ann).frames_of(bob)[0].keyframe);
    let received = world.client(ann).received.values().find(|received| !received.frames.is_empty()).unwrap();
    assert!(received.seqs.windows(2).all(|pair| pair[1] <= pair[0] + 1), "no gap: {:?}", received.seqs);
}

#[test]
fn whoever_fell_silent_and_restarts_ice_elsewhere_starts_anew_only_once() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    let now = world.now;
    let config = str0m::channel::ChannelConfig { label: "alive".to_owned(), ..Default::default() };
    let alive = world.client(ann).open(now, config);
    world.link(ann).delay = Duration::from_millis(100);
    world.run(2_000);
    world.client(ann).alive = Some(alive);
    world.run(2_000);
    world.link(ann).cut = true;
    world.run_until("silence", 5, |world| world.notices.contains(&Notice::PathLost { peer: ann }));
    world.run(2_000);
    world.link(ann).cut = false;
    world.client(ann).seen_at = elsewhere(7);
    let asked = |world: &mut World| [ann, bob].map(|who| world.client(who).keyframe_requests.iter().sum::<u32>());
    let before = asked(&mut world);
    world.client(ann).forget_received();
    world.restart_ice(ann);
    world.run_until("a picture", 5, |world| frames(world, ann, bob) > 0);
    world.run(2_000);
    assert_eq!(asked(&mut world), before.map(|before| before + 1), "one key frame each way");
}

#[test]
fn a_check_sent_again_from_many_ports_makes_few_addresses_and_moves_nobody() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(3_000);
    let (known, learned) = (world.sfu.known_addresses(), world.learned);
    let check = world.client(ann).last_check.clone().unwrap();
    for port in 1..=1_000 {
        world.inject(elsewhere(port), &check);
    }
    assert!(world.sfu.known_addresses() <= known + 8, "{}", world.sfu.known_addresses());
    assert!(world.learned - learned <= 16, "{}", world.learned - learned);
    for client in &mut world.clients {
        client.forget_received();
    }
    world.run(1_000);
    assert!(frames(&mut world, ann, bob) > 20 && frames(&mut world, bob, ann) > 20, "it goes on where it was");
}

#[test]
fn what_comes_in_together_leaves_together() {
    let mut world = World::new();
    for id in 1..=4 {
        let viewer = world.join(id, 3);
        let others: Vec<_> = (1..=4).filter(|other| *other != id).map(|other| (PeerId(other), 720)).collect();
        world.view(viewer, &others);
    }
    world.run(10_000);
    let (sent, wakes) = (world.sent, world.wakes);
    world.run(10_000);
    let (sent, wakes) = (world.sent - sent, world.wakes - wakes);
    assert!(sent > 10_000, "{sent}");
    assert!(wakes * 8 < sent, "{wakes} wakes for {sent} datagrams");
}

#[test]
fn the_handshake_does_not_wait_until_a_path_is_chosen() {
    let mut world = World::new();
    let bob = world.join(2, 1);
    world.run(1_000);
    world.links.insert(PeerId(1), Link { undecided: true, ..Link::default() });
    let ann = world.join(1, 1);
    world.run_until("media", 2, |world| frames(world, ann, bob) > 5);
}
