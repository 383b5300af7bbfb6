//! The machine as the exploration sees it: the real one, or one broken on purpose.

use crate::{
    call::{Call, Effect, Event, Handled, Invited, MediaPlan, Terms},
    ids::{ContactId, DeviceId},
    policy::Policy,
    time::Timestamp,
};

pub(super) trait Machine {
    fn create(
        &self,
        policy: &Policy,
        now: Timestamp,
        terms: Terms,
        invited: &Invited,
        joined: Option<DeviceId>,
    ) -> (Call, Vec<Effect>) {
        Call::create(policy, now, terms, invited, joined)
    }

    fn handle(&self, call: &mut Call, policy: &Policy, now: Timestamp, event: Event) -> Handled {
        call.handle(policy, now, event)
    }

    fn next_wake(&self, call: &Call, policy: &Policy) -> Option<Timestamp> {
        call.next_wake(policy)
    }

    fn media_plan(&self, call: &Call, contact: ContactId) -> Option<MediaPlan> {
        call.media_plan(contact)
    }
}

pub(super) struct Sound;

impl Machine for Sound {}
