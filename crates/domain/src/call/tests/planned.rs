//! A call planned for later.

use super::story::{BROKER, COLLEAGUE, CREATOR, EXPERT, HOUR, LATECOMER, MINUTE, Plan, SECOND, START, Story, by_popup};
use crate::call::{
    EndReason, Event, Invited,
    LogKind::{Created, Declined, Ended, Join, Leave, Missed},
    Note, Phase, Place, Refusal, RingEnd,
};

/// Planned for half an hour from now.
fn planned() -> Story {
    Plan::mesh(&[EXPERT]).planned_in(30 * MINUTE).make()
}

#[test]
fn a_planned_call_rings_at_its_time() {
    let mut story = planned();
    assert!(matches!(story.call.state().phase, Phase::Planned { .. }));
    story.wait_all_but_a_second(30 * MINUTE);
    assert_eq!(story.rung(), []);
    story.wait(SECOND);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn only_the_ring_stops_after_its_time_out() {
    let mut story = planned();
    story.wait(30 * MINUTE + 45 * SECOND);
    assert_eq!(story.rung(), []);
    assert_eq!(story.place(EXPERT), Place::Unanswered);
    assert_eq!(story.log, [(Created, CREATOR)]);
    story.wait(50 * MINUTE);
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR]);
}

#[test]
fn a_planned_call_stays_open_until_an_hour_after_its_time() {
    let mut story = planned();
    story.wait_all_but_a_second(90 * MINUTE);
    assert_eq!(story.end_reason(), None);
    story.wait(SECOND);
    assert_eq!(story.log, [(Created, CREATOR), (Missed, EXPERT), (Ended, CREATOR)]);
    assert_eq!(story.end_reason(), Some(EndReason::NobodyCame));
}

#[test]
fn a_planned_call_stays_open_for_a_creator_who_waits_in_it() {
    let mut story = planned();
    story.joins(CREATOR);
    story.wait_all_but_a_second(90 * MINUTE);
    assert_eq!(story.seated(), [CREATOR]);
    story.wait(SECOND);
    assert_eq!(story.log[2..], [(Missed, EXPERT), (Leave, CREATOR), (Ended, CREATOR)]);
}

#[test]
fn a_ring_that_is_going_on_when_the_time_runs_out_ends_with_it() {
    let mut story = planned();
    story.wait_all_but_a_second(90 * MINUTE);
    story.rings_again(EXPERT);
    story.wait(SECOND);
    assert_eq!(story.rung(), []);
    assert!(story.history.contains(&(Note::RingEnded(RingEnd::TimedOut), EXPERT)));
}

#[test]
fn a_creator_who_joins_early_starts_the_rings() {
    let mut story = planned();
    story.wait(10 * MINUTE);
    story.joins(CREATOR);
    assert_eq!(story.rung(), [EXPERT]);
    story.joins(EXPERT);
    assert_eq!(story.log, [(Created, CREATOR), (Join, CREATOR), (Join, EXPERT)]);
}

#[test]
fn starting_a_planned_call_rings_now_and_not_again_at_its_time() {
    let mut story = planned();
    story.tell(Event::Start);
    assert_eq!(story.rung(), [EXPERT]);
    assert_eq!(story.tell(Event::Start), [], "starting twice does nothing");
    story.wait(30 * MINUTE);
    assert_eq!(story.rung(), []);
}

#[test]
fn only_a_planned_call_can_be_started_or_moved() {
    let mut story = Plan::mesh(&[EXPERT]).make();
    assert_eq!(story.refused(Event::Start), Refusal::NotPlanned);
    assert_eq!(story.refused(Event::Reschedule { planned_at: START + HOUR }), Refusal::NotPlanned);
}

#[test]
fn an_invitee_who_joins_early_rings_the_creator() {
    let mut story = planned();
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR]);
}

#[test]
fn somebody_who_came_early_may_wait_until_an_hour_after_the_time() {
    let mut story = Plan::mesh(&[EXPERT]).planned_in(5 * HOUR).make();
    story.joins(EXPERT);
    story.wait_all_but_a_second(6 * HOUR);
    assert_eq!(story.seated(), [EXPERT]);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Alone));
}

#[test]
fn an_expert_who_came_early_to_a_brokered_call_is_alone_from_its_time_on() {
    let mut story = Plan::mesh(&[EXPERT]).brokered().planned_in(5 * HOUR).make();
    story.joins(EXPERT);
    story.wait_all_but_a_second(5 * HOUR + 5 * MINUTE);
    assert_eq!(story.seated(), [EXPERT]);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Alone));
}

#[test]
fn the_others_of_a_planned_sfu_call_are_rung_at_its_time_though_one_came_early() {
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE], 3).planned_in(3 * HOUR).make();
    story.joins(EXPERT);
    story.joins(CREATOR);
    assert_eq!(story.rung(), [COLLEAGUE], "the creator's joining is the start");
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE], 3).planned_in(3 * HOUR).make();
    story.joins(EXPERT);
    story.wait(3 * HOUR);
    assert_eq!(story.rung(), [COLLEAGUE]);
}

#[test]
fn a_planned_brokered_call_rings_its_experts_and_then_the_glasses() {
    let mut story = Plan::mesh(&[EXPERT]).brokered().planned_in(HOUR).make();
    story.wait(HOUR);
    assert_eq!(story.rung(), [EXPERT]);
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR]);
    assert_eq!(story.place(BROKER), Place::Waiting);
}

#[test]
fn a_planned_call_that_is_moved_rings_at_the_new_time() {
    let mut story = planned();
    story.tell(Event::Reschedule { planned_at: START + 2 * HOUR });
    assert!(story.history.contains(&(Note::Rescheduled, CREATOR)));
    story.wait_all_but_a_second(2 * HOUR);
    assert_eq!(story.rung(), []);
    story.wait(SECOND);
    assert_eq!(story.rung(), [EXPERT]);
    story.wait(HOUR);
    assert_eq!(story.end_reason(), Some(EndReason::NobodyCame));
}

#[test]
fn moving_a_call_that_rings_stops_the_ring_until_the_new_time() {
    let mut story = planned();
    story.wait(30 * MINUTE);
    story.tell(Event::Reschedule { planned_at: START + 2 * HOUR });
    assert_eq!(story.rung(), []);
    assert!(story.history.contains(&(Note::RingEnded(RingEnd::Postponed), EXPERT)));
    story.wait(90 * MINUTE);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn a_call_cannot_be_moved_more_than_five_minutes_into_the_past() {
    let mut story = planned();
    story.wait(10 * MINUTE);
    let past = story.now - 5 * MINUTE - SECOND;
    assert_eq!(story.refused(Event::Reschedule { planned_at: past }), Refusal::PlannedInPast);
    story.tell(Event::Reschedule { planned_at: story.now - 5 * MINUTE });
    assert_eq!(story.rung(), [EXPERT], "a little past means now");
}

#[test]
fn a_call_somebody_is_in_cannot_be_moved() {
    let mut story = planned();
    story.joins(CREATOR);
    let event = Event::Reschedule { planned_at: START + 2 * HOUR };
    assert_eq!(story.refused(event.clone()), Refusal::AlreadyStarted);
    story.leaves(CREATOR);
    assert_eq!(story.refused(event), Refusal::Ended);
}

#[test]
fn a_call_that_is_cancelled_has_ended_and_rings_no_more() {
    let mut story = planned();
    story.wait(30 * MINUTE);
    story.tell(Event::Cancel { by: CREATOR });
    assert_eq!(story.rung(), []);
    assert!(story.history.contains(&(Note::RingEnded(RingEnd::CallEnded), EXPERT)));
    assert_eq!(story.log, [(Created, CREATOR), (Ended, CREATOR)]);
    assert_eq!(story.end_reason(), Some(EndReason::Cancelled));
    assert_eq!(story.refused(Event::Cancel { by: CREATOR }), Refusal::Ended);
}

#[test]
fn a_call_somebody_is_in_cannot_be_cancelled() {
    let mut story = planned();
    story.joins(EXPERT);
    assert_eq!(story.refused(Event::Cancel { by: CREATOR }), Refusal::AlreadyStarted);
    assert_eq!(story.seated(), [EXPERT]);
}

#[test]
fn a_planned_call_ends_as_soon_as_all_have_declined() {
    let mut story = planned();
    story.declines(EXPERT);
    assert_eq!(story.log, [(Created, CREATOR), (Declined, EXPERT), (Ended, CREATOR)]);
}

#[test]
fn somebody_invited_to_a_planned_call_is_rung_at_its_time() {
    let mut story = planned();
    story.invites(&[by_popup(LATECOMER)]);
    assert_eq!(story.rung(), []);
    story.wait(30 * MINUTE);
    assert_eq!(story.rung(), [EXPERT, LATECOMER]);
}

#[test]
fn somebody_who_declined_and_is_invited_again_is_rung_at_the_time() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).planned_in(30 * MINUTE).make();
    story.declines(EXPERT);
    story.invites(&[by_popup(EXPERT)]);
    assert_eq!(story.place(EXPERT), Place::Waiting);
    story.declines(COLLEAGUE);
    assert_eq!(story.end_reason(), None, "an invitation is open");
    story.wait(30 * MINUTE);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn somebody_rung_by_hand_before_the_time_is_rung_at_the_time_too() {
    let mut story = planned();
    story.rings_again(EXPERT);
    assert_eq!(story.rung(), [EXPERT]);
    story.wait(10 * MINUTE);
    assert_eq!(story.place(EXPERT), Place::Waiting);
    assert_eq!(story.log, [(Created, CREATOR)]);
    story.wait(20 * MINUTE);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn nobody_is_invited_into_a_full_call_only_because_its_time_is_still_to_come() {
    let mut story = planned();
    story.joins(EXPERT);
    story.joins(CREATOR);
    let event = Event::Invite(Invited::people([by_popup(LATECOMER)]));
    assert_eq!(story.refused(event), Refusal::Full);
}

#[test]
fn a_planned_call_whose_time_passed_in_an_outage_rings_on_recovery() {
    let mut story = planned();
    story.now = START + HOUR;
    story.tell(Event::Recovered);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn it_waits_for_its_time_while_nobody_is_in_it_or_rung() {
    let mut story = planned();
    let waits = |story: &Story| story.call.waits_for_its_time();
    assert!(waits(&story));
    story.rings_again(EXPERT);
    assert!(!waits(&story), "somebody is rung by hand");
    story.wait(10 * MINUTE);
    assert!(waits(&story));
    let mut started = planned();
    started.tell(Event::Start);
    assert!(!waits(&started));
    let mut early = planned();
    early.joins(CREATOR);
    assert!(!waits(&early));
    story.wait(20 * MINUTE);
    assert!(!waits(&story), "it rings");
    story.tell(Event::Reschedule { planned_at: START + 2 * HOUR });
    assert!(waits(&story), "put off");
    story.tell(Event::Cancel { by: CREATOR });
    assert!(!waits(&story));
    assert!(!Plan::mesh(&[EXPERT]).make().call.waits_for_its_time(), "an ordinary call rings");
}
