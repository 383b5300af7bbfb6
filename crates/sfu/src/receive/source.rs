//! Where packets come from, and where they belong.

use str0m::media::{Mid, Rid};

use super::{Line, header::Header, payloads::Payload, stream::Stream, window::Window};

/// One SSRC of the other end's. It exists once a packet of it has proved to be that.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    /// What of it has come, sent again or not.
    pub(crate) came: Window,
    /// As soon as that is known.
    pub(crate) place: Option<Place>,
    /// If it is not one on which packets are sent again.
    pub(crate) stream: Option<Box<Stream>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mid: Mid,
    pub(crate) rid: Option<Rid>,
    /// What comes here was sent before, elsewhere.
    pub(crate) repairs: bool,
}

impl Source {
    pub(crate) fn new(ssrc: u32, seq: u64) -> Self {
        Self { ssrc, came: Window::before(seq), place: None, stream: None }
    }

    pub(crate) fn stream(&mut self, seq: u16, time: u32) -> &mut Stream {
        self.stream.get_or_insert_with(|| Box::new(Stream::new(u64::from(seq), time)))
    }
}

impl Place {
    /// By what the packet says of itself (RFC 8843, section 9.2; RFC 8852), else by what the offer said of its source.
    pub(crate) fn find(lines: &[Line], header: &Header<'_>, payload: Payload) -> Option<Self> {
        let Some(mid) = header.said.mid else { return Self::named(lines, header.ssrc) };
        let mid = Mid::from(mid);
        let line = lines.iter().find(|line| line.mid == mid)?;
        let repairs = matches!(payload, Payload::Repair { .. });
        if line.rids.is_empty() {
            return Some(Self { mid, rid: None, repairs });
        }
        let (rid, repairs) = match (header.said.rid, header.said.repaired) {
            (Some(rid), _) => (rid, false),
            (None, repaired) => (repaired?, true),
        };
        let rid = Some(Rid::from(rid)).filter(|rid| line.rids.contains(rid))?;
        Some(Self { mid, rid: Some(rid), repairs })
    }

    fn named(lines: &[Line], ssrc: u32) -> Option<Self> {
        lines.iter().find_map(|line| {
            let (main, _) = line.sources.iter().find(|(main, repair)| *main == ssrc || *repair == Some(ssrc))?;
            Some(Self { mid: line.mid, rid: None, repairs: *main != ssrc })
        })
    }
}
