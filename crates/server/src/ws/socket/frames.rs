//! Where the frames of a WebSocket end (RFC 6455, section 5.2), without a look at what is in them.

/// Two bytes, eight of length, four of the mask.
const LONGEST_HEADER: usize = 14;
const FIN: u8 = 0x80;
/// Set for pings, pongs and the close frame, which may come between the parts of a message.
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;

#[derive(Debug, Default)]
pub struct Frames {
    header: [u8; LONGEST_HEADER],
    /// How much of the header is known.
    known: usize,
    /// What is to come of the payload.
    rest: u64,
    /// Messages that are complete.
    complete: u64,
    /// The last part of a message has not come yet.
    parts: bool,
}

impl Frames {
    pub fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&first, after)) = bytes.split_first() {
            if self.known == self.header_length() {
                let length = usize::try_from(self.rest).unwrap_or(usize::MAX).min(bytes.len());
                self.rest -= length as u64;
                bytes = &bytes[length..];
            } else {
                self.header[self.known] = first;
                self.known += 1;
                bytes = after;
                if self.known == self.header_length() {
                    self.rest = self.payload_length();
                }
            }
            if self.known == self.header_length() && self.rest == 0 {
                self.frame_ends();
            }
        }
    }

    /// Whether what was read ends with this message.
    pub fn end_with(&self, message: u64) -> bool {
        self.known == 0 && !self.parts && self.complete == message
    }

    fn frame_ends(&mut self) {
        let (fin, control) = (self.header[0] & FIN != 0, self.header[0] & CONTROL != 0);
        self.known = 0;
        self.complete += u64::from(fin);
        if !control {
            self.parts = !fin;
        }
    }

    fn header_length(&self) -> usize {
        if self.known < 2 {
            return 2;
        }
        let length = match self.header[1] & !MASKED {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        if self.header[1] & MASKED == 0 { length } else { length + 4 }
    }

    fn payload_length(&self) -> u64 {
        let [_, short, a, b, rest @ ..] = self.header;
        match short & !MASKED {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, rest[0], rest[1], rest[2], rest[3], rest[4], rest[5]]),
            length => u64::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, masked: bool, length: usize) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut frame = vec![first];
        match length {
            ..126 => frame.push(mask + u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(mask + 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask + 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0xff; length + if masked { 4 } else { 0 }]);
        frame
    }

    /// How many messages are complete after each byte; `None` within a frame, or between parts of a message.
    fn ends(bytes: &[u8], step: usize) -> Vec<Option<u64>> {
        let mut frames = Frames::default();
        let mut after = |part: &[u8]| {
            frames.read(part);
            frames.end_with(frames.complete).then_some(frames.complete)
        };
        bytes.chunks(step).map(&mut after).collect()
    }

    #[test]
    fn frames_of_every_length_end_where_they_do() {
        for masked in [true, false] {
            for length in [0, 1, 125, 126, 65_535, 65_536] {
                let one = frame(0x81, masked, length);
                let both = [one.clone(), one.clone()].concat();
                let seen = ends(&both, 1);
                let at: Vec<_> = (1..).zip(&seen).filter_map(|(at, end)| end.map(|end| (at, end))).collect();
                assert_eq!(at, [(one.len(), 1), (both.len(), 2)], "{length} {masked}");
                assert_eq!(ends(&both, both.len()), [Some(2)]);
            }
        }
    }

    #[test]
    fn a_message_of_parts_ends_with_its_last_whatever_comes_between() {
        let frames = [frame(0x01, true, 5), frame(0x89, true, 0), frame(0x00, true, 130), frame(0x80, true, 1)];
        let mut known = Frames::default();
        let mut told = Vec::new();
        for frame in frames {
            known.read(&frame);
            told.push((known.complete, known.end_with(known.complete)));
        }
        assert_eq!(told, [(0, false), (1, false), (1, false), (2, true)]);
    }
}
