//! What goes through a push service can be read by the browser alone (RFC 8291): one record, encrypted (RFC 8188) with a key that both
//! ends agree on. A library would bring a second implementation of the curve and the cipher for these few lines.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
};

/// Of a point on the curve P-256, uncompressed.
pub const POINT: usize = 65;
pub const AUTH: usize = 16;
pub const SALT: usize = 16;
/// What every push service takes (RFC 8030, section 7.2), and so the size of the only record.
const RECORD: u32 = 4_096;
/// Says that no record follows.
const LAST: u8 = 2;

/// The browser's end.
#[derive(Clone, Copy)]
pub struct Receiver<'a> {
    pub public_key: &'a [u8],
    pub auth: &'a [u8],
}

/// The whole body of a request to a push service. `own` and `salt` are for this message alone.
pub fn seal(to: Receiver<'_>, own: &PrivateKey, salt: [u8; SALT], plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let own_public = own.compute_public_key()?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, to.public_key);
    let secret = agree(own, peer, Unspecified, |secret| Ok(secret.to_vec()))?;
    let both = Salt::new(HKDF_SHA256, to.auth).extract(&secret);
    let input = expand::<32>(&both, &[b"WebPush: info\0", to.public_key, own_public.as_ref()])?;
    let keys = Salt::new(HKDF_SHA256, &salt).extract(&input);
    let key = expand::<16>(&keys, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce = expand::<12>(&keys, &[b"Content-Encoding: nonce\0"])?;
    let mut record = [plain, &[LAST]].concat();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)?;
    let point = own_public.as_ref();
    let length = u8::try_from(point.len()).map_err(|_| Unspecified)?;
    Ok([&salt[..], &RECORD.to_be_bytes(), &[length], point, &record].concat())
}

/// Whether a message can be sealed for it.
pub fn is_receiver(receiver: Receiver<'_>) -> bool {
    let sealed = PrivateKey::generate(&ECDH_P256).and_then(|own| seal(receiver, &own, [0; SALT], b""));
    receiver.public_key.len() == POINT && receiver.auth.len() == AUTH && sealed.is_ok()
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    key.expand(info, Length(N))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    const PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_standards_example_comes_out_letter_by_letter() {
        let own = PrivateKey::from_private_key(&ECDH_P256, &bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"));
        let (public_key, auth) = (bytes(PUBLIC), bytes("BTBZMqHH6r4Tts7J_aSIgg"));
        let to = Receiver { public_key: &public_key, auth: &auth };
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let sealed = seal(to, &own.unwrap(), salt, b"When I grow up, I want to be a watermelon").unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
                        AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(sealed), expected);
    }

    #[test]
    fn only_a_point_of_the_curve_and_a_whole_secret_make_a_receiver() {
        let (point, auth) = (bytes(PUBLIC), [7; AUTH]);
        let is = |public_key: &[u8], auth: &[u8]| is_receiver(Receiver { public_key, auth });
        assert!(is(&point, &auth));
        let mut beside = point.clone();
        beside[POINT - 1] ^= 1;
        assert!(!is(&beside, &auth), "not on the curve");
        assert!(!is(&point[..POINT - 1], &auth) && !is(&[], &auth) && !is(&[4; POINT], &auth));
        let squeezed = [&[2], &point[1..33]].concat();
        assert!(!is(&squeezed, &auth), "compressed: browsers never write it so, and it would be another key");
        assert!(!is(&point, &auth[1..]) && !is(&point, &[]));
    }
}
