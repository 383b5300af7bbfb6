//! How calls end.

use super::story::{COLLEAGUE, CREATOR, EXPERT, LATECOMER, MINUTE, Plan, SECOND, Story, join};
use crate::call::{
    Call, EndReason, Event,
    LogKind::{Created, Ended, Join, Leave},
    Note, Refusal,
};

fn three_of_four() -> Story {
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE, LATECOMER], 4).joined().make();
    story.joins(EXPERT);
    story.joins(COLLEAGUE);
    story
}

#[test]
fn hanging_up_a_call_of_two_ends_it_at_once() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.joins(EXPERT);
    story.leaves(CREATOR);
    assert_eq!(
        story.log,
        [(Created, CREATOR), (Join, CREATOR), (Join, EXPERT), (Leave, CREATOR), (Leave, EXPERT), (Ended, CREATOR)]
    );
    assert_eq!(story.end_reason(), Some(EndReason::HungUp));
    assert!(story.history.contains(&(Note::Ended(EndReason::HungUp), CREATOR)));
}

#[test]
fn a_larger_call_ends_when_the_last_leaves() {
    let mut story = three_of_four();
    story.leaves(CREATOR);
    story.leaves(EXPERT);
    assert_eq!(story.end_reason(), None);
    story.leaves(COLLEAGUE);
    assert_eq!(story.log[4..], [(Leave, CREATOR), (Leave, EXPERT), (Leave, COLLEAGUE), (Ended, COLLEAGUE)]);
}

#[test]
fn a_call_for_many_that_never_had_more_than_two_ends_at_once() {
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE], 4).joined().make();
    story.joins(EXPERT);
    story.leaves(EXPERT);
    assert_eq!(story.end_reason(), Some(EndReason::HungUp));
    assert_eq!(story.rung(), []);
}

#[test]
fn the_last_of_a_larger_call_is_not_left_alone_for_ever() {
    let mut story = three_of_four();
    story.wait(MINUTE);
    story.leaves(CREATOR);
    story.leaves(EXPERT);
    story.wait_all_but_a_second(5 * MINUTE);
    assert_eq!(story.seated(), [COLLEAGUE]);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Alone));
}

#[test]
fn somebody_may_leave_a_larger_call_and_come_back() {
    let mut story = three_of_four();
    story.leaves(EXPERT);
    story.joins(EXPERT);
    assert_eq!(story.seated(), [CREATOR, COLLEAGUE, EXPERT]);
    assert_eq!(story.log[4..], [(Leave, EXPERT), (Join, EXPERT)]);
}

#[test]
fn ending_for_all_writes_a_leave_for_everybody_and_stops_all_rings() {
    let mut story = three_of_four();
    assert_eq!(story.rung(), [LATECOMER]);
    story.tell(Event::End { by: EXPERT });
    assert_eq!(story.log[4..], [(Leave, CREATOR), (Leave, EXPERT), (Leave, COLLEAGUE), (Ended, EXPERT)]);
    assert_eq!(story.rung(), []);
    assert_eq!(story.end_reason(), Some(EndReason::EndedForAll));
}

#[test]
fn a_call_nobody_has_joined_can_be_ended() {
    let mut story = Plan::mesh(&[EXPERT]).make();
    story.tell(Event::End { by: CREATOR });
    assert_eq!(story.log, [(Created, CREATOR), (Ended, CREATOR)]);
}

#[test]
fn leaving_twice_and_ending_twice_are_accepted_and_do_nothing() {
    let mut story = three_of_four();
    story.leaves(EXPERT);
    assert_eq!(story.leaves(EXPERT), []);
    story.tell(Event::End { by: CREATOR });
    assert_eq!(story.tell(Event::End { by: CREATOR }), []);
    assert_eq!(story.leaves(CREATOR), []);
    assert_eq!(story.tell(Event::Tick), []);
    assert_eq!(story.tell(Event::Recovered), []);
}

#[test]
fn leaving_a_call_one_never_joined_does_nothing() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    assert_eq!(story.leaves(EXPERT), []);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn an_ended_call_is_final() {
    let mut story = three_of_four();
    story.tell(Event::End { by: CREATOR });
    assert_eq!(story.refused(join(CREATOR)), Refusal::Ended);
    assert_eq!(story.refused(Event::Start), Refusal::Ended);
    let event = Event::Reschedule { planned_at: story.now + MINUTE };
    assert_eq!(story.refused(event), Refusal::Ended);
}

#[test]
fn a_call_is_the_same_after_it_was_saved_and_taken_up_again() {
    let story = three_of_four();
    let restored = Call::restore(story.call.state().clone());
    assert_eq!(restored, story.call);
}
