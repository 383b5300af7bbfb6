//! Who is shown where, as clients are told.

use farhand_domain::ids::{ContactId, DeviceId};
use farhand_protocol::frame::{LayerRate, ServerFrame, Slot, Source};
use farhand_sfu::{PeerId, Shown};

use super::{CallMedia, Connection};

impl CallMedia {
    /// What somebody's slots show, for a client that may have missed it.
    pub fn slots_of(&self, contact: ContactId, device: DeviceId) -> Option<&ServerFrame> {
        self.slots.get(&self.connection(contact, device)?.peer)
    }

    /// The frame a notice of changed slots becomes, and whom it is for.
    pub fn slots(
        &mut self,
        peer: PeerId,
        shown: &[Shown],
        missing: usize,
        rates: &[farhand_sfu::LayerRate],
    ) -> Option<(Connection, ServerFrame)> {
        let connection = *self.by_peer(peer)?;
        let slot = |shown: &Shown| {
            let contact = self.by_peer(shown.peer)?.contact.0;
            Some(Slot { mid: shown.mid.clone(), contact, source: source_name(shown.source) })
        };
        let frame = ServerFrame::Slots {
            call_id: self.call_id,
            epoch: connection.epoch,
            slots: shown.iter().filter_map(slot).collect(),
            missing: u32::try_from(missing).unwrap_or(u32::MAX),
            rates: rates.iter().map(rate).collect(),
        };
        self.slots.insert(peer, frame.clone());
        Some((connection, frame))
    }
}

fn rate(rate: &farhand_sfu::LayerRate) -> LayerRate {
    let kbit_per_second = u32::try_from(rate.bits / 1_000).unwrap_or(u32::MAX);
    LayerRate { rid: rate.rid.clone(), kbit_per_second }
}

pub(super) fn source(source: Source) -> farhand_sfu::Source {
    match source {
        Source::Microphone => farhand_sfu::Source::Microphone,
        Source::Camera => farhand_sfu::Source::Camera,
        Source::ScreenAudio => farhand_sfu::Source::ScreenAudio,
        Source::Screen => farhand_sfu::Source::Screen,
    }
}

fn source_name(source: farhand_sfu::Source) -> Source {
    match source {
        farhand_sfu::Source::Microphone => Source::Microphone,
        farhand_sfu::Source::Camera => Source::Camera,
        farhand_sfu::Source::ScreenAudio => Source::ScreenAudio,
        farhand_sfu::Source::Screen => Source::Screen,
    }
}
