//! What a message is about.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It rings. All others outlive the ring.
    Ring,
    /// One more to somebody who was told already.
    Again,
    /// An invitation to a call at a later time.
    Planned,
    /// The call has another time or title than the invitation says.
    Moved,
    /// It was called off.
    Cancelled,
    /// It begins soon.
    Reminder,
    /// It rings no more; for browsers that show that it does.
    RingEnd,
    /// A promise to call back is to be kept now.
    CallBack,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Ring,
        Self::Again,
        Self::Planned,
        Self::Moved,
        Self::Cancelled,
        Self::Reminder,
        Self::RingEnd,
        Self::CallBack,
    ];

    /// As it is written down and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Again => "again",
            Self::Planned => "planned",
            Self::Moved => "moved",
            Self::Cancelled => "cancelled",
            Self::Reminder => "reminder",
            Self::RingEnd => "ringEnd",
            Self::CallBack => "callBack",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whoever has got it knows of the call, and when it is.
    pub fn invites(self) -> bool {
        match self {
            Self::Again | Self::Planned | Self::Moved => true,
            Self::Ring | Self::Cancelled | Self::Reminder | Self::RingEnd | Self::CallBack => false,
        }
    }

    /// Whether it is sent of a call that has ended.
    pub fn outlives_the_call(self) -> bool {
        match self {
            Self::Cancelled | Self::RingEnd => true,
            Self::Ring | Self::Again | Self::Planned | Self::Moved | Self::Reminder | Self::CallBack => false,
        }
    }
}
