//! What stands in the public link of a machine: which link, which generation of it, and a proof that this server wrote it. Nothing of it
//! is stored; it is made again whenever it is shown. Until when it is good stands with the link and not in it: what is printed and glued
//! to a machine cannot be changed.

use farhand_store::model;

use crate::keys::{Keys, Use};

/// Tells people, and scanners for leaked secrets, what they are looking at.
pub const REQUEST_PREFIX: &str = "fhs_";
/// The page the link leads to.
const PAGE: &str = "request";

/// What a link claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLink {
    pub id: i64,
    pub generation: i64,
}

impl From<&model::RequestLink> for RequestLink {
    fn from(link: &model::RequestLink) -> Self {
        Self { id: link.id, generation: link.generation }
    }
}

impl RequestLink {
    /// Short, so that its QR code has few and large modules.
    pub fn token(&self, keys: &Keys) -> String {
        let claims = format!("{}.{}", self.id, self.generation);
        let proof = keys.proof(Use::Request, &claims);
        format!("{REQUEST_PREFIX}{claims}.{proof}")
    }

    /// Behind a `#`, which browsers send to nobody: it stands in no log, and whatever looks at the address before the person does gets
    /// an empty page.
    pub fn path(&self, keys: &Keys) -> String {
        format!("/{PAGE}#{}", self.token(keys))
    }

    /// What an unproven token says which link it is.
    pub fn claimed(token: &str) -> &str {
        token.strip_prefix(REQUEST_PREFIX).and_then(|claims| claims.split('.').next()).unwrap_or_default()
    }

    /// Nothing if this server did not write it.
    pub fn read(keys: &Keys, token: &str) -> Option<Self> {
        let (claims, proof) = token.strip_prefix(REQUEST_PREFIX)?.rsplit_once('.')?;
        if !keys.proves(Use::Request, claims, proof) {
            return None;
        }
        let (id, generation) = claims.split_once('.')?;
        Some(Self { id: id.parse().ok()?, generation: generation.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: RequestLink = RequestLink { id: 12, generation: 3 };

    #[test]
    fn a_link_is_read_as_it_was_written_and_by_its_own_server_only() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let keys = Keys::open(own.path()).unwrap();
        let token = LINK.token(&keys);
        assert!(token.starts_with("fhs_12.3."), "{token}");
        assert_eq!(RequestLink::read(&keys, &token), Some(LINK));
        assert_eq!(RequestLink::claimed(&token), "12");
        assert_eq!(RequestLink::read(&Keys::open(other.path()).unwrap(), &token), None);
        assert_eq!(LINK.path(&keys), format!("/request#{token}"));
    }

    #[test]
    fn no_part_of_it_can_be_changed_and_no_other_link_stands_for_it() {
        let own = tempfile::tempdir().unwrap();
        let keys = Keys::open(own.path()).unwrap();
        let token = LINK.token(&keys);
        for (index, _) in token.char_indices() {
            let mut changed = token.clone();
            let other = if &token[index..=index] == "1" { "2" } else { "1" };
            changed.replace_range(index..=index, other);
            assert_eq!(RequestLink::read(&keys, &changed), None, "{changed}");
        }
        let of_guest = format!("fhs_12.3.{}", keys.proof(Use::Guest, "12.3"));
        for wrong in ["", "fhs_", "fhs_12.3", &token[4..], &of_guest] {
            assert_eq!(RequestLink::read(&keys, wrong), None, "{wrong}");
        }
    }
}
