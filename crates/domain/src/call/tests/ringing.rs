//! Inviting later, ringing again, and repeats that clients cannot avoid.

use super::story::{COLLEAGUE, CREATOR, EXPERT, HOUR, LATECOMER, MINUTE, Plan, SECOND, by_mail, by_popup, join};
use crate::call::{Call, EndReason, Event, Invited, LogKind::Declined, Note, Place, Refusal, RingEnd};

#[test]
fn somebody_invited_later_rings_for_a_time_of_their_own() {
    let mut story = Plan::sfu(&[EXPERT], 4).joined().make();
    story.joins(EXPERT);
    story.wait(HOUR);
    story.invites(&[by_popup(LATECOMER)]);
    assert!(story.history.contains(&(Note::Invited, LATECOMER)));
    assert_eq!(story.call.rings()[0].until, story.now + 45 * SECOND);
    story.wait(45 * SECOND);
    assert_eq!(story.place(LATECOMER), Place::Missed);
    assert_eq!(story.end_reason(), None);
}

#[test]
fn the_latest_invitation_says_for_how_long_it_rings() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.invites(&[by_mail(EXPERT)]);
    assert_eq!(story.call.rings()[0].until, story.now + 10 * MINUTE);
}

#[test]
fn inviting_into_a_full_call_is_refused() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.joins(EXPERT);
    let event = Event::Invite(Invited::people([by_popup(LATECOMER)]));
    assert_eq!(story.refused(event), Refusal::Full);
    assert!(story.call.person(LATECOMER).is_none());
}

#[test]
fn inviting_somebody_who_is_in_the_call_rings_nobody() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.joins(EXPERT);
    story.invites(&[by_popup(EXPERT)]);
    assert_eq!(story.rung(), []);
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
}

#[test]
fn somebody_who_declined_can_be_rung_again() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.declines(EXPERT);
    story.rings_again(EXPERT);
    assert_eq!(story.rung(), [EXPERT, COLLEAGUE]);
    story.joins(EXPERT);
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
}

#[test]
fn ringing_again_while_it_rings_prolongs_the_one_ring() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.wait(30 * SECOND);
    assert_eq!(story.rings_again(EXPERT), []);
    assert_eq!(story.call.rings()[0].until, story.now + 45 * SECOND);
}

#[test]
fn ringing_somebody_who_sits_already_does_nothing() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.joins(EXPERT);
    assert_eq!(story.rings_again(EXPERT), []);
    assert_eq!(story.rung(), []);
}

#[test]
fn declining_twice_or_after_the_ring_is_accepted_and_does_nothing() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.declines(EXPERT);
    assert_eq!(story.declines(EXPERT), []);
    story.wait(MINUTE);
    assert_eq!(story.end_reason(), Some(EndReason::Missed));
    assert_eq!(story.declines(COLLEAGUE), []);
    assert_eq!(story.log.iter().filter(|(kind, _)| *kind == Declined).count(), 1);
}

#[test]
fn declining_on_one_device_after_another_answered_does_nothing() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.joins(EXPERT);
    assert_eq!(story.declines(EXPERT), []);
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
}

#[test]
fn somebody_who_declined_may_change_their_mind_while_the_call_lasts() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).joined().make();
    story.declines(EXPERT);
    story.joins(EXPERT);
    assert_eq!(story.seated(), [CREATOR, EXPERT]);
}

#[test]
fn nothing_rings_and_nobody_joins_after_the_end() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.tell(Event::End { by: CREATOR });
    assert!(story.history.contains(&(Note::RingEnded(RingEnd::CallEnded), EXPERT)));
    assert_eq!(story.refused(join(EXPERT)), Refusal::Ended);
    assert_eq!(story.refused(Event::RingAgain { contact: EXPERT }), Refusal::Ended);
    let event = Event::Invite(Invited::people([by_popup(LATECOMER)]));
    assert_eq!(story.refused(event), Refusal::Ended);
    assert_eq!(story.call.next_wake(&story.policy), None);
}

#[test]
fn a_ring_says_whether_it_pops_up() {
    let story = Plan::mesh(&[EXPERT]).make();
    assert!(story.call.rings()[0].popup);
    let mut state = story.call.state().clone();
    state.terms.popup = false;
    let listed = Call::restore(state);
    assert!(listed.rings().iter().all(|ring| !ring.popup), "listed, and no more");
}

#[test]
fn after_an_outage_a_ring_has_at_least_the_grace_time_left() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    story.now = story.now + 3 * HOUR;
    story.tell(Event::Recovered);
    assert_eq!(story.rung(), [EXPERT]);
    assert_eq!(story.call.rings()[0].until, story.now + 30 * SECOND);
}

#[test]
fn a_ring_of_an_ordinary_call_outlives_an_outage_of_hours_even_if_its_creator_is_out() {
    let mut story = Plan::mesh(&[EXPERT]).make();
    story.now = story.now + 3 * HOUR;
    story.tell(Event::Recovered);
    assert_eq!(story.rung(), [EXPERT]);
    story.wait(30 * SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Missed));
}

#[test]
fn a_short_outage_does_not_shorten_a_ring() {
    let mut story = Plan::mesh(&[EXPERT]).joined().make();
    let until = story.call.rings()[0].until;
    story.now = story.now + SECOND;
    story.tell(Event::Recovered);
    assert_eq!(story.call.rings()[0].until, until);
}
