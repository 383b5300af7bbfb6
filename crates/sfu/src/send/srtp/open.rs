//! The other end's packets of media, opened.

use super::{
    AeadAes128Gcm, Aes128CmSha1_80, Agreed, BLOCK, Cipher, CryptoProvider, GCM_TAG, Kind, Master, SHA1_TAG, split,
};

/// What the other end's media are opened with.
pub(crate) struct Opener(Cipher);

impl Opener {
    pub(crate) fn new(provider: &CryptoProvider, agreed: &Agreed) -> Option<Self> {
        let theirs = Master::of(agreed, !agreed.client)?;
        Some(Self(theirs.cipher(provider, agreed.profile, 0, false)?))
    }

    /// Writes what is behind the header to `plain`, if the packet is the other end's and has this number.
    pub(crate) fn open(
        &mut self,
        packet: &[u8],
        header: usize,
        ssrc: u32,
        seq: u64,
        plain: &mut Vec<u8>,
    ) -> Option<()> {
        let salt = self.0.gcm_salt();
        plain.clear();
        match &mut self.0.kind {
            Kind::Cm { cipher, key, hmac } => {
                let text = packet.len().checked_sub(SHA1_TAG).filter(|end| *end >= header)?;
                let (signed, tag) = packet.split_at(text);
                let hmac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtp_verify(hmac, key, signed, seq, tag).then_some(())?;
                plain.resize(text - header + BLOCK, 0);
                cipher.decrypt(&Aes128CmSha1_80::rtp_iv(self.0.salt, ssrc, seq), &signed[header..], plain).ok()?;
                plain.truncate(text - header);
            }
            Kind::Gcm(gcm) => {
                let (head, text) = packet.split_at_checked(header)?;
                plain.resize(text.len().checked_sub(GCM_TAG)?, 0);
                let (roc, number) = split(seq);
                gcm.decrypt(&AeadAes128Gcm::rtp_iv(salt, ssrc, roc, number), &[head], text, plain)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{PROFILES, agreed, end},
        *,
    };
    use crate::send::keys::provider;

    #[test]
    fn media_are_opened_by_the_other_end_with_their_number_and_by_nobody_else() {
        let (header, seq, ssrc) = ([&[0x80, 96, 0, 5][..], &[0; 4], &[0, 0, 0, 9]].concat(), 0x3_0005, 9);
        for (profile, length) in PROFILES {
            let mut theirs = end(profile, length, true);
            let mut ours = Opener::new(provider(), &agreed(profile, length, false)).unwrap();
            let mut packet = header.clone();
            theirs.protect(&mut packet, b"a picture", ssrc, seq).unwrap();
            let mut plain = vec![1; 50];
            assert_eq!(ours.open(&packet, 12, ssrc, seq, &mut plain), Some(()), "{profile:?}");
            assert_eq!(plain, b"a picture");
            assert_eq!(ours.open(&packet, 12, ssrc, 5, &mut plain), None, "another number");
            for at in 0..packet.len() {
                let mut forged = packet.clone();
                forged[at] ^= 1;
                assert_eq!(ours.open(&forged, 12, ssrc, seq, &mut plain), None, "{profile:?}, byte {at}");
                assert_eq!(ours.open(&packet[..at], 12, ssrc, seq, &mut plain), None);
            }
            let mut own = Opener::new(provider(), &agreed(profile, length, true)).unwrap();
            assert_eq!(own.open(&packet, 12, ssrc, seq, &mut plain), None, "not its own");
        }
    }
}
