//! An ordinary call: its creator calls somebody.

use super::story::{
    COLLEAGUE, CREATOR, EXPERT, LATECOMER, MINUTE, Plan, SECOND, STRANGER, by_mail, by_popup, device, join,
};
use crate::{
    call::{
        Call, Effect, EndReason, Event, Invited,
        LogKind::{Created, Declined, Ended, Join, Leave, Missed},
        Note, Place, Refusal, RingEnd,
    },
    policy::Policy,
};

#[test]
fn an_answered_direct_call_reads_exactly_created_join_join() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    assert_eq!(story.rung(), [EXPERT]);
    story.joins(EXPERT);
    assert_eq!(story.log, [(Created, CREATOR), (Join, CREATOR), (Join, EXPERT)]);
    assert_eq!(story.rung(), []);
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
}

#[test]
fn creating_and_joining_in_one_step_writes_the_join_and_creating_alone_does_not() {
    let story = Plan::mesh(&[EXPERT]).joined().make();
    assert_eq!(story.log, [(Created, CREATOR), (Join, CREATOR)]);
    let story = Plan::mesh(&[EXPERT]).make();
    assert_eq!(story.log, [(Created, CREATOR)], "creating alone writes no Join");
}

#[test]
fn the_join_of_the_creator_stands_before_the_first_ring() {
    let plan = Plan::mesh(&[]).joined().make();
    let (_, effects) = Call::create(
        &plan.policy,
        plan.now,
        plan.call.state().terms.clone(),
        &Invited::people([by_popup(EXPERT)]),
        Some(device(CREATOR)),
    );
    let expected = [
        Effect::Log { kind: Created, contact: CREATOR },
        Effect::Log { kind: Join, contact: CREATOR },
        Effect::Note { note: Note::RingStarted, contact: EXPERT },
    ];
    assert_eq!(effects, expected);
}

#[test]
fn a_creator_who_is_not_in_when_the_first_invitee_joins_is_rung() {
    let mut story = Plan::mesh(&[EXPERT]).make();
    assert_eq!(story.rung(), [EXPERT]);
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR]);
    story.joins(CREATOR);
    assert_eq!(story.log, [(Created, CREATOR), (Join, EXPERT), (Join, CREATOR)]);
}

#[test]
fn a_call_that_nobody_answers_is_missed_after_45_seconds() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.wait_all_but_a_second(45 * SECOND);
    assert_eq!(story.rung(), [EXPERT]);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Missed));
    assert_eq!(story.log, [(Created, CREATOR), (Join, CREATOR), (Missed, EXPERT), (Leave, CREATOR), (Ended, CREATOR)]);
}

#[test]
fn each_invitee_has_a_time_out_of_their_own() {
    let mut plan = Plan::mesh(&[EXPERT]).joined();
    plan.invitees.push(by_mail(COLLEAGUE));
    let mut story = plan.make();
    story.wait(45 * SECOND);
    assert_eq!(story.rung(), [COLLEAGUE]);
    assert_eq!(story.place(EXPERT), Place::Missed);
    story.wait(9 * MINUTE + 15 * SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Missed));
}

#[test]
fn the_defaults_are_the_times_of_the_contract() {
    let policy = Policy::default();
    assert_eq!((policy.popup_ring, policy.message_ring), (45 * SECOND, 10 * MINUTE));
    assert_eq!((policy.creator_ring, policy.alone, policy.open), (MINUTE, 5 * MINUTE, 60 * MINUTE));
}

#[test]
fn a_call_ends_when_all_have_declined() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.declines(EXPERT);
    assert_eq!(story.rung(), [COLLEAGUE]);
    story.declines(COLLEAGUE);
    assert_eq!(story.end_reason(), Some(EndReason::Declined));
    assert_eq!(story.log[2..], [(Declined, EXPERT), (Declined, COLLEAGUE), (Leave, CREATOR), (Ended, CREATOR)]);
}

#[test]
fn a_call_that_some_declined_and_some_missed_is_missed() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.declines(EXPERT);
    story.wait(MINUTE);
    assert_eq!(story.end_reason(), Some(EndReason::Missed));
}

#[test]
fn a_caller_who_gives_up_ends_the_call_and_nobody_has_missed_it() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.leaves(CREATOR);
    assert_eq!(story.log, [(Created, CREATOR), (Join, CREATOR), (Leave, CREATOR), (Ended, CREATOR)]);
    assert_eq!(story.history[1..2], [(Note::RingEnded(RingEnd::CallEnded), EXPERT)]);
}

#[test]
fn the_first_to_answer_a_mesh_call_silences_the_others() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.joins(EXPERT);
    assert_eq!(story.place(COLLEAGUE), Place::Silenced);
    assert!(story.history.contains(&(Note::RingEnded(RingEnd::TakenByOther), COLLEAGUE)));
    assert_eq!(story.refused(join(COLLEAGUE)), Refusal::Full);
}

#[test]
fn an_invitee_who_was_silenced_may_join_once_there_is_room() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.joins(EXPERT);
    story.loses_connection(EXPERT);
    story.wait(2 * MINUTE);
    story.joins(COLLEAGUE);
    assert_eq!(story.seated(), [CREATOR, COLLEAGUE]);
}

#[test]
fn an_sfu_call_rings_the_others_until_it_is_full() {
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE, LATECOMER], 3).joined().make();
    story.joins(EXPERT);
    assert_eq!(story.rung(), [COLLEAGUE, LATECOMER]);
    story.joins(COLLEAGUE);
    assert_eq!(story.rung(), []);
    assert_eq!(story.place(LATECOMER), Place::Silenced);
    assert_eq!(story.refused(join(LATECOMER)), Refusal::Full);
}

#[test]
fn a_person_invited_twice_is_invited_once() {
    let story = Plan::mesh(&[EXPERT, EXPERT, CREATOR]).joined().make();
    assert_eq!(story.call.state().people.len(), 2);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn a_call_to_nobody_stays_open_for_an_hour() {
    let mut story = Plan::sfu(&[], 4).make();
    story.wait_all_but_a_second(60 * MINUTE);
    assert_eq!(story.end_reason(), None);
    story.wait(SECOND);
    assert_eq!(story.log, [(Created, CREATOR), (Ended, CREATOR)]);
    assert_eq!(story.end_reason(), Some(EndReason::NobodyCame));
}

#[test]
fn a_stranger_is_not_let_in() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    assert_eq!(story.refused(join(STRANGER)), Refusal::NotInvited);
    assert_eq!(story.refused(Event::Decline { contact: STRANGER }), Refusal::NotInvited);
    assert_eq!(story.refused(Event::Leave { contact: STRANGER }), Refusal::NotInvited);
}
