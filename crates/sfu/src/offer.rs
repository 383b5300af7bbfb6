//! What must be known of an offer before the engine sees it, and what is not let through to it. The engine parses SDP for itself; this
//! reads lines.

use std::collections::HashSet;

use str0m::media::{Mid, Rid};

use crate::ids::Source;

/// 25 people with sound, camera and a screen, and some to spare.
const MAX_LINES: usize = 96;
/// An offer with all slots has some 40 KiB.
const MAX_BYTES: usize = 128 * 1024;
/// Browsers send three. Each is looked at whenever layers are chosen.
const MAX_LAYERS: usize = 4;
/// Sources a line may name: one, and one on which it is sent again, are usual.
const MAX_SOURCES: usize = 8;
/// Hashes a certificate may be named by (RFC 8122, section 5, without the broken ones).
const HASHES: [&str; 3] = ["sha-256", "sha-384", "sha-512"];

/// Why an offer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("the offer is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the offer has more than {MAX_LINES} m-lines")]
    TooManyLines,
    #[error("the offer has no media")]
    NoMedia,
    #[error("m-line {0} does not use DTLS-SRTP with feedback (UDP/TLS/RTP/SAVPF)")]
    Profile(usize),
    #[error("there is no a=fingerprint with sha-256, sha-384 or sha-512")]
    NoFingerprint,
    #[error("a=fingerprint uses {0}, which proves nothing")]
    WeakFingerprint(String),
    #[error("the offer names more than one certificate")]
    ManyFingerprints,
    #[error("m-line {0} has no a=mid")]
    NoMid(usize),
    #[error("two m-lines have the mid {0}")]
    SameMid(String),
    #[error("the line {0} has more than {MAX_LAYERS} layers, or two of one name")]
    Layers(String),
    #[error("m-line {0} is sendrecv; send and receive on lines of their own")]
    BothWays(usize),
    #[error("there is no line to send on with the mid {0}")]
    NoSuchTrack(String),
    #[error("the line {0} is of the wrong kind for what it is to carry")]
    WrongKind(String),
    #[error("{0:?} is offered twice")]
    SameSource(Source),
    #[error("the media engine does not take it: {0}")]
    Engine(String),
    #[error("this connection is over; join again for a new one")]
    Over,
}

/// One m-line for media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) mid: String,
    pub(crate) video: bool,
    pub(crate) direction: Direction,
    /// Simulcast layers, lowest first.
    pub(crate) rids: Vec<String>,
    /// Sources it names, and those on which their packets are sent again. With simulcast packets say for themselves where they belong.
    pub(crate) sources: Vec<(u32, Option<u32>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The client sends: a track.
    Send,
    /// The client receives: a slot.
    Receive,
    Inactive,
}

/// What the client says a line carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackName {
    pub mid: String,
    pub source: Source,
}

/// Checks an offer and reads its lines.
pub(crate) fn read(sdp: &str, tracks: &[TrackName]) -> Result<Vec<Line>, OfferError> {
    if sdp.len() > MAX_BYTES {
        return Err(OfferError::TooLarge);
    }
    let mut sections = sdp.split("\nm=");
    let session = sections.next().unwrap_or_default();
    let sections: Vec<&str> = sections.collect();
    if sections.len() > MAX_LINES {
        return Err(OfferError::TooManyLines);
    }
    check_fingerprints(sdp)?;
    let mut lines: Vec<Line> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let Some(line) = read_section(index, section, session)? else { continue };
        if lines.iter().any(|known| mid(known) == mid(&line)) {
            return Err(OfferError::SameMid(line.mid));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err(OfferError::NoMedia);
    }
    check_tracks(&lines, tracks)?;
    Ok(lines)
}

/// As the engine takes it: a long one is cut.
fn mid(line: &Line) -> Mid {
    Mid::from(line.mid.as_str())
}

/// Whether there is a line for data channels.
pub(crate) fn has_channels(sdp: &str) -> bool {
    sdp.contains("\nm=application ")
}

fn check_fingerprints(sdp: &str) -> Result<(), OfferError> {
    let mut first = None;
    for (hash, value) in attributes(sdp, "fingerprint").filter_map(|value| value.split_once(' ')) {
        let hash = hash.to_ascii_lowercase();
        if !HASHES.contains(&hash.as_str()) {
            return Err(OfferError::WeakFingerprint(hash));
        }
        if *first.get_or_insert(value) != value {
            return Err(OfferError::ManyFingerprints);
        }
    }
    first.map(|_| ()).ok_or(OfferError::NoFingerprint)
}

/// `None` for the line of the data channels, and for one that is not used any more.
fn read_section(index: usize, section: &str, session: &str) -> Result<Option<Line>, OfferError> {
    let mut words = section.lines().next().unwrap_or_default().split(' ');
    let (kind, port, profile) = (words.next(), words.next(), words.next());
    let video = match kind {
        Some("audio") => false,
        Some("video") => true,
        _ => return Ok(None),
    };
    if port == Some("0") && attributes(section, "bundle-only").next().is_none() {
        return Ok(None);
    }
    if profile != Some("UDP/TLS/RTP/SAVPF") {
        return Err(OfferError::Profile(index));
    }
    let mid = attributes(section, "mid").next().ok_or(OfferError::NoMid(index))?.to_owned();
    let direction = direction(section).or_else(|| direction(session)).ok_or(OfferError::BothWays(index))?;
    let rids = rids(section);
    let names: HashSet<Rid> = rids.iter().map(|rid| Rid::from(rid.as_str())).collect();
    if rids.len() > MAX_LAYERS || names.len() < rids.len() {
        return Err(OfferError::Layers(mid));
    }
    let sources = if rids.is_empty() { sources(section) } else { Vec::new() };
    Ok(Some(Line { mid, video, direction, rids, sources }))
}

fn direction(part: &str) -> Option<Direction> {
    part.lines().find_map(|line| match line.trim_end() {
        "a=sendonly" => Some(Direction::Send),
        "a=recvonly" => Some(Direction::Receive),
        "a=inactive" => Some(Direction::Inactive),
        _ => None,
    })
}

/// `a=simulcast:send q;h;f` (RFC 8853): each layer's first alternative.
fn rids(section: &str) -> Vec<String> {
    let Some(simulcast) = attributes(section, "simulcast").next() else { return Vec::new() };
    let mut words = simulcast.split(' ');
    let Some(list) = words.by_ref().find(|word| *word == "send").and_then(|_| words.next()) else { return Vec::new() };
    let first = |layer: &str| layer.split(',').next().unwrap_or_default().trim_start_matches('~').to_owned();
    list.split(';').map(first).collect()
}

/// `a=ssrc` (RFC 5576), and `a=ssrc-group:FID` for those on which packets are sent again (RFC 4588, section 8).
fn sources(section: &str) -> Vec<(u32, Option<u32>)> {
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<u32>().ok());
    let groups = attributes(section, "ssrc-group").filter_map(|group| group.strip_prefix("FID "));
    let pairs = groups.filter_map(|group| {
        let mut words = group.split(' ');
        Some((number(words.next())?, number(words.next())?))
    });
    let pairs: Vec<(u32, u32)> = pairs.take(MAX_SOURCES).collect();
    let mut sources: Vec<(u32, Option<u32>)> = Vec::new();
    for ssrc in attributes(section, "ssrc").filter_map(|value| number(value.split(' ').next())) {
        let known = sources.iter().any(|(main, _)| *main == ssrc) || pairs.iter().any(|(_, repair)| *repair == ssrc);
        if !known && sources.len() < MAX_SOURCES {
            let repair = pairs.iter().find(|(main, _)| *main == ssrc).map(|(_, repair)| *repair);
            sources.push((ssrc, repair));
        }
    }
    sources
}

fn check_tracks(lines: &[Line], tracks: &[TrackName]) -> Result<(), OfferError> {
    for (index, track) in tracks.iter().enumerate() {
        let line = lines.iter().find(|line| line.mid == track.mid && line.direction != Direction::Receive);
        let line = line.ok_or_else(|| OfferError::NoSuchTrack(track.mid.clone()))?;
        if line.video != track.source.is_video() {
            return Err(OfferError::WrongKind(track.mid.clone()));
        }
        if tracks[..index].iter().any(|other| other.source == track.source) {
            return Err(OfferError::SameSource(track.source));
        }
    }
    Ok(())
}

fn attributes<'a>(part: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    part.lines().filter_map(move |line| {
        let value = line.trim_end().strip_prefix("a=")?.strip_prefix(name)?;
        if value.is_empty() { Some("") } else { value.strip_prefix(':') }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n";

    fn line(kind: &str, mid: &str, more: &str) -> String {
        format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={more}\r\n")
    }

    fn offer(lines: &[String]) -> String {
        format!("{HEAD}{}", lines.concat())
    }

    fn track(mid: &str, source: Source) -> TrackName {
        TrackName { mid: mid.to_owned(), source }
    }

    fn whole() -> String {
        offer(&[
            line("audio", "0", "sendonly"),
            line("video", "1", "sendonly\r\na=rid:q send\r\na=simulcast:send q;~h,x;f"),
            line("video", "2", "recvonly"),
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:3\r\n".to_owned(),
        ])
    }

    #[test]
    fn lines_layers_and_directions_are_read() {
        let tracks = [track("0", Source::Microphone), track("1", Source::Camera)];
        let lines = read(&whole(), &tracks).unwrap();
        let told: Vec<_> = lines.iter().map(|line| (line.mid.as_str(), line.video, line.direction)).collect();
        assert_eq!(
            told,
            [("0", false, Direction::Send), ("1", true, Direction::Send), ("2", true, Direction::Receive)]
        );
        assert_eq!(lines[1].rids, ["q", "h", "f"]);
    }

    #[test]
    fn sources_are_read_with_those_that_repair_them() {
        let named =
            "sendonly\r\na=ssrc-group:FID 7 8\r\na=ssrc:7 cname:x\r\na=ssrc:7 msid:- y\r\na=ssrc:8 cname:x\r\na=ssrc:9";
        let sources = |more: &str| {
            read(&offer(&[line("video", "0", &format!("{named}{more}"))]), &[]).unwrap()[0].sources.clone()
        };
        assert_eq!(sources(""), [(7, Some(8)), (9, None)]);
        assert_eq!(sources("\r\na=simulcast:send q;h"), [], "packets say it");
        let many: Vec<String> = (0..1_000).map(|ssrc| format!("\r\na=ssrc:{ssrc} cname:x")).collect();
        assert_eq!(sources(&many.concat()).len(), MAX_SOURCES);
    }

    #[test]
    fn each_wrong_offer_is_refused_with_its_reason() {
        let audio = || line("audio", "0", "sendonly");
        let cases = [
            (HEAD.to_owned(), OfferError::NoMedia),
            (whole().replace("a=fingerprint:sha-256 AA:BB\r\n", ""), OfferError::NoFingerprint),
            (whole().replace("sha-256", "sha-1"), OfferError::WeakFingerprint("sha-1".to_owned())),
            (whole().replace("sha-256", "MD5"), OfferError::WeakFingerprint("md5".to_owned())),
            (offer(&[audio() + "a=fingerprint:sha-256 CC:DD\r\n"]), OfferError::ManyFingerprints),
            (whole().replace("UDP/TLS/RTP/SAVPF", "RTP/AVPF"), OfferError::Profile(0)),
            (whole().replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"), OfferError::Profile(0)),
            (whole().replace("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"), OfferError::Profile(0)),
            (offer(&[audio().replace("a=mid:0\r\n", "")]), OfferError::NoMid(0)),
            (offer(&[audio(), audio()]), OfferError::SameMid("0".to_owned())),
            (
                offer(&[
                    line("audio", "a-very-long-name-1", "sendonly"),
                    line("audio", "a-very-long-name-2", "sendonly"),
                ]),
                OfferError::SameMid("a-very-long-name-2".to_owned()),
            ),
            (
                offer(&[line("video", "0", "sendonly\r\na=simulcast:send a;b;c;d;e")]),
                OfferError::Layers("0".to_owned()),
            ),
            (
                offer(&[line("video", "0", "sendonly\r\na=simulcast:send longname1;longname2")]),
                OfferError::Layers("0".to_owned()),
            ),
            (offer(&[line("audio", "0", "sendrecv")]), OfferError::BothWays(0)),
            (offer(&vec![audio(); MAX_LINES + 1]), OfferError::TooManyLines),
            (format!("{}{}", whole(), "a=x\r\n".repeat(MAX_BYTES)), OfferError::TooLarge),
        ];
        for (sdp, error) in cases {
            assert_eq!(read(&sdp, &[]), Err(error));
        }
    }

    #[test]
    fn tracks_must_be_lines_of_their_kind_to_send_on() {
        let cases = [
            (vec![track("9", Source::Camera)], OfferError::NoSuchTrack("9".to_owned())),
            (vec![track("2", Source::Camera)], OfferError::NoSuchTrack("2".to_owned())),
            (vec![track("0", Source::Camera)], OfferError::WrongKind("0".to_owned())),
            (vec![track("1", Source::Camera), track("1", Source::Camera)], OfferError::SameSource(Source::Camera)),
        ];
        for (tracks, error) in cases {
            assert_eq!(read(&whole(), &tracks), Err(error));
        }
    }

    #[test]
    fn the_same_certificate_may_be_named_on_every_line() {
        let named = line("audio", "0", "sendonly") + "a=fingerprint:sha-256 AA:BB\r\n";
        assert!(read(&offer(&[named]), &[]).is_ok());
    }

    #[test]
    fn a_line_given_up_is_none() {
        let stopped = line("video", "1", "inactive").replace("video 9", "video 0");
        let lines = read(&offer(&[line("audio", "0", "sendonly"), stopped]), &[]).unwrap();
        assert_eq!(lines.len(), 1);
    }
}
