//! Service requests: waiting, claimed, escalated, promised, handed over.

use std::time::Duration;

use super::story::{
    COLLEAGUE, CREATOR, EXPERT, HOUR, LATECOMER, MINUTE, NIGHT_TEAM, Plan, SECOND, START, STRANGER, Story, TURN,
    by_popup, join,
};
use crate::{
    call::{
        Claim, EndReason, Event, HandOver, HandOverTo, Line,
        LogKind::{Claimed, Created, Declined, Ended, Join, Leave},
        Note, Place, Refusal, RingEnd,
    },
    ids::{ContactId, TeamId},
};

const NOW: Duration = Duration::ZERO;

/// Waits for one team; nobody is invited by name.
fn waiting() -> Story {
    Plan::sfu(&[], 5).request(&[(1, NOW)], HOUR).make()
}

fn claim(contact: ContactId) -> Event {
    Event::Claim { by: by_popup(contact) }
}

fn claim_of(story: &Story) -> Option<Claim> {
    story.call.request().map(|request| request.claim)
}

/// The expert has it and talks to the technician.
fn talking() -> Story {
    let mut story = Plan::mesh(&[]).request(&[(1, NOW)], HOUR).make();
    story.policy.max_participants = 5;
    story.tell(claim(EXPERT));
    story.joins(EXPERT);
    story.joins(CREATOR);
    story
}

#[test]
fn a_request_rings_nobody_until_it_is_claimed_and_then_the_claimer_and_then_the_technician() {
    let mut story = waiting();
    assert_eq!(story.rung(), []);
    story.tell(claim(EXPERT));
    assert_eq!(story.rung(), [EXPERT]);
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR]);
    story.joins(CREATOR);
    assert_eq!(story.log, [(Created, CREATOR), (Claimed, EXPERT), (Join, EXPERT), (Join, CREATOR)]);
}

#[test]
fn one_claims_it_and_the_next_is_told_who() {
    let mut story = waiting();
    story.tell(claim(EXPERT));
    assert_eq!(story.refused(claim(COLLEAGUE)), Refusal::AlreadyClaimed { by: EXPERT });
    assert_eq!(story.tell(claim(EXPERT)), [], "claimed again by the same one: nothing new");
    story.joins(EXPERT);
    assert_eq!(story.refused(claim(COLLEAGUE)), Refusal::AlreadyClaimed { by: EXPERT });
}

#[test]
fn a_technician_cannot_claim_the_own_request_and_ordinary_calls_cannot_be_claimed() {
    let mut story = waiting();
    assert_eq!(story.refused(claim(CREATOR)), Refusal::NotInvited);
    let mut ordinary = Plan::mesh(&[EXPERT]).make();
    assert_eq!(ordinary.refused(claim(EXPERT)), Refusal::NotWaiting);
}

#[test]
fn a_claimer_who_does_not_come_loses_it_and_it_waits_in_its_old_place() {
    let mut story = waiting();
    story.wait(MINUTE);
    let lines = story.call.request().map(|request| request.lines.clone());
    story.tell(claim(EXPERT));
    story.wait(45 * SECOND);
    assert_eq!(claim_of(&story), Some(Claim::Open));
    assert_eq!(story.history.last(), Some(&(Note::ClaimLapsed, EXPERT)));
    assert_eq!(story.call.request().map(|request| request.lines.clone()), lines);
    story.tell(claim(COLLEAGUE));
    story.joins(COLLEAGUE);
    assert_eq!(story.end_reason(), None);
}

#[test]
fn a_claimer_who_declines_gives_it_back() {
    let mut story = waiting();
    story.tell(claim(EXPERT));
    story.declines(EXPERT);
    assert_eq!((claim_of(&story), story.end_reason()), (Some(Claim::Open), None));
    assert_eq!(story.log, [(Created, CREATOR), (Claimed, EXPERT), (Declined, EXPERT)]);
}

#[test]
fn whoever_is_invited_by_name_is_rung_and_the_request_outlasts_the_ring() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).request(&[], HOUR).make();
    assert_eq!(story.rung(), [EXPERT, COLLEAGUE]);
    story.wait(45 * SECOND);
    assert_eq!((story.rung(), story.end_reason()), (vec![], None));
    story.tell(claim(EXPERT));
    assert_eq!(story.place(COLLEAGUE), Place::Silenced);
    story.declines(EXPERT);
    assert_eq!(story.place(COLLEAGUE), Place::Unanswered, "it is open to the other again");
    story.declines(COLLEAGUE);
    assert_eq!(story.end_reason(), Some(EndReason::Declined), "nobody is left who could claim it");
}

#[test]
fn answering_the_ring_takes_it_and_reads_like_any_call() {
    let mut story = Plan::sfu(&[EXPERT, COLLEAGUE], 5).request(&[(1, NOW)], HOUR).make();
    story.joins(EXPERT);
    assert_eq!(story.log, [(Created, CREATOR), (Join, EXPERT)]);
    assert_eq!(claim_of(&story), Some(Claim::By(EXPERT)));
    assert!(story.history.contains(&(Note::RingEnded(RingEnd::TakenByOther), COLLEAGUE)));
    assert_eq!(story.refused(claim(LATECOMER)), Refusal::AlreadyClaimed { by: EXPERT });
}

#[test]
fn nobody_joins_past_somebody_who_has_claimed_it_and_is_on_the_way() {
    let mut story = Plan::sfu(&[COLLEAGUE], 5).request(&[(1, NOW)], HOUR).make();
    story.tell(claim(EXPERT));
    assert_eq!(story.refused(join(COLLEAGUE)), Refusal::AlreadyClaimed { by: EXPERT });
}

#[test]
fn it_escalates_at_its_time_and_the_first_team_may_still_claim_it() {
    let mut story = Plan::mesh(&[]).request(&[(1, NOW), (2, 10 * MINUTE)], HOUR).make();
    story.wait_all_but_a_second(10 * MINUTE);
    assert_eq!(story.call.claimable_by().collect::<Vec<_>>(), [TeamId(1)]);
    story.wait(SECOND);
    assert_eq!(story.call.claimable_by().collect::<Vec<_>>(), [TeamId(1), TeamId(2)]);
    assert_eq!(story.history, [(Note::Escalated(TeamId(2)), CREATOR)]);
}

#[test]
fn what_is_claimed_does_not_escalate_and_does_so_at_once_when_it_is_open_again() {
    let mut story = Plan::mesh(&[]).request(&[(1, NOW), (2, 10 * SECOND)], HOUR).make();
    story.tell(claim(EXPERT));
    story.wait(20 * SECOND);
    assert_eq!(story.call.claimable_by().collect::<Vec<_>>(), [TeamId(1)]);
    story.declines(EXPERT);
    assert_eq!(story.call.claimable_by().collect::<Vec<_>>(), [TeamId(1), TeamId(2)]);
}

#[test]
fn it_expires_and_says_so() {
    let mut story = waiting();
    story.wait_all_but_a_second(HOUR);
    assert_eq!(story.end_reason(), None);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Expired));
    assert_eq!(story.log, [(Created, CREATOR), (Ended, CREATOR)]);
}

#[test]
fn a_technician_who_waits_in_the_call_is_not_alone_and_a_lost_connection_does_not_end_the_request() {
    let mut story = Plan::mesh(&[]).request(&[(1, NOW)], 3 * HOUR).joined().make();
    story.wait(2 * HOUR);
    assert_eq!((story.end_reason(), story.seated()), (None, vec![CREATOR]));
    story.loses_connection(CREATOR);
    story.wait(5 * MINUTE);
    assert_eq!((story.end_reason(), story.seated()), (None, vec![]));
    story.tell(claim(EXPERT));
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR], "is called back into it");
}

#[test]
fn a_technician_who_hangs_up_gives_it_up() {
    let mut story = Plan::mesh(&[]).request(&[(1, NOW)], HOUR).joined().make();
    story.leaves(CREATOR);
    assert_eq!(story.end_reason(), Some(EndReason::HungUp));
}

#[test]
fn a_promise_waits_for_its_time_reminds_and_is_kept_by_claiming_it() {
    let mut story = Plan::mesh(&[COLLEAGUE]).request(&[(1, NOW), (2, 10 * MINUTE)], HOUR).joined().make();
    story.tell(Event::PromiseCallBack { by: by_popup(EXPERT), due: START + 2 * HOUR });
    assert_eq!(story.rung(), [], "nobody is to answer now");
    story.leaves(CREATOR);
    assert_eq!(story.end_reason(), None, "may hang up meanwhile");
    story.wait(2 * HOUR);
    assert_eq!(story.history.last(), Some(&(Note::CallBackDue, EXPERT)));
    assert_eq!(story.call.claimable_by().collect::<Vec<_>>(), [TeamId(1)], "what was put off does not escalate");
    story.tell(claim(EXPERT));
    story.joins(EXPERT);
    assert_eq!(story.rung(), [CREATOR]);
}

#[test]
fn a_promise_nobody_keeps_expires_an_hour_after_its_time() {
    let mut story = waiting();
    story.tell(Event::PromiseCallBack { by: by_popup(CREATOR), due: START + 2 * HOUR });
    story.wait_all_but_a_second(3 * HOUR);
    assert_eq!(story.end_reason(), None);
    story.wait(SECOND);
    assert_eq!(story.end_reason(), Some(EndReason::Expired));
}

#[test]
fn only_what_waits_can_be_promised_and_only_for_a_time_to_come() {
    let mut story = waiting();
    let promise = |due| Event::PromiseCallBack { by: by_popup(EXPERT), due };
    assert_eq!(story.refused(promise(START)), Refusal::PromiseInPast);
    assert_eq!(story.refused(promise(START + 15 * 24 * HOUR)), Refusal::PromiseTooFarAhead);
    story.tell(claim(COLLEAGUE));
    assert_eq!(story.refused(promise(START + HOUR)), Refusal::AlreadyClaimed { by: COLLEAGUE });
    story.joins(COLLEAGUE);
    assert_eq!(story.refused(promise(START + HOUR)), Refusal::NotWaiting);
}

#[test]
fn a_hand_over_to_somebody_rings_and_whoever_hands_over_leaves_when_that_one_comes() {
    let mut story = talking();
    let epoch = story.epoch();
    story.tell(Event::HandOver { from: EXPERT, to: HandOverTo::Person(by_popup(COLLEAGUE)) });
    assert_eq!((story.rung(), story.seated()), (vec![COLLEAGUE], vec![EXPERT, CREATOR]));
    story.joins(COLLEAGUE);
    assert_eq!(story.seated(), [CREATOR, COLLEAGUE]);
    assert_eq!(story.log[4..], [(Leave, EXPERT), (Join, COLLEAGUE)], "two in the call: it stays a MESH");
    assert!(story.epoch() > epoch);
    assert!(story.history.contains(&(Note::HandedOver, COLLEAGUE)));
    assert_eq!(story.end_reason(), None);
}

#[test]
fn a_successor_who_does_not_come_leaves_the_call_where_it_was() {
    let mut story = talking();
    story.tell(Event::HandOver { from: EXPERT, to: HandOverTo::Person(by_popup(COLLEAGUE)) });
    story.declines(COLLEAGUE);
    assert_eq!(story.history.last(), Some(&(Note::HandOverFailed, EXPERT)));
    assert_eq!((story.seated(), story.call.state().hand_over), (vec![EXPERT, CREATOR], None));
}

#[test]
fn whoever_hands_over_may_hang_up_at_once_and_the_technician_waits_for_the_successor() {
    let mut story = talking();
    story.tell(Event::HandOver { from: EXPERT, to: HandOverTo::Person(by_popup(COLLEAGUE)) });
    story.leaves(EXPERT);
    assert_eq!((story.end_reason(), story.seated()), (None, vec![CREATOR]));
    story.joins(COLLEAGUE);
    assert_eq!(story.seated(), [CREATOR, COLLEAGUE]);
}

fn to_team(story: &Story, team: i64) -> HandOverTo {
    let lines = vec![Line { team: TeamId(team), since: story.now, entered: true }];
    HandOverTo::Queue { lines, expires_at: story.now + HOUR }
}

#[test]
fn a_hand_over_to_a_team_waits_in_its_queue_and_one_of_it_takes_it() {
    let mut story = talking();
    let to = to_team(&story, 2);
    story.tell(Event::HandOver { from: EXPERT, to });
    assert_eq!((story.rung(), claim_of(&story)), (vec![], Some(Claim::Open)));
    assert_eq!(story.call.claimable_by().collect::<Vec<_>>(), [TeamId(2)]);
    story.tell(claim(COLLEAGUE));
    assert_eq!(story.refused(claim(LATECOMER)), Refusal::AlreadyClaimed { by: COLLEAGUE });
    assert_eq!(story.seated(), [EXPERT, CREATOR], "still there");
    story.joins(COLLEAGUE);
    assert_eq!(story.seated(), [CREATOR, COLLEAGUE]);
    assert_eq!(story.log[4..], [(Claimed, COLLEAGUE), (Leave, EXPERT), (Join, COLLEAGUE)]);
}

#[test]
fn a_hand_over_that_no_team_takes_ends_and_the_call_goes_on() {
    let mut story = talking();
    let to = to_team(&story, 2);
    story.tell(Event::HandOver { from: EXPERT, to });
    assert_eq!(story.call.state().hand_over, Some(HandOver { from: EXPERT, to: None }));
    story.wait(HOUR);
    assert_eq!((story.end_reason(), story.call.state().hand_over), (None, None));
    assert_eq!(claim_of(&story), Some(Claim::By(EXPERT)));
    assert_eq!(story.history.last(), Some(&(Note::HandOverFailed, EXPERT)));
}

#[test]
fn only_an_expert_in_the_call_can_hand_it_over() {
    let mut story = talking();
    for from in [CREATOR, COLLEAGUE, STRANGER] {
        let to = HandOverTo::Person(by_popup(LATECOMER));
        assert_eq!(story.refused(Event::HandOver { from, to }), Refusal::NotInCall);
    }
    let to = HandOverTo::Person(by_popup(CREATOR));
    assert_eq!(story.refused(Event::HandOver { from: EXPERT, to }), Refusal::NotInvited);
}

#[test]
fn after_an_outage_there_is_time_to_claim_what_would_have_expired() {
    let mut story = waiting();
    story.now = START + 5 * HOUR;
    story.tell(Event::Recovered);
    assert_eq!(story.end_reason(), None);
    story.wait(story.policy.grace);
    assert_eq!(story.end_reason(), Some(EndReason::Expired));
}

/// Waits for one team while people of another are rung in turn.
fn waiting_and_in_turn() -> Story {
    let people = [EXPERT, COLLEAGUE];
    let plan = Plan::sfu(&people, 5).request(&[(1, NOW)], HOUR);
    plan.in_turn(&people).then(NIGHT_TEAM, &people, None).make()
}

#[test]
fn a_claim_ends_the_turns_of_those_who_are_rung_and_no_further_team_is_asked() {
    let mut story = waiting_and_in_turn();
    assert_eq!(story.rung(), [EXPERT]);
    story.tell(claim(LATECOMER));
    assert_eq!((story.rung(), story.place(COLLEAGUE)), (vec![LATECOMER], Place::Silenced));
    story.declines(LATECOMER);
    story.wait(10 * MINUTE);
    assert_eq!((claim_of(&story), story.rung()), (Some(Claim::Open), vec![]), "it waits; nobody's turn comes again");
    assert_eq!(story.call.due_teams().count(), 0);
}

#[test]
fn whoever_claims_it_before_the_own_turn_is_rung_as_long_as_any_claimer() {
    let mut story = waiting_and_in_turn();
    story.tell(claim(COLLEAGUE));
    story.wait(TURN);
    assert_eq!((claim_of(&story), story.rung()), (Some(Claim::By(COLLEAGUE)), vec![COLLEAGUE]));
    story.wait(story.policy.popup_ring);
    assert_eq!((claim_of(&story), story.rung()), (Some(Claim::Open), vec![]));
}

#[test]
fn a_request_that_is_put_off_takes_nobodys_turn_and_asks_no_further_team() {
    let mut story = waiting_and_in_turn();
    story.tell(Event::PromiseCallBack { by: by_popup(LATECOMER), due: START + HOUR });
    assert_eq!((story.rung(), story.place(COLLEAGUE)), (vec![], Place::Unanswered));
    assert_eq!(story.call.due_teams().count(), 0);
    story.wait(MINUTE);
    assert_eq!(story.rung(), []);
    assert!(story.call.waits_for_a_claim());
}

#[test]
fn turns_that_run_out_leave_the_request_waiting() {
    let mut story = waiting_and_in_turn();
    story.wait(2 * TURN);
    assert_eq!((story.place(EXPERT), story.place(COLLEAGUE)), (Place::Unanswered, Place::Unanswered));
    assert_eq!(story.call.due_teams().count(), 1, "the team behind them");
    story.wait(story.policy.grace);
    assert_eq!((story.end_reason(), claim_of(&story)), (None, Some(Claim::Open)));
}
