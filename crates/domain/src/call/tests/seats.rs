//! One contact, one seat: devices, reloads, lost connections, and the media between two.

use super::story::{COLLEAGUE, CREATOR, EXPERT, HOUR, MINUTE, Plan, SECOND, Story, device, second_device};
use crate::call::{
    EndReason, Event,
    LogKind::{Created, Ended, Join, Leave, TypeChanged},
    Note, Path, Refusal, Technology,
};

fn talking() -> Story {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.joins(EXPERT);
    story
}

#[test]
fn joining_on_a_second_device_moves_the_seat_and_tells_the_first() {
    let mut story = talking();
    let (log, epoch) = (story.log.clone(), story.epoch());
    story.joins_on(EXPERT, second_device(EXPERT), None);
    assert_eq!(story.moved, [(EXPERT, device(EXPERT))]);
    assert_eq!(story.log, log, "no new Join, no Leave");
    assert_eq!(story.call.seat(EXPERT).map(|seat| seat.device), Some(second_device(EXPERT)));
    assert!(story.epoch() > epoch);
}

#[test]
fn a_device_that_lost_its_seat_to_another_has_no_say_over_it() {
    let mut story = talking();
    story.joins_on(EXPERT, second_device(EXPERT), None);
    assert_eq!(story.loses_connection(EXPERT), []);
    assert_eq!(story.connection_is_back(EXPERT), []);
    assert!(story.call.seat_on(EXPERT, device(EXPERT)).is_none());
    assert!(story.call.seat_on(EXPERT, second_device(EXPERT)).is_some());
}

#[test]
fn a_reload_is_a_new_end_of_the_media_and_no_new_join() {
    let mut story = talking();
    let (log, epoch) = (story.log.clone(), story.epoch());
    assert_eq!(story.joins(EXPERT), []);
    assert_eq!(story.log, log);
    assert_eq!(story.epoch(), epoch + 1);
    assert_eq!(story.moved, []);
}

#[test]
fn a_device_that_still_has_the_media_of_the_epoch_keeps_it() {
    let mut story = talking();
    let epoch = story.epoch();
    story.loses_connection(EXPERT);
    story.joins_on(EXPERT, device(EXPERT), Some(epoch));
    assert_eq!(story.epoch(), epoch);
    assert!(story.history.contains(&(Note::Reconnected, EXPERT)));
    assert_eq!(story.call.seat(EXPERT).and_then(|seat| seat.lost_until), None);
}

#[test]
fn a_device_that_has_the_media_of_an_older_epoch_starts_anew() {
    let mut story = talking();
    let epoch = story.epoch();
    story.joins_on(EXPERT, device(EXPERT), Some(epoch - 1));
    assert_eq!(story.epoch(), epoch + 1);
}

#[test]
fn a_device_does_not_take_the_seat_back_by_coming_back() {
    let mut story = talking();
    let epoch = story.epoch();
    story.joins_on(EXPERT, second_device(EXPERT), None);
    let back = Event::Join { contact: EXPERT, device: device(EXPERT), rejoin: Some(epoch) };
    assert_eq!(story.refused(back), Refusal::SeatMoved);
}

#[test]
fn somebody_whose_seat_was_given_up_may_come_back_with_a_new_join() {
    let mut story = talking();
    let epoch = story.epoch();
    story.loses_connection(EXPERT);
    story.wait(2 * MINUTE);
    story.joins_on(EXPERT, device(EXPERT), Some(epoch));
    assert_eq!(story.log[2..], [(Join, EXPERT), (Leave, EXPERT), (Join, EXPERT)]);
    assert!(story.epoch() > epoch);
}

#[test]
fn a_lost_connection_writes_nothing_until_its_seat_is_held_no_longer() {
    let mut story = talking();
    let log = story.log.clone();
    story.loses_connection(EXPERT);
    story.wait_all_but_a_second(2 * MINUTE);
    assert_eq!(story.log, log);
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
    story.wait(SECOND);
    assert_eq!(story.log[3..], [(Leave, EXPERT)]);
    assert_eq!(story.seated(), [CREATOR], "the other side stays");
    assert_eq!(story.end_reason(), None);
}

#[test]
fn a_connection_that_comes_back_in_time_writes_nothing() {
    let mut story = talking();
    let (log, epoch) = (story.log.clone(), story.epoch());
    story.loses_connection(EXPERT);
    story.wait(20 * SECOND);
    story.connection_is_back(EXPERT);
    story.wait(HOUR);
    assert_eq!(story.log, log);
    assert_eq!(story.epoch(), epoch);
    assert_eq!(story.history[story.history.len() - 2..], [(Note::ConnectionLost, EXPERT), (Note::Reconnected, EXPERT)]);
}

#[test]
fn losing_a_connection_twice_does_not_prolong_the_time_its_seat_is_held() {
    let mut story = talking();
    story.loses_connection(EXPERT);
    story.wait(110 * SECOND);
    assert_eq!(story.loses_connection(EXPERT), []);
    story.wait(10 * SECOND);
    assert_eq!(story.seated(), [CREATOR]);
}

#[test]
fn the_call_ends_when_the_last_connection_stays_lost() {
    let mut story = talking();
    story.loses_connection(CREATOR);
    story.wait(10 * SECOND);
    story.loses_connection(EXPERT);
    story.wait(2 * MINUTE);
    assert_eq!(
        story.log,
        [(Created, CREATOR), (Join, CREATOR), (Join, EXPERT), (Leave, CREATOR), (Leave, EXPERT), (Ended, EXPERT)]
    );
    assert_eq!(story.end_reason(), Some(EndReason::ConnectionLost));
}

#[test]
fn whoever_is_left_behind_waits_five_minutes() {
    let mut story = talking();
    story.loses_connection(EXPERT);
    story.wait_all_but_a_second(7 * MINUTE);
    assert_eq!(story.seated(), [CREATOR]);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Alone));
}

#[test]
fn after_an_outage_every_seat_waits_for_its_device() {
    let mut story = talking();
    story.loses_connection(EXPERT);
    story.now = story.now + 24 * HOUR;
    story.tell(Event::Recovered);
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
    let epoch = story.epoch();
    story.joins_on(CREATOR, device(CREATOR), Some(epoch));
    story.joins_on(EXPERT, device(EXPERT), Some(epoch));
    assert_eq!(story.epoch(), epoch, "the media between them never stopped");
    story.wait(HOUR);
    assert_eq!(story.end_reason(), None);
}

#[test]
fn after_an_outage_a_seat_nobody_comes_back_to_is_given_up() {
    let mut story = talking();
    story.tell(Event::Recovered);
    story.wait(2 * MINUTE);
    assert_eq!(story.end_reason(), Some(EndReason::ConnectionLost));
}

#[test]
fn somebody_alone_is_given_the_time_again_after_an_outage() {
    let mut story = talking();
    story.loses_connection(EXPERT);
    story.wait(MINUTE);
    story.now = story.now + HOUR;
    story.tell(Event::Recovered);
    story.connection_is_back(CREATOR);
    story.wait_all_but_a_second(5 * MINUTE);
    assert_eq!(story.seated(), [CREATOR]);
}

#[test]
fn whoever_sat_down_first_offers() {
    let mut story = Plan::mesh(&[EXPERT]).brokered().make();
    story.joins(EXPERT);
    assert_eq!(
        story.call.media_plan(EXPERT).map(|plan| plan.path),
        Some(Path::PeerToPeer { peer: None, offerer: false })
    );
    assert_eq!(story.call.media_plan(CREATOR), None, "no address before the callee has accepted");
    story.joins(CREATOR);
    assert_eq!(
        story.call.media_plan(EXPERT).map(|plan| plan.path),
        Some(Path::PeerToPeer { peer: Some(CREATOR), offerer: true })
    );
    assert_eq!(
        story.call.media_plan(CREATOR).map(|plan| plan.path),
        Some(Path::PeerToPeer { peer: Some(EXPERT), offerer: false })
    );
}

#[test]
fn a_moved_seat_keeps_its_place_in_the_order() {
    let mut story = talking();
    story.joins_on(CREATOR, second_device(CREATOR), None);
    assert_eq!(
        story.call.media_plan(CREATOR).map(|plan| plan.path),
        Some(Path::PeerToPeer { peer: Some(EXPERT), offerer: true })
    );
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
}

fn epoch_of(story: &Story, contact: crate::ids::ContactId) -> u64 {
    story.call.media_plan(contact).unwrap().epoch
}

#[test]
fn with_the_sfu_each_keeps_its_connection_whoever_comes_and_goes() {
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE], 3).joined().make();
    story.joins(EXPERT);
    let (mine, theirs) = (epoch_of(&story, CREATOR), epoch_of(&story, EXPERT));
    assert_ne!(mine, theirs, "connections of their own");
    assert_eq!(story.call.media_plan(CREATOR).unwrap().path, Path::Sfu);
    story.joins(COLLEAGUE);
    story.joins_on(EXPERT, device(EXPERT), Some(theirs));
    story.leaves(COLLEAGUE);
    assert_eq!((epoch_of(&story, CREATOR), epoch_of(&story, EXPERT)), (mine, theirs));
    story.joins_on(EXPERT, device(EXPERT), Some(0));
    assert!(epoch_of(&story, EXPERT) > theirs, "reloaded");
    assert_eq!(epoch_of(&story, CREATOR), mine);
}

#[test]
fn a_restart_of_the_server_takes_the_sfus_connections_along_but_not_those_peer_to_peer() {
    let mut sfu = Plan::sfu(&[EXPERT], 3).joined().make();
    sfu.joins(EXPERT);
    let before = epoch_of(&sfu, CREATOR);
    sfu.tell(Event::Recovered);
    assert!(epoch_of(&sfu, CREATOR) > before);
    let mut mesh = talking();
    let before = epoch_of(&mesh, CREATOR);
    mesh.tell(Event::Recovered);
    assert_eq!(epoch_of(&mesh, CREATOR), before);
}

#[test]
fn a_third_person_turns_a_mesh_call_into_an_sfu_call() {
    let mut story = Plan { max_participants: 3, ..Plan::mesh(&[EXPERT, COLLEAGUE]) }.joined().make();
    story.joins(EXPERT);
    let before = epoch_of(&story, CREATOR);
    story.joins(COLLEAGUE);
    assert_eq!(story.call.state().terms.technology, Technology::Sfu);
    for contact in [CREATOR, EXPERT, COLLEAGUE] {
        assert!(epoch_of(&story, contact) > before, "everybody connects anew");
    }
    let log: Vec<_> = story.log.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(log, [Created, Join, Join, Join, TypeChanged]);
    story.leaves(COLLEAGUE);
    assert_eq!(story.call.state().terms.technology, Technology::Sfu, "and stays one");
}

#[test]
fn a_mesh_call_whose_direct_path_fails_goes_through_the_sfu() {
    let mut story = talking();
    let epoch = epoch_of(&story, CREATOR);
    story.tell(Event::PathFailed { contact: EXPERT, epoch: epoch - 1 });
    assert_eq!(story.call.state().terms.technology, Technology::Mesh, "that was another path");
    story.tell(Event::PathFailed { contact: EXPERT, epoch });
    assert_eq!(story.call.media_plan(CREATOR).unwrap().path, Path::Sfu);
    let log = story.log.clone();
    story.tell(Event::PathFailed { contact: CREATOR, epoch });
    assert_eq!(story.log, log, "both report it, once is enough");
    assert_eq!(story.refused(Event::PathFailed { contact: COLLEAGUE, epoch }), Refusal::NotInCall);
}
