//! One message to one person outside of the calls' own connections: what has become of it, by everything that was heard of it so far.
//! Reports may come late, twice and in any order.

use std::time::Duration;

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    Email,
    Sms,
    Push,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Email, Self::Sms, Self::Push];

    /// As it is written down and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Whether what may have been sent is sent again. Mail and push carry an identifier by which a second copy is known as one; a second
    /// text message costs money and trust.
    pub fn repeats(self) -> bool {
        match self {
            Self::Email | Self::Push => true,
            Self::Sms => false,
        }
    }
}

/// In the order of what outweighs what: of two reports the later in this list counts, whichever came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for its turn, the first or another one.
    Queued,
    /// In flight: whoever stops now does not know whether it was sent.
    Sending,
    /// Its time had passed before it could be sent.
    Expired,
    /// Nobody needs it any more; it was not sent.
    Cancelled,
    /// It may have been sent.
    Uncertain,
    /// The next server or gateway has taken it.
    Sent,
    /// Refused for good.
    Failed,
    /// The gateway says that it has arrived.
    Delivered,
    /// The person has opened it.
    Seen,
    /// The person has joined.
    Answered,
    /// There is nothing to send it by.
    NotConfigured,
    /// The person is not to be reached in this way now.
    HeldBack,
}

impl State {
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Sending,
        Self::Expired,
        Self::Cancelled,
        Self::Uncertain,
        Self::Sent,
        Self::Failed,
        Self::Delivered,
        Self::Seen,
        Self::Answered,
        Self::NotConfigured,
        Self::HeldBack,
    ];

    /// As it is written down and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Seen => "seen",
            Self::Answered => "answered",
            Self::NotConfigured => "notConfigured",
            Self::HeldBack => "heldBack",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// What still has to be sent, or is being sent.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    /// Nobody tries any more, and it may not have come.
    pub fn is_dead(self) -> bool {
        matches!(self, Self::Failed | Self::Uncertain | Self::Expired)
    }

    /// It was sent, or may have been.
    pub fn is_out(self) -> bool {
        self >= Self::Uncertain && !self.is_never_sent() || self == Self::Sending
    }

    fn is_never_sent(self) -> bool {
        matches!(self, Self::NotConfigured | Self::HeldBack)
    }
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Somebody sends it now.
    Claimed,
    /// The next server or gateway took it.
    Accepted,
    /// It will never be taken.
    Refused,
    /// It was certainly not taken, and may be later.
    TryLater,
    /// Nobody knows whether it was taken.
    Lost,
    /// By the gateway, afterwards.
    ReportedDelivered,
    ReportedFailed,
    Opened,
    /// Whether because of it or not.
    Joined,
    /// Whoever was to send it has not, and nobody will.
    TooLate,
    /// Nobody need take it up any more.
    NotNeeded,
}

impl State {
    #[must_use]
    pub fn after(self, channel: Channel, fact: Fact) -> Self {
        if self.is_never_sent() {
            return self;
        }
        let only_from = |from: Self, to: Self| if self == from { to } else { self };
        match fact {
            Fact::Claimed => only_from(Self::Queued, Self::Sending),
            Fact::TryLater => only_from(Self::Sending, Self::Queued),
            Fact::Lost if channel.repeats() => only_from(Self::Sending, Self::Queued),
            Fact::Lost => only_from(Self::Sending, Self::Uncertain),
            Fact::TooLate if self.is_open() => Self::Expired,
            Fact::NotNeeded => only_from(Self::Queued, Self::Cancelled),
            Fact::Accepted => self.max(Self::Sent),
            Fact::Refused | Fact::ReportedFailed => self.max(Self::Failed),
            Fact::ReportedDelivered => self.max(Self::Delivered),
            Fact::Opened => self.max(Self::Seen),
            Fact::Joined if self.is_out() => Self::Answered,
            Fact::TooLate | Fact::Joined => self,
        }
    }
}

/// How long to wait after so many tries that came to nothing.
pub fn pause_after(tries: u32) -> Duration {
    const SECONDS: [u64; 7] = [5, 15, 60, 180, 300, 900, 3_600];
    let last = SECONDS.len() - 1;
    let index = usize::try_from(tries.saturating_sub(1)).unwrap_or(last).min(last);
    Duration::from_secs(SECONDS[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each state becomes by a fact, in the order of [`State::ALL`]; `.` means: stays.
    fn row(channel: Channel, fact: Fact) -> String {
        let short = |state: State| char::from(b"qsxcuSFDOAnh"[State::ALL.iter().position(|s| *s == state).unwrap()]);
        let after = |state: State| Some(state.after(channel, fact)).filter(|after| *after != state);
        State::ALL.into_iter().map(|state| after(state).map_or('.', short)).collect()
    }

    #[test]
    fn every_fact_in_every_state() {
        let table = [
            (Fact::Claimed, "s..........."),
            (Fact::TryLater, ".q.........."),
            (Fact::TooLate, "xx.........."),
            (Fact::NotNeeded, "c..........."),
            (Fact::Accepted, "SSSSS......."),
            (Fact::Refused, "FFFFFF......"),
            (Fact::ReportedFailed, "FFFFFF......"),
            (Fact::ReportedDelivered, "DDDDDDD....."),
            (Fact::Opened, "OOOOOOOO...."),
            (Fact::Joined, ".A..AAAAA..."),
        ];
        for channel in Channel::ALL {
            for (fact, expected) in table {
                assert_eq!(row(channel, fact), expected, "{channel:?} {fact:?}");
            }
        }
        assert_eq!(row(Channel::Email, Fact::Lost), ".q..........");
        assert_eq!(row(Channel::Push, Fact::Lost), ".q..........");
        assert_eq!(row(Channel::Sms, Fact::Lost), ".u..........", "never twice");
    }

    #[test]
    fn the_order_of_reports_does_not_matter() {
        let reports =
            [Fact::Accepted, Fact::ReportedFailed, Fact::ReportedDelivered, Fact::Opened, Fact::Joined, Fact::Accepted];
        let hear =
            |state: State, order: &[Fact]| order.iter().fold(state, |state, fact| state.after(Channel::Sms, *fact));
        for state in [State::Sending, State::Uncertain, State::Sent] {
            for from in 0..reports.len() {
                for to in from..=reports.len() {
                    let some = &reports[from..to];
                    let backwards: Vec<_> = some.iter().rev().copied().collect();
                    assert_eq!(hear(state, some), hear(state, &backwards), "{state:?} {some:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert!(State::ALL.is_sorted(), "in the order of what outweighs what");
        assert!(State::ALL.into_iter().all(|state| State::named(state.name()) == Some(state)));
        assert!(Channel::ALL.into_iter().all(|channel| Channel::named(channel.name()) == Some(channel)));
        assert_eq!((State::named("lost"), Channel::named("telex")), (None, None));
    }

    #[test]
    fn pauses_grow_up_to_an_hour() {
        assert_eq!(
            [0, 1, 2, 7, 8, u32::MAX].map(|tries| pause_after(tries).as_secs()),
            [5, 5, 15, 3_600, 3_600, 3_600]
        );
    }
}
