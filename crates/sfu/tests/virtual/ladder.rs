//! Down the ladder as a link worsens, and up again.

use farhand_sfu::{Command, Limits, Notice, PeerId, Rung, Source, Why};

use crate::world::{Link, ROOM, World};

/// Where somebody stands, by the newest word.
fn rung(world: &World, of: PeerId) -> (Rung, Why) {
    let told = world.notices.iter().rev().find_map(|notice| match notice {
        Notice::Receives { peer, rung, why } if *peer == of => Some((*rung, *why)),
        _ => None,
    });
    told.unwrap_or((Rung::Full, Why::Link))
}

/// What somebody was told, from its beginning.
fn told(world: &World, of: PeerId) -> Vec<Rung> {
    let rungs = world.notices.iter().filter_map(|notice| match notice {
        Notice::Receives { peer, rung, .. } if *peer == of => Some(*rung),
        _ => None,
    });
    rungs.collect()
}

fn limit(world: &mut World, who: PeerId, limits: Limits) {
    world.members.iter_mut().filter(|member| member.peer == who).for_each(|member| member.limits = limits);
    world.command(Command::Members { room: ROOM, members: world.members.clone() });
}

/// Two who see each other in full, with frames in three temporal layers.
fn two(world: &mut World) -> [PeerId; 2] {
    let [ann, bob] = [1, 2].map(|id| world.join_with(id, 1, |client, _| client.temporal = true));
    world.view(ann, &[(bob, 720)]);
    world.view(bob, &[(ann, 720)]);
    world.run_until("the top layer", 10, |world| {
        world.client(ann).frames_of(bob).last().map(|frame| frame.layer) == Some(2)
    });
    [ann, bob]
}

/// Sounds that came, single or repeated, of the one who is heard.
fn heard(world: &mut World, to: PeerId) -> usize {
    world.client(to).received.values().map(|received| received.heard.len()).max().unwrap_or(0)
}

/// In two seconds.
fn frames_in_a_while(world: &mut World, to: PeerId, of: PeerId) -> usize {
    world.client(to).forget_received();
    world.run(2_000);
    world.client(to).frames_of(of).len()
}

#[test]
fn as_a_link_worsens_the_picture_gets_smaller_then_slow_then_gives_way_to_sound_and_comes_back() {
    let mut world = World::new();
    let [ann, bob] = two(&mut world);
    world.link(ann).rate = Some(300_000);
    world.run_until("smaller", 30, |world| rung(world, ann) == (Rung::Smaller, Why::Link));
    world.link(ann).rate = Some(115_000);
    world.run_until("slow", 120, |world| rung(world, ann) == (Rung::Slow, Why::Link));
    world.link(ann).rate = Some(60_000);
    world.run_until("no pictures", 120, |world| rung(world, ann).0 >= Rung::Stills);
    world.run(2_000);
    world.client(ann).forget_received();
    world.run(5_000);
    assert!(world.client(ann).frames_of(bob).is_empty());
    let sounds = heard(&mut world, ann);
    assert!(sounds >= 124, "{sounds} of 125 sounds");
    world.client(ann).forget_received();
    world.run(60_000);
    let sounds = heard(&mut world, ann);
    assert!(sounds >= 1_490, "{sounds} of 1,500 sounds, although the picture was tried again");
    world.link(ann).rate = None;
    world.run_until("pictures again", 10, |world| !world.client(ann).frames_of(bob).is_empty());
    world.run_until("in full again", 90, |world| rung(world, ann).0 == Rung::Full);
    assert_eq!(rung(&world, bob), (Rung::Full, Why::Link), "whose link is good");
}

#[test]
fn a_link_that_stays_too_weak_is_not_tried_over_and_over() {
    let mut world = World::new();
    let [ann, _] = two(&mut world);
    world.link(ann).rate = Some(60_000);
    world.run_until("no pictures", 120, |world| rung(world, ann).0 >= Rung::Stills);
    let before = told(&world, ann).len();
    world.run(120_000);
    let changes = &told(&world, ann)[before..];
    let returns = changes.iter().filter(|rung| **rung < Rung::Stills).count();
    assert!(returns <= 4, "{changes:?} in two minutes");
}

#[test]
fn a_link_that_carries_more_again_is_found_out_about_although_only_sound_is_sent() {
    for sound_bytes in [8, 160] {
        let mut world = World::new();
        let [ann, bob] = two(&mut world);
        for id in [ann, bob] {
            world.client(id).sound_bytes = sound_bytes;
        }
        // A quarter of its frames take 50 kbit/s.
        world.client(bob).frame_bytes[0] = 1_000;
        world.link(ann).rate = Some(40_000);
        world.run_until("sound only", 60, |world| rung(world, ann).0 == Rung::Audio);
        world.run(35_000);
        world.link(ann).rate = Some(85_000);
        world.run_until("still pictures", 15, |world| rung(world, ann).0 == Rung::Stills);
        world.run(5_000);
        world.client(ann).forget_received();
        world.run(10_000);
        let sounds = heard(&mut world, ann);
        assert!(sounds >= 248, "{sounds} of 250 sounds, although it is found out all the time");
        world.link(ann).rate = None;
        world.client(ann).forget_received();
        world.run_until("pictures", 25, |world| !world.client(ann).frames_of(bob).is_empty());
    }
}

#[test]
fn sound_of_its_true_size_comes_whole_over_a_link_that_carries_no_picture() {
    let mut world = World::new();
    // 32 kbit/s, and as much again with what is around it.
    let [ann, bob] = [1, 2].map(|id| world.join_with(id, 1, |client, _| client.sound_bytes = 160));
    world.client(ann).sends = [false; 3];
    world.view(ann, &[(bob, 720)]);
    world.run(10_000);
    world.link(ann).rate = Some(60_000);
    world.run_until("no pictures", 120, |world| rung(world, ann).0 >= Rung::Stills);
    world.run(2_000);
    world.client(ann).forget_received();
    world.run(5_000);
    let repeated: usize = world.client(ann).received.values().map(|received| received.repeated).sum();
    let sounds = heard(&mut world, ann);
    assert!(sounds >= 120, "{sounds} of 125 sounds, {repeated} packets with more than one");
}

#[test]
fn frames_that_are_left_out_leave_no_gap() {
    let mut world = World::new();
    let [ann, bob] = two(&mut world);
    world.view(ann, &[(bob, 120)]);
    world.run_until("the bottom layer", 5, |world| {
        world.client(ann).frames_of(bob).last().map(|frame| frame.layer) == Some(0)
    });
    limit(&mut world, ann, Limits { bits: Some(50_000 + 30_000), ..Limits::default() });
    world.run_until("slow", 20, |world| rung(world, ann).0 == Rung::Slow);
    world.client(ann).forget_received();
    world.run(5_000);
    let client = world.client(ann);
    let slot = client.received.values().find(|received| !received.frames.is_empty()).unwrap();
    assert!((20..=70).contains(&slot.frames.len()), "{} of 125", slot.frames.len());
    let by_one = |pair: &[u64]| pair[1] == pair[0] + 1;
    let mut seqs = slot.seqs.clone();
    seqs.sort_unstable();
    seqs.dedup();
    assert!(seqs.windows(2).all(by_one), "{seqs:?}");
    let pictures: Vec<u64> = slot.picture_ids.iter().map(|id| u64::from(*id)).collect();
    assert!(pictures.windows(2).all(by_one), "{pictures:?}");
    assert!(slot.times.windows(2).all(|pair| pair[1] > pair[0]), "time goes on as it was");
    limit(&mut world, ann, Limits::default());
    world.run_until("all frames again", 20, |world| frames_in_a_while(world, ann, bob) >= 48);
}

#[test]
fn a_budget_is_kept_whatever_the_link_carries() {
    let mut world = World::new();
    let [ann, bob] = two(&mut world);
    limit(&mut world, ann, Limits { bits: Some(300_000), ..Limits::default() });
    world.run_until("smaller", 20, |world| rung(world, ann) == (Rung::Smaller, Why::Budget));
    world.run(5_000);
    world.client(ann).forget_received();
    world.run(20_000);
    let bits = world.client(ann).bytes_received * 8 / 20;
    assert!((100_000..=300_000).contains(&bits), "{bits} bit/s");
    assert_eq!(rung(&world, bob).0, Rung::Full, "has none");
    limit(&mut world, ann, Limits { bits: Some(52_000), ..Limits::default() });
    world.run_until("sound only", 20, |world| rung(world, ann) == (Rung::Audio, Why::Budget));
    limit(&mut world, ann, Limits { bits: Some(65_000), ..Limits::default() });
    world.run_until("still pictures", 20, |world| rung(world, ann) == (Rung::Stills, Why::Budget));
    limit(&mut world, ann, Limits::default());
    world.run_until("in full again", 40, |world| rung(world, ann).0 == Rung::Full);
}

#[test]
fn whose_budget_is_used_up_hears_the_others_and_sees_nobody() {
    let mut world = World::new();
    let [ann, bob] = two(&mut world);
    limit(&mut world, ann, Limits { no_pictures: true, ..Limits::default() });
    world.run_until("sound only", 2, |world| rung(world, ann) == (Rung::Audio, Why::Budget));
    world.run(500);
    assert_eq!(frames_in_a_while(&mut world, ann, bob), 0);
    assert!(world.client(ann).sounds_of(bob) >= 45);
    assert!(frames_in_a_while(&mut world, bob, ann) > 40, "what it sends is its own business");
}

#[test]
fn of_whoever_has_a_budget_every_byte_is_told() {
    let mut world = World::new();
    let [ann, bob] = two(&mut world);
    limit(&mut world, ann, Limits { counted: true, ..Limits::default() });
    let used = |world: &World, of: PeerId| -> u64 {
        let bytes = world.notices.iter().filter_map(|notice| match notice {
            Notice::Used { peer, bytes } if *peer == of => Some(*bytes),
            _ => None,
        });
        bytes.sum()
    };
    world.run(3_000);
    world.client(ann).forget_received();
    let before = used(&world, ann);
    world.run(20_000);
    let received = world.client(ann).bytes_received as u64;
    let told = used(&world, ann) - before;
    // It sends about 900 kbit/s itself.
    assert!(told > received + 1_500_000 && told < received + 4_000_000, "{told} of which {received} to it");
    assert_eq!(used(&world, bob), 0, "nobody asks");
}

#[test]
fn a_screen_keeps_its_size_and_loses_frames() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| {
        world.join_with(id, 1, |client, _| {
            client.temporal = true;
            client.source = Source::Screen;
            // One size, as screens are sent in.
            client.sends = [false, false, true];
        })
    });
    world.share(bob, true);
    world.run_until("the screen", 10, |world| !world.client(ann).frames_of(bob).is_empty());
    world.run(5_000);
    limit(&mut world, ann, Limits { bits: Some(400_000), ..Limits::default() });
    world.run_until("slow", 20, |world| rung(world, ann) == (Rung::Slow, Why::Budget));
    world.client(ann).forget_received();
    world.run(4_000);
    let frames = world.client(ann).frames_of(bob);
    assert!((20..=60).contains(&frames.len()), "{} of 100", frames.len());
    assert!(frames.iter().all(|frame| frame.layer == 2), "in full size");
}

#[test]
fn where_there_is_room_for_sound_only_next_to_nothing_else_is_sent() {
    let mut world = World::new();
    let [ann, _] = two(&mut world);
    world.client(ann).sends = [false; 3];
    world.link(ann).rate = Some(60_000);
    world.run_until("no pictures", 120, |world| rung(world, ann).0 >= Rung::Stills);
    world.run(1_000);
    world.client(ann).forget_received();
    // As one burst comes each three to four seconds, of a short time it would be luck how many do.
    world.run(20_000);
    // 25 sounds a second, what is said of hers, and some bursts.
    let bits = world.client(ann).bytes_received * 8 / 20;
    assert!(bits < 20_000, "{bits} bit/s");
}

#[test]
fn whoever_is_there_again_gets_pictures_however_often_they_were_tried_in_vain_before() {
    let mut world = World::new();
    let [ann, bob] = two(&mut world);
    let now = world.now;
    let config = str0m::channel::ChannelConfig { label: "alive".to_owned(), ..Default::default() };
    let alive = world.client(ann).open(now, config);
    world.run(1_000);
    world.client(ann).alive = Some(alive);
    world.link(ann).rate = Some(60_000);
    world.run_until("no pictures", 120, |world| rung(world, ann).0 >= Rung::Stills);
    world.run(60_000);
    world.run_until("no pictures once more", 120, |world| rung(world, ann).0 >= Rung::Stills);
    *world.link(ann) = Link { cut: true, ..Link::default() };
    world.run_until("nobody there", 5, |world| world.notices.contains(&Notice::PathLost { peer: ann }));
    world.link(ann).cut = false;
    world.client(ann).forget_received();
    let waited = world.run_until("a picture", 20, |world| !world.client(ann).frames_of(bob).is_empty());
    assert!(waited.as_millis() < 2_000, "{waited:?}");
}
