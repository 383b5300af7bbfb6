//! Keys for what stands in links. All are made from one secret of the data directory, each for one use: what was made for one proves
//! nothing in another.

use std::path::Path;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::files::open_secret;

/// Bytes of a proof: nobody guesses 128 bits, and links stay short.
const PROOF: usize = 16;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Links to the calendars of users.
    Calendar,
    /// Links to whole calls.
    Call,
    /// Personal links of guests.
    Guest,
    /// Public links for service requests.
    Request,
    /// What is kept of where such a request came from.
    Origin,
    /// Where gateways report what became of a message.
    Report,
    /// Where a browser says that it shows a push message.
    Push,
    /// Secrets that messages to webhooks are signed with.
    Webhook,
}

impl Use {
    fn label(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Call => "call",
            Self::Guest => "guest",
            Self::Request => "request",
            Self::Origin => "origin",
            Self::Report => "report",
            Self::Push => "push",
            Self::Webhook => "webhook",
        }
    }
}

pub struct Keys(hmac::Key);

impl Keys {
    /// With the secret of this data directory, made at the first start: links outlive a restart.
    pub fn open(data_dir: &Path) -> Result<Self, String> {
        let secret = open_secret(&data_dir.join("links.secret"))?;
        Ok(Self::of(&secret))
    }

    fn of(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The key for one use.
    pub fn key(&self, used: Use) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.0, used.label().as_bytes()).as_ref())
    }

    /// What proves in a link that this server wrote the text; it fits into any address as it is.
    pub fn proof(&self, used: Use, text: &str) -> String {
        let tag = hmac::sign(&self.key(used), text.as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..PROOF).unwrap_or_default())
    }

    pub fn proves(&self, used: Use, text: &str, proof: &str) -> bool {
        verify_slices_are_equal(self.proof(used, text).as_bytes(), proof.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SECRET: usize = 32;

    #[test]
    fn a_proof_is_good_for_its_text_and_secret_alone() {
        let keys = Keys::of(&[1; SECRET]);
        let proof = keys.proof(Use::Calendar, "7.0");
        assert_eq!(proof.len(), 22);
        assert!(keys.proves(Use::Calendar, "7.0", &proof));
        assert!(!keys.proves(Use::Calendar, "7.1", &proof));
        assert!(!Keys::of(&[2; SECRET]).proves(Use::Calendar, "7.0", &proof));
        for wrong in ["", &proof[1..], &format!("{proof}A"), &proof.to_lowercase()] {
            assert!(!keys.proves(Use::Calendar, "7.0", wrong), "{wrong}");
        }
    }

    #[test]
    fn the_key_of_a_use_is_not_the_secret_itself() {
        let keys = Keys::of(&[1; SECRET]);
        let plain = hmac::sign(&keys.0, b"7.0");
        let own = hmac::sign(&keys.key(Use::Calendar), b"7.0");
        assert_ne!(plain.as_ref(), own.as_ref());
    }

    #[test]
    fn the_secret_outlives_a_restart_and_nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let proof = Keys::open(directory.path()).unwrap().proof(Use::Calendar, "7.0");
        assert!(Keys::open(directory.path()).unwrap().proves(Use::Calendar, "7.0", &proof));
        let file = directory.path().join("links.secret");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "short").unwrap();
        assert!(Keys::open(directory.path()).is_err());
    }
}
