//! A call told step by step. Steps panic where they are refused; what must be refused is said with [`Story::refused`].

use std::time::Duration;

use crate::{
    call::{
        Call, Claim, Effect, EndReason, Event, Hunt, Invited, Invitee, Line, LogKind, Note, Phase, Place, Refusal,
        Request, Stage, Successor, Technology, Terms,
    },
    ids::{ContactId, DeviceId, TeamId},
    policy::Policy,
    time::Timestamp,
};

pub(super) const CREATOR: ContactId = ContactId(1);
pub(super) const EXPERT: ContactId = ContactId(2);
pub(super) const COLLEAGUE: ContactId = ContactId(3);
pub(super) const BROKER: ContactId = ContactId(4);
pub(super) const LATECOMER: ContactId = ContactId(5);
pub(super) const STRANGER: ContactId = ContactId(9);

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
/// Long after 1970, so that a mix-up of times and durations shows.
pub(super) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(super) fn device(contact: ContactId) -> DeviceId {
    DeviceId(u128::from(contact.0.unsigned_abs()) * 10)
}

pub(super) fn second_device(contact: ContactId) -> DeviceId {
    DeviceId(device(contact).0 + 1)
}

pub(super) fn by_popup(contact: ContactId) -> Invitee {
    Invitee { contact, ring_for: Policy::default().popup_ring }
}

pub(super) fn by_mail(contact: ContactId) -> Invitee {
    Invitee { contact, ring_for: Policy::default().message_ring }
}

pub(super) const TURN: Duration = Duration::from_secs(20);
pub(super) const DAY_TEAM: TeamId = TeamId(1);
pub(super) const NIGHT_TEAM: TeamId = TeamId(2);

pub(super) fn hunt(order: &[ContactId]) -> Hunt {
    Hunt { team: DAY_TEAM, order: order.to_vec(), each: TURN }
}

pub(super) fn then(team: TeamId, of: &[ContactId], after: Option<Duration>) -> Successor {
    Successor { team, of: of.to_vec(), after, stage: Stage::Waits }
}

pub(super) fn request_in(teams: &[(i64, Duration)], expires_in: Duration) -> Request {
    let line =
        |(team, after): &(i64, Duration)| Line { team: TeamId(*team), since: START + *after, entered: after.is_zero() };
    Request {
        lines: teams.iter().map(line).collect(),
        expires_at: START + expires_in,
        claim: Claim::Open,
        promise: None,
    }
}

/// What is asked for; the rest is filled in by [`Plan::make`].
pub(super) struct Plan {
    pub(super) technology: Technology,
    pub(super) brokered: bool,
    pub(super) planned_in: Option<Duration>,
    pub(super) invitees: Vec<Invitee>,
    pub(super) joined: bool,
    pub(super) max_participants: usize,
    pub(super) hunts: Vec<Hunt>,
    pub(super) successors: Vec<Successor>,
    pub(super) request: Option<Request>,
}

impl Plan {
    pub(super) fn mesh(invitees: &[ContactId]) -> Self {
        Self {
            technology: Technology::Mesh,
            brokered: false,
            planned_in: None,
            invitees: invitees.iter().copied().map(by_popup).collect(),
            joined: false,
            max_participants: 2,
            hunts: Vec::new(),
            successors: Vec::new(),
            request: None,
        }
    }

    pub(super) fn sfu(invitees: &[ContactId], max_participants: usize) -> Self {
        Self { technology: Technology::Sfu, max_participants, ..Self::mesh(invitees) }
    }

    pub(super) fn brokered(self) -> Self {
        Self { brokered: true, ..self }
    }

    /// Rung one after another, twenty seconds each.
    pub(super) fn in_turn(self, order: &[ContactId]) -> Self {
        Self { hunts: vec![hunt(order)], ..self }
    }

    /// The team is asked if these people do not answer.
    pub(super) fn then(self, team: TeamId, of: &[ContactId], after: Option<Duration>) -> Self {
        Self { successors: [self.successors, vec![then(team, of, after)]].concat(), ..self }
    }

    pub(super) fn planned_in(self, time: Duration) -> Self {
        Self { planned_in: Some(time), ..self }
    }

    /// A service request that waits in the queues of teams, each from its time on, until it expires.
    pub(super) fn request(self, teams: &[(i64, Duration)], expires_in: Duration) -> Self {
        Self { request: Some(request_in(teams, expires_in)), ..self }
    }

    /// Created and joined in one step, as our own client does.
    pub(super) fn joined(self) -> Self {
        Self { joined: true, ..self }
    }

    pub(super) fn make(self) -> Story {
        let policy = Policy { max_participants: self.max_participants, ..Policy::default() };
        let brokers = if self.brokered { vec![BROKER] } else { Vec::new() };
        let Self { hunts, successors, .. } = self;
        let invited = Invited { people: self.invitees, brokers, hunts, successors };
        let terms = Terms {
            technology: self.technology,
            creator: CREATOR,
            maker: if self.brokered { BROKER } else { CREATOR },
            brokered: self.brokered,
            popup: true,
            planned_at: self.planned_in.map(|time| START + time),
            created_at: START,
            request: self.request,
        };
        let joined = self.joined.then(|| device(CREATOR));
        let (call, effects) = Call::create(&policy, START, terms, &invited, joined);
        let mut story = Story { policy, now: START, call, log: Vec::new(), history: Vec::new(), moved: Vec::new() };
        story.record(&effects);
        story
    }
}

pub(super) struct Story {
    pub(super) policy: Policy,
    pub(super) now: Timestamp,
    pub(super) call: Call,
    pub(super) log: Vec<(LogKind, ContactId)>,
    pub(super) history: Vec<(Note, ContactId)>,
    /// Devices that were told that their seat is elsewhere.
    pub(super) moved: Vec<(ContactId, DeviceId)>,
}

impl Story {
    fn record(&mut self, effects: &[Effect]) {
        for effect in effects {
            match *effect {
                Effect::Log { kind, contact } => self.log.push((kind, contact)),
                Effect::Note { note, contact } => self.history.push((note, contact)),
                Effect::SeatMoved { contact, from } => self.moved.push((contact, from)),
            }
        }
    }

    pub(super) fn tell(&mut self, event: Event) -> Vec<Effect> {
        let told = format!("{event:?}");
        match self.call.handle(&self.policy, self.now, event) {
            Ok(effects) => {
                self.record(&effects);
                effects
            }
            Err(refusal) => panic!("{told} was refused: {refusal:?}"),
        }
    }

    pub(super) fn refused(&mut self, event: Event) -> Refusal {
        let before = self.call.clone();
        let told = format!("{event:?}");
        let Err(refusal) = self.call.handle(&self.policy, self.now, event) else {
            panic!("{told} was accepted");
        };
        assert_eq!(self.call, before);
        refusal
    }

    pub(super) fn joins(&mut self, contact: ContactId) -> Vec<Effect> {
        self.tell(join(contact))
    }

    pub(super) fn joins_on(&mut self, contact: ContactId, device: DeviceId, rejoin: Option<u64>) -> Vec<Effect> {
        self.tell(Event::Join { contact, device, rejoin })
    }

    pub(super) fn declines(&mut self, contact: ContactId) -> Vec<Effect> {
        self.tell(Event::Decline { contact })
    }

    pub(super) fn leaves(&mut self, contact: ContactId) -> Vec<Effect> {
        self.tell(Event::Leave { contact })
    }

    pub(super) fn loses_connection(&mut self, contact: ContactId) -> Vec<Effect> {
        self.tell(Event::ConnectionLost { contact, device: device(contact) })
    }

    pub(super) fn connection_is_back(&mut self, contact: ContactId) -> Vec<Effect> {
        self.tell(Event::ConnectionBack { contact, device: device(contact) })
    }

    pub(super) fn rings_again(&mut self, contact: ContactId) -> Vec<Effect> {
        self.tell(Event::RingAgain { contact })
    }

    pub(super) fn invites(&mut self, people: &[Invitee]) -> Vec<Effect> {
        self.tell(Event::Invite(Invited::people(people.iter().copied())))
    }

    /// Lets time pass, with a `Tick` whenever the call asked for one.
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.call.next_wake(&self.policy).filter(|wake| *wake <= until) {
            self.now = wake;
            self.tell(Event::Tick);
        }
        self.now = until;
    }

    pub(super) fn wait_all_but_a_second(&mut self, time: Duration) {
        self.wait(time.saturating_sub(SECOND));
    }

    pub(super) fn rung(&self) -> Vec<ContactId> {
        self.call.rings().into_iter().map(|ring| ring.contact).collect()
    }

    pub(super) fn place(&self, contact: ContactId) -> Place {
        let Some(place) = self.call.place(contact) else { panic!("{contact:?} has no place") };
        place
    }

    pub(super) fn end_reason(&self) -> Option<EndReason> {
        match self.call.state().phase {
            Phase::Ended { reason } => Some(reason),
            Phase::Planned { .. } | Phase::Started { .. } => None,
        }
    }

    pub(super) fn seated(&self) -> Vec<ContactId> {
        self.call.seated().into_iter().map(|(contact, _)| contact).collect()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.call.state().epoch
    }
}

pub(super) fn join(contact: ContactId) -> Event {
    Event::Join { contact, device: device(contact), rejoin: None }
}
