//! What stands in the link to a whole call: which call, which generation of its link, until when, and a proof that this server wrote it.
//! It lets nobody in: whoever comes by it waits in the call's lobby.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use farhand_domain::time::Timestamp;
use uuid::Uuid;

use super::guest_link::{PAGE, seconds_of, whole_seconds};
use crate::keys::{Keys, Use};

/// Not `fha_`, which access tokens begin with.
pub const CALL_PREFIX: &str = "fhc_";

/// What a link claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLink {
    pub call_id: Uuid,
    pub domain_id: i64,
    pub generation: i64,
    /// In whole seconds.
    pub until: Timestamp,
}

impl CallLink {
    pub fn new(call_id: Uuid, domain_id: i64, generation: i64, until: Timestamp) -> Self {
        Self { call_id, domain_id, generation, until: whole_seconds(until) }
    }

    /// Short, so that its QR code has few and large modules.
    pub fn token(&self, keys: &Keys) -> String {
        let call = URL_SAFE_NO_PAD.encode(self.call_id.as_bytes());
        let seconds = self.until.as_millis() / 1000;
        let claims = format!("{call}.{}.{}.{seconds:x}", self.domain_id, self.generation);
        let proof = keys.proof(Use::Call, &claims);
        format!("{CALL_PREFIX}{claims}.{proof}")
    }

    /// Behind a `#`, like a guest's.
    pub fn address(&self, keys: &Keys, base: &str) -> String {
        format!("{base}/{PAGE}#{}", self.token(keys))
    }

    /// Nothing if this server did not write it.
    pub fn read(keys: &Keys, token: &str) -> Option<Self> {
        let (claims, proof) = token.strip_prefix(CALL_PREFIX)?.rsplit_once('.')?;
        if !keys.proves(Use::Call, claims, proof) {
            return None;
        }
        let mut parts = claims.split('.');
        let call = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let (domain_id, generation) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let until = seconds_of(parts.next()?)?;
        Some(Self { call_id: Uuid::from_slice(&call).ok()?, domain_id, generation, until })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::guest_link::GuestLink, *};

    fn link() -> CallLink {
        CallLink::new(Uuid::from_u128(0x1234), 7, 2, Timestamp::from_millis(1_800_000_000_999))
    }

    #[test]
    fn a_link_is_read_as_it_was_written_and_by_its_own_server_only() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let keys = Keys::open(own.path()).unwrap();
        let token = link().token(&keys);
        assert!(token.starts_with("fhc_AAAAAAAAAAAAAAAAAAASNA.7.2.6b49d200."), "{token}");
        assert_eq!(CallLink::read(&keys, &token), Some(link()));
        assert_eq!(CallLink::read(&Keys::open(other.path()).unwrap(), &token), None);
        assert!(link().address(&keys, "https://x.org").starts_with("https://x.org/join#fhc_"));
    }

    #[test]
    fn no_part_of_it_can_be_changed_and_no_other_link_stands_for_it() {
        let own = tempfile::tempdir().unwrap();
        let keys = Keys::open(own.path()).unwrap();
        let token = link().token(&keys);
        for (index, _) in token.char_indices() {
            let mut changed = token.clone();
            let other = if &token[index..=index] == "1" { "2" } else { "1" };
            changed.replace_range(index..=index, other);
            assert_eq!(CallLink::read(&keys, &changed), None, "{changed}");
        }
        let claims = token.strip_prefix(CALL_PREFIX).unwrap().rsplit_once('.').unwrap().0;
        let personal = format!("{CALL_PREFIX}{claims}.{}", keys.proof(Use::Guest, claims));
        for wrong in ["", "fhc_", "fhc_1.1.1.1", &token[4..], &personal] {
            assert_eq!(CallLink::read(&keys, wrong), None, "{wrong}");
        }
        let as_guest = token.replace(CALL_PREFIX, super::super::GUEST_PREFIX);
        assert_eq!(GuestLink::read(&keys, &as_guest), None);
    }
}
