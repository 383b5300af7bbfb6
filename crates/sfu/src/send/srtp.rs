//! SRTP and SRTCP (RFC 3711, RFC 7714) for what the send half sends and is told. The ciphers are the engine's.

use str0m::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256Gcm, AeadAes256GcmCipher, Aes128CmSha1_80, Aes128CmSha1_80Cipher,
    CryptoProvider, Sha1HmacProvider, SrtpProvider, dtls::SrtpProfile,
};

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

/// One direction of RTP or RTCP.
struct Cipher {
    kind: Kind,
    salt: [u8; 14],
}

enum Kind {
    Cm { cipher: Box<dyn Aes128CmSha1_80Cipher>, key: [u8; 20], hmac: &'static dyn Sha1HmacProvider },
    Gcm128(Box<dyn AeadAes128GcmCipher>),
    Gcm256(Box<dyn AeadAes256GcmCipher>),
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
                Kind::Gcm128(srtp.aead_aes_128_gcm().create_cipher(self.derived(srtp, of + KEY)?, encrypts))
            }
            _ => Kind::Gcm256(srtp.aead_aes_256_gcm().create_cipher(self.derived(srtp, of + KEY)?, encrypts)),
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
            Kind::Gcm128(cipher) => {
                packet.resize(text + GCM_TAG, 0);
                let (head, body) = packet.split_at_mut(header);
                cipher.encrypt(&AeadAes128Gcm::rtp_iv(salt, ssrc, roc, number), head, payload, body).ok()?;
            }
            Kind::Gcm256(cipher) => {
                packet.resize(text + GCM_TAG, 0);
                let (head, body) = packet.split_at_mut(header);
                cipher.encrypt(&AeadAes256Gcm::rtp_iv(salt, ssrc, roc, number), head, payload, body).ok()?;
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
            Kind::Gcm128(cipher) => {
                packet.resize(plain.len() + GCM_TAG, 0);
                let bound = [head, &flagged].concat();
                let iv = AeadAes128Gcm::rtcp_iv(salt, ssrc, index);
                cipher.encrypt(&iv, &bound, text, &mut packet[RTCP_HEADER..]).ok()?;
                packet.extend(flagged);
            }
            Kind::Gcm256(cipher) => {
                packet.resize(plain.len() + GCM_TAG, 0);
                let bound = [head, &flagged].concat();
                let iv = AeadAes256Gcm::rtcp_iv(salt, ssrc, index);
                cipher.encrypt(&iv, &bound, text, &mut packet[RTCP_HEADER..]).ok()?;
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
            Kind::Gcm128(cipher) => {
                let (at, flagged) = cut(0).filter(|(at, _)| *at >= RTCP_HEADER + GCM_TAG)?;
                let index = flagged & !ENCRYPTED;
                let mut plain = vec![0; at - GCM_TAG];
                plain[..RTCP_HEADER].copy_from_slice(head);
                let iv = AeadAes128Gcm::rtcp_iv(salt, ssrc, index);
                let bound = [head, &packet[at..]];
                cipher.decrypt(&iv, &bound, &packet[RTCP_HEADER..at], &mut plain[RTCP_HEADER..]).ok()?;
                Some((plain, index))
            }
            Kind::Gcm256(cipher) => {
                let (at, flagged) = cut(0).filter(|(at, _)| *at >= RTCP_HEADER + GCM_TAG)?;
                let index = flagged & !ENCRYPTED;
                let mut plain = vec![0; at - GCM_TAG];
                plain[..RTCP_HEADER].copy_from_slice(head);
                let iv = AeadAes256Gcm::rtcp_iv(salt, ssrc, index);
                let bound = [head, &packet[at..]];
                cipher.decrypt(&iv, &bound, &packet[RTCP_HEADER..at], &mut plain[RTCP_HEADER..]).ok()?;
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
