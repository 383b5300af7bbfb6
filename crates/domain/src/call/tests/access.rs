//! Who may do what.

use super::story::{BROKER, COLLEAGUE, CREATOR, EXPERT, Plan, STRANGER, Story};
use crate::{access::Actor, ids::ContactId};

fn user(contact: ContactId) -> Actor {
    Actor { contact, admin: false, expert: false, guest: false }
}

fn expert(contact: ContactId) -> Actor {
    Actor { expert: true, ..user(contact) }
}

fn admin() -> Actor {
    Actor { admin: true, ..user(STRANGER) }
}

/// Brokered, taken by the expert; the colleague was silenced.
fn taken() -> Story {
    let mut story = Plan::mesh(&[EXPERT, COLLEAGUE]).brokered().make();
    story.joins(EXPERT);
    story
}

#[test]
fn the_creator_the_maker_everybody_invited_and_administrators_may_read() {
    let call = taken().call;
    for contact in [CREATOR, BROKER, EXPERT, COLLEAGUE] {
        assert!(user(contact).may_read(&call), "{contact:?}");
    }
    assert!(admin().may_read(&call));
}

#[test]
fn for_others_the_call_does_not_exist() {
    let call = taken().call;
    assert!(!user(STRANGER).may_read(&call));
    assert!(!expert(STRANGER).may_read(&call), "being an expert is not enough");
}

#[test]
fn who_was_in_the_call_may_read_it_after_its_end() {
    let mut story = taken();
    story.leaves(EXPERT);
    assert!(story.call.has_ended());
    assert!(user(EXPERT).may_read(&story.call));
    assert!(user(COLLEAGUE).may_read(&story.call));
}

#[test]
fn the_creator_the_maker_and_administrators_may_manage() {
    let call = taken().call;
    assert!(user(CREATOR).may_manage(&call));
    assert!(user(BROKER).may_manage(&call));
    assert!(admin().may_manage(&call));
    assert!(!expert(EXPERT).may_manage(&call));
    assert!(!user(STRANGER).may_manage(&call));
}

#[test]
fn whoever_is_in_the_call_may_invite() {
    let call = taken().call;
    assert!(user(EXPERT).may_invite(&call));
    assert!(user(CREATOR).may_invite(&call));
    assert!(!user(COLLEAGUE).may_invite(&call), "invited, but not in the call");
    assert!(!user(STRANGER).may_invite(&call));
}

#[test]
fn a_guest_in_the_call_takes_part_and_decides_about_nobody_else() {
    let call = taken().call;
    let guest = Actor { guest: true, ..user(EXPERT) };
    assert!(guest.may_read(&call));
    assert!(!guest.may_invite(&call) && !guest.may_manage(&call));
    assert!(!Actor { expert: true, ..guest }.may_end(&call));
}

#[test]
fn a_guest_who_asked_for_the_call_may_call_it_off_and_nothing_more() {
    let call = taken().call;
    let guest = Actor { guest: true, ..user(CREATOR) };
    assert!(guest.may_read(&call) && guest.may_cancel(&call));
    assert!(!guest.may_manage(&call) && !guest.may_invite(&call) && !guest.may_end(&call));
    assert!(!user(EXPERT).may_cancel(&call) && admin().may_cancel(&call));
}

#[test]
fn the_creator_the_maker_joined_experts_and_administrators_may_end_for_all() {
    let call = taken().call;
    assert!(user(CREATOR).may_end(&call));
    assert!(user(BROKER).may_end(&call));
    assert!(admin().may_end(&call));
    assert!(expert(EXPERT).may_end(&call));
    assert!(!user(EXPERT).may_end(&call), "in the call, but no expert");
    assert!(!expert(COLLEAGUE).may_end(&call), "an expert, but not in the call");
    assert!(!expert(STRANGER).may_end(&call));
}
