//! By what push services know this server (RFC 8292): a key of its own, which browsers are given when they subscribe, and which signs that
//! a message comes from here.

use std::{path::Path, time::Duration};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use farhand_domain::time::Timestamp;
use serde_json::json;
use url::Url;

use crate::files::open_or_make;

/// How long a signature is good: at most a day (section 2), and clocks differ.
const GOOD_FOR: Duration = Duration::from_hours(12);
const HEADER: &str = r#"{"typ":"JWT","alg":"ES256"}"#;

/// Cannot be printed.
pub struct Vapid {
    key: EcdsaKeyPair,
    public: String,
    /// Whom a push service turns to.
    subject: Option<String>,
}

impl Vapid {
    /// With the key of this data directory, made at the first start. With another key all browsers would have to be asked again.
    pub fn open(data_dir: &Path, subject: Option<String>) -> Result<Self, String> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let file = data_dir.join("push.key");
        let der = open_or_make(&file, || {
            let made = EcdsaKeyPair::generate(algorithm).and_then(|key| key.to_pkcs8v1());
            made.map(|der| der.as_ref().to_vec()).map_err(|error| error.to_string())
        })?;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &der);
        let key = key.map_err(|error| format!("{}: {error}; remove it, and a new one is made", file.display()))?;
        let public = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
        Ok(Self { key, public, subject })
    }

    /// As browsers take it: a point on the curve, uncompressed, in base64url.
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// The header that says who sends.
    pub fn authorization(&self, endpoint: &Url, now: Timestamp) -> Result<String, String> {
        let expires = (now + GOOD_FOR).as_millis() / 1_000;
        let mut claims = json!({"aud": endpoint.origin().ascii_serialization(), "exp": expires});
        if let Some(subject) = &self.subject {
            claims["sub"] = json!(subject);
        }
        let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encoded(HEADER), encoded(&claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|error| error.to_string())?;
        Ok(format!("vapid t={signed}.{}, k={}", BASE64_URL_SAFE_NO_PAD.encode(signature), self.public))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    #[test]
    fn a_push_service_can_check_whom_a_message_is_from() {
        let directory = tempfile::tempdir().unwrap();
        let vapid = Vapid::open(directory.path(), Some("mailto:admin@example.org".to_owned())).unwrap();
        let now = Timestamp::from_millis(1_700_000_000_999);
        let endpoint = Url::parse("https://push.example.org:8443/send/secret?x=1").unwrap();
        let header = vapid.authorization(&endpoint, now).unwrap();
        let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, vapid.public_key());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(key));
        public.verify(signed.as_bytes(), &bytes(signature)).unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        let read = |part: &str| serde_json::from_slice::<Value>(&bytes(part)).unwrap();
        assert_eq!(read(head)["alg"], "ES256");
        let wanted =
            json!({"aud": "https://push.example.org:8443", "exp": 1_700_043_200, "sub": "mailto:admin@example.org"});
        assert_eq!(read(claims), wanted);
    }

    #[test]
    fn the_key_outlives_a_restart_and_nobody_else_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Vapid::open(directory.path(), None);
        let public = open().unwrap().public_key().to_owned();
        assert_eq!(bytes(&public).len(), 65);
        assert_eq!(open().unwrap().public_key(), public);
        let file = directory.path().join("push.key");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "no key").unwrap();
        assert!(open().is_err_and(|why| why.contains("push.key")));
    }
}
