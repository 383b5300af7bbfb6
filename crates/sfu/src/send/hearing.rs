//! The send half by itself, for the fuzz target of the reports it reads: sends to nobody, and hears whatever it is told.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    crypto::dtls::{KeyingMaterial, SrtpProfile},
    rtp::{Extension, ExtensionMap},
};

use super::{Extensions, Keys, Packet, Patch, Sender, Srtp, Terms, keys::Agreed, provider};

pub struct Hearing {
    now: Instant,
    sender: Sender,
    theirs: Srtp,
    seq: u64,
}

impl Hearing {
    /// With a line of pictures, which is the stream 161, and one of sound, 177.
    pub fn new(now: Instant) -> Option<Self> {
        let agreed = |client| Agreed {
            material: KeyingMaterial::new(&[7; 2 * (16 + 12)]),
            profile: SrtpProfile::AEAD_AES_128_GCM,
            client,
        };
        let keys = Keys::default();
        keys.set(agreed(false)).ok()?;
        let mut sender = Sender::new(now, keys, 600_000);
        let mut map = ExtensionMap::empty();
        map.set(3, Extension::TransportSequenceNumber);
        let extensions = Extensions::of(&map);
        let line = |mid: &str, ssrc, video: bool| Terms {
            mid: mid.into(),
            ssrc,
            rtx: video.then_some(ssrc + 1),
            video,
            extensions,
            resent_as: if video { vec![(96, 97)] } else { Vec::new() },
        };
        sender.agree(line("p", 161, true));
        sender.agree(line("s", 177, false));
        sender.aim(4_000_000);
        Some(Self { now, sender, theirs: Srtp::new(provider(), &agreed(true))?, seq: 1_000 })
    }

    /// Time passes, and so many packets are written to each line. Returns how many left.
    pub fn send(&mut self, passed: Duration, packets: u8) -> usize {
        self.now += passed;
        for _ in 0..packets {
            self.seq += 1;
            for mid in ["p", "s"] {
                if let Some(line) = self.sender.line(mid.into()) {
                    self.sender.write(line, self.packet());
                }
            }
        }
        let mut out = Vec::new();
        self.sender.advance(self.now, &mut out);
        out.len()
    }

    fn packet(&self) -> Packet {
        Packet {
            seq: self.seq,
            time: 0,
            payload_type: 96,
            marker: false,
            level: None,
            orientation: None,
            waits: false,
            payload: Arc::from([0; 500]),
            patch: Patch::default(),
            at: self.now,
        }
    }

    /// A compound packet comes from the other end; it is protected here. Returns how much it says.
    pub fn hear(&mut self, compound: &[u8]) -> usize {
        let mut told = Vec::new();
        if let Some(packet) = self.theirs.protect_rtcp(compound) {
            self.sender.hear(self.now, &packet, &mut told);
        }
        told.len()
    }

    /// When it wants to be called again, if at all, from now.
    pub fn wake(&self) -> Option<Duration> {
        self.sender.wake().map(|at| at.saturating_duration_since(self.now))
    }

    pub fn estimate(&self) -> u64 {
        self.sender.estimator.estimate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_is_told_is_heard() {
        let mut hearing = Hearing::new(Instant::now()).unwrap();
        assert_eq!(hearing.send(Duration::ZERO, 3), 4, "sound and a report; pictures wait for a burst's pace");
        assert_eq!(hearing.hear(&[0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 161]), 1, "a picture was lost");
        assert_eq!(hearing.hear(&[0x81]), 0);
    }
}
