//! Names and passwords for the relay. A name says until when it is good, for which call and for whom; the password is a MAC over it, so
//! that nothing has to be remembered. What the name says is true only while that person sits in that call: others ask.

use std::path::Path;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use farhand_domain::{ids::ContactId, time::Timestamp};
use uuid::Uuid;

use crate::files::open_secret;

/// How long a name is good at least. It dies with the call anyway; a day's shift must not lose its way back after a change of network.
const LIFE_MILLIS: i64 = 12 * 3600 * 1000;

/// Whom the relay serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder {
    pub call_id: Uuid,
    pub contact: ContactId,
}

/// What a client is told. Cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    pub username: String,
    pub password: String,
}

pub struct Credentials(hmac::Key);

impl Credentials {
    /// With the secret of this data directory, made at the first start: names outlive a restart.
    pub fn open(data_dir: &Path) -> Result<Self, String> {
        let secret = open_secret(&data_dir.join("turn.secret"))?;
        Ok(Self::of(&secret))
    }

    fn of(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The same for half a day, so that a plan that stands reads the same.
    pub fn issue(&self, now: Timestamp, holder: Holder) -> Issued {
        let until = (now.as_millis() / LIFE_MILLIS + 2) * LIFE_MILLIS / 1000;
        let username = format!("{until}:{}:{}", holder.call_id.simple(), holder.contact.0);
        let password = self.password(&username);
        Issued { username, password }
    }

    /// Whose name it is, and the password that goes with it; none once it has run out. Anybody can write such a name: who
    /// knows the password is shown by the message integrity.
    pub fn read(&self, now: Timestamp, username: &str) -> Option<(Holder, String)> {
        let mut parts = username.split(':');
        let (until, call_id, contact) = (parts.next()?, parts.next()?, parts.next()?);
        let until: i64 = until.parse().ok()?;
        if parts.next().is_some() || until <= now.as_millis() / 1000 {
            return None;
        }
        let holder = Holder { call_id: call_id.parse().ok()?, contact: ContactId(contact.parse().ok()?) };
        Some((holder, self.password(username)))
    }

    fn password(&self, username: &str) -> String {
        STANDARD.encode(hmac::sign(&self.0, username.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEY: usize = 32;

    const HOLDER: Holder = Holder { call_id: Uuid::from_u128(7), contact: ContactId(42) };

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + hours * 3_600_000)
    }

    #[test]
    fn a_name_says_whose_it_is_until_it_runs_out() {
        let credentials = Credentials::of(&[1; KEY]);
        let issued = credentials.issue(at(0), HOLDER);
        for hours in [0, 11] {
            assert_eq!(credentials.read(at(hours), &issued.username), Some((HOLDER, issued.password.clone())));
        }
        assert_eq!(credentials.read(at(25), &issued.username), None, "a day later");
    }

    #[test]
    fn a_name_that_was_changed_has_another_password() {
        let credentials = Credentials::of(&[1; KEY]);
        let issued = credentials.issue(at(0), HOLDER);
        for changed in [issued.username.replace(":42", ":43"), format!("9{}", issued.username)] {
            let (_, password) = credentials.read(at(0), &changed).unwrap();
            assert_ne!(password, issued.password, "{changed}");
        }
        for wrong in ["", "::", "1:2:3", "x:y:z", &format!("{}:4", issued.username)] {
            assert_eq!(credentials.read(at(0), wrong), None, "{wrong}");
        }
        let other = Credentials::of(&[2; KEY]);
        assert_ne!(other.read(at(0), &issued.username).unwrap().1, issued.password);
    }

    #[test]
    fn a_plan_reads_the_same_for_hours_and_its_credentials_are_good_for_long_enough() {
        let credentials = Credentials::of(&[1; KEY]);
        let mut told = Vec::new();
        for hours in 0..24 {
            let issued = credentials.issue(at(hours), HOLDER);
            assert!(credentials.read(at(hours + 11), &issued.username).is_some());
            told.push(issued.username);
        }
        told.dedup();
        assert!(told.len() <= 3, "{told:?}");
    }

    #[test]
    fn the_secret_outlives_a_restart_and_nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let issued = Credentials::open(directory.path()).unwrap().issue(at(0), HOLDER);
        let again = Credentials::open(directory.path()).unwrap().issue(at(0), HOLDER);
        assert!(issued == again);
        let file = directory.path().join("turn.secret");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "short").unwrap();
        assert!(Credentials::open(directory.path()).is_err());
    }
}
