//! Whom an invitation names: people by themselves, and teams as far as their people are not simply rung all at once.

use std::time::Duration;

use crate::{
    ids::{ContactId, TeamId},
    time::Timestamp,
};

/// Somebody to ring, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Invitee {
    pub contact: ContactId,
    pub ring_for: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Invited {
    pub people: Vec<Invitee>,
    /// Those who count as nobody.
    pub brokers: Vec<ContactId>,
    pub hunts: Vec<Hunt>,
    pub successors: Vec<Successor>,
}

impl Invited {
    /// People who are rung by themselves.
    pub fn people(people: impl IntoIterator<Item = Invitee>) -> Self {
        Self { people: people.into_iter().collect(), ..Self::default() }
    }
}

/// People of a team who are rung one after another: when one has not answered, the next is rung and the one before is not any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hunt {
    pub team: TeamId,
    pub order: Vec<ContactId>,
    /// How long each has.
    pub each: Duration,
}

/// A team that is asked if these people do not answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Successor {
    pub team: TeamId,
    pub of: Vec<ContactId>,
    /// How long the first of them has before the team is asked; none: until all of them have declined or missed the call.
    pub after: Option<Duration>,
    pub stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    Waits,
    /// It rings; the team is asked then.
    From {
        at: Timestamp,
    },
    /// The team is to be asked now. Who belongs to it has to come from outside ([`super::Event::TeamComes`]); the call waits until then.
    Due {
        until: Timestamp,
    },
}

impl Successor {
    pub fn is_due(&self) -> bool {
        match self.stage {
            Stage::Due { .. } => true,
            Stage::Waits | Stage::From { .. } => false,
        }
    }
}
