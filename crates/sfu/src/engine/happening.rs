//! What comes out of a connection, whichever half of it says so.

use str0m::{Event, IceConnectionState, channel::ChannelId, media::Mid, net::Transmit};

use crate::{receive, send::Told};

/// What comes out.
#[derive(Debug)]
pub(crate) enum Happening {
    Send(Transmit),
    /// A packet of media, for wherever the other end is.
    Media(Vec<u8>),
    Packet(receive::Packet),
    Connected,
    PathLost,
    KeyframeWanted {
        mid: Mid,
    },
    Estimate(u64),
    /// How much of what was sent in the last second did not arrive, from 0 to 1.
    Loss(f32),
    ChannelOpened {
        id: ChannelId,
        label: String,
    },
    Said {
        id: ChannelId,
        binary: bool,
        data: Vec<u8>,
    },
    ChannelClosed {
        id: ChannelId,
    },
    Closed,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum of twenty events, most of them statistics")]
pub(super) fn happening(event: Event) -> Option<Happening> {
    match event {
        Event::Connected => Some(Happening::Connected),
        Event::IceConnectionStateChange(IceConnectionState::Disconnected) => Some(Happening::PathLost),
        Event::ChannelOpen(id, label) => Some(Happening::ChannelOpened { id, label }),
        Event::ChannelData(said) => Some(Happening::Said { id: said.id, binary: said.binary, data: said.data }),
        Event::ChannelClose(id) => Some(Happening::ChannelClosed { id }),
        Event::Closed => Some(Happening::Closed),
        _ => None,
    }
}

pub(super) fn happened(told: &Told) -> Option<Happening> {
    match *told {
        Told::KeyframeWanted(mid) => Some(Happening::KeyframeWanted { mid }),
        Told::Estimate(bits) => Some(Happening::Estimate(bits)),
        Told::Loss(share) => Some(Happening::Loss(share)),
        Told::Time { .. } => None,
    }
}
