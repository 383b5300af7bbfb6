//! What can happen next to a call: every kind of event, to everybody it may concern, now or when a deadline has passed.

use std::time::Duration;

use super::{
    setups::Setup,
    story::{DAY_TEAM, HOUR, MINUTE, NIGHT_TEAM, STRANGER, by_popup, device, hunt, second_device},
};
use crate::{
    call::{Absence, Call, Event, HandOverTo, Invited, Invitee},
    ids::ContactId,
    time::Timestamp,
};

/// Divides all times of the policy, so that histories that differ only in the order of waits meet again.
const LITTLE: Duration = Duration::from_secs(15);

/// A new variant of [`Event`] does not compile before it stands in the list below, and then not before
/// [`Letters::of_kind`] has letters for it.
macro_rules! kinds {
    ($($kind:ident),*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Kind { $($kind),* }

        impl Kind {
            pub(super) const ALL: &[Self] = &[$(Self::$kind),*];

            pub(super) fn of(event: &Event) -> Self {
                match event { $(Event::$kind { .. } => Self::$kind),* }
            }
        }
    };
}

kinds!(
    Join,
    Decline,
    Leave,
    End,
    Cancel,
    ConnectionLost,
    ConnectionBack,
    PathFailed,
    Invite,
    TeamComes,
    PassOver,
    RingAgain,
    Reschedule,
    Start,
    Claim,
    PromiseCallBack,
    HandOver,
    Recovered,
    Tick
);

pub(super) type Letter = (Timestamp, Event);

/// All letters that make sense in this state; those that ought to be refused or ignored are among them.
pub(super) fn letters(setup: &Setup, call: &Call, now: Timestamp, wake: Option<Timestamp>) -> Vec<Letter> {
    let mut letters = Letters { setup, call, now, wake, all: Vec::with_capacity(64) };
    for kind in Kind::ALL {
        letters.of_kind(*kind);
    }
    letters.all
}

struct Letters<'a> {
    setup: &'a Setup,
    call: &'a Call,
    now: Timestamp,
    wake: Option<Timestamp>,
    all: Vec<Letter>,
}

impl Letters<'_> {
    fn of_kind(&mut self, kind: Kind) {
        match kind {
            Kind::Join => self.joins(),
            Kind::Decline => self.for_everybody(|contact| Event::Decline { contact }),
            Kind::Leave => self.for_everybody(|contact| Event::Leave { contact }),
            Kind::End => self.at_once(Event::End { by: self.call.maker() }),
            Kind::Cancel => self.at_once(Event::Cancel { by: self.call.maker() }),
            Kind::ConnectionLost => {
                self.for_everybody(|contact| Event::ConnectionLost { contact, device: device(contact) });
                let contact = self.mover();
                self.at_once(Event::ConnectionLost { contact, device: second_device(contact) });
            }
            Kind::ConnectionBack => {
                self.for_everybody(|contact| Event::ConnectionBack { contact, device: device(contact) });
                let contact = self.mover();
                self.at_once(Event::ConnectionBack { contact, device: second_device(contact) });
                self.after_a_deadline(Event::ConnectionBack { contact, device: device(contact) });
            }
            Kind::PathFailed => {
                let epoch = self.call.state().epoch;
                self.for_everybody(|contact| Event::PathFailed { contact, epoch });
                self.at_once(Event::PathFailed { contact: self.mover(), epoch: epoch.saturating_sub(1) });
            }
            Kind::Invite => self.invitations(),
            Kind::TeamComes => self.teams(),
            Kind::PassOver => {
                let somebody = self.call.in_turn().first().copied().unwrap_or(STRANGER);
                self.at_once(Event::PassOver { contact: somebody, why: Absence::NotThere });
            }
            Kind::RingAgain => {
                self.for_everybody(|contact| Event::RingAgain { contact });
                self.after_a_deadline(Event::RingAgain { contact: self.call.creator() });
            }
            Kind::Reschedule => self.reschedules(),
            Kind::Start => self.at_once(Event::Start),
            Kind::Claim => self.claims(),
            Kind::PromiseCallBack => self.promises(),
            Kind::HandOver => self.hand_overs(),
            Kind::Recovered => self.recoveries(),
            Kind::Tick => self.ticks(),
        }
    }

    fn at_once(&mut self, event: Event) {
        self.all.push((self.now, event));
    }

    /// The event overtakes the `Tick` that was due.
    fn after_a_deadline(&mut self, event: Event) {
        self.all.extend(self.wake.map(|wake| (wake + LITTLE, event)));
    }

    fn for_everybody(&mut self, event: impl Fn(ContactId) -> Event) {
        let brokers = self.setup.brokers.clone();
        for contact in self.setup.people().into_iter().chain(brokers).chain([STRANGER]) {
            self.at_once(event(contact));
        }
    }

    /// One person with a second device is enough.
    fn mover(&self) -> ContactId {
        self.setup.invitees.first().map_or(self.call.creator(), |invitee| invitee.contact)
    }

    fn joins(&mut self) {
        self.for_everybody(|contact| Event::Join { contact, device: device(contact), rejoin: None });
        let plan_of = |call: &Call, contact| call.media_plan(contact).map_or(call.state().epoch, |plan| plan.epoch);
        for contact in self.setup.people() {
            let epoch = plan_of(self.call, contact);
            match self.call.seat(contact) {
                Some(seat) => self.at_once(Event::Join { contact, device: seat.device, rejoin: Some(epoch) }),
                None => self.after_a_deadline(Event::Join { contact, device: device(contact), rejoin: None }),
            }
        }
        let contact = self.mover();
        let device = second_device(contact);
        let epoch = plan_of(self.call, contact);
        self.at_once(Event::Join { contact, device, rejoin: None });
        self.at_once(Event::Join { contact, device, rejoin: Some(epoch) });
        self.at_once(Event::Join { contact, device, rejoin: epoch.checked_sub(1) });
    }

    fn invitations(&mut self) {
        let of = |people: Vec<Invitee>| Event::Invite(Invited::people(people));
        for invitee in self.setup.later.iter().chain(self.setup.invitees.first()) {
            self.at_once(of(vec![*invitee]));
        }
        // A team may hold the creator and a broker.
        let ring_for = self.setup.policy.popup_ring;
        let nobodies = [self.call.creator()].into_iter().chain(self.setup.brokers.first().copied());
        self.at_once(of(nobodies.map(|contact| Invitee { contact, ring_for }).collect()));
        let brokers = self.setup.brokers.clone();
        self.at_once(Event::Invite(Invited { brokers, ..Invited::default() }));
        if !self.setup.hunts.is_empty() {
            self.at_once(Event::Invite(self.in_turn()));
        }
    }

    /// Everybody who can be invited, as a team.
    fn in_turn(&self) -> Invited {
        let people: Vec<_> = self.setup.later.iter().chain(self.setup.invitees.first()).copied().collect();
        let order: Vec<_> = people.iter().map(|invitee| invitee.contact).collect();
        Invited { people, hunts: vec![hunt(&order)], ..Invited::default() }
    }

    fn teams(&mut self) {
        let all = self.in_turn();
        self.at_once(Event::TeamComes { team: DAY_TEAM, invited: all.clone() });
        if self.call.due_teams().next().is_some() {
            for invited in [all, Invited::default()] {
                self.at_once(Event::TeamComes { team: NIGHT_TEAM, invited });
            }
        }
    }

    fn reschedules(&mut self) {
        self.at_once(Event::Reschedule { planned_at: self.now + 20 * MINUTE });
        if self.setup.terms.planned_at.is_some() {
            self.at_once(Event::Reschedule { planned_at: self.now - MINUTE });
            self.at_once(Event::Reschedule { planned_at: self.now - HOUR });
        }
    }

    /// By everybody but strangers: those are kept out before.
    fn claims(&mut self) {
        let brokers = self.setup.brokers.clone();
        for contact in self.setup.people().into_iter().chain(brokers) {
            self.at_once(Event::Claim { by: by_popup(contact) });
        }
        if self.setup.terms.request.is_some() {
            self.after_a_deadline(Event::Claim { by: by_popup(self.mover()) });
        }
    }

    fn promises(&mut self) {
        let due = self.now + 20 * MINUTE;
        self.at_once(Event::PromiseCallBack { by: by_popup(self.call.creator()), due });
        if self.setup.terms.request.is_some() {
            self.at_once(Event::PromiseCallBack { by: by_popup(self.mover()), due });
            self.at_once(Event::PromiseCallBack { by: by_popup(self.mover()), due: self.now - MINUTE });
        }
    }

    /// Where no request is, one that is refused is enough: it is a ring like others.
    fn hand_overs(&mut self) {
        let creator = self.call.creator();
        self.at_once(Event::HandOver { from: creator, to: HandOverTo::Person(by_popup(self.mover())) });
        let Some(request) = self.setup.terms.request.clone() else { return };
        for contact in self.setup.people() {
            self.at_once(Event::HandOver { from: self.mover(), to: HandOverTo::Person(by_popup(contact)) });
        }
        let to = HandOverTo::Queue { lines: request.lines, expires_at: self.now + 20 * MINUTE };
        self.at_once(Event::HandOver { from: self.mover(), to });
    }

    fn recoveries(&mut self) {
        self.at_once(Event::Recovered);
        self.all.extend(self.wake.map(|wake| (wake + 2 * HOUR, Event::Recovered)));
    }

    fn ticks(&mut self) {
        self.all.push((self.now + LITTLE, Event::Tick));
        self.all.extend(self.wake.map(|wake| (wake, Event::Tick)));
        self.after_a_deadline(Event::Tick);
    }
}
