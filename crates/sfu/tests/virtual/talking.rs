//! Data channels between participants.

use farhand_sfu::PeerId;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

use crate::world::World;

fn pointer() -> ChannelConfig {
    let reliability = Reliability::MaxRetransmits { retransmits: 0 };
    ChannelConfig { label: "pointer".to_owned(), ordered: false, reliability, ..ChannelConfig::default() }
}

fn drawing() -> ChannelConfig {
    ChannelConfig { label: "drawing".to_owned(), ..ChannelConfig::default() }
}

/// Opens a channel, and says something as soon as that can be done.
fn open(world: &mut World, who: PeerId, config: ChannelConfig) -> ChannelId {
    let now = world.now;
    let id = world.client(who).open(now, config);
    world.run_until("something can be said", 5, |world| say(world, who, id, "first"));
    id
}

fn say(world: &mut World, who: PeerId, id: ChannelId, text: &str) -> bool {
    let now = world.now;
    world.client(who).say(now, id, text)
}

fn heard(world: &mut World, who: PeerId, label: &str, from: PeerId) -> Vec<String> {
    world.client(who).heard(label, from).map(|channel| channel.said.clone()).unwrap_or_default()
}

fn is_open(world: &mut World, who: PeerId, id: ChannelId) -> bool {
    world.client(who).channels.iter().any(|channel| channel.id == id && channel.open)
}

#[test]
fn what_one_says_all_others_hear_and_know_who_it_was() {
    let mut world = World::new();
    let [ann, bob, cleo] = [1, 2, 3].map(|id| world.join(id, 2));
    let rings = world.ring(4, 2);
    world.run(2_000);
    let id = open(&mut world, ann, drawing());
    for text in ["a line", "a circle"] {
        assert!(say(&mut world, ann, id, text));
    }
    world.run(1_000);
    for other in [bob, cleo] {
        assert_eq!(heard(&mut world, other, "drawing", ann), ["first", "a line", "a circle"]);
        assert_eq!(world.client(other).channels.iter().filter(|c| c.config.label == "drawing").count(), 1);
    }
    assert!(world.client(rings).channels.iter().all(|channel| channel.config.protocol.is_empty()), "it only rings");
    assert!(world.client(ann).heard("drawing", ann).is_none());
}

#[test]
fn order_and_reliability_are_as_the_speaker_asked() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(2_000);
    open(&mut world, ann, pointer());
    let id = open(&mut world, ann, drawing());
    world.run(1_000);
    let config = world.client(bob).heard("pointer", ann).unwrap().config.clone();
    assert_eq!((config.ordered, config.reliability), (false, Reliability::MaxRetransmits { retransmits: 0 }));
    let config = world.client(bob).heard("drawing", ann).unwrap().config.clone();
    assert_eq!((config.ordered, config.reliability), (true, Reliability::Reliable));
    world.link(ann).loss = 200;
    world.link(bob).loss = 200;
    let strokes: Vec<String> = (0..200).map(|number| format!("stroke {number}")).collect();
    for stroke in &strokes {
        assert!(say(&mut world, ann, id, stroke));
        world.run(10);
    }
    let all = [vec!["first".to_owned()], strokes].concat();
    world.run_until("every stroke, in order", 60, |world| heard(world, bob, "drawing", ann) == all);
}

#[test]
fn whoever_comes_late_hears_what_is_said_from_then_on_and_whoever_goes_is_heard_no_more() {
    let mut world = World::new();
    let ann = world.join(1, 1);
    world.run(1_000);
    let id = open(&mut world, ann, drawing());
    let bob = world.join(2, 1);
    world.run_until("bob hears ann", 5, |world| world.client(bob).heard("drawing", ann).is_some());
    assert!(say(&mut world, ann, id, "for bob"));
    world.run(500);
    assert_eq!(heard(&mut world, bob, "drawing", ann), ["for bob"]);
    world.leave(ann);
    world.run_until("the channel is closed", 5, |world| world.client(bob).heard("drawing", ann).is_none());
}

#[test]
fn a_closed_channel_closes_with_everybody() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(1_000);
    let id = open(&mut world, ann, drawing());
    world.run_until("bob hears ann", 5, |world| world.client(bob).heard("drawing", ann).is_some());
    world.client(ann).rtc.direct_api().close_data_channel(id);
    world.run_until("the channel is closed", 5, |world| world.client(bob).heard("drawing", ann).is_none());
}

#[test]
fn more_channels_than_anybody_needs_are_closed() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(1_000);
    let now = world.now;
    let ids: Vec<ChannelId> = (0..20)
        .map(|number| {
            let label = format!("channel {number}");
            world.client(ann).open(now, ChannelConfig { label, ..ChannelConfig::default() })
        })
        .collect();
    world.run(3_000);
    let open = ids.into_iter().filter(|id| is_open(&mut world, ann, *id)).count();
    // One more is open already: every client of this world has it.
    assert_eq!(open, 7);
    let passed_on = world.client(bob).channels.iter().filter(|c| c.open && c.config.protocol == "from:1").count();
    assert_eq!(passed_on, 8);
}

#[test]
fn whoever_says_far_too_much_is_cut_off_and_the_call_goes_on() {
    let mut world = World::new();
    let [ann, bob, cleo] = [1, 2, 3].map(|id| world.join(id, 2));
    world.run(1_000);
    let (drawing, pointer) = (open(&mut world, ann, drawing()), open(&mut world, ann, pointer()));
    let much = "x".repeat(16 * 1024);
    for _ in 0..200 {
        say(&mut world, ann, pointer, &much);
        say(&mut world, ann, drawing, &much);
        world.run(10);
    }
    world.run(2_000);
    assert!(!is_open(&mut world, ann, drawing), "a reliable channel must not leave anything out");
    assert!(is_open(&mut world, ann, pointer), "of this one messages may get lost");
    let bytes: usize = heard(&mut world, bob, "pointer", ann).iter().map(String::len).sum();
    assert!(bytes <= 512 * 1024 + 4 * 128 * 1024, "{bytes}");
    world.client(bob).forget_received();
    world.run(1_000);
    assert!(world.client(bob).frames_of(cleo).len() > 20);
}

#[test]
fn a_message_that_is_too_long_is_not_passed_on() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(1_000);
    let pointer = open(&mut world, ann, pointer());
    world.run(1_000);
    say(&mut world, ann, pointer, &"x".repeat(65 * 1024));
    world.run(500);
    say(&mut world, ann, pointer, "short");
    world.run(500);
    assert!(heard(&mut world, bob, "pointer", ann).iter().all(|text| text.len() < 10));
    assert!(heard(&mut world, bob, "pointer", ann).contains(&"short".to_owned()));
}

#[test]
fn of_the_channel_that_is_echoed_there_is_one() {
    let mut world = World::new();
    let ann = world.join(1, 1);
    world.run(1_000);
    let alive = || ChannelConfig { label: "alive".to_owned(), ..pointer() };
    let now = world.now;
    let ids: Vec<ChannelId> = (0..10).map(|_| world.client(ann).open(now, alive())).collect();
    world.run(2_000);
    assert_eq!(ids.into_iter().filter(|id| is_open(&mut world, ann, *id)).count(), 1);
}

#[test]
fn whoever_opens_and_closes_channels_all_the_time_is_not_followed_by_everybody_else() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(1_000);
    let before = world.client(bob).channels.len();
    for _ in 0..300 {
        let now = world.now;
        let id = world.client(ann).open(now, drawing());
        world.run(10);
        world.client(ann).rtc.direct_api().close_data_channel(id);
        world.run(10);
    }
    let passed_on = world.client(bob).channels.len() - before;
    // Thirty-two at once, then eight a second.
    assert!((1..=32 + 6 * 8).contains(&passed_on), "{passed_on}");
    world.run(5_000);
    let id = open(&mut world, ann, drawing());
    assert!(is_open(&mut world, ann, id), "later it may again");
}

#[test]
fn of_many_short_messages_only_so_many_wait_for_somebody_who_cannot_be_reached() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(1_000);
    world.link(bob).cut = true;
    let id = open(&mut world, ann, pointer());
    for _ in 0..60 {
        for _ in 0..50 {
            assert!(say(&mut world, ann, id, "x"));
        }
        world.run(10);
    }
    world.link(bob).cut = false;
    world.run_until("bob hears ann", 10, |world| !heard(world, bob, "pointer", ann).is_empty());
    world.run(1_000);
    let came = heard(&mut world, bob, "pointer", ann).len();
    assert!((100..=64 * 1024 / 64).contains(&came), "{came}");
}
