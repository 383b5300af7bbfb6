//! A connector brings an expert and a pair of smart glasses together.

use super::story::{BROKER, COLLEAGUE, CREATOR, EXPERT, LATECOMER, MINUTE, Plan, SECOND, Story, by_popup, join};
use crate::call::{
    Call, EndReason, Event, Invited,
    LogKind::{Created, Declined, Ended, Join, Leave, Missed},
    Place, Refusal,
};

fn taken() -> Story {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).brokered().make();
    story.joins(EXPERT);
    story
}

#[test]
fn the_glasses_are_rung_only_after_an_expert_has_taken_the_call() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).brokered().make();
    assert_eq!(story.rung(), [EXPERT, COLLEAGUE]);
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR]);
    assert_eq!(story.call.rings()[0].until, story.now + MINUTE);
    story.joins(CREATOR);
    assert_eq!(story.log, [(Created, CREATOR), (Join, EXPERT), (Join, CREATOR)]);
}

#[test]
fn the_first_expert_wins_and_the_others_fall_silent() {
    let mut story = taken();
    assert_eq!(story.place(COLLEAGUE), Place::Silenced);
    assert_eq!(story.refused(join(COLLEAGUE)), Refusal::Full, "the place is kept for the glasses");
    story.joins(CREATOR);
    assert_eq!(story.seated(), [EXPERT, CREATOR]);
}

#[test]
fn an_expert_who_leaves_first_stops_the_ring_and_ends_the_call() {
    let mut story = taken();
    story.leaves(EXPERT);
    assert_eq!(story.rung(), []);
    assert_eq!(story.log, [(Created, CREATOR), (Join, EXPERT), (Leave, EXPERT), (Ended, EXPERT)]);
}

#[test]
fn an_expert_whose_connection_stays_lost_stops_the_ring_and_ends_the_call() {
    let mut story = taken();
    // Shorter than the creator's ring.
    story.policy.seat = 30 * SECOND;
    story.loses_connection(EXPERT);
    story.wait(30 * SECOND);
    assert_eq!(story.rung(), []);
    assert_eq!(story.log[1..], [(Join, EXPERT), (Leave, EXPERT), (Ended, EXPERT)]);
    assert_eq!(story.end_reason(), Some(EndReason::ConnectionLost));
}

#[test]
fn glasses_that_decline_leave_the_expert_in_the_call_who_may_ring_again() {
    let mut story = taken();
    story.declines(CREATOR);
    assert_eq!(story.log[2..], [(Declined, CREATOR)]);
    assert_eq!(story.seated(), [EXPERT]);
    story.rings_again(CREATOR);
    assert_eq!(story.rung(), [CREATOR]);
    story.joins(CREATOR);
    assert_eq!(story.seated(), [EXPERT, CREATOR]);
}

#[test]
fn glasses_that_do_not_answer_for_a_minute_leave_the_expert_in_the_call() {
    let mut story = taken();
    story.wait_all_but_a_second(MINUTE);
    assert_eq!(story.rung(), [CREATOR]);
    story.wait(SECOND);
    assert_eq!(story.rung(), []);
    assert_eq!(story.log[2..], [(Missed, CREATOR)]);
    assert_eq!(story.seated(), [EXPERT]);
}

#[test]
fn an_expert_alone_for_five_minutes_ends_the_call() {
    let mut story = taken();
    story.wait_all_but_a_second(MINUTE + 5 * MINUTE);
    assert_eq!(story.end_reason(), None);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Alone));
    assert_eq!(story.log[3..], [(Leave, EXPERT), (Ended, CREATOR)]);
}

#[test]
fn ringing_again_starts_the_five_minutes_anew() {
    let mut story = taken();
    story.wait(5 * MINUTE);
    story.rings_again(CREATOR);
    story.wait_all_but_a_second(MINUTE + 5 * MINUTE);
    assert_eq!(story.end_reason(), None);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Alone));
}

#[test]
fn the_glasses_may_join_after_their_ring_as_long_as_the_expert_waits() {
    let mut story = taken();
    story.wait(2 * MINUTE);
    story.joins(CREATOR);
    assert_eq!(story.seated(), [EXPERT, CREATOR]);
}

#[test]
fn the_glasses_are_never_rung_if_no_expert_takes_the_call() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).brokered().make();
    story.declines(EXPERT);
    story.wait(MINUTE);
    assert_eq!(story.log, [(Created, CREATOR), (Declined, EXPERT), (Missed, COLLEAGUE), (Ended, CREATOR)]);
    assert!(story.history.iter().all(|(_, contact)| *contact != CREATOR || story.end_reason().is_some()));
}

#[test]
fn the_glasses_cannot_be_rung_by_hand_before_an_expert_is_in() {
    let mut story = Plan::mesh(&[EXPERT]).brokered().make();
    assert_eq!(story.refused(Event::RingAgain { contact: CREATOR }), Refusal::NobodyJoined);
}

#[test]
fn inviting_the_creator_or_a_broker_rings_neither() {
    let mut story = Plan::mesh(&[EXPERT]).brokered().make();
    let effects = story.invites(&[by_popup(CREATOR), by_popup(BROKER)]);
    assert_eq!(effects, []);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn glasses_that_join_of_themselves_wait_for_an_expert() {
    let mut story = Plan::mesh(&[EXPERT]).brokered().make();
    story.joins(CREATOR);
    assert_eq!(story.rung(), [EXPERT]);
    story.joins(EXPERT);
    assert_eq!(story.log[1..], [(Join, CREATOR), (Join, EXPERT)]);
    assert_eq!(story.rung(), []);
}

#[test]
fn a_brokered_sfu_call_rings_further_experts_while_there_is_room() {
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE], 3).brokered().make();
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR, COLLEAGUE]);
    story.joins(COLLEAGUE);
    assert_eq!(story.rung(), [CREATOR]);
    story.joins(CREATOR);
    assert_eq!(story.seated(), [EXPERT, COLLEAGUE, CREATOR]);
}

#[test]
fn a_place_is_kept_for_glasses_that_are_rung_again() {
    let mut story = taken();
    story.declines(CREATOR);
    story.rings_again(COLLEAGUE);
    story.rings_again(CREATOR);
    assert_eq!(story.rung(), [CREATOR], "a colleague who answered now would be turned away");
    assert_eq!(story.refused(Event::RingAgain { contact: COLLEAGUE }), Refusal::Full);
}

#[test]
fn a_broker_has_no_seat() {
    let mut story = taken();
    assert_eq!(story.refused(join(BROKER)), Refusal::BrokerHasNoSeat);
    assert_eq!(story.refused(Event::RingAgain { contact: BROKER }), Refusal::BrokerHasNoSeat);
    assert_eq!(story.refused(Event::Leave { contact: BROKER }), Refusal::BrokerHasNoSeat);
    assert_eq!(story.refused(Event::Decline { contact: BROKER }), Refusal::BrokerHasNoSeat);
}

#[test]
fn a_broker_who_was_not_invited_has_no_seat_either() {
    let mut story = taken();
    let mut state = story.call.state().clone();
    state.people.retain(|person| person.contact != BROKER);
    story.call = Call::restore(state);
    for event in [
        join(BROKER),
        Event::RingAgain { contact: BROKER },
        Event::Leave { contact: BROKER },
        Event::Decline { contact: BROKER },
    ] {
        assert_eq!(story.refused(event), Refusal::BrokerHasNoSeat);
    }
    // Nor does an invitation as somebody to ring give it one.
    story.tell(Event::Invite(Invited::people([by_popup(BROKER)])));
    assert_eq!(story.refused(join(BROKER)), Refusal::BrokerHasNoSeat);
    assert!(!story.rung().contains(&BROKER));
}

#[test]
fn brokers_are_no_part_of_all_declined() {
    let mut story = Plan::mesh(&[EXPERT]).brokered().make();
    story.tell(Event::Invite(Invited { brokers: vec![LATECOMER], ..Invited::default() }));
    story.declines(EXPERT);
    assert_eq!(story.end_reason(), Some(EndReason::Declined));
}
