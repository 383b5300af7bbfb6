//! How many streams a participant may send. The engine makes room for every new SSRC before it knows whether the packet is authentic, and
//! never gives that room back.

use std::collections::HashSet;

/// Two for each layer of each line are usual; the rest is for encoders that start anew.
const MAX_SSRCS: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Streams {
    known: HashSet<u32>,
    newest: Option<u32>,
}

impl Streams {
    /// Whether a datagram may reach the engine.
    pub(crate) fn admit(&mut self, datagram: &[u8]) -> bool {
        let Some(ssrc) = ssrc_of_rtp(datagram).filter(|ssrc| self.newest != Some(*ssrc)) else { return true };
        let admitted = self.known.contains(&ssrc) || self.known.len() < MAX_SSRCS;
        if admitted {
            self.known.insert(ssrc);
            self.newest = Some(ssrc);
        }
        admitted
    }
}

/// RFC 3550, section 5.1. RTCP on the same address is told apart by its packet type (RFC 5761, section 4).
fn ssrc_of_rtp(datagram: &[u8]) -> Option<u32> {
    let [0x80..=0xbf, kind, _, _, _, _, _, _, s0, s1, s2, s3, ..] = *datagram else { return None };
    let rtcp = (192..=223).contains(&kind);
    (!rtcp).then(|| u32::from_be_bytes([s0, s1, s2, s3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, kind, 0, 1, 0, 0, 0, 1];
        packet.extend(ssrc.to_be_bytes());
        packet
    }

    #[test]
    fn so_many_streams_and_no_more() {
        let mut streams = Streams::default();
        let admitted = (0..10_000).filter(|ssrc| streams.admit(&packet(96, *ssrc))).count();
        assert_eq!(admitted, MAX_SSRCS);
        assert!(streams.admit(&packet(96, 0)), "known ones go on");
        assert!(!streams.admit(&packet(0xe0, 9_999)), "with a marker, too");
    }

    #[test]
    fn what_is_not_rtp_is_not_counted() {
        let mut streams = Streams::default();
        for ssrc in 0..10_000 {
            assert!(streams.admit(&packet(200, ssrc)), "RTCP");
        }
        for other in [&[][..], &[0x80], &[0x16; 40], &[0x00; 40]] {
            assert!(streams.admit(other));
        }
        assert!(streams.admit(&packet(96, 1)));
        assert_eq!(streams.known.len(), 1);
    }
}
