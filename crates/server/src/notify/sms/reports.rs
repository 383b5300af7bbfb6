//! What gateways say about a message afterwards. They are told an address that nobody can guess, made from the message's id and a key of
//! ours: nothing has to be remembered, and whoever knows one message's address knows no other's.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use url::form_urlencoded;
use uuid::Uuid;

/// 128 bits cannot be guessed, and an address is to stay short.
const MAC: usize = 16;
const PURPOSE: &[u8] = b"report";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Delivered,
    Failed {
        words: String,
    },
    /// Nothing that had to be known.
    OnItsWay,
}

/// Addresses for reports.
pub struct ReportAddresses(hmac::Key);

impl ReportAddresses {
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Below the server's own address.
    pub fn path(&self, id: Uuid) -> String {
        format!("/notify/sms/{id}/{}", BASE64_URL_SAFE_NO_PAD.encode(self.mac(id)))
    }

    /// Whether this is what [`Self::path`] has given out.
    pub fn is_right(&self, id: Uuid, mac: &str) -> bool {
        let mac = BASE64_URL_SAFE_NO_PAD.decode(mac).unwrap_or_default();
        constant_time::verify_slices_are_equal(&self.mac(id), &mac).is_ok()
    }

    fn mac(&self, id: Uuid) -> [u8; MAC] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(PURPOSE);
        context.update(id.as_bytes());
        let mut mac = [0; MAC];
        mac.copy_from_slice(&context.sign().as_ref()[..MAC]);
        mac
    }
}

/// The members of a query or a form.
pub fn members(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    form_urlencoded::parse(text.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn mac_of(addresses: &ReportAddresses, id: Uuid) -> String {
        addresses.path(id).rsplit('/').next().unwrap().to_owned()
    }

    #[test]
    fn an_address_is_right_for_its_own_message_only() {
        let addresses = ReportAddresses::new(&[1; 32]);
        let mac = mac_of(&addresses, ID);
        assert_eq!(addresses.path(ID), format!("/notify/sms/{ID}/{mac}"));
        assert!(addresses.is_right(ID, &mac));
        assert!(!addresses.is_right(Uuid::from_u128(8), &mac), "another message's");
        assert!(!ReportAddresses::new(&[2; 32]).is_right(ID, &mac), "another server's");
        for wrong in ["", "x", &mac[..21], &format!("{mac}A"), &format!("{mac}="), &mac.to_lowercase(), "ü"] {
            assert!(!addresses.is_right(ID, wrong), "{wrong}");
        }
    }

    #[test]
    fn every_bit_of_it_counts() {
        let addresses = ReportAddresses::new(&[1; 32]);
        let right = BASE64_URL_SAFE_NO_PAD.decode(mac_of(&addresses, ID)).unwrap();
        for bit in 0..8 * MAC {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!addresses.is_right(ID, &BASE64_URL_SAFE_NO_PAD.encode(wrong)), "bit {bit}");
        }
    }
}
