//! What the other end is told about what it sends (RFC 3550, section 6.4.2; RFC 4585, section 6).

const RECEIVER_REPORT: u8 = 201;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const NACK: u8 = 1;
const PICTURE_LOSS: u8 = 1;
/// Who says it. This end sends from other sources, which have nothing to do with it; browsers that send nothing call themselves the same.
const OURS: u32 = 1;
/// A packet counts them with five bits.
pub(crate) const MOST_BLOCKS: usize = 31;
/// Packets travel together up to this size.
const MAX_COMPOUND: usize = 1_100;

/// Of a receiver report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// Lost since the last report, of 256.
    pub(crate) share: u8,
    /// Since the beginning.
    pub(crate) lost: i64,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
    /// The sender's last report, and how long ago that was, in units of 2^-16 seconds.
    pub(crate) last: u32,
    pub(crate) since: u32,
}

/// One packet: its first byte's low bits, its kind, and what follows.
pub(crate) fn packet(count: u8, kind: u8, words: &[u8]) -> Vec<u8> {
    let length = u16::try_from(words.len().div_ceil(4) + 1).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = Vec::with_capacity(8 + words.len());
    packet.extend([0x80 | count, kind, length[0], length[1]]);
    packet.extend(OURS.to_be_bytes());
    packet.extend(words);
    packet.resize(packet.len().next_multiple_of(4), 0);
    packet
}

/// At most [`MOST_BLOCKS`].
pub(crate) fn receiver_report(blocks: &[Block]) -> Vec<u8> {
    const MOST_LOST: i64 = 0x7f_ffff;
    let mut words = Vec::with_capacity(24 * blocks.len());
    for block in blocks {
        words.extend(block.ssrc.to_be_bytes());
        let [.., high, middle, low] = block.lost.clamp(-MOST_LOST, MOST_LOST).to_be_bytes();
        words.extend([block.share, high, middle, low]);
        words.extend(block.highest.to_be_bytes());
        words.extend(block.jitter.to_be_bytes());
        words.extend(block.last.to_be_bytes());
        words.extend(block.since.to_be_bytes());
    }
    packet(u8::try_from(blocks.len()).unwrap_or(0), RECEIVER_REPORT, &words)
}

/// These did not come; in the order of their numbers.
pub(crate) fn nack(ssrc: u32, seqs: &[u16]) -> Vec<u8> {
    let mut words = ssrc.to_be_bytes().to_vec();
    let mut rest = seqs;
    while let [first, more @ ..] = rest {
        let mut bits: u16 = 0;
        rest = more;
        while let [next, more @ ..] = rest {
            let distance = next.wrapping_sub(*first);
            if !(1..=16).contains(&distance) {
                break;
            }
            bits |= 1 << (distance - 1);
            rest = more;
        }
        words.extend(first.to_be_bytes());
        words.extend(bits.to_be_bytes());
    }
    packet(NACK, TRANSPORT_FEEDBACK, &words)
}

pub(crate) fn picture_loss(ssrc: u32) -> Vec<u8> {
    packet(PICTURE_LOSS, PAYLOAD_FEEDBACK, &ssrc.to_be_bytes())
}

/// As few datagrams as they fit into.
pub(crate) fn together(packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut compounds: Vec<Vec<u8>> = Vec::new();
    for packet in packets {
        match compounds.last_mut().filter(|last| last.len() + packet.len() <= MAX_COMPOUND) {
            Some(last) => last.extend(packet),
            None => compounds.push(packet),
        }
    }
    compounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_written_as_the_standard_has_it() {
        let block = Block {
            ssrc: 0x0102_0304,
            share: 64,
            lost: -2,
            highest: 0x1_0005,
            jitter: 7,
            last: 0x0a0b_0c0d,
            since: 0x8000,
        };
        let expected = [
            0x81, 201, 0, 7, 0, 0, 0, 1, 1, 2, 3, 4, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 5, 0, 0, 0, 7, 0x0a, 0x0b, 0x0c,
            0x0d, 0, 0, 0x80, 0,
        ];
        assert_eq!(receiver_report(&[block]), expected);
    }

    #[test]
    fn what_is_missing_is_said_with_bits() {
        let expected = [0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0x80, 0x01, 0, 0x10, 0, 0];
        assert_eq!(nack(9, &[0xffff, 0, 15, 16]), expected);
    }

    #[test]
    fn packets_share_datagrams() {
        let packets = vec![vec![1; 600], vec![2; 500], vec![3; 8]];
        let sizes: Vec<usize> = together(packets).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1_100, 8]);
        assert_eq!(picture_loss(9), [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9]);
    }
}
