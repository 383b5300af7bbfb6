//! Connections that end without their participant leaving the room.

use farhand_sfu::{Gone, Notice, OfferError, PeerId};

use crate::world::World;

fn gone(world: &World, who: PeerId) -> Option<Gone> {
    world.notices.iter().find_map(|notice| match notice {
        Notice::Gone { peer, why } if *peer == who => Some(why.clone()),
        _ => None,
    })
}

/// What comes of an offer on the same connection.
fn offer_again(world: &mut World, who: PeerId) -> Result<String, OfferError> {
    let (offer, tracks) = (world.client(who).restart_ice(), world.client(who).tracks());
    world.offer(who, offer, tracks)
}

/// Somebody whose certificate is not the one its offer names.
fn join_with_a_wrong_certificate(world: &mut World, id: u64) -> PeerId {
    world.join_with(id, 2, |_, offer| {
        let at = offer.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
        let wrong = if &offer[at..at + 2] == "00" { "11" } else { "00" };
        let told = offer[at..at + 95].to_owned();
        *offer = offer.replace(&told, &format!("{wrong}{}", &told[2..]));
    })
}

#[test]
fn a_broken_connection_takes_no_more_offers_so_that_its_participant_makes_a_new_one() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 2));
    let liar = join_with_a_wrong_certificate(&mut world, 3);
    world.run_until("its end", 5, |world| matches!(gone(world, liar), Some(Gone::Broken(_))));
    assert_eq!(offer_again(&mut world, liar), Err(OfferError::Over));
    world.run(2_000);
    assert!(world.client(ann).frames_of(bob).len() > 10, "the others' call goes on");
    world.leave(liar);
    let back = world.join(4, 2);
    world.run_until("a picture on the new connection", 5, |world| !world.client(back).frames_of(ann).is_empty());
}

#[test]
fn nothing_is_kept_of_a_broken_connection() {
    let mut world = World::new();
    world.join(1, 2);
    let liar = join_with_a_wrong_certificate(&mut world, 2);
    world.run_until("its end", 5, |world| gone(world, liar).is_some());
    assert_eq!(world.sfu.known_addresses(), 1);
}

#[test]
fn whoever_says_goodbye_and_keeps_its_seat_is_shown_and_sent_to_no_more() {
    let mut world = World::new();
    let [ann, bob, cleo] = [1, 2, 3].map(|id| world.join(id, 2));
    world.run(2_000);
    let now = world.now;
    world.client(bob).say_goodbye(now);
    world.run_until("its end", 1, |world| gone(world, bob) == Some(Gone::Closed));
    assert!(world.shown(ann).iter().all(|slot| slot.peer == cleo), "{:?}", world.shown(ann));
    assert_eq!(world.sfu.known_addresses(), 2);
    world.run(50);
    world.client(bob).forget_received();
    world.run(1_000);
    assert_eq!(world.client(bob).bytes_received, 0);
    let (offer, tracks) = (world.client(ann).restart_ice(), world.client(ann).tracks());
    assert_eq!(world.offer(bob, offer, tracks), Err(OfferError::Over));
}

#[test]
fn a_packet_no_link_carries_whole_is_not_passed_on_and_harms_nobody() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 2));
    world.run(2_000);
    for bytes in [1_460, 1_461, 1_600, 1_900] {
        let now = world.now;
        world.client(bob).send_sound(now, bytes);
        world.run(100);
    }
    let others: Vec<_> = world.client(ann).received.values().flat_map(|received| received.others.clone()).collect();
    assert_eq!(others, [1_460]);
    world.client(ann).forget_received();
    world.run(1_000);
    assert!(world.client(ann).sounds_of(bob) > 20, "smaller ones go on");
    assert_eq!((gone(&world, ann), gone(&world, bob)), (None, None));
}
