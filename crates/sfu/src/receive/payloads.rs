//! What the payload types of a connection stand for.

use str0m::{
    format::{CodecSpec, PayloadParams},
    media::Pt,
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Payload {
    Media(CodecSpec),
    /// Sound with what came before it (RFC 2198), in ticks of this clock.
    Redundant {
        clock: u32,
    },
    /// Sent again (RFC 4588); of this payload type the first time.
    Repair {
        of: u8,
    },
}

impl Payload {
    /// Ticks of RTP time per second, for what comes by itself.
    pub(crate) fn clock(&self) -> Option<u32> {
        match self {
            Self::Media(spec) => Some(spec.clock_rate.get()),
            Self::Redundant { clock } => Some(*clock),
            Self::Repair { .. } => None,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Payloads(Vec<(u8, Payload)>);

impl Payloads {
    pub(crate) fn of(params: &[PayloadParams]) -> Self {
        let all = params.iter().flat_map(|params| {
            let (spec, payload_type) = (params.spec(), *params.pt());
            let media = Some((payload_type, Payload::Media(spec)));
            let named = |pt: Option<Pt>, payload| Some((*pt?, payload));
            let redundant = named(params.red(), Payload::Redundant { clock: spec.clock_rate.get() });
            let repair = named(params.resend(), Payload::Repair { of: payload_type });
            media.into_iter().chain(redundant).chain(repair)
        });
        Self(all.collect())
    }

    pub(crate) fn get(&self, payload_type: u8) -> Option<&Payload> {
        self.0.iter().find(|(known, _)| *known == payload_type).map(|(_, payload)| payload)
    }
}
