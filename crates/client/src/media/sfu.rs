//! What differs where the other end is the SFU: lines that only send, lines that only receive (slots), and offers that go to the server.

use std::{collections::HashMap, time::Instant};

use farhand_protocol::frame::{MediaTrack, Slot, Source};
use str0m::{
    channel::{ChannelConfig, Reliability},
    media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer},
};

use super::{
    MediaError,
    peer::{Other, Peer},
};
use crate::clip::Layer;

impl Peer {
    /// Makes its offer at once, with slots for so many people.
    pub(super) fn to_sfu(
        slots: usize,
        layers: &[Layer],
        tamper_fingerprint: bool,
        now: Instant,
    ) -> Result<Self, MediaError> {
        let mut peer = Self::bare(Other::Sfu(HashMap::new()), true, tamper_fingerprint, now)?;
        let mut change = peer.rtc.sdp_api();
        let audio = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let video = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast(layers));
        for _ in 0..slots {
            change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
            change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let lossy = ChannelConfig {
            label: "alive".to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        };
        peer.alive = Some(change.add_channel_with_config(lossy));
        let offer = change.apply();
        (peer.audio, peer.video) = (Some(audio), Some(video));
        peer.send_offer(offer)?;
        Ok(peer)
    }

    /// Echoed by the SFU.
    pub(super) fn say_alive(&mut self, now: Instant) -> Result<(), MediaError> {
        // Before the channel is open there is nothing to say it on.
        if let Some(mut channel) = self.alive.and_then(|id| self.rtc.channel(id)) {
            let _ = channel.write(false, b"alive");
        }
        self.advance(now)
    }

    pub(super) fn tracks(&self) -> Vec<MediaTrack> {
        let lines = [(self.audio, Source::Microphone), (self.video, Source::Camera)];
        lines.into_iter().filter_map(|(mid, source)| Some(MediaTrack { mid: mid?.to_string(), source })).collect()
    }

    pub(super) fn set_slots(&mut self, slots: &[Slot]) {
        if let Other::Sfu(known) = &mut self.other {
            *known = slots.iter().map(|slot| (Mid::from(slot.mid.as_str()), slot.contact)).collect();
        }
    }
}

fn simulcast(layers: &[Layer]) -> Option<Simulcast> {
    let mut simulcast = Simulcast::new();
    for layer in layers {
        simulcast.add_send_layer(SimulcastLayer::new(layer.rid));
    }
    (!layers.is_empty()).then_some(simulcast)
}
