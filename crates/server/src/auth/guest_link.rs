//! What stands in a guest's personal link: which invitation, which generation of its link, until when, and a proof that this server
//! wrote it. Nothing of it is stored; it is made again whenever it is needed.

use farhand_domain::time::Timestamp;
use farhand_store::model;

use crate::keys::{Keys, Use};

/// Tells people, and scanners for leaked secrets, what they are looking at.
pub const GUEST_PREFIX: &str = "fhg_";
/// The page the link leads to.
pub const PAGE: &str = "join";

/// What a link claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestLink {
    /// A guest has a contact for each invitation.
    pub contact: i64,
    pub generation: i64,
    /// In whole seconds.
    pub until: Timestamp,
}

impl From<&model::GuestLink> for GuestLink {
    fn from(link: &model::GuestLink) -> Self {
        Self { contact: link.contact_id, generation: link.generation, until: whole_seconds(link.expires_at) }
    }
}

pub(super) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis() / 1000 * 1000)
}

impl GuestLink {
    /// Short, for it has to go into a text message.
    pub fn token(&self, keys: &Keys) -> String {
        let claims = format!("{}.{}.{:x}", self.contact, self.generation, self.until.as_millis() / 1000);
        let proof = keys.proof(Use::Guest, &claims);
        format!("{GUEST_PREFIX}{claims}.{proof}")
    }

    /// Behind a `#`, which browsers send to nobody: it stands in no log, and whatever looks at the address before the person does gets
    /// an empty page.
    pub fn address(&self, keys: &Keys, base: &str) -> String {
        format!("{base}/{PAGE}#{}", self.token(keys))
    }

    /// What an unproven token says which invitation it is for.
    pub fn claimed(token: &str) -> &str {
        token.strip_prefix(GUEST_PREFIX).and_then(|claims| claims.split('.').next()).unwrap_or_default()
    }

    /// Nothing if this server did not write it.
    pub fn read(keys: &Keys, token: &str) -> Option<Self> {
        let (claims, proof) = token.strip_prefix(GUEST_PREFIX)?.rsplit_once('.')?;
        if !keys.proves(Use::Guest, claims, proof) {
            return None;
        }
        let mut parts = claims.split('.');
        let (contact, generation) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { contact, generation, until: seconds_of(parts.next()?)? })
    }
}

pub(super) fn seconds_of(digits: &str) -> Option<Timestamp> {
    let seconds = i64::from_str_radix(digits, 16).ok()?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(directory: &tempfile::TempDir) -> Keys {
        Keys::open(directory.path()).unwrap()
    }

    const LINK: GuestLink =
        GuestLink { contact: 1_234, generation: 2, until: Timestamp::from_millis(1_800_000_000_000) };

    #[test]
    fn a_link_is_read_as_it_was_written_and_by_its_own_server_only() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let token = LINK.token(&keys(&own));
        assert!(token.starts_with("fhg_1234.2.6b49d200."), "{token}");
        assert_eq!(GuestLink::read(&keys(&own), &token), Some(LINK));
        assert_eq!(GuestLink::read(&keys(&other), &token), None);
        assert_eq!(GuestLink::claimed(&token), "1234");
    }

    #[test]
    fn a_link_fits_into_a_text_message_with_room_for_words() {
        let own = tempfile::tempdir().unwrap();
        let address = LINK.address(&keys(&own), "https://calls.example.com");
        assert!(address.starts_with("https://calls.example.com/join#fhg_"), "{address}");
        assert!(address.len() <= 80, "{} characters", address.len());
    }

    #[test]
    fn no_part_of_it_can_be_changed() {
        let own = tempfile::tempdir().unwrap();
        let (keys, token) = (keys(&own), LINK.token(&keys(&own)));
        for (index, _) in token.char_indices() {
            let mut changed = token.clone();
            let other = if &token[index..=index] == "1" { "2" } else { "1" };
            changed.replace_range(index..=index, other);
            assert_eq!(GuestLink::read(&keys, &changed), None, "{changed}");
        }
        let calendar = format!("{GUEST_PREFIX}7.0.{}", keys.proof(Use::Calendar, "7.0"));
        for wrong in ["", "fhg_", "fhg_1.1.1", "fhg_...", &token[4..], &calendar] {
            assert_eq!(GuestLink::read(&keys, wrong), None, "{wrong}");
        }
    }
}
