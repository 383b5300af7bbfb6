//! The receive half of a connection: packets of media that come in are opened, told apart and passed on once each, what does not come is asked for
//! again, and the other end is told what arrived and when. Nothing is kept of a packet that is not the other end's.

mod arrivals;
mod header;
mod missing;
mod payloads;
mod source;
mod stream;
mod window;
mod write;

#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    format::{CodecSpec, PayloadParams},
    media::{Mid, Rid},
    rtp::ExtensionMap,
};

use self::{
    arrivals::{Arrivals, Arrived},
    header::{Header, Ids, unpadded},
    missing::Span,
    payloads::{Payload, Payloads},
    source::{Place, Source},
    write::MOST_BLOCKS,
};
use crate::send::{Keys, Opener, provider};

/// Two for each layer of each line are usual; the rest is for encoders that start anew.
const MAX_SOURCES: usize = 128;
/// Gaps that are looked at for what may have to be sent again. A sender that loses a third of three layers has some fifty; who makes up more finds
/// that what was lost there is excused at once, and nothing that takes long.
const MOST_SPANS: usize = 256;
/// How often senders are told how much of their streams arrives.
const REPORTS: Duration = Duration::from_secs(1);

/// A packet of media as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) mid: Mid,
    pub(crate) rid: Option<Rid>,
    pub(crate) ssrc: u32,
    /// These do not wrap.
    pub(crate) seq: u64,
    pub(crate) time: u64,
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    /// RFC 6464: loudness, and whether it is a voice.
    pub(crate) level: Option<u8>,
    pub(crate) orientation: Option<u8>,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) at: Instant,
}

/// A line on which the other end sends, as it was agreed upon.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) mid: Mid,
    pub(crate) video: bool,
    pub(crate) rids: Vec<Rid>,
    /// What the offer names: sources, and those on which their packets are sent again.
    pub(crate) sources: Vec<(u32, Option<u32>)>,
}

pub(crate) struct Receiver {
    keys: Keys,
    opener: Option<Opener>,
    ids: Ids,
    payloads: Payloads,
    lines: Vec<Line>,
    sources: Vec<Source>,
    arrivals: Arrivals,
    /// Sources that are to be asked for a key frame.
    wanted: Vec<u32>,
    start: Instant,
    next_request: Option<Instant>,
    next_report: Option<Instant>,
    /// Reused for what is opened.
    plain: Vec<u8>,
}

impl Receiver {
    pub(crate) fn new(now: Instant, keys: Keys) -> Self {
        Self {
            keys,
            opener: None,
            ids: Ids::default(),
            payloads: Payloads::default(),
            lines: Vec::new(),
            sources: Vec::new(),
            arrivals: Arrivals::new(now),
            wanted: Vec::new(),
            start: now,
            next_request: None,
            next_report: None,
            plain: Vec::new(),
        }
    }

    /// What was agreed upon, all of it, for the first time or once more.
    pub(crate) fn agree<'a>(
        &mut self,
        lines: Vec<Line>,
        params: &[PayloadParams],
        extensions: impl Iterator<Item = &'a ExtensionMap>,
    ) {
        self.ids = Ids::default();
        extensions.for_each(|map| self.ids.learn(map));
        self.payloads = Payloads::of(params);
        self.lines = lines;
        for source in &mut self.sources {
            source.place = source.place.filter(|place| self.lines.iter().any(|line| line.mid == place.mid));
        }
    }

    /// The codec of a payload type that comes by itself.
    pub(crate) fn codec(&self, payload_type: u8) -> Option<CodecSpec> {
        match self.payloads.get(payload_type)? {
            Payload::Media(spec) => Some(*spec),
            Payload::Redundant { .. } | Payload::Repair { .. } => None,
        }
    }

    /// Whether packets of this type carry redundant sound.
    pub(crate) fn is_redundant(&self, payload_type: u8) -> bool {
        matches!(self.payloads.get(payload_type), Some(Payload::Redundant { .. }))
    }

    /// The packet in a datagram, if it is the other end's, came for the first time, and belongs somewhere.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Option<Packet> {
        let header = Header::read(datagram, self.ids)?;
        let payload = *self.payloads.get(header.payload_type)?;
        let index = self.open(datagram, &header)?;
        let number = header.said.number.and_then(|number| {
            let ends = header.marker || header.said.level.is_some();
            let arrived = Arrived { number, sent: header.said.sent, bytes: datagram.len(), ends };
            self.arrivals.came(now, &arrived)
        });
        let place = self.place(index, &header, payload)?;
        let plain = std::mem::take(&mut self.plain);
        let packet = unpadded(&plain, header.padded).and_then(|contents| match (place.repairs, payload) {
            (true, Payload::Repair { of }) => self.repaired(now, place, &header, of, contents),
            // Filling may go by the name of the media it fills.
            (true, _) | (false, Payload::Repair { .. }) => None,
            (false, _) => self.first_sent(now, index, &header, (number, payload.clock()?), contents),
        });
        self.plain = plain;
        packet
    }

    /// The source of a packet that was opened into `plain`. It is the other end's then, and new.
    fn open(&mut self, datagram: &[u8], header: &Header<'_>) -> Option<usize> {
        if self.opener.is_none() {
            self.opener = self.keys.get().and_then(|agreed| Opener::new(provider(), agreed));
        }
        let known = self.sources.iter().position(|source| source.ssrc == header.ssrc);
        let seq = match known {
            Some(index) => self.sources[index].came.expects(header.seq)?,
            None if self.sources.len() < MAX_SOURCES => u64::from(header.seq),
            None => return None,
        };
        let opener = self.opener.as_mut()?;
        opener.open(datagram, header.length, header.ssrc, seq, &mut self.plain)?;
        let index = known.unwrap_or(self.sources.len());
        if index == self.sources.len() {
            self.sources.push(Source::new(header.ssrc, seq));
        }
        self.sources[index].came.take(seq);
        Some(index)
    }

    fn place(&mut self, index: usize, header: &Header<'_>, payload: Payload) -> Option<Place> {
        let source = &mut self.sources[index];
        if source.place.is_none() {
            source.place = Place::find(&self.lines, header, payload);
        }
        source.place
    }

    /// A packet that came by itself.
    fn first_sent(
        &mut self,
        now: Instant,
        index: usize,
        header: &Header<'_>,
        (number, clock): (Option<u64>, u32),
        contents: &[u8],
    ) -> Option<Packet> {
        let elapsed = now.saturating_duration_since(self.start);
        let source = &mut self.sources[index];
        let stream = source.stream(header.seq, header.time);
        stream.count(elapsed, clock, header.time);
        self.next_report.get_or_insert(now + REPORTS);
        self.pass(now, index, header, (header.seq, number), header.payload_type, contents)
    }

    /// A packet that was sent again: it starts with the number it had (RFC 4588, section 4).
    fn repaired(&mut self, now: Instant, place: Place, header: &Header<'_>, of: u8, contents: &[u8]) -> Option<Packet> {
        let ([high, low], contents) = contents.split_first_chunk::<2>()?;
        let main = self.lines.iter().flat_map(|line| &line.sources).find(|(_, repair)| *repair == Some(header.ssrc));
        let index = match main {
            Some((main, _)) => self.sources.iter().position(|source| source.ssrc == *main)?,
            None => self.main(place.mid, place.rid)?,
        };
        self.pass(now, index, header, (u16::from_be_bytes([*high, *low]), None), of, contents)
    }

    fn pass(
        &mut self,
        now: Instant,
        index: usize,
        header: &Header<'_>,
        (low, number): (u16, Option<u64>),
        payload_type: u8,
        contents: &[u8],
    ) -> Option<Packet> {
        let source = &mut self.sources[index];
        let place = source.place.filter(|place| !place.repairs)?;
        let stream = source.stream.as_mut()?;
        let seq = stream.expects(low)?;
        if !stream.passes(now, seq, number) {
            return None;
        }
        self.next_request = [self.next_request, stream.missing.next()].into_iter().flatten().min();
        Some(Packet {
            mid: place.mid,
            rid: place.rid,
            ssrc: source.ssrc,
            seq,
            time: stream.extended(header.time),
            payload_type,
            marker: header.marker,
            level: header.said.level,
            orientation: header.said.orientation,
            payload: Arc::from(contents),
            at: now,
        })
    }

    /// The newest source of a line and layer.
    fn main(&self, mid: Mid, rid: Option<Rid>) -> Option<usize> {
        let place = Some(Place { mid, rid, repairs: false });
        self.sources.iter().rposition(|source| source.place == place)
    }

    /// A source has said what time it is there.
    pub(crate) fn told(&mut self, now: Instant, ssrc: u32, middle: u32) {
        let source = self.sources.iter_mut().find(|source| source.ssrc == ssrc);
        if let Some(stream) = source.and_then(|source| source.stream.as_mut()) {
            stream.told(now, middle);
        }
    }

    pub(crate) fn ask_for_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        let ssrc = self.main(mid, rid).map(|index| self.sources[index].ssrc);
        self.wanted.extend(ssrc.filter(|ssrc| !self.wanted.contains(ssrc)));
    }

    /// The link may be another one now: how long packets took on the old one says nothing.
    pub(crate) fn find_out_anew(&mut self) {
        self.arrivals.start_anew();
    }

    /// What got lost is worth less than what comes now.
    pub(crate) fn forget_lost(&mut self) {
        self.sources.iter_mut().filter_map(|source| source.stream.as_mut()).for_each(|stream| stream.forget_lost());
    }

    /// When [`Receiver::advance`] is to be called at the latest.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let at_once = (!self.wanted.is_empty()).then_some(self.start);
        [at_once, self.next_request, self.next_report, self.arrivals.due()].into_iter().flatten().min()
    }

    /// What the other end is to be told, to be protected. `round_trip` is what it takes to ask for something and get it.
    pub(crate) fn advance(&mut self, now: Instant, round_trip: Duration) -> Vec<Vec<u8>> {
        if self.wake().is_none_or(|wake| wake > now) {
            return Vec::new();
        }
        let mut packets = self.reports(now);
        packets.extend(self.wanted.drain(..).map(write::picture_loss));
        packets.extend(self.requests(now, round_trip));
        let any = self.sources.first().map_or(0, |source| source.ssrc);
        let spans = self.spans(now);
        self.arrivals.report(now, any, &spans, &mut packets);
        write::together(packets)
    }

    /// Between which numbers of the connection a picture's packet may have to be sent again. Senders keep sound, whatever they are told.
    fn spans(&self, now: Instant) -> Vec<Span> {
        if self.arrivals.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let video = |source: &&Source| {
            let line = source.place.and_then(|place| self.lines.iter().find(|line| line.mid == place.mid));
            line.is_some_and(|line| line.video)
        };
        let streams = self.sources.iter().filter(video).filter_map(|source| source.stream.as_ref());
        streams.flat_map(|stream| stream.spans(now)).take(MOST_SPANS).collect()
    }

    fn reports(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if self.next_report.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let streams = self.sources.iter_mut().filter_map(|source| Some((source.ssrc, source.stream.as_mut()?)));
        let blocks: Vec<_> = streams.filter_map(|(ssrc, stream)| stream.report(now, ssrc)).collect();
        // With the next packet after a silence it goes on.
        self.next_report = (!blocks.is_empty()).then(|| now + REPORTS);
        blocks.chunks(MOST_BLOCKS).map(write::receiver_report).collect()
    }

    fn requests(&mut self, now: Instant, round_trip: Duration) -> Vec<Vec<u8>> {
        if self.next_request.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let streams = self.sources.iter_mut().filter_map(|source| Some((source.ssrc, source.stream.as_mut()?)));
        let mut requests = Vec::new();
        let mut next: Option<Instant> = None;
        for (ssrc, stream) in streams {
            let seqs = stream.missing.ask(now, round_trip);
            requests.extend((!seqs.is_empty()).then(|| write::nack(ssrc, &seqs)));
            next = [next, stream.missing.next()].into_iter().flatten().min();
        }
        self.next_request = next;
        requests
    }
}
