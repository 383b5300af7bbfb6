//! SRTP and SRTCP (RFC 3711, RFC 7714). The ciphers are the engine's.

mod open;

use str0m::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256Gcm, AeadAes256GcmCipher, Aes128CmSha1_80, Aes128CmSha1_80Cipher,
    CryptoProvider, Sha1HmacProvider, SrtpProvider, dtls::SrtpProfile,
};

pub(crate) use self::open::Opener;
use super::keys::Agreed;

/// Labels of key derivation (RFC 3711, section 4.3.2); those for RTCP are three higher.
const KEY: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALT: u8 = 2;
const OF_RTCP: u8 = 3;

/// RTCP keeps its first two words in the clear.
const RTCP_HEADER: usize = 8;
const RTCP_INDEX: usize = 4;
/// Marks an encrypted packet, before the index.
const ENCRYPTED: u32 = 0x8000_0000;
/// What counter mode wants behind the text, as its implementation works in blocks.
const BLOCK: usize = 16;
const GCM_TAG: usize = AeadAes128Gcm::TAG_LEN;
const SHA1_TAG: usize = Aes128CmSha1_80::HMAC_TAG_LEN;

/// One direction of RTP or RTCP. (Nonces of AES-GCM are made alike for both lengths of keys.)
struct Cipher {
    kind: Kind,
    salt: [u8; 14],
}

enum Kind {
    Cm { cipher: Box<dyn Aes128CmSha1_80Cipher>, key: [u8; 20], hmac: &'static dyn Sha1HmacProvider },
    Gcm(Gcm),
}

/// With keys of 128 or 256 bits.
enum Gcm {
    Short(Box<dyn AeadAes128GcmCipher>),
    Long(Box<dyn AeadAes256GcmCipher>),
}

impl Gcm {
    fn encrypt(&mut self, iv: &[u8; 12], bound: &[u8], plain: &[u8], out: &mut [u8]) -> Option<()> {
        let done = match self {
            Self::Short(cipher) => cipher.encrypt(iv, bound, plain, out),
            Self::Long(cipher) => cipher.encrypt(iv, bound, plain, out),
        };
        done.ok()
    }

    fn decrypt(&mut self, iv: &[u8; 12], bound: &[&[u8]], text: &[u8], out: &mut [u8]) -> Option<usize> {
        let done = match self {
            Self::Short(cipher) => cipher.decrypt(iv, bound, text, out),
            Self::Long(cipher) => cipher.decrypt(iv, bound, text, out),
        };
        done.ok()
    }
}

/// What a connection's media are protected with.
pub(crate) struct Srtp {
    rtp: Cipher,
    rtcp: Cipher,
    reports: Cipher,
    /// Of the next SRTCP packet. One count for all sources, so that no nonce comes twice.
    index: u32,
}

impl Srtp {
    /// `None` for a profile the engine does not offer, or material that is not as long as the profile says.
    pub(crate) fn new(provider: &CryptoProvider, agreed: &Agreed) -> Option<Self> {
        let ours = Master::of(agreed, agreed.client)?;
        let theirs = Master::of(agreed, !agreed.client)?;
        Some(Self {
            rtp: ours.cipher(provider, agreed.profile, 0, true)?,
            rtcp: ours.cipher(provider, agreed.profile, OF_RTCP, true)?,
            reports: theirs.cipher(provider, agreed.profile, OF_RTCP, false)?,
            index: 0,
        })
    }

    /// `packet` is the header, which becomes the whole packet.
    pub(crate) fn protect(&mut self, packet: &mut Vec<u8>, payload: &[u8], ssrc: u32, seq: u64) -> Option<()> {
        self.rtp.protect_rtp(packet, payload, ssrc, seq)
    }

    pub(crate) fn protect_rtcp(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        self.index = (self.index + 1) & !ENCRYPTED;
        self.rtcp.protect_rtcp(plain, self.index)
    }

    /// The packet and its index, if it is the other end's.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.reports.open_rtcp(packet)
    }
}

/// A master key and its salt.
struct Master<'a> {
    key: &'a [u8],
    salt: &'a [u8],
}

impl<'a> Master<'a> {
    /// The material holds both ends' keys, then both salts, the client's first (RFC 5764, section 4.2).
    fn of(agreed: &'a Agreed, client: bool) -> Option<Self> {
        let (key, salt) = match agreed.profile {
            SrtpProfile::AES128_CM_SHA1_80 => (Aes128CmSha1_80::KEY_LEN, Aes128CmSha1_80::SALT_LEN),
            SrtpProfile::AEAD_AES_128_GCM => (AeadAes128Gcm::KEY_LEN, AeadAes128Gcm::SALT_LEN),
            SrtpProfile::AEAD_AES_256_GCM => (AeadAes256Gcm::KEY_LEN, AeadAes256Gcm::SALT_LEN),
            _ => return None,
        };
        let material: &[u8] = &agreed.material;
        let which = usize::from(!client);
        Some(Self {
            key: material.get(which * key..(which + 1) * key)?,
            salt: material.get(2 * key + which * salt..2 * key + (which + 1) * salt)?,
        })
    }

    fn cipher(&self, provider: &CryptoProvider, profile: SrtpProfile, of: u8, encrypts: bool) -> Option<Cipher> {
        let srtp = provider.srtp_provider;
        let mut salt = [0; 14];
        self.derive(srtp, of + SALT, salt.get_mut(..self.salt.len())?)?;
        let kind = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => {
                let cipher = srtp.aes_128_cm_sha1_80().create_cipher(self.derived(srtp, of + KEY)?, encrypts);
                let key = self.derived(srtp, of + AUTHENTICATION)?;
                Kind::Cm { cipher, key, hmac: provider.sha1_hmac_provider }
            }
            SrtpProfile::AEAD_AES_128_GCM => {
                Kind::Gcm(Gcm::Short(srtp.aead_aes_128_gcm().create_cipher(self.derived(srtp, of + KEY)?, encrypts)))
            }
            SrtpProfile::AEAD_AES_256_GCM => {
                Kind::Gcm(Gcm::Long(srtp.aead_aes_256_gcm().create_cipher(self.derived(srtp, of + KEY)?, encrypts)))
            }
            _ => return None,
        };
        Some(Cipher { kind, salt })
    }

    fn derived<const N: usize>(&self, srtp: &dyn SrtpProvider, label: u8) -> Option<[u8; N]> {
        let mut key = [0; N];
        self.derive(srtp, label, &mut key)?;
        Some(key)
    }

    /// RFC 3711, section 4.3.3, with a key derivation rate of 0.
    fn derive(&self, srtp: &dyn SrtpProvider, label: u8, out: &mut [u8]) -> Option<()> {
        let mut input = [0; 16];
        input.get_mut(..self.salt.len())?.copy_from_slice(self.salt);
        input[7] ^= label;
        for (round, chunk) in out.chunks_mut(BLOCK).enumerate() {
            let [high, low] = u16::try_from(round).ok()?.to_be_bytes();
            (input[14], input[15]) = (high, low);
            let mut block = [0; 2 * BLOCK];
            if self.key.len() == AeadAes256Gcm::KEY_LEN {
                srtp.srtp_aes_256_ecb_round(self.key, &input, &mut block);
            } else {
                srtp.srtp_aes_128_ecb_round(self.key, &input, &mut block);
            }
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Some(())
    }
}

impl Cipher {
    fn gcm_salt(&self) -> [u8; 12] {
        let [salt @ .., _, _] = self.salt;
        salt
    }

    fn protect_rtp(&mut self, packet: &mut Vec<u8>, payload: &[u8], ssrc: u32, seq: u64) -> Option<()> {
        let (header, salt) = (packet.len(), self.gcm_salt());
        let (roc, number) = split(seq);
        let text = header + payload.len();
        match &mut self.kind {
            Kind::Cm { cipher, key, hmac } => {
                packet.resize(text + BLOCK, 0);
                cipher.encrypt(&Aes128CmSha1_80::rtp_iv(self.salt, ssrc, seq), payload, &mut packet[header..]).ok()?;
                packet.truncate(text + SHA1_TAG);
                let hmac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtp_hmac(hmac, key, packet, seq, text);
            }
            Kind::Gcm(gcm) => {
                packet.resize(text + GCM_TAG, 0);
                let (head, body) = packet.split_at_mut(header);
                gcm.encrypt(&AeadAes128Gcm::rtp_iv(salt, ssrc, roc, number), head, payload, body)?;
            }
        }
        Some(())
    }

    fn protect_rtcp(&mut self, plain: &[u8], index: u32) -> Option<Vec<u8>> {
        let (head, text) = plain.split_at_checked(RTCP_HEADER)?;
        let (ssrc, salt) = (ssrc_of(head)?, self.gcm_salt());
        let flagged = (ENCRYPTED | index).to_be_bytes();
        let mut packet = head.to_vec();
        match &mut self.kind {
            Kind::Cm { cipher, key, hmac } => {
                packet.resize(plain.len() + BLOCK, 0);
                let iv = Aes128CmSha1_80::rtp_iv(self.salt, ssrc, u64::from(index));
                cipher.encrypt(&iv, text, &mut packet[RTCP_HEADER..]).ok()?;
                packet.truncate(plain.len());
                packet.extend(flagged);
                let end = packet.len();
                packet.resize(end + SHA1_TAG, 0);
                let hmac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtcp_hmac(hmac, key, &mut packet, end);
            }
            Kind::Gcm(gcm) => {
                packet.resize(plain.len() + GCM_TAG, 0);
                let bound = [head, &flagged].concat();
                let iv = AeadAes128Gcm::rtcp_iv(salt, ssrc, index);
                gcm.encrypt(&iv, &bound, text, &mut packet[RTCP_HEADER..])?;
                packet.extend(flagged);
            }
        }
        Some(packet)
    }

    /// Packets that are only authenticated (without [`ENCRYPTED`]) are not for us: no client of WebRTC sends them.
    fn open_rtcp(&mut self, packet: &[u8]) -> Option<(Vec<u8>, u32)> {
        let salt = self.gcm_salt();
        let head = packet.get(..RTCP_HEADER)?;
        let ssrc = ssrc_of(head)?;
        let cut = |tag: usize| {
            let at = packet.len().checked_sub(tag + RTCP_INDEX).filter(|at| *at >= RTCP_HEADER)?;
            let flagged = u32::from_be_bytes(packet.get(at..at + RTCP_INDEX)?.try_into().ok()?);
            (flagged & ENCRYPTED != 0).then_some((at, flagged))
        };
        match &mut self.kind {
            Kind::Cm { cipher, key, hmac } => {
                let (at, flagged) = cut(SHA1_TAG)?;
                let (signed, tag) = packet.split_at(at + RTCP_INDEX);
                let hmac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtcp_verify(hmac, key, signed, tag).then_some(())?;
                let index = flagged & !ENCRYPTED;
                let mut plain = vec![0; at + BLOCK];
                let iv = Aes128CmSha1_80::rtp_iv(self.salt, ssrc, u64::from(index));
                cipher.decrypt(&iv, &packet[RTCP_HEADER..at], &mut plain[RTCP_HEADER..]).ok()?;
                plain[..RTCP_HEADER].copy_from_slice(head);
                plain.truncate(at);
                Some((plain, index))
            }
            Kind::Gcm(gcm) => {
                let (at, flagged) = cut(0).filter(|(at, _)| *at >= RTCP_HEADER + GCM_TAG)?;
                let index = flagged & !ENCRYPTED;
                let mut plain = vec![0; at - GCM_TAG];
                plain[..RTCP_HEADER].copy_from_slice(head);
                let iv = AeadAes128Gcm::rtcp_iv(salt, ssrc, index);
                let bound = [head, &packet[at..]];
                gcm.decrypt(&iv, &bound, &packet[RTCP_HEADER..at], &mut plain[RTCP_HEADER..])?;
                Some((plain, index))
            }
        }
    }
}

/// A number that never wraps, as the rollover counter and what stands in the header (RFC 3711, section 3.3.1).
#[expect(clippy::cast_possible_truncation, reason = "both are parts of the number")]
fn split(seq: u64) -> (u32, u16) {
    ((seq >> 16) as u32, seq as u16)
}

fn ssrc_of(rtcp: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(rtcp.get(4..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use str0m::crypto::dtls::KeyingMaterial;

    use super::*;
    use crate::send::keys::provider;

    pub(super) const PROFILES: [(SrtpProfile, usize); 3] = [
        (SrtpProfile::AES128_CM_SHA1_80, 2 * (16 + 14)),
        (SrtpProfile::AEAD_AES_128_GCM, 2 * (16 + 12)),
        (SrtpProfile::AEAD_AES_256_GCM, 2 * (32 + 12)),
    ];

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    pub(super) fn agreed(profile: SrtpProfile, length: usize, client: bool) -> Agreed {
        let material: Vec<u8> = (0..=255).cycle().take(length).collect();
        Agreed { material: KeyingMaterial::new(&material), profile, client }
    }

    pub(super) fn end(profile: SrtpProfile, length: usize, client: bool) -> Srtp {
        Srtp::new(provider(), &agreed(profile, length, client)).unwrap()
    }

    /// RFC 3711, appendix B.3.
    #[test]
    fn keys_are_derived_as_the_standard_has_it() {
        let (key, salt) = (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
        let master = Master { key: &key, salt: &salt };
        let srtp = provider().srtp_provider;
        assert_eq!(master.derived::<16>(srtp, KEY).unwrap().to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(master.derived::<14>(srtp, SALT).unwrap().to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
        assert_eq!(master.derived::<20>(srtp, AUTHENTICATION).unwrap().to_vec(), authentication);
    }

    /// RFC 7714, section 16.1.1.
    #[test]
    fn a_packet_is_protected_as_the_standard_has_it() {
        let key: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let mut salt = [0; 14];
        salt[..12].copy_from_slice(&hex("517569642070726f2071756f"));
        let kind = Kind::Gcm(Gcm::Short(provider().srtp_provider.aead_aes_128_gcm().create_cipher(key, true)));
        let mut cipher = Cipher { kind, salt };
        let mut packet = hex("8040f17b8041f8d35501a0b2");
        cipher.protect_rtp(&mut packet, b"Gallia est omnis divisa in partes tres", 0x5501_a0b2, 0xf17b).unwrap();
        let expected =
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
            36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
        assert_eq!(packet, hex(expected));
    }

    #[test]
    fn in_counter_mode_the_number_that_never_wraps_is_authenticated() {
        let (profile, length) = PROFILES[0];
        let mut sender = end(profile, length, false);
        let (header, seq) = (hex("8060000580000000000000a7"), 0x3_0005);
        let mut packet = header.clone();
        sender.protect(&mut packet, b"sound", 0xa7, seq).unwrap();
        let Kind::Cm { cipher, key, hmac } = &mut sender.rtp.kind else { unreachable!("counter mode") };
        let (signed, tag) = packet.split_at(packet.len() - SHA1_TAG);
        let verify = |seq| {
            let hmac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
            Aes128CmSha1_80::rtp_verify(hmac, key, signed, seq, tag)
        };
        assert!(verify(seq) && !verify(5));
        let mut plain = vec![0; 5 + BLOCK];
        cipher.decrypt(&Aes128CmSha1_80::rtp_iv(sender.rtp.salt, 0xa7, seq), &signed[12..], &mut plain).unwrap();
        assert_eq!((&signed[..12], &plain[..5]), (&header[..], &b"sound"[..]));
    }

    #[test]
    fn reports_are_read_by_the_other_end_and_by_nobody_else() {
        for (profile, length) in PROFILES {
            let (mut ours, mut theirs) = (end(profile, length, false), end(profile, length, true));
            let report = hex("80c90001 00000009 81cb0001 00000009");
            for index in 1..4 {
                let packet = theirs.protect_rtcp(&report).unwrap();
                assert_eq!(ours.open_rtcp(&packet), Some((report.clone(), index)), "{profile:?}");
                assert!(theirs.open_rtcp(&packet).is_none(), "not its own");
                for at in 0..packet.len() {
                    let mut forged = packet.clone();
                    forged[at] ^= 1;
                    assert!(ours.open_rtcp(&forged).is_none(), "{profile:?}, byte {at}");
                    assert!(ours.open_rtcp(&packet[..at]).is_none());
                }
            }
        }
    }

    #[test]
    fn material_of_another_length_is_no_key() {
        for (profile, length) in PROFILES {
            let material = KeyingMaterial::new(&vec![0; length - 1]);
            assert!(Srtp::new(provider(), &Agreed { material, profile, client: true }).is_none());
        }
    }
}
