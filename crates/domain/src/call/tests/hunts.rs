//! Teams that are rung one after another, and teams that come when others do not answer.

use std::time::Duration;

use super::story::{
    COLLEAGUE, CREATOR, DAY_TEAM, EXPERT, HOUR, LATECOMER, MINUTE, NIGHT_TEAM, Plan, SECOND, TURN, by_popup, hunt,
    second_device, then,
};
use crate::{
    call::{
        Absence, EndReason, Event, Invited,
        LogKind::{Declined, Missed},
        Note, Place, Refusal, RingEnd,
    },
    ids::ContactId,
};

const TEAM: [ContactId; 3] = [EXPERT, COLLEAGUE, LATECOMER];

fn comes(people: &[ContactId]) -> Event {
    let invited = Invited::people(people.iter().copied().map(by_popup));
    Event::TeamComes { team: NIGHT_TEAM, invited }
}

#[test]
fn one_after_another_is_rung_for_a_turn_each() {
    let mut story = Plan::mesh(&TEAM).in_turn(&TEAM).joined().make();
    for (index, contact) in TEAM.into_iter().enumerate() {
        assert_eq!(story.rung(), [contact]);
        assert_eq!(story.call.next_in_turn(), TEAM[index + 1..].iter().copied().take(1).collect::<Vec<_>>());
        story.wait_all_but_a_second(TURN);
        assert_eq!(story.rung(), [contact], "a whole turn");
        story.wait(SECOND);
        assert_eq!(story.place(contact), Place::Missed);
    }
    assert_eq!(story.end_reason(), Some(EndReason::Missed));
    assert_eq!(story.log.iter().filter(|(kind, _)| *kind == Missed).count(), 3);
}

#[test]
fn a_refusal_passes_the_ring_on_at_once_and_an_answer_ends_it() {
    let mut story = Plan::mesh(&TEAM).in_turn(&TEAM).joined().make();
    story.declines(EXPERT);
    assert_eq!(story.rung(), [COLLEAGUE]);
    story.joins(COLLEAGUE);
    assert_eq!((story.rung(), story.place(LATECOMER)), (Vec::new(), Place::Silenced));
    story.wait(HOUR);
    assert_eq!(story.seated(), [CREATOR, COLLEAGUE]);
}

#[test]
fn in_an_sfu_call_an_answer_ends_the_hunt_and_nobody_elses_ring() {
    let everybody = [EXPERT, COLLEAGUE, LATECOMER];
    let mut story = Plan::sfu(&everybody, 4).in_turn(&[EXPERT, COLLEAGUE]).joined().make();
    assert_eq!(story.rung(), [EXPERT, LATECOMER]);
    story.joins(EXPERT);
    assert_eq!((story.rung(), story.place(COLLEAGUE)), (vec![LATECOMER], Place::Silenced));
}

#[test]
fn somebody_who_cannot_wait_for_the_turn_may_join() {
    let mut story = Plan::mesh(&TEAM).in_turn(&TEAM).joined().make();
    story.joins(LATECOMER);
    assert_eq!((story.rung(), story.place(EXPERT)), (Vec::new(), Place::Silenced));
}

#[test]
fn somebody_who_declines_before_the_turn_has_none() {
    let mut story = Plan::mesh(&TEAM).in_turn(&TEAM).joined().make();
    story.declines(COLLEAGUE);
    story.wait(TURN);
    assert_eq!(story.rung(), [LATECOMER]);
    story.declines(LATECOMER);
    assert_eq!(story.end_reason(), Some(EndReason::Missed), "not everybody has declined");
}

#[test]
fn who_is_not_there_is_passed_over_with_a_note() {
    let mut story = Plan::mesh(&TEAM).in_turn(&TEAM).joined().make();
    story.tell(Event::PassOver { contact: EXPERT, why: Absence::NotThere });
    assert_eq!(story.rung(), [COLLEAGUE]);
    assert!(story.history.contains(&(Note::RingEnded(RingEnd::PassedOver(Absence::NotThere)), EXPERT)));
    assert!(story.log.contains(&(Missed, EXPERT)));
    assert!(story.tell(Event::PassOver { contact: LATECOMER, why: Absence::NotThere }).is_empty(), "not in turn");
    let mut whole = Plan::mesh(&[EXPERT]).joined().make();
    assert!(whole.tell(Event::PassOver { contact: EXPERT, why: Absence::Undisturbed }).is_empty(), "no hunt");
}

#[test]
fn ringing_by_hand_is_beside_the_turns() {
    let mut story = Plan::mesh(&TEAM).in_turn(&TEAM).joined().make();
    story.declines(EXPERT);
    story.rings_again(EXPERT);
    assert_eq!(story.rung(), [EXPERT, COLLEAGUE]);
    story.wait(TURN);
    assert_eq!(story.rung(), [EXPERT, LATECOMER], "45 seconds for who is rung by hand");
    story.rings_again(LATECOMER);
    story.wait_all_but_a_second(TURN);
    assert!(story.rung().contains(&LATECOMER), "a turn that is prolonged is still one turn");
    story.wait(SECOND);
    assert!(!story.rung().contains(&LATECOMER));
}

#[test]
fn an_outage_leaves_the_turn_where_it_was() {
    let mut story = Plan::mesh(&TEAM).in_turn(&TEAM).make();
    story.wait(TURN);
    story.now = story.now + HOUR;
    story.tell(Event::Recovered);
    assert_eq!(story.rung(), [COLLEAGUE]);
    story.wait(MINUTE);
    assert_eq!(story.place(COLLEAGUE), Place::Missed);
    assert_eq!(story.end_reason(), Some(EndReason::Missed));
    assert!(story.log.contains(&(Missed, LATECOMER)));
}

#[test]
fn a_planned_call_rings_in_turn_at_its_time_and_again_when_it_is_moved() {
    let mut story = Plan::sfu(&TEAM, 4).in_turn(&TEAM).planned_in(30 * MINUTE).make();
    assert_eq!(story.rung(), []);
    story.wait(30 * MINUTE);
    assert_eq!(story.rung(), [EXPERT]);
    story.wait(TURN);
    assert_eq!((story.rung(), story.place(EXPERT)), (vec![COLLEAGUE], Place::Unanswered));
    story.tell(Event::Reschedule { planned_at: story.now + 20 * MINUTE });
    assert_eq!(story.rung(), []);
    story.wait(20 * MINUTE);
    assert_eq!(story.rung(), [EXPERT]);
}

#[test]
fn a_team_added_to_a_running_call_is_rung_in_turn() {
    let mut story = Plan::sfu(&[EXPERT], 4).joined().make();
    story.joins(EXPERT);
    let people = [EXPERT, COLLEAGUE, LATECOMER];
    let invited = Invited {
        people: people.map(by_popup).to_vec(),
        hunts: vec![hunt(&people)],
        successors: vec![then(NIGHT_TEAM, &[COLLEAGUE, LATECOMER], None)],
        ..Invited::default()
    };
    story.tell(Event::Invite(invited));
    assert_eq!(story.rung(), [COLLEAGUE], "whoever is in the call has no turn");
    story.declines(COLLEAGUE);
    story.declines(LATECOMER);
    assert_eq!(story.call.due_teams().map(|due| due.team).collect::<Vec<_>>(), [NIGHT_TEAM]);
}

#[test]
fn when_all_of_a_team_decline_the_call_waits_for_the_next_team() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).then(NIGHT_TEAM, &[EXPERT, COLLEAGUE], None).joined().make();
    story.declines(EXPERT);
    assert_eq!(story.call.due_teams().count(), 0);
    story.declines(COLLEAGUE);
    assert_eq!((story.end_reason(), story.call.due_teams().count()), (None, 1));
    story.tell(comes(&[LATECOMER]));
    assert_eq!((story.rung(), story.call.due_teams().count()), (vec![LATECOMER], 0));
    story.declines(LATECOMER);
    assert_eq!(story.end_reason(), Some(EndReason::Declined));
    assert_eq!(story.log.iter().filter(|(kind, _)| *kind == Declined).count(), 3);
}

#[test]
fn a_team_in_which_nobody_is_left_ends_the_wait() {
    for nobody in [true, false] {
        let mut story = Plan::mesh(&[EXPERT]).then(NIGHT_TEAM, &[EXPERT], None).joined().make();
        story.declines(EXPERT);
        assert_eq!(story.end_reason(), None);
        if nobody {
            story.tell(comes(&[]));
        } else {
            story.wait(MINUTE);
        }
        assert_eq!(story.end_reason(), Some(EndReason::Declined));
    }
}

#[test]
fn an_outage_costs_a_team_nothing() {
    let wait = Duration::from_secs(30);
    let mut story = Plan::mesh(&[EXPERT]).then(NIGHT_TEAM, &[EXPERT], None).joined().make();
    story.declines(EXPERT);
    story.now = story.now + HOUR;
    story.tell(Event::Recovered);
    assert_eq!(story.call.due_teams().count(), 1, "it was to be asked, and still is");
    let mut waiting = Plan::mesh(&[EXPERT]).then(NIGHT_TEAM, &[EXPERT], Some(wait)).joined().make();
    waiting.now = waiting.now + HOUR;
    waiting.tell(Event::Recovered);
    assert_eq!(waiting.call.due_teams().count(), 0, "whoever could not answer meanwhile has some time");
}

#[test]
fn a_team_that_nobody_waits_for_any_more_is_not_invited() {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).then(NIGHT_TEAM, &[EXPERT], None).joined().make();
    story.declines(EXPERT);
    assert_eq!(story.call.due_teams().count(), 1);
    story.joins(COLLEAGUE);
    assert_eq!(story.call.due_teams().count(), 0, "the call has been taken");
    assert!(story.tell(comes(&[LATECOMER])).is_empty());
    assert!(story.call.person(LATECOMER).is_none());
    let mut other = Plan::mesh(&[EXPERT]).then(NIGHT_TEAM, &[EXPERT], None).joined().make();
    other.declines(EXPERT);
    let wrong = Event::TeamComes { team: DAY_TEAM, invited: Invited::people([by_popup(LATECOMER)]) };
    assert!(other.tell(wrong).is_empty());
}

#[test]
fn a_team_that_comes_into_a_full_call_is_refused() {
    let plan = Plan::sfu(&[EXPERT, COLLEAGUE], 3).then(NIGHT_TEAM, &[COLLEAGUE], None).joined();
    let mut story = plan.make();
    story.joins(EXPERT);
    story.declines(COLLEAGUE);
    story.policy.max_participants = 2;
    assert_eq!(story.refused(comes(&[LATECOMER])), Refusal::Full);
    story.tell(comes(&[]));
    assert_eq!(story.call.due_teams().count(), 0);
}

#[test]
fn the_next_in_the_team_is_asked_when_somebodys_patience_is_over_and_both_ring_on() {
    let wait = Duration::from_secs(30);
    let mut story = Plan::sfu(&[EXPERT], 4).then(NIGHT_TEAM, &[EXPERT], Some(wait)).joined().make();
    story.wait_all_but_a_second(wait);
    assert_eq!(story.call.due_teams().count(), 0);
    story.wait(SECOND);
    assert_eq!(story.call.due_teams().count(), 1);
    story.tell(comes(&[COLLEAGUE]));
    assert_eq!(story.rung(), [EXPERT, COLLEAGUE]);
}

#[test]
fn the_next_in_the_team_is_asked_at_once_if_somebody_declines_and_not_after_an_answer() {
    let wait = Duration::from_secs(30);
    let plan = || Plan::sfu(&[EXPERT], 4).then(NIGHT_TEAM, &[EXPERT], Some(wait)).joined();
    let mut story = plan().make();
    story.declines(EXPERT);
    assert_eq!(story.call.due_teams().count(), 1);
    let mut answered = plan().make();
    answered.joins(EXPERT);
    answered.wait(MINUTE);
    assert_eq!(answered.call.due_teams().count(), 0);
    let mut moved = plan().planned_in(30 * MINUTE).make();
    moved.wait(10 * MINUTE);
    assert_eq!(moved.call.due_teams().count(), 0, "the time runs from the ring");
}

#[test]
fn a_second_device_of_the_same_person_is_no_other_answer() {
    let mut story = Plan::sfu(&TEAM, 4).in_turn(&TEAM).joined().make();
    story.joins(EXPERT);
    story.rings_again(COLLEAGUE);
    story.joins_on(EXPERT, second_device(EXPERT), None);
    assert_eq!(story.rung(), [COLLEAGUE]);
}
