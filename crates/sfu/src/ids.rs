//! Names of rooms and peers, given by whoever runs the [`crate::Sfu`].

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u128);

/// One connection of one participant: never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// What a track shows or tells. A peer sends each at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    Microphone,
    Camera,
    /// The sound of a shared screen.
    ScreenAudio,
    Screen,
}

impl Source {
    pub fn is_video(self) -> bool {
        match self {
            Self::Camera | Self::Screen => true,
            Self::Microphone | Self::ScreenAudio => false,
        }
    }
}
